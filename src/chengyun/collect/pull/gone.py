# SPDX-License-Identifier: Apache-2.0
"""Rows that a source no longer has. An entity is marked as ended; an observation is never deleted, its loss is shown."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.city import City
from chengyun.collect.pull import known
from chengyun.collect.pull.models import Drift, Run, Source
from chengyun.collect.pull.spec import Spec
from chengyun.collect.registering import model_of

__all__ = ["MOST_SHARE", "settle_gone", "too_many"]

MOST_SHARE = 0.2
"""Of all known rows; more at once is more likely a broken export than a city that shrank."""
FEW = 10


def too_many(source: Source, run_id: int, since: int | None) -> bool:
    """Say whether so many rows are gone that a person must look first; what is gone is then left as it is."""
    count, known_rows = known.count_gone(source.pk, run_id, since)
    if count <= max(FEW, known_rows * MOST_SHARE):
        return False
    rows = Drift.objects.filter(source=source, kind=Drift.Kind.EMPTIED)
    # A person's agreement holds for one comparison; `at` says which.
    if rows.filter(decision=Drift.Decision.ACCEPTED, at="").update(at=f"run {run_id}"):
        return False
    rows.filter(decision=Drift.Decision.WAITING).delete()
    Drift.objects.create(
        source=source,
        kind=Drift.Kind.EMPTIED,
        column="",
        before=str(known_rows),
        after=str(count),
        used=True,
        seen_at=timezone.now(),
    )
    return True


def settle_gone(city: City, source: Source, spec: Spec, run: Run, since: int | None, now: dt.datetime) -> None:
    """End the entities of rows that are gone, and note the rows as gone; page by page, each in one commit."""
    for keys in known.gone_keys(source.pk, run.pk, since):
        with transaction.atomic():
            ended = 0
            if spec.register:
                rows = model_of(city, spec.register.to)._default_manager.filter(key__in=keys, valid_to=None)
                ended = len(rows)
                for row in rows:  # one by one: each keeps its version in the register's history
                    row.valid_to = now.date()
                    row.save(update_fields=["valid_to"])
            known.mark_gone(source.pk, keys, now)
            Run.objects.filter(pk=run.pk).update(vanished=F("vanished") + len(keys))
            audit.record(
                SYSTEM,
                "source.gone",
                "sources",
                source.key,
                detail={"run": run.pk, "rows": len(keys), "ended": ended, "first": keys[:5]},
            )
