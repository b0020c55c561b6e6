# SPDX-License-Identifier: Apache-2.0
"""Rules on batches against a slow oracle that takes one observation at a time."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.city import Above, AlertRule, Below, Change, Entry, Limits, Quantity, Ref, Stream
from chengyun.lake.rows import Rows
from chengyun.operate.rules import Holding, Named, RuleWatch, Transition

ZONE = ZoneInfo("Asia/Shanghai")
START = dt.datetime(2026, 2, 28, tzinfo=ZONE)
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
INVALID = 1 << 8

STREAM = Stream(
    key="hours",
    name="小时值",
    one_row_is="one station, one hour",
    time="at",
    fields=[Ref("station", to="station"), Quantity("pm25", "PM2.5", unit="µg/m³", valid=(0, 1000))],
)
LIMITS = Limits(
    {
        "limit.pm25": (
            Entry(dt.date(2016, 1, 1), "old edition", "µg/m³", "", {"day": 75}),
            Entry(dt.date(2026, 3, 1), "new edition", "µg/m³", "", {"day": Decimal("60.5")}),
        )
    },
    "tiny/limits.toml",
)


def watch(*whens) -> RuleWatch:
    rules = {
        f"tiny.rule_{i}": AlertRule(f"rule_{i}", "规则", "hours", when, "yellow", "看一下", field="pm25")
        for i, when in enumerate(whens)
    }
    city = SimpleNamespace(streams={"tiny.hours": STREAM}, alerts=rules, limits=lambda key: LIMITS)
    return RuleWatch(city, "tiny.hours", zone=ZONE)


def batch(rows) -> Rows:
    """rows: (entity, hour, value or None, quality)."""
    at = [int((START + dt.timedelta(hours=hour)).timestamp() * 1_000_000) for _, hour, _, _ in rows]
    return Rows(
        np.array([row[0] for row in rows], np.int32),
        np.array(at, np.int64),
        np.array([row[3] for row in rows], np.int64),
        {"pm25": np.array([np.nan if row[2] is None else row[2] for row in rows], np.float64)},
        {},
    )


NAMES = {entity: Named(f"S{entity}", f"{entity} 号站", "330212001") for entity in range(10)}


def told(transitions: list[Transition]):
    """What must not depend on how rows were cut into batches, for each subject in order."""
    by_subject = {}
    for one in transitions:
        if one.kind != "update":
            told_of_one = (one.kind, one.last_seen, one.value, one.worst, one.since, one.times)
            by_subject.setdefault((one.rule, one.subject), []).append(told_of_one)
    return by_subject


def run(rules: RuleWatch, batches) -> list[Transition]:
    found = []
    for rows in batches:
        if rows:
            transitions = rules.judge(batch(rows), NAMES, NOW)
            rules.settle(transitions)
            found += transitions
    return found


def oracle(when, rows):
    """One observation at a time, with plain Python."""
    newest, found, states, tails = {}, {}, {}, {}
    for entity, hour, value, quality in rows:
        if hour <= newest.get(entity, -1):
            continue
        newest[entity] = hour
        if value is None or quality & INVALID:
            continue
        at = START + dt.timedelta(hours=hour)
        holds, run_, since, worst, times = states.get(entity, (False, 0, None, None, 0))
        if isinstance(when, Change):
            near = [old for old_hour, old in tails.get(entity, []) if dt.timedelta(hours=hour - old_hour) <= when.within]
            tails.setdefault(entity, []).append((hour, value))
            beyond = any(abs(value - old) > when.by for old in near)
            if beyond and not holds:
                since, worst, times = at, value, 0
            times += beyond or holds
            if beyond != holds:
                found.setdefault(("tiny.rule_0", f"S{entity}"), []).append(
                    ("raise" if beyond else "clear", at, value, worst, since, times)
                )
            states[entity] = (beyond, 0, since, worst, times)
            continue
        limit = when.limit
        if isinstance(limit, str):
            limit = 60.5 if at.date() >= dt.date(2026, 3, 1) else 75
        clear = limit if when.clear is None else when.clear
        above = isinstance(when, Above)
        beyond = value > limit if above else value < limit
        back = value <= clear if above else value >= clear
        run_ = run_ + 1 if beyond else 0
        if run_ == 1 and not holds:
            since, worst, times = at, value, 0
        if run_ or holds:
            times += 1
            worst = max(worst, value) if above else min(worst, value)
        was = holds
        if run_ >= when.times:
            holds = True
        elif back:
            holds = False
        if holds != was:
            found.setdefault(("tiny.rule_0", f"S{entity}"), []).append(
                ("raise" if holds else "clear", at, value, worst, since, times)
            )
        states[entity] = (holds, run_, since, worst, times)
    return found


CONDITIONS = [
    Above(limit=75),
    Above(limit=75, clear=50, times=3),
    Above(limit="limit.pm25:day", times=2),
    Below(limit=20, clear=40),
    Below(limit=20, times=2),
    Change(by=30, within=dt.timedelta(hours=2)),
]
VALUES = st.one_of(st.none(), st.sampled_from([0.0, 19.0, 20.0, 30.0, 45.0, 50.0, 60.5, 61.0, 75.0, 75.5, 90.0, 120.0]))
ROWS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 40), VALUES, st.sampled_from([0, 0, 0, INVALID])), max_size=60)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 60), max_size=8), which=st.sampled_from(CONDITIONS), in_order=st.booleans())
def test_any_cut_into_batches_gives_what_one_observation_at_a_time_gives(rows, cuts, which, in_order):
    if in_order:
        rows = sorted(rows, key=lambda row: row[1])
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    cut_up = [rows[low:high] for low, high in pairwise(edges)]
    expected = oracle(which, rows)
    assert told(run(watch(which), [rows])) == expected
    assert told(run(watch(which), cut_up)) == expected


def test_a_duplicate_and_a_late_row_change_nothing():
    rules = watch(Above(limit=75))
    assert [t.kind for t in run(rules, [[(1, 5, 10.0, 0)], [(1, 5, 200.0, 0)], [(1, 4, 200.0, 0)]])] == []
    assert [t.kind for t in run(rules, [[(1, 6, 200.0, 0)]])] == ["raise"]


def test_what_was_not_settled_did_not_happen():
    rules = watch(Above(limit=75))
    first = rules.judge(batch([(1, 1, 80.0, 0)]), NAMES, NOW)
    again = rules.judge(batch([(1, 1, 80.0, 0)]), NAMES, NOW)
    assert [t.kind for t in first] == [t.kind for t in again] == ["raise"]


def test_an_invalid_value_neither_raises_nor_clears_nor_breaks_a_run():
    rules = watch(Above(limit=75, times=2))
    rows = [(1, 1, 80.0, 0), (1, 2, 999.0, INVALID), (1, 3, None, 0), (1, 4, 80.0, 0), (1, 5, 0.0, INVALID)]
    assert [(t.kind, t.times) for t in run(rules, [rows])] == [("raise", 2)]


def test_the_limit_is_that_of_the_local_day():
    rules = watch(Above(limit="limit.pm25:day"))
    found = run(rules, [[(1, 23, 70.0, 0)], [(1, 24, 70.0, 0)]])
    assert [(t.kind, t.limit, t.last_seen.astimezone(ZONE).date()) for t in found] == [("raise", 60.5, dt.date(2026, 3, 1))]


def test_before_the_first_edition_nothing_is_beyond_the_limit():
    rules = watch(Above(limit="limit.pm25:day"))
    early = -24 * 365 * 12
    assert run(rules, [[(1, early, 500.0, 0)]]) == []


def test_a_transition_carries_its_evidence_and_group():
    city_rule = AlertRule("high", "超标", "hours", Above(limit=75), "red", "看一下", field="pm25", group="district")
    city = SimpleNamespace(streams={"tiny.hours": STREAM}, alerts={"tiny.high": city_rule}, limits=lambda key: LIMITS)
    rules = RuleWatch(city, "tiny.hours", zone=ZONE)
    [one] = rules.judge(batch([(7, 0, 5.0, 0), (7, 1, 80.0, 128)]), NAMES, NOW, seq_from=100)
    assert (one.rule, one.subject, one.severity, one.group_key, one.simulated) == (
        "tiny.high",
        "S7",
        "red",
        "tiny.high@330212",
        True,
    )
    assert one.evidence["seq"] == 101
    assert one.evidence["value"] == 80.0


def test_an_open_alert_is_refreshed_at_most_every_30_seconds():
    rules = watch(Above(limit=75))
    kinds = []
    for hour, second in [(1, 0), (2, 5), (3, 29), (4, 30), (5, 31)]:
        found = rules.judge(batch([(1, hour, 80.0, 0)]), NAMES, NOW + dt.timedelta(seconds=second))
        rules.settle(found)
        kinds.append([t.kind for t in found])
    assert kinds == [["raise"], [], [], ["update"], []]


def test_a_restored_watch_goes_on_where_the_last_one_stopped():
    rules = watch(Above(limit=75, clear=50, times=3))
    since = START.astimezone(dt.UTC)
    rules.restore(
        [(1, START + dt.timedelta(hours=4)), (2, START)],
        [Holding("tiny.rule_0", 1, True, 0, since, 90.0, 7), Holding("tiny.rule_0", 2, False, 2, since, None, 2)],
    )
    found = run(rules, [[(1, 3, 0.0, 0), (1, 5, 60.0, 0), (2, 1, 80.0, 0)], [(1, 6, 50.0, 0)]])
    assert [(t.kind, t.subject, t.times, t.worst) for t in found if t.kind != "update"] == [
        ("raise", "S2", 3, 80.0),
        ("clear", "S1", 9, 90.0),
    ]


def test_a_part_that_reads_more_than_its_whole_waits_for_the_next_observation():
    def hours(*rows: tuple[int, float, float | None]) -> Rows:
        found = batch([(1, hour, fine, 0) for hour, fine, _ in rows])
        found.numbers["pm10"] = np.array([np.nan if coarse is None else coarse for _, _, coarse in rows])
        return found

    def kinds(*batches: Rows) -> list[list[tuple[str, int]]]:
        rules = watch(Above(limit=150, clear=115, part_of="pm10"))
        said = []
        for rows in batches:
            found = rules.judge(rows, NAMES, NOW)
            said.append([(one.kind, one.times) for one in found if one.kind != "update"])
            rules.settle(found)
        return said

    smoke, spike, calm, blind = (1, 220.0, 300.0), (1, 720.0, 60.0), (2, 30.0, 60.0), (1, 220.0, None)
    assert kinds(hours(smoke), hours(calm)) == [[("raise", 1)], [("clear", 2)]]
    assert kinds(hours(spike), hours(calm)) == [[], []]  # one instrument is wrong, and the next hour says which
    assert kinds(hours(spike), hours((2, 220.0, 300.0))) == [[], [("raise", 2)]]
    assert kinds(hours(spike), hours((2, 720.0, 60.0))) == [[], [("raise", 2)]]  # still contradicted: somebody is to look
    assert kinds(hours(spike, (2, 720.0, 60.0))) == [[("raise", 2)]]
    assert kinds(hours(blind)) == [[("raise", 1)]]  # where the whole is not known nothing contradicts
    assert kinds(hours((1, 160.0, 150.0))) == [[("raise", 1)]]  # two honest instruments differ a little


def test_runs_that_are_not_alerts_are_told_when_they_change():
    rules = watch(Above(limit=75, times=3))
    rules.judge(batch([(1, 1, 80.0, 0), (2, 1, 10.0, 0)]), NAMES, NOW)
    assert [(rule, entity, count) for rule, entity, count, _ in rules.runs()] == [("tiny.rule_0", 1, 1)]
    rules.settle()
    rules.judge(batch([(1, 2, 10.0, 0)]), NAMES, NOW)
    assert [(rule, entity, count) for rule, entity, count, _ in rules.runs()] == [("tiny.rule_0", 1, 0)]


def test_a_limit_that_is_not_in_the_table_names_the_nearest():
    with pytest.raises(Exception, match='Did you mean "day"'):
        watch(Above(limit="limit.pm25:dya"))
