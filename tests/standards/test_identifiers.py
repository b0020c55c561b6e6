# SPDX-License-Identifier: Apache-2.0
"""Identifiers by their standards: the worked examples, every vector of the reference, and sentences that tell no secrets."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chengyun.standards.identifiers import KINDS, Fault, Identifier, fault, read
from chengyun.standards.identifiers.organisations import USCC_ALPHABET
from chengyun.standards.identifiers.persons import check_character, raise_to_18

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "identifier_test_vectors.csv"
KIND_OF = {
    "org_code": "organisation_code", "ric18": "identity_number", "ric15": "identity_number", "bank_card_luhn": "bank_card",
    "plate_GA36": "plate", "component_code_CJT214": "component",
}  # fmt: skip
FORM_OF = {"reserved": "reserved", "fixed": "fixed", "hotline": "hotline", "land19": "parcel", "format_ok": "code"}
DAY = dt.date(2026, 11, 22)


@pytest.mark.shared
@pytest.mark.skipif(not VECTORS.exists(), reason="needs the project's shared data folder")
def test_every_vector_of_the_reference_passes() -> None:
    with VECTORS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = []
    for row in rows:
        found = read(KIND_OF.get(row["kind"], row["kind"]), row["value"], DAY)
        holds = isinstance(found, Identifier) and found.form == FORM_OF.get(row["expected"], found.form)
        if holds != (row["expected"] != "false"):
            wrong.append((row, found))
    assert len(rows) >= 55
    assert not wrong


def valid(kind: str, text: str) -> Identifier:
    found = read(kind, text, DAY)
    assert isinstance(found, Identifier), found
    return found


def said(kind: str, text: str, language: str = "en") -> str:
    found = read(kind, text, DAY)
    assert isinstance(found, Fault), found
    return found.sentence(language)  # type: ignore[arg-type]


def test_typing_is_forgiven_and_nothing_else() -> None:
    assert valid("uscc", " ９１３５０１００m000100y43 ").text == "91350100M000100Y43"
    assert valid("identity_number", "11010519491231002x").text == "11010519491231002X"
    assert valid("plate", "浙b·12345").text == "浙B12345"
    assert valid("organisation_code", "D2143569-X").text == "D2143569X"
    assert valid("bank_card", "6222 0202 0000 0000 006").text == "6222020200000000006"
    assert valid("gtin", "96385074").text == "00000096385074"
    assert valid("phone", "+86 138 0013 8000").text == "13800138000"
    assert valid("phone", "(0574)87181234").text == "0574-87181234"
    assert valid("phone", "01012345678").text == "010-12345678"
    assert valid("phone", "400-800-1234").form == "service"
    assert read("identity_number", "1101051949123100 2X", DAY) != valid("identity_number", "11010519491231002X")


def test_a_sentence_says_what_where_and_what_was_expected() -> None:
    assert said("uscc", "91350100M000100Y44") == (
        "The check character of the unified social credit code (number 18) does not fit the others: '3' would; "
        "look for a typing mistake."
    )
    assert said("uscc", "91350100I000100Y43", "zh") == (
        "统一社会信用代码第 9 位是“I”，应为数字或大写字母（不含 I、O、S、V、Z）。"
    )
    assert said("uscc", "9135010M000100Y43") == "The unified social credit code has 17 characters, expected 18."
    assert said("uscc", "") == "The unified social credit code is empty, expected 18."
    assert (
        said("uscc", "913501A0M000100Y43")
        == "Character 7 of the unified social credit code is 'A', expected a digit of the division."
    )
    assert "J: C is collective land" in said("real_estate_unit", "330203001001GC00001F00010001")
    assert "eight zeros" in said("real_estate_unit", "330203001001GB00001W00000001")
    assert "a major class, not 00" in said("component", "3302030001000001")
    assert "no level left out" in said("grid", "33020300100101"[:9] + "00001")
    assert "13 at most" in said("phone", "1" * 9000)


def test_an_identity_number_says_what_it_holds() -> None:
    found = valid("identity_number", "330204198506152343")
    assert found.parts == {"division": "330204", "birth_date": "1985-06-15", "sex": "2"}
    assert found.warnings == ()
    assert valid("identity_number", "110105491231002").text == raise_to_18("110105491231002") == "11010519491231002X"
    assert said("identity_number", "330282197502291236") == (
        "The birth date in the identity number, from character 7, is no day of the calendar."
    )
    tomorrow = "33020320261123001"
    assert "later than today" in said("identity_number", tomorrow + check_character(tomorrow))
    unknown, abroad = "33029919850615234", "91133331985061523"
    assert [it.code for it in valid("identity_number", unknown + check_character(unknown)).warnings] == ["region"]
    for permit in ("81000019850615234", "83000019850615234"):
        assert valid("identity_number", permit + check_character(permit)).warnings == ()
    assert len(abroad) == 17


def test_a_credit_codes_oddities_are_warnings() -> None:
    assert valid("uscc", "N2330203MF0000001R").parts["authority"] == "N"
    body = "99330203000000000"
    total = sum(USCC_ALPHABET.index(char) * pow(3, at, 31) for at, char in enumerate(body))
    odd = valid("uscc", body + USCC_ALPHABET[-total % 31])
    assert {it.code for it in odd.warnings} == {"class"}
    assert valid("organisation_code", "PDY00001X").warnings[0].code == "zone"


def test_a_medicine_may_carry_gs1s_code() -> None:
    assert valid("drug_trace", "(01)06901234567892(21)aB-9").text == "010690123456789221aB-9"
    assert "does not fit" in said("drug_trace", "(01)06901234567890(21)1")


@given(kind=some.sampled_from(sorted(KINDS)), text=some.text(max_size=40))
def test_anything_is_read_or_refused(kind: str, text: str) -> None:
    found = read(kind, text, DAY)
    if isinstance(found, Fault):
        assert found.sentence("en").endswith(".")
        assert found.sentence("zh").endswith("。")
        assert "{" not in found.sentence() + found.sentence("zh") or "{" in text
    else:
        again = read(kind, found.text, DAY)
        assert isinstance(again, Identifier)
        assert again.text == found.text


SAMPLES = {
    "uscc": "91110000600037341L", "organisation_code": "600037341", "identity_number": "11010519491231002X",
    "vin": "1M8GDM9AXKP042788", "gtin": "6901234567892", "bank_card": "6222020200000000006",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), SAMPLES.items())
def test_any_one_wrong_digit_is_found(kind: str, text: str) -> None:
    for at, char in enumerate(text):
        for other in "0123456789":
            if other != char and (char.isdigit() or at == len(text) - 1):
                assert fault(kind, text[:at] + other + text[at + 1 :], DAY), (at, other)


@given(some.from_regex(r"[1-9][0-9]{16}[0-9X]", fullmatch=True))
def test_a_persons_fault_repeats_nothing_of_the_number(text: str) -> None:
    found = fault("identity_number", text, DAY)
    if found:
        for language in ("zh", "en"):
            digits = "".join(char for char in found.sentence(language) if char.isdigit())  # type: ignore[arg-type]
            assert digits in {"7", "18", "1"}
