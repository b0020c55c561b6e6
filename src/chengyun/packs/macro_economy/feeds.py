# SPDX-License-Identifier: Apache-2.0
"""Files in, statements out: series and figures of a statistics bureau, and the yearbooks of the cities of the Yangtze delta.

The delta's files come as one city a file, and as one indicator a file with the cities in columns; both give the same series.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from chengyun.city import Malformed, RegisterFeed, Stated, read_day, read_statements
from chengyun.standards.lines import malformed, read_lines

PERIOD = re.compile(r"\d{4}(?:Q[1-4]|-(?:0[1-9]|1[0-2]))?")
YEAR = "时间(年)"
POPULATION, GDP = "年末总人口(万人)国家统计局", "GDP(亿元)国家统计局"
INDICATORS = {POPULATION: ("population", "年末总人口", "万人"), GDP: ("gdp", "地区生产总值", "亿元")}
TABLES = {"population": POPULATION, "gdp": GDP}
EDITION = dt.date(2025, 8, 6)
"""The edition of the collection the yearbooks were read from: they do not say when a figure was published."""
CODES = {
    "上海": "310000", "南京": "320100", "无锡": "320200", "常州": "320400", "苏州": "320500", "南通": "320600", "盐城": "320900",
    "扬州": "321000", "镇江": "321100", "泰州": "321200", "杭州": "330100", "宁波": "330200", "嘉兴": "330400", "湖州": "330500",
    "绍兴": "330600", "金华": "330700", "舟山": "330900", "台州": "331000", "合肥": "340100", "芜湖": "340200",
    "马鞍山": "340500",
    "铜陵": "340700", "安庆": "340800", "滁州": "341100", "池州": "341700", "宣城": "341800",
}  # fmt: skip
"""GB/T 2260 of the twenty-six cities."""


def figure_key(series: str, period: str, edition: dt.date) -> str:
    """Return the key of a figure: series, period and edition."""
    return f"{series}@{period}@{edition:%Y%m%d}"


def read_series(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read what is counted: the dictionary of series."""
    columns = {
        "序列编码": "key", "名称": "name", "指标": "indicator", "地区": "area_name", "区域": "area_code", "单位": "unit",
        "频率": "frequency",
        "口径": "scope", "发布机构": "publisher",
    }  # fmt: skip
    coded = {"frequency": lambda it: {"年": "A", "季": "Q", "月": "M"}.get(it, it)}
    yield from read_statements(file, name, "series", columns, read=coded)


def read_figures(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read figures: 序列编码, 时期, 公布日期, 数值, 备注."""
    for line in read_lines(file, name, ["序列编码", "时期", "公布日期", "数值", "备注"]):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            edition = read_day(row["公布日期"])
            if edition is None:
                raise ValueError("公布日期 is empty; a figure without its edition cannot be told from its revision")
            yield _figure(row["序列编码"].strip(), row["时期"].strip(), edition, row["数值"], row["备注"].strip(), at)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def read_delta(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read a file of the collection: of one city, or of one indicator with the cities in columns."""
    stem = name.rpartition("/")[2].removesuffix(".csv")
    table = next((column for word, column in TABLES.items() if stem == f"ydm-city-{word}"), None)
    if table is None and stem not in CODES:
        yield Malformed(
            f"{name}: the file's name is neither one of the cities nor ydm-city-gdp or ydm-city-population.", file=name
        )
        return
    columns = {city: (city, table) for city in CODES} if table else {column: (stem, column) for column in INDICATORS}
    told: set[str] = set()
    for line in read_lines(file, name, [YEAR, *columns]):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        for column, (city, indicator) in columns.items():
            if not row[column].strip():
                continue
            key, series = _series(city, indicator)
            if key not in told:
                told.add(key)
                yield series
            try:
                yield _figure(key, row[YEAR].strip(), EDITION, row[column], "", at)
            except ValueError as wrong:
                yield malformed(name, at, f"{column}: {wrong}")


def _series(city: str, column: str) -> tuple[str, Stated]:
    code, indicator, unit = INDICATORS[column]
    key = f"{code}.{CODES[city]}.A"
    said = {
        "name": f"{city}{indicator}", "indicator": indicator, "area_name": city, "unit": unit, "frequency": "A",
        "publisher": "统计局（年鉴）", "scope": "统计年鉴",
    }  # fmt: skip
    return key, Stated("series", key, said)


def _figure(series: str, period: str, edition: dt.date, text: str, note: str, line: int) -> Stated:
    if not series or PERIOD.fullmatch(period) is None:
        raise ValueError(f"series {series[:30]!r}, period {period[:20]!r}: expected a period such as 2024, 2024Q1 or 2024-03")
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise ValueError(f"{text.strip()[:30]!r} is not a number")
    said = {
        "name": f"{series} {period}",
        "series": series,
        "period": period,
        "edition": edition,
        "value": str(value),
        "note": note,
    }
    return Stated("figure", figure_key(series, period, edition), said, None, None, line)


FEEDS = (
    RegisterFeed("series", "统计序列", entity="series", authority="statistics", read=read_series),
    RegisterFeed("figures", "统计数值", entity="figure", authority="statistics", read=read_figures),
    RegisterFeed("yangtze_delta", "长三角城市统计年鉴", entity="figure", authority="statistics", read=read_delta),
)
