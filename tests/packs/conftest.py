# SPDX-License-Identifier: Apache-2.0
"""An empty lake, and files loaded into it as `chengyun load` does."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from chengyun.collect.load import Loaded, load_files
from chengyun.config import config
from chengyun.lake import books, database
from chengyun.lake.services import ensure_tables
from chengyun.operate.engine import evaluate
from chengyun.operate.models import Figure

Load = Callable[[str, Path], Loaded]
Figures = Callable[[str], dict[tuple[str, str], Figure]]


@pytest.fixture
def empty_lake(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        # Its books are tables of Django's; tests before this one may have left what they say of another lake.
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    yield
    books.forget()


@pytest.fixture
def load(empty_lake: None) -> Load:
    """load(pack.feed, path) → what it came to; every row read is stored or set aside with its reason."""

    def _load(feed: str, path: Path) -> Loaded:
        here = dataclasses.replace(config(), database_url=database.url())
        loaded = load_files(here, settings.CITY, feed, [path], lambda _rows, _position: None)
        assert loaded.read == loaded.stored + loaded.flags.get("duplicate", 0) + sum(loaded.dead.values())
        return loaded

    return _load


@pytest.fixture
def figures(load: Load) -> Figures:
    """figures(pack.indicator) evaluates what is due and returns (subject, local period) → figure."""

    def _figures(indicator: str) -> dict[tuple[str, str], Figure]:
        done = evaluate(dt.datetime(2026, 11, 21, tzinfo=dt.UTC))
        assert [one.error for one in done.ran if one.error] == []
        found = Figure.objects.filter(indicator=indicator, superseded_at=None)
        zone = config().zone
        return {(it.subject, f"{it.period_start.astimezone(zone):%Y-%m-%d}"): it for it in found}

    return _figures
