# SPDX-License-Identifier: Apache-2.0
"""Every published AQI in the project's data, recomputed, and each difference put down to its cause.

    python -m chengyun.packs.air_quality.tests.comparison SHARED_DATA docs/air-quality.md

writes the tables of docs/air-quality.md anew; a test holds them to what is computed here.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from chengyun.city import Feed, Limits, Observation
from chengyun.packs.air_quality import feeds
from chengyun.packs.air_quality.rules import POLLUTANTS, judge

REPORTS = "air-china-daily/zhejiang6_daily_201312_201701.csv"
DAY_MEANS = "air-china-daily/china_cities_daily_201312_201606.csv.gz"
HOURS = "air-yrd-hourly/yrd_stations_hourly_202003_202004.csv.gz"
SNAPSHOT = "air-yrd-hourly/china_stations_snapshot_20180220T07.csv"
BEIJING = "air-beijing-hourly"

DAILY = {"so2": "so2_24h", "no2": "no2_24h", "co": "co_24h", "pm10": "pm10_24h", "pm25": "pm25_24h", "o3_8h": "o3_8h"}
HOURLY_GASES = DAILY | {"so2": "so2_1h", "no2": "no2_1h", "co": "co_1h"}
GASES_BY_DAY_SINCE = dt.date(2015, 8, 1)
"""From here on the source judges the daily means of gases by the 24-hour tables; found from the data."""
OTHER_HOURS_SINCE = dt.date(2017, 1, 1)

Table = list[tuple[str, ...]]
Rounding = Callable[[Fraction], int]


def observations(data: Path, feed: Feed, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield what a feed reads from a file of the data folder."""
    path = data / name
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for row in feed.read(file, path.name):  # type: ignore[arg-type]  # GzipFile is a binary file
            if isinstance(row, Observation):
                yield row.values


def exact(values: Mapping[str, Any], items: Mapping[str, str]) -> dict[str, Fraction | None]:
    """Return item → concentration of an observation. items: field → item."""
    return {item: None if values[field] is None else Fraction(values[field]) for field, item in items.items()}


def city_reports(data: Path, limits: Limits) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, int]]]:
    """Return how many days of each city fall in each class of difference, and how often each difference occurs."""
    classes: Counter[tuple[str, str]] = Counter()
    sizes: Counter[tuple[str, int]] = Counter()
    for values in observations(data, feeds.CITY_REPORTS, REPORTS):
        day, published = values["day_start"].date(), int(values["published_aqi"])
        aqi = judge(exact(values, DAILY), day, "daily", limits).aqi
        assert aqi is not None
        classes[values["city"], _cause(values, day, aqi, published, limits)] += 1
        sizes[values["city"], aqi - published] += 1
    return classes, sizes


CAUSES = {
    "equal": "equal",
    "unrounded": "published from unrounded concentrations: a value that rounds to the printed one gives it",
    "nearest": "published index rounded to the nearest, not up, from unrounded concentrations",
    "gases by the hour": "until 2015-07 the source judged the daily means of SO2, NO2 and CO by the 1-hour tables",
    "other hours": "in 2017-01 index and concentrations are not of the same hours",
    "unexplained": "unexplained",
}


def _cause(values: Mapping[str, Any], day: dt.date, aqi: int, published: int, limits: Limits) -> str:
    if aqi == published:
        return "equal"
    if _reaches(values, DAILY, day, published, math.ceil, limits):
        return "unrounded"
    if day < OTHER_HOURS_SINCE and _reaches(values, DAILY, day, published, _nearest, limits):
        return "nearest"
    by_hour = [_reaches(values, HOURLY_GASES, day, published, rounding, limits) for rounding in (math.ceil, _nearest)]
    if day < GASES_BY_DAY_SINCE and any(by_hour):
        return "gases by the hour"
    return "other hours" if day >= OTHER_HOURS_SINCE else "unexplained"


def _reaches(
    values: Mapping[str, Any], items: Mapping[str, str], day: dt.date, published: int, rounding: Rounding, limits: Limits
) -> bool:
    """Say whether concentrations that round to the printed ones can give the published index."""
    low, high = [], []
    for field, item in items.items():
        half = Fraction(1, 20) if field == "co" else Fraction(1, 2)
        bands = limits.on(f"iaqi.{item}", day)["bands"]
        low.append(rounding(_index(max(Fraction(values[field]) - half, Fraction(0)), bands)))
        high.append(rounding(_index(Fraction(values[field]) + half, bands)))
    return max(low) <= published <= max(high)


def _index(concentration: Fraction, bands: list[list[int]]) -> Fraction:
    for (low, low_index), (high, high_index) in pairwise(bands):
        if concentration <= high:
            return low_index + Fraction(high_index - low_index, high - low) * (concentration - low)
    return Fraction(bands[-1][1])


def _nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def city_day_means(data: Path, limits: Limits) -> Counter[str]:
    """Return how the mean of a day's hourly AQI differs from the AQI of the day's means (without ozone, see the feed)."""
    found: Counter[str] = Counter()
    items = {key: item for key, item in DAILY.items() if key != "o3_8h"}
    for values in observations(data, feeds.CITY_DAY_MEANS, DAY_MEANS):
        found["rows"] += 1
        if any(values[key] is None for key in items):
            found["rows with a zero, read as no value"] += 1
        printed = values["mean_hourly_aqi"]
        aqi = judge(exact(values, items), values["day_start"].date(), "daily", limits).aqi
        if printed is None or aqi is None:
            found["not comparable"] += 1
            continue
        difference = abs(aqi - int(printed))
        found["equal" if not difference else "1 to 10 apart" if difference <= 10 else "more than 10 apart"] += 1
    return found


def station_hours(data: Path, limits: Limits) -> Counter[str]:
    """Return how the hourly AQI, level and primary pollutants of the delta's stations compare with the published ones."""
    found: Counter[str] = Counter()
    particles: dict[str, Counter[Any]] = {}
    with gzip.open(data / HOURS, "rt", encoding="utf-8", newline="") as file:
        printed = list(csv.DictReader(file))
    for values, row in zip(observations(data, feeds.CHINA_HOURS, HOURS), printed, strict=True):
        found["rows"] += 1
        if values["pm25"] is not None:
            particles.setdefault(values["station"], Counter())[values["pm25"]] += 1
        air = judge(exact(values, {key: f"{key}_1h" for key in POLLUTANTS}), values["hour_start"].date(), "hourly", limits)
        published = values["published_aqi"]
        if published is None:
            no_particles = values["pm10"] is None and values["pm25"] is None
            reason = "no pollutant" if air.aqi is None else "PM10 and PM2.5 unknown" if no_particles else "PM10 or PM2.5 unknown"
            found[f"no AQI published: {reason}"] += 1
            continue
        found["AQI equal" if air.aqi == int(published) else "AQI different"] += 1
        found["level equal" if air.level_name == row["level"].strip() else "level different"] += 1
        found["primary pollutants equal" if set(air.primary) == _primary(row["primary"]) else "primary pollutants different"] += 1
    found["stations"] = len({row["city"] + row["station"] for row in printed})
    found["stations whose PM2.5 never changed"] = sum(len(one) == 1 and one.total() > 24 for one in particles.values())
    return found


def _primary(text: str) -> set[str]:
    named = {
        "颗粒物(PM10)": "pm10",
        "细颗粒物(PM2.5)": "pm25",
        "臭氧1小时": "o3",
        "二氧化氮": "no2",
        "二氧化硫": "so2",
        "一氧化碳": "co",
    }
    return {named[word] for word in text.split() if word not in ("NaN", "—")}


def stations_snapshot(data: Path, limits: Limits) -> Counter[str]:
    """Return how one hour of every station compares, with the ozone columns as named and as they are meant."""
    found: Counter[str] = Counter()
    with (data / SNAPSHOT).open(encoding="utf-8-sig", newline="") as file:
        printed = list(csv.DictReader(file))
    for values, row in zip(observations(data, feeds.STATIONS_SNAPSHOT, SNAPSHOT), printed, strict=True):
        means = exact(values, {key: f"{key}_1h" for key in POLLUTANTS})
        day, published = values["hour_start"].date(), values["published_aqi"]
        if published is None:
            found["no AQI published"] += 1
            continue
        found["as meant: equal" if judge(means, day, "hourly", limits).aqi == int(published) else "as meant: different"] += 1
        means["o3_1h"] = None if row["o3"] == "-;" else Fraction(row["o3"])
        found["as named: equal" if judge(means, day, "hourly", limits).aqi == int(published) else "as named: different"] += 1
    return found


def beijing_hours(data: Path, reference: Path, limits: Limits) -> Counter[str]:
    """Return how every hour of six Beijing stations compares with a second computation, in tenths and whole numbers,
    from the breakpoints of the project's reference file."""
    tables = _reference_tables(reference)
    found: Counter[str] = Counter()
    for path in sorted((data / BEIJING).glob("PRSA_*.csv.gz")):
        for values in observations(data, feeds.BEIJING_HOURS, f"{BEIJING}/{path.name}"):
            day = values["hour_start"].date()
            air = judge(exact(values, {key: f"{key}_1h" for key in POLLUTANTS}), day, "hourly", limits)
            second = max((one for key in POLLUTANTS if (one := _second(values[key], key, tables)) is not None), default=None)
            found["hours"] += 1
            found["hours without any value" if air.aqi is None else f"level {air.level}"] += 1
            found["equal to the second computation" if air.aqi == second else "different from the second computation"] += 1
    return found


def _reference_tables(reference: Path) -> dict[str, list[tuple[int, int]]]:
    tables: dict[str, list[tuple[int, int]]] = {}
    with (reference / "aqi_breakpoints.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            averaging = "24h" if row["pollutant"].startswith("PM") else "1h"
            if row["standard"] == "HJ633-2012" and row["averaging"] == averaging:
                key = row["pollutant"].lower().replace(".", "")
                tables.setdefault(key, []).append((int(row["concentration"]) * 10, int(row["iaqi"])))
    return tables


def _second(value: Any, key: str, tables: Mapping[str, list[tuple[int, int]]]) -> int | None:
    """Return the hourly IAQI of 2012 another way: concentrations in tenths, a division with remainder."""
    if value is None:
        return None
    step = 100_000 if key == "co" else 1_000_000
    whole, rest = divmod(int(value * 1_000_000), step)
    half = step // 2
    rounded = whole + (rest > half or (rest == half and whole % 2))
    tenths = rounded if key == "co" else rounded * 10
    bands = tables[key]
    if tenths > bands[-1][0]:
        return None if key == "so2" else 500
    place = next(n for n, (top, _) in enumerate(bands) if tenths <= top)
    if place == 0:
        return 0
    (low, low_index), (high, high_index) = bands[place - 1], bands[place]
    quotient, remainder = divmod((tenths - low) * (high_index - low_index), high - low)
    return low_index + quotient + bool(remainder)


@dataclass(frozen=True)
class Results:
    """What every comparison found. classes: (city, cause) → days; sizes: (city, computed less published) → days."""

    classes: Counter[tuple[str, str]]
    sizes: Counter[tuple[str, int]]
    day_means: Counter[str]
    hours: Counter[str]
    snapshot: Counter[str]
    beijing: Counter[str]


def compare(data: Path, reference: Path, limits: Limits) -> Results:
    """Run every comparison; half a minute."""
    return Results(
        *city_reports(data, limits),
        city_day_means(data, limits),
        station_hours(data, limits),
        stations_snapshot(data, limits),
        beijing_hours(data, reference, limits),
    )


def tables(found: Results) -> dict[str, str]:
    """Return every table of docs/air-quality.md by its name, as Markdown."""
    cities = list(dict.fromkeys(city for city, _ in found.classes))
    rows: Table = [("", *cities, "all")]
    for key, says in CAUSES.items():
        counts = [found.classes[city, key] for city in cities]
        rows.append((says, *map(_thousands, counts), _thousands(sum(counts))))
    for says, most in (("equal, share", 0), ("within one point, share", 1)):
        near = [sum(n for (one, size), n in found.sizes.items() if one == city and abs(size) <= most) for city in cities]
        whole = [sum(n for (one, _), n in found.sizes.items() if one == city) for city in cities]
        shares = [f"{100 * a / b:.1f} %" for a, b in zip([*near, sum(near)], [*whole, sum(whole)], strict=True)]
        rows.append((says, *shares))
    return {
        "daily reports": _markdown(rows),
        "day means": _counted(found.day_means),
        "station hours": _counted(found.hours),
        "stations snapshot": _counted(found.snapshot),
        "beijing hours": _counted(found.beijing),
    }


def _counted(found: Counter[str]) -> str:
    return _markdown([("", "rows"), *((key, _thousands(found[key])) for key in sorted(found) if found[key])])


def _thousands(number: int) -> str:
    return f"{number:,}"


def _markdown(rows: Table) -> str:
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in body)]
    return "\n".join(lines)


BLOCK = re.compile(r"(<!-- table: (?P<name>[a-z ]+) -->\n)(?P<table>.*?)(<!-- end -->)", re.DOTALL)


def fill(text: str, made: Mapping[str, str]) -> str:
    """Return a document with its tables replaced. A table stands between `<!-- table: name -->` and `<!-- end -->`."""
    return BLOCK.sub(lambda block: f"{block[1]}{made[block['name']]}\n{block[4]}", text)


def main() -> None:
    from chengyun.city import load_city

    shared, document = Path(sys.argv[1]), Path(sys.argv[2])
    limits = load_city(["chengyun.packs.air_quality"]).limits("air_quality.aqi")
    found = compare(shared / "data", shared / "reference", limits)
    document.write_text(fill(document.read_text(encoding="utf-8"), tables(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
