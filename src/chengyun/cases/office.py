# SPDX-License-Identifier: Apache-2.0
"""The city's own calendar and office hours, and the limits its rules give a case."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings

from chengyun.cases.clock import Basis
from chengyun.city import CaseType, City, Span, State
from chengyun.config import config
from chengyun.standards.calendar import OfficeHours, WorkingDays, WorkTime, official_days, read_days, read_hours

__all__ = ["Granted", "local_day", "office_hours", "span_of", "stay_limit", "work_limit", "work_time", "working_days"]


@dataclass(frozen=True, slots=True)
class Granted:
    """A limit as a case gets it, and keeps it. edition, source: the dated rule; text: the limit as the rule has it."""

    seconds: int
    basis: Basis
    text: str = ""
    edition: dt.date | None = None
    source: str = ""


class CaseFacts(Protocol):
    """What of a case decides its limit."""

    type: str
    category: str
    condition: str
    area_code: str
    emergency: bool


@functools.cache
def working_days() -> WorkingDays:
    """Return the working days of the notices and of the city's own file. A year beyond them is estimated Monday to Friday:
    a case that is due next year must be opened before its calendar is published."""
    own = config().holidays
    known = read_days(own) if own else official_days()
    return WorkingDays(known.first, known.last, known.off, known.worked, guess=True)


@functools.cache
def office_hours() -> OfficeHours:
    own = config().office_hours
    return read_hours(own) if own else read_hours()


@functools.cache
def work_time() -> WorkTime:
    """Return the city's worked time; laid out once a process."""
    return WorkTime.of(working_days(), office_hours(), config().zone)


def local_day(now: dt.datetime) -> dt.date:
    """Return the city's date: the one by which rules are looked up."""
    return now.astimezone(config().zone).date()


def span_of(span: Span, day: dt.date, *, emergency: bool = False) -> Granted:
    """Return a span's length on a day. An emergency's clock runs day and night (紧急工作时)."""
    working = span.basis == "working" and not emergency
    text = f"{span.value:f} {span.unit}" if not isinstance(span.value, int) else f"{span.value} {span.unit}"
    return Granted(span.seconds(office_hours().day_seconds(day) or 8 * 3600), "working" if working else "continuous", text)


def stay_limit(type_key: str, state: State, day: dt.date, *, emergency: bool = False) -> Granted | None:
    """Return the limit a stay has of its own; None where the case's clock times it."""
    return None if state.limit is None else _stay_limit(type_key, state.limit, day, emergency)


@functools.lru_cache(maxsize=4096)
def _stay_limit(type_key: str, limit: Span | str, day: dt.date, emergency: bool) -> Granted:
    if isinstance(limit, Span):
        return span_of(limit, day, emergency=emergency)
    city: City = settings.CITY
    entry = city.limits(type_key).on(limit, day)
    found = span_of(Span(entry["value"], entry.unit), day, emergency=emergency)  # type: ignore[arg-type]
    return Granted(found.seconds, found.basis, found.text, entry.in_force, entry.source)


def work_limit(case: CaseFacts, declared: CaseType, day: dt.date) -> Granted:
    """Return the limit of the work: by category, filing condition and area level where the type has a scheme."""
    city: City = settings.CITY
    scheme = city.scheme(case.type)
    level = scheme.area_level(case.area_code, day) if scheme else ""
    return _work_limit(case.type, declared, case.category, case.condition, level, day, case.emergency)


@functools.lru_cache(maxsize=65536)
def _work_limit(
    type_key: str, declared: CaseType, category: str, condition: str, level: str, day: dt.date, emergency: bool
) -> Granted:
    city: City = settings.CITY
    scheme = city.scheme(type_key)
    rule = scheme.limit(category, condition, level, day) if scheme else None
    if rule is not None:
        found = span_of(rule.span, day, emergency=emergency)
        return Granted(found.seconds, found.basis, found.text, rule.in_force, rule.source)
    if isinstance(declared.limit, Span):
        return span_of(declared.limit, day, emergency=emergency)
    return Granted(int(declared.limit.total_seconds()), "continuous")
