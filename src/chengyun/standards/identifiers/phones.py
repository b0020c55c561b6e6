# SPDX-License-Identifier: Apache-2.0
"""Telephone numbers as people here write them: mobile, fixed with area code, and the short ones that everybody knows."""

from __future__ import annotations

import re

from chengyun.standards.identifiers.results import Fault, Identifier, Kind, Result, wrong_character, wrong_length

PHONE = Kind("phone", "电话号码", "telephone number", "《电信网编号计划（2017年版）》", personal=True)
LOCAL_HOTLINES = frozenset({"81890"})
"""Short numbers of one city that no numbering plan lists: Ningbo's 81890 服务中心."""


def read_phone(text: str) -> Result:
    """Read a number of the mainland. Forms: mobile, fixed, hotline, service (400, 800)."""
    # Its tables weigh ten megabytes: only who checks a number loads them.
    import phonenumbers
    from phonenumbers import PhoneNumberType, shortnumberinfo

    plain = re.sub(r"[\s()-]", "", text).removeprefix("+86").removeprefix("0086")
    if not plain:
        return Fault(PHONE, "empty", 0, ("手机号、带区号的固定电话或热线号码", "a mobile, a fixed or a hotline number"))
    if fault := wrong_character(PHONE, plain, "0123456789", "数字", "a digit"):
        return fault
    if len(plain) > 13:
        return wrong_length(PHONE, plain, "至多 13 位", "13 at most")
    number = phonenumbers.PhoneNumber(country_code=86, national_number=int(plain))
    if len(plain) <= 6:
        known = plain in LOCAL_HOTLINES or shortnumberinfo.is_valid_short_number_for_region(number, "CN")
        return Identifier(PHONE, plain, "hotline") if known else Fault(PHONE, "shape", 0, _SHAPES)
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.MOBILE and len(plain) == 11:
        return Identifier(PHONE, plain, "mobile")
    if kind == PhoneNumberType.FIXED_LINE and plain.startswith("0"):
        area = phonenumbers.length_of_geographical_area_code(number) + 1
        return Identifier(PHONE, f"{plain[:area]}-{plain[area:]}", "fixed", {"area": plain[:area]})
    if kind in (PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST):
        return Identifier(PHONE, plain, "service")
    if plain[0] == "1" and len(plain) != 11:
        return wrong_length(PHONE, plain, "11 位手机号", "11 of a mobile")
    return Fault(PHONE, "shape", 0, _SHAPES)


_SHAPES = (
    "号段已启用的 11 位手机号、0 开头带区号的固定电话，或热线号码",
    "a mobile of 11 digits in use, a fixed number with its area code, or a hotline",
)
