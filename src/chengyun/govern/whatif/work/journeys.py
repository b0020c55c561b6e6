# SPDX-License-Identifier: Apache-2.0
"""One morning of made-up journeys, driven by SUMO once with a road open and once with it closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from defusedxml.ElementTree import iterparse
from numpy.typing import NDArray

from chengyun.errors import Refused
from chengyun.govern.whatif.work.streets import Streets, reached, run, without

__all__ = ["Driven", "drive", "journeys"]

LEAST_M = 300.0
TELEPORT_S = 300
SPARE_S = 7200
"""After the last departure everybody has so long to arrive."""


@dataclass(frozen=True)
class Driven:
    """times, metres: by journey that arrived; a time counts from when one wanted to leave. passed: vehicles by edge.

    through: journeys that used a road asked about. moved: vehicles SUMO took out of a jam.
    """

    times: Mapping[int, float]
    metres: Mapping[int, float]
    passed: NDArray[np.float64]
    through: frozenset[int]
    moved: int


def journeys(
    streets: Streets, count: int, seconds: float, through: float, avoid: Sequence[int], seed: Sequence[int]
) -> list[tuple[float, int, int]]:
    """Return (departure, from edge, to edge), by departure. avoid: edges where none begins or ends."""
    draw = np.random.default_rng(list(seed))
    middle = np.array([np.mean(shape, axis=0) for shape in streets.shapes])
    weight = streets.lengths * streets.lanes
    weight[list(avoid)] = 0
    inside = np.where(streets.begin, weight, 0.0), np.where(streets.end, weight, 0.0)
    # A rim road carries by its lanes, not by how much of it the extract happens to hold.
    outside = (
        np.where(streets.entry & (weight > 0), streets.lanes, 0).astype(float),
        np.where(streets.leaving & (weight > 0), streets.lanes, 0).astype(float),
    )
    if not outside[0].any() or not outside[1].any():
        through = 0.0
    if not inside[0].any() or not inside[1].any():
        raise Refused("No road is left for journeys to begin on.", code="closed")
    leave = np.sort(draw.random(count) * seconds)
    rim = draw.random(count) < through
    found = []
    for index in range(count):
        first, last = outside if rim[index] else inside
        for _ in range(50):
            begin = int(draw.choice(len(first), p=first / first.sum()))
            end = int(draw.choice(len(last), p=last / last.sum()))
            if begin != end and np.hypot(*(middle[begin] - middle[end])) >= LEAST_M:
                found.append((float(leave[index]), begin, end))
                break
    if not found:
        raise Refused("The network is too small for journeys of 300 m.", code="network")
    return found


def drive(
    streets: Streets,
    trips: Sequence[tuple[float, int, int]],
    closed: Sequence[int],
    asked: Sequence[int],
    seed: int,
    folder: Path,
) -> Driven:
    """Drive the journeys. closed: edges nobody may use. asked: edges whose users are to be known."""
    _write_trips(streets, trips, closed, folder / "trips.xml")
    _write_more(streets, closed, folder / "more.xml")
    words = [
        "--net-file", "net.xml", "--route-files", "trips.xml", "--additional-files", "more.xml", "--seed", seed,
        "--device.rerouting.probability", 1, "--device.rerouting.period", 60, "--device.rerouting.adaptation-interval", 10,
        "--time-to-teleport", TELEPORT_S, "--ignore-route-errors", "--no-step-log", "--no-warnings", "--duration-log.disable",
        "--tripinfo-output", "tripinfo.xml", "--vehroute-output", "routes.xml", "--statistic-output", "statistics.xml",
        "--end", int(trips[-1][0]) + SPARE_S,
    ]  # fmt: skip
    run("sumo", [str(one) for one in words], folder)
    return _read(streets, frozenset(asked), folder)


def _write_trips(streets: Streets, trips: Sequence[tuple[float, int, int]], closed: Sequence[int], file: Path) -> None:
    """Write the journeys for which there is a way; SUMO would carry the others through the air."""
    turns = without(streets.turns, closed) if closed else streets.turns
    near = {begin: reached(turns, begin) for begin in {begin for _, begin, _ in trips}}
    lines = ["<routes>", '<vType id="car" vClass="passenger"/>']
    for index, (leave, begin, end) in enumerate(trips):
        if near[begin][end]:
            way = f'from="{streets.ids[begin]}" to="{streets.ids[end]}"'
            lines.append(f'<trip id="{index}" type="car" depart="{leave:.1f}" {way} departLane="best"/>')
    file.write_text("\n".join([*lines, "</routes>"]), encoding="utf-8")


def _write_more(streets: Streets, closed: Sequence[int], file: Path) -> None:
    lines = ["<additional>", '<edgeData id="passed" file="passed.xml" excludeEmpty="true"/>']
    if closed:
        ids = [streets.ids[index] for index in closed]
        lines.append(f'<rerouter id="closed" edges="{" ".join(ids)}"><interval begin="0" end="1000000">')
        lines += [f'<closingReroute id="{one}" disallow="all"/>' for one in ids]
        lines.append("</interval></rerouter>")
    file.write_text("\n".join([*lines, "</additional>"]), encoding="utf-8")


def _read(streets: Streets, asked: frozenset[int], folder: Path) -> Driven:
    times: dict[int, float] = {}
    metres: dict[int, float] = {}
    for one in _elements(folder / "tripinfo.xml", "tripinfo"):
        if float(one["arrival"]) >= 0:
            times[int(one["id"])] = float(one["duration"]) + float(one["departDelay"])
            metres[int(one["id"])] = float(one["routeLength"])
    at = {ident: index for index, ident in enumerate(streets.ids)}
    passed = np.zeros(len(streets.ids))
    for one in _elements(folder / "passed.xml", "edge"):
        if one["id"] in at:
            passed[at[one["id"]]] += float(one.get("entered", 0)) + float(one.get("departed", 0))
    wanted = {streets.ids[index] for index in asked}
    through = set()
    if wanted:
        with (folder / "routes.xml").open("rb") as text:
            for _event, element in iterparse(text):
                if element.tag == "vehicle":
                    # The last route is the one that was driven; those before it were changed under way.
                    driven = element.findall(".//route")[-1].get("edges", "").split()
                    if wanted.intersection(driven):
                        through.add(int(element.get("id", "-1")))
                    element.clear()
    moved = sum(int(one.get("total", 0)) for one in _elements(folder / "statistics.xml", "teleports"))
    return Driven(times, metres, passed, frozenset(through), moved)


def _elements(file: Path, tag: str) -> list[dict[str, str]]:
    found = []
    with file.open("rb") as text:
        for _event, element in iterparse(text):
            if element.tag == tag:
                found.append(dict(element.attrib))
                element.clear()
    return found
