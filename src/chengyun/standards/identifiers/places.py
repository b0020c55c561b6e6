# SPDX-License-Identifier: Apache-2.0
"""Codes of places and of what stands there: real-estate units, unit grids, city components.

330203 | 001 | 001 | GB | 00001 | F | 00010001       real-estate unit, 28; its first 19 are the parcel
330203 | 001 | 001 | 01                              unit grid, 14 or 15
330203 | 01  | 01  | 000001                          component, 16
"""

from __future__ import annotations

from chengyun.standards.divisions import level_of
from chengyun.standards.identifiers.results import Fault, Identifier, Kind, Result, wrong_character, wrong_length

REAL_ESTATE_UNIT = Kind("real_estate_unit", "不动产单元代码", "real-estate unit code", "GB/T 37346-2019")
GRID = Kind("grid", "单元网格编码", "unit grid code", "GB/T 30428.1; CJ/T 213-2005")
COMPONENT = Kind("component", "部件标识码", "component code", "GB/T 30428.2; CJ/T 214-2007")

_DIGITS = "0123456789"
_OWNERSHIP, _USE, _COLLECTIVE, _FIXTURES = "GJZ", "ABSXCDEFGHWY", "AC", "FLQW"
"""Standard: GB/T 37346-2019, 5: whose the land is, which right, rights only collective land has, what stands on it."""


def read_real_estate_unit(text: str) -> Result:
    """Read a real-estate unit code of 28, or the 19 of a parcel alone: the form says "unit" or "parcel"."""
    if len(text) not in (19, 28):
        return wrong_length(REAL_ESTATE_UNIT, text, "28 位（宗地 19 位）", "28, or 19 of a parcel")
    rules = (
        (0, 12, _DIGITS, "数字", "a digit"),
        (12, 13, _OWNERSHIP, "G、J 或 Z", "G, J or Z"),
        (13, 14, _USE, "A–H、S、W、X、Y 之一", "one of A–H, S, W, X, Y"),
        (14, 19, _DIGITS, "数字", "a digit"),
        (19, 20, _FIXTURES, "F、L、Q 或 W", "F, L, Q or W"),
        (20, 28, _DIGITS, "数字", "a digit"),
    )
    for start, stop, allowed, zh, en in rules:
        if fault := wrong_character(REAL_ESTATE_UNIT, text, allowed, zh, en, start, stop):
            return fault
    if text[13] in _COLLECTIVE and text[12] != "J":
        return Fault(
            REAL_ESTATE_UNIT, "character", 13, (f"J（{text[13]} 只用于集体土地）", f"J: {text[13]} is collective land"), text[12]
        )
    if text[19:20] == "W" and text[20:] != "00000000":
        return Fault(
            REAL_ESTATE_UNIT, "character", 21, ("8 个 0（W 表示无定着物）", "eight zeros: W says nothing stands there"), text[20]
        )
    parts = {"division": text[:6], "parcel": text[:19]}
    return Identifier(REAL_ESTATE_UNIT, text, "parcel" if len(text) == 19 else "unit", parts)


def read_grid(text: str) -> Result:
    """Read the code of a unit grid: a community's twelve digits and two or three of its own."""
    if len(text) not in (14, 15):
        return wrong_length(GRID, text, "14 或 15 位", "14 or 15")
    if fault := wrong_character(GRID, text, _DIGITS, "数字", "a digit"):
        return fault
    try:
        level_of(text)
    except ValueError:
        return Fault(
            GRID, "shape", 0, ("县区、街道、社区、网格各段都不为零", "no level left out: district, street, community, grid")
        )
    return Identifier(GRID, text, parts={"community": text[:12]})


def read_component(text: str) -> Result:
    """Read a component's code."""
    if len(text) != 16:
        return wrong_length(COMPONENT, text, "16 位", "16")
    if fault := wrong_character(COMPONENT, text, _DIGITS, "数字", "a digit"):
        return fault
    for start, stop, zh, en in (
        (4, 6, "县级区划", "a district"),
        (6, 8, "大类", "a major class"),
        (8, 10, "小类", "a minor class"),
    ):
        if text[start:stop] == "00":
            return Fault(COMPONENT, "character", start + 1, (f"{zh}，不为 00", f"{en}, not 00"), "0")
    return Identifier(COMPONENT, text, parts={"division": text[:6], "class": text[6:10], "number": text[10:]})
