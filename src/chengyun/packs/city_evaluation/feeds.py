# SPDX-License-Identifier: Apache-2.0
"""A table in, rows out: `unit,name,year` and a column an item, percent; an empty cell is no report, not zero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import BinaryIO
from zoneinfo import ZoneInfo

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.packs.city_evaluation.items import ITEMS
from chengyun.standards.lines import malformed, read_lines, real

ZONE = ZoneInfo("Asia/Shanghai")
HEADER = ("unit", "name", "year", *(item.key for item in ITEMS))


def read_reports(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read reports, a row a unit and year."""
    for line in read_lines(file, name, HEADER):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            unit, year = row["unit"].strip(), row["year"].strip()
            if not (unit.isdigit() and len(unit) == 6):
                raise ValueError(f"unit is {unit[:20]!r}, expected the six digits of a city or a district")
            if not (year.isdigit() and 2000 <= int(year) <= 2100):
                raise ValueError(f"year is {year[:20]!r}, expected YYYY")
            values: dict[str, object] = {item.key: real(row[item.key], item.key, 0, 100) for item in ITEMS}
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))
            continue
        yield Registered("unit", unit, {"name": row["name"].strip()[:200], "area_code": unit})
        yield Observation({"unit": unit, "year_start": dt.datetime(int(year), 1, 1, tzinfo=ZONE), **values}, line=at)


FEEDS = (Feed("reports", "年度自评（CSV）", stream="report_year", read=read_reports),)
