# SPDX-License-Identifier: Apache-2.0
"""Courses, bars and maps as numbers a template puts into SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Bars", "Course", "Plan", "bars", "course", "plan"]

WIDTH, HEIGHT, LEFT, FOOT = 900.0, 240.0, 64.0, 24.0
PLAN_WIDTH, PLAN_HEIGHT, EDGE = 1000.0, 640.0, 16.0
MOST_NAMES = 12
STAND_OUT = ("closed", "more", "less")
ROOM = 0.15
"""Of what a map is about, so much more on each side."""


@dataclass(frozen=True, slots=True)
class Course:
    """Two lines over time. start: where the decision begins. ticks, times: (place, text)."""

    treated: str
    others: str
    start: float
    ticks: tuple[tuple[float, str], ...]
    times: tuple[tuple[float, str], ...]
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True, slots=True)
class Bars:
    """One row of bars on a scale of its own. bars: x, y, width, height, says."""

    key: str
    bars: tuple[tuple[float, float, float, float, str], ...]
    names: tuple[tuple[float, str], ...]
    most: str
    width: float = WIDTH
    height: float = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines as (kind, points, says), points as (kind, x, y, says); scale: (length on the picture, what it is)."""

    lines: tuple[tuple[str, str, str], ...]
    points: tuple[tuple[str, float, float, str], ...]
    scale: tuple[float, str]
    width: float = PLAN_WIDTH
    height: float = PLAN_HEIGHT


def course(result: Mapping[str, Any]) -> Course | None:
    """Return the picture of a judgement, None for one without lines."""
    lines, labels = result.get("lines") or {}, result.get("labels") or []
    if not lines or len(labels) < 2:
        return None
    values = [*lines["treated"], *lines["others"]]
    low, high = min(values), max(values)
    low, high = (low, high) if high > low else (low - 1, high + 1)

    def x(index: float) -> float:
        return round(LEFT + index * (WIDTH - LEFT - 10) / (len(labels) - 1), 1)

    def y(value: float) -> float:
        return float(round(10 + (HEIGHT - FOOT - 20) * (high - value) / (high - low), 1))

    def path(series: Sequence[float]) -> str:
        return " ".join(f"{x(index)},{y(value)}" for index, value in enumerate(series))

    before = int(result["periods"]["before"])
    shown = sorted({0, before, len(labels) - 1})
    return Course(
        path(lines["treated"]), path(lines["others"]), x(before - 0.5),
        tuple((y(value), f"{value:.4g}") for value in (low, (low + high) / 2, high)),
        tuple((x(index), labels[index]) for index in shown if index < len(labels)),
    )  # fmt: skip


def bars(chart: Mapping[str, Any]) -> tuple[Bars, ...]:
    """Return a row of bars for every series of a chart."""
    labels = chart["labels"]
    step = (WIDTH - LEFT) / max(1, len(labels))
    every = math.ceil(len(labels) / MOST_NAMES)
    names = tuple((round(LEFT + (index + 0.5) * step, 1), label) for index, label in enumerate(labels) if index % every == 0)
    found = []
    for key, series in chart["series"].items():
        most = max(series, default=0) or 1
        shapes = []
        for index, value in enumerate(series):
            tall = round(94 * value / most, 1)
            x, says = round(LEFT + (index + 0.12) * step, 1), f"{labels[index]} {value:g}"
            shapes.append((x, round(100 - tall, 1), round(step * 0.76, 1), tall, says))
        found.append(Bars(key, tuple(shapes), names, f"{most:g}"))
    return tuple(found)


def plan(given: Mapping[str, Any]) -> Plan | None:
    """Return a map; None without anything on it. Places are degrees, or metres where the map says so."""
    frame = _frame(given)
    if frame is None:
        return None
    west, south, east, north = frame
    degrees = given.get("plane") != "metres"
    squeeze = math.cos(math.radians((south + north) / 2)) if degrees else 1.0
    least = 1e-4 if degrees else 10.0
    scale = min(
        (PLAN_WIDTH - 2 * EDGE) / max((east - west) * squeeze, least), (PLAN_HEIGHT - 2 * EDGE) / max(north - south, least)
    )

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            round(PLAN_WIDTH / 2 + (x - (west + east) / 2) * squeeze * scale, 1),
            round(PLAN_HEIGHT / 2 - (y - (south + north) / 2) * scale, 1),
        )

    lines = []
    for line in given["lines"]:
        if not any(west <= x <= east and south <= y <= north for x, y in line["points"]):
            continue
        points = " ".join(f"{x},{y}" for x, y in dict.fromkeys(at(*place) for place in line["points"]))
        says = f"{line.get('name', '')} {line['value']:+g}" if "value" in line else line.get("name", "")
        lines.append((line["kind"], points, says.strip()))
    spots = tuple((one["kind"], *at(one["lon"], one["lat"]), one["name"]) for one in given["points"])
    return Plan(tuple(lines), spots, _ruler(scale / 111_195 if degrees else scale))


def _frame(given: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of what the map is about, with room around it: its places, or the lines that stand out."""
    about = [(one["lon"], one["lat"]) for one in given["points"]]
    about = about or [tuple(place) for line in given["lines"] if line["kind"] in STAND_OUT for place in line["points"]]
    about = about or [tuple(place) for line in given["lines"] for place in line["points"]]
    if not about:
        return None
    west, east = min(x for x, _ in about), max(x for x, _ in about)
    south, north = min(y for _, y in about), max(y for _, y in about)
    room_x, room_y = ROOM * (east - west), ROOM * (north - south)
    return west - room_x, south - room_y, east + room_x, north + room_y


def _ruler(per_metre: float) -> tuple[float, str]:
    """Return a round length that takes about a sixth of the picture, and its name."""
    wanted = PLAN_WIDTH / 6 / per_metre
    size = 10.0 ** math.floor(math.log10(wanted))
    metres = max(step * size for step in (1, 2, 5) if step * size <= wanted)
    return round(metres * per_metre, 1), f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
