# SPDX-License-Identifier: Apache-2.0
"""Figures at rest: what is current, what was current for an earlier computation, and the one way to write new ones."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Q

from chengyun.city import City, qualify
from chengyun.operate.alert_store import statement
from chengyun.operate.compute import Computed, Used
from chengyun.operate.models import Figure

__all__ = ["area_codes", "as_of_figures", "current", "newest_id", "tell", "used_figures", "write"]

TOLD_AT_MOST = 500
"""So many figures are told one by one to open pages; of more, pages are told that there are new ones."""


def newest_id() -> int:
    """Return the highest id a figure has been given: what a computation that begins now can see."""
    with connection.cursor() as cursor:
        cursor.execute(statement("newest_figure"))
        return int(cursor.fetchone()[0])


def used_figures(indicator: str, since: dt.datetime, until: dt.datetime, as_of: int | None = None) -> list[Used]:
    """Return an indicator's figures of periods that start in [since, until), as readers saw them at an id; None: now."""
    rows = Figure.objects.filter(indicator=indicator, period_start__gte=since, period_start__lt=until)
    rows = rows.filter(superseded_at=None) if as_of is None else rows.filter(as_of_figures(as_of))
    return [
        Used(*row) for row in rows.order_by("period_start", "subject").values_list("subject", "period_start", "value", "detail")
    ]


def as_of_figures(figure_id: int) -> Q:
    """Return the condition for figures that were current when ids had come this far."""
    return Q(id__lte=figure_id) & (Q(until_id=None) | Q(until_id__gt=figure_id))


def current(indicator: str, since: dt.datetime, until: dt.datetime) -> dict[tuple[str, dt.datetime], tuple[int, str, Computed]]:
    """Return current figures by (subject, period): id, formula version, and what they say."""
    rows = Figure.objects.filter(indicator=indicator, period_start__gte=since, period_start__lt=until, superseded_at=None)
    found = {}
    names = ("id", "version", "subject", "period_start", "value", "detail", "coverage", "simulated", "quality")
    for ident, version, *said in rows.values_list(*names).iterator(chunk_size=5000):
        one = Computed(*said)
        found[one.subject, one.period_start] = (ident, version, one)
    return found


def write(
    indicator: str,
    fresh: Sequence[Computed],
    gone: Iterable[int],
    *,
    areas: Mapping[str, str],
    as_of: Mapping[str, int],
    version: str,
    now: dt.datetime,
) -> None:
    """Write figures and supersede those they replace (gone: ids). Call inside a transaction, one writer at a time."""
    retired = list(gone)
    with connection.cursor() as cursor:
        if retired:
            cursor.execute(statement("supersede_figures"), [now, retired])
        if not fresh:
            return
        inputs = json.dumps(as_of)
        with cursor.copy(statement("copy_figures")) as copy:
            for one in fresh:
                copy.write_row(
                    (
                        indicator, one.subject, areas.get(one.subject, ""), one.period_start, one.value, json.dumps(one.detail),
                        one.coverage, json.dumps(one.quality), one.simulated, inputs, version, now,
                    )
                )  # fmt: skip


def tell(indicator: str, fresh: Sequence[Computed], areas: Mapping[str, str]) -> None:
    """Tell open pages, when the transaction commits, of the newest figure of every subject that changed."""
    newest: dict[str, Computed] = {}
    for one in fresh:
        if one.subject not in newest or newest[one.subject].period_start < one.period_start:
            newest[one.subject] = one
    told = [
        {
            "kind": "figure",
            "dataset": indicator,
            "area": areas.get(one.subject, ""),
            "data": {
                "subject": one.subject,
                "period_start": one.period_start.isoformat(),
                "value": one.value,
                "simulated": one.simulated,
            },
        }
        for one in newest.values()
    ]
    if len(told) > TOLD_AT_MOST:
        told = [{"kind": "figure", "dataset": indicator, "area": "", "data": {"changed": len(fresh)}}]
    if told:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_notify('chengyun_live', told) FROM unnest(%s::text[]) AS told", [[json.dumps(it) for it in told]]
            )


def area_codes(city: City, indicator: str, subjects: Iterable[str]) -> dict[str, str]:
    """Return where each subject stands: an area is its own code, an entity's is in its register."""
    wanted = sorted(set(subjects))
    subject = city.indicators[indicator].subject
    if subject == "area":
        return {code: code[:12] for code in wanted}
    from django.apps import apps  # the register's model is the pack's: only the app registry knows it

    entity = qualify(indicator.split(".")[0], subject)
    model: Any = apps.get_model(entity.split(".")[0], city.entities[entity].model)
    return dict(model.objects.filter(key__in=wanted).values_list("key", "area_code"))
