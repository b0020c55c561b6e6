# SPDX-License-Identifier: Apache-2.0
"""What was noticed against what was planted, on cases small enough to count by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from chengyun.simulate.score.duplicates import Filed, score_duplicates
from chengyun.simulate.score.people import ordered, score_bodies, score_pairs, score_signs
from chengyun.simulate.score.rules import Alerted, Flagged, score_flags, score_planted, score_rules

START = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
END = START + dt.timedelta(days=10)
NEAR = {"p.low": dt.timedelta(hours=1), "p.day": dt.timedelta(days=1)}


def hour(number: float) -> dt.datetime:
    return START + dt.timedelta(hours=number)


def planted(key: str, since: float, until: float, *sensors: str, **more: Any) -> dict[str, Any]:
    return {
        "what": "mishap", "kind": "burst", "stream": "p.s", "key": key, "since": hour(since), "until": hour(until),
        "sensors": list(sensors), "rules": ["p.low"], "also": ["p.day"], **more,
    }  # fmt: skip


PLANTED = [
    planted("found", 10, 14, "a", "b"),
    planted("missed", 50, 54, "a"),
    planted("goes on", 236, 250, "a"),
    planted("fault", 100, 106, "c", what="fault", kind="silence", rules=["p.low"], also=[], flag="gap"),
]
ALERTS = [
    Alerted("p.low", "a", hour(11), hour(13)),
    Alerted("p.low", "b", hour(12), hour(13)),
    Alerted("p.low", "a", hour(30), hour(31)),  # nothing was planted then
    Alerted("p.low", "z", hour(11), hour(13)),  # nor ever there
    Alerted("p.day", "a", hour(0), hour(0)),
    Alerted("p.other", "a", hour(11), hour(13)),
]
FLAGS = [
    Flagged("p.s", "c", "gap", hour(107)),
    Flagged("p.s", "c", "gap", hour(170)),
    Flagged("p.s", "a", "spike", hour(12)),
]


def test_a_rule_is_right_when_something_planted_explains_it() -> None:
    [day, low], other, heard = score_rules(PLANTED, ALERTS, NEAR, END)
    assert (low.rule, low.planted, low.found, low.alerts, low.true) == ("p.low", 3, 1, 4, 2)
    assert (low.precision, low.recall, low.delay_h) == (0.5, pytest.approx(1 / 3), 1.0)
    # It may speak and need not: its alerts count, and nothing is asked of it.
    assert (day.planted, day.found, day.alerts, day.true, day.recall) == (0, 0, 1, 1, None)
    assert other == {"p.other": 1}
    assert heard["p.low"] == heard["p.day"] == {"found"}


def test_what_was_planted_is_found_or_listed() -> None:
    *_, heard = score_rules(PLANTED, ALERTS, NEAR, END)
    by_kind = {one.what: one for one in score_planted(PLANTED, heard, FLAGS, END)}
    assert (by_kind["mishap"].planted, by_kind["mishap"].by_alert, by_kind["mishap"].missed) == (2, 1, ["missed"])
    assert (by_kind["fault"].planted, by_kind["fault"].by_flag, by_kind["fault"].missed) == (1, 1, [])
    late = score_planted(PLANTED, heard, FLAGS[1:], END)
    assert [one.missed for one in late if one.what == "fault"] == [["fault"]]


def test_flags_are_right_where_anything_was_planted() -> None:
    assert score_flags(PLANTED, FLAGS) == {"gap": (2, 1), "spike": (1, 1)}


def test_duplicates_are_counted_by_pairs() -> None:
    incident = {"r1": "i1", "r2": "i1", "r3": "i1", "r4": "i2", "r5": "i3"}
    case = {"r1": "c1", "r2": "c1", "r3": "c2", "r4": "c2", "r9": "c1"}
    found = score_pairs(incident, case)
    assert (found.planted, found.joined, found.right) == (3, 2, 1)
    assert (found.precision, found.recall) == (0.5, pytest.approx(1 / 3))
    assert score_pairs({}, {}).precision is None


def test_false_closings_are_counted_by_cases() -> None:
    false = {"c1": "again", "c2": "clever", "c5": "elsewhere", "not_worked_on": "clever"}
    doubt = {"c1": 0.9, "c2": 0.2, "c3": 0.6, "c4": 0.0, "c5": 0.8}
    found = score_signs(false, {"c5"}, doubt, {"photo_copied": ["c1", "c3"], "photo_elsewhere": ["c5"]}, 0.5)
    assert (found.planted, found.doubted, found.right, found.caught) == (2, 2, 1, 1)
    assert found.missed == {"c2": "clever"}
    assert found.by_sign == {"photo_copied": (2, 1), "photo_elsewhere": (1, 1)}
    assert (found.precision, found.recall) == (0.5, 0.5)


def test_a_duplicate_is_found_missed_with_its_reason_or_came_too_late() -> None:
    def filed(number: str, when: float, first: str, case: str = "", by: str = "", **shown: float) -> Filed:
        return Filed(number=number, received_at=hour(when), first=first, case=case or first, by=by, shown=shown)

    reports = [
        filed("r1", 0, "c1"), filed("r2", 1, "c1", by="program", c1=0.95), filed("r3", 2, "c3", c9=0.8, c1=0.7),
        filed("r4", 3, "c4", "c1", c1=0.6), filed("r5", 4, "c5"), filed("r6", 30, "c6"),
        filed("other", 5, "c1", by="reporter", c1=0.5), filed("real", 6, "c1", by="program"),
    ]  # fmt: skip
    incident_of = dict.fromkeys(("r1", "r2", "r3", "r4", "r5", "r6"), "i1") | {"other": "i2"}
    found = score_duplicates(reports, incident_of, {"c1": hour(20), "c3": hour(20), "c5": hour(20)})
    assert (found.due, found.ended, found.found) == (4, 1, 2)
    assert found.right == {"program": 1, "reporter": 0, "clerk": 1}
    assert found.wrong == {"program": 0, "reporter": 1, "clerk": 0}
    assert found.missed == {"r3": "shown", "r5": "not_shown"}
    assert (found.shown, found.first) == (3, 2)
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), 0.5)
    assert score_duplicates([], {}, {}).recall is None


def test_bodies_are_compared_with_how_they_really_work() -> None:
    worked = [("a", "c1", True, 2.0), ("a", "c2", True, 4.0), ("b", "c3", False, 30.0), ("b", "c4", None, None)]
    a, b = score_bodies(worked, {"a": "diligent", "b": "slow"}, {"c3": 0.9}, 0.5)
    assert (a.habit, a.cases, a.in_time, a.hours, a.doubted) == ("diligent", 2, 1.0, 4.0, 0.0)
    assert (b.habit, b.in_time, b.hours, b.doubted) == ("slow", 0.0, 30.0, 0.5)
    assert ordered([3, 1], [2, 1]) == 0.625
    assert ordered([], [1.0]) is None
