# SPDX-License-Identifier: Apache-2.0
"""What happens to duty lists: read from a file, or followed by a new entry. Nothing else writes them."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.models import Organisation
from chengyun.access.policy import require
from chengyun.access.predicates import prefix_of
from chengyun.cases.duties.models import Duty
from chengyun.cases.duties.queries import forget
from chengyun.cases.rights import type_of
from chengyun.city import CaseType, City
from chengyun.errors import Malformed, Refused, nearest

__all__ = ["COLUMNS", "Loaded", "end_duty", "ensure_duties", "follow", "load_list", "read_list"]

COLUMNS = ("category", "area", "organisation", "clause", "source", "verified", "valid_from", "valid_to")
MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a list, read and found right."""

    category: str
    area: str
    organisation: Organisation
    clause: str
    source: str
    verified: bool
    valid_from: dt.date
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """added: new entries; known: lines that were there already; ended: entries that a new one follows."""

    added: int
    known: int
    ended: int


def load_list(path: Path, type_key: str, actor: Actor) -> Loaded:
    """Read a duty list from CSV (UTF-8, header COLUMNS) and put it into force: all of it or none.

    An entry of the same category and area that is in force when a new one begins ends on that day.
    Raises Malformed with every faulty line, Refused for what the list itself contradicts, NotFound for an unknown type.
    """
    declared = type_of(type_key)
    with path.open(encoding="utf-8-sig", newline="") as file:
        entries = read_list(csv.DictReader(file), declared, type_key, path.name)
    return _write(entries, type_key, actor, path.name)


def read_list(rows: Iterable[Mapping[str, str]], declared: CaseType, type_key: str, name: str) -> list[Entry]:
    """Return the entries of a list. Raises Malformed that names every faulty line, with what was expected."""
    reader = _Reader(declared, type_key)
    entries: list[Entry] = []
    faults: list[str] = []
    for number, row in enumerate(rows, 2):
        wrong = list(reader.faults(row))
        faults += [f"{name}, line {number}: {one}" for one in wrong]
        if not wrong:
            entries.append(reader.entry(row))
    if faults:
        more = f" And {len(faults) - MOST_FAULTS} more." if len(faults) > MOST_FAULTS else ""
        raise Malformed(" ".join(faults[:MOST_FAULTS]) + more, code="duty_list", faults=faults)
    return entries


def follow(actor: Actor, type_key: str, entry: Entry) -> Duty:
    """Put one entry into force; what it follows ends on its first day. Raises Refused."""
    _write([entry], type_key, actor, "")
    return Duty.objects.get(type=type_key, category=entry.category, area=entry.area, valid_from=entry.valid_from)


def end_duty(actor: Actor, duty: Duty, day: dt.date) -> None:
    """Let an entry hold no more from a day on. Raises Refused."""
    require(actor, "duty.manage")
    with transaction.atomic():
        held = Duty.objects.select_for_update().get(pk=duty.pk)
        if day <= held.valid_from or (held.valid_to is not None and held.valid_to <= day):
            raise Refused(f"The entry holds from {held.valid_from} to {held.valid_to or '…'}; it cannot end on {day}.")
        held.valid_to = day
        held.save(update_fields=["valid_to"])
        audit.record(actor, "duty.end", "duties", str(held.pk), detail={"on": day.isoformat()})


def ensure_duties() -> int:
    """Put the lists that packs bring into force, for types that have none yet. Returns how many entries were added."""
    city: City = settings.CITY
    added = 0
    for key, declared in city.cases.items():
        if not declared.scheme or Duty.objects.filter(type=key).exists():
            continue
        path = city.packs[key.partition(".")[0]].folder / declared.scheme / "duties.csv"
        if path.exists():
            added += load_list(path, key, SYSTEM).added
    return added


def _write(entries: list[Entry], type_key: str, actor: Actor, name: str) -> Loaded:
    require(actor, "duty.manage")
    added = known = ended = 0
    try:
        with transaction.atomic():
            for entry in sorted(entries, key=lambda one: one.valid_from):
                slot = Duty.objects.select_for_update().filter(type=type_key, category=entry.category, area=entry.area)
                if slot.filter(
                    organisation=entry.organisation, clause=entry.clause, valid_from=entry.valid_from, valid_to=entry.valid_to
                ).exists():
                    known += 1
                    continue
                ended += slot.filter(valid_from__lt=entry.valid_from, valid_to=None).update(valid_to=entry.valid_from)
                Duty.objects.create(
                    type=type_key, category=entry.category, area=entry.area, organisation=entry.organisation,
                    clause=entry.clause, source=entry.source, verified=entry.verified, valid_from=entry.valid_from,
                    valid_to=entry.valid_to,
                )  # fmt: skip
                added += 1
            if added:
                audit.record(actor, "duty.load", "duties", name, detail={"type": type_key, "added": added, "ended": ended})
    except IntegrityError as wrong:
        raise Refused(
            f"The list contradicts itself or what is in force: {str(wrong).splitlines()[0]}. Of one category and area only one"
            " entry may hold on a day.",
            code="duty_overlap",
        ) from wrong
    finally:
        forget()
    return Loaded(added, known, ended)


class _Reader:
    """Reads lines against the catalogue of the day and the bodies of the city."""

    def __init__(self, declared: CaseType, type_key: str) -> None:
        city: City = settings.CITY
        scheme = city.scheme(type_key)
        today = timezone.localdate()
        codes = scheme.catalogue(scheme.version_on(today)) if scheme and declared.scheme else {}
        self.codes = {code[:length] for code in codes for length in (len(code), len(code) - 2)}
        self.codes |= {code.partition("/")[0] for code in codes} | {""}
        self.bodies = {one.key: one for one in Organisation.objects.all()}
        self.bodies |= {one.name: one for one in self.bodies.values()}

    def faults(self, row: Mapping[str, str]) -> Iterator[str]:
        missing = [name for name in COLUMNS if row.get(name) is None]
        if missing:
            yield f"the columns {', '.join(missing)} are missing; expected {', '.join(COLUMNS)}."
            return
        category, area, body = (row[name].strip() for name in ("category", "area", "organisation"))
        if category not in self.codes:
            yield f"category {category!r} is not in the catalogue in force.{nearest(category, self.codes)}"
        if area and not (area.isascii() and area.isdigit() and len(area) <= 12):
            yield f"area {area!r} is not the beginning of an area's code, e.g. 330203."
        if body not in self.bodies:
            yield f"organisation {body!r} is unknown.{nearest(body, self.bodies)}"
        if not row["clause"].strip():
            yield "the clause is empty; every entry names the clause it stands on."
        for name in ("valid_from", "valid_to"):
            text = row[name].strip()
            if _day(text) is None and (text or name == "valid_from"):
                yield f"{name} {text!r} is not a day, expected YYYY-MM-DD."
        begins, ends = _day(row["valid_from"].strip()), _day(row["valid_to"].strip())
        if begins is not None and ends is not None and ends <= begins:
            yield f"valid_to {ends} is not after valid_from {begins}; it is the first day on which the entry no longer holds."

    def entry(self, row: Mapping[str, str]) -> Entry:
        begins = _day(row["valid_from"].strip())
        if begins is None:
            raise ValueError("entry() reads lines without faults")
        area = row["area"].strip()
        return Entry(
            row["category"].strip(), prefix_of(area) if area else "", self.bodies[row["organisation"].strip()],
            row["clause"].strip()[:500], row["source"].strip()[:200], row["verified"].strip() in ("1", "true", "yes"),
            begins, _day(row["valid_to"].strip()),
        )  # fmt: skip


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
