# SPDX-License-Identifier: Apache-2.0
"""Files in, statements out: buildings, and addresses taken apart as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from chengyun.city import Malformed, RegisterFeed, Stated, read_statements
from chengyun.standards.addresses import parse

USE = {
    "住宅": "housing",
    "办公": "office",
    "商业": "shops",
    "工业": "industry",
    "仓储": "industry",
    "公共服务": "public",
    "综合": "mixed",
}
STRUCTURE = {"钢": "steel", "钢混": "concrete", "钢筋混凝土": "concrete", "混合": "mixed", "砖混": "mixed", "砖木": "brick"}


def read_buildings(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read buildings as the housing department has them."""
    columns = {
        "建筑物编码": "key", "名称": "name", "用途": "use", "结构": "structure", "层数": "floors", "建成年份": "built",
        "建筑面积": "floor_area",
        "不动产单元代码": "parcel", "标准地址": "address", "区域": "area_code", "经度": "lon", "纬度": "lat",
    }  # fmt: skip
    coded = {"use": lambda it: USE.get(it, it), "structure": lambda it: STRUCTURE.get(it.removesuffix("结构"), it)}
    yield from read_statements(file, name, "building", columns, since="启用日期", until="拆除日期", read=coded)


def read_addresses(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read standard addresses; a text that leaves something over, or names no place with a number, is refused."""
    columns = {"地址编码": "key", "地址": "name", "建筑物编码": "building", "区域": "area_code", "经度": "lon", "纬度": "lat"}
    for one in read_statements(file, name, "address", columns, since="启用日期", until="停用日期"):
        yield in_parts(one, name) if isinstance(one, Stated) else one


def in_parts(one: Stated, name: str) -> Stated | Malformed:
    """Return a statement of an address with its parts beside the text."""
    text = str(one.values.get("name", ""))
    parts = parse(text)
    placed = (parts.road or parts.compound or parts.community) and (parts.lane or parts.number or parts.block)
    if parts.rest or not placed:
        left = (
            f"{parts.rest!r} is left over" if parts.rest else "it needs a road, compound or village, and a number or block there"
        )
        return Malformed(f"{name}, line {one.line}: {text[:60]!r} is no standard address: {left}.", file=name, line=one.line)
    return Stated(one.entity, one.key, {**one.values, "name": str(parts), **parts.named()}, one.since, one.until, one.line)


FEEDS = (
    RegisterFeed("buildings", "建筑物登记（住建）", entity="building", authority="housing", read=read_buildings),
    RegisterFeed("addresses", "标准地址（民政）", entity="address", authority="place_names", read=read_addresses),
)
