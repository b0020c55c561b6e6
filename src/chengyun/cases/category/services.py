# SPDX-License-Identifier: Apache-2.0
"""Learning from what the city's own people decided. The only writer of models."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import QuerySet

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.cases.category.features import Facts
from chengyun.cases.category.models import CategoryModel
from chengyun.cases.category.training import Example, train
from chengyun.cases.models import Case
from chengyun.config import config

__all__ = ["MOST_CASES", "decided", "retrain"]

MOST_CASES = 150_000
"""The newest decided cases that are learnt from: more would say what the categories meant years ago."""


def retrain(type_key: str, actor: Actor, now: dt.datetime) -> CategoryModel:
    """Train a model on the decided cases of a type and keep it with its card; it goes live only when it is good.

    Raises Refused where there are too few cases to learn from.
    """
    examples = decided(type_key)
    model, card = train(examples)
    times = [facts.at for facts, _ in examples if facts.at is not None]
    with transaction.atomic():
        if card.good:
            CategoryModel.objects.filter(type=type_key, live=True).update(live=False)
        kept = CategoryModel.objects.create(
            type=type_key, trained_at=now, since=times[0], until=times[-1], cases=len(examples), card=card.as_json(),
            data=model.dump(), live=card.good,
        )  # fmt: skip
        detail = {"type": type_key, "cases": len(examples), "live": card.good, "card": card.as_json()}
        audit.record(actor, "category.train", "cases", str(kept.pk), detail=detail)
    return kept


def decided(type_key: str) -> list[Example]:
    """Return the newest cases whose category a person has decided by filing them, in the order of time."""
    rows: QuerySet[Case] = (
        Case.objects.filter(type=type_key, simulated=False, merged_into=None, dispatched_at__isnull=False)
        .exclude(category="")
        .order_by("-opened_at", "-id")
    )
    columns = ("description", "title", "lon", "lat", "area_code", "opened_at", "source", "category")
    found: list[Example] = []
    for text, title, lon, lat, area, at, channel, category in rows.values_list(*columns)[:MOST_CASES].iterator(5000):
        facts = Facts(text or title, lon, lat, area, at.astimezone(config().zone), channel)
        found.append((facts, category))
    found.reverse()
    return found
