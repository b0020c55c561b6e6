# SPDX-License-Identifier: Apache-2.0
"""Population: who is registered and who lives in the city, with whom and where, and which department says so."""

from __future__ import annotations

from chengyun.city import Authority, DataElement, Entity, Pack
from chengyun.packs.population import feeds, pages, quality, simulate, world

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

ELEMENTS = [
    DataElement("person.name", "姓名", "C", 100, "居民身份证或户口簿上的姓名", "population.person.name", personal=True),
    DataElement(
        "person.id_number", "公民身份号码", "C", 18, "GB 11643 的 18 位号码", "population.person.id_number", personal=True
    ),
    DataElement("person.sex", "性别", "C", 1, "GB/T 2261.1 的代码", "population.person.sex", personal=True),
    DataElement("person.birth_date", "出生日期", "D", None, "户口簿上的出生日期", "population.person.birth_date", personal=True),
    DataElement("person.phone", "联系电话", "C", 20, "本人能接到的电话号码", "population.person.phone", personal=True),
    DataElement("person.address", "居住地址", "C", 200, "实际居住的地址", "population.person.address", personal=True),
    DataElement("person.ethnicity", "民族", "C", 20, "户口簿上的民族", "population.person.ethnicity", personal=True),
    DataElement("person.marriage", "婚姻状况", "C", 1, "GB/T 2261.2 的代码", "population.person.marriage", personal=True),
]

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
            elements={one.key.removeprefix("person."): one.key for one in ELEMENTS},
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
    elements=ELEMENTS,
    register_feeds=feeds.FEEDS,
    quality=quality.RULES,
    pages=pages.PAGES,
    synthetic=simulate.SYNTHETIC,
    tellings=world.TELLINGS,
)  # fmt: skip
