# SPDX-License-Identifier: Apache-2.0
"""Indicators from .sql files: a typed header of `-- name: value` lines, then one SELECT in DuckDB's dialect.

    -- name:      PM2.5 日均值
    -- one row:   一个站点、一个当地日
    -- subject:   station                      "area", or an entity of the pack
    -- period:    day                          hour, day, month or year
    -- value:     pm25_24h                     the column that is the figure
    -- unit:      µg/m³
    -- columns:   hours = 有效小时数 [h]; ...     the other columns that are shown, with their units
    -- streams:   station_hour                 streams read, comma between
    -- uses:      ...                          indicators read, as tables `figure_<key>`
    -- parameter: min_hours = validity.day_min_hours:value    $min_hours, from limits.toml by date
    -- rule:      aqi_of_day                   Rule that finishes the rows
    -- scale:     aqi                          Scale that colours the value
    -- apart:     subject, period           what a figure needs no rows of: other subjects, other periods
    -- looks back: 32 d                     whole local days before its period that are read too, from $earliest on
    -- goal:      at most air.goal:pm25     what is aimed at, from limits.toml by date
    -- version of: pm25_daily                another formula of that indicator, current beside it
    -- fresh for: 36 h                         after the period's end; then the figure is stale
    -- source:    GB 3095-2012, table 4

A second line with the same indent continues the one before. `$since` and `$until` are bound by the engine, and `$earliest`:
where what is read begins, which is `$since` unless the formula looks back. Days are computed together: a figure that used more
than it says it looks back would come out otherwise with its neighbours than alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path

import sqlglot
from sqlglot import exp

from chengyun.city.declare import report, written_in
from chengyun.city.words import Indicator
from chengyun.errors import nearest

HEADER = re.compile(r"--\s?(?P<name>[a-z][a-z ]*?)\s*:\s+(?P<value>.*\S)\s*$")
COLUMN = re.compile(r"(?P<key>[a-z][a-z0-9_]*)\s*=\s*(?P<name>[^\[\]]*[^\[\]\s])\s*(\[(?P<unit>[^\]]+)\])?")
KNOWN = {
    "name", "one row", "subject", "period", "value", "unit", "streams", "uses", "parameter", "rule", "scale", "source",
    "fresh for", "decimals", "sharing", "open", "columns", "apart", "goal",
    "version of", "looks back",
}  # fmt: skip
REQUIRED = ("name", "one row", "subject", "period", "value", "unit", "source")


def read_indicator(path: Path, rule_source: dict[str, str]) -> Indicator | None:
    """Read one file. Faults are reported; None when it cannot be an indicator.

    rule_source: rule key → source text, part of the version so that a changed rule is a new formula.
    """
    at = f"{path.parent.parent.name}/indicators/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as wrong:
        report(f"{at}: {wrong.strerror}. The pack's `indicators` names a file that is not there.")
        return None
    headers: dict[str, list[str]] = {}
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-- SPDX") or (line.startswith("--") and body):
            continue
        found = HEADER.match(line)
        if found and not body:
            name = found["name"]
            if name not in KNOWN:
                report(f"{at}:{number}: unknown header {name!r}.{nearest(name, KNOWN)}")
            headers.setdefault(name, []).append(found["value"])
        elif line.startswith("--") and headers and not body:
            last = headers[list(headers)[-1]]
            last[-1] += " " + line.lstrip("- ").strip()
        elif line.strip():
            body.append(line)
    missing = [name for name in REQUIRED if name not in headers]
    if missing:
        report(f"{at}: header {', '.join(missing)} missing.")
        return None
    sql = "\n".join(body)
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.ParseError as wrong:
        report(f"{at}: the SQL cannot be read: {wrong}")
        return None
    if not isinstance(tree, exp.Query):
        report(f"{at}: expected one SELECT.")
        return None
    one = {name: values[0] for name, values in headers.items()}
    rule = one.get("rule")
    columns = dict(_columns(one.get("columns", ""), at))
    # What a rule adds to the rows is known only when it runs.
    for key in () if rule else [key for key in columns if key not in tree.named_selects]:
        report(f"{at}: columns names {key!r}, which the SQL does not make.{nearest(key, tree.named_selects)}")
    # What is aimed at changes no figure: a goal that is declared later makes no new formula.
    counted = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("-- goal:"))
    digest = hashlib.sha256((counted + rule_source.get(rule or "", "")).encode()).hexdigest()[:16]
    with written_in(at):
        return Indicator(
            key=path.stem,
            name=one["name"],
            one_row_is=one["one row"],
            subject=one["subject"],
            period=one["period"],  # type: ignore[arg-type]  # faults() checks it
            unit=one["unit"],
            value=one["value"],
            source=one["source"],
            sql=sql,
            streams=_names(one.get("streams", "")),
            uses=_names(one.get("uses", "")),
            columns=columns,
            parameters=dict(_parameters(headers.get("parameter", []), at)),
            rule=rule,
            version=digest,
            sharing=one.get("sharing", "unconditional"),  # type: ignore[arg-type]
            open=one.get("open", "yes") == "yes",
            scale=one.get("scale"),
            fresh_for=_span(one["fresh for"], at) if "fresh for" in one else None,
            decimals=int(one.get("decimals", "0")),
            apart=frozenset(_names(one.get("apart", ""))),
            looks_back=_days(one["looks back"], at) if "looks back" in one else 0,
            goal=_goal(one["goal"], at) if "goal" in one else None,
            version_of=one.get("version of"),
        )


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _columns(value: str, at: str) -> list[tuple[str, tuple[str, str]]]:
    found: dict[str, tuple[str, str]] = {}
    for item in filter(None, map(str.strip, value.split(";"))):
        match = COLUMN.fullmatch(item)
        if match is None:
            report(f"{at}: column {item!r}, expected `key = what a person reads [unit]`.")
        elif match["key"] in found:
            report(f"{at}: column {match['key']!r} stands twice.")
        else:
            found[match["key"]] = (match["name"], match["unit"] or "1")
    return list(found.items())


def _parameters(lines: list[str], at: str) -> list[tuple[str, tuple[str, str]]]:
    found = []
    for line in lines:
        match = re.fullmatch(r"(\w+)\s*=\s*([\w.]+):(\w+)", line)
        if match is None:
            report(f"{at}: parameter {line!r}, expected `name = table.of.limits:entry`.")
        else:
            found.append((match[1], (match[2], match[3])))
    return found


def _goal(value: str, at: str) -> tuple[str, str, str] | None:
    match = re.fullmatch(r"(at least|at most)\s+([\w.]+):(\w+)", value)
    if match is None:
        report(f"{at}: goal {value!r}, expected `at least` or `at most` and `table.of.limits:entry`.")
        return None
    return match[1], match[2], match[3]


def _days(value: str, at: str) -> int:
    match = re.fullmatch(r"(\d+)\s*d", value)
    if match is None:
        report(f"{at}: looks back {value!r}, expected whole days, e.g. `32 d`.")
        return 0
    return int(match[1])


def _span(value: str, at: str) -> dt.timedelta | None:
    match = re.fullmatch(r"(\d+)\s*(min|h|d)", value)
    if match is None:
        report(f"{at}: fresh for {value!r}, expected e.g. `36 h`, `90 min`, `3 d`.")
        return None
    return dt.timedelta(minutes=int(match[1]) * {"min": 1, "h": 60, "d": 1440}[match[2]])
