# SPDX-License-Identifier: Apache-2.0
"""Grouping, inhibition, silences, escalation and lapsing, by a clock moved by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, AuditRecord
from chengyun.city import Together
from chengyun.errors import NotFound, Refused
from chengyun.operate import services
from chengyun.operate.alerting import current, rosters, silences
from chengyun.operate.alerting.compound import spells
from chengyun.operate.alerting.models import Change, Delivery, Group, Member, Notice, Roster
from chengyun.operate.alerting.people import on_duty
from chengyun.operate.alerting.plan import DEFAULT, read_plan
from chengyun.operate.models import Alert, AlertEvent

from .conftest import NOW, PLAN, SILENT, s, turn


@pytest.fixture
def duty(people: dict[str, Actor]) -> Roster:
    roster = rosters.make_roster("duty", "值班", "", people["zhang"])
    rosters.add_turns(roster, ["zhang", "li"], NOW, 8, people["zhang"], NOW + dt.timedelta(hours=24))
    return roster


def kinds() -> list[str]:
    return list(Notice.objects.order_by("id").values_list("kind", flat=True))


def told(kind: str) -> list[tuple[str, str]]:
    rows = Delivery.objects.filter(notice__kind=kind).order_by("channel", "target")
    return list(rows.values_list("channel", "target"))


def test_what_happens_is_noted_in_its_own_transaction(tell) -> None:
    class Away(Exception):
        pass

    def cut_off() -> None:
        with transaction.atomic():
            tell("raise", "A", NOW)
            assert Change.objects.count() == 1
            raise Away

    with pytest.raises(Away):
        cut_off()
    assert not Change.objects.exists()
    assert not Alert.objects.exists()
    tell("raise", "A", NOW)
    tell("raise", "B", NOW, historic=True)  # born closed: calls nobody
    assert list(Change.objects.values_list("kind", flat=True)) == ["raised"]


def test_a_group_is_told_of_once_and_news_of_it_after_the_interval(tell, plan, duty) -> None:
    first = tell("raise", "A", s(0))
    tell("raise", "B", s(4))
    tell("raise", "C", s(5), area="330212002")
    turn(s(6))
    assert kinds() == []  # it gathers
    turn(s(11))
    assert kinds() == ["new"]
    assert [one["subject"] for one in Notice.objects.get().body["alerts"]] == ["A", "B"]
    assert told("new") == [("app", "zhang"), ("email", "zhang@example.org")]
    turn(s(16))
    assert kinds() == ["new", "new"]  # of the other district
    tell("raise", "D", s(60))
    turn(s(61))
    turn(s(200))
    assert kinds() == ["new", "new"]
    turn(s(312))
    assert kinds() == ["new", "new", "changed"]
    turn(s(313))
    assert Notice.objects.count() == 3
    for subject in "ABD":
        tell("clear", subject, s(400))
    turn(s(401))
    turn(s(700))
    assert kinds().count("ended") == 1
    assert Group.objects.get(members__alert=first).ended_at is not None
    tell("raise", "A", s(800))
    turn(s(811))
    assert kinds()[-1] == "new"


def test_a_group_that_stands_is_told_of_again(tell, plan, duty) -> None:
    tell("raise", "A", s(0))
    turn(s(10))
    turn(s(3500))
    assert "repeated" not in kinds()
    turn(s(3611))
    turn(s(3620))
    assert kinds().count("repeated") == 1


def test_a_chain_climbs_until_somebody_answers(tell, plan, duty, people) -> None:
    one = tell("raise", "A", s(0))
    turn(s(10))
    turn(s(500))
    assert "escalated" not in kinds()
    turn(s(611))
    assert told("escalated") == [("app", "wang"), ("webhook", "ops")]
    turn(s(9000))
    assert kinds().count("escalated") == 1  # the chain has an end
    services.acknowledge(one.pk, people["zhang"], s(9100))
    turn(s(9101))
    assert Group.objects.get().step_at is None


def test_an_answer_in_time_stops_the_chain_and_lapses_when_nothing_follows(tell, plan, duty, people) -> None:
    one = tell("raise", "A", s(0))
    turn(s(10))
    services.acknowledge(one.pk, people["zhang"], s(20))
    turn(s(21))
    turn(s(1000))
    assert kinds() == ["new"]
    turn(s(20 + 1801))
    one.refresh_from_db()
    assert (one.state, one.acknowledged_by_id) == ("open", None)
    assert AlertEvent.objects.filter(alert=one, kind="lapsed").count() == 1
    assert kinds()[:2] == ["new", "escalated"]
    assert set(told("escalated")) >= {("app", "zhang")}
    turn(s(20 + 1801 + 601))
    assert ("app", "wang") in told("escalated")


def test_a_case_keeps_an_answer_from_lapsing(tell, plan, duty, people) -> None:
    one = tell("raise", "A", s(0))
    turn(s(10))
    services.acknowledge(one.pk, people["zhang"], s(20))
    Alert.objects.update(in_case=True)
    turn(s(9000))
    one.refresh_from_db()
    assert one.state == "acknowledged"


def test_a_source_mutes_what_follows_from_it_until_it_ends(tell, plan, duty) -> None:
    tell("raise", "A", s(0), rule=SILENT)
    tell("raise", "A", s(1))
    tell("raise", "B", s(1))
    turn(s(12))
    muted = Member.objects.exclude(muted="")
    assert [(one.alert.rule.partition(".")[2], one.muted) for one in muted] == [("pm25_hour_severe", "inhibited")]
    assert f"#{Alert.objects.get(rule=SILENT).pk}" in muted.get().because
    assert sorted(it["subject"] for note in Notice.objects.all() for it in note.body["alerts"]) == ["A", "B"]
    tell("clear", "A", s(400), rule=SILENT)
    turn(s(401))
    turn(s(720))
    last = Notice.objects.filter(kind="changed").get()
    assert [one["subject"] for one in last.body["alerts"]] == ["A", "B"]


def test_a_silence_says_who_why_and_until_when(tell, plan, duty, people) -> None:
    zhang = people["zhang"]
    a = {"subject": ["A"]}
    for match, until, why in (({}, s(60), "修"), (a, s(60), " "), (a, s(-1), "修"), ({"sbject": ["A"]}, s(60), "修")):
        with pytest.raises(Refused):
            silences.silence(match, until, why, zhang, NOW)
    with pytest.raises(Refused):
        silences.silence({"subject": ["A"]}, s(60), "修", people["wang"], NOW)
    quiet = silences.silence({"subject": ["A*"], "severity": ["red"]}, s(900), "停电检修", zhang, NOW)
    tell("raise", "A1", s(1))
    turn(s(20))
    assert kinds() == []
    assert "停电检修" in Member.objects.get().because
    turn(s(899))
    assert kinds() == []
    turn(s(901))
    assert kinds() == ["new"]
    with pytest.raises(Refused):
        silences.end(quiet.pk, zhang, s(902))
    record = AuditRecord.objects.get(action="alert.silence")
    assert record.detail["why"] == "停电检修"
    assert record.actor == zhang.name


def test_muted_until_resolved(tell, plan, duty, people) -> None:
    one = tell("raise", "A", s(0))
    silences.mute(one.pk, "已知", people["zhang"], s(1))
    with pytest.raises(Refused):
        silences.mute(one.pk, "已知", people["zhang"], s(1))
    turn(s(20))
    turn(s(90_000))
    assert kinds() == []
    tell("clear", "A", s(90_001))
    tell("raise", "A", s(90_002))
    turn(s(90_020))
    assert kinds() == ["new"]


def test_duty_is_dated_and_swapped_by_two(people, duty) -> None:
    at = {hour: [one.username for one in on_duty("duty", NOW + dt.timedelta(hours=hour))] for hour in (-1, 0, 7, 8, 16, 24)}
    assert at == {-1: [], 0: ["zhang"], 7: ["zhang"], 8: ["li"], 16: ["zhang"], 24: []}
    with pytest.raises(Refused):
        rosters.add_turns(duty, ["li"], NOW + dt.timedelta(hours=20), 8, people["zhang"])
    with pytest.raises(Refused):
        rosters.add_turns(duty, ["nobody"], NOW + dt.timedelta(days=3), 8, people["zhang"])
    mine = duty.shifts.order_by("starts").first()
    with pytest.raises(Refused):
        rosters.ask_swap(mine.pk, "wang", actor_of_account(Account.objects.create_user("handler1", password=None)), NOW)
    swap = rosters.ask_swap(mine.pk, "wang", people["zhang"], NOW)
    with pytest.raises(NotFound):
        rosters.answer_swap(swap.pk, True, people["li"], NOW)
    assert [one.username for one in on_duty("duty", s(1))] == ["zhang"]
    rosters.answer_swap(swap.pk, True, people["wang"], NOW)
    assert [one.username for one in on_duty("duty", s(1))] == ["wang"]
    with pytest.raises(Refused):
        rosters.remove_turn(mine.pk, people["zhang"], s(1))


def test_nobody_is_told_of_what_they_may_not_read(tell, plan, people) -> None:
    account = Account.objects.create_user("zhao", email="zhao@example.org", password=None)
    Assignment.objects.create(account=account, role="duty_officer", area_code="330212", since=NOW)
    roster = rosters.make_roster("duty", "值班", "", people["zhang"])
    rosters.add_turns(roster, ["zhao"], NOW, 8, people["zhang"])
    tell("raise", "A", s(0))
    Alert.objects.update(dataset="urban_management.case")  # of a dataset that is not open
    turn(s(20))
    assert Delivery.objects.count() == 0
    assert Notice.objects.count() == 1


def test_the_plan_is_checked_whole(people) -> None:
    assert read_plan(DEFAULT).route_of({"rule": "x"}) is not None
    for old, new, says in (
        ('chain = "duty"', 'chain = "dtuy"', "duty"), ('"district"]', '"distrcit"]', "district"),
        ("after_s = 0", "after_s = 700", "order"), ("webhook:ops", "webhook:obs", "ops"),
        ('by = ["app", "email"]', 'by = ["sms"]', "sms"), ('url = "http', 'url = "ftp', "address"),
        ("wait_s", "wiat_s", "wiat_s"), ("[[inhibit]]", "[[inhibit]", "TOML"),
    ):  # fmt: skip
        assert old in PLAN
        with pytest.raises(Refused) as refused:
            current.load(PLAN.replace(old, new, 1), people["chen"], NOW)
        assert says in refused.value.sentence
    with pytest.raises(Refused):
        current.load(PLAN, people["wang"], NOW)


def test_rules_on_rules_hold_while_their_members_are_near() -> None:
    m = dt.timedelta(minutes=1)
    when = Together(within=10 * m, every=("a", "b"), without=("c",))
    held = {"a": [(NOW, NOW + 5 * m)], "b": [(NOW + 12 * m, NOW + 20 * m)], "c": [(NOW + 14 * m, NOW + 14 * m)]}
    assert spells(when, {**held, "c": []}) == [(NOW + 12 * m, NOW + 15 * m)]
    assert spells(when, held) == [(NOW + 12 * m, NOW + 14 * m)]
    some = Together(within=10 * m, some=("a", "b"))
    assert spells(some, {**held, "b": [(NOW + 12 * m, None)]}) == [(NOW, None)]
    assert spells(some, {}) == []
