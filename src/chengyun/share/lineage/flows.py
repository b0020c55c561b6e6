# SPDX-License-Identifier: Apache-2.0
"""Rows that go to others, come from them, or come in by forms, as OpenLineage events.

    a file, a push, a neighbour's rows        one event each, put down in the transaction that ends it
    small messages                            one a consumer, dataset, purpose and local day, of their receipts
    forms                                     one a form and local day, of the submissions accepted on it

Days are told once they have ended, as in the published statistics: nobody watches another department at work. An event names
datasets, columns, bodies and purposes; never a row, a key, a condition, a person, a grant or an address.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from chengyun.access import grants, policy
from chengyun.access.disclosure import SMALLEST
from chengyun.access.models import Grant
from chengyun.access.policy import Scope
from chengyun.access.rulebook import rulebook
from chengyun.city import City
from chengyun.collect import front_door
from chengyun.collect.forms.models import ReviewEvent
from chengyun.config import config
from chengyun.errors import Problem
from chengyun.lake.models import Receipt as Taken
from chengyun.share.exchange import reading, statistics
from chengyun.share.exchange.hooks import Flow
from chengyun.share.exchange.models import Party
from chengyun.share.exchange.parties import actor_of
from chengyun.share.exchange.statistics import Given
from chengyun.share.lineage.building import declared_graph
from chengyun.share.lineage.models import Waiting
from chengyun.share.lineage.openlineage import Carried, carried_event
from chengyun.share.lineage.shapes import Place

__all__ = ["accepted_on", "given_on", "heard"]


def namespace() -> str:
    return f"chengyun://{config().city}"


def heard(flow: Flow) -> None:
    """Put a flow down, in the transaction that ends it."""
    what = "/".join(filter(None, (flow.with_whom, flow.dataset, flow.purpose)))
    came = flow.way == "mirror"
    place = None if came else _place(flow.dataset)
    Waiting.objects.create(
        event=carried_event(
            namespace(), f"{flow.name}/{what}" if flow.name else what, flow.way,
            source=(f"chengyun://{flow.with_whom}" if came else namespace(), flow.dataset),
            output=f"{'mirror' if came else 'exchange'}:{what}",
            columns=[
                Carried(
                    name=one.name, source=_column(flow.dataset, place, one.name), type=one.type,
                    masked=None if flow.masked is None else one.name in flow.masked,
                )
                for one in flow.columns
            ],
            known_by=flow.began.isoformat(), ended=flow.ended, rows=flow.rows, size=flow.size,
            also_known=None if came else _elsewhere(flow.dataset), error=flow.fault,
        )
    )  # fmt: skip


def given_on(day: dt.date) -> Iterator[dict[str, Any]]:
    """Yield the events of what was given on a local day in small messages."""
    nominal = _span(day)
    for one in statistics.given_on(day):
        what = "/".join(filter(None, (one.consumer, one.dataset, one.purpose)))
        facts, place = rulebook().datasets.get(one.dataset), _place(one.dataset)
        now = _scope(one)
        masked, types = _masked(one, now), _types(now, one.dataset)
        # Counts of persons below five are nobody's business but theirs, the body's and the officer's.
        told = facts is not None and (not facts.personal or one.rows >= SMALLEST)
        tags = {"messages": str(one.messages), **{f"messages.{way}": str(count) for way, count in sorted(one.ways.items())}}
        yield carried_event(
            namespace(), what, "exchange", source=(namespace(), one.dataset), output=f"exchange:{what}",
            columns=[
                Carried(
                    name=name, source=_column(one.dataset, place, name), type=types.get(name, ""),
                    masked=None if masked is None else name in masked,
                )
                for name in sorted(one.fields)
            ],
            known_by=day.isoformat(), nominal=nominal, ended=nominal[1], rows=one.rows if told else None,
            size=one.bytes if told else None, also_known=_elsewhere(one.dataset),
            tags={**tags, "columns_read_of": f"{one.looked_at} messages"} if told else None,
        )  # fmt: skip


def accepted_on(day: dt.date) -> Iterator[dict[str, Any]]:
    """Yield the events of forms whose submissions, accepted on a local day, were sent to the stream the form leads to."""
    nominal = _span(day)
    accepted = ReviewEvent.objects.filter(kind="accepted", at__gte=nominal[0], at__lt=nominal[1])
    into = accepted.exclude(submission__version__form__stream="").select_related("submission__version__form")
    forms: dict[str, list[str]] = {}
    declared: dict[str, tuple[str, Mapping[str, str]]] = {}
    for one in into.order_by("submission__version__form_id", "id"):
        form = one.submission.version.form
        forms.setdefault(form.key, []).append(one.submission.instance)
        declared[form.key] = form.stream, form.columns
    for key, instances in forms.items():
        stream, columns = declared[key]
        rows, loads = _taken(stream, instances)
        if not loads:
            continue
        yield carried_event(
            namespace(), key, "form", source=(namespace(), f"form:{key}"), output=stream,
            columns=[Carried(name=column, source=path) for column, path in columns.items()],
            known_by=day.isoformat(), nominal=nominal, ended=nominal[1], rows=rows, tags={"submissions": str(loads)},
        )  # fmt: skip


def _span(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    zone = config().zone
    return dt.datetime.combine(day, dt.time(), zone), dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)


def _place(dataset: str) -> Place | None:
    return declared_graph(settings.CITY, timezone.localdate()).places.get(dataset)


def _column(dataset: str, place: Place | None, name: str) -> str:
    """Return what the graph calls a column that is exchanged under a name."""
    city: City = settings.CITY
    if name == "value" and dataset in city.indicators:
        return str(city.indicators[dataset].value)
    related = f"{name}_id"
    return related if place is not None and place.item(name) is None and place.item(related) is not None else name


def _elsewhere(dataset: str) -> tuple[str, str]:
    """Return what a neighbour that mirrors a dataset of ours calls it in its own events."""
    return f"chengyun://{config().node}", dataset


def _scope(one: Given) -> Scope | None:
    """Return what the consumer may read by now; None where nobody speaks for it any more."""
    party = Party.objects.filter(organisation__key=one.consumer).select_related("organisation").order_by("-id").first()
    return None if party is None else policy.scope(actor_of(party), one.dataset, one.purpose or None)


def _masked(one: Given, now: Scope | None) -> frozenset[str] | None:
    """Return the columns that none of the grants it was given under, nor the policy itself, shows in full."""
    facts = rulebook().datasets.get(one.dataset)
    if facts is None:
        return None
    clear: set[str] = set()
    for layer in now.layers if now is not None else ():
        if not layer.grant:
            clear.update(name for name in one.fields if layer.shows(name) and name not in layer.masks)
    for grant in Grant.objects.filter(number__in=one.grants):
        masks, only = grants.masks_of(grant, facts)
        clear.update(name for name in one.fields if (only is None or name in only) and name not in masks)
    return frozenset(one.fields - clear)


def _types(now: Scope | None, dataset: str) -> dict[str, str]:
    if now is None or not now.allowed:
        return {}
    try:
        return {one.name: one.type for one in reading.columns_of(now, dataset)}
    except Problem:
        return {}


def _taken(stream: str, instances: Sequence[str]) -> tuple[int, int]:
    """Return how many rows a stream took of submissions, and how many of them it was sent; not what was mended afterwards."""
    rows = loads = 0
    for at in range(0, len(instances), 1000):
        keys = [front_door.kept_as(stream, "ingest:*", one[-60:]) for one in instances[at : at + 1000]]
        for since, until in Taken.objects.filter(idempotency_key__in=keys).values_list("seq_from", "seq_to"):
            rows, loads = rows + max(until - since + 1, 0), loads + 1
    return rows, loads
