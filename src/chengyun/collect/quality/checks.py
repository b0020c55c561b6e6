# SPDX-License-Identifier: Apache-2.0
"""What the kernel checks of every stream and register by itself, from their declarations: values in, findings out.

    conformity     words that are no code of their list; values in another unit; coordinates in another system or order
    completeness   observations against the cadence; values against the fields
    accuracy       values that cannot be real; values that have not moved for too long
    consistency    a subject's day against its neighbours' day
    timeliness     observations that came too late
    accessibility  subjects that were heard of at all

A rule says how many it looked at and how many failed: X = A / B (GB/T 36344-2018); what it does not apply to is not counted.
How far neighbours may differ is this program's own choice, no standard's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from chengyun.city import Quantity
from chengyun.city.words import Dimension

__all__ = ["MOST_KEPT", "Found", "Outcome", "Subject", "judge_places", "judge_stream", "merged", "recognise"]

Floats = npt.NDArray[np.float64]

MOST_KEPT = 200
"""Findings kept of one rule and day, the worst ones; the score counts all."""
NEIGHBOURS, FEWEST = 5, 3
"""With how many of the nearest a subject is compared, and how many there must be."""
LEAST_VALUES = 6
"""Values a day's median needs before it is compared."""
APART = 0.5
"""A median further than this share from its neighbours', and further than their own spread explains, has drifted."""
SPREADS = 3 * 1.4826
"""Three standard deviations by the median of absolute deviations."""
THOUSAND_WITHIN = 0.3
"""Decimal orders by which a factor of a thousand may miss: neighbours differ by up to two as a rule."""
FAHRENHEIT_WITHIN = 3.0
"""℃ by which a temperature read as °F may miss its neighbours'."""
LEAST_MISPLACED, LEAST_CURED = 5, 0.8
"""How many of a source's subjects must lie outside their own area, and what share must lie inside it after conversion."""


@dataclass(frozen=True)
class Subject:
    """One entity's day in a stream, counted by the database.

    rows: observations; expected: by the cadence, None without one. late, stuck: of the rows. values, wrong: of each quantity:
    how many are known, how many cannot be real. middle: median of each quantity as sent; NaN: unknown. strange: of each word:
    how many are no code. heard: whether there is any row.
    """

    key: str
    area_code: str
    lon: float | None
    lat: float | None
    simulated: bool
    rows: int
    expected: int | None
    late: int
    values: Mapping[str, int]
    wrong: Mapping[str, int]
    stuck: Mapping[str, int]
    middle: Mapping[str, float]
    strange: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """One subject that failed a rule: count of its rows, numbers for a sentence, and the recognised mistake."""

    subject: str
    area_code: str
    count: int
    field: str = ""
    said: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    offer: str = ""
    terms: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    rule: str
    dimension: Dimension
    checked: int
    failed: int
    found: tuple[Found, ...] = ()
    weight: float = 1.0
    error: str = ""


def judge_stream(subjects: Sequence[Subject], quantities: Sequence[Quantity]) -> list[Outcome]:
    """Return what a day of a stream is worth, by rule."""
    heard = [one for one in subjects if one.rows]
    silent = tuple(Found(one.key, one.area_code, 0) for one in subjects if not one.rows)
    outcomes = [
        Outcome("heard", "accessibility", len(subjects), len(silent), silent),
        _missing_rows(heard),
        _counted("late", "timeliness", [(one, one.rows, one.late, "") for one in heard]),
        _counted(
            "values", "completeness",
            [(one, one.rows, one.rows - one.values[q.key], q.key) for one in heard for q in quantities if one.values[q.key]],
        ),
        _counted("range", "accuracy", [(one, one.values[q.key], one.wrong[q.key], q.key) for one in heard for q in quantities]),
        _counted(
            "stuck", "accuracy",
            [(one, one.values[q.key], one.stuck[q.key], q.key) for one in heard for q in quantities if q.stuck is not None],
        ),
        _counted("codes", "conformity", [(one, one.rows, bad, key) for one in heard for key, bad in one.strange.items()]),
    ]  # fmt: skip
    return [*outcomes, *_against_neighbours(heard, quantities)]


def merged(groups: Iterable[Sequence[Outcome]]) -> list[Outcome]:
    """Return the outcomes of several groups of subjects as those of all, with the worst findings of each rule."""
    whole: dict[str, Outcome] = {}
    for group in groups:
        for one in group:
            known = whole.get(one.rule)
            found = (*(known.found if known else ()), *one.found)
            worst = sorted(found, key=lambda it: (it.offer == "", -it.count, it.subject, it.field))[:MOST_KEPT]
            checked, failed = (known.checked, known.failed) if known else (0, 0)
            whole[one.rule] = dataclasses.replace(
                one, checked=checked + one.checked, failed=failed + one.failed, found=tuple(worst)
            )  # fmt: skip
    return list(whole.values())


def _missing_rows(heard: Sequence[Subject]) -> Outcome:
    due = [one for one in heard if one.expected]
    missing = {one.key: max(0, (one.expected or 0) - one.rows) for one in due}
    found = tuple(
        Found(one.key, one.area_code, missing[one.key], said={"rows": one.rows, "expected": one.expected})
        for one in due
        if missing[one.key]
    )
    return Outcome("rows", "completeness", sum(one.expected or 0 for one in due), sum(missing.values()), found)


def _counted(rule: str, dimension: Dimension, parts: Sequence[tuple[Subject, int, int, str]]) -> Outcome:
    found = tuple(
        Found(one.key, one.area_code, failed, key, {"checked": checked, "failed": failed})
        for one, checked, failed, key in parts
        if failed > 0
    )
    return Outcome(rule, dimension, sum(part[1] for part in parts), sum(part[2] for part in parts), found)


def _against_neighbours(heard: Sequence[Subject], quantities: Sequence[Quantity]) -> list[Outcome]:
    """Return the unit rule and the drift rule: every subject's median of the day beside its nearest neighbours'."""
    units: list[Found] = []
    drifts: list[Found] = []
    compared = 0
    placed = [one for one in heard if one.lon is not None and one.lat is not None]
    for simulated in (False, True):
        group = [one for one in placed if one.simulated is simulated]
        nearest = _nearest([one.lon or 0.0 for one in group], [one.lat or 0.0 for one in group])
        for quantity in quantities:
            for place, one in enumerate(group):
                own = _middle(one, quantity.key)
                others = [found for at in nearest[place] if (found := _middle(group[at], quantity.key)) is not None][:NEIGHBOURS]
                if own is None or len(others) < FEWEST:
                    continue
                compared += 1
                middle = median(others)
                spread = SPREADS * median(abs(other - middle) for other in others)
                said = {"median": own, "neighbours": middle, "unit": quantity.unit}
                mistake = recognise(own, middle, quantity.unit)
                if mistake is not None:
                    offer, terms = mistake
                    units.append(Found(one.key, one.area_code, one.values[quantity.key], quantity.key, said, offer, terms))
                elif abs(own - middle) > max(APART * abs(middle), spread) and abs(own - middle) > 0:
                    drifts.append(Found(one.key, one.area_code, one.values[quantity.key], quantity.key, said))
    return [
        Outcome("unit", "conformity", compared, len(units), tuple(units)),
        Outcome("neighbours", "consistency", compared, len(drifts), tuple(drifts)),
    ]


def recognise(own: float, middle: float, unit: str) -> tuple[str, dict[str, Any]] | None:
    """Return the mistake in a unit that explains how far a median lies from its neighbours', and what the repair needs."""
    if own > 0 and middle > 0:
        orders = math.log10(own / middle)
        if abs(orders - 3) <= THOUSAND_WITHIN:
            return "factor", {"factor": 0.001}
        if abs(orders + 3) <= THOUSAND_WITHIN:
            return "factor", {"factor": 1000.0}
    if unit == "℃" and abs((own - 32) / 1.8 - middle) <= FAHRENHEIT_WITHIN < abs(own - middle) / 3:
        return "fahrenheit", {}
    return None


def judge_places(
    subjects: Sequence[Subject], box: tuple[float, float, float, float], sources: Sequence[str],
    own_areas: Sequence[str], areas_now: Sequence[str], areas_converted: Sequence[str],
) -> list[Outcome]:  # fmt: skip
    """Return what the places of a register are worth.

    box: of the city: west, south, east, north. sources: of each subject, who gave its place; a source is wrong as a whole.
    own_areas: the area each subject is said to lie in, "" unknown. areas_now, areas_converted: the area its place lies in, as it
    is and after conversion from GCJ-02.
    """
    west, south, east, north = box

    def inside(lon: float, lat: float) -> bool:
        return west <= lon <= east and south <= lat <= north

    placed = [place for place, one in enumerate(subjects) if one.lon is not None and one.lat is not None]
    swapped, away, suspects = [], [], dict[str, list[int]]()
    known = 0
    for place in placed:
        one = subjects[place]
        lon, lat = one.lon or 0.0, one.lat or 0.0
        if not inside(lon, lat):
            if inside(lat, lon):
                swapped.append(Found(one.key, one.area_code, 1, "lon", {"lon": lon, "lat": lat}, "swapped", {}))
            continue
        if own_areas[place]:
            known += 1
            if areas_now[place] != own_areas[place]:
                suspects.setdefault(sources[place], []).append(place)
    shifted: list[Found] = []
    for misplaced in suspects.values():
        cured = [place for place in misplaced if areas_converted[place] == own_areas[place]]
        systematic = len(misplaced) >= LEAST_MISPLACED and len(cured) >= LEAST_CURED * len(misplaced)
        for place in misplaced:
            one = subjects[place]
            said = {"said": own_areas[place], "lies": areas_now[place]}
            found = Found(one.key, one.area_code, 1, "lon", said)
            if systematic and place in cured:
                shifted.append(Found(one.key, one.area_code, 1, "lon", said, "gcj02", {}))
            else:
                away.append(found)
    blank = tuple(Found(one.key, one.area_code, 1, "lon") for one in subjects if one.lon is None or one.lat is None)
    return [
        Outcome("places", "completeness", len(subjects), len(blank), blank),
        Outcome("order", "conformity", len(placed), len(swapped), tuple(swapped)),
        Outcome("datum", "conformity", known, len(shifted), tuple(shifted)),
        Outcome("area", "consistency", known, len(away) + len(shifted), tuple(away)),
    ]


def _middle(one: Subject, key: str) -> float | None:
    value = one.middle[key]
    return value if one.values[key] >= LEAST_VALUES and math.isfinite(value) else None


def _nearest(lons: Sequence[float], lats: Sequence[float]) -> npt.NDArray[np.intp]:
    """Return for each place the numbers of the nearest others, nearest first; more than needed, since some have no value."""
    count = len(lons)
    if count < 2:
        return np.zeros((count, 0), dtype=np.intp)
    scale = math.cos(math.radians(float(np.mean(lats))))
    x, y = np.asarray(lons) * scale, np.asarray(lats)
    wanted = min(count - 1, 4 * NEIGHBOURS)
    found = np.empty((count, wanted), dtype=np.intp)
    for place in range(count):
        apart = (x - x[place]) ** 2 + (y - y[place]) ** 2
        apart[place] = np.inf
        near = np.argpartition(apart, wanted - 1)[:wanted]
        found[place] = near[np.argsort(apart[near], kind="stable")]
    return found
