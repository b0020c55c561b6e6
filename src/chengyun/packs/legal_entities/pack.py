# SPDX-License-Identifier: Apache-2.0
"""Legal entities: which firms and bodies there are, what they may do, and how they hang together."""

from __future__ import annotations

from chengyun.city import Authority, DataElement, Entity, Pack
from chengyun.packs.legal_entities import feeds, pages, quality, simulate, world

MARKET = Authority("market", "市场监督管理局")
TAX = Authority("tax", "税务局", first_for=["phone"])
CIVIL_AFFAIRS = Authority("civil_affairs", "民政局")
HUMAN_RESOURCES = Authority("human_resources", "人力资源和社会保障局")
FOREIGN = Authority("foreign", "境外登记机关")

ELEMENTS = [
    DataElement("enterprise.uscc", "统一社会信用代码", "C", 18, "GB 32100 的 18 位代码", "legal_entities.enterprise.uscc"),
    DataElement("enterprise.name", "单位名称", "C", 100, "营业执照或登记证书上的名称", "legal_entities.enterprise.name"),
    DataElement(
        "enterprise.representative", "法定代表人", "C", 60, "营业执照或登记证书上的法定代表人或负责人",
        "legal_entities.enterprise.representative",
    ),
    DataElement("enterprise.established", "成立日期", "D", None, "证照上的成立日期", "legal_entities.enterprise.established"),
    DataElement("enterprise.address", "住所", "C", 200, "证照上的住所", "legal_entities.enterprise.address"),
    DataElement("enterprise.scope", "经营范围", "M", 500, "营业执照上的经营范围", "legal_entities.enterprise.scope"),
]  # fmt: skip

PACK = Pack(
    key="legal_entities",
    name="法人基础库",
    owner="市场监督管理局",
    answers="有哪些单位，获准做什么，相互之间是什么关系",
    standards=["GB 32100", "GB 11714", "GB/T 4754"],
    entities=[
        Entity(
            "enterprise", "法人单位", model="Enterprise", one_row_is="一个单位", sharing="unconditional",
            masks={"representative": "name", "phone": "phone"},
            compared={"name": "name", "born": "established", "phone": "phone", "address": "address"},
            authorities=[MARKET, CIVIL_AFFAIRS, TAX, HUMAN_RESOURCES, FOREIGN], refers={"building": "buildings.building"},
            # What names an entity is its code, whichever of the two columns is looked at.
            elements={"key": "enterprise.uscc", **{one.key.removeprefix("enterprise."): one.key for one in ELEMENTS}},
        ),
        Entity(
            "licence", "许可证", model="Licence", one_row_is="一张许可证", sharing="unconditional",
            authorities=[MARKET, FOREIGN], refers={"enterprise": "enterprise"},
        ),
        Entity(
            "relation", "关联关系", model="Relation", one_row_is="一项关系", sharing="conditional", masks={"person": "name"},
            authorities=[MARKET], refers={"enterprise": "enterprise", "other": "enterprise"},
        ),
    ],
    elements=ELEMENTS,
    register_feeds=feeds.FEEDS,
    quality=quality.RULES,
    pages=pages.PAGES,
    synthetic=simulate.SYNTHETIC,
    tellings=world.TELLINGS,
)  # fmt: skip
