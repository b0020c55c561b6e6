# SPDX-License-Identifier: Apache-2.0
"""Workbooks as departments fill them, made here cell by cell with other people's writers."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter
import xlwt

from chengyun.collect.pull.formats import ColumnShape, TableShape
from chengyun.collect.pull.formats.holding import hold
from chengyun.errors import Malformed, Refused

SHAPE = TableShape(
    columns=[
        ColumnShape(key="district", names=["区县"], required=True),
        ColumnShape(key="station", names=["站点"], required=True),
        ColumnShape(key="day", kind="day", names=["日期"], required=True),
        ColumnShape(key="pm25", kind="number", names=["浓度/PM2.5"], unit="µg/m³", valid=(0, 2000)),
        ColumnShape(key="iaqi", kind="integer", names=["分指数/PM2.5"]),
        ColumnShape(key="cost", kind="number", names=["投入"], unit="元"),
        ColumnShape(key="run", kind="flag", names=["正常"]),
    ]
)


def xlsx(fill: Callable[[Any, Any], None], **options: Any) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, options)
    fill(book, book.add_worksheet("七月"))
    book.close()
    return buffer.getvalue()


def report(book: Any, sheet: Any) -> None:
    day = book.add_format({"num_format": 'yyyy"年"m"月"d"日"'})
    sheet.merge_range("A1:G1", "2016年7月空气自动站月报")
    sheet.merge_range("A2:A3", "区县")
    sheet.merge_range("B2:B3", "站点")
    sheet.merge_range("C2:C3", "日期")
    sheet.write("D2", "浓度")
    sheet.write("E2", "分指数")
    sheet.merge_range("F2:F3", "投入\n（万元）")
    sheet.merge_range("G2:G3", "正常")
    sheet.write_row("D3", ["PM2.5（mg/m3）", "PM2.5"])
    sheet.merge_range("A4:A6", "海曙区")
    sheet.write("B4", "万里学院")
    sheet.write_datetime("C4", dt.datetime(2016, 7, 4), day)
    sheet.write_row("D4", [0.035, 50, 1.5, "√"])
    sheet.write_row("B5", ["市监测中心", 42556, "０.0４", 56, "3千", "否"])
    sheet.write_row("B6", ["三江中学", "二〇一六年七月六日", "—", "/", 0.125])
    sheet.write_formula("G6", '="是"', None, "是")
    sheet.write_row("A7", ["小计", "", "", 0.075, 106, 4.5])
    sheet.write_row("A8", ["镇海区", "龙赛医院", "2016/7/7", 3.5, 60.5, "两元", "大概"])
    sheet.write_row("A9", ["", "无区县站", 42558, 0.02, 30, 1, "是"])
    sheet.write_formula("D10", "=1/0", None, "#DIV/0!")
    sheet.write_row("A10", ["镇海区", "龙赛医院", 12])
    sheet.write("A11", "填表人：张三　审核：李四")
    sheet.write_comment("D4", "手工补录")


def test_two_levels_of_headings_merged_cells_units_serials_and_sums(take) -> None:
    ((table, rows),) = take(xlsx(report), "月报.xlsx", shape=SHAPE)
    keys = ("district", "station", "day", "pm25", "iaqi", "cost", "run", "__line")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("海曙区", "万里学院", dt.date(2016, 7, 4), 35.0, 50, 15000.0, True, 4),
        ("海曙区", "市监测中心", dt.date(2016, 7, 5), 40.0, 56, 30_000_000.0, False, 5),
        ("海曙区", "三江中学", dt.date(2016, 7, 6), None, None, 1250.0, True, 6),
        ("镇海区", "龙赛医院", dt.date(2016, 7, 7), None, None, 2.0, None, 8),
    ]
    assert [(it.address, it.column, it.code) for it in table.faults] == [
        ("A9", "district", "required"),
        ("C10", "day", "day"),
        ("D8", "pm25", "range"),
        ("D10", "pm25", "error"),
        ("E8", "iaqi", "whole"),
        ("G8", "run", "flag"),
    ]
    assert [(it.line, it.kind) for it in table.findings.asides] == [(1, "title"), (7, "sum"), (11, "note")]


def test_a_macro_a_formula_and_a_hidden_sheet_do_nothing_of_themselves(take) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row("A1", ["名称", "值"])
        sheet.write("A2", "甲")
        sheet.write_formula("B2", '=WEBSERVICE("http://127.0.0.1/")', None, 7)
        hidden = book.add_worksheet("草稿")
        hidden.write_row("A1", ["名称", "值"])
        hidden.write_row("A2", ["乙", 1])
        hidden.hide()

    data = xlsx(fill)
    assert [(table.name, rows[0]["值"]) for table, rows in take(data, "a.xlsx")] == [("七月", 7.0)]
    assert [table.name for table, _rows in take(data, "a.xlsx", hidden=True)] == ["七月", "草稿"]
    assert [table.name for table, _rows in take(data, "a.xlsx", sheet="草稿")] == ["草稿"]
    with pytest.raises(Refused, match="Sheets: 七月"):
        take(data, "a.xlsx", sheet="七月份")


def test_days_since_1904_are_the_days_they_show(take) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row("A1", ["站点", "日期"])
        sheet.write("A2", "甲")
        sheet.write_datetime("B2", dt.datetime(2016, 7, 4), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_row("A3", ["甲", 41094])

    shape = TableShape(columns=[ColumnShape(key="s", names=["站点"]), ColumnShape(key="d", kind="day", names=["日期"])])
    ((_table, rows),) = take(xlsx(fill, date_1904=True), "a.xlsx", shape=shape)
    assert [it["d"] for it in rows] == [dt.date(2016, 7, 4), dt.date(2016, 7, 5)]


def test_an_old_xls_reads_as_an_xlsx_does(take) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("七月")
    sheet.write_merge(0, 0, 0, 1, "月报")
    for column, heading in enumerate(["站点", "浓度（mg/m3）"]):
        sheet.write(1, column, heading)
    sheet.write(2, 0, "万里学院")
    sheet.write(2, 1, 0.035)
    buffer = io.BytesIO()
    book.save(buffer)
    ((table, rows),) = take(buffer.getvalue(), "月报.xls")
    assert rows == [{"站点": "万里学院", "浓度": 0.035, "__line": 3}]
    assert table.columns[1].unit == "mg/m³"


def test_two_cells_in_far_corners_do_not_take_the_machine(take) -> None:
    data = xlsx(lambda _book, sheet: (sheet.write(0, 0, 1), sheet.write(1_048_575, 16_383, 2)))
    assert len(data) < 10_000
    with pytest.raises(Malformed, match="17,179,869,184 cells"):
        take(data, "bomb.xlsx")


def test_a_zip_bomb_is_known_by_its_list(take) -> None:
    buffer = io.BytesIO(xlsx(lambda _book, sheet: sheet.write(0, 0, 1)))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/x.bin", bytes(50_000_000))
    with pytest.raises(Malformed, match="to 1"):
        take(buffer.getvalue(), "a.xlsx")

    with pytest.raises(Malformed, match="unpacks to"):
        take(xlsx(report), "a.xlsx", most_bytes=10_000)


@pytest.mark.parametrize("data", [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 broken"])
def test_a_broken_workbook_is_said_to_be_broken(take, data: bytes) -> None:
    with pytest.raises(Malformed, match=r"broken\.xls"):
        take(data, "broken.xls")


def test_a_sheet_that_breaks_off_is_said_to_be_broken(take) -> None:
    whole = io.BytesIO(xlsb([(0, 0, 1.0), (1, 0, 2.0)]))
    cut = io.BytesIO()
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(cut, "w") as archive:
        for name in source.namelist():
            body = source.read(name)
            archive.writestr(name, body[:-20] if name.endswith("sheet1.bin") else body)
    with pytest.raises(Malformed, match="七月 cannot be read"):
        take(cut.getvalue(), "a.xlsb")


def test_a_sheet_without_cells_has_no_rows(take) -> None:
    ((table, rows),) = take(xlsx(lambda _book, _sheet: None), "a.xlsx")
    assert (rows, table.faults, table.columns) == ([], [], ())


def record(kind: int, body: bytes = b"") -> bytes:
    """One record of a binary workbook: its kind and size in seven bits a byte, then its body ([MS-XLSB] 2.1.4)."""
    head = b""
    for number in (kind, len(body)):
        while number > 0x7F:
            head += bytes([number & 0x7F | 0x80])
            number >>= 7
        head += bytes([number])
    return head + body


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(cells: list[tuple[int, int, str | float]]) -> bytes:
    """A binary workbook of one sheet, as small as can be: nobody else writes them here."""
    rows: dict[int, bytes] = {}
    for row, column, value in cells:
        place = struct.pack("<II", column, 0)
        cell = record(6, place + wide(value)) if isinstance(value, str) else record(5, place + struct.pack("<d", value))
        rows[row] = rows.get(row, b"") + cell
    lines = b"".join(record(0, struct.pack("<IIHHBI", row, 0, 0, 0, 0, 0)) + body for row, body in rows.items())
    reach = struct.pack("<IIII", 0, max(rows), 0, max(column for _row, column, _value in cells))
    sheet = record(129) + record(148, reach) + record(145) + lines + record(146) + record(130)
    book = (
        record(131)
        + record(143)
        + record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("七月"))
        + record(144)
        + record(132)
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="bin" '
        'ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>',
        "xl/workbook.bin": book,
        "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.bin"/></Relationships>',
        "xl/worksheets/sheet1.bin": sheet,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def test_a_binary_workbook_reads_as_an_xlsx_does(take) -> None:
    cells: list[tuple[int, int, str | float]] = [
        (0, 0, "站点"),
        (0, 1, "浓度（mg/m3）"),
        (1, 0, "万里学院"),
        (1, 1, 0.035),
        (2, 0, "龙赛医院"),
        (2, 1, "０.04"),
    ]
    ((table, rows),) = take(xlsb(cells), "月报.xlsb")
    assert rows == [{"站点": "万里学院", "浓度": 0.035, "__line": 2}, {"站点": "龙赛医院", "浓度": 0.04, "__line": 3}]
    assert (table.name, table.columns[1].unit) == ("七月", "mg/m³")


def test_far_corners_of_a_binary_workbook_do_not_take_the_machine(take) -> None:
    with pytest.raises(Malformed, match="17,179,869,184 cells"):
        take(xlsb([(0, 0, 1.0), (1_048_575, 16_383, 2.0)]), "bomb.xlsb")


def test_a_binary_workbook_whose_parts_contradict_each_other_is_said_to_be_broken(take) -> None:
    data = xlsb([(0, 0, 1.0)])
    cut = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(cut, "w") as archive:
        for name in source.namelist():
            body = source.read(name)
            archive.writestr(name, body.replace(wide("rId1"), wide("rId9")))
    with pytest.raises(Malformed, match="contradict"):
        take(cut.getvalue(), "a.xlsb")


def old_book(rows: int) -> io.BytesIO:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for row in range(rows):
        for column in range(100):
            sheet.write(row, column, row * column + 0.5)
    out = io.BytesIO()
    book.save(out)
    return out


def test_a_workbook_that_would_end_the_process_ends_another_one() -> None:
    file = old_book(2_000)
    hold(file, "fits.xls")
    assert file.tell() == 0
    with pytest.raises(Malformed, match=r"^large\.xls cannot be read: .* GB"):
        hold(file, "large.xls", most_bytes=32 * 2**20)
    with pytest.raises(Malformed, match="more than 0 s"):
        hold(file, "slow.xls", within_s=0.001)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_xls_is_read_or_refused_and_nothing_else_happens(take, seed: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(old_book(20).getvalue())
    for _ in range(30):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    with contextlib.suppress(Malformed):
        take(bytes(damaged), "damaged.xls")
