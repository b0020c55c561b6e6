# SPDX-License-Identifier: Apache-2.0
"""What was said of one thing: as it was on a day, as we knew it at an instant, by whom, and what it came from and became."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from chengyun.access.policy import Scope
from chengyun.share.registers import asked
from chengyun.share.registers.declared import authority_name, entity_of, fields_of, python_value, table_of
from chengyun.share.registers.models import Statement
from chengyun.share.registers.queries import Record, Step, as_of, splits, statements_of, successors
from chengyun.web import shown
from chengyun.web.registers.panels import cell

__all__ = ["RecordBlock", "record"]

MOST_CHANGES = 60


@dataclass(frozen=True)
class SaidField:
    """A field as it was. others: (value, source) of those that say otherwise."""

    name: str
    value: str
    source: str
    others: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Change:
    """A statement: who said what for which days, when it was received, and when another took its place."""

    number: int
    source: str
    days: str
    received: dt.datetime
    superseded: dt.datetime | None
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Tie:
    """What another thing is to this one, in a word; on: since when, "" for always."""

    word: str
    key: str
    href: str
    on: str
    because: str


@dataclass(frozen=True)
class RecordBlock:
    """day, known: as asked for, "" for today and now. asked: whether anything was looked up. stated: by authorities."""

    day: str
    known: str
    purpose: str
    asked: bool
    stated: bool
    fields: tuple[SaidField, ...]
    changes: tuple[Change, ...]
    ties: tuple[Tie, ...]


def record(dataset: str, key: str, allowed: Scope, query: Mapping[str, str]) -> RecordBlock:
    """Return what a page shows of a thing's two times, in the limits of the reader's scope. Raises Refused for a wrong day."""
    day, known = asked.day(query.get("day")), asked.instant(query.get("known"))
    if day is None and known is None and not entity_of(dataset).authorities:
        return RecordBlock("", "", query.get("purpose", ""), False, False, (), (), ())
    found = as_of(dataset, key, day, known)
    fields = _fields(dataset, found, allowed) if found and _may_see(found, allowed) else ()
    changes = _changes(dataset, key, allowed)
    words = (_("来自"), _("后继"), _("拆分自"), _("拆分出"))
    steps = (*successors(dataset, key), *splits(dataset, key))
    ties = tuple(_tie(dataset, word, one) for word, told in zip(words, steps, strict=True) for one in told)
    return RecordBlock(
        query.get("day", ""), query.get("known", ""), query.get("purpose", ""), True, bool(entity_of(dataset).authorities),
        fields, changes, ties,
    )  # fmt: skip


def _may_see(found: Record, allowed: Scope) -> bool:
    """Say whether the thing as it was is within the scope: it may have stood in another area."""
    return allowed.matches({"area_code": "", **found.values})


def _fields(dataset: str, found: Record, allowed: Scope) -> tuple[SaidField, ...]:
    columns = {one.name: one for one in table_of(dataset)._meta.concrete_fields}
    visible = allowed.mask({"area_code": "", **found.values})
    fields = []
    for name, field in columns.items():
        said = found.said.get(name)
        if name not in visible or name in ("id", "key", "simulated") or (said is None and visible[name] in (None, "")):
            continue
        others = []
        for other in said.others if said else ():
            if other.value != said.chosen.value:  # type: ignore[union-attr]
                value = allowed.mask({**found.values, name: python_value(field, other.value)}).get(name)
                others.append((cell(field, value), _(authority_name(dataset, other.authority))))
        source = _(authority_name(dataset, said.chosen.authority)) if said else ""
        fields.append(SaidField(str(field.verbose_name), cell(field, visible[name]), source, tuple(others)))
    return tuple(fields)


def _changes(dataset: str, key: str, allowed: Scope) -> tuple[Change, ...]:
    """Return the statements a reader may see: those of an area that the reader may read, masked."""
    fields: dict[str, Any] = fields_of(table_of(dataset))
    return tuple(
        _change(dataset, one, fields, allowed)
        for one in statements_of(dataset, key)[:MOST_CHANGES]
        if allowed.matches({"area_code": "", **one.values}) or not one.values.get("area_code")
    )


def _change(dataset: str, one: Statement, fields: Mapping[str, Any], allowed: Scope) -> Change:
    values = {name: python_value(fields[name], value) for name, value in one.values.items() if name in fields}
    visible = _masked(allowed, values)
    # As the register's fields stand, not as the database keeps them.
    said = tuple((str(one.verbose_name), cell(one, visible[name])) for name, one in fields.items() if name in visible)
    days = f"{shown.moment(one.valid_from) if one.valid_from else '…'} – {shown.moment(one.valid_to) if one.valid_to else '…'}"
    source = _(authority_name(dataset, one.authority))
    return Change(one.pk, source, days, one.received_at, one.known_until, said)


def _masked(allowed: Scope, values: dict[str, Any]) -> dict[str, Any]:
    """Return a statement's values as the reader may see them; one without an area is masked as the strictest reason has it."""
    if values.get("area_code"):
        return allowed.mask(values)
    from chengyun.access.masks import mask

    return {
        name: mask(kind, value, allowed.purpose or "") if (kind := allowed.masks.get(name)) else value
        for name, value in values.items()
        if name not in allowed.hidden
    }


def _tie(dataset: str, word: str, step: Step) -> Tie:
    on = shown.moment(step.on) if step.on else ""
    return Tie(word, step.key, reverse("entity", args=[dataset, step.key]), on, step.because)
