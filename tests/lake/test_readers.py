# SPDX-License-Identifier: Apache-2.0
"""Readers above the lake: the row a key names, and a neighbour's history under a right that is for a period."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings

from chengyun.access.actors import SYSTEM
from chengyun.access.policy import Layer, Scope
from chengyun.access.predicates import AreaIn, During, Everything, Predicate, all_of, any_of, whenever
from chengyun.errors import NotFound, Refused
from chengyun.protocols.sensorthings.history import _read, _Window
from chengyun.share.requests import keys

from .conftest import GAUGES, START, Lake, Reading

HERE, ELSEWHERE = AreaIn(("330203",)), AreaIn(("330204",))


def hour(number: int) -> dt.datetime:
    return START + dt.timedelta(hours=number)


def allowed(rows: Predicate) -> Scope:
    return Scope(SYSTEM, "gauges.level", None, False, (Layer(rows, ""),), "", time=settings.CITY.streams["gauges.level"].time)


def test_a_key_names_a_row_that_is_there_and_may_be_read(lake: Lake) -> None:
    lake.write([Reading(0, 0, 1.0), Reading(0, 1, 2.0)])
    for key in (GAUGES[0], f"{GAUGES[0]}@{hour(1).isoformat()}"):
        assert keys.area_of(allowed(HERE), key) == "330203001"
        with pytest.raises(NotFound, match="没有找到"):
            keys.area_of(allowed(ELSEWHERE), key)
    assert keys.area_of(allowed(During(hour(1), None)), GAUGES[0]) == "330203001"
    for key in ("is-nowhere", GAUGES[1], f"{GAUGES[0]}@{hour(2).isoformat()}"):
        with pytest.raises(NotFound, match="没有找到"):
            keys.area_of(allowed(Everything()), key)
    with pytest.raises(NotFound):
        keys.area_of(allowed(During(hour(1), None)), f"{GAUGES[0]}@{hour(0).isoformat()}")
    for key in (f"{GAUGES[0]}@yesterday", f"{GAUGES[0]}@2026-01-01T08:00:00", f"{GAUGES[0]}@2026-13-01T08:00:00Z"):
        with pytest.raises(Refused, match="不是时刻"):
            keys.area_of(allowed(Everything()), key)


def test_history_is_of_the_period_a_right_is_for(lake: Lake) -> None:
    lake.write([Reading(0, at, float(at)) for at in range(6)])

    def told(rows: Predicate, most: int | None = 100, *, down: bool = False) -> list[float]:
        time = settings.CITY.streams["gauges.level"].time
        within = None if whenever(rows) == rows else allowed(rows).sql("register.area_code", time_column=f"o.{time}")
        found = _read(settings.CITY, "gauges.level", GAUGES[0], "depth", _Window(None, None, down, most), within)
        return [row["number"] for row in found]

    period = During(hour(2), hour(4))
    assert told(Everything()) == [0, 1, 2, 3, 4, 5]
    assert told(period) == [2, 3]
    assert told(period, 1, down=True) == [3], "what is outside takes no place on a page"
    assert told(all_of(ELSEWHERE, period)) == []
    assert told(any_of(all_of(HERE, period), During(hour(5), None))) == [2, 3, 5]
    assert whenever(any_of(all_of(HERE, period), ELSEWHERE)) == any_of(HERE, ELSEWHERE)
