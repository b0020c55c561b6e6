# SPDX-License-Identifier: Apache-2.0
"""Files in, rows out: the publications of the national monitoring network and their copies.

The hour a source writes is the hour of publication: what it calls 08:00 is the mean over 07:00 to 08:00. So an
observation's `hour_start` is the written hour less one (docs/decisions/0060). A station's key is `city-name`, because
hourly publications give no code (0062). Dates are China standard time.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any, BinaryIO

from chengyun.city import Columns, Distinct, Feed, Malformed, Number, Observation, Registered, Row
from chengyun.packs.air_quality.reading import MISSING, local_time, malformed, number, read_lines

HOUR = dt.timedelta(hours=1)
CNEMC = "中国环境监测总站"

ZHEJIANG = {"Ningbo": "宁波", "HangZhou": "杭州", "HuZhou": "湖州", "TaiZhou": "台州", "WenZhou": "温州", "ZhouShan": "舟山"}
BEIJING = {
    "Aotizhongxin": "奥体中心", "Changping": "昌平镇", "Dingling": "定陵", "Dongsi": "东四", "Guanyuan": "官园",
    "Gucheng": "古城", "Huairou": "怀柔镇", "Nongzhanguan": "农展馆", "Shunyi": "顺义新城", "Tiantan": "天坛",
    "Wanliu": "海淀区万柳", "Wanshouxigong": "万寿西宫",
}  # fmt: skip
"""Spelling of the research data set → name of the national station."""

Fields = Mapping[str, str]
Reader = Callable[[Fields], tuple[Registered, dict[str, Any]]]

CHINA_SOURCES = {
    "so2": "so2", "no2": "no2", "co": "co", "o3": "o3_1h", "pm10": "pm10", "pm25": "pm25", "o3_8h": "o3_8h",
    "published_aqi": "aqi",
}  # fmt: skip
BEIJING_SOURCES = {"so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3", "pm10": "PM10", "pm25": "PM2.5"}
"""Quantity → the source's column."""


def read_china_hours(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read hourly values of stations as pm25.in publishes them: date, hour, city, station and values."""

    def read(row: Fields) -> tuple[Registered, dict[str, Any]]:
        station, hour = _china_station(row["city"], row["station"]), _china_hour(row["date"], row["hour"])
        return station, {"station": station.key, "hour_start": hour, **_values(row, CHINA_SOURCES)}

    columns = ("date", "hour", "city", "station", "aqi", "pm25", "pm10", "co", "no2", "o3_1h", "o3_8h", "so2")
    yield from _rows(file, name, columns, read)


def _china_station(city: str, station: str) -> Registered:
    city, station = _said(city, "city"), _said(station, "station")
    values = {"name": station, "city_name": city, "kind": "national", "source": f"{CNEMC} (pm25.in)"}
    return Registered("station", station_key(city, station), values)


def _china_hour(date: str, hour: str) -> dt.datetime:
    return local_time(date[:4], date[4:6], date[6:], hour) - HOUR


def read_stations_snapshot(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read one hour of every national station with its coordinates, WGS-84, and its code.

    The source has the ozone columns the wrong way round: `o3` holds the largest of 24 hours and `o3_24h` the hour, and
    so for 8 hours. Read so, all published AQI follow; read as named, 190 do not (docs/decisions/0063).
    """

    def read(row: Fields) -> tuple[Registered, dict[str, Any]]:
        area, station = _said(row["area"], "area"), _said(row["positionname"], "positionname")
        city = area.removesuffix("市")
        end = dt.datetime.fromisoformat(row["timepoint"])
        end = local_time(f"{end:%Y}", f"{end:%m}", f"{end:%d}", f"{end:%H}")
        sources = {
            "so2": "so2", "no2": "no2", "co": "co", "o3": "o3_24h", "pm10": "pm10", "pm25": "pm2_5",
            "o3_8h": "o3_8h_24h", "published_aqi": "aqi",
        }  # fmt: skip
        key = station_key(city, station)
        register = {
            "name": station,
            "city_name": city,
            "kind": "national",
            "code": row["stationcode"].strip(),
            "lon": _degrees(row, "lon", 180),
            "lat": _degrees(row, "lat", 90),
            "source": CNEMC,
        }
        return Registered("station", key, register), {"station": key, "hour_start": end - HOUR, **_values(row, sources)}

    columns = (
        "lon", "lat", "stationcode", "area", "positionname", "timepoint", "aqi", "pm2_5", "pm10", "so2", "no2", "o3_24h",
        "o3_8h_24h", "co",
    )  # fmt: skip
    yield from _rows(file, name, columns, read)


def read_beijing_hours(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read the hourly values of one Beijing station of the PRSA research data; CO comes in µg/m³ there."""

    def read(row: Fields) -> tuple[Registered, dict[str, Any]]:
        station = _beijing_station(row["station"])
        hour = _beijing_hour(row["year"], row["month"], row["day"], row["hour"])
        values = _values(row, BEIJING_SOURCES)
        if values["co"] is not None:
            values["co"] /= 1000
        return station, {"station": station.key, "hour_start": hour, **values}

    columns = ("year", "month", "day", "hour", "PM2.5", "PM10", "SO2", "NO2", "CO", "O3", "station")
    yield from _rows(file, name, columns, read)


def _beijing_station(text: str) -> Registered:
    spelt = _said(text, "station")
    station = BEIJING.get(spelt, spelt)
    values = {"name": station, "city_name": "北京", "kind": "national", "source": "UCI 501 (PRSA)"}
    return Registered("station", station_key("北京", station), values)


def _beijing_hour(year: str, month: str, day: str, hour: str) -> dt.datetime:
    return local_time(year, month, day, hour) - HOUR


def read_city_reports(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read daily reports of cities: 24-hour means, the daily maximum 8-hour ozone, and the AQI published."""

    def read(row: Fields) -> tuple[Registered, dict[str, Any]]:
        spelt = _said(row["city"], "city")
        city = ZHEJIANG.get(spelt, spelt)
        pollutants = ("so2", "no2", "co", "pm10", "pm25", "o3_8h")
        values = _values(row, {key: key for key in pollutants} | {"published_aqi": "aqi"})
        register = {"name": city, "source": f"{CNEMC} (aqistudy.cn)"}
        return Registered("city", city, register), {"city": city, "day_start": _day(row["date"]), **values}

    columns = ("city", "date", "aqi", "pm25", "pm10", "so2", "co", "no2", "o3_8h")
    yield from _rows(file, name, columns, read)


def read_city_day_means(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read plain daily means of cities' published hours. Zero stands for no value in this source."""

    def read(row: Fields) -> tuple[Registered, dict[str, Any]]:
        city = _said(row["city"], "city")
        pollutants = ("so2", "no2", "co", "o3", "pm10", "pm25")
        values = _values(row, {key: key for key in pollutants} | {"mean_hourly_aqi": "aqi"})
        # No city's air is free of any of these for a day: the source wrote 0 where it had nothing.
        values = {key: value or None for key, value in values.items()}
        register = {"name": city, "source": f"{CNEMC} (aqistudy.cn)"}
        return Registered("city", city, register), {"city": city, "day_start": _day(row["date"]), **values}

    columns = ("city", "date", "aqi", "pm25", "pm10", "so2", "co", "no2", "o3")
    yield from _rows(file, name, columns, read)


def read_city_places(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read coordinates of cities, WGS-84 to two decimals, spelt in Latin letters; registers them, observes nothing."""
    spellings = {row["spelling"]: row["name"] for row in csv.DictReader(_spellings().splitlines())}
    for line in read_lines(file, name, ("City", "Long", "Lat")):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        city = spellings.get(row["City"].strip())
        if city is None:
            yield malformed(name, at, f"city {row['City'][:40]!r} is not in cities.csv of the pack; add its spelling there")
            continue
        try:
            values = {"name": city, "lon": _degrees(row, "Long", 180), "lat": _degrees(row, "Lat", 90)}
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))
            continue
        yield Registered("city", city, values)


def station_key(city: str, station: str) -> str:
    """Return the key of a station of the national network: `宁波-万里学院`."""
    return f"{city}-{station}"


def _rows(file: BinaryIO, name: str, columns: tuple[str, ...], read: Reader) -> Iterator[Row]:
    """Yield each entity once, before its first observation, and every row as an Observation or Malformed."""
    seen: set[str] = set()
    for line in read_lines(file, name, columns):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            entity, values = read(row)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))
            continue
        if entity.key not in seen:
            seen.add(entity.key)
            yield entity
        yield Observation(values, line=at)


def _said(text: str, column: str) -> str:
    text = text.strip()
    if not text or len(text) > 30:
        raise ValueError(f"{column} is {text[:40]!r}, expected a name of 1 to 30 characters")
    return text


def _values(row: Fields, sources: Mapping[str, str]) -> dict[str, Decimal | None]:
    return {key: number(row[column], column) for key, column in sources.items()}


def _degrees(row: Fields, column: str, most: int) -> float | None:
    value = number(row[column], column)
    if value is not None and abs(value) > most:
        raise ValueError(f"{column} is {value}, expected -{most} to {most} degrees")
    return None if value is None else float(value)


def _day(text: str) -> dt.datetime:
    year, month, day = (*text.split("-"), "", "")[:3]
    return local_time(year, month, day)


def _spellings() -> str:
    return files(__package__ or "").joinpath("cities.csv").read_text(encoding="utf-8")


CHINA_HOURS = Feed(
    "china_hours", "全国站点小时值（pm25.in CSV）", stream="station_hour", read=read_china_hours,
    columns=Columns(
        entity=Distinct(("city", "station"), _china_station), time=Distinct(("date", "hour"), _china_hour), missing=MISSING,
        numbers={key: Number(column) for key, column in CHINA_SOURCES.items()},
    ),
)  # fmt: skip
STATIONS_SNAPSHOT = Feed("stations_snapshot", "全国站点一小时快照（含坐标）", stream="station_hour", read=read_stations_snapshot)
BEIJING_HOURS = Feed(
    "beijing_hours", "北京站点小时值（PRSA CSV）", stream="station_hour", read=read_beijing_hours,
    columns=Columns(
        entity=Distinct(("station",), _beijing_station), time=Distinct(("year", "month", "day", "hour"), _beijing_hour),
        numbers={key: Number(column, shift=-3 if key == "co" else 0) for key, column in BEIJING_SOURCES.items()}, missing=MISSING,
    ),
)  # fmt: skip
CITY_REPORTS = Feed("city_reports", "城市日报（CSV）", stream="city_day", read=read_city_reports)
CITY_DAY_MEANS = Feed("city_day_means", "城市小时值的日平均（aqistudy CSV）", stream="city_day_mean", read=read_city_day_means)
CITY_PLACES = Feed("city_places", "城市坐标（CSV）", stream="city_day", read=read_city_places)

FEEDS = (CHINA_HOURS, STATIONS_SNAPSHOT, BEIJING_HOURS, CITY_REPORTS, CITY_DAY_MEANS, CITY_PLACES)
