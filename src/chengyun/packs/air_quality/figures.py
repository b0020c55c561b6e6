# SPDX-License-Identifier: Apache-2.0
"""Rules that finish the rows of the pack's indicators: exact sums in, judged figures out.

The SQL brings sums of DECIMAL and counts, so nothing is rounded before the standard rounds it. Beside the figures
people read, a day keeps its unrounded means as fractions (`exact`), from which months and years are made.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from chengyun.city import Limits, Rule
from chengyun.packs.air_quality import parts
from chengyun.packs.air_quality.assessment import Span, assess, composite_index
from chengyun.packs.air_quality.daily import day_mean, ozone_day
from chengyun.packs.air_quality.rules import POLLUTANTS, Air, Mean, fraction_of, judge, pollutant_of, symbols

Rows = list[dict[str, Any]]
ZONE = ZoneInfo("Asia/Shanghai")
"""The days of China's standards are days of this zone, wherever the program runs."""

MEANS_24H = ("so2", "no2", "co", "pm10", "pm25")
DAY_ITEMS = (*(f"{name}_24h" for name in MEANS_24H), "o3_8h", "o3_1h")
COUNTS = tuple(f"{name}_n" for name in POLLUTANTS)
HOUR_COLUMNS = tuple((f"{name}_1h", f"{name}_sum", f"{name}_n") for name in POLLUTANTS)
INDEX_COLUMNS = tuple((name, f"iaqi_{name}") for name in POLLUTANTS)


def air_of_hours(rows: Rows, limits: Limits) -> Rows:
    """Judge hourly means: of a station, or of an area as the mean of its stations' concentrations.

    Reads `<pollutant>_sum` and `<pollutant>_n`. When an area has real and simulated stations (two rows), the
    simulated ones take no part.
    """
    figures = []
    for place, hour, group in _places(rows):
        row = _real(group)[0]
        means = {item: (row[total], n) for item, total, count in HOUR_COLUMNS if (n := row[count])}
        air = judge(means, _day_of(hour), "hourly", limits)
        figures.append(
            {
                **place,
                **_shown(air),
                "stations": row["stations"],
                "simulated": row["simulated"],
                "coverage": sum([row[count] for count in COUNTS]) / (len(POLLUTANTS) * row["stations"]),
            }
        )
    return figures


def air_of_days(rows: Rows, limits: Limits) -> Rows:
    """Judge days: a station's own, or an area's as the mean of its stations' valid daily concentrations.

    Reads, per station, sums and counts of the hours and the hours of ozone as two lists. An area's pollutant is valid
    when enough of its stations have a valid day. Simulated stations take no part beside real ones.
    """
    figures = []
    for place, day, group in _places(rows):
        if not _judged(day, limits):
            continue
        stations = _real(group)
        days = [_station_day(row, day, limits) for row in stations]
        least = limits.on("validity.area", day)["min_stations_percent"]
        means: dict[str, Fraction] = {}
        for item in DAY_ITEMS:
            valid = [value for one in days if (value := one[item]) is not None]
            if valid and 100 * len(valid) >= least * len(stations):
                means[item] = _mean_of(valid)
        hours = sum([row[count] for row in stations for count in COUNTS])
        air = judge(means, day, "daily", limits)
        figures.append(
            {
                **place,
                **_shown(air),
                "exact": {pollutant_of(item): str(mean) for item, mean in means.items() if item != "o3_1h"},
                "stations": len(stations),
                "simulated_stations": sum(bool(row["simulated"]) for row in stations),
                "simulated": any(row["simulated"] for row in stations),
                "coverage": hours / (24 * len(POLLUTANTS) * len(stations)),
            }
        )
    return figures


def air_of_reports(rows: Rows, limits: Limits) -> Rows:
    """Judge the concentrations of published daily reports, and set the index beside the published one."""
    figures = []
    for row in rows:
        means = {f"{name}_24h": _exact(row[name]) for name in MEANS_24H} | {"o3_8h": _exact(row["o3_8h"])}
        air = judge(means, row["day"], "daily", limits)
        published = row["published_aqi"]
        figures.append(
            {
                "city": row["city"],
                "day": row["day"],
                **_shown(air),
                "published_aqi": None if published is None else int(published),
                "difference": None if published is None or air.aqi is None else air.aqi - int(published),
                "coverage": sum(mean is not None for mean in means.values()) / len(means),
                "simulated": row["simulated"],
            }
        )
    return figures


def assess_month(rows: Rows, limits: Limits) -> Rows:
    """Assess months: see assess."""
    return _assess(rows, "month", limits)


def assess_year(rows: Rows, limits: Limits) -> Rows:
    """Assess years: see assess."""
    return _assess(rows, "year", limits)


def drift_from_neighbours(rows: Rows, limits: Limits) -> Rows:
    """Return how far each station's daily PM2.5 lies from the median of its nearest neighbours, in percent of it.

    Stations of one city are compared, real with real and simulated with simulated; a station with too few neighbours
    has no figure.
    """
    days: dict[tuple[Any, ...], dict[str, Fraction]] = defaultdict(dict)
    places: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    covered: dict[tuple[str, dt.date], float] = {}
    for row in rows:
        if not _judged(row["day"], limits):
            continue
        mean = day_mean(_exact(row["pm25_sum"]) or Fraction(0), row["pm25_n"], row["day"], limits)
        if mean is not None:
            days[row["day"], row["city_code"], row["simulated"]][row["station"]] = mean
            places[row["city_code"]][row["station"]] = (row["lon"], row["lat"])
            covered[row["station"], row["day"]] = row["pm25_n"] / 24
    by_distance = {city: _by_distance(tuple(sorted(stations.items()))) for city, stations in places.items()}
    figures = []
    for (day, city, simulated), means in days.items():
        terms = limits.on("alerts.drift", day)
        for station, mean in means.items():
            neighbours = list(islice((other for other in by_distance[city][station] if other in means), terms["neighbours"]))
            if len(neighbours) < terms["min_neighbours"]:
                continue
            middle = median(means[other] for other in neighbours)
            if middle == 0:
                continue
            figures.append(
                {
                    "station": station,
                    "day": day,
                    "apart": float(100 * abs(mean - middle) / middle),
                    "pm25_24h": float(mean),
                    "neighbours_median": float(middle),
                    "neighbours": neighbours,
                    "coverage": covered[station, day],
                    "simulated": simulated,
                }
            )
    return sorted(figures, key=lambda figure: (figure["day"], figure["station"]))


def _judged(day: dt.date, limits: Limits) -> bool:
    """Say whether a standard is in force on the day; days before the first edition have no figures."""
    return day >= limits.editions("aqi.daily")[0].in_force


def _places(rows: Rows) -> Iterable[tuple[dict[str, Any], Any, Rows]]:
    """Yield (subject and period, period, rows of both) in the order they came; the first two columns name them."""
    if not rows:
        return
    subject, period = list(rows[0])[:2]
    groups: dict[tuple[Any, Any], Rows] = {}
    for row in rows:
        groups.setdefault((row[subject], row[period]), []).append(row)
    for (place, moment), group in groups.items():
        yield {subject: place, period: moment}, moment, group


def _real(group: Rows) -> Rows:
    return [row for row in group if not row["simulated"]] or group


def _exact(value: Decimal | int | float | None) -> Fraction | None:
    return None if value is None else Fraction(value)


# The hours of a month are asked for once by every station.
@lru_cache(maxsize=1024)
def _day_of(hour: dt.datetime) -> dt.date:
    return hour.astimezone(ZONE).date()


def _mean_of(means: Sequence[Mean]) -> Fraction:
    """Return the mean of means, exact."""
    if len(means) == 1:
        return fraction_of(means[0])
    return sum(map(fraction_of, means), Fraction(0)) / len(means)


def _station_day(row: Mapping[str, Any], day: dt.date, limits: Limits) -> dict[str, Fraction | None]:
    means = {
        f"{name}_24h": day_mean(_exact(row[f"{name}_sum"]) or Fraction(0), row[f"{name}_n"], day, limits) for name in MEANS_24H
    }
    hours = dict(zip(row["o3_hours"] or (), row["o3_values"] or (), strict=True))
    ozone = ozone_day(hours, day, limits)
    return means | {"o3_8h": ozone.max_8h, "o3_1h": ozone.max_1h}


def _shown(air: Air) -> dict[str, Any]:
    return {
        "aqi": air.aqi,
        "level": air.level_name,
        "primary": symbols(air.primary),
        "exceeded": symbols(air.exceeded),
        **{column: air.iaqi[name] for name, column in INDEX_COLUMNS},
        **air.rounded,
    }


def _assess(rows: Rows, span: Span, limits: Limits) -> Rows:
    figures = []
    for row in rows:
        days = {name: [Fraction(text) for text in row[name] or () if text is not None] for name in POLLUTANTS}
        items = assess(days, row[span], span, limits)
        judged = [item for item in items.values() if item is not None]
        index = composite_index(items, row[span], span, limits)
        figures.append(
            {
                "area": row["area"],
                span: row[span],
                "composite_index": None if index is None else float(index),
                "over_limit": sum(not item.met for item in judged) if judged else None,
                **{key: None if item is None else float(item.value) for key, item in items.items()},
                **{f"{key}_over": None if item is None else float(round(item.over, 2)) for key, item in items.items()},
                "days": row["days"],
                "coverage": row["coverage"],
                "simulated": row["simulated"],
            }
        )
    return figures


# A city's stations are the same from day to day, and so is who is near to whom.
@lru_cache(maxsize=256)
def _by_distance(places: tuple[tuple[str, tuple[float, float]], ...]) -> dict[str, list[str]]:
    """Return for each station of a city the others, nearest first.

    places: (station, (longitude, latitude)); a degree of longitude is taken as it is at 30° north.
    """
    found = {}
    for station, (lon, lat) in places:
        apart = [(((lon - x) * 0.866) ** 2 + (lat - y) ** 2, other) for other, (x, y) in places if other != station]
        found[station] = [other for _, other in sorted(apart)]
    return found


AIR_OF_HOURS = Rule(key="air_of_hours", name="小时空气质量指数", compute=air_of_hours, standard="HJ 633", made_of=parts.OF_HOURS)
AIR_OF_DAYS = Rule(key="air_of_days", name="日空气质量指数", compute=air_of_days, standard="HJ 633", made_of=parts.OF_DAYS)
AIR_OF_REPORTS = Rule(
    key="air_of_reports", name="日报空气质量指数重算", compute=air_of_reports, standard="HJ 633", made_of=parts.OF_REPORTS
)
ASSESS_MONTH = Rule(key="assess_month", name="月评价", compute=assess_month, standard="HJ 663", made_of=parts.OF_SPANS)
ASSESS_YEAR = Rule(key="assess_year", name="年评价", compute=assess_year, standard="HJ 663", made_of=parts.OF_SPANS)
DRIFT = Rule(key="drift_from_neighbours", name="与邻近站点偏离", compute=drift_from_neighbours, standard="本系统默认方法")

RULES = (AIR_OF_HOURS, AIR_OF_DAYS, AIR_OF_REPORTS, ASSESS_MONTH, ASSESS_YEAR, DRIFT)
