# SPDX-License-Identifier: Apache-2.0
"""Numbers on goods and cards: GTIN, the trace code of medicines, the number of a bank card."""

from __future__ import annotations

import re

from stdnum import ean, luhn

from chengyun.standards.identifiers.results import Fault, Identifier, Kind, Result, wrong_character, wrong_length

GTIN = Kind("gtin", "全球贸易项目代码", "GTIN", "GB 12904-2008")
DRUG_TRACE = Kind("drug_trace", "药品追溯码", "drug trace code", "NMPAB/T 1002-2019")
BANK_CARD = Kind("bank_card", "银行卡号", "bank card number", "GB/T 14504", personal=True)

_DIGITS = "0123456789"


def read_gtin(text: str) -> Result:
    """Read a GTIN of 8, 12, 13 or 14 digits; stored with 14."""
    if len(text) not in (8, 12, 13, 14):
        return wrong_length(GTIN, text, "8、12、13 或 14 位", "8, 12, 13 or 14")
    if fault := wrong_character(GTIN, text, _DIGITS, "数字", "a digit"):
        return fault
    if text[-1] != (should := ean.calc_check_digit(text[:-1])):
        return Fault(GTIN, "check", len(text), found=text[-1], should=should)
    return Identifier(GTIN, text.rjust(14, "0"), f"gtin{len(text)}")


def read_drug_trace(text: str) -> Result:
    """Read a trace code: 20 digits whose first 7 name the product, or GS1's GTIN and serial.

    How the 20 digits check themselves is not public.
    """
    if found := re.fullmatch(r"\(?01\)?([0-9]{14})\(?21\)?([!-z]{1,20})", text):
        gtin = read_gtin(found[1])
        if isinstance(gtin, Fault):
            return Fault(DRUG_TRACE, "check", gtin.at + 2, found=gtin.found, should=gtin.should)
        return Identifier(DRUG_TRACE, f"01{found[1]}21{found[2]}", "gs1", {"product": found[1], "serial": found[2]})
    if len(text) != 20:
        return wrong_length(DRUG_TRACE, text, "20 位，或 (01)GTIN(21)序列号", "20, or (01)GTIN(21)serial")
    if fault := wrong_character(DRUG_TRACE, text, _DIGITS, "数字", "a digit"):
        return fault
    return Identifier(DRUG_TRACE, text, "code", {"product": text[:7]})


def read_bank_card(text: str) -> Result:
    """Read the number of a bank card, 13 to 19 digits, with or without spaces."""
    plain = re.sub(r"[\s-]", "", text)
    if not 13 <= len(plain) <= 19:
        return wrong_length(BANK_CARD, plain, "13 至 19 位", "13 to 19")
    if fault := wrong_character(BANK_CARD, plain, _DIGITS, "数字", "a digit"):
        return fault
    if not luhn.is_valid(plain):
        return Fault(BANK_CARD, "check", len(plain))
    return Identifier(BANK_CARD, plain)
