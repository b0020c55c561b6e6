# SPDX-License-Identifier: Apache-2.0
"""The work of the bench `indicators`, in a process of its own beside a running installation: years behind, then hour by hour.

300 indicators of hours, days and months over four levels of areas, declared here; their figures of years are written at once, and
the rows they would rest on sealed; then an hour of new rows comes in, and another, and what is measured is the time from its
commit to the last figure. Prints one JSON object.

CHENGYUN_BENCH_INDICATORS   how many, 300
CHENGYUN_BENCH_STATIONS     how many stations they rest on
"""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import json
import os
import sys
import time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from chengyun.city import City, Indicator
from chengyun.run import setup

STREAM = "air_quality.station_hour"
ZONE = ZoneInfo("Asia/Shanghai")
TODAY = dt.date(2025, 12, 20)
MORNING, ROUNDS = 10, 7
"""Hours of the day that are there beforehand, and those that come one by one."""
INDICATORS = int(os.environ.get("CHENGYUN_BENCH_INDICATORS", "300"))
DISTRICTS, STREETS, COMMUNITIES = 3, 6, 12
POLLUTANTS = ("so2", "no2", "co", "o3", "pm10", "pm25")

PLACED = "(SELECT key, UNNEST([city_code, district_code, street_code, area_code]) AS area FROM station)"
OF_STREAM = """
SELECT a.area, {start} AS start, {value} AS v, COUNT(h.{key}) AS n, BOOL_OR((h.quality & 128) <> 0) AS simulated
FROM station_hour AS h JOIN {placed} AS a ON a.key = h.station
WHERE h.hour_start >= $since AND h.hour_start < $until AND a.area IS NOT NULL
GROUP BY a.area, start ORDER BY start, a.area
"""
OF_DAYS = """
SELECT f.subject AS area, CAST(DATE_TRUNC('month', f.period_start AT TIME ZONE $zone) AS DATE) AS start, AVG(f.value) AS v,
    COUNT(*) AS n, BOOL_OR(f.simulated) AS simulated
FROM figure_{key} AS f WHERE f.period_start >= $since AND f.period_start < $until GROUP BY f.subject, start ORDER BY start, area
"""
VALUES = ("AVG(h.{key})", "MAX(h.{key})", "MIN(h.{key})", "STDDEV_POP(h.{key})", "QUANTILE_CONT(h.{key}, 0.98)")
PLACE = """
UPDATE {register} SET area_code = '3302' || lpad((id %% %s + 3)::text, 2, '0') || lpad((id %% %s / %s + 1)::text, 3, '0')
    || lpad((id %% %s / %s + 1)::text, 3, '0') WHERE source = 'bench'
"""
HISTORY = """
INSERT INTO operate_figure (indicator, subject, area_code, period_start, value, detail, coverage, quality, simulated, as_of,
    version, computed_at)
SELECT indicator, area, area, start, 10 + random() * 90, '{"n": 24}', 1, '{}', false, '{}', version, start
FROM unnest(%(indicators)s::text[], %(versions)s::text[]) AS one (indicator, version), unnest(%(areas)s::text[]) AS area,
    generate_series(%(since)s::timestamp, %(until)s::timestamp - interval '1 second', %(step)s::interval) AS local,
    LATERAL (SELECT local AT TIME ZONE 'Asia/Shanghai') AS at (start)
"""


def declared(count: int) -> dict[str, Indicator]:
    """Return so many indicators: one in fifteen of hours, one in five of months, the others of days."""
    hours, months = max(1, count // 15), count // 5
    days = count - hours - months
    found: dict[str, Indicator] = {}
    for number in range(hours + days):
        hourly = number < hours
        key = POLLUTANTS[number % len(POLLUTANTS)]
        value = VALUES[number // len(POLLUTANTS) % len(VALUES)].format(key=key)
        # Beyond the plain ones, how many hours were above a limit of its own.
        if number >= len(POLLUTANTS) * len(VALUES):
            value = f"COUNT(*) FILTER (h.{key} > {number})"
        start = "h.hour_start" if hourly else "CAST(h.hour_start AT TIME ZONE $zone AS DATE)"
        sql = OF_STREAM.format(start=start, value=value, key=key, placed=PLACED)
        found[f"air_quality.b{number}"] = _indicator(f"b{number}", "hour" if hourly else "day", sql, ("station_hour",), ())
    for number in range(months):
        used = f"b{hours + number}"
        found[f"air_quality.m{number}"] = _indicator(f"m{number}", "month", OF_DAYS.format(key=used), (), (used,))
    return found


def _indicator(key: str, period: Any, sql: str, streams: tuple[str, ...], uses: tuple[str, ...]) -> Indicator:
    return Indicator(
        key=key, name=key, one_row_is="an area and a period", subject="area", period=period, unit="1", value="v", source="bench",
        sql=sql, streams=streams, uses=uses, parameters={}, rule=None, version=f"bench{key}",
        apart=frozenset({"subject", "period"}),
    )  # fmt: skip


def measure(years: int, stations: int) -> dict[str, Any]:
    """Return what following an hour took with so many years behind."""
    from django.conf import settings  # read when setup has started Django
    from django.utils import timezone

    from chengyun.lake import database
    from chengyun.operate.engine import evaluate
    from chengyun.operate.models import Figure, Formula

    city: City = copy.copy(settings.CITY)
    city.indicators = declared(INDICATORS)
    city.alerts = {}
    begun = time.monotonic()
    Formula.objects.bulk_create(Formula(indicator=key, version=one.version, text={}) for key, one in city.indicators.items())
    with psycopg.connect(database.url(), autocommit=True) as conn:
        areas, ids = _rows_behind(conn, years, stations)
        _figures_behind(conn, city, areas, years)
        behind = conn.execute("SELECT count(*) FROM operate_figure").fetchone()
    filled = time.monotonic() - begun
    asyncio.run(_hours_in(ids, range(MORNING)))
    errors = [one.error for one in evaluate(timezone.now(), city).ran if one.error]
    took, worked, changed = [], [], []
    for hour in range(MORNING, MORNING + ROUNDS):
        asyncio.run(_hours_in(ids, [hour]))
        start, busy = time.monotonic(), time.process_time()
        done = evaluate(timezone.now(), city)
        took.append(time.monotonic() - start)
        worked.append(time.process_time() - busy)
        changed.append(done.changed)
        errors += [one.error for one in done.ran if one.error]
    if errors:
        raise RuntimeError(errors[0])
    assert Figure.objects.exists()
    ordered = sorted(took)
    return {
        "indicators": len(city.indicators), "areas": len(areas), "levels": 4, "stations": stations, "years": years,
        "figures": behind[0] if behind else 0, "changed": sorted(changed)[len(changed) // 2], "rounds": ROUNDS,
        "median_s": ordered[len(ordered) // 2], "worst_s": ordered[-1], "fill_s": filled,
        "cpu_s": sorted(worked)[len(worked) // 2],
    }  # fmt: skip


def _rows_behind(conn: psycopg.Connection[tuple[Any, ...]], years: int, stations: int) -> tuple[list[str], list[int]]:
    """Seal the rows of so many years up to yesterday; return the areas and the stations' ids."""
    from django.conf import settings

    from chengyun.lake import iceberg, plausible, yearly
    from chengyun.lake.tables import stream_table

    table = stream_table(settings.CITY, STREAM)
    keys, ids = yearly.register(conn, table, stations)
    conn.execute(PLACE.format(register=table.register), [DISTRICTS, STREETS, DISTRICTS, COMMUNITIES, STREETS])
    codes = [code for (code,) in conn.execute(f"SELECT DISTINCT area_code FROM {table.register} WHERE source = 'bench'")]  # noqa: S608
    areas = sorted({"330200", *(code[:length] for code in codes for length in (6, 9, 12))})
    home, seq = iceberg.open_table(table), 0
    for year in range(TODAY.year - years + 1, TODAY.year + 1):
        for number in range(1, 13):
            if (year, number) >= (TODAY.year, TODAY.month):
                break
            month = plausible.month(len(keys), year, number, seq + 1)
            seq += len(month["time"])
            yearly.seal_month(home, table, month, keys, number, seq, year)
    conn.execute("UPDATE lake_stream SET next_seq = %s WHERE stream = %s", [seq + 1, STREAM])
    return areas, ids


def _figures_behind(conn: psycopg.Connection[tuple[Any, ...]], city: City, areas: list[str], years: int) -> None:
    """Write the figures of all periods before today. The indexes are made afterwards, as a restored backup makes them."""
    indexes = conn.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'operate_figure' AND indexname NOT LIKE '%%pkey'"
    ).fetchall()
    for name, _ in indexes:
        conn.execute(f'DROP INDEX "{name}"')
    for period, step in (("hour", "1 hour"), ("day", "1 day"), ("month", "1 month")):
        keys = [key for key, one in city.indicators.items() if one.period == period]
        until = TODAY.replace(day=1) if period == "month" else TODAY
        given = {"indicators": keys, "versions": [city.indicators[key].version for key in keys], "areas": areas, "step": step}
        conn.execute(HISTORY, {**given, "since": dt.date(TODAY.year - years + 1, 1, 1), "until": until})
    for _, definition in indexes:
        conn.execute(definition)
    conn.execute("VACUUM ANALYZE operate_figure")
    conn.execute("CHECKPOINT")


async def _hours_in(ids: list[int], hours: Any) -> None:
    """Put hours of today in as ingest does: one transaction each."""
    from django.conf import settings

    from chengyun.lake import database, hot
    from chengyun.lake.rows import Rows
    from chengyun.lake.tables import stream_table

    table = stream_table(settings.CITY, STREAM)
    async with await psycopg.AsyncConnection.connect(database.url()) as conn:
        for hour in hours:
            chance = np.random.default_rng(hour)
            at = dt.datetime.combine(TODAY, dt.time(hour), ZONE)
            count = len(ids)
            rows = Rows(
                np.array(ids, np.int32), np.full(count, int(at.timestamp()) * 1_000_000, np.int64), np.zeros(count, np.int64),
                {key: chance.uniform(1, 200, count).round() for key in table.quantities},
                {key: [None] * count for key in table.words},
            )  # fmt: skip
            opened = await hot.lock_stream(conn, table, count)
            await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
            await hot.touch(conn, table, [TODAY])
            await conn.commit()


if __name__ == "__main__":
    setup.django()
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
