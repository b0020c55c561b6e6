# SPDX-License-Identifier: Apache-2.0
"""The part of the graph that evaluations say: what is counted of cases, the rates made of counts, the scores made of rates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from chengyun.cases.evaluation.counted import COUNTS
from chengyun.cases.evaluation.declared import Book, read_book
from chengyun.city import City
from chengyun.share.lineage.declared import CASE_FIELDS
from chengyun.share.lineage.shapes import EVERY, Column, Edge, Item, Place

__all__ = ["evaluation_parts"]

COUNTED_BY = "cases/evaluation/count.sql"


def evaluation_parts(city: City, day: dt.date) -> Iterator[Place | Edge]:
    """Yield the places and edges of the evaluations in force on a day."""
    for key in city.cases:
        file = city.packs[key.split(".")[0]].folder / "evaluation.toml"
        if file.exists():
            yield from _of_type(key, city.cases[key].name, read_book(file, day), f"{file.parent.name}/{file.name}")


def _of_type(key: str, name: str, book: Book, at: str) -> Iterator[Place | Edge]:
    counts, rates = f"count:{key}", f"rate:{key}"
    yield Place(counts, "count", name, tuple(Item(one, said, "N") for one, said in COUNTS.items()), "evaluation", COUNTED_BY)
    for item in CASE_FIELDS:
        if item.key in ("state", "category", "owner", "area_code", "lon", "lat", "opened_at", "due_at", "closed_at"):
            yield Edge(Column(key, item.key), Column(counts, EVERY), "filter", "evaluation_counted", COUNTED_BY)
    scores = tuple(Item(f"score_{one.key}", one.name, "N") for one in book.profiles.values())
    yield Place(
        rates, "rate", name, (*(Item(one.key, one.name, "N", "%") for one in book.rates.values()), *scores), "evaluation", at
    )
    for rate in book.rates.values():
        for part in filter(None, (rate.met, rate.less, rate.due)):
            yield Edge(Column(counts, part), Column(rates, rate.key), "aggregation", rate.formula, at)
    for profile in book.profiles.values():
        target = Column(rates, f"score_{profile.key}")
        for term in profile.terms:
            source = Column(rates, term.rate.key) if term.rate else Column(counts, term.count)
            yield Edge(source, target, "transformation", f"{term.name} × {term.weight}", at)
