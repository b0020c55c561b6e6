# SPDX-License-Identifier: Apache-2.0
"""Lists of targets as files: tab-separated, one number of a plan a line.

Columns: id, name_zh, name_en, value, comparator, unit, year, kind, geography, source_file, and quote, by which the section is
found where the documents are given too. The quote itself is not kept: the plan is where sentences are read.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chengyun.errors import Malformed

__all__ = ["Line", "read_targets", "section_of"]

COLUMNS = (
    "id", "name_zh", "name_en", "value", "comparator", "unit", "year", "kind", "geography", "source_file", "quote",
)  # fmt: skip
COMPARATORS = ("=", ">=", ">", "<=", "<", "~")
KINDS = ("target", "baseline", "rule")
HEADING = re.compile(
    r"^\s*(第[一二三四五六七八九十百]+[章节条]\s*\S{0,40}|[一二三四五六七八九十]+、\S{1,40}|（[一二三四五六七八九十]+）\S{1,40})"
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Line:
    """One target as read. by: last day of its year; None without one."""

    key: str
    name: str
    name_en: str
    kind: str
    value: str
    low: float | None
    high: float | None
    comparator: str
    unit: str
    year: str
    by: dt.date | None
    place: str
    document: str
    section: str


def read_targets(path: Path, documents: Path | None = None) -> Iterator[Line]:
    """Yield the targets of a file. documents: folder of the plans' texts, to find sections in.

    Raises Malformed, naming the line.
    """
    texts: dict[str, list[str]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise Malformed(f"{path.name}: the columns {', '.join(missing)} are missing; expected {', '.join(COLUMNS)}.")
        for number, row in enumerate(rows, 2):
            source = row["source_file"]
            if documents is not None and source not in texts:
                found = documents / source
                texts[source] = found.read_text(encoding="utf-8").splitlines() if found.exists() else []
            try:
                yield _line(row, section_of(texts.get(source, []), row["quote"] or ""))
            except ValueError as wrong:
                raise Malformed(f"{path.name}, line {number}: {wrong}") from None


def section_of(lines: list[str], quote: str) -> str:
    """Return the headings above the first line of a quote, joined by " / "; "" when it is not found."""
    wanted = re.sub(r"\s", "", quote.split("⏎")[0])
    chapter = section = ""
    for line in lines:
        if heading := HEADING.match(line):
            words = heading[1].split("。")[0].strip()
            if words.startswith("（"):
                section = words
            else:
                chapter, section = words, ""
        if wanted and wanted in re.sub(r"\s", "", line):
            return " / ".join(part for part in (chapter, section) if part)[:120]
    return ""


def _line(row: dict[str, str], section: str) -> Line:
    if not row["id"] or not row["name_zh"]:
        raise ValueError("id and name_zh may not be empty.")
    if row["kind"] not in KINDS:
        raise ValueError(f"kind is {row['kind']!r}, expected one of {', '.join(KINDS)}.")
    if row["comparator"] not in COMPARATORS:
        raise ValueError(f"comparator is {row['comparator']!r}, expected one of {' '.join(COMPARATORS)}.")
    low, high = _numbers(row["value"])
    year = "" if row["year"] == "-" else row["year"]
    return Line(
        row["id"], row["name_zh"], row["name_en"], row["kind"], row["value"], low, high, row["comparator"], row["unit"], year,
        _by(year), row["geography"], row["source_file"].split(".")[0], section,
    )  # fmt: skip


def _numbers(value: str) -> tuple[float | None, float | None]:
    if DATE.fullmatch(value):
        return None, None
    if NUMBER.fullmatch(value):
        return float(value), float(value)
    first, dash, second = value.partition("-")
    if dash and NUMBER.fullmatch(first) and NUMBER.fullmatch(second) and float(first) <= float(second):
        return float(first), float(second)
    raise ValueError(f"value is {value!r}, expected a number, low-high or a date such as 2016-07-04.")


def _by(year: str) -> dt.date | None:
    if not year:
        return None
    last = re.fullmatch(r"(?:\d{4}-)?(\d{4})", year)
    if last is None:
        raise ValueError(f"year is {year!r}, expected 2020, 2015-2020 or -.")
    return dt.date(int(last[1]), 12, 31)
