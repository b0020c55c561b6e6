# SPDX-License-Identifier: Apache-2.0
"""How sources do: the list with its health, one source with its history."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from django.db.models import Count, Q, Sum

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope
from chengyun.collect.models import DeadLetter
from chengyun.collect.pull.models import Drift, Run, SeenFile, Source
from chengyun.collect.pull.spec import seconds
from chengyun.errors import NotFound

__all__ = ["Health", "access_source", "drifts", "files", "is_late", "newest_runs", "source_health"]

LATELY = dt.timedelta(days=1)
Word = Literal["fresh", "stale", "bad", "missing"]


@dataclass(frozen=True, slots=True)
class Health:
    """One source at a glance. run: the newest. kept, dead: within a day. waiting: changes to decide."""

    source: Source
    run: Run | None
    kept: int
    dead: int
    waiting: int
    status: Word


def is_late(source: Source, now: dt.datetime) -> bool:
    """Say whether a source has been without success, or without newer data, for longer than it says."""
    text = source.spec.get("late_after")
    if not text or source.state == Source.State.PAUSED:
        return False
    limit = dt.timedelta(seconds=seconds(text))
    since = source.succeeded_at or source.created_at
    return now - since > limit or (source.newest is not None and now - source.newest > limit)


def source_health(actor: Actor, now: dt.datetime) -> list[Health]:
    """Return every source with how it does. Raises NotFound for who may not read them."""
    require_scope(actor, "sources")
    sources = list(
        Source.objects.annotate(waiting=Count("drifts", filter=Q(drifts__decision=Drift.Decision.WAITING))).order_by("key")
    )
    newest = {run.source_id: run for run in Run.objects.order_by("source_id", "-started_at", "-id").distinct("source_id")}
    found = Run.objects.filter(started_at__gte=now - LATELY).order_by().values("source")
    lately: dict[int, tuple[int, int]] = {
        row["source"]: (row["kept"] or 0, row["dead"] or 0) for row in found.annotate(kept=Sum("kept"), dead=Sum("dead"))
    }
    return [
        Health(source, run := newest.get(source.pk), *lately.get(source.pk, (0, 0)), source.waiting, _status(source, run))
        for source in sources
    ]


def access_source(actor: Actor, key: str) -> Source:
    """Return a source. Raises NotFound when there is none, or none for this reader."""
    require_scope(actor, "sources")
    found = Source.objects.filter(key=key).first()
    if found is None:
        raise NotFound(f"There is no source {key!r}.", dataset="sources")
    return found


def newest_runs(source: Source, most: int = 30) -> list[Run]:
    """Return a source's runs, newest first."""
    return list(source.runs.all()[:most])


def drifts(source: Source, most: int = 50) -> list[Drift]:
    """Return changes, those to decide first."""
    return sorted(source.drifts.all()[:most], key=lambda it: (it.decision != Drift.Decision.WAITING, -it.seen_at.timestamp()))


def files(source: Source, most: int = 30) -> list[SeenFile]:
    """Return the files seen last."""
    return list(source.files.order_by("-seen_at", "-id")[:most])


def letters_waiting() -> dict[str, int]:
    """Return how many dead letters wait, by who sent them."""
    found = DeadLetter.objects.filter(state=DeadLetter.State.WAITING).order_by().values("actor").annotate(count=Count("pk"))
    return {row["actor"]: row["count"] for row in found}


def _status(source: Source, run: Run | None) -> Word:
    if source.state == Source.State.PAUSED:
        return "missing"
    if source.state == Source.State.STOPPED or source.failures >= 3:
        return "bad"
    if source.late_since is not None or source.failures:
        return "stale"
    return "fresh" if run is not None else "missing"
