# SPDX-License-Identifier: Apache-2.0
"""Payloads as received in, registers and observations out; what cannot be read is named with file and line."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from pathlib import Path

import pytest

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.packs.air_quality import feeds
from chengyun.packs.air_quality import tests as pack_tests

FIXTURES = Path(pack_tests.__file__).parent / "fixtures"
UTC = dt.UTC
HOURS_HEADER = b"date,hour,city,station,aqi,level,primary,pm25,pm10,co,no2,o3_1h,o3_8h,so2\n"


def read(feed: Feed, name: str) -> list[Row]:
    with (FIXTURES / f"{name}.csv").open("rb") as file:
        return list(feed.read(file, f"{name}.csv"))


def read_hours(body: bytes) -> list[Row]:
    return list(feeds.CHINA_HOURS.read(io.BytesIO(HOURS_HEADER + body), "hours.csv"))


def observed(rows: list[Row]) -> list[Observation]:
    return [row for row in rows if isinstance(row, Observation)]


def sentences(rows: list[Row]) -> list[str]:
    return [row.sentence for row in rows if isinstance(row, Malformed)]


def test_a_field_may_hold_line_breaks_and_a_dash_is_no_value() -> None:
    rows = read(feeds.CHINA_HOURS, "hour_with_a_line_break_in_a_field")
    whole, empty, partial = observed(rows)
    assert sentences(rows) == []
    assert whole.values["station"] == "宁波-万里国际学校"
    assert whole.values["pm25"] == Decimal("39")
    assert whole.values["o3_8h"] == Decimal("86")
    assert set(empty.values.values()) == {None, "嘉兴-监测站", empty.values["hour_start"]}
    assert (partial.values["co"], partial.values["pm25"], partial.values["published_aqi"]) == (Decimal("1.0"), None, None)


def test_the_hour_a_source_writes_is_the_end_of_the_mean() -> None:
    first = observed(read(feeds.CHINA_HOURS, "hour_with_a_line_break_in_a_field"))[0]
    assert first.values["hour_start"].astimezone(UTC) == dt.datetime(2020, 3, 26, 9, tzinfo=UTC)  # 17:00 in China


def test_midnight_belongs_to_the_day_before() -> None:
    (row,) = observed(read_hours("20200401,00,宁波,万里学院,50,优,,30,40,0.5,20,60,60,5\n".encode()))
    assert row.values["hour_start"].isoformat() == "2020-03-31T23:00:00+08:00"


def test_a_station_is_registered_once_before_its_first_observation() -> None:
    body = "20200401,01,宁波,万里学院,50,优,,30,40,0.5,20,60,60,5\n20200401,02,宁波,万里学院,50,优,,30,40,0.5,20,60,60,5\n"
    rows = read_hours(body.encode())
    assert [type(row) for row in rows] == [Registered, Observation, Observation]
    assert isinstance(rows[0], Registered)
    assert (rows[0].key, rows[0].values["name"], rows[0].values["city_name"]) == ("宁波-万里学院", "万里学院", "宁波")


def test_the_snapshot_registers_places_and_puts_ozone_right() -> None:
    rows = read(feeds.STATIONS_SNAPSHOT, "snapshot_with_ozone_columns_swapped")
    stations = {row.key: row.values for row in rows if isinstance(row, Registered)}
    assert stations["宁波-区环保大楼"]["code"] == "1234A"
    assert (stations["宁波-区环保大楼"]["lon"], stations["宁波-区环保大楼"]["lat"]) == (121.836, 29.9108)
    first = observed(rows)[0].values
    assert first["hour_start"].isoformat() == "2018-02-20T06:00:00+08:00"
    assert (first["o3"], first["o3_8h"], first["pm10"]) == (Decimal("62"), Decimal("37"), None)


def test_beijing_comes_in_micrograms_of_co() -> None:
    (row,) = observed(read(feeds.BEIJING_HOURS, "co_in_micrograms"))
    assert row.values["station"] == "北京-东四"
    assert row.values["co"] == Decimal("0.3")


def test_na_is_no_value() -> None:
    header = (FIXTURES / "co_in_micrograms.csv").read_bytes().splitlines()[0]
    body = b"2,2013,3,1,1,NA,4.0,NA,NA,NA,NA,-1.1,1025.1,-22.1,0.0,NW,3.9,Tiantan"
    (row,) = observed(list(feeds.BEIJING_HOURS.read(io.BytesIO(header + b"\n" + body), "tiantan.csv")))
    assert {key for key, value in row.values.items() if value is None} == {"so2", "no2", "co", "o3", "pm25"}
    assert row.values["station"] == "北京-天坛"


def test_a_city_report_keeps_the_published_index_and_the_local_day() -> None:
    rows = observed(read(feeds.CITY_REPORTS, "city_reports"))
    assert rows[1].values["city"] == "宁波"
    assert rows[1].values["day_start"].isoformat() == "2014-02-16T00:00:00+08:00"
    assert (rows[1].values["no2"], rows[1].values["published_aqi"]) == (Decimal("57"), Decimal("44"))


def test_the_mean_of_hourly_indices_is_kept_apart_and_zero_is_no_value() -> None:
    whole, partial = observed(read(feeds.CITY_DAY_MEANS, "zero_is_no_value"))
    assert "published_aqi" not in whole.values
    assert whole.values["mean_hourly_aqi"] == Decimal("314")
    assert partial.values["pm25"] is None


def test_a_city_that_is_not_known_is_named() -> None:
    rows = read(feeds.CITY_PLACES, "city_places")
    assert [row.key for row in rows if isinstance(row, Registered)] == ["鞍山", "宁波"]
    assert sentences(rows) == [
        "city_places.csv, line 4: city 'Atlantis' is not in cities.csv of the pack; add its spelling there."
    ]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("20200401,01,宁波,万里学院,50,优,,abc,40,0.5,20,60,60,5\n", "line 2: pm25 is 'abc', expected a number"),
        ("20200401,01,宁波,万里学院,50,优,,1e999999999,40,0.5,20,60,60,5\n", "line 2: pm25 is '1e999999999', expected a number"),
        ("20200401,01,宁波,万里学院,50,优,,Infinity,40,0.5,20,60,60,5\n", "line 2: pm25 is 'Infinity', expected a number"),
        ("20201301,01,宁波,万里学院,50,优,,30,40,0.5,20,60,60,5\n", "line 2: time 2020-13-01 01 h is not one"),
        ("20200401,25,宁波,万里学院,50,优,,30,40,0.5,20,60,60,5\n", "line 2: time 2020-04-01 25 h is not one"),
        ("20200401,01,,万里学院,50,优,,30,40,0.5,20,60,60,5\n", "line 2: city is '', expected a name"),
        ("20200401,01,宁波\n", "line 2: 3 fields, expected 14"),
    ],
)
def test_a_row_that_cannot_be_read_is_set_aside_and_the_rest_goes_on(body: str, says: str) -> None:
    good = "20200401,02,宁波,万里学院,50,优,,30,40,0.5,20,60,60,5\n"
    rows = read_hours((body + good).encode())
    (sentence,) = sentences(rows)
    assert sentence.startswith(f"hours.csv, {says}")
    assert len(observed(rows)) == 1


def test_a_file_of_another_kind_is_refused_by_its_header() -> None:
    (sentence,) = sentences(list(feeds.BEIJING_HOURS.read(io.BytesIO(HOURS_HEADER), "hours.csv")))
    assert sentence.startswith(
        "hours.csv, line 1: column year, month, day, PM2.5, PM10, SO2, NO2, CO, O3 missing; found date, hour"
    )
    assert sentence.endswith("Check that this is the right feed.")


@pytest.mark.parametrize("body", [b"", b"\x00\xff\xfe", "城市".encode("gb18030"), b'"unclosed'])
def test_garbage_gives_a_sentence_and_no_rows(body: bytes) -> None:
    rows = list(feeds.CHINA_HOURS.read(io.BytesIO(body), "garbage.csv"))
    assert len(sentences(rows)) == 1
    assert observed(rows) == []


def test_a_row_of_another_encoding_ends_the_reading_with_a_sentence() -> None:
    rows = read_hours("20200401,01,宁波,万里学院,50,优,,30,40,0.5,20,60,60,5\n".encode("gb18030"))
    assert len(sentences(rows)) == 1
    assert "not UTF-8" in sentences(rows)[0]
