# SPDX-License-Identifier: Apache-2.0
"""What must be true of buildings and addresses, in PostgreSQL's words."""

from __future__ import annotations

from chengyun.city import QualityRule

RULES = (
    QualityRule(
        "built_in_time", "建成年份可信", on="building", dimension="accuracy",
        holds="built BETWEEN 1000 AND extract(year FROM CURRENT_DATE)", meaning="建成年份在今年之后或早于 1000 年。",
    ),
    QualityRule(
        "parcel_form", "不动产单元代码格式", on="building", dimension="conformity",
        holds="CASE WHEN parcel <> '' THEN parcel ~ '^[0-9]{12}[A-Z]{2}[0-9]{5}[FLQW][0-9]{8}$' END",
        meaning="不动产单元代码不是 28 位，或特征码不对（GB/T 37346-2019）。",
    ),
    QualityRule(
        "building_addressed", "建筑物有标准地址", on="building", dimension="completeness",
        holds="EXISTS (SELECT FROM buildings_address AS it WHERE it.building = buildings_building.key)",
        meaning="建筑物没有标准地址。",
    ),
    QualityRule(
        "address_once", "一址一码", on="address", dimension="accuracy",
        holds="NOT EXISTS (SELECT FROM buildings_address AS other WHERE other.name = buildings_address.name "
        "AND other.road = buildings_address.road AND other.id <> buildings_address.id AND other.valid_to IS NULL)",
        meaning="同一个地址有两个编码。",
    ),
)  # fmt: skip
