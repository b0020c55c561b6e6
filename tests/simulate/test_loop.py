# SPDX-License-Identifier: Apache-2.0
"""A made-up city's reports and cases: the same for the same seed, worked to an end, its truth apart."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from chengyun.access.models import Account, Organisation
from chengyun.areas.geometry import to_wkb
from chengyun.areas.models import Area, TreeVersion
from chengyun.cases.duties.services import ensure_duties
from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case, CaseEvent, CaseStage
from chengyun.city import SimulatedArea
from chengyun.city.incidents import Habits
from chengyun.config import config
from chengyun.errors import Misdeclared
from chengyun.simulate.incidents import planned
from chengyun.simulate.loop import advance, made_up_type
from chengyun.simulate.people import after_work, habit_of
from chengyun.web import cache

KIND = "urban_management.case"
ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 11, 19, 8, tzinfo=dt.UTC)
PLACES = (SimulatedArea("330203", "海曙区", ((121.45, 29.85), (121.42, 29.83))),)


def habits() -> Habits:
    pack = settings.CITY.packs["urban_management"]
    return Habits.read(pack.folder / "habits.toml", settings.CITY.cases[KIND], settings.CITY.scheme(KIND))


@pytest.fixture
def city(db) -> None:
    from shapely.geometry import box, mapping

    cache.forget_all()
    for code, level, name, parent, outline in (
        ("330200", "city", "宁波市", "", None),
        ("330203", "district", "海曙区", "330200", box(121.3, 29.7, 121.5, 30.0)),
        ("330212", "district", "鄞州区", "330200", box(121.5, 29.7, 121.8, 30.0)),
    ):
        Area.objects.create(
            code=code, level=level, name=name, parent_code=parent, valid_from=dt.date(2016, 1, 1), source="test", lon=121.5,
            lat=29.85, outline=mapping(outline) if outline else None, boundary=to_wkb(outline) if outline else None,
        )  # fmt: skip
    TreeVersion.objects.create()
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    for key, name in (("enforcement", "综合执法局"), ("housing", "住房和城乡建设局"), ("transport", "交通运输局")):
        Organisation.objects.create(key=key, name=name, parent=centre)
    ensure_duties()


def test_the_same_seed_makes_the_same_day() -> None:
    day = dt.date(2026, 11, 18)
    first, again, other = (planned(day, habits(), PLACES, seed, ZONE) for seed in (330200, 330200, 330201))
    assert first == again != other
    assert [one.at for one in first] == sorted(one.at for one in first)
    assert all(one.at.astimezone(ZONE).date() == day for one in first)
    assert planned(day, habits(), (), 330200, ZONE) == []


def test_some_of_what_goes_wrong_is_never_reported_and_some_more_than_once() -> None:
    days = [planned(dt.date(2026, 1, 1) + dt.timedelta(days=number), habits(), PLACES, 7, ZONE) for number in range(120)]
    told = Counter(len(one.told) for day in days for one in day)
    whole = sum(told.values())
    expected = sum(kind.often for kind in habits().incidents) * 120 / 7
    assert abs(whole - expected) < 4 * expected**0.5
    assert 0.25 < told[0] / whole < 0.35
    assert told[2] + told[3] > 0.12 * whole


def test_reports_are_worked_to_an_end_with_an_owner_at_every_moment(city, tmp_path: Path) -> None:
    made_up = dataclasses.replace(config(), data=tmp_path)
    done = advance(made_up, settings.CITY, NOW, 3)
    assert done.reports == Report.objects.filter(simulated=True).count() > 10
    assert done.deeds > 3 * done.reports
    cases = Case.objects.filter(type=KIND)
    assert all(case.simulated for case in cases)
    assert cases.filter(state="closed").count() > len(cases) / 3
    assert not cases.filter(ended=False, opened_at__lt=NOW - dt.timedelta(days=2), state="reported").exists()
    for case in cases:
        stays = list(CaseStage.objects.filter(case=case).order_by("id"))
        assert stays[0].entered_at == case.opened_at
        assert all(one.left_at == following.entered_at for one, following in itertools.pairwise(stays))
        assert all(one.owner_id for one in stays)
        assert [one.at for one in CaseEvent.objects.filter(case=case).order_by("id")] == sorted(
            one.at for one in CaseEvent.objects.filter(case=case)
        )
    truth = [json.loads(line) for line in (tmp_path / "simulation" / "truth.jsonl").read_text("utf-8").splitlines()]
    numbers = {one["number"] for one in truth if one["what"] == "report"}
    assert numbers == set(Report.objects.values_list("number", flat=True))
    assert {one["incident"] for one in truth if one["what"] == "report"} <= {
        one["key"] for one in truth if one["what"] == "incident"
    }
    assert sum(one["what"] == "false" for one in truth) == done.false
    assert not Account.objects.filter(username__startswith="simulated-").exclude(password__startswith="!").exists()


def test_a_second_run_goes_on_where_the_first_one_ended(city, tmp_path: Path) -> None:
    made_up = dataclasses.replace(config(), data=tmp_path)
    advance(made_up, settings.CITY, NOW - dt.timedelta(days=1), 1)
    before = Report.objects.count()
    assert advance(made_up, settings.CITY, NOW - dt.timedelta(days=1), 1).reports == 0
    later = advance(made_up, settings.CITY, NOW, 1)
    assert Report.objects.count() == before + later.reports
    assert later.reports > 0


def test_a_city_without_areas_or_bodies_waits(db, tmp_path: Path) -> None:
    assert advance(dataclasses.replace(config(), data=tmp_path), settings.CITY, NOW, 2).reports == 0
    assert made_up_type(settings.CITY) == KIND


@pytest.mark.parametrize(
    ("since", "minutes", "done"),
    [("11-22T10:00", 60, "11-22T11:00"), ("11-22T20:30", 60, "11-23T07:30"), ("11-22T03:00", 30, "11-22T07:30"),
     ("11-22T22:00", 15 * 60, "11-24T08:00")],
)  # fmt: skip
def test_work_is_done_in_shifts(since: str, minutes: int, done: str) -> None:
    begun, ended = (dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZONE) for text in (since, done))
    assert after_work(begun, dt.timedelta(minutes=minutes), ZONE) == ended


def test_bodies_differ_and_keep_their_ways() -> None:
    ways = Counter(habit_of(f"body-{number}", 1).name for number in range(400))
    assert set(ways) == {"diligent", "slow", "cheating"}
    assert ways["diligent"] > ways["slow"] > ways["cheating"] > 15


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('[[moves]]\nstate = "to_file"\nstep = "dispatch"\nminutes = 1\n', "no step from 'to_file'"),
        ('[[moves]]\nstate = "to_file"\nminutes = 1\n', "step"),
        ('[[incidents]]\ncategory = "event/9999"\noften = 1\ntexts = ["坏了"]\n', "no catalogue"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "habits.toml"
    path.write_text((settings.CITY.packs["urban_management"].folder / "habits.toml").read_text("utf-8") + line, encoding="utf-8")
    with pytest.raises(Misdeclared, match=said):
        Habits.read(path, settings.CITY.cases[KIND], settings.CITY.scheme(KIND))
