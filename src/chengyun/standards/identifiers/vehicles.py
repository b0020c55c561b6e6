# SPDX-License-Identifier: Apache-2.0
"""Number plates and vehicle identification numbers."""

from __future__ import annotations

import re

from chengyun.standards.identifiers.results import Fault, Identifier, Kind, Result, wrong_character, wrong_length

PLATE = Kind("plate", "机动车号牌", "number plate", "GA 36-2018", personal=True)
VIN = Kind("vin", "车辆识别代号", "vehicle identification number", "GB 16735-2019")

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_FORMS = (
    ("ordinary", re.compile(r"[A-HJ-NP-Z0-9]{5}")),
    ("special", re.compile(r"[A-HJ-NP-Z0-9]{4}[挂学警港澳]")),
    ("new_energy_small", re.compile(r"[A-HJK][A-HJ-NP-Z0-9][0-9]{4}")),
    ("new_energy_large", re.compile(r"[0-9]{5}[A-HJK]")),
)
"""Standard: GA 36-2018, 5; there is never an I or O. Plates of embassies, the army and civil aviation have other standards."""
_RUNS = (("0123456789", 0), ("ABCDEFGH", 1), ("JKLMN", 1), ("P", 7), ("R", 9), ("STUVWXYZ", 2))
VIN_VALUES = {char: value for chars, first in _RUNS for value, char in enumerate(chars, first)}
"""Standard: GB 16735-2019, table A.1."""
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
"""Standard: GB 16735-2019, table A.2; the ninth place is the check character's own."""


def read_plate(text: str) -> Result:
    """Read a number plate, with or without the dot."""
    plain = re.sub(r"[·•‧・.\s-]", "", text)
    if not plain:
        return Fault(PLATE, "empty", 0, ("省份简称、发牌机关代号和序号", "a province, a letter and a serial"))
    if plain[0] not in _PROVINCES:
        return Fault(PLATE, "character", 1, ("省、自治区、直辖市简称", "the character of a province"))
    if len(plain) < 2 or not re.fullmatch(r"[A-HJ-NP-Z]", plain[1]):
        return Fault(PLATE, "character", 2, ("发牌机关代号（不含 I、O 的大写字母）", "a capital letter but I and O"))
    for form, shape in _FORMS:
        if shape.fullmatch(plain[2:]):
            return Identifier(PLATE, plain, form, {"authority": plain[:2]})
    if len(plain) not in (7, 8):
        return wrong_length(PLATE, plain, "7 位（新能源 8 位）", "7, or 8 of a new-energy vehicle")
    if at := next((at for at, char in enumerate(plain[2:], 3) if char in "IO"), 0):
        return Fault(PLATE, "character", at, ("数字或不含 I、O 的大写字母", "a digit or a capital letter but I and O"))
    shapes = (
        "5 位序号，或新能源 6 位序号（首位或末位为 A–K 的字母）",
        "a serial of 5, or of 6 that begins or ends with a letter A–K",
    )
    return Fault(PLATE, "shape", 3, shapes)


def read_vin(text: str) -> Result:
    """Read a vehicle identification number."""
    if len(text) != 17:
        return wrong_length(VIN, text, "17 位", "17")
    said = "数字或不含 I、O、Q 的大写字母", "a digit or a capital letter but I, O, Q"
    if fault := wrong_character(VIN, text, "".join(VIN_VALUES), *said):
        return fault
    total = sum(VIN_VALUES[char] * weight for char, weight in zip(text, VIN_WEIGHTS, strict=True))
    if text[8] != (should := "0123456789X"[total % 11]):
        return Fault(VIN, "check", 9, found=text[8], should=should)
    return Identifier(VIN, text, parts={"maker": text[:3]})
