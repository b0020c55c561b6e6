# SPDX-License-Identifier: Apache-2.0
"""Population: who is registered and who lives in the city, with whom and where, and which department says so."""

from __future__ import annotations

from chengyun.city import Authority, Entity, Pack
from chengyun.packs.population import feeds, pages, quality, simulate

POLICE = Authority("public_security", "公安局")
POLICE_OF_PERSONS = Authority(
    "public_security", "公安局",
    first_for=["name", "sex", "birth_date", "id_number", "ethnicity", "household", "relation", "origin_code"],
)  # fmt: skip
CIVIL_AFFAIRS = Authority("civil_affairs", "民政局", first_for=["marriage"])
COMMUNITY = Authority("community", "社区")
DOORS = Authority("community", "社区", first_for=["phone", "building", "address"])
HUMAN_RESOURCES = Authority("human_resources", "人力资源和社会保障局", first_for=["employer"])
HEALTH = Authority("health", "卫生健康委员会")

PACK = Pack(
    key="population",
    name="人口基础库",
    owner="公安局",
    answers="有哪些人登记和居住在本市，住在哪里，由哪个部门说的",
    standards=["GB 11643", "GB/T 2261", "GB/T 4761"],
    entities=[
        Entity(
            "person", "人口", model="Person", one_row_is="一个人", sharing="conditional", personal=True,
            masks={
                "name": "name", "id_number": "id_number", "phone": "phone", "address": "address", "birth_date": "birth_date",
                "lon": "hidden", "lat": "hidden",
            },
            compared={
                "name": "name", "number": "id_number", "born": "birth_date", "sex": "sex", "phone": "phone", "address": "address",
            },
            authorities=[POLICE_OF_PERSONS, CIVIL_AFFAIRS, DOORS, HUMAN_RESOURCES, HEALTH],
            refers={"household": "household", "building": "buildings.building", "employer": "legal_entities.enterprise"},
        ),
        Entity(
            "household", "户", model="Household", one_row_is="一户", sharing="conditional", personal=True,
            masks={"name": "name", "address": "address"},
            authorities=[POLICE, COMMUNITY], refers={"building": "buildings.building", "head": "person"},
        ),
        Entity(
            "migration", "人口迁移", model="Migration", one_row_is="一个人的一次迁移", sharing="none", personal=True,
            masks={}, authorities=[POLICE], refers={"person": "person"},
        ),
    ],
    register_feeds=feeds.FEEDS,
    quality=quality.RULES,
    pages=pages.PAGES,
    synthetic=simulate.SYNTHETIC,
)  # fmt: skip
