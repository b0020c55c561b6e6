# SPDX-License-Identifier: Apache-2.0
"""A rule's course from draft to live and back, by two persons, and what it is measured by."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from chengyun.access.models import Account, AuditRecord, Organisation
from chengyun.cases.models import Case, CaseClock
from chengyun.city import Budget
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate import alert_store
from chengyun.operate.alerting.models import Delivery
from chengyun.operate.models import Alert
from chengyun.operate.probation import files, services, testing, watching
from chengyun.operate.probation.models import BackTest, FiledRule, Measured, RuleStep, Sighting
from chengyun.operate.probation.ruleset import standing_now
from chengyun.operate.probation.scoring import Real, Said, Score, judge, score, worst_span
from chengyun.operate.rules import Transition

from .conftest import START

KEY = "air_quality.night"
TEXT = """
key = "air_quality.night"
name = "夜间偏高"
on = "station_hour"
field = "pm25"
severity = "yellow"
meaning = "看一下"
[when]
kind = "above"
limit = 75
times = 2
[truth]
incidents = ["mishap"]
before_h = 1
after_h = 2
[budget]
false_alarms = 1
per_days = 7
cost_fen = 5000
"""
HOUR = dt.timedelta(hours=1)


def transition(kind: str, subject: str, at: dt.datetime, *, quiet: bool = True, rule: str = KEY) -> Transition:
    return Transition(
        kind=kind, rule=rule, dataset="air_quality.station_hour", subject=subject, subject_name=subject, area_code="330203001",
        value=80.0, worst=90.0, limit=75.0, since=at, last_seen=at, times=2, now=at, severity="yellow", quiet=quiet,
    )  # fmt: skip


def write(*transitions: Transition) -> None:
    with connection.cursor() as cursor:
        alert_store.write_now(cursor, transitions)


def test_what_is_wrong_with_a_file_is_said(db) -> None:
    city = settings.CITY
    for old, new, says in (
        ('key = "air_quality.night"', 'key = "air_qualty.night"', "air_quality"),
        ('field = "pm25"', 'field = "pm52"', "pm25"),
        ("limit = 75", 'limit = "nothing:there"', "limits.toml"),
        ("limit = 75", "limit = true", "expected"),
        ('kind = "above"', 'kind = "abvoe"', "above"),
        ("times = 2", "tmies = 2", "times"),
        ("false_alarms = 1", "false_alarms = -1", "false_alarms"),
        ('key = "air_quality.night"', 'key = "air_quality.pm25_hour_high"', "declares"),
        ("[when]", "[when", "TOML"),
        ('kind = "above"\nlimit = 75\ntimes = 2', 'kind = "together"\nwithin = "2 h"\nevery = ["no_such"]', "no_such"),
    ):
        assert old in TEXT
        with pytest.raises(Refused) as refused:
            files.read_rule(TEXT.replace(old, new), city)
        assert says in refused.value.sentence or "Expected" in refused.value.sentence
    moves = 'kind = "change"\nby = 5\nwithin = "90 min"'
    filed = files.read_rule(TEXT.replace('kind = "above"\nlimit = 75\ntimes = 2', moves), city)
    assert filed.rule.when.within == dt.timedelta(minutes=90)


def test_a_rule_goes_live_by_two_persons_inside_its_budget_and_is_demoted_over_it(live, people, tmp_path) -> None:
    zhang, li, wang = people["zhang"], people["li"], people["wang"]
    # Two true spells of A, told by the truth; one false one of B.
    live([[("A", hour, 100.0 if hour % 100 in (10, 11, 12) else 10.0, 0) for hour in range(200)],
          [("B", hour, 100.0 if hour in (50, 51) else 10.0, 0) for hour in range(200)]])  # fmt: skip
    truth = config().data / "simulation"
    truth.mkdir(exist_ok=True)
    lines = [
        {
            "what": "mishap", "key": f"m{n}", "since": (START + n * HOUR).isoformat(),
            "until": (START + (n + 3) * HOUR).isoformat(), "sensors": ["A"],
        }
        for n in (10, 110, 180)
    ]  # fmt: skip
    (truth / "planted.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    rule = services.file_rule(TEXT, zhang, START)
    assert (rule.state, rule.version) == ("draft", files.version_of(TEXT))
    assert services.file_rule(TEXT, zhang, START).pk == rule.pk
    with pytest.raises(Refused):
        services.ask(KEY, zhang, START)
    test = testing.run(testing.ask_test(KEY, zhang, START, START - services.YEAR, START + 200 * HOUR).pk)
    assert test.error == ""
    assert (test.alerts, test.true_alerts, test.false_alarms, test.truths, test.found) == (3, 2, 1, 3, 2)
    assert (test.worst_span, test.inside_budget, test.cost_fen) == (1, True, 15_000)
    assert [one["right"] for one in test.examples] == [True, False, True]
    assert test.by_month == [{"month": "2026-03", "alerts": 3, "true": 2}]
    assert services.rule_of(KEY).state == "tested"

    services.ask(KEY, zhang, START)
    with pytest.raises(Refused):
        services.agree(KEY, True, zhang, START)  # asked for it and owns it
    assert KEY not in standing_now().rules
    services.agree(KEY, True, li, START)
    standing = standing_now()
    assert KEY in standing.quiet
    assert KEY not in standing.heard

    write(transition("raise", "A", START), transition("raise", "B", START), transition("clear", "B", START + HOUR))
    assert Sighting.objects.filter(rule=KEY).count() == 2
    assert not Alert.objects.exists()
    BackTest.objects.update(since=START)
    with pytest.raises(Refused, match="一年"):
        services.ask(KEY, li, START)  # two hundred hours are no year
    BackTest.objects.update(since=START - services.YEAR)
    services.ask(KEY, li, START)
    with pytest.raises(Refused):
        services.agree(KEY, False, wang, START)  # a refusal says why
    services.agree(KEY, True, wang, START)
    assert not Sighting.objects.filter(rule=KEY, holds=True).exists()
    assert KEY in standing_now().heard

    for n in range(3):
        at = START + (300 + 30 * n) * HOUR
        write(transition("raise", f"X{n}", at, quiet=False), transition("clear", f"X{n}", at + HOUR, quiet=False))
        Alert.objects.filter(subject=f"X{n}").update(opened_at=at, closed_at=at + HOUR)
    write(transition("raise", "Y", START + 400 * HOUR, quiet=False))
    assert watching.demote_what_is_over(START + 500 * HOUR) == [KEY]
    assert services.rule_of(KEY).state == "demoted"
    assert Alert.objects.get(subject="Y").closed_because == "rule demoted"
    assert KEY in standing_now().quiet
    told = Delivery.objects.filter(notice__body__rule=KEY)
    assert sorted(told.values_list("channel", "account__username")) == [("app", "zhang"), ("email", "zhang")]
    assert list(RuleStep.objects.order_by("id").values_list("after", flat=True)) == [
        "draft", "tested", "probation", "live", "demoted",
    ]  # fmt: skip
    assert AuditRecord.objects.filter(action="alert_rule.demoted", target=KEY).count() == 1

    with pytest.raises(Refused):
        services.agree(KEY, True, wang, START)
    services.file_rule(TEXT.replace("75", "60"), li, START)
    with pytest.raises(Refused):
        services.ask(KEY, li, START)  # the back-test was of another text
    test = testing.run(testing.ask_test(KEY, li, START, START, START + 9000 * HOUR).pk)
    assert test.inside_budget is False or test.worst_span == 1
    services.withdraw(KEY, wang, START, "不用了")
    assert KEY not in standing_now().rules


def test_over_budget_is_not_live(live, people) -> None:
    live([[("B", hour, 100.0 if hour % 10 < 3 else 10.0, 0) for hour in range(100)]])
    services.file_rule(TEXT, people["zhang"], START)
    test = testing.run(testing.ask_test(KEY, people["zhang"], START, START - services.YEAR, START + 200 * HOUR).pk)
    assert (test.inside_budget, test.false_alarms) == (False, 10)
    services.ask(KEY, people["zhang"], START)
    services.agree(KEY, True, people["li"], START)
    with pytest.raises(Refused, match="预算"):
        services.ask(KEY, people["zhang"], START)
    assert BackTest.objects.get().state == "done"


def test_a_declared_rule_may_be_put_on_probation(people) -> None:
    declared = "air_quality.pm25_hour_severe"
    text = f'key = "{declared}"\ndeclared = true\n[budget]\nfalse_alarms = 0\n'
    services.file_rule(text, people["zhang"], START)
    assert declared in standing_now().heard
    write(transition("raise", "A", START, quiet=False, rule=declared))
    FiledRule.objects.update(state="tested")
    rule = services.rule_of(declared)
    BackTest.objects.create(
        rule=rule, version=rule.version, since=START, until=START, against="",
        asked_by_id=people["zhang"].account_id, asked_at=START, state="done", inside_budget=False,
    )  # fmt: skip
    services.ask(declared, people["zhang"], START)
    services.agree(declared, True, people["li"], START)
    assert declared in standing_now().quiet
    assert Alert.objects.get().state == "closed"


def test_a_declared_rule_over_the_budget_its_pack_declares_is_only_counted_until_two_persons_say_otherwise(people) -> None:
    key, now = "parking.lot_unusual", timezone.now()
    begin = now - 200 * HOUR
    declared = settings.CITY.alerts[key]
    assert declared.budget is not None
    truth = config().data / "simulation"
    truth.mkdir(exist_ok=True)
    span = {"what": "fault", "since": begin.isoformat(), "until": now.isoformat()}
    planted = [
        span | {"key": "f", "sensors": ["L0"], "rules": ["parking.lot_still"], "also": [key]},
        # What is wrong with a car park bears out no rule that does not look for it.
        span | {"key": "g", "sensors": ["L1"], "rules": ["parking.lot_silent"], "also": []},
    ]
    (truth / "planted.jsonl").write_text("".join(json.dumps(one) + "\n" for one in planted))

    def told(subject: str, at: dt.datetime) -> None:
        write(transition("raise", subject, at, quiet=False, rule=key))
        write(transition("clear", subject, at + HOUR, quiet=False, rule=key))

    # One of them is right, the others are as many as may be wrong; what no made-up city says is measured by cases, of which
    # this rule names none.
    for n in range(declared.budget.false_alarms + 1):
        told(f"L{n}", begin + (100 + n) * HOUR)
    Alert.objects.update(simulated=True)
    write(transition("raise", "R", begin + 110 * HOUR, quiet=False, rule=key))
    assert watching.demote_what_is_over(now) == []
    assert not FiledRule.objects.exists()
    stands = {(one.rule, one.by): one for one in Measured.objects.all()}
    mine = stands[key, "planted"]
    assert (mine.alerts, mine.false_alarms, mine.worst, mine.allowed, mine.over) == (4, 3, 3, 3, False)
    assert (key, "cases") not in stands
    # What is planted for nothing says nothing of a rule; one that opens checks is measured by them, too.
    assert {by for rule, by in stands if rule == "transit.trip_late"} == set()
    assert {by for rule, by in stands if rule == "air_quality.station_drifting"} == {"planted", "cases"}

    told("W", begin + 105 * HOUR)
    Alert.objects.filter(subject="W").update(simulated=True)
    assert watching.demote_what_is_over(now) == [key]
    assert key in standing_now().quiet
    assert watching.demote_what_is_over(now) == []
    # From now on it is measured by its file, which counts what it sees and tells nobody.
    assert list(Measured.objects.filter(rule=key).values_list("by", "alerts")) == [("truth", 0)]
    rule = services.rule_of(key)
    assert (rule.declared, rule.state, rule.owner) == (True, "demoted", None)
    [step] = RuleStep.objects.filter(rule=rule)
    assert (step.actor, step.note) == ("system", "4 false alarms in 7 days; the budget its pack declares allows 3")
    assert repr(declared.when) in rule.text
    assert Alert.objects.get(subject="R").closed_because == "rule demoted"
    letters = Delivery.objects.filter(notice__body__rule=key)
    assert sorted(letters.values_list("channel", "account__username")) == [("app", "zhang"), ("email", "zhang")]

    # A pack that comes with other limits does not let it speak again; two persons do, inside its budget.
    city = copy.copy(settings.CITY)
    city.alerts = {**city.alerts, key: dataclasses.replace(declared, when=dataclasses.replace(declared.when, probability=1e-9))}
    assert key in standing_now(city).quiet
    BackTest.objects.create(
        rule=rule, version=rule.version, since=begin - services.YEAR, until=begin, against="truth",
        asked_by_id=people["zhang"].account_id,
        asked_at=begin, state="done", inside_budget=True,
    )  # fmt: skip
    for _ in ("probation", "live"):
        services.ask(key, people["zhang"], now)
        services.agree(key, True, people["li"], now)
    assert key in standing_now().heard
    # From then on it is measured as what was filed is, by what it says since.
    assert watching.demote_what_is_over(now) == []


def test_a_rule_that_cannot_be_measured_leaves_the_others_their_turn(people, monkeypatch) -> None:
    def found(key: str, *_given: object) -> list[tuple[bool, Score]]:
        if key == "parking.lot_unusual":
            raise Refused("nothing can be read of it")
        return [(True, Score(99, 0, 99, 0, 0, 99, 0, False))] if key == "water_supply.asset_stuck" else []

    monkeypatch.setattr(watching, "declared_so_far", found)
    assert list(settings.CITY.alerts).index("parking.lot_unusual") < list(settings.CITY.alerts).index("water_supply.asset_stuck")
    assert watching.demote_what_is_over(timezone.now()) == ["water_supply.asset_stuck"]


def test_a_budget_is_measured_by_kinds_of_cases_there_are() -> None:
    """Those of its own pack and of others, as far as they run."""
    budget = Budget(1, cases=["case", "air_quality.air_check", "elsewhere.case"], because="一次半天。")
    assert watching._kinds("urban_management.anything", budget) == ["urban_management.case", "air_quality.air_check"]


def test_a_silence_that_was_told_late_is_the_programs_own(people) -> None:
    key, now = "water_supply.asset_silent", timezone.now()
    truth = config().data / "simulation"
    truth.mkdir(exist_ok=True)
    (truth / "planted.jsonl").write_text("")
    for n in range(9):
        at = now - (60 + n) * HOUR
        write(transition("raise", f"P{n}", at, quiet=False, rule=key))
        write(transition("clear", f"P{n}", at + HOUR, quiet=False, rule=key))
    # Four were told within a minute; of five the clock that tells of them stood when they fell silent.
    Alert.objects.update(simulated=True, since=F("opened_at") - dt.timedelta(minutes=1))
    Alert.objects.filter(subject__gte="P4").update(since=F("opened_at") - 2 * HOUR)
    assert watching.demote_what_is_over(now) == []
    one = Measured.objects.get(rule=key)
    assert (one.by, one.alerts, one.worst, one.allowed) == ("planted", 4, 4, 5)
    Alert.objects.update(since=F("opened_at"))
    assert watching.demote_what_is_over(now) == [key]


def test_every_rule_of_every_pack_has_a_budget_and_says_why() -> None:
    without = [key for key, rule in settings.CITY.alerts.items() if rule.budget is None]
    assert without == []
    assert [key for key, rule in settings.CITY.alerts.items() if len(rule.budget.because) < 20] == []
    kinds = {case for rule in settings.CITY.alerts.values() for case in rule.budget.cases}
    assert kinds <= set(settings.CITY.cases)


def test_the_page_of_rules_shows_what_was_measured_beside_the_budget(people, client) -> None:
    key, now = "parking.lot_unusual", timezone.now()
    given = {"at": now, "since": now, "allowed": 3, "per_days": 7}
    Measured.objects.create(rule=key, by="planted", alerts=41, false_alarms=4, worst=4, **given)
    Measured.objects.create(rule="water_supply.tank_low", by="planted", alerts=2, false_alarms=0, worst=0, **given)
    client.force_login(Account.objects.get(username="zhang"), backend=settings.AUTHENTICATION_BACKENDS[0])
    listing = client.get("/alert-rules").content.decode()
    rows = {row.split("</code>")[0].split("</span>")[0]: row for row in listing.split('<span class="code note">')[1:]}
    assert [word in rows[key] for word in ("4 / 3", "status-bad", "41 条预警", "任 7 天内至多误报 3 次")] == [True] * 4
    assert [word in rows["water_supply.tank_low"] for word in ("0 / 3", "status-bad")] == [True, False]
    assert "无从衡量" in rows["transit.trip_late"]
    page = client.get(f"/alert-rules/{key}").content.decode()
    assert [word in page for word in (settings.CITY.alerts[key].budget.because, "任 7 天内至多误报 3 次")] == [True] * 2


def test_cases_bear_an_alert_out_unless_they_ended_void(people) -> None:
    body = Organisation.objects.create(key="bureau", name="局")
    kind = "urban_management.case"

    def case(number: str, hour: int, **given: object) -> None:
        made = Case.objects.create(
            number=number, type=kind, state="filed", title="t", owner=body, area_code="330203001001",
            opened_at=START + hour * HOUR, due_at=START, **given,
        )  # fmt: skip
        CaseClock.objects.create(case=made, limit_s=1, running_since=START)

    case("1", 1)
    case("2", 2, ended=True, closed_at=START, verified_at=None)
    case("3", 3, source="alert")
    case("4", 4, source="alert", ended=True, closed_at=START, verified_at=timezone.now())
    from chengyun.operate.probation.truths import truths

    spec = files.Truth(cases=[kind], place="street")
    assert [one.since for one in truths(spec, START, START + 9 * HOUR)] == [START + HOUR, START + 4 * HOUR]
    assert truths(spec, START, START + 9 * HOUR)[0].places == {"330203001"}
    assert Account.objects.count() >= 3


def test_the_arithmetic_of_a_score() -> None:
    said = [Said("A", START + n * HOUR, START + (n + 1) * HOUR) for n in (0, 10, 20, 200)]
    real = [Real(frozenset({"A", "B"}), START + 12 * HOUR, START + 30 * HOUR), Real(frozenset({"C"}), START, START)]
    verdict = judge(said, real, 1 * HOUR, 2 * HOUR, START + 300 * HOUR)
    assert verdict.right == [False, True, True, False]
    assert verdict.found == [True, False]
    budget = files.Budget(false_alarms=1, per_days=7, min_precision=0.5, cost_fen=100)
    result = score(said, verdict, budget)
    assert (result.precision, result.recall, result.cost_per_true_fen, result.worst, result.inside) == (0.5, 0.5, 200.0, 1, True)
    blind = score(said, None, budget)
    assert (blind.true_alerts, blind.worst, blind.inside) == (None, 3, False)
    week = [START, START + dt.timedelta(days=7), START + dt.timedelta(days=7) - HOUR]
    assert worst_span(week, 7) == 2
    assert worst_span([], 7) == 0
