# SPDX-License-Identifier: Apache-2.0
"""Codes of organisations: the unified social credit code and the organisation code inside it.

9 1 | 350100 | M000100Y4 | 3
authority, class | division that registered | organisation code | check character
"""

from __future__ import annotations

from chengyun.standards.identifiers.results import Fault, Identifier, Kind, Result, wrong_character, wrong_length

USCC = Kind("uscc", "统一社会信用代码", "unified social credit code", "GB 32100-2015")
ORGANISATION_CODE = Kind("organisation_code", "组织机构代码", "organisation code", "GB 11714-1997")

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Standard: GB 32100-2015, table 4: no I, O, S, V, Z."""
USCC_WEIGHTS = tuple(pow(3, power, 31) for power in range(17))
"""Standard: GB 32100-2015, 4.6: 3^(i-1) mod 31."""
AUTHORITIES = {
    "1": "1239", "2": "19", "3": "123459", "4": "19", "5": "1239", "6": "19", "7": "129", "8": "19", "9": "123",
    "A": "19", "N": "1239", "Y": "1",
}  # fmt: skip
"""Registering authority → classes. Standard: GB 32100-2015, tables 1 and 2, with the later letters A and N."""
CODE_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CODE_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
"""Standard: GB 11714-1997, 3.3."""
_DIGITS = "0123456789"


def read_uscc(text: str) -> Result:
    """Read a unified social credit code, capital letters.

    Wider than python-stdnum's, which wants digits at the first two places and so knows no village collective (N…).
    An organisation code inside that does not check is a warning: a few early codes have one.
    """
    if len(text) != 18:
        return wrong_length(USCC, text, "18 位", "18")
    if fault := wrong_character(
        USCC, text, USCC_ALPHABET, "数字或大写字母（不含 I、O、S、V、Z）", "a digit or a capital letter but I, O, S, V, Z"
    ):
        return fault  # fmt: skip
    if fault := wrong_character(USCC, text, _DIGITS, "数字（登记机关区划）", "a digit of the division", 2, 8):
        return fault
    total = sum(USCC_ALPHABET.index(char) * weight for char, weight in zip(text, USCC_WEIGHTS, strict=False))
    if text[17] != (should := USCC_ALPHABET[-total % 31]):
        return Fault(USCC, "check", 18, found=text[17], should=should)
    warnings = []
    if text[1] not in AUTHORITIES.get(text[0], ""):
        warnings.append(Fault(USCC, "class", 1))
    inner = read_organisation_code(text[8:17])
    if isinstance(inner, Fault):
        warnings.append(inner)
    parts = {"authority": text[0], "class": text[1], "division": text[2:8], "organisation_code": text[8:17]}
    return Identifier(USCC, text, text[0], parts, tuple(warnings))


def read_organisation_code(text: str) -> Result:
    """Read an organisation code, with or without its hyphen. The form "reserved" may not leave whoever defined it."""
    plain = text.replace("-", "", 1) if len(text) == 10 and text[8] == "-" else text
    if len(plain) != 9:
        return wrong_length(ORGANISATION_CODE, plain, "9 位", "9")
    said = "数字或大写字母", "a digit or a capital letter"
    if fault := wrong_character(ORGANISATION_CODE, plain, CODE_ALPHABET, *said, stop=8):
        return fault
    if plain.startswith("PDY") and plain[3:8].isdigit() and plain[3:8] != "00000":
        return Identifier(ORGANISATION_CODE, plain, "reserved", warnings=(Fault(ORGANISATION_CODE, "zone", 1),))
    total = sum(CODE_ALPHABET.index(char) * weight for char, weight in zip(plain, CODE_WEIGHTS, strict=False))
    if plain[8] != (should := "0123456789X"[-total % 11]):
        return Fault(ORGANISATION_CODE, "check", 9, found=plain[8], should=should)
    return Identifier(ORGANISATION_CODE, plain)
