# SPDX-License-Identifier: Apache-2.0
"""Buildings and addresses: what stands where, and what it is called so that a letter and a case arrive."""

from __future__ import annotations

from chengyun.city import Authority, Entity, Pack
from chengyun.packs.buildings import feeds, pages, quality, simulate, world

HOUSING = Authority("housing", "住房和城乡建设局")
PLACE_NAMES = Authority("place_names", "民政局地名办")
LAND = Authority("land", "自然资源和规划局", first_for=["parcel"])

PACK = Pack(
    key="buildings",
    name="建筑物基础库",
    owner="住房和城乡建设局",
    answers="有哪些建筑物，在哪里，标准地址是什么",
    standards=["GB/T 23705", "GB/T 37346"],
    entities=[
        Entity(
            "building", "建筑物", model="Building", one_row_is="一幢建筑物", sharing="unconditional",
            authorities=[HOUSING, LAND],
        ),
        Entity(
            "address", "标准地址", model="Address", one_row_is="一个标准地址", sharing="unconditional",
            authorities=[PLACE_NAMES, HOUSING], refers={"building": "building"},
        ),
    ],
    register_feeds=feeds.FEEDS,
    quality=quality.RULES,
    pages=pages.PAGES,
    synthetic=simulate.SYNTHETIC,
    tellings=world.TELLINGS,
)  # fmt: skip
