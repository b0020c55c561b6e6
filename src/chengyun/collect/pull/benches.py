# SPDX-License-Identifier: Apache-2.0
"""What reading a large report costs, and how many of the mistakes in it are found where they are.

A million rows of a monthly report with what departments do that is right but unusual (full-width digits, 万, dates in words,
serial dates, dashes, sums between the rows), and in three rows of a hundred something that is wrong. Which and where is kept
apart and held against the faults. xlsx is XML in UTF-8 by its standard and cannot be in GBK; so the text in GBK is the measure,
and a workbook of the same rows is read beside it.
"""

from __future__ import annotations

import datetime as dt
import io
import random
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

import pyarrow.compute as pc

from chengyun.bench.frame import Bench, Result
from chengyun.collect.pull.formats import ColumnShape, Options, TableShape, read_table

ROWS = 1_000_000
WRONG = 0.03
UNUSUAL = 0.05
SUM_EVERY = 5_000
SEED = 20_161

DISTRICTS = ("海曙区", "江北区", "北仑区", "镇海区", "鄞州区", "奉化区")
KINDS = {"国控": "national", "省控": "provincial", "市控": "municipal", "微站": "micro"}
HEADINGS = ("区县", "站点编码", "级别", "监测时间", "PM2.5", "CO", "运行费用", "在线率", "备注")
SHAPE = TableShape(
    columns=[
        ColumnShape(key="district", kind="code", names=["区县"], codes={it: it for it in DISTRICTS}, required=True),
        ColumnShape(key="station", names=["站点编码"], required=True, pattern=r"NB\d{4}"),
        ColumnShape(key="kind", kind="code", names=["级别"], codes=KINDS, required=True),
        ColumnShape(key="at", kind="moment", names=["监测时间"], required=True),
        ColumnShape(key="pm25", kind="number", names=["浓度/PM2.5"], unit="µg/m³", valid=(0, 2000)),
        ColumnShape(key="co", kind="number", names=["浓度/CO"], unit="mg/m³", valid=(0, 150), detection=True),
        ColumnShape(key="cost", kind="number", names=["运行费用"], unit="元", valid=(0, 1e8)),
        ColumnShape(key="online", kind="number", names=["在线率"], unit="%", valid=(0, 100)),
        ColumnShape(key="note", names=["备注"]),
    ]
)
_WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")


@dataclass
class Truth:
    """What was written. wrong: (line, key) → what kind of mistake; key "" is the whole row. sums: lines. pm25: their total."""

    wrong: dict[tuple[int, str], str] = field(default_factory=dict)
    sums: set[int] = field(default_factory=set)
    records: int = 0
    pm25: float = 0.0
    cost: float = 0.0


Row = list[str | float]
Mistake = Callable[[Row, random.Random], tuple[int, str]]


def _set(place: int, make: Callable[[Row, random.Random], str | float]) -> Mistake:
    key = SHAPE.columns[place].key

    def plant(row: Row, chance: random.Random) -> tuple[int, str]:
        row[place] = make(row, chance)
        return place, key

    return plant


MISTAKES: Mapping[str, Mistake] = {
    "letter_for_digit": _set(4, lambda _row, chance: f"{chance.randint(1, 9)}O{chance.randint(0, 9)}"),
    "two_points": _set(4, lambda _row, chance: f"{chance.randint(1, 99)}.{chance.randint(0, 9)}.{chance.randint(0, 9)}"),
    "out_of_range": _set(4, lambda _row, chance: float(chance.choice((-1, 1)) * chance.randint(2_001, 99_999))),
    "range_of_values": _set(4, lambda _row, chance: f"{chance.randint(1, 40)}～{chance.randint(41, 90)}"),
    "words_for_a_number": _set(5, lambda _row, chance: chance.choice(("正常", "较高", "见备注", "仪器故障"))),
    "unit_of_another_kind": _set(5, lambda _row, chance: f"{chance.random():.1f}ppm"),
    "no_such_day": _set(3, lambda _row, chance: chance.choice(("2016-02-30 08:00", "2016年13月1日8时", "2016-07-32 01:00"))),
    "no_such_hour": _set(3, lambda _row, chance: f"2016-07-{chance.randint(10, 28)} 25:{chance.randint(10, 59)}"),
    "day_read_two_ways": _set(3, lambda _row, chance: f"{chance.randint(1, 12):02}/{chance.randint(1, 12):02}/16"),
    "unknown_code": _set(2, lambda _row, chance: chance.choice(("国空", "区控", "市控站", "A"))),
    "unknown_district": _set(0, lambda _row, chance: chance.choice(("海暑区", "江东", "鄞州市"))),
    "missing_key": _set(1, lambda _row, chance: chance.choice(("", " ", "—"))),
    "key_of_another_form": _set(1, lambda _row, chance: f"N8{chance.randint(1000, 9999)}"),
    "above_a_hundred_per_cent": _set(7, lambda _row, chance: f"{chance.randint(101, 999)}%"),
    "damaged": _set(8, lambda _row, _chance: "设备\ufffd\ufffd"),
    "formula": _set(8, lambda _row, _chance: '=HYPERLINK("x")'),
}
"""What is wrong, by kind. None can be meant otherwise: each is a mistake to whoever knows the columns."""

UNUSUALLY: tuple[Callable[[Row, random.Random], None], ...] = (
    lambda row, _chance: row.__setitem__(4, str(row[4]).translate(_WIDE)),
    lambda row, _chance: row.__setitem__(4, f"{row[4]}ug/m3"),
    lambda row, _chance: row.__setitem__(6, f"{float(row[6]) / 10_000:g}万"),
    lambda row, _chance: row.__setitem__(6, f"{float(row[6]):,.0f}"),
    lambda row, chance: row.__setitem__(5, chance.choice(("<0.1", "未检出", "—", "/", ""))),
    lambda row, _chance: row.__setitem__(0, f" {row[0]}　"),
    lambda row, _chance: row.__setitem__(7, str(row[7]).translate(_WIDE) + "％"),
)


def rows_of(count: int, truth: Truth) -> Iterator[Row]:
    """Yield a report's rows from its title on, and write down what in them is wrong."""
    chance = random.Random(SEED)  # noqa: S311  # the same report in every run
    names, weights = list(MISTAKES), [1] * len(MISTAKES)
    yield ["2016年7月全市空气自动站运行月报"]
    yield [HEADINGS[0], *HEADINGS[1:4], "浓度", "", *HEADINGS[6:]]
    yield ["", "", "", "", "PM2.5（μg/m3）", "CO（mg/m3）", "（元）", "（%）", ""]
    start = dt.datetime(2016, 7, 1)  # noqa: DTZ001  # local time, as reports write it
    line = 3
    for number in range(count):
        line += 1
        moment = start + dt.timedelta(hours=number // 1500)
        pm25, cost = round(chance.uniform(5, 180), 1), float(chance.randint(100, 90_000) * 10)
        row: Row = [
            DISTRICTS[number % 6], f"NB{number % 1500:04}", chance.choice(tuple(KINDS)), _time(moment, chance), pm25,
            round(chance.uniform(0.2, 3), 2), cost, round(chance.uniform(60, 100), 1), "" if chance.random() < 0.7 else "正常",
        ]  # fmt: skip
        good = True
        if (draw := chance.random()) < WRONG:
            name = chance.choices(names, weights)[0]
            place, key = MISTAKES[name](row, chance)
            truth.wrong[line, key] = name
            good = not SHAPE.columns[place].required
            pm25 = pm25 if place != 4 else 0.0
        elif draw < WRONG + UNUSUAL:
            chance.choice(UNUSUALLY)(row, chance)
        truth.records += good
        truth.pm25 += pm25 if good else 0.0
        truth.cost += cost if good else 0.0
        yield row
        if number % SUM_EVERY == SUM_EVERY - 1:
            line += 1
            truth.sums.add(line)
            yield ["小计", "", "", "", 1.0, "", 1.0, "", ""]
    yield ["注：“—”表示未监测，“未检出”按标准记录。", *[""] * 8]
    yield ["填表人：王芳", *[""] * 8]


def _time(moment: dt.datetime, chance: random.Random) -> str | float:
    match chance.randrange(10):
        case 0:
            return f"{moment.year}年{moment.month}月{moment.day}日{moment.hour}时"
        case 1:
            return f"{moment:%Y/%m/%d %H:%M}"
        case 2:
            return (moment - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)  # noqa: DTZ001  # a spreadsheet's serial number
        case _:
            return f"{moment:%Y-%m-%d %H:%M}"


def write_text(path: Path, count: int) -> Truth:
    """Write the report as text in GBK; what is damaged is bytes that GBK does not know."""
    truth = Truth()
    with path.open("wb") as file:
        for row in rows_of(count, truth):
            fields = [_quoted(it) if isinstance(it, str) else f"{it:.12g}" for it in row]
            text = ",".join(fields + [""] * (len(HEADINGS) - len(fields))) + "\r\n"
            file.write(text.replace("\ufffd", "\udcff").encode("gbk", "surrogateescape"))
    return truth


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text


def write_workbook(path: Path, count: int) -> Truth:
    """Write the report as a workbook with one sheet, row by row."""
    truth = Truth()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            out = io.BufferedWriter(part, 1 << 20)
            out.write(b'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="%s"><sheetData>' % _MAIN)
            for number, row in enumerate(rows_of(count, truth), 1):
                cells = "".join(_cell(it, f"{chr(65 + place)}{number}") for place, it in enumerate(row) if it != "")
                out.write(f'<row r="{number}">{cells}</row>'.encode())
            out.write(
                b'</sheetData><mergeCells count="2"><mergeCell ref="E2:F2"/><mergeCell ref="A1:I1"/></mergeCells></worksheet>'
            )
            out.flush()
    return truth


def _cell(value: str | float, address: str) -> str:
    if isinstance(value, float):
        return f'<c r="{address}"><v>{value!r}</v></c>'
    return f'<c r="{address}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


_MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
    f'ContentType="{_TYPE}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" '
    f'ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN.decode()}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="月报" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


@dataclass(frozen=True)
class Score:
    """How a reading compares with the truth. located: mistakes found in their very cell. false: faults where nothing is wrong."""

    seconds: float
    planted: int
    located: int
    false: int
    missed: Counter[str]
    same_records: bool
    same_sums: bool
    off: float

    @property
    def share(self) -> float:
        return 100 * self.located / self.planted


def score(path: Path, truth: Truth) -> Score:
    """Read a file and hold what was found against what was planted."""
    begun = time.perf_counter()
    pm25 = cost = 0.0
    with path.open("rb") as file:
        for table in read_table(file, path.name, Options(shape=SHAPE)):
            for batch in table.batches:
                pm25 += pc.sum(batch["pm25"]).as_py() or 0.0
                cost += pc.sum(batch["cost"]).as_py() or 0.0
    seconds = time.perf_counter() - begun
    found = {(it.line, it.column) for it in table.faults}
    missed = Counter(name for place, name in truth.wrong.items() if place not in found)
    return Score(
        seconds=seconds,
        planted=len(truth.wrong),
        located=len(truth.wrong) - missed.total(),
        false=len(found - set(truth.wrong)),
        missed=missed,
        same_records=table.findings.rows == truth.records,
        same_sums={it.line for it in table.findings.asides if it.kind == "sum"} == truth.sums,
        off=max(abs(pm25 - truth.pm25) / truth.pm25, abs(cost - truth.cost) / truth.cost),
    )


def spreadsheet(count: int = ROWS) -> list[Result]:
    """Measure a report of a million rows as text in GBK, and the same as a workbook."""
    with TemporaryDirectory(prefix="chengyun-bench-") as folder:
        text, book = Path(folder) / "月报.csv", Path(folder) / "月报.xlsx"
        of_text = score(text, write_text(text, count))
        of_book = score(book, write_workbook(book, count))
    return [
        Result(
            name="spreadsheet", value=of_text.seconds, unit="s", target=60, compared={"workbook": f"{of_book.seconds:.1f} s"},
            notes=f"{count:,} rows of CSV in GBK to typed columns; beside it the same rows as .xlsx.",
        ),
        Result(
            name="spreadsheet-found", value=min(of_text.share, of_book.share), unit="%", target=99, better="higher",
            compared={
                "planted": f"{of_text.planted:,}",
                "located as text": f"{of_text.located:,}", "in the workbook": f"{of_book.located:,}",
                "missed": ", ".join(f"{name} {number}" for name, number in (of_text.missed + of_book.missed).items()) or "none",
                "false": f"{of_text.false + of_book.false:,}",
            },
            notes="Mistakes found in exactly their cell; the worse of the two files.",
        ),
        Result(
            name="spreadsheet-read", value=max(of_text.off, of_book.off), unit="share", target=1e-9,
            compared={
                "records as planted": str(of_text.same_records and of_book.same_records),
                "sums told from records": str(of_text.same_sums and of_book.same_sums),
            },
            notes="How far the totals of two columns are from what was written, unusual spellings included.",
        ),
    ]  # fmt: skip


BENCHES: Mapping[str, Bench] = {"spreadsheet": spreadsheet}
