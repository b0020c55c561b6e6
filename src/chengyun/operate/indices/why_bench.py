# SPDX-License-Identifier: Apache-2.0
"""The work of the bench `why`, in a process of its own beside a running installation: fill a year, compute, explain.

A year of hourly rows in sealed files, every station's; figures of a few days of it, of hours, days and months; then so many of
them, drawn at random, are explained one after the other as a page does. Prints one JSON object.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
import time
from typing import Any

import psycopg

from chengyun.errors import Unavailable
from chengyun.run import setup

STREAM = "air_quality.station_hour"
YEAR = 2025
DAYS = 6
"""Days that are computed, spread over the year: enough to draw from, of 11,416 stations each."""
INDICATORS = ("station_hour_aqi", "area_hour_aqi", "station_day_aqi", "area_day_aqi", "pm25_daily", "station_stuck_hours")
ABOVE = ("good_air_month", "good_air_year", "composite_index_year")


def measure(stations: int, count: int) -> dict[str, Any]:
    """Return what it took to explain so many figures over so many stations' year."""
    from django.conf import settings  # read when setup has started Django

    from chengyun.access.actors import SYSTEM
    from chengyun.lake import database, iceberg, plausible, yearly
    from chengyun.lake.tables import stream_table
    from chengyun.operate.models import Figure
    from chengyun.operate.why import explain

    table = stream_table(settings.CITY, STREAM)
    begun = time.monotonic()
    with psycopg.connect(database.url(), autocommit=True) as conn:
        keys, _ = yearly.register(conn, table, stations)
        home, seq = iceberg.open_table(table), 0
        for number in range(1, 13):
            month = plausible.month(len(keys), YEAR, number, seq + 1)
            seq += len(month["time"])
            yearly.seal_month(home, table, month, keys, number, seq)
        conn.execute("UPDATE lake_stream SET next_seq = %s WHERE stream = %s", [seq + 1, STREAM])
    filled = time.monotonic() - begun
    _compute()
    computed = time.monotonic() - begun - filled
    chance = random.Random(YEAR)  # noqa: S311  # which figures are drawn is no secret
    ids = list(Figure.objects.order_by("id").values_list("id", flat=True))
    drawn = chance.sample(ids, min(count, len(ids)))
    took, unequal, slow = [], [], dict[str, float]()
    for ident in drawn:
        start = time.monotonic()
        why = explain(ident, SYSTEM)
        took.append(time.monotonic() - start)
        if not why.again.equal:
            unequal.append(f"{why.figure.indicator} {why.figure.subject} {why.figure.period_start} {why.again.error}")
        slow[why.figure.indicator] = max(slow.get(why.figure.indicator, 0.0), took[-1])
    ordered = sorted(took)
    return {
        "rows": seq, "figures": len(ids), "explained": len(drawn), "unequal": unequal[:10], "equal": len(drawn) - len(unequal),
        "worst_s": ordered[-1], "median_s": ordered[len(ordered) // 2], "p99_s": ordered[int(len(ordered) * 0.99)],
        "by_indicator": slow, "fill_s": filled, "compute_s": computed,
    }  # fmt: skip


def _compute() -> None:
    from django.conf import settings
    from django.utils import timezone

    from chengyun.operate import due, formulas
    from chengyun.operate.engine import evaluate
    from chengyun.operate.models import DueWindow
    from chengyun.operate.periods import window_of

    now = timezone.now()
    # The formulas are written down first, and what they would all have to compute is left: a few days are enough here.
    formulas.meet(settings.CITY, now)
    DueWindow.objects.all().delete()
    days = [dt.date(YEAR, 1, 5) + dt.timedelta(days=step * 355 // DAYS) for step in range(DAYS)]
    keys = [f"air_quality.{key}" for key in (*INDICATORS, *ABOVE)]
    due.add((key, window_of(settings.CITY.indicators[key].period, day)) for key in keys for day in days)
    while DueWindow.objects.filter(indicator__in=keys).exists():
        done = evaluate(timezone.now())
        if errors := [one.error for one in done.ran if one.error]:
            raise Unavailable(f"A figure could not be computed: {errors[0]}")
        if done.busy:
            time.sleep(0.2)  # the installation's own evaluation is at it


if __name__ == "__main__":
    setup.django()
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
