# SPDX-License-Identifier: Apache-2.0
"""Files in, statements out: what the police have registered, what communities found at the doors, what civil affairs changed.

Each department says only what is its own to say; the register keeps all of it and shows the first source's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from chengyun.city import Malformed, RegisterFeed, Stated, read_day, read_statements
from chengyun.standards.chinese_numbers import half_width

SEX = {"男": "1", "女": "2", "男性": "1", "女性": "2"}
MARRIAGE = {"未婚": "1", "已婚": "2", "丧偶": "3", "离婚": "4"}
RESIDENCE = {"户籍": "registered", "户籍人口": "registered", "流动": "migrant", "流动人口": "migrant"}
RELATION = {
    "户主": "0",
    "本人": "0",
    "配偶": "1",
    "子": "2",
    "女": "3",
    "孙": "4",
    "父母": "5",
    "祖父母": "6",
    "兄弟姐妹": "7",
    "其他": "8",
}
KIND = {"家庭户": "family", "集体户": "collective"}


def _coded(codes: Mapping[str, str]) -> Callable[[str], str]:
    """Return what makes a code of its name; a code stays."""
    return lambda cell: codes.get(cell, cell)


def _number(cell: str) -> str:
    return half_width(cell).replace(" ", "").upper()


READ: Mapping[str, Callable[[str], object]] = {
    "sex": _coded(SEX), "marriage": _coded(MARRIAGE), "residence": _coded(RESIDENCE), "relation": _coded(RELATION),
    "kind": _coded(KIND), "birth_date": read_day, "id_number": _number, "phone": _number, "employer": _number,
}  # fmt: skip


def read_persons(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read people as the police have them registered."""
    columns = {
        "人员编码": "key", "姓名": "name", "性别": "sex", "出生日期": "birth_date", "公民身份号码": "id_number",
        "民族": "ethnicity",
        "户号": "household", "与户主关系": "relation", "居住类别": "residence", "户籍地行政区划": "origin_code",
        "区域": "area_code",
        "建筑物": "building", "居住地址": "address",
    }  # fmt: skip
    yield from read_statements(file, name, "person", columns, since="起始日期", until="终止日期", read=READ)


def read_households(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read households as the police have them registered."""
    columns = {
        "户号": "key", "户名": "name", "户别": "kind", "户主人员编码": "head", "区域": "area_code", "建筑物": "building",
        "地址": "address",
    }  # fmt: skip
    yield from read_statements(file, name, "household", columns, since="起始日期", until="终止日期", read=READ)


def read_visits(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read what communities found at the doors: who lives where, and how to reach them."""
    columns = {
        "人员编码": "key",
        "联系电话": "phone",
        "区域": "area_code",
        "建筑物": "building",
        "居住地址": "address",
        "居住类别": "residence",
    }
    yield from read_statements(file, name, "person", columns, since="走访日期", read=READ)


def read_marriages(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read marriages and divorces, each from its day on."""
    yield from read_statements(file, name, "person", {"人员编码": "key", "婚姻状况": "marriage"}, since="登记日期", read=READ)


FEEDS = (
    RegisterFeed("persons", "人口登记（公安）", entity="person", authority="public_security", read=read_persons),
    RegisterFeed("households", "户登记（公安）", entity="household", authority="public_security", read=read_households),
    RegisterFeed("visits", "社区走访登记", entity="person", authority="community", read=read_visits),
    RegisterFeed("marriages", "婚姻登记（民政）", entity="person", authority="civil_affairs", read=read_marriages),
)
