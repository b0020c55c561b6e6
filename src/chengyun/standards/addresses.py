# SPDX-License-Identifier: Apache-2.0
"""Standard addresses taken apart: area names, road and number, compound, block, unit, room; and two of them compared. Pure.

    浙江省宁波市海曙区南门街道共青路１１０弄20号阳光小区３幢二单元〇五01室
    → county 海曙区, street 南门街道, road 共青路, lane 110, number 20, compound 阳光小区, block 3, unit 2, room 0501

The parts and their order: GB/T 23705 (行政区域地名, 基本区域限定物, 局部点位描述). What is written in words or full width becomes
digits; 幢, 栋, 座 and 号楼 are one. What is left over is kept as `rest`, never dropped.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from chengyun.standards.chinese_numbers import half_width, read_numeral

__all__ = ["PARTS", "Likeness", "Parts", "compare", "parse"]

PARTS: Mapping[str, str] = {
    "province": "省", "city": "市", "county": "区县", "street": "街道乡镇", "community": "社区村", "road": "道路", "lane": "弄巷",
    "number": "门牌号", "compound": "小区", "block": "幢", "unit": "单元", "room": "室",
}  # fmt: skip
"""Part → what it is called, from the widest to the narrowest."""

WEIGHTS: Mapping[str, float] = {
    "city": 1, "county": 3, "street": 2, "community": 1, "road": 6, "lane": 5, "number": 6, "compound": 6, "block": 5, "unit": 3,
    "room": 4,
}  # fmt: skip
"""What a part weighs in a comparison: this program's own, by how much a part narrows down. A province says nothing in a city."""

_NUMERAL = "0-9〇零一二两三四五六七八九十百"
_NAMED = (
    ("province", re.compile(r"^(?:[^\s]{2,3}省|北京市|上海市|天津市|重庆市|[^\s]{2,6}自治区)")),
    ("city", re.compile(r"^[^\s省区县]{2,7}?(?:市|自治州|地区|盟)")),
    ("county", re.compile(r"^[^\s省市]{2,7}?(?:自治县|新区|区|县|市|旗)")),
    ("street", re.compile(r"^[^\s0-9]{1,8}?(?:街道(?:办事处)?|镇|乡)(?!路|街|道)")),
    ("community", re.compile(r"^[^\s0-9]{1,8}?(?:社区|居委会|村委会|行政村|村)(?!路|街|道)")),
    ("road", re.compile(r"^[^\s0-9]{1,12}?(?:大道|公路|路|大街|街|道|胡同)(?:[东南西北中][路段]?|[" + _NUMERAL + r"]+段)?")),
    ("lane", re.compile(r"^([" + _NUMERAL + r"]+)(?:弄|巷)")),
    ("number", re.compile(r"^([" + _NUMERAL + r"]+(?:[-之][" + _NUMERAL + r"]+)?)号(?!楼)(?:院|门)?")),
    (
        "compound",
        re.compile(
            r"^[^\s0-9]{1,14}?(?:小区|花园|家园|公寓|新村|苑|庭|府|大厦|广场|城|园|里|坊|湾|居)(?=[A-Z" + _NUMERAL + r"]|$)"
        ),
    ),
    ("block", re.compile(r"^([A-Z" + _NUMERAL + r"]{1,6})(?:幢|栋|座|号楼|楼栋)")),
    ("unit", re.compile(r"^([A-Z" + _NUMERAL + r"]{1,4})(?:单元|梯)")),
    ("room", re.compile(r"^([A-Z" + _NUMERAL + r"]{1,6}(?:-[" + _NUMERAL + r"]+)?)(?:室|房|户)?(?=$|[^" + _NUMERAL + r"A-Z])")),
)
_ONCE = ("lane", "number", "block", "unit", "room")
_SEPARATORS = re.compile(r"[\s,，、;；。.·_/]+")


@dataclass(frozen=True, slots=True)
class Parts:
    """An address taken apart. raw: as it was written; rest: what belongs to no part; "" for a part it does not name."""

    raw: str
    province: str = ""
    city: str = ""
    county: str = ""
    street: str = ""
    community: str = ""
    road: str = ""
    lane: str = ""
    number: str = ""
    compound: str = ""
    block: str = ""
    unit: str = ""
    room: str = ""
    rest: str = ""

    def named(self) -> dict[str, str]:
        """Return the parts it names, from the widest to the narrowest."""
        return {part: value for part in PARTS if (value := getattr(self, part))}

    def __str__(self) -> str:
        """Return the address in its standard form."""
        ends = {"lane": "弄", "number": "号", "block": "幢", "unit": "单元", "room": "室"}
        return "".join(value + ends.get(part, "") for part, value in self.named().items())


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two addresses are, 0–1, and why: part → (what one says, what the other says, its share of the likeness)."""

    score: float
    parts: Mapping[str, tuple[str, str, float]]

    def sentence(self) -> str:
        """Return why, in words."""
        same = [PARTS[part] for part, (_one, _two, share) in self.parts.items() if share == 1]
        near = [f"{PARTS[part]}相近（{one}、{two}）" for part, (one, two, share) in self.parts.items() if 0 < share < 1]
        apart = [f"{PARTS[part]}不同（{one}、{two}）" for part, (one, two, share) in self.parts.items() if share == 0]
        said = ([f"{'、'.join(same)}相同"] if same else []) + near + apart
        return "；".join(said) or "没有可以比较的部分"


def parse(text: str) -> Parts:
    """Take an address apart, from the widest part to the narrowest; a part may be missing, none comes twice."""
    left = _SEPARATORS.sub(" ", half_width(text).upper()).strip()
    left = re.sub(r"(?<![A-Z0-9]) | (?![A-Z0-9])", "", left)
    found: dict[str, str] = {}
    rest: list[str] = []
    order = list(_NAMED)
    while left:
        for index, (part, pattern) in enumerate(order):
            match = pattern.match(left)
            if match is None or (part == "city" and "county" in found):
                continue
            found[part] = _digits(match[1]) if part in _ONCE else match[0]
            left = left[match.end() :].lstrip()
            # A part that was passed over does not come after a narrower one; compounds stand before or after the number.
            order = [one for at, one in enumerate(order) if at > index or (one[0] == "compound" and part != "compound")]
            order = [one for one in order if one[0] not in found]
            break
        else:
            rest.append(left[0])
            left = left[1:].lstrip()
    return Parts(text, **found, rest="".join(rest))


def compare(one: Parts, other: Parts) -> Likeness:
    """Compare what both name. What only one of them names says nothing, but half of what `one` asks for must be answered."""
    parts: dict[str, tuple[str, str, float]] = {}
    gained = reached = asked = 0.0
    for part, weight in WEIGHTS.items():
        mine, yours = getattr(one, part), getattr(other, part)
        asked += weight if mine else 0
        if not (mine and yours):
            continue
        share = 1.0 if mine == yours else _near(part, mine, yours)
        parts[part] = (mine, yours, share)
        gained += weight * share
        reached += weight
    if not reached:
        return Likeness(0.0, parts)
    answered = min(1.0, 0.5 + 0.5 * reached / asked) if asked else 1.0
    return Likeness(round(gained / reached * answered, 4), parts)


def _near(part: str, mine: str, yours: str) -> float:
    """Return how near two different texts of a part are: names by their characters, numbers not at all."""
    if part in _ONCE:
        return 0.0
    ratio = difflib.SequenceMatcher(None, mine, yours).ratio()
    return round(ratio * 0.8, 2) if ratio >= 0.6 else 0.0


def _digits(text: str) -> str:
    """Return a number of an address in digits: 二 → 2, 〇五01 → 0501, 十二 → 12; letters stay, zeros in front too."""
    if text.isascii():
        return text
    if re.search("[十百]", text) and not re.search(r"[0-9A-Z\-之]", text):
        try:
            return str(read_numeral(text.replace("〇", "零")))
        except ValueError:
            return text
    plain = text.replace("之", "-")
    return plain.translate(str.maketrans("〇零一二两三四五六七八九", "001223456789"))
