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
from django.db import connection

from chengyun.config import config
from chengyun.lake import books
from chengyun.lake.services import ensure_tables
from chengyun.simulate.history import make

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
    made = make(
        world(tmp_path, people=4000, sensors=300, registered=200), BEGINS + dt.timedelta(days=6), tick=dt.timedelta(days=1),
        said=lambda s: print(round(time.monotonic() - begun, 1), s),
    )
    print(made)
    from chengyun.operate.models import Alert
    from collections import Counter
    print(Counter((a.rule, a.state) for a in Alert.objects.all()))
    assert made.stored == made.rows
