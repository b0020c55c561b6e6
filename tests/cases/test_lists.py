# SPDX-License-Identifier: Apache-2.0
"""Lists of cases: what is looked for is found, in any language and by any of its parts, and no page is too far."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.models import Organisation
from chengyun.cases.models import Case
from chengyun.cases.queries import HOLDING, Filters, cases_by_number, cases_for, count_cases
from chengyun.errors import Refused
from chengyun.web.desk import cases as pages
from chengyun.web.desk import overview

from .conftest import NOW

TYPE = "urban_management.case"
TITLES = (
    "井盖破损",
    "路灯不亮，井盖松动",
    "Broken MANHOLE cover",
    "100% 占道",
    "O'Brien\\n 的_摊位",
    "路",
    "垃圾成堆没人收",
    "ＡＢＣ 街",
)
ASKED = (
    "井盖", "盖松", "盖", "收", "路", "manhole", "COVER", "n c", "%", "_", "100% 占", "'", "'b", "\\", "\\n", "2026-9", "900003",
    "没有的", "亮，井", "ＡＢ", "执法", "小张", "  ", "松动井盖", "破", "'b r' & x:*",
)  # fmt: skip


@pytest.fixture
def listed(bodies: dict[str, Organisation]) -> list[Case]:
    """Cases of every title, opened and due an hour after one another, some at the same moment; a third has ended."""
    found = []
    for at in range(24):
        hour, ended = NOW + dt.timedelta(hours=at // 2), at % 3 == 2
        found.append(
            Case.objects.create(
                number=f"2026-9{at:05d}", type=TYPE, state="closed" if ended else "handling", ended=ended, title=TITLES[at % 8],
                owner=bodies["enforcement"] if at == 5 else bodies["centre"], opened_at=hour, due_at=hour, stage_since=hour,
                closed_at=hour if ended else None, in_time=True if ended else None,
            )
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "INSERT INTO cases_caseclock (case_id, limit_s, used_s, basis, granted_s, source, limit_text)"
            " SELECT id, 3600, 0, 'continuous', 3600, '', '' FROM cases_case"
        )
    return found


def _numbers(**filters: Any) -> set[str]:
    return {one.number for one in cases_for(SYSTEM, limit=100, now=NOW, **filters)}


def test_what_is_looked_for_is_what_reading_all_finds(listed: list[Case], person: Any) -> None:
    Case.objects.filter(pk=listed[3].pk).update(person=person("小张", "handler", "enforcement"))
    Case.objects.filter(pk=listed[4].pk).update(title="井盖不在了")
    listed[0].delete()
    known = list(Case.objects.select_related("owner", "person"))
    met = 0
    for text in ASKED:
        low = text.lower()
        expected = {
            one.number for one in known
            if any(low in held.lower() for held in (one.number, one.title, one.owner.name, one.person.name if one.person else ""))
        }  # fmt: skip
        assert _numbers(text=text, ended=None) == expected, text
        assert count_cases(SYSTEM, now=NOW, text=text, ended=None) == len(expected)
        met += bool(expected)
    assert met > 18
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {HOLDING}", ["井盖", "%井盖%"])
        assert "cases_words_pairs" in str(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_words_go_with_the_table_of_cases(bodies: dict[str, Organisation]) -> None:
    given = {"type": TYPE, "state": "handling", "owner": bodies["centre"], "opened_at": NOW, "due_at": NOW, "stage_since": NOW}
    known = "SELECT words FROM cases_words"
    with connection.cursor() as cursor:
        for title in ("井盖", "路灯"):
            Case.objects.create(pk=7, number="2026-7", title=title, **given)
            cursor.execute(known)
            assert cursor.fetchall() == [(f"2026-7 {title}",)]
            cursor.execute("TRUNCATE cases_case CASCADE")
            cursor.execute(known)
            assert cursor.fetchall() == []


@pytest.mark.parametrize("filters", [{}, {"ended": True}, {"ended": None}, {"text": "井盖", "ended": None}], ids=str)
def test_from_page_to_page_every_case_is_met_once(listed: list[Case], filters: Filters) -> None:
    whole = [one.number for one in cases_for(SYSTEM, limit=100, now=NOW, **filters)]
    met, after, pages_of = [], "", []
    while page := cases_for(SYSTEM, limit=5, after=after, now=NOW, **filters):
        pages_of.append(page)
        met += [one.number for one in page]
        after = page[-1].mark
    assert met == whole
    assert len(pages_of) > 1
    for former, page in itertools.pairwise(pages_of):
        back = cases_for(SYSTEM, limit=5, before=page[0].mark, now=NOW, **filters)
        assert [one.number for one in back] == [one.number for one in former]
    # A case that goes away meanwhile moves none to another page, as counting from the start would.
    Case.objects.filter(number=pages_of[0][0].number).delete()
    assert [one.number for one in cases_for(SYSTEM, limit=5, after=pages_of[0][-1].mark, now=NOW, **filters)] == met[5:10]


@pytest.mark.parametrize("filters", [{}, {"ended": True}, {"ended": None}, {"ended": None, "area": "33"}], ids=str)
def test_by_number_every_case_is_met_once_though_it_changes(listed: list[Case], filters: Filters) -> None:
    Case.objects.filter(number__lte="2026-900010").update(area_code="330203001")
    whole = sorted(one.number for one in cases_for(SYSTEM, limit=100, now=NOW, **filters))
    met, after = [], ""
    while page := cases_by_number(SYSTEM, limit=4, after=after, now=NOW, **filters):
        met += [one.number for one in page]
        after = page[-1].number
        # As when its limit is extended meanwhile: a list by what is due would meet it once more.
        Case.objects.filter(number=after).update(due_at=NOW + dt.timedelta(days=9))
    assert met == whole
    assert len(met) > 4


def test_the_data_service_gives_cases_to_the_last(listed: list[Case], person: Any) -> None:
    client = Client()
    client.force_login(person("leiting", "duty_officer", "centre"))
    found, address = [], "/api/v1/cases?state=all&limit=5"
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address).json()
        while answer["next"]:
            found += answer["cases"]
            answer = client.get(f"{address}&cursor={answer['next']}").json()
    found += answer["cases"]
    assert [one["number"] for one in found] == sorted(one.number for one in listed)
    # However many there are, a page reads its own and one more.
    limits = {int(found[1]) for one in asked if (found := re.search(r'"cases_case".*LIMIT (\d+)', one["sql"]))}
    assert limits == {6}


def test_the_desk_counts_beyond_what_it_lists(listed: list[Case], person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = actor_of_account(person("leiting", "duty_officer", "centre"))
    monkeypatch.setattr(overview, "stream_ages", lambda *_asked: ())  # the lake has no tables here
    monkeypatch.setattr(overview, "MOST_CASES", 5)
    monkeypatch.setattr(overview, "CASES", 3)
    desk = overview.read_desk(actor, NOW + dt.timedelta(days=30))
    assert (len(desk.body), desk.body_more) == (3, "13")  # of 16 that are open
    monkeypatch.setattr(overview, "MOST_COUNTED", 10)
    assert overview.read_desk(actor, NOW).body_more.endswith("+")


@pytest.mark.parametrize("mark", ["x", "1", "1.2.3", "'; DROP", "999999999999999999.1", "1.٣"])
def test_what_is_no_mark_is_refused(db: Any, mark: str) -> None:
    with pytest.raises(Refused, match="mark"):
        cases_for(Actor(None, "x", None, frozenset({"system"}), ("",)), after=mark)


def test_the_page_goes_on_to_the_end_and_back(listed: list[Case], person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 5)
    monkeypatch.setattr(pages, "MOST_LISTED", 6)
    client = Client()
    client.force_login(person("duty", "duty_officer", "centre"), backend=settings.AUTHENTICATION_BACKENDS[0])
    address, met = "/cases?show=all", []
    for _ in range(9):
        text = client.get(address).content.decode()
        met += re.findall(r"/cases/(2026-9\d{5})\"", text)
        forth = re.search(r'rel="next" href="([^"]+)"', text)
        if forth is None:
            break
        address = "/cases" + forth[1].replace("&amp;", "&")
    assert sorted(set(met)) == [one.number for one in listed]
    assert address.count("after=") == 1
    back = re.search(r'rel="prev" href="([^"]+)"', text)
    assert back is not None
    assert "2026-9" in client.get("/cases" + back[1].replace("&amp;", "&")).content.decode()
    assert client.get("/cases?show=all&page=9").status_code == 400
