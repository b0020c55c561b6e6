# SPDX-License-Identifier: Apache-2.0
"""Figures follow the observations: what was touched is computed, and the result is what computing everything gives."""

from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chengyun.operate.engine import evaluate
from chengyun.operate.models import DueWindow, Figure, IndicatorRun

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)
AIR = {"so2": 10.0, "no2": 30.0, "co": 0.7, "o3": 80.0, "pm10": 60.0, "pm25": 35.0}


def hours_of(station, day, values, count=24):
    start = dt.datetime.fromisoformat(day)
    return [(station, start + dt.timedelta(hours=hour), values) for hour in range(count)]


def test_a_day_of_observations_becomes_figures(put):
    put(hours_of("A", "2026-03-10", AIR))
    done = evaluate(NOW)
    assert [one for one in done.ran if one.error] == []
    figure = Figure.objects.get(indicator="air_quality.station_day_aqi", subject="A", superseded_at=None)
    assert figure.period_start == dt.datetime(2026, 3, 10, tzinfo=ZONE)
    assert figure.area_code == "330203001"
    assert figure.value is not None
    assert figure.as_of == {"air_quality.station_hour": 24}
    assert DueWindow.objects.count() == 0
    assert evaluate(NOW).ran == []
