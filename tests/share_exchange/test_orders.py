# SPDX-License-Identifier: Apache-2.0
"""Rows under pseudonyms, page by page: each once and none missing whatever happens meanwhile, at the cost of the page."""

from __future__ import annotations

import datetime as dt
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chengyun.access.masks import mask
from chengyun.errors import Refused
from chengyun.share.exchange import orders, reading
from chengyun.share.exchange.models import Order, Place
from chengyun.share.exchange.parties import scope_of

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

PERSON, PURPOSE = "population.person", "statistics"


@pytest.fixture
def allowed(department) -> Any:
    department.grant(PERSON, PURPOSE, shown={"id_number": "pseudonym", "sex": "clear"})
    return scope_of(department.party, PERSON, PURPOSE)


def names(*numbers: int) -> set[str]:
    return {str(mask("pseudonym:key", f"p{number:05}", PURPOSE)) for number in numbers}


def rest(allowed: Any, page: reading.Page) -> list[reading.Row]:
    rows = list(page.rows)
    while page.next:
        page = reading.rows(allowed, PERSON, after=page.next, as_of=page.as_of, limit=3)
        rows += page.rows
    return rows


def test_a_reading_has_each_row_of_its_moment_once_whatever_changes_meanwhile(allowed) -> None:
    Person: Any = apps.get_model("population", "Person")
    given.people(20)
    first = reading.rows(allowed, PERSON, limit=3)
    for key, sex in (("p00004", "2"), ("p00011", "1")):
        one = Person.objects.get(key=key)
        one.sex = sex
        one.save()
    Person.objects.create(key="p00020", name="新", area_code="330203001001", id_number="33020319900101001X")
    # Another reading that begins puts the new row in; the one under way is of its own moment.
    assert {row.key for row in rest(allowed, reading.rows(allowed, PERSON, limit=3))} == names(*range(21))
    rows = rest(allowed, first)
    assert (len(rows), {row.key for row in rows}) == (20, names(*range(20)))
    assert {row.values["sex"] for row in rows} == {""}
    assert Place.objects.count() == 21


def test_a_page_does_not_go_through_the_register(allowed) -> None:
    given.people(3000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE population_person")
    first = reading.rows(allowed, PERSON, limit=5)
    with CaptureQueriesContext(connection) as asked:
        page = reading.rows(allowed, PERSON, after=first.next, as_of=first.as_of, limit=5)
    assert len(page.rows) == 5
    (question,) = [one["sql"] for one in asked if "population_person" in one["sql"] and "LIMIT 6" in one["sql"]]
    assert not any("INSERT" in one["sql"] for one in asked)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {question}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "exchange_place_pkey" in plan, plan
    assert "Seq Scan on population_person r" not in plan, plan


def test_only_cursors_that_were_given_out_name_a_place(allowed) -> None:
    given.people(2)
    page = reading.rows(allowed, PERSON, limit=1)
    mark = str(page.next).partition("-")[0]
    for place in ("x", "00", "zz" * 32, "'; --"):
        with pytest.raises(Refused, match="not a cursor"):
            reading.rows(allowed, PERSON, after=f"{mark}-{place}", limit=1)


def test_an_order_goes_with_its_last_reading_and_with_its_key(allowed) -> None:
    given.people(3)
    reading.rows(allowed, PERSON)
    now = timezone.now()
    assert orders.sweep(now) == 0
    assert orders.sweep(now + dt.timedelta(days=2)) == 1
    assert (Order.objects.count(), Place.objects.count()) == (0, 0)
    assert len(reading.rows(allowed, PERSON).rows) == 3
    Order.objects.update(key_version=0)
    assert orders.sweep(now) == 1
    assert Place.objects.count() == 0
