# SPDX-License-Identifier: Apache-2.0
"""Figures at rest: what is current, what was current for an earlier computation, and the one way to write new ones."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from django.db import connection
from django.db.models import Q

from chengyun.city import City, qualify
from chengyun.operate.alert_store import statement
from chengyun.operate.compute import Computed, Used, json_text
from chengyun.operate.models import Figure

__all__ = ["Current", "Fresh", "area_codes", "as_of_figures", "current", "newest_id", "placed", "tell", "used_figures", "write"]

TOLD_AT_MOST = 500
"""So many figures are told one by one to open pages; of more, pages are told that there are new ones."""


USED = ("subject", "period_start", "value", "detail", "simulated")


def newest_id() -> int:
    """Return the highest id a figure has been given: what a computation that begins now can see."""
    with connection.cursor() as cursor:
        cursor.execute(statement("newest_figure"))
        return int(cursor.fetchone()[0])


def used_figures(
    indicator: str, since: dt.datetime, until: dt.datetime, as_of: int | None = None, subject: str | None = None
) -> list[Used]:
    """Return an indicator's figures of periods that start in [since, until), as readers saw them at an id; None: now.

    subject: only its figures.
    """
    rows = Figure.objects.filter(indicator=indicator, period_start__gte=since, period_start__lt=until)
    if subject is not None:
        rows = rows.filter(subject=subject)
    rows = rows.filter(superseded_at=None) if as_of is None else rows.filter(as_of_figures(as_of))
    return [Used(*row) for row in rows.order_by("period_start", "subject").values_list(*USED)]


def as_of_figures(figure_id: int) -> Q:
    """Return the condition for figures that were current when ids had come this far.

    Said in two parts, each of which has an index: what is current still, and what has been replaced since.
    """
    return Q(superseded_at=None, id__lte=figure_id) | Q(superseded_at__isnull=False, id__lte=figure_id, until_id__gt=figure_id)


Current = dict[tuple[str, dt.datetime], tuple[int, str, Computed]]
"""Current figures by (subject, period): id, formula version, and what they say."""


def current(indicators: Sequence[str], since: dt.datetime, until: dt.datetime) -> dict[str, Current]:
    """Return the current figures of each of these indicators whose periods start in [since, until)."""
    found: dict[str, Current] = {indicator: {} for indicator in indicators}
    with connection.cursor() as cursor:
        cursor.execute(statement("current_figures"), [list(indicators), since, until])
        for indicator, ident, version, subject, start, value, detail, coverage, simulated in cursor:
            one = Computed(subject, start, value, json.loads(detail), coverage, simulated)
            found[indicator][subject, start] = (ident, version, one)
    return found


@dataclass(frozen=True, slots=True)
class Fresh:
    """Figures of one indicator that are to be written. areas: subject → area code."""

    indicator: str
    figures: Sequence[Computed]
    areas: Mapping[str, str]
    as_of: Mapping[str, int]
    version: str


def write(fresh: Sequence[Fresh], gone: Sequence[int], now: dt.datetime) -> None:
    """Write figures and supersede those they replace (gone: ids). Call inside a transaction, one writer at a time."""
    with connection.cursor() as cursor:
        if gone:
            cursor.execute(statement("supersede_figures"), [now, list(gone)])
        if not any(one.figures for one in fresh):
            return
        with cursor.copy(statement("copy_figures")) as copy:
            at = now.isoformat()
            lines = chain.from_iterable(_lines(one, at) for one in fresh)
            while block := "".join(islice(lines, LINES)):
                copy.write(block)


LINES = 1000
"""Figures that go to the database in one piece."""


def _lines(given: Fresh, at: str) -> Iterator[str]:
    """Yield figures as the lines of COPY's text form, which costs a third of handing over row by row."""
    end = _copied(json_text(given.as_of), given.version, at)
    begin = {
        subject: _copied(given.indicator, subject, given.areas.get(subject, ""))
        for subject in {one.subject for one in given.figures}
    }
    for one in given.figures:
        detail = json_text(one.detail).replace("\\", "\\\\")
        quality = json_text(one.quality).replace("\\", "\\\\") if one.quality else "{}"
        value = "\\N" if one.value is None else repr(one.value)
        coverage = "\\N" if one.coverage is None else repr(one.coverage)
        marks = f"{quality}\t{'t' if one.simulated else 'f'}"
        yield f"{begin[one.subject]}\t{one.period_start.isoformat()}\t{value}\t{detail}\t{coverage}\t{marks}\t{end}\n"


def _copied(*texts: str) -> str:
    return "\t".join(text.translate(ESCAPED) for text in texts)


ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
"""How COPY's text form writes what it gives a meaning to."""


def tell(fresh: Sequence[Fresh]) -> None:
    """Tell open pages, when the transaction commits, of the newest figure of every subject that changed."""
    told: list[dict[str, Any]] = []
    for given in fresh:
        newest: dict[str, Computed] = {}
        for one in given.figures:
            if one.subject not in newest or newest[one.subject].period_start < one.period_start:
                newest[one.subject] = one
        told += [
            {
                "kind": "figure",
                "dataset": given.indicator,
                "area": given.areas.get(one.subject, ""),
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
        told = [
            {"kind": "figure", "dataset": given.indicator, "area": "", "data": {"changed": len(given.figures)}}
            for given in fresh
            if given.figures
        ]
    if told:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_notify('chengyun_live', told) FROM unnest(%s::text[]) AS told", [[json.dumps(it) for it in told]]
            )


def placed(city: City, fresh: Sequence[Fresh]) -> list[Fresh]:
    """Return what is to be written with the areas its subjects stand in, asked once for each register."""
    wanted: dict[str, tuple[str, set[str]]] = {}
    for one in fresh:
        wanted.setdefault(_kind(city, one.indicator), (one.indicator, set()))[1].update(it.subject for it in one.figures)
    known = {kind: area_codes(city, indicator, subjects) for kind, (indicator, subjects) in wanted.items()}
    return [replace(one, areas=known[_kind(city, one.indicator)]) for one in fresh]


def _kind(city: City, indicator: str) -> str:
    subject = city.indicators[indicator].subject
    return subject if subject == "area" else qualify(indicator.split(".")[0], subject)


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
