# SPDX-License-Identifier: Apache-2.0
"""The pages of a case, of its kind and of the lists: what they say, and the forms that take each kind of evidence."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone, translation

from chengyun.access.actors import SYSTEM
from chengyun.cases.clock import Clock, view
from chengyun.cases.models import Case
from chengyun.cases.office import work_time
from chengyun.cases.services import open_case, take_step
from chengyun.city.drawing import draw
from chengyun.web.desk import cases as pages
from chengyun.web.desk.cases import way
from chengyun.web.desk.casewords import clock_words, span_words

TYPE = "urban_management.case"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def client(person) -> Client:
    client = Client()
    client.force_login(person("duty", "duty_officer", "centre"), backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


@pytest.fixture
def case(bodies) -> Case:
    now = timezone.now() - HOUR
    return open_case(TYPE, "井盖缺失", SYSTEM, now, source="patrol", area_code="330203001", lon=121.5, lat=29.8, emergency=True)


def body(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_case_page_says_where_it_is_and_how_much_time_is_left(client, case):
    case = take_step(case, "accept", SYSTEM, timezone.now())
    text = body(client.get(f"/cases/{case.number}"))
    for part in ("走到哪里", "还剩", "井盖缺失", "待立案", "停留", "上报", 'class="node runs here"', "紧急"):
        assert part in text
    assert '<option value="component/0101">' in text


def test_a_form_takes_category_and_reason_and_shows_what_was_done(client, case):
    case = take_step(case, "accept", SYSTEM, timezone.now())
    address = f"/cases/{case.number}"
    answer = client.post(f"{address}/steps/file", {"seen": "to_file", "category": "component/0101"})
    assert answer.status_code == 303
    text = body(client.get(address))
    assert "上水井盖" in text
    assert "CJ/T 214-2007" in text
    answer = client.post(f"{address}/supervise", {"note": ""})
    assert answer.status_code == 400
    assert client.post(f"{address}/supervise", {"note": "尽快"}).status_code == 303
    case.refresh_from_db()
    assert case.supervised_at is not None
    refused = client.post(f"{address}/steps/merge_to_dispatch", {"seen": "to_dispatch", "target": "2026-999999"})
    assert refused.status_code == 404
    for given in ({"lon": "east"}, {"until": "soon"}):
        assert client.post(f"{address}/steps/merge_to_dispatch", {"target": case.number, **given}).status_code == 400


def test_lists_by_the_colour_of_the_clock(client, case):
    for show in ("", "overdue", "soon", "paused", "supervised", "ended"):
        assert (case.number in body(client.get("/cases", {"show": show}))) is (show in ("", "overdue")), show
    assert case.number in body(client.get("/cases", {"q": case.number, "show": ""}))
    assert client.get("/cases", {"page": "201"}).status_code == 400


def test_a_long_list_is_not_counted_out(client, case, monkeypatch):
    open_case(TYPE, "又一件", SYSTEM, timezone.now(), area_code="330203001")
    monkeypatch.setattr(pages, "MOST_LISTED", 1)
    assert "超过一万件" in body(client.get("/cases"))


@pytest.mark.parametrize("key", sorted(key for key, one in settings.CITY.cases.items() if one.sharing != "none"))
def test_each_kind_of_case_has_a_page_and_a_picture(client, bodies, key):
    text = body(client.get(f"/case-types/{key}"))
    declared = settings.CITY.cases[key]
    for alone in (False, True):
        root = ET.fromstring(draw(declared, here=declared.states[0].key, alone=alone))
        boxes = list(root.iter("{http://www.w3.org/2000/svg}rect"))
        assert len(boxes) == len(declared.states)
        assert len({(it.get("x"), it.get("y")) for it in boxes}) == len(boxes), "two states lie on each other"
    assert all(state.name in text for state in declared.states)
    assert all(step.name in text for step in declared.transitions)


def test_an_unknown_kind_is_not_found(client, bodies):
    assert client.get("/case-types/urban_management.cases").status_code == 404


def test_a_state_beside_the_usual_way_stands_where_the_case_left_it():
    declared = settings.CITY.cases["urban_management.case"]

    def places(state: str, *been: str, ended: bool = False) -> list[tuple[str, str]]:
        case = SimpleNamespace(state=state, ended=ended, stages=[SimpleNamespace(state=one) for one in (*been, state)])
        return [(one.key, one.place) for one in way(declared, case)]

    assert places("to_verify", "reported")[:3] == [("reported", "done"), ("to_verify", "aside"), ("to_file", "ahead")]
    assert places("void", "reported", ended=True) == [("reported", "done"), ("void", "aside")]
    assert places("handling", "reported", "to_file")[3] == ("handling", "now")


def test_clocks_in_words():
    now = dt.datetime(2026, 4, 1, 1, tzinfo=dt.UTC)
    with translation.override("zh-hans"):
        assert span_words(dt.timedelta(days=2, hours=3, minutes=9)) == "2 天 3 小时"
        assert span_words(dt.timedelta(seconds=20)) == "不到 1 分"
        working = view(Clock(4 * 3600, 0.0, now, "working"), now + HOUR, work_time())
        assert clock_words(working) == "还剩 3 小时（工作时间）"
        late = view(Clock(3600, 0.0, now), now + 3 * HOUR, work_time())
        assert clock_words(late) == "已超时 2 小时"
        assert clock_words(view(Clock(3600, 0.0, None), now, work_time()), "挂账") == "挂账"
