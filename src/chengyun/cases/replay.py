# SPDX-License-Identifier: Apache-2.0
"""Recorded history in sets: what `open_case` and `take_step` would have left, written by COPY, some ten thousand cases at a time.

A file has one line for each deed; the lines of a case stand together, in order of time, the opening first:

    case,at,step,actor,owner,reason,note,photos,lon,lat,until,category,…      step: "open" or a transition's key
    due: of an opening, the deadline that was recorded; without it the city's own rules give one

The same functions change a case here and in services.py (course.py), and the same conditions are asked. A case with a line
that could not have happened is left out whole and told with that line. A batch is one transaction, and says itself how far
the file is read: a replay that is cut off goes on behind the last batch. Nobody is told of history: no messages, no alerts.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from chengyun.cases.course import Stay
from chengyun.cases.drafts import Deed, Draft, History, Wrong
from chengyun.cases.models import Case, Replay, ReplayedCase, ReplayReject
from chengyun.cases.records import number_of
from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["Loaded", "load", "read_deeds"]

BATCH = 10_000
"""Cases of one transaction: some 80,000 steps, and as much memory as their rows need."""

NAMES = {"case", "at", "step"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a replay wrote. steps: openings not counted. rejected: cases left out."""

    cases: int
    steps: int
    rejected: int
    lines: int


@dataclass
class _Batch:
    cases: list[Draft] = field(default_factory=list)
    rejects: list[tuple[int, str, str]] = field(default_factory=list)


def load(path: Path, type_key: str, *, name: str = "", batch: int = BATCH) -> Loaded:
    """Read a file of history into cases of a type, or go on where it stopped.

    path: CSV, plain or .gz or .zst. name: of this history; the file's without one. A name that is in already adds nothing.
    Raises NotFound for an unknown type, Refused for a file without the columns.
    """
    replay, _ = Replay.objects.get_or_create(name=name or path.name)
    history = History(type_key, replay.name)
    with _opened(path) as file, _writing() as write:
        groups, before = _cases(read_deeds(file, path.name), replay.lines), frozenset[str]()
        while chunk := list(itertools.islice(groups, batch)):
            drafted = _drafted(replay, history, chunk, before)
            write(replay, drafted, chunk[-1][-1][0])
            before = frozenset(one.key for one in drafted.cases)
    if replay.finished_at is None:
        replay.finished_at = timezone.now()
        replay.save(update_fields=["finished_at"])
    return Loaded(replay.cases, replay.steps, replay.rejects.count(), replay.lines)


def read_deeds(file: Iterable[str], name: str) -> Iterator[Deed]:
    """Yield each line of a history with its number. Raises Refused when columns are missing."""
    rows = csv.DictReader(file)
    missing = NAMES - set(rows.fieldnames or ())
    if missing:
        raise Refused(f"{name} has no column {', '.join(sorted(missing))}. Its first line must name case, at and step.")
    yield from enumerate(rows, 2)


@contextmanager
def _opened(path: Path) -> Iterator[io.TextIOBase]:
    import zstandard

    with path.open("rb") as raw:
        plain: Any = raw
        if path.suffix == ".gz":
            plain = gzip.GzipFile(fileobj=raw)
        elif path.suffix == ".zst":
            plain = zstandard.ZstdDecompressor().stream_reader(raw)
        yield io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")


def _cases(deeds: Iterator[Deed], behind: int) -> Iterator[list[Deed]]:
    """Yield the lines of one case after the other, those behind a line alone."""
    later = (deed for deed in deeds if deed[0] > behind)
    for _, lines in itertools.groupby(later, key=lambda deed: deed[1]["case"]):
        yield list(lines)


@contextmanager
def _writing() -> Iterator[Callable[[Replay, _Batch, int], None]]:
    """Give what writes a batch while the next one is drafted: one half is ours to do, the other the database's.

    It returns when the batch before is committed, so that two are held at a time. Inside a transaction of the caller's, which
    no other connection sees, it writes at once.
    """
    if connection.in_atomic_block:
        yield _write
        return
    under_way: list[Future[None]] = []

    def write(replay: Replay, found: _Batch, last_line: int) -> None:
        while under_way:
            under_way.pop().result()
        under_way.append(pool.submit(_write, replay, found, last_line))

    with ThreadPoolExecutor(1, "replay") as pool:
        try:
            yield write
            for last in under_way:
                last.result()
        finally:
            pool.submit(_leave).result()


def _leave() -> None:
    """Give back the connection of the thread this runs in."""
    connection.close()


def _drafted(replay: Replay, history: History, chunk: Sequence[list[Deed]], before: frozenset[str]) -> _Batch:
    """Build a chunk's cases. before: keys of the batch that may not be committed yet."""
    found = _Batch()
    keys = [lines[0][1]["case"] for lines in chunk]
    seen = set(before) | set(ReplayedCase.objects.filter(replay=replay, key__in=keys).values_list("key", flat=True))
    for lines in chunk:
        number, key = lines[0][0], lines[0][1]["case"]
        if key in seen:
            found.rejects.append((number, key, "the case was seen before; its lines must stand together"))
            continue
        seen.add(key)
        try:
            found.cases.append(history.case(lines))
        except Wrong as wrong:
            found.rejects.append((wrong.line, key, wrong.sentence))
    return found


def _write(replay: Replay, found: _Batch, last_line: int) -> None:
    """Write a batch and how far it reaches, all or nothing."""
    with transaction.atomic():
        held = Replay.objects.select_for_update().get(pk=replay.pk)
        if held.lines != replay.lines:
            raise Refused(f"Another run of {replay.name} is under way: it has read {held.lines} lines. Let it end first.")
        _number(found.cases)
        _identify(found.cases)
        for table, columns, rows in _tables(replay, found.cases):
            _copy(table, columns, rows)
        ReplayReject.objects.bulk_create(
            ReplayReject(replay=replay, line=line, case=key[:200], reason=why[:500]) for line, key, why in found.rejects
        )
        replay.lines = last_line
        replay.cases += len(found.cases)
        replay.steps += sum(len(one.events) - 1 for one in found.cases)
        replay.save()


def _number(cases: Sequence[Draft]) -> None:
    """Give each case its number of the year it was opened in."""
    zone = config().zone
    years: dict[int, list[Draft]] = {}
    for case in cases:
        years.setdefault(case.opened_at.astimezone(zone).year, []).append(case)
    for year, opened in sorted(years.items()):
        with connection.cursor() as cursor:
            cursor.execute("SELECT cases_next_number(%s) FROM generate_series(1, %s)", [year, len(opened)])
            for case, (count,) in zip(opened, cursor.fetchall(), strict=True):
                case.number = number_of(year, count)


def _identify(cases: Sequence[Draft]) -> None:
    """Take ids for the cases and their stays from the tables' own sequences."""
    case_ids, stay_ids = _ids("cases_case", len(cases)), iter(_ids("cases_casestage", sum(len(one.stays) for one in cases)))
    for case, case_id in zip(cases, case_ids, strict=True):
        case.id = case_id
        case.stay_ids = list(itertools.islice(stay_ids, len(case.stays)))
        case.stage_id = case.stay_ids[-1]


def _ids(table: str, count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count])
        return [row[0] for row in cursor.fetchall()]


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _tables(replay: Replay, cases: Sequence[Draft]) -> Iterator[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]:
    """Yield each table with its columns and its rows, in the order the references need."""
    yield "cases_case", CASE_COLUMNS, (case_row(case) for case in cases)
    yield (
        "cases_caseclock",
        CLOCK_COLUMNS,
        ((case.id, *(getattr(case.clock, name) for name in CLOCK_COLUMNS[1:])) for case in cases),
    )
    yield "cases_casestage", STAY_COLUMNS, (row for case in cases for row in stay_rows(case))
    yield "cases_caseevent", EVENT_COLUMNS, ((case.id, *event) for case in cases for event in case.events)
    yield "cases_replayedcase", ("replay_id", "key", "case_id"), ((replay.pk, case.key, case.id) for case in cases)
    yield (
        "access_auditrecord",
        AUDIT_COLUMNS,
        ((actor, action, "cases", case.number, detail) for case in cases for actor, action, detail in case.audit),
    )


CASE_COLUMNS = tuple(it.attname for it in Case._meta.concrete_fields)
DRAFTED = frozenset(Draft.__slots__)
DEFAULTS = {it.attname: it.get_default() for it in Case._meta.concrete_fields if it.attname not in DRAFTED}
CLOCK_COLUMNS = (
    "case_id", "limit_s", "used_s", "running_since", "started_at", "basis", "granted_s", "edition", "source", "limit_text",
)  # fmt: skip
STAY_COLUMNS = (
    "id", "case_id", "owner_id", "left_at", "told", "state", "post", "clock", "reason", "entered_at", "basis", "limit_s",
    "used_s", "own_limit", "due_at", "until",
)  # fmt: skip
EVENT_COLUMNS = (
    "case_id", "at", "kind", "transition", "actor", "before", "after", "reason", "reason_code", "note", "data",
)  # fmt: skip
AUDIT_COLUMNS = ("actor", "action", "dataset", "target", "detail")


def case_row(case: Draft) -> list[Any]:
    """Return a case's row; what a draft does not have is the column's default."""
    return [getattr(case, name) if name in DRAFTED else DEFAULTS[name] for name in CASE_COLUMNS]


def stay_rows(case: Draft) -> Iterator[list[Any]]:
    """Yield the stays' rows: each is left when the next begins."""
    left: list[dt.datetime | None] = [*(stay.entered_at for stay, _ in case.stays[1:]), None]
    for (stay, owner), stay_id, until in zip(case.stays, case.stay_ids, left, strict=True):
        yield [stay_id, case.id, owner, until, 0, *_stay_values(stay)]


def _stay_values(stay: Stay) -> tuple[Any, ...]:
    return (
        stay.state, stay.post, stay.clock, stay.reason, stay.entered_at, stay.basis, stay.limit_s, stay.used_s, stay.own_limit,
        stay.due_at, stay.until,
    )  # fmt: skip
