# SPDX-License-Identifier: Apache-2.0
"""A rule the city filed is a rule like any other to everybody who reads what alerts say, and as it was known then."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from tests.web_boards.conftest import STATION_AQI, Town

from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.models import Account, Assignment
from chengyun.cases.alerts import open_cases
from chengyun.cases.models import CaseAlert
from chengyun.errors import Refused
from chengyun.operate import grouping, watch
from chengyun.operate.boards import queries, services, spec
from chengyun.operate.models import Alert, Figure
from chengyun.operate.probation import services as rules
from chengyun.operate.probation.models import BackTest
from chengyun.operate.probation.ruleset import rule_named, rulebook, rules_known
from chengyun.operate.queries import alert_view
from chengyun.operate.why import _upwards
from chengyun.share.lineage import building
from chengyun.web.boards import tiles

KEY = "air_quality.filed_aqi"
TEXT = f"""
key = "{KEY}"
name = "空气偏差（试）"
on = "station_hour_aqi"
severity = "orange"
meaning = "去看一看。"
opens = "air_check"
[when]
kind = "above"
limit = 30
[budget]
false_alarms = 9
per_days = 7
cost_fen = 100
"""


def person(name: str, *roles: str) -> Actor:
    account = Account.objects.create_user(name, email=f"{name}@example.org", password=None)
    for role in roles:
        Assignment.objects.create(account=account, role=role)
    return actor_of_account(account)


@pytest.fixture
def walk(calm: Town) -> Callable[[str], None]:
    """walk(text) takes a rule's file all the way from draft to live, by two persons."""
    zhang, wang = person("zhang", "duty_officer", "data_steward"), person("wang", "leader")

    def go(text: str) -> None:
        now = timezone.now()
        rule = rules.file_rule(text, zhang, now)
        test = BackTest.objects.create(
            rule=rule, version=rule.version, since=now - rules.YEAR, until=now, asked_by_id=zhang.account_id,
            asked_at=now, state=BackTest.State.DONE, alerts=1, inside_budget=True,
        )  # fmt: skip
        rules.tested(test, now)
        for _ in range(2):
            rules.ask(KEY, zhang, now)
            rules.agree(KEY, True, wang, now)

    return go


def test_a_filed_rule_is_read_like_a_declared_one(calm: Town, walk, sign_in: Callable[..., Client]) -> None:
    city = settings.CITY
    walk(TEXT)
    # What it watches is judged when its figures come in, though nothing that is declared watches it.
    assert STATION_AQI in grouping.watched(city)
    assert not any(rule.on == "station_hour_aqi" for rule in city.alerts.values())
    watch.judge_figures(city, STATION_AQI, {"S0"}, timezone.now())
    alert = Alert.objects.get(rule=KEY)
    assert (alert.subject, alert.severity, alert.value) == ("S0", "orange", 40.0)

    [case] = [one for one in open_cases(timezone.now()) if alert.subject_name in one.title and "偏差" in one.title]
    assert case.type == "air_quality.air_check"
    assert CaseAlert.objects.get(alert=alert).case_id == case.pk
    figure = Figure.objects.get(indicator=STATION_AQI, subject="S0")
    [cited] = _upwards(figure, SYSTEM)
    assert (cited.rule, cited.case) == (KEY, case.number)
    assert rulebook(city).name(cited.rule, cited.opened_at) == "空气偏差（试）"

    clerk = sign_in("duty_officer", "lin")
    for address in (f"/alerts/{alert.pk}", "/alerts", "/alerts/history", f"/cases/{case.number}"):
        page = clerk.get(address, follow=True)
        assert page.status_code == 200, address
        assert "空气偏差（试）" in page.content.decode(), address
    told = clerk.get("/api/v1/alerts", {"rule": KEY}).json()["alerts"]
    assert [(one["rule_name"], one["unit"], one["case"]) for one in told] == [("空气偏差（试）", "1", case.number)]
    assert clerk.get(f"/api/v1/alerts/{alert.pk}").json()["meaning"] == "去看一看。"

    graph = building.graph()
    assert graph.places[f"alert:{KEY}"].name == "空气偏差（试）"
    assert STATION_AQI in graph.beside(f"alert:{KEY}", up=True)
    assert "air_quality.air_check" in graph.beside(f"alert:{KEY}", up=False)

    seen = tiles.view(queries.access_board("air", SYSTEM), SYSTEM, None, timezone.now()).as_json()
    assert "空气偏差（试）" in str(seen)
    # A board may ask for its alerts alone.
    tile = spec.TileSpec(id="filed", kind="alerts", x=0, y=0, w=3, h=2, rules=(KEY,))
    board = dataclasses.replace(queries.access_board("air", SYSTEM).spec, tiles=(tile,))
    assert services.read_board(spec.as_toml(board), "air.toml").tiles[0].rules == (KEY,)


def test_an_alert_keeps_the_words_its_rule_had(calm: Town, walk) -> None:
    walk(TEXT)
    watch.judge_figures(settings.CITY, STATION_AQI, {"S0"}, timezone.now())
    alert = Alert.objects.get(rule=KEY)
    wang = actor_of_account(Account.objects.get(username="wang"))
    rules.demote(KEY, wang, timezone.now(), "改名")
    walk(TEXT.replace("空气偏差（试）", "空气偏差（新）").replace("去看一看。", "马上去。"))
    assert (alert_view(alert.pk, SYSTEM).rule_name, alert_view(alert.pk, SYSTEM).meaning) == ("空气偏差（试）", "去看一看。")
    newest = rule_named(KEY)
    assert newest is not None
    assert newest.name == "空气偏差（新）"
    # What is judged no more is still known: its alerts are there.
    rules.withdraw(KEY, wang, timezone.now(), "不再需要")
    assert KEY in rules_known()
    assert rule_named("air_quality.nobody") is None
    with pytest.raises(Refused):
        rules.file_rule(TEXT.replace(KEY, "nobody.rule"), wang, timezone.now())
