# SPDX-License-Identifier: Apache-2.0
"""How many minutes forms cost: by the form, by the street, and what of it is asked more than once."""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Count, Q
from django.db.models.functions import Substr

from chengyun.access.actors import Actor
from chengyun.areas.queries import names_of
from chengyun.city import Entry, Limits
from chengyun.collect.forms.models import FormVersion, Submission, Task
from chengyun.share.askonce.bindings import Bound, bindings_of, consent_of
from chengyun.share.askonce.holdings import elements, holdings
from chengyun.share.askonce.models import Load

__all__ = ["FormBurden", "Overlap", "Report", "StreetBurden", "minutes_of", "report"]

YEAR = dt.timedelta(days=365)
STREET = 9
"""Digits of a street's code."""


@dataclass(frozen=True, slots=True)
class FormBurden:
    """A form's cost. minutes: of filling it in once. declared_hours: a year, as its owner says how often it is asked, None where
    nobody said.

    filled, filled_hours: in the last year, where the reader's areas reach. asked_again: questions that another form or a register
    answers.
    """

    key: str
    title: str
    minutes: float
    questions: int
    bound: int
    times_a_year: float | None
    people: int | None
    declared_hours: float | None
    filled: int
    filled_hours: float
    asked_again: int


@dataclass(frozen=True, slots=True)
class StreetBurden:
    """A street's cost. waiting: open tasks there. forms: how many different ones were filled in."""

    code: str
    name: str
    filled: int
    forms: int
    hours: float
    waiting: int
    waiting_hours: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """An element that is asked though it is asked elsewhere, or held. registers: who holds it. hours: a year, of asking again."""

    element: str
    name: str
    forms: tuple[tuple[str, str, str], ...]
    registers: tuple[str, ...]
    hours: float
    certain: bool


@dataclass(frozen=True, slots=True)
class Report:
    """forms, overlaps: costliest first. verified: whether the seconds were measured; source: where they come from."""

    forms: tuple[FormBurden, ...]
    streets: tuple[StreetBurden, ...]
    overlaps: tuple[Overlap, ...]
    source: str
    verified: bool


def report(actor: Actor, now: dt.datetime) -> Report:
    """Return what published forms cost where the actor's areas reach."""
    times = seconds_on(now.date())
    versions = list(FormVersion.objects.filter(state=FormVersion.State.PUBLISHED).select_related("form").defer("source"))
    bound = bindings_of(versions)
    loads = {one.form_id: one for one in Load.objects.all()}
    reach = _reach(actor)
    minutes = {one.form_id: minutes_of(one, bound[one.pk], loads.get(one.form_id), times) for one in versions}
    filled, streets = _filled(reach, minutes, now)
    overlaps = _overlaps(versions, bound, loads, filled, times)
    again: dict[str, int] = defaultdict(int)
    for overlap in overlaps:
        for key, _title, _path in overlap.forms:
            again[key] += 1
    forms = [
        _form(one, bound[one.pk], minutes[one.form_id], loads.get(one.form_id), filled.get(one.form_id, 0), again[one.form_id])
        for one in versions
    ]
    forms.sort(key=lambda one: (-(one.declared_hours or one.filled_hours), one.key))
    return Report(tuple(forms), streets, tuple(overlaps), times.source, bool(times.values.get("verified")))


def minutes_of(version: FormVersion, bound: Sequence[Bound], load: Load | None, times: Entry) -> float:
    """Return the minutes of filling a form in once; what a register fills in is only looked at."""
    consents = bool(consent_of(version))
    held = holdings() if consents else {}
    total = float(times["open_form"])
    for one in bound:
        seconds = float(times["check_prefilled"]) if consents and one.certain and one.element in held else seconds_of(one, times)
        total += seconds * (load.repeats if load else 1.0) ** one.repeats
    return total / 60


def seconds_of(one: Bound, times: Entry) -> float:
    return float(times.values.get(one.type, times["string"]))


@functools.cache
def _seconds() -> Limits:
    return Limits.read(Path(__file__).parent / "seconds.toml")


def seconds_on(day: dt.date) -> Entry:
    """Return how long answers take, as of a day."""
    return _seconds().on("seconds", day)


def _reach(actor: Actor) -> Q:
    if "" in actor.areas:
        return Q()
    reach = Q(pk__in=())
    for area in actor.areas:
        reach |= Q(area_code__startswith=area)
    return reach


def _filled(reach: Q, minutes: Mapping[str, float], now: dt.datetime) -> tuple[dict[str, int], tuple[StreetBurden, ...]]:
    """Return how often each form was filled in, and the cost by street."""
    counted = (
        Submission.objects.filter(reach, received_at__gte=now - YEAR)
        .annotate(street=Substr("area_code", 1, STREET))
        .order_by()
        .values_list("street", "version__form_id")
        .annotate(n=Count("id"))
    )
    waiting = (
        Task.objects.filter(reach, state=Task.State.OPEN)
        .annotate(street=Substr("area_code", 1, STREET))
        .order_by()
        .values_list("street", "form_id")
        .annotate(n=Count("id"))
    )
    filled: dict[str, int] = defaultdict(int)
    there: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0, 0, 0.0])
    for street, form, number in counted:
        filled[form] += number
        one = there[street]
        one[0] += number
        one[1] += 1
        one[2] += number * minutes.get(form, 0.0) / 60
    for street, form, number in waiting:
        there[street][3] += number
        there[street][4] += number * minutes.get(form, 0.0) / 60
    names = names_of([code for code in there if code])
    rows = [
        StreetBurden(code, names.get(code, ""), int(one[0]), int(one[1]), one[2], int(one[3]), one[4])
        for code, one in there.items()
    ]
    return dict(filled), tuple(sorted(rows, key=lambda one: (-(one.hours + one.waiting_hours), one.code)))


def _form(version: FormVersion, bound: Sequence[Bound], minutes: float, load: Load | None, filled: int, again: int) -> FormBurden:
    declared = minutes * load.times_a_year * load.people / 60 if load and load.people else None
    return FormBurden(
        version.form_id, version.title, minutes, len(bound), sum(one.certain for one in bound),
        load.times_a_year if load else None, load.people if load else None, declared, filled, filled * minutes / 60, again,
    )  # fmt: skip


def _overlaps(
    versions: Sequence[FormVersion],
    bound: Mapping[int, list[Bound]],
    loads: Mapping[str, Load],
    filled: Mapping[str, int],
    times: Entry,
) -> list[Overlap]:
    """Return what is asked by more than one form, or held by a register. Where none holds it, one form has to ask."""
    names = {key: one.name for key, one in elements().items()}
    held = {key: [one for one in them if one.field != "key"] for key, them in holdings().items()}
    asking: dict[str, list[tuple[FormVersion, Bound, float]]] = defaultdict(list)
    for version in versions:
        load = loads.get(version.form_id)
        consents = bool(consent_of(version))
        often = load.times_a_year * load.people if load and load.people else filled.get(version.form_id, 0)
        for one in bound[version.pk]:
            # What a register fills in with consent is looked at, and asked no more.
            filled_in = consents and one.certain and not one.repeats and one.element in held
            if one.counts and one.element and not filled_in:
                asking[one.element].append((version, one, often * seconds_of(one, times) / 3600))
    found = []
    for element, them in asking.items():
        registers = tuple(dict.fromkeys(one.name for one in held.get(element, ())))
        if len({version.form_id for version, _one, _hours in them}) < 2 and not registers:
            continue
        hours = sorted((cost for _version, _one, cost in them), reverse=True)
        asked = tuple((version.form_id, version.title, one.label) for version, one, _hours in them)
        again = sum(hours if registers else hours[1:])
        certain = all(one.certain for _version, one, _hours in them)
        found.append(Overlap(element, names.get(element, element), asked, registers, again, certain))
    return sorted(found, key=lambda one: (-one.hours, -len(one.forms), one.element))
