# SPDX-License-Identifier: Apache-2.0
"""The pages: who sees what, what is refused, what is sent as a workbook."""

from __future__ import annotations

import copy
import dataclasses
import io

import openpyxl
import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.city import Budget
from chengyun.operate import services
from chengyun.operate.alerting import rosters
from chengyun.operate.alerting.models import Delivery, Notice, Silence, Swap
from chengyun.operate.models import Alert
from chengyun.operate.probation.models import BackTest, FiledRule, RuleStep

from .conftest import NOW, SILENT, s, turn
from .conftest import RULE as RULE_KEY

RULE = """key = "air_quality.night"
name = "夜间偏高"
on = "station_hour"
field = "pm25"
severity = "yellow"
meaning = "看一下"
[when]
kind = "above"
limit = 75
[budget]
false_alarms = 1
"""


@pytest.fixture
def page(people: dict[str, Actor]):
    """page("zhang") is a client signed in as that person."""

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(Account.objects.get(username=name))
        return client

    return signed_in


def test_history_is_searched_and_sent_as_a_workbook(tell, page) -> None:
    tell("raise", "A", NOW)
    tell("clear", "A", s(60))
    tell("raise", "=1+1", s(90), simulated=True)
    Alert.objects.filter(subject="A").update(closed_because="condition cleared")
    client = page("zhang")
    body = client.get("/alerts/history").content.decode()
    assert "A 站" in body
    assert "=1+1 站" in body
    for query, shows in (
        ("q=A+站", True),
        ("ended=itself", True),
        ("ended=case", False),
        ("since=2099-01-01", False),
        ("severity=red", True),
        ("area=330203", True),
        ("area=3301", False),
        ("rule=air_quality.no2_hour_exceeded", False),
        ("since=xyz", True),
    ):
        assert ("A 站：" in client.get(f"/alerts/history?{query}").content.decode()) is shows, query
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/alerts/history.xlsx?q=站").content)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == 3
    assert {row[2] for row in rows[1:]} == {"A 站", "=1+1 站"}
    assert rows[1][16] == "是"
    Alert.objects.update(dataset="urban_management.case")
    assert "A 站：" not in Client().get("/alerts/history").content.decode()


def test_history_finds_what_a_person_closed(tell, page, people) -> None:
    tell("raise", "A", NOW)
    tell("clear", "A", s(60))
    tell("raise", "B", s(90))
    services.close(Alert.objects.get(subject="B").pk, people["zhang"], s(120), "去看过了")
    body = page("zhang").get("/alerts/history?ended=person").content.decode()
    assert "B 站" in body
    assert "A 站" not in body


ABSURD_TURNS = [
    {"first": "9999-12-31T23:00", "hours": "8"}, {"first": "2026-11-23T08:00", "hours": "9" * 30}, {"first": "", "hours": "x"},
]  # fmt: skip


@pytest.mark.parametrize("given", ABSURD_TURNS)
def test_absurd_turns_are_refused(page, people, given: dict[str, str]) -> None:
    rosters.make_roster("night", "夜班", "", people["zhang"])
    answer = page("zhang").post("/duty/night", {**given, "accounts": "zhang"})
    assert answer.status_code == 400


def test_notices_reach_a_page_and_failures_are_settled(tell, plan, page, people) -> None:
    roster = rosters.make_roster("duty", "值班", "", people["zhang"])
    rosters.add_turns(roster, ["zhang"], NOW, 8, people["zhang"])
    tell("raise", "A", s(0))
    turn(s(20))
    zhang = page("zhang")
    body = zhang.get("/alerts/notices").content.decode()
    assert "A 站" in body
    assert Delivery.objects.get(channel="app").seen_at is not None
    letter = Delivery.objects.get(channel="email")
    Delivery.objects.filter(pk=letter.pk).update(state="dead", error="refused")
    assert zhang.get("/alerts/deliveries").status_code == 404
    chen = page("chen")
    assert "zhang@example.org" in chen.get("/alerts/deliveries").content.decode()
    assert chen.post(f"/alerts/deliveries/{letter.pk}/retry").status_code == 303
    letter.refresh_from_db()
    assert letter.state == "waiting"
    assert chen.post(f"/alerts/deliveries/{letter.pk}/retry").status_code == 409
    assert chen.post(f"/alerts/deliveries/{letter.pk}/burn").status_code == 404


def test_a_notice_is_said_in_its_readers_language(tell, plan, page, people) -> None:
    roster = rosters.make_roster("duty", "值班", "", people["zhang"])
    rosters.add_turns(roster, ["zhang"], NOW, 8, people["zhang"])
    one = tell("raise", "A", NOW)
    turn(s(20))
    rule = settings.CITY.alerts[RULE_KEY].name
    zhang = page("zhang")
    with translation.override("en"):
        english = f"A 站: {translation.gettext(rule)}"
    assert f"A 站：{rule}" in zhang.get("/alerts/notices", headers={"Accept-Language": "zh-CN"}).content.decode()
    assert english in zhang.get("/alerts/notices", headers={"Accept-Language": "en"}).content.decode()
    tell("clear", "A", s(400))
    Alert.objects.filter(pk=one.pk).update(state="closed", closed_at=s(400))
    turn(s(800))
    ended = Notice.objects.get(kind="ended")
    assert not ended.body["alerts"]
    body = zhang.get("/alerts/notices", headers={"Accept-Language": "en"}).content.decode()
    assert body.count(english) >= 2
    assert rule not in body


def test_silences_are_made_and_ended_on_their_page(tell, page) -> None:
    one = tell("raise", "A", NOW)
    zhang, wang = page("zhang"), page("wang")
    assert zhang.post("/alerts/silences", {"subject": "A*", "hours": "4", "why": ""}).status_code == 400
    assert zhang.post("/alerts/silences", {"subject": "A*", "hours": "4", "why": "停电检修"}).status_code == 303
    assert "停电检修" in wang.get("/alerts/silences").content.decode()
    quiet = Silence.objects.get()
    assert wang.post(f"/alerts/silences/{quiet.pk}/end").status_code == 404
    assert zhang.post(f"/alerts/silences/{quiet.pk}/end").status_code == 303
    assert zhang.post(f"/alerts/{one.pk}/mute", {"why": "已知"}).status_code == 303
    assert Silence.objects.filter(alert=one, until=None).exists()
    assert "静默，直到解除" in zhang.get(f"/alerts/{one.pk}").content.decode()


def test_duty_is_put_down_and_swapped_on_its_pages(page, people) -> None:
    zhang, wang = page("zhang"), page("wang")
    assert zhang.post("/duty", {"key": "night", "name": "夜班"}).status_code == 303
    assert zhang.post("/duty", {"key": "night", "name": "夜班"}).status_code == 400
    given = {"accounts": "zhang, li", "first": "2099-11-22T08:00", "hours": "12", "until": "2099-11-24T08:00"}
    assert zhang.post("/duty/night", given).status_code == 303
    assert zhang.post("/duty/night", given).status_code == 400
    assert zhang.post("/duty/night", {**given, "first": "x"}).status_code == 400
    mine = Account.objects.get(username="zhang").shifts.first()
    assert zhang.post(f"/duty/turns/{mine.pk}/swap", {"to": "wang"}).status_code == 303
    assert "夜班" in wang.get("/duty").content.decode()
    swap = Swap.objects.get()
    assert page("li").post(f"/duty/swaps/{swap.pk}/agree").status_code == 404
    assert wang.post(f"/duty/swaps/{swap.pk}/agree").status_code == 303
    mine.refresh_from_db()
    assert mine.account.username == "wang"
    assert "无人值班" in wang.get("/duty").content.decode()


def test_a_rule_is_drafted_shown_and_exported(page) -> None:
    zhang = page("zhang")
    assert "air_quality.pm25_hour_severe" in zhang.get("/alert-rules").content.decode()
    assert zhang.get("/alert-rules/air_quality.pm25_hour_severe").status_code == 200
    wrong = zhang.post(
        "/alert-rules", {"text": RULE.replace("pm25", "pm52", 1).replace('"pm52"', '"pm25"').replace("above", "abvoe")}
    )
    assert wrong.status_code == 400
    assert "above" in wrong.content.decode()
    assert zhang.post("/alert-rules", {"text": RULE.replace("\n", "\r\n")}).status_code == 303
    rule = FiledRule.objects.get()
    assert rule.text == RULE
    assert zhang.get(f"/alert-rules/{rule.key}/file").content.decode() == RULE
    body = zhang.get(f"/alert-rules/{rule.key}").content.decode()
    assert "高于 75" in body
    assert zhang.post(f"/alert-rules/{rule.key}/ask").status_code == 409
    assert zhang.post(f"/alert-rules/{rule.key}/agree").status_code == 409
    assert zhang.get("/alert-rules/no.such").status_code == 404
    assert Client().get("/alert-rules").status_code == 302


def test_a_rule_says_its_budget_and_nought_is_no_dash(page) -> None:
    zhang = page("zhang")
    zhang.post("/alert-rules", {"text": RULE})
    rule, noon = FiledRule.objects.get(), NOW.isoformat()
    BackTest.objects.create(
        rule=rule, version=rule.version, since=NOW, until=NOW, asked_by=rule.owner, asked_at=NOW, state="done", alerts=4,
        true_alerts=4, false_alarms=0, truths=5, found=4, worst_span=0, cost_fen=0, inside_budget=True, rows=9, entities=1,
        examples=[{"subject": "A", "name": "A 站", "raised": noon, "worst": 80.0, "right": True}],
    )  # fmt: skip
    line = zhang.get("/alert-rules").content.decode().split(rule.key)[-1].split("</tr>")[0]
    assert '<td class="number">0 <span class="status status-fresh">' in line
    assert "任 7 天内至多误报 1 次" in line
    RuleStep.objects.create(
        rule=rule, before="live", after="demoted", at=NOW, actor="system", version=rule.version,
        note="9 false alarms in 7 days; the budget its pack declares allows 3",
    )  # fmt: skip
    body = zhang.get(f"/alert-rules/{rule.key}").content.decode()
    assert "2026-11-22 16:00" in body  # in the city's time
    assert "<strong>已降级</strong>" in body
    assert "7 天内误报 9 次，预算允许 3 次" in body
    assert "false alarms" not in body


def test_a_rule_a_pack_gives_a_budget_shows_how_it_does(page, monkeypatch) -> None:
    city = copy.copy(settings.CITY)
    budget = Budget(3, cases=["urban_management.case"], because="查一次要半天。")
    city.alerts = {**city.alerts, RULE_KEY: dataclasses.replace(city.alerts[RULE_KEY], budget=budget)}
    monkeypatch.setattr(settings, "CITY", city)
    body = page("zhang").get(f"/alert-rules/{RULE_KEY}").content.decode()
    assert "任 7 天内至多误报 3 次" in body
    assert "查一次要半天。" in body
    assert "最近一个预算周期" in body
    assert "预算之内" in body


def test_a_silence_is_said_in_hours_and_its_evidence_in_words(tell, page) -> None:
    one = tell("raise", "A", NOW, rule=SILENT)
    Alert.objects.filter(pk=one.pk).update(
        value=None, limit=10800.0, worst=None, evidence={"dataset": "air_quality.station_hour", "last": NOW.isoformat()}
    )
    zhang = page("zhang")
    for path in (f"/alerts/{one.pk}", "/alerts", "/alerts/history"):
        body = zhang.get(path).content.decode()
        assert "10800" not in body
        assert "3 小时" in body
    body = zhang.get(f"/alerts/{one.pk}").content.decode()
    assert "<dt>最后一次上报</dt><dd>2026-11-22 16:00</dd>" in body
    assert "<dt>last</dt>" not in body
    sheet = openpyxl.load_workbook(io.BytesIO(zhang.get("/alerts/history.xlsx").content)).active
    row = dict(zip((cell.value for cell in sheet[1]), (cell.value for cell in sheet[2]), strict=True))
    assert (row["限值"], row["单位"]) == (10800, "s")
