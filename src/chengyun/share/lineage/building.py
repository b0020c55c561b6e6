# SPDX-License-Identifier: Apache-2.0
"""The graph of a city: the declared part built once and kept, what an installation adds read afresh."""

from __future__ import annotations

import datetime as dt
import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from chengyun.city import City
from chengyun.config import config
from chengyun.share.lineage.declared import declared_parts
from chengyun.share.lineage.evaluated import evaluation_parts
from chengyun.share.lineage.formulas import formula_parts
from chengyun.share.lineage.kept import kept
from chengyun.share.lineage.runtime import runtime_parts
from chengyun.share.lineage.shapes import Edge, Graph, Place

__all__ = ["build", "declared_graph", "graph", "kept_in"]


def graph() -> Graph:
    """Return the graph of this installation as it is now."""
    parts = list(runtime_parts())
    return Graph(_places(parts), _edges(parts), declared_graph(settings.CITY, timezone.localdate()))


@functools.lru_cache(maxsize=2)
def declared_graph(city: City, day: dt.date) -> Graph:
    """Return the graph a city's declarations come to on a day; built once in a process."""
    return build(city, day, kept_in())


def build(city: City, day: dt.date, keep: Path | None) -> Graph:
    """Build the graph of a city. keep: file with what was read of formulas before; None: everything is read anew."""
    with kept(keep) as read, _without_collector():
        parts = [*declared_parts(city), *formula_parts(city, read), *evaluation_parts(city, day)]
        return Graph(_places(parts), _edges(parts))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the cycle collector away: half of the time would go into looking through a graph that is being made and has none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def kept_in() -> Path:
    return config().data / "lineage" / "formulas.msgpack"


def _places(parts: list[Place | Edge]) -> list[Place]:
    return [one for one in parts if isinstance(one, Place)]


def _edges(parts: list[Place | Edge]) -> list[Edge]:
    return [one for one in parts if isinstance(one, Edge)]
