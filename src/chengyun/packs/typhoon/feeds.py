# SPDX-License-Identifier: Apache-2.0
"""Files in, rows out: the best track of the China Meteorological Administration, and tracks as told by 温州台风网.

The first is in UTC and has its storms in yearly text files, one by one or all in a zip:

    66666 1901   20 0001 1901 0 6 PABUK                20200417      international number, lines, serial, China's number, name
    2018123106 1  81 1124 1004      13                              UTC, grade, 0.1°N, 0.1°E, hPa, m/s

The second is in Beijing time, one storm a line of JSON.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.standards.lines import malformed

ZONE = ZoneInfo("Asia/Shanghai")
YEAR = re.compile(r"CH(\d{4})BST", re.IGNORECASE)
GRADES = {"0": "LOW", "1": "TD", "2": "TS", "3": "STS", "4": "TY", "5": "STY", "6": "SuperTY", "9": "EX"}
SPOKEN = {"热带低压": "TD", "热带风暴": "TS", "强热带风暴": "STS", "台风": "TY", "强台风": "STY", "超强台风": "SuperTY"}
NAMELESS = "(nameless)"
MOST_BYTES = 64 * 2**20
LIVE = {
    "lon": ("lng",), "lat": ("lat",), "pressure": ("pressure",), "wind": ("speed",), "radius7": ("r7", "radius7"),
    "radius10": ("r10", "radius10"), "radius12": ("r12", "radius12"), "move_speed": ("moveSpeed", "move_speed"),
}  # fmt: skip
"""Quantity → the names it goes by; the site has renamed some over the years."""


def read_best_track(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read one year's text file, or a zip of them."""
    head = file.read(2)
    file.seek(0)
    if head != b"PK":
        yield from _year(file, name)
        return
    try:
        with zipfile.ZipFile(file) as archive:
            for member in sorted(archive.namelist()):
                if not YEAR.search(member):
                    continue
                if archive.getinfo(member).file_size > MOST_BYTES:
                    yield Malformed(f"{name}, {member[:60]}: it unpacks to more than {MOST_BYTES:,} bytes.", file=name)
                    continue
                with archive.open(member) as opened:
                    yield from _year(io.BytesIO(opened.read(MOST_BYTES)), member)
    except (zipfile.BadZipFile, EOFError) as wrong:
        yield Malformed(f"{name} is not a whole zip: {wrong}.", file=name)


def _year(file: BinaryIO, name: str) -> Iterator[Row]:
    found = YEAR.search(name)
    if found is None:
        yield Malformed(f"{name}: the file's name does not say its year, expected e.g. CH2019BST.txt.", file=name)
        return
    year = int(found[1])
    seen: set[str] = set()
    storm: str | None = None
    for at, raw in enumerate(file, 1):
        fields = raw.decode("ascii", "replace").split()
        if not fields:
            continue
        try:
            if fields[0] == "66666":
                storm = _key(fields, year, seen)
                yield Registered("storm", storm, _described(fields, year, storm))
            elif storm is None:
                raise ValueError("a point before the first header")
            else:
                yield Observation({"storm": storm, **_point(fields)}, line=at)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def _key(fields: list[str], year: int, seen: set[str]) -> str:
    if len(fields) < 8:
        raise ValueError(f"a header of {len(fields)} fields, expected at least 8")
    serial, number = fields[3], fields[4]
    key = f"{year}{number[2:]}" if re.fullmatch(r"\d{4}", number) and number != "0000" else f"{year}S{serial}"
    # A second centre bears the number of the first, and some even its serial number.
    for second in ("", f"{year}S{serial}", *(f"{year}S{serial}{letter}" for letter in "BCDEFG")):
        if (second or key) not in seen:
            key = second or key
            break
    else:
        raise ValueError(f"storm {key} comes more than eight times")
    seen.add(key)
    return key


def _described(fields: list[str], year: int, key: str) -> dict[str, Any]:
    name = " ".join(fields[7:-1]) if len(fields) > 8 else fields[7]
    title = key if name in (NAMELESS, "") else f"{name} {key}"
    return {"name": title, "name_en": "" if name == NAMELESS else name[:40], "year": year, "source": "CMABST"}


def _point(fields: list[str]) -> dict[str, Any]:
    if len(fields) < 6 or not re.fullmatch(r"\d{10}", fields[0]) or fields[1] not in GRADES:
        raise ValueError(f"{' '.join(fields)[:40]!r} is not a point: YYYYMMDDHH, grade, latitude, longitude, pressure, wind")
    moment = dt.datetime.strptime(f"{fields[0]}+0000", "%Y%m%d%H%z")
    lat, lon, pressure, wind = (int(it) for it in fields[2:6])
    return {
        "observed_at": moment,
        "grade": GRADES[fields[1]],
        "lat": lat / 10,
        "lon": lon / 10,
        # 0 is not a pressure, and as a wind it stands for one not known (Ying et al. 2014).
        "pressure": pressure or None,
        "wind": wind or None,
    }


def read_live_track(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read storms as told while they lasted, one a line; their forecasts are left out."""
    for at, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            storm = str(said["tfbh"])
            if not re.fullmatch(r"\d{6}", storm):
                raise ValueError(f"tfbh is {storm[:40]!r}, expected a year and number such as 201211")
            points = list(said["points"])
        except (ValueError, KeyError, TypeError) as wrong:
            yield malformed(name, at, f"{wrong}; expected a storm with tfbh and points")
            continue
        title = f"{said.get('name') or said.get('ename') or ''} {storm}".strip()
        values = {"name": title, "name_en": str(said.get("ename") or "")[:40], "year": int(storm[:4])}
        yield Registered("storm", storm, values)
        for index, point in enumerate(points, 1):
            try:
                yield Observation({"storm": storm, **_told(point)}, line=at)
            except (ValueError, KeyError, TypeError) as wrong:
                yield malformed(name, at, f"point {index} of {storm}: {wrong}")


def _told(point: Mapping[str, Any]) -> dict[str, Any]:
    moment = dt.datetime.fromisoformat(point["time"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZONE)
    values: dict[str, Any] = {key: _first(point, names) for key, names in LIVE.items()}
    direction = next((str(point[it]) for it in ("moveDir", "move_dir") if point.get(it)), None)
    spoken = str(point.get("strong") or "").partition("(")[0]
    return {**values, "observed_at": moment, "move_dir": direction[:20] if direction else None, "grade": SPOKEN.get(spoken)}


def _first(point: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    for name in names:
        value = point.get(name)
        if value not in (None, ""):
            return float(value)
    return None


BEST_TRACK = Feed("best_track", "最佳路径（CMA）", stream="best_track", read=read_best_track)
LIVE_TRACK = Feed("live_track", "实时路径（温州台风网）", stream="live_track", read=read_live_track)

FEEDS = (BEST_TRACK, LIVE_TRACK)
