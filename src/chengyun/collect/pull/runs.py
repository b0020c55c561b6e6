# SPDX-License-Identifier: Apache-2.0
"""One run of a source, from its lock to its next date.

    lock ─▶ the batch left under way ─▶ read a chunk ─▶ columns as agreed? ─▶ what is new in it ─▶ note, send, settle ─┐
                                            └──────────────────────────────────────────────────────────────────────────┘
         ─▶ what is gone ─▶ when next

Killed anywhere, the next run goes on; see delivery.py for why nothing is lost or doubled.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone

from chengyun.city import City
from chengyun.collect import front_door
from chengyun.collect.pull import changed, gone, known
from chengyun.collect.pull.chunks import Chunk, Reading, digest, kinds_of, mark_of, moment_of, plain, row_key
from chengyun.collect.pull.credentials import open_
from chengyun.collect.pull.delivery import Noted, Post, deliver, note, settle
from chengyun.collect.pull.faults import step
from chengyun.collect.pull.mapping import Mapper
from chengyun.collect.pull.models import Pending, Run, Source
from chengyun.collect.pull.readings import open_reading
from chengyun.collect.pull.spec import FilesRead, Spec, floor, read_spec
from chengyun.config import Config
from chengyun.errors import Malformed, Problem, Refused, Unavailable

__all__ = ["post_to", "run_source"]

LOCK = 0x70756C6C
"""First half of the advisory lock's key ("pull" in ASCII); the second is the source's number."""
LONGEST_S = 300.0
"""A run ends after about this long and goes on with the next, so that one source does not keep the others waiting."""
ATTEMPTS = 6
FIRST_RETRY_S = 30.0
LONGEST_RETRY_S = 3600.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    """What a run carries along."""

    config: Config
    city: City
    source: Source
    spec: Spec
    run: Run
    mapper: Mapper
    identity: tuple[str, ...]
    essential: frozenset[str]
    post: Post
    now: dt.datetime


def post_to(config: Config, source: str, wait: Callable[[float], None] = time.sleep) -> Post:
    """Return a way to the front door that names the source and is patient while the door is busy."""

    def post(stream: str, body: Any, key: str) -> dict[str, Any]:
        for attempt in range(ATTEMPTS):
            try:
                return front_door.post(config, stream, body, purpose=f"ingest:*@{source}", key=key)
            except Unavailable:
                if attempt == ATTEMPTS - 1:
                    raise
                wait(min(8.0, 0.5 * 2**attempt))
        raise AssertionError

    return post


def run_source(config: Config, city: City, source_id: int, *, by: str, post: Post | None = None) -> Run:
    """Read a source once and return the run. What goes wrong outside stands in it; our own bugs are raised.

    by: who asked, "schedule" or a person. post: the way to the front door, when it is not over HTTP.
    Raises Refused when a run of this source is under way.
    """
    with _locked(config, source_id):
        now = timezone.now()
        Run.objects.filter(source_id=source_id, state=Run.State.RUNNING).update(state=Run.State.CUT_OFF, ended_at=now)
        source = Source.objects.get(pk=source_id)
        run = Run.objects.create(source=source, by=by[:100], started_at=now)
        step("begun")
        try:
            spec = read_spec(source.spec, city)
            mapper = Mapper(spec, city, config.zone)
            job = _Job(
                config, city, source, spec, run, mapper, spec.identity_columns(city), spec.essential_columns(city),
                post or post_to(config, source.key), now,
            )  # fmt: skip
            note_text = _read(job)
        except changed.Stop as stop:
            _end(source, run, Run.State.STOPPED, stop.sentence)
            Source.objects.filter(pk=source_id, state=Source.State.ACTIVE).update(state=Source.State.STOPPED, next_at=None)
        except Problem as problem:
            _end(source, run, Run.State.FAILED, problem.sentence, retry_after=problem.fields.get("retry_after"))
        except Exception:
            _end(source, run, Run.State.FAILED, "Something broke here; it is in the log of jobs.")
            raise
        else:
            _end(source, run, Run.State.DONE, note=note_text, spec=spec, zone=config.zone)
        step("ended")
        run.refresh_from_db()
        return run


def _read(job: _Job) -> str:
    _deliver_pending(job)
    end = time.monotonic() + LONGEST_S
    source = job.source
    source.refresh_from_db()
    credentials = open_(job.config.secret, source.credentials)
    reading = open_reading(job.config, job.spec, credentials, source, job.mapper.zone, job.identity, job.now)
    with contextlib.closing(reading):
        for chunk in reading.chunks():
            step("read")
            _take(job, chunk)
            # Only where the position has moved: to begin anew would never come to an end.
            if chunk.after is not None and time.monotonic() > end:
                Source.objects.filter(pk=source.pk).update(next_at=job.now)
                return "more"
        if not reading.whole:
            return "unchanged"
        if not isinstance(job.spec.read, FilesRead):
            _compare(job, reading)
    return ""


def _deliver_pending(job: _Job) -> None:
    pending = Pending.objects.filter(source=job.source).first()
    if pending is not None:
        log.info("source %s: a batch left under way is sent again", job.source.key)
        _deliver(job, pending)


def _deliver(job: _Job, pending: Pending) -> None:
    try:
        deliver(job.city, pending, job.post)
    except Malformed:
        # The door will never take it. Nothing of it is settled, so the rows are read again once the mapping is mended.
        pending.delete()
        raise


def _take(job: _Job, chunk: Chunk) -> None:
    """Check, map, note, send and settle one chunk."""
    lost: frozenset[str] = frozenset()
    if chunk.rows:
        lost = changed.check(
            job.source, chunk.columns or kinds_of(chunk.rows), chunk.at, used=job.mapper.used, essential=job.essential,
            strict=job.spec.drift == "stop", whole=chunk.columns is not None,
        )  # fmt: skip
    fresh, seen = _fresh(job, chunk, lost)
    mapped = job.mapper.map(fresh)
    register, stream = job.spec.register, job.spec.stream
    noted = Noted(
        stream=stream.to if stream else "",
        columns=mapped.columns if fresh and stream else {},
        entity=register.to if register else "",
        registered=mapped.register,
        dead=[(it.code, it.reason, {str(k): plain(v) for k, v in it.row.items()}) for it in (*chunk.aside, *mapped.aside)],
        known=[(it.key, it.digest, it.mark) for it in seen],
        position=chunk.after,
        file=dict(chunk.file) if chunk.file else None,
        at=chunk.at,
        read=len(chunk.rows) + len(chunk.aside),
        same=len(chunk.rows) - len(fresh),
        size=chunk.size,
        newest=_newest(job, mapped.newest, seen),
    )
    if noted.idle:
        settle(job.source.pk, job.run.pk, noted, {})
        step("settled")
        return
    pending = note(job.source, job.run, noted)
    step("noted")
    _deliver(job, pending)


def _fresh(job: _Job, chunk: Chunk, lost: frozenset[str]) -> tuple[list[dict[str, Any]], list[known.Seen]]:
    """Return the rows that are not known as they are, and all rows as they are to be known.

    lost: used columns that are missing. A known row is then left as it is: what is missing must not overwrite what was there.
    """
    if isinstance(job.spec.read, FilesRead):
        return chunk.rows, []  # a file is read once, from its first row to its last; the position says how far
    watermark = job.spec.read.watermark
    # Everything that is used makes the row, and its watermark too: a touched row is sent again, and found to be the same.
    columns = job.mapper.used
    seen = [
        known.Seen(
            row_key(row, job.identity), digest(row, columns), mark_of(row.get(watermark), job.mapper.zone) if watermark else None
        )
        for row in chunk.rows
    ]
    same = known.unchanged(job.source.pk, seen, whole=not lost)
    fresh = [row for place, row in enumerate(chunk.rows) if place not in same]
    if lost:
        known.refresh(job.source.pk, job.run.pk, [seen[place].key for place in same])
        seen = [it for place, it in enumerate(seen) if place not in same]
    return fresh, seen


def _newest(job: _Job, mapped: dt.datetime | None, seen: list[known.Seen]) -> dt.datetime | None:
    if mapped is not None:
        return min(mapped, job.now)
    marks = [it.mark for it in seen if it.mark is not None and it.mark > 10**14]  # smaller ones are numbers, not µs since 1970
    return min(moment_of(max(marks)), job.now) if marks else None


def _compare(job: _Job, reading: Reading) -> None:
    """After everything was read: find what is gone, forget what will not be read again."""
    source_id, run_id = job.source.pk, job.run.pk
    since = reading.since_mark
    if job.spec.deletions:
        keys = reading.keys() if job.spec.register else None
        if keys is not None:
            for page in keys:
                known.refresh(source_id, run_id, page)
            since = None
        step("compared")
        if gone.too_many(job.source, run_id, since):
            return
        gone.settle_gone(job.city, job.source, job.spec, job.run, since, job.now)
        if job.spec.register:
            return  # every row stays known, however old, so that its end is noticed
    source = Source.objects.get(pk=source_id)
    mark: Mapping[str, Any] = source.position
    if job.spec.incremental and "mark" in mark:
        known.forget(source_id, run_id, floor(job.spec, int(mark["mark"]), bool(mark["timed"])))
    elif not job.spec.deletions:
        known.forget(source_id, run_id, None)


def _end(
    source: Source, run: Run, state: Run.State, error: str = "", *, note: str = "", spec: Spec | None = None,
    zone: dt.tzinfo = dt.UTC, retry_after: object = None,
) -> None:  # fmt: skip
    now = timezone.now()
    with transaction.atomic():
        fresh = Source.objects.select_for_update().get(pk=source.pk)
        lag = (now - fresh.newest).total_seconds() if fresh.newest else None
        Run.objects.filter(pk=run.pk).update(state=state, ended_at=now, error=error, note=note, lag_s=lag)
        if state == Run.State.DONE:
            fresh.failures, fresh.succeeded_at = 0, now
            assert spec is not None
            fresh.next_at = now if note == "more" else spec.next_after(now, zone)
        elif state == Run.State.FAILED:
            fresh.failures += 1
            wait = (
                float(retry_after) if isinstance(retry_after, int | float) else FIRST_RETRY_S * 2 ** min(fresh.failures - 1, 10)
            )
            fresh.next_at = now + dt.timedelta(seconds=min(wait, LONGEST_RETRY_S))
        fresh.save(update_fields=["failures", "succeeded_at", "next_at"])
    if error:
        log.warning("source %s: %s", source.key, error)


@contextlib.contextmanager
def _locked(config: Config, source_id: int) -> Iterator[None]:
    """Hold the source for this run. The lock is a connection's: it goes with a process that dies."""
    with psycopg.connect(config.dsn(), autocommit=True) as guard:
        row = guard.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, source_id]).fetchone()
        if not row or not row[0]:
            raise Refused("A run of this source is under way. Wait for its end.", code="running")
        try:
            yield
        finally:
            # Said, not left to the end of the connection, which the database notices only in its own time.
            guard.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, source_id])
