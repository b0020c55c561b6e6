# SPDX-License-Identifier: Apache-2.0
"""Reads of base registers: a thing as it was on a day, as we knew it at an instant; what was said of it; what it became.

A register without authorities has one time of its own: its rows' days, and the history the database keeps of every row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db.models import Q
from django.utils import timezone

from chengyun.city.models import Register
from chengyun.share.registers.declared import entity_of, fields_of, python_value, table_of
from chengyun.share.registers.links import LONGEST, Meanings
from chengyun.share.registers.models import Decision, Link, Statement
from chengyun.share.registers.resolve import FieldSaid, resolve
from chengyun.share.registers.rows import claims_of, holding_on

__all__ = ["Record", "Step", "as_of", "as_of_many", "leads_to", "splits", "statements_of", "successors"]


@dataclass(frozen=True, slots=True)
class Record:
    """A thing as it was on `day`, as known at `known` (None: now).

    values: field → value as the register's model has it. said: field → its source and what else was said; empty for registers
    without authorities. asked: the key asked for, when it has become another's.
    """

    dataset: str
    key: str
    day: dt.date
    known: dt.datetime | None
    values: Mapping[str, Any]
    said: Mapping[str, FieldSaid] = field(default_factory=dict)
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One way a thing came from, or went over into, another. on: the day it did; None: the two keys always meant one thing."""

    key: str
    on: dt.date | None
    because: str
    decision: int


def as_of(dataset: str, key: str, day: dt.date | None = None, known: dt.datetime | None = None) -> Record | None:
    """Return one thing as it was on a day (today), as known at an instant (now); None when it was not there, or not known."""
    return next(as_of_many(dataset, [key], day, known), None)


def as_of_many(
    dataset: str, keys: Sequence[str], day: dt.date | None = None, known: dt.datetime | None = None
) -> Iterator[Record]:  # fmt: skip
    """Yield the things of some keys that were there, in the order asked; a key merged into another yields that other."""
    day = day or timezone.localdate()
    meanings = Meanings.read(dataset, keys, known)
    stated: dict[str, list[Statement]] = {}
    for one in Statement.objects.filter(_known(known), dataset=dataset, key__in=meanings.keys).order_by("id"):
        stated.setdefault(meanings.leads_to(one.key), []).append(one)
    model, authorities = table_of(dataset), entity_of(dataset).authorities
    fields = fields_of(model)
    bare = [key for key in keys if meanings.leads_to(key) not in stated]
    plain = _from_history(dataset, [meanings.leads_to(key) for key in bare], day, known) if not authorities else {}
    for key in keys:
        meant = meanings.leads_to(key)
        asked = key if key != meant else ""
        if meant in plain:
            yield Record(dataset, meant, day, known, plain[meant], asked=asked)
        elif holding := holding_on(stated.get(meant, ()), day):
            said = resolve(authorities, [claims_of(one) for one in holding], meant)
            said = {name: one for name, one in said.items() if name in fields}
            values = {name: python_value(it, said[name].chosen.value if name in said else None) for name, it in fields.items()}
            yield Record(dataset, meant, day, known, {**values, "key": meant}, said, asked)


def leads_to(dataset: str, key: str, known: dt.datetime | None = None) -> str:
    """Return the key a thing has now, as known at an instant (now)."""
    return Meanings.read(dataset, [key], known).leads_to(key)


def statements_of(dataset: str, key: str) -> list[Statement]:
    """Return everything ever stated of a thing, under every key it had, newest knowledge first."""
    keys = Meanings.read(dataset, [key]).keys
    rows = Statement.objects.filter(dataset=dataset, key__in=keys).select_related("load")
    return list(rows.order_by("-received_at", "authority", "-valid_from", "-id"))


def successors(dataset: str, key: str) -> tuple[list[Step], list[Step]]:
    """Return what a thing came from, and what it went over into, by link."""
    links = Link.objects.filter(Q(old_key=key) | Q(new_key=key), dataset=dataset, known_until=None).select_related("decision")
    came, went = list[Step](), list[Step]()
    for link in links.order_by("on", "id")[: 2 * LONGEST]:
        other = link.new_key if link.old_key == key else link.old_key
        step = Step(other, link.on, link.decision.because, link.decision_id)
        (went if link.old_key == key else came).append(step)
    return came, went


def splits(dataset: str, key: str) -> tuple[list[Step], list[Step]]:
    """Return the things a thing's statements were taken from, and those that its own were given to."""
    found = Decision.objects.filter(dataset=dataset, kind=Decision.Kind.SPLIT, keys__contains=[key], undone_at=None)
    of, into = list[Step](), list[Step]()
    for decision in found.order_by("at", "id")[: 2 * LONGEST]:
        whole, *parts = decision.keys
        others, steps = (parts, into) if whole == key else ([whole], of)
        steps += [Step(other, None, decision.because, decision.pk) for other in others]
    return of, into


def _known(known: dt.datetime | None) -> Q:
    if known is None:
        return Q(known_until=None)
    return Q(received_at__lte=known) & (Q(known_until=None) | Q(known_until__gt=known))


def _from_history(
    dataset: str, keys: Iterable[str], day: dt.date, known: dt.datetime | None
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Return the rows of a register without statements: as they are now, or as the history has them at an instant."""
    model = table_of(dataset)
    names = [one.name for one in model._meta.concrete_fields if one.name != "id"]
    found: dict[str, Register] = {}
    if known is None:
        found = {row.key: row for row in model._default_manager.filter(key__in=list(keys))}
    else:
        events: Any = apps.get_model(model._meta.app_label, f"{model.__name__}Event")
        rows = events.objects.filter(key__in=list(keys), pgh_created_at__lte=known).order_by("pgh_created_at", "pgh_id")
        # Later rows of one thing take the place of earlier ones.
        found = {row.key: row for row in rows}
    return {
        key: {name: getattr(row, name) for name in names}
        for key, row in found.items()
        if (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or row.valid_to > day)
    }
