# SPDX-License-Identifier: Apache-2.0
"""What is near, recent, of the same kind and in the same words is found first, and says why."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from django.db import connection

from chengyun.access.models import Organisation
from chengyun.cases import duplicates
from chengyun.cases.duplicates.scoring import Problem, categories_alike, compare, words_alike
from chengyun.cases.models import Case
from chengyun.cases.prepared import fetch
from chengyun.errors import Refused

NOW = dt.datetime(2026, 11, 17, 2, tzinfo=dt.UTC)
TYPE = "urban_management.case"
LON, LAT = 121.5503, 29.8702
LAMP, LID, LITTER = "component/0118", "component/0101", "event/0104"


@pytest.fixture
def case(db):
    owner = Organisation.objects.create(key="operations_centre", name="中心", kind="centre")
    numbers = iter(range(10**6))

    def make(metres: float = 0.0, hours: float = 1.0, category: str = LAMP, text: str = "路灯不亮了", **more) -> Case:
        ended = more.pop("ended", False)
        opened = NOW - dt.timedelta(hours=hours)
        return Case.objects.create(
            number=f"T{next(numbers):06}", type=TYPE, state="closed" if ended else "handling", ended=ended, title="t",
            owner=owner, lon=LON, lat=LAT + metres / 111_320, opened_at=opened, due_at=NOW, closed_at=NOW if ended else None,
            category=category, description=text, **more,
        )  # fmt: skip

    return make


def ask(**more):
    given = {"lon": LON, "lat": LAT, "at": NOW, "category": LAMP, "text": "路口的路灯不亮"} | more
    return duplicates.find(TYPE, **given)


def test_the_most_alike_comes_first_with_its_reasons(case):
    far, kind, same = case(metres=90), case(category=LID), case(metres=5, text="路口路灯不亮")
    found = ask()
    assert found[0].case_number == same.number
    assert {one.case_number for one in found} == {far.number, kind.number, same.number}
    assert found[0].score > 0.9
    assert found[0].reasons[:2] == ("同一地点", "类别相同")
    assert "文字相似" in found[0].reasons[2]


def test_out_of_reach_is_not_found(case):
    case(metres=160)
    case(hours=24 * 40, ended=True)
    case(hours=-5)
    assert ask() == []
    assert len(ask(within_m=200)) == 1
    assert len(ask(days=50)) == 1


def test_an_old_case_that_is_open_is_found_and_an_open_one_is_preferred(case):
    old = case(hours=24 * 90)
    assert [one.case_number for one in ask()] == [old.number]
    ended, open_one = case(ended=True), case()
    assert [one.case_number for one in ask()][:2] == [open_one.number, ended.number]


def test_a_merged_case_gives_way_to_the_one_it_was_merged_into(case):
    whole = case()
    case(ended=True, merged_into=whole)
    assert [one.case_number for one in ask()] == [whole.number]


def test_another_type_is_another_matter(case):
    case()
    assert duplicates.find("air_quality.station_fault", lon=LON, lat=LAT, at=NOW) == []


def test_a_place_that_is_none_is_refused(db):
    with pytest.raises(Refused, match="WGS-84"):
        ask(lon=float("nan"))


def test_leaving_words_alone_changes_nothing(case):
    """The first five are the five best of all, compared one by one with their words."""
    draw = random.Random(7)
    texts = ["路灯不亮", "路口路灯不亮", "垃圾成堆", "井盖松动", ""]
    made = [
        case(draw.uniform(0, 140), draw.uniform(1, 500), draw.choice([LAMP, LID, LITTER, ""]), draw.choice(texts))
        for _ in range(40)
    ]
    new = Problem(LON, LAT, NOW, LAMP, "路口的路灯不亮")
    every = [
        compare(new, Problem(one.lon, one.lat, one.opened_at, one.category, one.description or one.title), 150).score
        for one in made
    ]
    assert [one.score for one in ask()] == sorted(every, reverse=True)[:5]


def test_squares_are_looked_up_not_walked(case):
    """The plan uses both indexes; a table scan would not be quick at a million cases."""
    for _ in range(5):
        case()
    from chengyun.cases.duplicates.queries import _squares, _statement

    box = {"west": LON - 0.001, "south": LAT - 0.001, "east": LON + 0.001, "north": LAT + 0.001}
    asked = box | _squares(*box.values()) | {"type": TYPE, "since": NOW - dt.timedelta(days=30), "until": NOW, "most": 40}
    statement, names = _statement()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Whatever it is asked for: the plan it has when it is planned once for all of them.
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    plan = "\n".join(row[0] for row in fetch("EXPLAIN " + statement, [asked[name] for name in names]))
    assert "duplicates_open" in plan
    assert "duplicates_recent" in plan


def test_what_is_unknown_counts_half():
    one = Problem(LON, LAT, NOW, LAMP, "路灯不亮")
    assert compare(one, one, 150).score == 1.0
    assert compare(one, Problem(LON, LAT, NOW), 150).score == pytest.approx(0.4 + 0.15 + 0.125 + 0.1)


def test_likeness_of_categories_and_words():
    assert [categories_alike(LAMP, other) for other in (LAMP, LID, "component/0301", LITTER, "")] == [1.0, 0.5, 0.2, 0.0, None]
    assert words_alike("路灯不亮", "路灯不亮") == 1.0
    assert words_alike("路灯不亮", "垃圾成堆") == 0.0
    assert words_alike("street light out", "Street light") == pytest.approx(0.8)
    assert words_alike("！", "路灯") is None
