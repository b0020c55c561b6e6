# SPDX-License-Identifier: Apache-2.0
"""Counting a period from recorded cases, publishing it, correcting it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Count

from chengyun.access.actors import SYSTEM
from chengyun.cases.evaluation.counted import BIT
from chengyun.cases.evaluation.doubt import SIGNS
from chengyun.cases.evaluation.models import Edition, Fact, Standing
from chengyun.cases.evaluation.services import count, month_of, publish, verify
from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case, CaseEvent, CaseStage
from chengyun.errors import Refused

from .conftest import NOVEMBER, OCTOBER, TYPE, ZONE

pytestmark = pytest.mark.django_db


def brute(unit: str) -> dict[str, int]:
    """Count a department's October the slow way: case by case, by the words of the reference."""
    since, until = (dt.datetime.combine(day, dt.time(), ZONE) for day in (OCTOBER[0], OCTOBER[1] + dt.timedelta(days=1)))
    found = dict.fromkeys(("handle_due", "handled", "handled_on_time", "overdue_open"), 0)
    for case in Case.objects.filter(department__key=unit):
        stays = list(CaseStage.objects.filter(case=case, entered_at__lt=until).order_by("entered_at", "id"))
        at = max((place for place, stay in enumerate(stays) if stay.state == "handling"), default=None)
        if at is None:
            continue
        work, then = stays[at], stays[at + 1].state if at + 1 < len(stays) else ""
        done = work.left_at if then == "to_check" else None
        if since <= min(done or work.due_at, work.due_at) < until:
            found["handle_due"] += 1
            found["handled"] += done is not None
            found["handled_on_time"] += done is not None and done <= work.due_at
            found["overdue_open"] += done is None
    return found


def test_the_set_counts_what_a_person_would(october: Edition) -> None:
    for unit in ("d1",):
        row = Standing.objects.get(edition=october, profile="department_jinniu", unit=unit)
        expected = brute(unit)
        assert {key: row.result["counts"].get(key, 0) for key in expected} == expected
        assert expected["handle_due"] > 50


def test_every_case_is_due_in_exactly_one_period(quarter) -> None:
    months = [(dt.date(2026, month, 1), dt.date(2026, month, last)) for month, last in ((8, 31), (9, 30), (10, 31), (11, 30))]
    editions = [count(TYPE, *month, SYSTEM, dt.datetime(2026, 12, 5, tzinfo=ZONE)) for month in months]
    due = Fact.objects.filter(edition__in=editions, dimension="department").extra(
        where=["counted & %s <> 0"], params=[1 << BIT["handle_due"]]
    )  # fmt: skip
    # Work that is found undone after the period's end is judged anew, in the period in which it is done again.
    twice = due.filter(case__rework=0).values("case").annotate(times=Count("id")).filter(times__gt=1)
    assert twice.count() == 0
    assert due.values("case").distinct().count() == Case.objects.exclude(department=None).count()


def test_departments_areas_and_posts_each_have_their_table(october: Edition) -> None:
    tables = set(Standing.objects.filter(edition=october).values_list("profile", "level").distinct())
    assert {("area", "district"), ("area", "street"), ("department_jinniu", ""), ("dispatcher", ""), ("chief", "")} <= tables


def test_what_is_published_stays(october: Edition) -> None:
    published = publish(october.pk, SYSTEM, NOVEMBER)
    assert published.digest
    assert verify(published)
    for change in (
        lambda: Fact.objects.filter(edition=october).update(counted=0),
        lambda: Standing.objects.filter(edition=october).delete(),
        lambda: Edition.objects.filter(pk=october.pk).update(note="anders"),
        lambda: Standing.objects.create(edition=october, profile="x", unit="x", name="x", result={}),
    ):
        with pytest.raises(DatabaseError, match=r"frozen|Cannot"), transaction.atomic():
            change()
    with pytest.raises(Refused):
        publish(october.pk, SYSTEM, NOVEMBER)


def test_a_correction_is_a_new_edition_and_says_why(october: Edition) -> None:
    publish(october.pk, SYSTEM, NOVEMBER)
    before = list(Standing.objects.filter(edition=october).values_list("unit", "profile", "level", "value"))
    again = count(TYPE, *OCTOBER, SYSTEM, NOVEMBER + dt.timedelta(days=1))
    assert (again.number, again.follows_id) == (2, october.pk)
    with pytest.raises(Refused):
        publish(again.pk, SYSTEM, NOVEMBER)
    publish(again.pk, SYSTEM, NOVEMBER, note="补录一件")
    assert list(Standing.objects.filter(edition=october).values_list("unit", "profile", "level", "value")) == before
    assert verify(Edition.objects.get(pk=october.pk))


def test_a_draft_gives_way_to_the_next_count(october: Edition) -> None:
    again = count(TYPE, *OCTOBER, SYSTEM, NOVEMBER)
    assert again.number == 1
    assert not Edition.objects.filter(pk=october.pk).exists()


def test_counting_twice_gives_the_same(october: Edition) -> None:
    columns = ("profile", "level", "unit", "value", "low", "fair", "order", "result")
    first = list(Standing.objects.filter(edition=october).order_by("profile", "level", "unit").values_list(*columns))
    again = count(TYPE, *OCTOBER, SYSTEM, NOVEMBER)
    assert list(Standing.objects.filter(edition=again).order_by("profile", "level", "unit").values_list(*columns)) == first


def test_who_says_that_nothing_was_mended_is_heard_though_no_rating_is_left(october: Edition) -> None:
    closed = Fact.objects.filter(edition=october, dimension="department", shown__gte=0, case__closed_at__isnull=False)
    # Two bits for each sign in the order of doubt.SIGNS: 0 not shown, 1 shown, 2 could not be seen.
    at = 2 * list(SIGNS).index("disagrees")
    case = next(one.case for one in closed.select_related("case").order_by("case_id") if one.shown >> at & 3 == 2)
    assert case.closed_at is not None
    hour = dt.timedelta(hours=1)
    Report.objects.create(number="T1", link_salt="s", channel="web", text="没修", received_at=case.opened_at, case=case)
    CaseEvent.objects.create(case=case, kind="contradicted", at=case.closed_at + hour, note="还是老样子")
    again = count(TYPE, *OCTOBER, SYSTEM, NOVEMBER)
    assert Fact.objects.get(edition=again, dimension="department", case=case).shown >> at & 3 == 1


def test_a_period_that_has_not_ended_is_not_published(quarter) -> None:
    draft = count(TYPE, *OCTOBER, SYSTEM, dt.datetime(2026, 10, 15, tzinfo=ZONE))
    with pytest.raises(Refused):
        publish(draft.pk, SYSTEM, dt.datetime(2026, 10, 15, tzinfo=ZONE))


@pytest.mark.parametrize("text", ["2026", "2026-13", "26-10", "2026-10-01", "x"])
def test_a_month_is_written_one_way(text: str) -> None:
    with pytest.raises(Refused):
        month_of(text)
    assert month_of("2026-02") == (dt.date(2026, 2, 1), dt.date(2026, 2, 28))
