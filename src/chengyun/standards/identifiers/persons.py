# SPDX-License-Identifier: Apache-2.0
"""The citizen identification number, in its form of eighteen characters and in the old one of fifteen.

    110105 | 19491231 | 002 | X
    division where it was issued | birth date | sequence, odd for men | check character

The division is the one of the day it was issued: codes withdrawn since stay in numbers for a lifetime.
"""

from __future__ import annotations

import datetime as dt

from stdnum.cn import ric

from chengyun.standards.divisions import divisions
from chengyun.standards.identifiers.results import Fault, Identifier, Kind, Result, wrong_character, wrong_length

IDENTITY_NUMBER = Kind("identity_number", "公民身份号码", "identity number", "GB 11643-1999", personal=True)
PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split()  # noqa: SIM905
)
"""First two digits of GB/T 2260; 81, 82 and 83 are those of residence permits for people from 港澳台 (国办发〔2018〕81号)."""
_DIGITS = "0123456789"


def read_identity_number(text: str, today: dt.date) -> Result:
    """Read an identity number; one of fifteen digits is raised to eighteen, its form then says "15".

    today: nobody is born later. A division on no record is a warning. A number that begins with 9 is a foreigner's
    permanent residence card (edition of 2023), which has no division.
    """
    if len(text) == 15:
        if fault := wrong_character(IDENTITY_NUMBER, text, _DIGITS, "数字", "a digit"):
            return fault
        # People born from 1900 on alone have one: it ended in 1999.
        raised = read_identity_number(raise_to_18(text), today)
        if isinstance(raised, Fault):
            return Fault(IDENTITY_NUMBER, raised.code, 7, raised.expected)
        return Identifier(IDENTITY_NUMBER, raised.text, "15", raised.parts, raised.warnings)
    if len(text) != 18:
        return wrong_length(IDENTITY_NUMBER, text, "18 位（旧号 15 位）", "18, or 15 of the old form")
    if fault := wrong_character(IDENTITY_NUMBER, text, _DIGITS, "数字", "a digit", stop=17):
        return fault
    if fault := wrong_character(IDENTITY_NUMBER, text, _DIGITS + "X", "数字或 X", "a digit or X", 17):
        return fault
    try:
        born = dt.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return Fault(IDENTITY_NUMBER, "date", 7, ("不是历书上的一天", "is no day of the calendar"))
    if born > today:
        return Fault(IDENTITY_NUMBER, "date", 7, ("晚于今天", "is later than today"))
    if text[17] != ric.calc_check_digit(text):
        return Fault(IDENTITY_NUMBER, "check", 18)
    form = "18" if text[0] != "9" else "permanent_resident"
    parts = {"division": text[:6] if form == "18" else "", "birth_date": born.isoformat(), "sex": "12"[int(text[16]) % 2 == 0]}
    known = form != "18" or _on_record(text[:6])
    return Identifier(IDENTITY_NUMBER, text, form, parts, () if known else (Fault(IDENTITY_NUMBER, "region", 1),))


def raise_to_18(text: str) -> str:
    """Return the form of eighteen of fifteen digits: 19 before the year, the check character at the end."""
    body = text[:6] + "19" + text[6:]
    return body + ric.calc_check_digit(body + "0")


def check_character(body: str) -> str:
    """Return the check character of seventeen digits."""
    return str(ric.calc_check_digit(body + "0"))


def _on_record(division: str) -> bool:
    """Codes of our own cities are known one by one, also those withdrawn; of others, the province is."""
    known = divisions()
    if any(code[:4] == division[:4] for code in known):
        return division in known
    return division[:2] in PROVINCES
