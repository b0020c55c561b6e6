# SPDX-License-Identifier: Apache-2.0
"""Recorded requests of other 311 centres as deeds that `cases.replay` reads: what happened, when, by whom; nothing made up.

boston_deeds     the open data of one centre: open, routed at once to the department named, ended as its closing remark says
request_deeds    what any GeoReport server tells, with the notes some of them keep: every note is a step
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

__all__ = [
    "COLUMNS",
    "Verdicts",
    "boston_deeds",
    "boston_rows",
    "category_of",
    "impossible",
    "request_deeds",
    "verdicts",
    "write",
]

COLUMNS = (
    "case", "at", "step", "actor", "owner", "title", "description", "address", "category", "lon", "lat", "source", "note",
    "reason", "due", "area_code",
)  # fmt: skip
BOSTON = ZoneInfo("America/New_York")
ENDS = {"Duplicate of Existing Case": "repeat", "Case Invalid": "dismiss", "NOBASE": "dismiss", "NOVIO": "dismiss"}
"""How a closing remark, in its first words, ends a request that is not simply finished."""

Row = Mapping[str, str]
Deed = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """closed: with a due time and the city's own verdict. same: of these, how many `closed ≤ due` judges as the city did.

    unjudged: closed with a due time, but the city says nothing. backwards: closed before they were opened.
    """

    rows: int
    closed: int
    same: int
    unjudged: int
    backwards: int


def boston_rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def verdicts(rows: Iterable[Row]) -> Verdicts:
    """Return how far the due times explain the city's own verdicts."""
    total = closed = same = unjudged = backwards = 0
    for row in rows:
        total += 1
        if not row["closed_dt"]:
            continue
        backwards += row["closed_dt"] < row["open_dt"]
        if row["target_dt"] and not row["on_time"]:
            unjudged += 1
        elif row["target_dt"]:
            closed += 1
            same += ("ONTIME" if row["closed_dt"] <= row["target_dt"] else "OVERDUE") == row["on_time"]
    return Verdicts(total, closed, same, unjudged, backwards)


def impossible(row: Row) -> str:
    """Return why a request could not have happened as recorded; "" for one that could."""
    if row["closed_dt"] and row["closed_dt"] < row["open_dt"]:
        return f"it was closed at {row['closed_dt']}, before it was opened at {row['open_dt']}"
    return ""


def category_of(reason: str, kind: str) -> str:
    """Return the category of a request's second and third level; "" for what is no matter of 事件 or 部件."""
    known = _mapping()
    return known.get((reason, kind)) or known.get((reason, ""), "")


def boston_deeds(row: Row, prefix: str = "boston", areas: Mapping[str, str] | None = None) -> list[Deed]:
    """Return what happened to a request, in order. prefix: of the keys of its departments. areas: codes of neighbourhoods."""
    due = (
        f"due {row['target_dt']}, said to be {row['on_time'] or 'neither on time nor overdue'}"
        if row["target_dt"]
        else "no due time"
    )
    where = ", ".join(part for part in (row["street"], row["neighborhood"]) if part)
    deeds: list[Deed] = [
        {
            "case": row["case_id"], "at": _local(row["open_dt"]), "step": "open", "title": row["type"], "address": where,
            "description": f"{row['subject']} > {row['reason']} > {row['type']}; {row['source']}; {due}", "lon": row["lon"],
            "lat": row["lat"], "category": category_of(row["reason"], row["type"]), "source": "import",
            "area_code": (areas or {}).get(row["neighborhood"], ""),
            "due": _local(row["target_dt"]) if row["target_dt"] and row["target_dt"] >= row["open_dt"] else "",
        },
        {"case": row["case_id"], "at": _local(row["open_dt"]), "step": "route", "owner": department(row["department"], prefix)},
    ]  # fmt: skip
    if row["closed_dt"]:
        step = ENDS.get(row["closure"], "finish")
        deeds.append({"case": row["case_id"], "at": _local(row["closed_dt"]), "step": step, "reason": row["closure"]})
    return deeds


def department(name: str, prefix: str) -> str:
    """Return the key of a foreign department."""
    return f"{prefix}_{''.join(letter if letter.isalnum() else '_' for letter in name.lower())}"


def request_deeds(request: Mapping[str, Any], prefix: str) -> list[Deed]:
    """Return what a GeoReport server tells of a request: opened, every note, closed. A note without words says its type."""
    number = str(request["service_request_id"])
    agency = department(str(request.get("agency_responsible") or "unknown"), prefix)
    notes: Sequence[Mapping[str, Any]] = sorted(request.get("notes") or (), key=lambda one: _instant(one["datetime"]))
    # Some were handed in, and noted, before they got the time that counts as requested.
    first = min([request["requested_datetime"], *(note["datetime"] for note in notes)], key=_instant)
    deeds: list[Deed] = [
        {
            "case": number, "at": first, "step": "open", "title": request.get("service_name") or number,
            "description": request.get("description") or "", "address": request.get("address") or "", "source": "import",
            "lon": request.get("long") or "", "lat": request.get("lat") or "",
        },
        {"case": number, "at": first, "step": "route", "owner": agency},
    ]  # fmt: skip
    for note in notes:
        if note["type"] not in ("opened", "closed"):
            words = [str(note.get(part) or "") for part in ("summary", "description")]
            told = ": ".join(word for word in words if word) or note["type"]
            deeds.append({"case": number, "at": note["datetime"], "step": "progress", "note": told})
    if request["status"] == "closed":
        ended = [note["datetime"] for note in notes if note["type"] == "closed"]
        last = max([*ended, request.get("updated_datetime") or request["requested_datetime"], deeds[-1]["at"]], key=_instant)
        deeds.append({"case": number, "at": last, "step": "finish", "reason": request.get("status_notes") or ""})
    return deeds


def write(deeds: Iterable[Deed], path: Path) -> int:
    """Write deeds as a file that `chengyun cases replay` reads; return how many lines of them."""
    lines = 0
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for deed in deeds:
            writer.writerow(deed)
            lines += 1
    return lines


def _local(text: str) -> str:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BOSTON).isoformat()


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@functools.cache
def _mapping() -> Mapping[tuple[str, str], str]:
    with Path(__file__).with_name("boston.csv").open(encoding="utf-8", newline="") as lines:
        return {(row["reason"], row["type"]): row["category"] for row in csv.DictReader(lines)}
