# SPDX-License-Identifier: Apache-2.0
"""A back-test over what is stored says what the live path raised on the same rows, however they came."""

from __future__ import annotations

import datetime as dt
import random

from django.conf import settings

from chengyun.city import Above, AlertRule, Silent, Together
from chengyun.lake.services import seal
from chengyun.operate.models import Alert, Figure
from chengyun.operate.probation import services
from chengyun.operate.probation.models import FiledRule, Sighting
from chengyun.operate.probation.replay import replay

from .conftest import START, STREAM

INVALID_PM25 = 1 << 8
FILE = """
key = "air_quality.{key}"
name = "夜间偏高"
on = "station_hour"
field = "pm25"
severity = "yellow"
meaning = "看一下"
{group}
[when]
{when}
[budget]
false_alarms = 2
"""


def file_of(key: str, when: str, group: str = "") -> str:
    return FILE.format(key=key, when=when, group=group)


def test_the_back_test_is_what_the_live_path_raised(live, people) -> None:
    dice = random.Random(20261122)
    wanted = {
        "steps": 'kind = "above"\nlimit = 75\nclear = 60\ntimes = 2',
        "counted": 'kind = "above"\nlimit = 75\nclear = 60\ntimes = 2',
        "low": 'kind = "below"\nlimit = 20',
        "part": 'kind = "above"\nlimit = 75\npart_of = "pm10"',
        "jump": 'kind = "change"\nby = 50\nwithin = "3 h"',
    }
    for key, when in wanted.items():
        rule = services.file_rule(file_of(key, when), people["zhang"], START)
        FiledRule.objects.filter(pk=rule.pk).update(state="probation" if key == "counted" else "live")
    rows = []
    for hour in range(400):
        for station in "ABC":
            if dice.random() < 0.15:
                continue
            late = dice.randrange(1, 6) if dice.random() < 0.1 else 0
            value = None if dice.random() < 0.05 else dice.choice((10.0, 30.0, 62.0, 70.0, 80.0, 140.0))
            rows.append((station, hour - late, value, INVALID_PM25 if dice.random() < 0.05 else 0))
    batches = []
    while rows:
        size = dice.choice((1, 7, 60, 200))
        batches.append(rows[:size])
        rows = rows[size:]
    live(batches[: len(batches) // 2])
    seal(STREAM)
    live(batches[len(batches) // 2 :])

    since, until = START - dt.timedelta(days=1), START + dt.timedelta(days=30)
    for key in wanted:
        full = f"air_quality.{key}"
        done = replay(settings.CITY, full, _rule(full), since, until)
        store = Sighting if key == "counted" else Alert
        raised = [
            (it.subject, it.since, None if it.holds else it.last_seen_at, it.worst) for it in store.objects.filter(rule=full)
        ]
        would = [(it.subject, it.since, it.ended, it.worst) for it in done.alerts]
        if key == "jump":  # of a change, worst is the first value beyond
            raised, would = [it[:3] for it in raised], [it[:3] for it in would]
        still = [it[:2] for it in raised if it[2] is None]
        ended = sorted(it for it in raised if it[2] is not None)
        assert sorted(it for it in would if it[2] is not None) == ended
        assert sorted(it[:2] for it in would if it[2] is None) == sorted(still)
        assert len(raised) > 5
        assert done.rows > 900
    assert not Alert.objects.filter(rule="air_quality.counted").exists()


def test_silence_and_rules_on_rules_and_on_figures_are_tested_too(live, people) -> None:
    live([[("A", hour, 100.0 if hour in (3, 4, 30) else 10.0, 0) for hour in range(40) if not 10 <= hour < 16]])
    until = START + dt.timedelta(hours=40)
    silent = AlertRule("gap", "断线", "station_hour", Silent(dt.timedelta(hours=3)), "blue", "看")
    [one] = [it for it in replay(settings.CITY, "air_quality.gap", silent, START, until).alerts if it.ended]
    assert (one.subject, one.raised, one.ended) == ("A", START + dt.timedelta(hours=12), START + dt.timedelta(hours=16))

    for key, when in (("high", 'kind = "above"\nlimit = 75'), ("jumps", 'kind = "change"\nby = 50\nwithin = "1 h"')):
        rule = services.file_rule(file_of(key, when), people["zhang"], START)
        FiledRule.objects.filter(pk=rule.pk).update(state="live", changed_at=START + dt.timedelta(seconds=rule.pk))
    both = Together(within=dt.timedelta(hours=2), every=("high",), without=("jumps",), same="district")
    done = replay(settings.CITY, "air_quality.both", AlertRule("both", "合", "station_hour", both, "blue", "看"), START, until)
    assert [(it.subject, it.raised) for it in done.alerts] == []
    both = Together(within=dt.timedelta(hours=2), every=("high", "jumps"), same="district")
    done = replay(settings.CITY, "air_quality.both", AlertRule("both", "合", "station_hour", both, "blue", "看"), START, until)
    assert [(it.subject, it.raised) for it in done.alerts] == [
        ("330203", START + dt.timedelta(hours=3)), ("330203", START + dt.timedelta(hours=30)),
    ]  # fmt: skip

    Figure.objects.bulk_create([
        Figure(
            indicator="air_quality.station_day_aqi", subject="A", area_code="330203001", value=value, detail={}, quality={},
            period_start=START + dt.timedelta(days=day), simulated=False, as_of={}, version="v", computed_at=START,
        )
        for day, value in enumerate((50.0, 120.0, 130.0, 90.0))
    ])  # fmt: skip
    daily = AlertRule("daily", "日", "station_day_aqi", Above(100, times=2), "blue", "看")
    [one] = replay(settings.CITY, "air_quality.daily", daily, START, START + dt.timedelta(days=9)).alerts
    assert (one.subject, one.since, one.worst) == ("A", START + dt.timedelta(days=1), 130.0)
    assert one.ended is not None


def _rule(key: str) -> AlertRule:
    from chengyun.operate.probation.ruleset import standing_now

    return standing_now(settings.CITY).rules[key]
