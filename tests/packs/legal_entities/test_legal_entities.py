# SPDX-License-Identifier: Apache-2.0
"""Legal entities: registration and its changes, what tax says beside, licences; and a whole city's licences from abroad."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import itertools
from pathlib import Path

import pytest

from chengyun.access.actors import SYSTEM
from chengyun.city import Malformed, Stated
from chengyun.packs.legal_entities import feeds
from chengyun.packs.legal_entities.models import Enterprise, Licence
from chengyun.packs.legal_entities.simulate import credit_code
from chengyun.share.registers.loading import load_register
from chengyun.share.registers.queries import as_of
from chengyun.share.registers.validity import Held, settle
from chengyun.standards.identifiers import Fault, read

HEAD = "统一社会信用代码,名称,类型,登记状态,法定代表人,成立日期,注册资本,行业代码,经营范围,住所,区域,登记机关,变更日期\n"


def test_a_change_is_a_later_row_and_a_wrong_code_is_set_aside_with_its_reason() -> None:
    text = (
        HEAD
        + "91350100M000100Y43,甬联贸易,企业,存续,王芳,2015-01-02,100,5199,贸易,海曙区甲路1号,,市监局,2015-01-02\n"
        + "９１３５０１００Ｍ０００１００Ｙ４３,,,注销,,,,,,,,,2020/5/6\n"
        + "91350100M000100Y44,错码,企业,存续,,,,,,,,,2015-01-02\n"
    )
    first, second, wrong = feeds.read_enterprises(io.BytesIO(text.encode()), "firms.csv")
    assert isinstance(first, Stated)
    assert isinstance(second, Stated)
    assert (first.key, first.values["kind"], first.values["standing"]) == ("91350100M000100Y43", "company", "active")
    assert (second.key, second.values, second.since) == (
        "91350100M000100Y43", {"standing": "cancelled", "uscc": "91350100M000100Y43"}, dt.date(2020, 5, 6),
    )  # fmt: skip
    assert isinstance(wrong, Malformed)
    assert "line 4" in wrong.sentence
    assert "check character" in wrong.sentence


def test_an_invented_code_checks_inside_and_out() -> None:
    found = read("uscc", credit_code("91", "330203", 7))
    assert not isinstance(found, Fault)
    assert not found.warnings


def test_the_licences_of_chicago_are_all_read(shared: Path) -> None:
    """17,430 terms of 11,406 licences of 9,365 accounts; no two terms of a licence overlap, 202 have no place."""
    with gzip.open(shared / "data" / "business-licences-chicago" / "business_licences.csv.gz") as file:
        told = list(feeds.read_chicago(file, "business_licences.csv"))
    terms = [one for one in told if isinstance(one, Stated) and one.entity == "licence"]
    assert len(terms) == 17_430
    assert len(told) == 17_430 + 9_365
    assert len({one.key for one in terms}) == 11_406
    assert sum(one.values["lat"] is None for one in terms) == 202
    held: dict[str, list[Held]] = {}
    for one in terms:
        said = Held(one.values, one.since, one.until, told="load 1")
        held[one.key] = list(settle(held.get(one.key, []), said, dt.date(2026, 1, 1)).held)
    assert sum(map(len, held.values())) == 17_430


@pytest.mark.django_db
def test_the_licences_of_chicago_in_the_register(shared: Path, tmp_path: Path) -> None:
    file = tmp_path / "licences.csv"
    with gzip.open(shared / "data" / "business-licences-chicago" / "business_licences.csv.gz", "rt") as whole:
        file.write_text("".join(itertools.islice(whole, 1_201)))
    loaded = load_register(SYSTEM, "legal_entities.chicago_licences", [file])
    assert loaded.dead == {}
    assert loaded.stated == loaded.read == 1_200 + Enterprise.objects.count()
    found = as_of("legal_entities.licence", "US-CHI-30790", dt.date(2012, 1, 1))
    assert found is not None
    assert (found.values["enterprise"], found.values["standing"]) == ("US-CHI-63759", "issued")
    # A term ends with its last day.
    assert as_of("legal_entities.licence", "US-CHI-30790", dt.date(2013, 4, 15)) is not None
    assert as_of("legal_entities.licence", "US-CHI-30790", dt.date(2013, 4, 16)) is None
    assert Licence.objects.get(key="US-CHI-30790").valid_to == dt.date(2013, 4, 16)
    again = load_register(SYSTEM, "legal_entities.chicago_licences", [file])
    assert (again.stated, again.changed, again.dead) == (0, 0, {})
