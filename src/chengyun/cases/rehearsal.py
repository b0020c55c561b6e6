# SPDX-License-Identifier: Apache-2.0
"""A made-up year of a kind of case, as recorded history: for measuring and for testing, never for showing.

Cases walk the declared machine at random, mostly along the usual way, with returns, rework, extensions and pauses at the
rates given here. The same seed gives the same history.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["COLUMNS", "history", "write_history"]

COLUMNS = (
    "case", "at", "step", "actor", "title", "source", "category", "area_code", "lon", "lat", "owner", "reason", "note", "photos",
    "until",
)  # fmt: skip
USUAL = ("ask_verification", "confirm", "file", "dispatch", "report_done", "pass_check", "close")
MINUTES = {
    "ask_verification": 10, "confirm": 60, "file": 15, "dispatch": 15, "report_done": 600, "pass_check": 90, "close": 45,
    "accept": 10,
}  # fmt: skip
"""Mean time before each step; others an hour."""

DETOURS: Sequence[tuple[float, tuple[str, ...]]] = (
    (0.06, ("return_work", "redispatch")),
    (0.08, ("take_on",)),
    (0.03, ("ask_extension", "grant_extension")),
    (0.01, ("ask_extension", "refuse_extension")),
    (0.01, ("ask_suspension", "grant_suspension", "resume_suspended")),
    (0.01, ("ask_deferral", "grant_deferral", "resume_deferred")),
)
REWORK = 0.04
NEVER_CLOSED = 0.0032
"""As many of Ningbo's cases of 2015 were not resolved by the end of the year."""


def history(
    cases: int, seed: int, owners: Sequence[str], categories: Sequence[str], areas: Sequence[str], start: dt.datetime
) -> Iterator[dict[str, str]]:
    """Yield the lines of so many cases, opened evenly over the year that begins at `start`."""
    dice = random.Random(seed)  # noqa: S311  # reproducible, not secret
    gap = dt.timedelta(days=365) / max(1, cases)
    for number in range(cases):
        yield from _case(dice, f"{seed}-{number:07d}", start + number * gap, owners, categories, areas)


def write_history(path: Path, rows: Iterator[dict[str, str]]) -> int:
    """Write lines as a file `chengyun cases replay` reads; return how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for count, row in enumerate(rows, 1):  # noqa: B007
            writer.writerow(row)
    return count


def _case(
    dice: random.Random, key: str, at: dt.datetime, owners: Sequence[str], categories: Sequence[str], areas: Sequence[str]
) -> Iterator[dict[str, str]]:
    patrol = dice.random() < 0.4
    category, owner = dice.choice(categories), dice.choice(owners)
    place = {"lon": f"{121.3 + dice.random() * 0.6:.6f}", "lat": f"{29.7 + dice.random() * 0.3:.6f}"}
    yield {
        "case": key, "at": at.isoformat(), "step": "open", "actor": "监督员" if patrol else "热线", "title": f"案件 {key}",
        "source": "patrol" if patrol else "hotline", "category": category, "area_code": dice.choice(areas), **place,
    }  # fmt: skip
    for step in _way(dice, patrol):
        at += dt.timedelta(minutes=dice.expovariate(1 / MINUTES.get(step, 60)))
        row = {"case": key, "at": at.isoformat(), "step": step, "actor": f"岗位 {dice.randrange(200)}", "reason": "按规定办理"}
        if step in ("dispatch", "redispatch"):
            row["owner"] = owner
        if step in ("confirm", "report_done", "pass_check", "fail_check"):
            row |= {"photos": f"{key}-{step}.jpg", "note": "已到现场"}
        if step.startswith("ask_") and step != "ask_verification":
            row["until"] = (at + dt.timedelta(days=dice.randrange(2, 12))).isoformat()
        yield row


def _way(dice: random.Random, patrol: bool) -> list[str]:
    steps: list[str] = []
    for step in ("accept", *USUAL[2:]) if patrol else USUAL:
        if step == "report_done":
            for share, detour in DETOURS:
                if dice.random() < share and detour[0] not in steps:
                    steps += detour
            while dice.random() < REWORK and steps.count("fail_check") < 3:
                steps += ["report_done", "fail_check"]
        if step == "close" and dice.random() < NEVER_CLOSED:
            break
        steps.append(step)
    return steps
