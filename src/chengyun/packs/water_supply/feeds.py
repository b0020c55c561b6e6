# SPDX-License-Identifier: Apache-2.0
"""Files in, rows out: hourly telemetry with a column for each signal, its labels, and the network's own description.

A signal's name says what it is of: L_T1 is the level of tank T1, F_PU1 and S_PU1 flow and status of pump PU1, P_J280 the
pressure at junction J280 (BATADAL). Times are local, written dd/mm/yy hh.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from zoneinfo import ZoneInfo

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.standards.lines import malformed, read_lines, real

ZONE = ZoneInfo("Asia/Shanghai")
"""Where the network is taken to be: the benchmark's town is nowhere, and its clock is the city's."""
NETWORK = "C-Town"
SIGNAL = re.compile(r"(?P<what>[LFSP])_(?P<asset>(?P<sort>T|PU|V|J)\d+)")
QUANTITIES = {"L": "level", "F": "flow", "S": "running", "P": "pressure"}
KINDS = {"T": "tank", "PU": "pump", "V": "valve", "J": "junction"}
NAMES = {"tank": "水箱", "pump": "水泵", "valve": "阀门", "junction": "节点"}
SECTIONS = {"[JUNCTIONS]": "junction", "[TANKS]": "tank", "[PUMPS]": "pump", "[VALVES]": "valve"}
HOUR = re.compile(r"(\d\d)/(\d\d)/(\d\d) (\d\d)")
LABELS = {"1": 1, "0": 0, "-999": None}
"""ATT_FLAG: under attack, not, and nobody has said."""


def read_telemetry(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read hourly telemetry: for each hour one observation of each thing that a signal is of."""
    known = False
    signals: dict[str, dict[str, str]] = {}
    for line in read_lines(file, name, ("DATETIME",)):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        if not known:
            known = True
            signals = _signals(row)
            yield from _assets(signals)
        try:
            hour = _hour(row["DATETIME"])
            for asset, columns in signals.items():
                values = {quantity: real(row[column], column, -1e6, 1e6) for quantity, column in columns.items()}
                yield Observation({"asset": asset, "hour_start": hour, **values}, line=at)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def _signals(row: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return thing → quantity → column."""
    found: dict[str, dict[str, str]] = {}
    for column in row:
        if signal := SIGNAL.fullmatch(column):
            found.setdefault(signal["asset"], {})[QUANTITIES[signal["what"]]] = column
    return found


def _assets(signals: Mapping[str, Mapping[str, str]]) -> Iterator[Registered]:
    for asset in signals:
        kind = KINDS[re.sub(r"\d+", "", asset)]
        yield Registered("asset", asset, {"name": f"{NAMES[kind]} {asset}", "kind": kind})


def read_labels(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read which hours the network was attacked in; hours nobody has labelled are observed as unknown."""
    yield Registered("network", NETWORK, {"name": f"管网 {NETWORK}"})
    for line in read_lines(file, name, ("DATETIME", "ATT_FLAG")):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        flag = row["ATT_FLAG"].strip()
        try:
            if flag not in LABELS:
                raise ValueError(f"ATT_FLAG is {flag[:40]!r}, expected 1, 0 or -999")
            yield Observation({"network": NETWORK, "hour_start": _hour(row["DATETIME"]), "attack": LABELS[flag]}, line=at)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def read_network(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read an EPANET network: it registers its tanks, pumps, valves and junctions. Their coordinates are of no known system."""
    kind: str | None = None
    for at, raw in enumerate(file, 1):
        line = raw.decode("utf-8", "replace").partition(";")[0].strip()
        if line.startswith("["):
            kind = SECTIONS.get(line.upper())
        elif line and kind is not None:
            fields = next(csv.reader([line], delimiter="\t")) if "\t" in line else line.split()
            fields = [it.strip() for it in fields if it.strip()]
            try:
                height = real(fields[1], "elevation", -500, 9000) if kind in ("junction", "tank") and len(fields) > 1 else None
                values = {"name": f"{NAMES[kind]} {fields[0]}", "kind": kind, "elevation_m": height}
                yield Registered("asset", fields[0][:64], values)
            except ValueError as wrong:
                yield malformed(name, at, str(wrong))


def _hour(text: str) -> dt.datetime:
    found = HOUR.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"DATETIME is {text[:40]!r}, expected dd/mm/yy hh")
    day, month, year, hour = map(int, found.groups())
    try:
        return dt.datetime(2000 + year, month, day, hour, tzinfo=ZONE)
    except ValueError as wrong:
        raise ValueError(f"DATETIME {text.strip()} is not a time ({wrong})") from wrong


TELEMETRY = Feed("telemetry", "遥测小时值（CSV，一列一个信号）", stream="asset_hour", read=read_telemetry)
LABEL_HOURS = Feed("labels", "攻击标注（CSV）", stream="network_hour", read=read_labels)
EPANET = Feed("network", "管网模型（EPANET INP）", stream="asset_hour", read=read_network)

FEEDS = (TELEMETRY, LABEL_HOURS, EPANET)
