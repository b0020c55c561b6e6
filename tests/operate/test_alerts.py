# SPDX-License-Identifier: Apache-2.0
"""Alerts in the database: one open at a time, closed when the condition ends or a person says so, with their history."""

from __future__ import annotations

import datetime as dt
import threading
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from chengyun.access.actors import ANONYMOUS, SYSTEM, Actor
from chengyun.city import Silent, qualify
from chengyun.errors import NotFound, Refused
from chengyun.lake import database
from chengyun.lake.models import Receipt
from chengyun.lake.rows import Rows
from chengyun.operate import alert_store, services, watch
from chengyun.operate.models import Alert, AlertEvent, Figure, RuleState
from chengyun.operate.queries import alert_view, grouped, open_alerts
from chengyun.operate.rules import Named, RuleWatch, Transition
from chengyun.operate.watch import judge_ended, judge_figures, judge_silence
from chengyun.web.desk.status import _failing

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 3, 10, 4, tzinfo=dt.UTC)
STREAM = "air_quality.station_hour"
HIGH = "air_quality.pm25_hour_high"
SEVERE = "air_quality.pm25_hour_severe"


def hour(number, day="2026-03-10"):
    return (dt.datetime.fromisoformat(day) + dt.timedelta(hours=number)).isoformat()


@pytest.fixture
def send(put):
    """send(("A", 3, 160.0), …) puts PM2.5 of hours through the rules in one transaction of a process that has just started."""

    def _send(*rows):
        watch = RuleWatch(settings.CITY, STREAM, zone=ZONE)
        return put([(station, hour(number), {"pm25": value}) for station, number, value in rows], watch=watch, now=NOW)

    return _send


def kinds(alert):
    return list(AlertEvent.objects.filter(alert=alert).values_list("kind", flat=True))


def test_an_alert_is_raised_once_refreshed_and_closed_by_its_condition(send):
    send(("A", 1, 160.0))
    send(("A", 2, 200.0))
    one = Alert.objects.get()
    assert (one.rule, one.subject, one.area_code, one.severity, one.state) == (HIGH, "A", "330203001", "orange", "open")
    assert (one.limit, one.evidence["seq"], one.group_key) == (150.0, 1, f"{HIGH}@330203")
    send(("A", 3, 120.0))
    assert Alert.objects.get().state == "open"
    send(("A", 4, 100.0))
    one = Alert.objects.get()
    assert (one.state, one.closed_because, one.worst, one.times) == ("closed", "condition cleared", 200.0, 4)
    assert kinds(one) == ["raised", "closed"]


def test_a_new_condition_is_a_new_alert(send):
    send(("A", 1, 160.0), ("A", 2, 100.0), ("A", 3, 170.0), ("A", 4, 90.0), ("A", 5, 180.0))
    found = list(Alert.objects.order_by("id").values_list("state", "value", "worst", "times"))
    assert found == [("closed", 100.0, 160.0, 2), ("closed", 90.0, 170.0, 2), ("open", 180.0, 180.0, 1)]
    assert [kinds(one) for one in Alert.objects.order_by("id")] == [["raised", "closed"], ["raised", "closed"], ["raised"]]


def test_writing_the_same_raise_twice_leaves_one_alert(lake):
    numbers = {
        field.key: np.array([160.0 if field.key == "pm25" else np.nan]) for field in settings.CITY.streams[STREAM].quantities
    }
    at = np.array([int(NOW.timestamp()) * 1_000_000], np.int64)
    rows = Rows(np.array([lake["A"]], np.int32), at, np.array([0], np.int64), numbers, {})
    watch = RuleWatch(settings.CITY, STREAM, zone=ZONE)
    for _ in range(2):  # never settled: as a process that lost its state judges a row again
        found = watch.judge(rows, {lake["A"]: Named("A", "A 站", "330203001")}, NOW)
        with transaction.atomic(), connection.cursor() as cursor:
            alert_store.write_now(cursor, found)
    assert kinds(Alert.objects.get()) == ["raised"]


def test_an_alert_a_person_closed_is_not_raised_again_before_the_condition_ended(send):
    send(("A", 1, 160.0))
    services.close(Alert.objects.get().pk, SYSTEM, NOW, "仪器校准")
    send(("A", 2, 200.0))
    assert [one.state for one in Alert.objects.all()] == ["closed"]
    assert RuleState.objects.get(rule=HIGH).holds
    send(("A", 3, 50.0))
    assert not RuleState.objects.filter(rule=HIGH).exists()
    send(("A", 4, 160.0))
    assert sorted(one.state for one in Alert.objects.all()) == ["closed", "open"]


def test_an_acknowledged_alert_with_an_open_case_outlives_its_condition(send):
    send(("A", 1, 160.0))
    one = services.acknowledge(Alert.objects.get().pk, SYSTEM, NOW)
    services.case_opened(one, "2026-000001", SYSTEM, NOW)
    send(("A", 2, 50.0))
    one.refresh_from_db()
    assert (one.state, one.holds) == ("acknowledged", False)
    send(("A", 3, 180.0))
    one.refresh_from_db()
    assert (one.state, one.holds, one.worst) == ("acknowledged", True, 180.0)
    assert kinds(one) == ["raised", "acknowledged", "case_opened", "cleared", "returned"]
    with pytest.raises(Refused, match="案件"):
        services.close(one.pk, SYSTEM, NOW, "看过了")


def test_people_take_alerts_on_and_close_them_with_a_reason_once(send):
    send(("A", 1, 160.0))
    ident = Alert.objects.get().pk
    duty = Actor(None, "值班员", "operations_centre", frozenset({"duty_officer"}), ("",))
    far = Actor(None, "鄞州值班员", None, frozenset({"duty_officer"}), ("330212",))
    for who in (ANONYMOUS, far):
        with pytest.raises(Refused):
            services.acknowledge(ident, who, NOW)
    services.acknowledge(ident, duty, NOW, "已电话核实")
    with pytest.raises(Refused):
        services.acknowledge(ident, duty, NOW)
    with pytest.raises(Refused, match="原因"):
        services.close(ident, duty, NOW, "  ")
    services.close(ident, duty, NOW, "沙尘过境")
    with pytest.raises(Refused):
        services.close(ident, duty, NOW, "再关一次")
    view = alert_view(ident, duty)
    assert [(it.kind, it.actor) for it in view.events] == [("raised", ""), ("acknowledged", "值班员"), ("closed", "值班员")]
    assert (view.closed_because, view.unit, view.rule_name) == ("沙尘过境", "µg/m³", "PM2.5 小时值重度污染")


def test_the_public_sees_alerts_on_open_data_without_who_did_what(send):
    send(("A", 1, 160.0))
    ident = Alert.objects.get().pk
    services.acknowledge(ident, Actor(None, "某人", None, frozenset({"duty_officer"}), ("",)), NOW, "内部备注")
    view = alert_view(ident, ANONYMOUS)
    assert (view.value, view.events, view.acknowledged_by) == (160.0, (), "")
    Alert.objects.update(dataset="air_quality.nothing_known")
    assert open_alerts(ANONYMOUS) == []
    with pytest.raises(NotFound):
        alert_view(ident, ANONYMOUS)


def test_alerts_of_a_rule_in_one_district_are_one_group_most_severe_first(send):
    send(("A", 1, 160.0), ("B", 1, 260.0))
    found = open_alerts(SYSTEM)
    assert [(one.rule, one.subject) for one in found] == [(SEVERE, "B"), (HIGH, "B"), (HIGH, "A")]
    assert [(one.area_code, len(one.alerts)) for one in grouped(found)] == [("330212", 1), ("330212", 1), ("330203", 1)]
    Alert.objects.filter(subject="B", rule=HIGH).update(group_key=f"{HIGH}@330203")
    assert sorted(len(one.alerts) for one in grouped(open_alerts(SYSTEM))) == [1, 2]


def test_silence_is_raised_once_and_ends_when_the_station_speaks(put):
    put([("A", hour(1), {"pm25": 10.0}), ("B", hour(20), {"pm25": 10.0})], now=NOW)
    then = dt.datetime(2026, 3, 10, 22, tzinfo=ZONE).astimezone(dt.UTC)
    assert [(one.kind, one.subject) for one in judge_silence(settings.CITY, then)] == [("raise", "A")]
    assert judge_silence(settings.CITY, then) == []
    one = Alert.objects.get()
    assert (one.rule, one.value, one.subject_name) == ("air_quality.station_silent", None, "A 站")
    assert one.since == dt.datetime(2026, 3, 10, 4, tzinfo=ZONE)
    put([("A", hour(21), {"pm25": 10.0})], now=NOW)
    assert [(it.kind, it.subject) for it in judge_silence(settings.CITY, then)] == [("clear", "A")]
    assert Alert.objects.get().state == "closed"


@pytest.mark.parametrize("wrong", ["SELECT 1 / 0", "SELECT * FROM nowhere"])
def test_a_rule_that_cannot_be_judged_leaves_the_others_their_turn(put, monkeypatch, wrong):
    silent = [key for key, rule in settings.CITY.alerts.items() if isinstance(rule.when, Silent)]
    bad = next(key for key in silent if not key.startswith("air_quality."))
    on = qualify(bad.split(".")[0], settings.CITY.alerts[bad].on)

    def fails(city, dataset, *before):
        if dataset == on:
            with connection.cursor() as cursor:
                cursor.execute(wrong)
        return whole(city, dataset, *before)

    whole = watch._newest_rows
    monkeypatch.setattr(watch, "_newest_rows", fails)
    monkeypatch.setattr(watch, "_newest_figures", fails)
    put([("A", hour(1), {"pm25": 10.0}), ("B", hour(20), {"pm25": 10.0})], now=NOW)
    then = dt.datetime(2026, 3, 10, 22, tzinfo=ZONE).astimezone(dt.UTC)
    assert [one.subject for one in judge_silence(settings.CITY, then)] == ["A"]
    assert Alert.objects.get().rule == "air_quality.station_silent"
    told = {one.indicator: one for one in _failing(then)}
    assert told[bad].name == settings.CITY.alerts[bad].name
    assert told[bad].error
    monkeypatch.undo()
    judge_silence(settings.CITY, then + dt.timedelta(minutes=1))
    assert bad not in {one.indicator for one in _failing(then)}, "it was judged again"


def test_a_station_out_of_use_is_not_silent(put):
    from django.apps import apps

    put([("A", hour(1), {"pm25": 10.0})], now=NOW)
    apps.get_model("air_quality", "Station").objects.filter(key="A").update(valid_to=dt.date(2026, 3, 1))
    assert judge_silence(settings.CITY, NOW) == []


def figure(day, value, subject="330203", indicator="air_quality.area_day_aqi"):
    return Figure.objects.create(
        indicator=indicator, subject=subject, area_code=subject[:12] if subject.isdigit() else "", value=value, detail={},
        period_start=dt.datetime.combine(day, dt.time(), ZONE), quality={}, simulated=False, as_of={}, version="v",
        computed_at=NOW,
    )  # fmt: skip


def test_a_figure_is_judged_when_its_period_has_ended(transactional_db):
    day, rule = dt.date(2026, 3, 10), "air_quality.area_day_polluted"
    cited = figure(day, 130.0)
    running = dt.datetime(2026, 3, 10, 20, tzinfo=ZONE)
    assert judge_figures(settings.CITY, "air_quality.area_day_aqi", {"330203"}, running) == []
    assert [one.kind for one in judge_ended(settings.CITY, running + dt.timedelta(hours=5))] == ["raise"]
    assert judge_ended(settings.CITY, running + dt.timedelta(hours=5)) == []
    one = Alert.objects.get()
    assert (one.rule, one.limit, one.evidence["figure"]) == (rule, 100.0, cited.pk)
    figure(dt.date(2026, 3, 11), 100.0)
    found = judge_figures(settings.CITY, "air_quality.area_day_aqi", {"330203"}, running + dt.timedelta(days=2))
    assert [one.kind for one in found] == ["clear"]


def test_a_rule_on_figures_that_cannot_be_judged_leaves_the_others_their_turn(transactional_db, monkeypatch):
    day, rule = dt.date(2026, 3, 10), "air_quality.area_day_polluted"
    figure(day, 130.0)
    whole = watch._newest

    def fails(indicator, subjects, one, before):
        if indicator != "air_quality.area_day_aqi":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return whole(indicator, subjects, one, before)

    monkeypatch.setattr(watch, "_newest", fails)
    ended = dt.datetime(2026, 3, 11, 1, tzinfo=ZONE)
    assert [one.rule for one in judge_ended(settings.CITY, ended)] == [rule]
    failed = {one.indicator for one in _failing(ended)}
    assert failed
    assert not RuleState.objects.filter(rule__in=failed, subject="").exists(), (
        "they are judged at the next turn, not the next day"
    )
    monkeypatch.undo()
    judge_ended(settings.CITY, ended + dt.timedelta(minutes=1))
    assert not _failing(ended)


def test_so_many_figures_in_a_row(transactional_db):
    drift = "air_quality.station_drift"
    days = [dt.date(2026, 3, 1) + dt.timedelta(days=number) for number in range(7)]
    now = dt.datetime(2026, 3, 9, tzinfo=ZONE)
    for day in days[:6]:
        figure(day, 90.0, "A", drift)
    assert judge_figures(settings.CITY, drift, {"A"}, now) == []
    figure(days[6], 95.0, "A", drift)
    [one] = judge_figures(settings.CITY, drift, {"A"}, now)
    assert (one.kind, one.times, one.worst, one.since.astimezone(ZONE).date()) == ("raise", 7, 95.0, days[0])


def test_a_condition_long_past_when_it_is_noticed_is_history_and_calls_nobody(put):
    watch = RuleWatch(settings.CITY, STREAM, zone=ZONE)
    put([("A", hour(1, "2020-03-10"), {"pm25": 160.0})], watch=watch, now=NOW)
    one = Alert.objects.get()
    assert (one.state, one.holds, one.closed_because, kinds(one)) == ("closed", False, "history", ["raised", "closed"])


def test_a_condition_that_goes_on_from_history_into_the_present_opens_an_alert(put):
    watch = RuleWatch(settings.CITY, STREAM, zone=ZONE)
    put([("A", hour(1, "2026-03-01"), {"pm25": 160.0})], watch=watch, now=NOW)
    watch.settle()
    put([("A", hour(3), {"pm25": 170.0})], watch=watch, now=NOW)
    assert sorted(Alert.objects.values_list("state", "value")) == [("closed", 160.0), ("open", 170.0)]


def test_history_and_present_in_one_batch_are_one_open_alert(put):
    watch = RuleWatch(settings.CITY, STREAM, zone=ZONE)
    put([("A", hour(1, "2026-03-01"), {"pm25": 160.0}), ("A", hour(3), {"pm25": 170.0})], watch=watch, now=NOW)
    assert list(Alert.objects.values_list("state", "value", "times")) == [("open", 170.0, 2)]


def test_what_a_person_closed_is_not_opened_again_as_it_goes_on_for_days(put):
    watch = RuleWatch(settings.CITY, STREAM, zone=ZONE)
    put([("A", hour(1), {"pm25": 160.0})], watch=watch, now=NOW)
    watch.settle()
    services.close(Alert.objects.get().pk, SYSTEM, NOW, "沙尘过境")
    put([("A", hour(1, "2026-03-14"), {"pm25": 170.0})], watch=watch, now=NOW + dt.timedelta(days=4))
    assert [one.state for one in Alert.objects.all()] == ["closed"]


def test_a_station_whose_newest_reading_was_old_when_it_came_is_not_called_silent(put):
    put([("A", hour(1, "2020-03-10"), {"pm25": 10.0}), ("B", hour(1), {"pm25": 10.0})])
    Receipt.objects.create(stream=STREAM, seq_from=1, seq_to=2, received_at=NOW, actor="test", response=b"")
    assert [one.subject for one in judge_silence(settings.CITY, NOW + dt.timedelta(days=1))] == ["B"]


def test_a_day_of_history_raises_nothing(transactional_db):
    drift = "air_quality.station_drift"
    for number in range(7):
        figure(dt.date(2020, 3, 1) + dt.timedelta(days=number), 90.0, "A", drift)
    assert judge_figures(settings.CITY, drift, {"A"}, NOW) == []


def test_alerts_are_locked_in_order_of_id_whatever_order_they_are_written_in(transactional_db):
    """Two writers take the same alerts in opposite orders, many times: neither is told of a deadlock."""
    subjects = [f"S{number:02}" for number in range(40)]
    faults: list[Exception] = []

    def transition(subject, kind):
        return Transition(
            kind=kind, rule=HIGH, dataset=STREAM, subject=subject, subject_name=subject, area_code="330203", value=160.0,
            worst=160.0, limit=150.0, since=NOW, last_seen=NOW, times=1, now=NOW, severity="orange",
        )  # fmt: skip

    with transaction.atomic(), connection.cursor() as cursor:
        alert_store.write_now(cursor, [transition(subject, "raise") for subject in subjects])
    ids = sorted(Alert.objects.values_list("pk", flat=True))

    def rules(order):
        try:
            with psycopg.connect(database.url()) as conn:
                for _ in range(30):
                    with conn.transaction():
                        alert_store.write_now(conn.cursor(), [transition(subject, "update") for subject in order])
        except psycopg.Error as fault:
            faults.append(fault)

    def case():
        try:
            with psycopg.connect(database.url()) as conn:
                for _ in range(30):
                    with conn.transaction():
                        for ident in ids:
                            conn.execute("SELECT FROM operate_alert WHERE id = %s FOR UPDATE", [ident])
        except psycopg.Error as fault:
            faults.append(fault)

    threads = [
        threading.Thread(target=rules, args=(subjects,)), threading.Thread(target=rules, args=(subjects[::-1],)),
        threading.Thread(target=case),
    ]  # fmt: skip
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []


def test_the_history_of_an_alert_cannot_be_rewritten(send):
    send(("A", 1, 160.0))
    for text in ("UPDATE operate_alertevent SET actor = 'x'", "DELETE FROM operate_alertevent"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(text)
