# SPDX-License-Identifier: Apache-2.0
"""A small city's month made, judged and scored end to end against its own truth."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.config import config
from chengyun.lake import books
from chengyun.lake.services import ensure_tables
from chengyun.simulate.history import make
from chengyun.simulate.score.report import score, text

from .conftest import BEGINS, place_city, world

# With the apps named, what refers to their tables is emptied with them at the end of a test.
pytestmark = pytest.mark.django_db(transaction=True, available_apps=[one.name for one in apps.get_app_configs()])


@pytest.fixture
def empty(transactional_db: None) -> Iterator[None]:
    books.forget()
    shutil.rmtree(config().warehouse, ignore_errors=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched RESTART IDENTITY")
    ensure_tables()
    place_city()
    yield
    books.forget()


def test_a_month(empty: None, tmp_path: Path) -> None:
    begun = time.monotonic()
    small = world(tmp_path, people=2000, sensors=300, registered=60, trouble=8)
    made = make(
        small,
        BEGINS + dt.timedelta(days=30),
        tick=dt.timedelta(days=5),
        said=lambda s: print(round(time.monotonic() - begun, 1), s),
    )
    print(made)
    result = score(small.config, settings.CITY, BEGINS + dt.timedelta(days=30))
    print("\n".join(text(result)))
    print(round(time.monotonic() - begun, 1))
    assert made.stored == made.rows
