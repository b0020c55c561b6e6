# SPDX-License-Identifier: Apache-2.0
"""Which pages there are: people and households with a search, a household with its people, a building with its households."""

from __future__ import annotations

from chengyun.city import Listing, Page, Related

PERSON_COLUMNS = ("sex", "birth_date", "residence", "address")

POPULATION = Page(
    key="population",
    name="人口",
    panels=[
        Listing("户", entity="household", columns=["kind", "address", "size"], search=["key", "building"]),
        Listing("人口", entity="person", columns=PERSON_COLUMNS, search=["key", "household", "building"]),
    ],
)

HOUSEHOLD = Page(
    key="household",
    name="户",
    entity="household",
    panels=[Related("户内人员", entity="person", by=["household"], columns=["relation", "sex", "birth_date", "residence"])],
)

PERSON = Page(
    key="person",
    name="人员",
    entity="person",
    panels=[Related("迁移", entity="migration", by=["person"], columns=["moved_on", "from_code", "to_code", "reason"])],
)

BUILDING = Page(
    key="building",
    name="住户",
    entity="buildings.building",
    panels=[Related("住户", entity="household", by=["building"], columns=["kind", "address", "size"])],
)

PAGES = (POPULATION, HOUSEHOLD, PERSON, BUILDING)
