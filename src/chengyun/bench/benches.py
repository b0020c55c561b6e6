# SPDX-License-Identifier: Apache-2.0
"""What the whole installation costs: the time to start and the memory it takes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from chengyun.bench.frame import Bench, Result
from chengyun.bench.overload import overload
from chengyun.bench.place import Place, open_place, status, wait_for
from chengyun.run.process import memory_bytes

LATER_STARTS = 3
IDLE_AFTER_S = 45.0
"""Long enough for every periodic task to have run at least once."""


def start() -> list[Result]:
    """Measure from the command to a board page that answers: on an empty folder, then on the same folder again."""
    above = Path(tempfile.mkdtemp(prefix="chengyun-bench-"))
    place = Place(above / "data")
    try:
        first = _until_board(place)
        place.stop()
        later = []
        for _ in range(LATER_STARTS):
            later.append(_until_board(place))
            place.stop()
    finally:
        place.stop()
        shutil.rmtree(above, ignore_errors=True)
    return [
        Result(name="start-first", value=first, unit="s", target=30, notes="Empty data folder to a board page that answers 200."),
        Result(
            name="start-later", value=max(later), unit="s", target=8, notes="The slowest of the later starts.",
            compared={"each": ", ".join(f"{seconds:.1f} s" for seconds in later)},
        ),
    ]  # fmt: skip


def _until_board(place: Place) -> float:
    begun = time.monotonic()
    place.start()
    wait_for(lambda: status(f"{place.url}/") == 200, 60, "the board did not answer 200")
    return time.monotonic() - begun


def memory() -> list[Result]:
    """Measure what all processes hold together when nothing is asked of them, after each page has been asked for once."""
    with open_place() as place:
        for path in ("/", "/map", "/health"):
            status(f"{place.url}{path}", 60)
        time.sleep(IDLE_AFTER_S)
        pids = {"up": place.pid, **place.children()}
        each = {name: (memory_bytes(pid, alone=name == "up") or 0) / 1e6 for name, pid in pids.items()}
    return [
        Result(
            name="memory", value=sum(each.values()), unit="MB", target=700,
            compared={name: f"{value:.0f} MB" for name, value in each.items()},
            notes="Proportional set size of every process (shared pages by their share), idle, all packs, simulating.",
        )
    ]  # fmt: skip


BENCHES: Mapping[str, Bench] = {"start": start, "memory": memory, "overload": overload}
