# SPDX-License-Identifier: Apache-2.0
"""Text with delimiters, as it is really sent: encodings, title rows, two levels of headings, sums, notes, damaged cells."""

from __future__ import annotations

import datetime as dt

import pytest

from chengyun.collect.pull.formats import ColumnShape, Fault, TableShape
from chengyun.errors import Malformed, Refused

REPORT = """2016年7月空气质量月报,,,,
单位：µg/m³,,,,
站点,时间,浓度,,备注
,,PM2.5,CO（mg/m³）,
万里学院,2016年7月4日15时,３５,0.8,
龙赛医院,2016-07-04 15:00,"1,035",<0.5,"多
行"
三江中学,2016/2/30 1:00,—,1.0,
太古小学,2016-07-04 16:00,12O,1.0,
合计,,70,1.6,
站点,时间,PM2.5,CO,备注
市监测中心,2016-07-04 17:00,5000,0.7,=cmd|' /C calc'!A0
注：“—”表示未监测,,,,
"""
SHAPE = TableShape(
    columns=[
        ColumnShape(key="station", names=["站点", "测点"], required=True),
        ColumnShape(key="at", kind="moment", names=["时间"], required=True),
        ColumnShape(key="pm25", kind="number", names=["PM2.5"], unit="µg/m³", valid=(0, 2000)),
        ColumnShape(key="co", kind="number", names=["CO"], unit="µg/m³", detection=True),
    ]
)


def places(faults: list[Fault]) -> list[tuple[str, str, str]]:
    return [(it.address, it.column, it.code) for it in faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_a_monthly_report_in_any_encoding(take, encoding: str) -> None:
    ((table, rows),) = take(REPORT.encode(encoding), "七月.csv", shape=SHAPE)
    assert [(it["station"], it["pm25"], it["co"], it["co__mark"], it["__line"]) for it in rows] == [
        ("万里学院", 35.0, 800.0, None, 5),
        ("龙赛医院", 1035.0, None, "<0.5", 6),
        ("太古小学", None, 1000.0, None, 9),
        ("市监测中心", None, 700.0, None, 12),
    ]
    assert rows[0]["at"] == dt.datetime(2016, 7, 4, 7, tzinfo=dt.UTC)
    assert places(table.faults) == [
        ("line 8, column 2", "at", "moment"),
        ("line 9, column 3", "pm25", "unit"),
        ("line 12, column 3", "pm25", "range"),
        ("line 12, column 5", "备注", "formula"),
    ]
    assert [(it.line, it.kind) for it in table.findings.asides] == [
        (1, "title"),
        (2, "title"),
        (10, "sum"),
        (11, "heading"),
        (13, "note"),
    ]
    assert (table.unknown, table.missing, table.findings.withheld) == (("备注",), (), 1)


def test_a_fault_says_what_where_expected_and_what_to_do(take) -> None:
    ((table, _rows),) = take(REPORT.encode(), "七月.csv", shape=SHAPE)
    assert table.faults[2].sentence == (
        "七月.csv, line 12, column 3, pm25: found 5000, expected 0 to 2000 µg/m³. Check the value and its unit."
    )


def test_columns_nobody_declared_are_told_from_their_rows(take) -> None:
    body = "站点,投资（万元）,日期,电话,比例,空\n甲,1.5万,2016-07-04,0574001,12%,\n乙,３,2016年7月5日,0574002,13%,\n"
    ((table, rows),) = take(body.encode("gb18030"), "a.txt")
    assert [(it.name, it.kind, it.unit) for it in table.columns] == [
        ("站点", "text", ""),
        ("投资", "number", "万元"),
        ("日期", "day", ""),
        ("电话", "text", ""),
        ("比例", "number", "%"),
        ("空", "text", ""),
    ]
    assert (rows[0]["投资"], rows[0]["日期"], rows[0]["电话"]) == (15000.0, dt.date(2016, 7, 4), "0574001")
    assert ([it["比例"] for it in rows], table.faults) == ([12.0, 13.0], [])


def test_a_damaged_byte_far_from_the_head_is_found_where_it_is(take) -> None:
    lines = ["站点,值"] + [f"站点{number},{number}" for number in range(60_000)]
    data = "\n".join(lines).encode("gb18030").replace("站点50000,".encode("gb18030"), b"\xd5\xff\xff,")
    ((table, rows),) = take(data, "a.csv")
    assert places(table.faults) == [("line 50002, column 1", "站点", "encoding")]
    assert len(rows) == 60_000
    assert rows[50_000]["站点"] is None


def test_western_text_is_not_taken_for_chinese(take) -> None:
    body = "name;town\nMüller;Düsseldorf\nGrößer;Köln\nÉtienne;Orléans\n" * 50
    ((_table, rows),) = take(body.encode("cp1252"), "a.csv")
    assert rows[0] == {"name": "Müller", "town": "Düsseldorf", "__line": 2}


def test_bytes_that_are_no_text_are_refused(take) -> None:
    with pytest.raises(Malformed, match="encoding"):
        take(bytes(range(128, 256)) * 400, "a.csv")


def test_a_row_with_another_number_of_fields_is_withheld_and_said(take) -> None:
    ((table, rows),) = take(b"a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3,\n", "a.csv")
    assert places(table.faults) == [("line 3", "", "fields"), ("line 4", "", "fields")]
    assert len(rows) == 2


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_the_delimiter_is_told_from_the_lines(take, delimiter: str) -> None:
    body = f"站点{delimiter}值\n甲, 乙{delimiter}1\n丙{delimiter}2\n"
    ((_table, rows),) = take(body.encode(), "a.csv")
    assert [it["值"] for it in rows] == [1.0, 2.0]


def test_a_required_column_that_is_not_there_stops_the_table(take) -> None:
    ((table, rows),) = take("测点名,时间,PM2.5\n甲,2016-07-04 15:00,3\n".encode(), "a.csv", shape=SHAPE)
    assert rows == []
    assert places(table.faults) == [("line 1", "station", "no_column")]
    assert "Did you mean" in table.faults[0].sentence
    assert any("looked for station, 站点, 测点" in it for it in table.explained)


def test_a_unit_of_another_kind_is_refused_at_its_heading(take) -> None:
    shape = TableShape(
        columns=[ColumnShape(key="co", kind="number", names=["CO"], unit="mg/m³"), ColumnShape(key="s", names=["站"])]
    )
    ((table, rows),) = take("站,CO（米）\n甲,3\n".encode(), "a.csv", shape=shape)
    assert places(table.faults) == [("line 1, column 2", "CO（米）", "heading_unit")]
    assert rows == [{"s": "甲", "__line": 2}]


def test_memory_of_faults_is_bounded_and_their_number_known(take) -> None:
    body = "a,b\n" + "1,2\n" * 200 + "x,2\n" * 20
    ((table, _rows),) = take(body.encode(), "a.csv", most_faults=5)
    assert (len(table.faults), table.findings.count) == (5, 20)


def test_options_are_held_against_their_names_and_types(take) -> None:
    from chengyun.collect.pull.formats import Options

    with pytest.raises(Refused, match='Did you mean "encoding"'):
        Options.of({"encodign": "gbk"})
    with pytest.raises(Refused, match="expected bool"):
        Options.of({"hidden": "yes"})
    assert Options.of({"shape": {"columns": [{"key": "a", "kind": "number", "valid": [0, 1]}]}}).shape is not None
