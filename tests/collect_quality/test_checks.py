# SPDX-License-Identifier: Apache-2.0
"""The checks as arithmetic: values in, findings out."""

from __future__ import annotations

import pytest

from chengyun.city import Quantity
from chengyun.collect.quality.checks import MOST_KEPT, Outcome, Subject, judge_places, judge_stream, merged, recognise
from chengyun.collect.quality.models import Score
from chengyun.collect.quality.queries import score_of
from chengyun.standards.coordinates import from_wgs84

PM25 = Quantity(key="pm25", name="PM2.5", unit="µg/m³", valid=(0, 1000), stuck=12)


def subject(key: str, middle: float = 40.0, **given: object) -> Subject:
    values = {
        "key": key, "area_code": "330203", "lon": 121.5 + int(key) / 100, "lat": 29.9, "simulated": False, "rows": 24,
        "expected": 24,
        "late": 0, "values": {"pm25": 24}, "wrong": {"pm25": 0}, "stuck": {"pm25": 0}, "middle": {"pm25": middle},
    }  # fmt: skip
    return Subject(**(values | given))  # type: ignore[arg-type]


def judged(*subjects: Subject) -> dict[str, Outcome]:
    return {one.rule: one for one in judge_stream(subjects, [PM25])}


def test_a_clean_day_fails_nothing() -> None:
    outcomes = judged(*(subject(str(number), 40 + number) for number in range(8)))
    assert {rule: one.failed for rule, one in outcomes.items()} == dict.fromkeys(outcomes, 0)
    assert outcomes["rows"].checked == 8 * 24


def test_what_is_missing_late_wrong_or_stuck_is_counted_by_subject() -> None:
    bad = subject("9", rows=20, late=3, values={"pm25": 15}, wrong={"pm25": 2}, stuck={"pm25": 5})
    outcomes = judged(*(subject(str(number)) for number in range(4)), bad, subject("8", rows=0, values={"pm25": 0}))
    counted = {rule: (one.failed, [found.subject for found in one.found]) for rule, one in outcomes.items() if one.failed}
    assert counted == {
        "heard": (1, ["8"]), "rows": (4, ["9"]), "late": (3, ["9"]), "values": (5, ["9"]), "range": (2, ["9"]),
        "stuck": (5, ["9"]),
    }  # fmt: skip


def test_a_subject_apart_from_its_neighbours_has_drifted() -> None:
    outcomes = judged(*(subject(str(number), 40 + number) for number in range(8)), subject("9", 120.0))
    assert [found.subject for found in outcomes["neighbours"].found] == ["9"]
    assert outcomes["neighbours"].found[0].offer == ""
    assert outcomes["unit"].failed == 0


@pytest.mark.parametrize(("middle", "factor"), [(0.041, 1000.0), (41_000.0, 0.001)])
def test_a_factor_of_a_thousand_is_recognised_and_offered(middle: float, factor: float) -> None:
    outcomes = judged(*(subject(str(number), 40 + number) for number in range(8)), subject("9", middle))
    found = outcomes["unit"].found[0]
    assert (found.subject, found.field, found.offer, found.terms) == ("9", "pm25", "factor", {"factor": factor})
    assert outcomes["neighbours"].failed == 0


def test_fahrenheit_is_recognised_only_where_it_explains_the_difference() -> None:
    assert recognise(77.0, 25.0, "℃") == ("fahrenheit", {})
    assert recognise(27.0, 25.0, "℃") is None
    assert recognise(77.0, 25.0, "%") is None
    assert recognise(60.0, 25.0, "℃") is None


def test_real_and_simulated_are_not_compared() -> None:
    real = [subject(str(number), 40.0) for number in range(2)]
    outcomes = judged(*real, *(subject(str(number), 400.0, simulated=True) for number in range(3, 6)))
    assert outcomes["neighbours"].checked == 0


BOX = (121.0, 29.0, 122.0, 30.5)


def test_swapped_coordinates_are_offered_to_be_turned() -> None:
    subjects = [subject("1"), subject("2", lon=29.9, lat=121.5), subject("3", lon=0.0, lat=0.0), subject("4", lon=None, lat=None)]
    outcomes = {one.rule: one for one in judge_places(subjects, BOX, [""] * 4, [""] * 4, [""] * 4, [""] * 4)}
    assert [(found.subject, found.offer) for found in outcomes["order"].found] == [("2", "swapped")]
    assert [found.subject for found in outcomes["places"].found] == ["4"]


def test_an_offset_of_a_whole_source_is_a_datum_and_a_single_one_is_not() -> None:
    shifted = [subject(str(number)) for number in range(6)]
    single = subject("9")
    subjects = [*shifted, single]
    outcomes = {
        one.rule: one
        for one in judge_places(
            subjects, BOX, ["a survey"] * 6 + ["another"], ["330203"] * 7, ["330205"] * 7, ["330203"] * 6 + ["330203"]
        )
    }
    assert [found.subject for found in outcomes["datum"].found] == [one.key for one in shifted]
    assert {found.offer for found in outcomes["datum"].found} == {"gcj02"}
    assert [found.subject for found in outcomes["area"].found] == ["9"]
    lon, lat = from_wgs84(121.5, 29.9, "GCJ-02")
    assert abs(float(lon) - 121.5) + abs(float(lat) - 29.9) > 0.003


def test_a_score_is_the_mean_of_what_applies() -> None:
    rows = [
        Score(dimension="accuracy", weight=1, checked=100, failed=50),
        Score(dimension="accuracy", weight=3, checked=10, failed=0),
        Score(dimension="timeliness", weight=1, checked=0, failed=0),
        Score(dimension="completeness", weight=1, checked=1200, failed=30),
    ]  # fmt: skip
    total, by = score_of(rows)
    assert by["accuracy"] == pytest.approx(87.5)
    assert by["completeness"] == pytest.approx(97.5)  # 1170 of 1200 elements
    assert by["timeliness"] is None
    assert total == pytest.approx((87.5 + 97.5) / 2)


def test_groups_together_are_the_whole_with_its_worst_findings() -> None:
    groups = [judge_stream([subject(str(number), rows=24 - number % 3)], [PM25]) for number in range(MOST_KEPT + 50)]
    whole = {one.rule: one for one in merged(groups)}
    assert whole["rows"].checked == (MOST_KEPT + 50) * 24
    assert whole["rows"].failed == sum(number % 3 for number in range(MOST_KEPT + 50))
    kept = [found.count for found in whole["rows"].found]
    assert kept == sorted(kept, reverse=True)
    assert len([one for one in kept if one == 2]) == sum(number % 3 == 2 for number in range(MOST_KEPT + 50))
    assert merged([]) == []
