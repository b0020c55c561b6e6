# SPDX-License-Identifier: Apache-2.0
"""A grant for a period reaches only rows of that period; where a dataset has no time, it cannot be given, and says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from chengyun.access import predicates
from chengyun.access.actors import SYSTEM, Actor, Post
from chengyun.access.models import Grant, Organisation
from chengyun.access.policy import require_scope, scope
from chengyun.access.predicates import And, During, Everything, Or, Predicate, ValidIn
from chengyun.access.rulebook import rulebook
from chengyun.access.services import write_grant
from chengyun.errors import Refused

pytestmark = pytest.mark.django_db
SINCE, UNTIL = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
TIMELESS = sorted(key for key, facts in rulebook().datasets.items() if facts.kind != "entity" and not facts.time)


@pytest.fixture
def reader(db: None) -> Actor:
    body = Organisation.objects.create(key="period_body", name="时段局")
    return Actor(
        None, "某系统", body.key, frozenset({"resident"}), ("",), (Post("resident", body.key, "", frozenset({body.key})),)
    )


def parts_of(one: Predicate) -> Iterator[Predicate]:
    yield one
    if isinstance(one, And | Or):
        for part in one.parts:
            yield from parts_of(part)


@pytest.mark.parametrize("key", sorted(rulebook().datasets))
def test_every_dataset_keeps_to_the_period_or_refuses_it(reader: Actor, key: str) -> None:
    facts, body = rulebook().datasets[key], Organisation.objects.get(key="period_body")
    terms = {"purpose": "statistics", "until": dt.datetime(2099, 1, 1, tzinfo=dt.UTC)}
    if key in TIMELESS:
        with pytest.raises(Refused, match="没有时间，不能按时段授权"):
            write_grant(SYSTEM, key, body, rows_since=SINCE, rows_until=UNTIL, **terms)
        return
    given = write_grant(SYSTEM, key, body, rows_since=SINCE, rows_until=UNTIL, **terms)
    found = scope(reader, key, "statistics")
    if facts.open and not facts.masks:
        assert any(isinstance(layer.rows, Everything) for layer in found.layers), "anybody reads all of it anyhow"
        return
    mine = next(layer.rows for layer in found.layers if layer.grant == given.number)
    bounds = [one for one in parts_of(mine) if isinstance(one, During | ValidIn)]
    assert len(bounds) == 1
    early, inside = SINCE - dt.timedelta(days=90), SINCE + dt.timedelta(days=3)
    if facts.kind == "entity":
        rows = [
            {"area_code": "330203", "valid_from": at.date(), "valid_to": at.date() + dt.timedelta(1)} for at in (early, inside)
        ]
    else:
        rows = [{"area_code": "330203", facts.time: at} for at in (early, inside)]
        # A reader that has no time at hand sees none of what is granted for a period, rather than all of it.
        assert not predicates.matches(mine, rows[1])
        assert "FALSE" in predicates.as_sql(mine, dialect="postgres").text.upper()
    assert [predicates.matches(mine, row, time_field=facts.time or None) for row in rows] == [False, True]


@pytest.mark.parametrize("key", [*TIMELESS[:4], "areas"])
def test_a_period_whose_dataset_lost_its_time_is_said_to_its_holder(reader: Actor, key: str) -> None:
    body = Organisation.objects.get(key="period_body")
    one = Grant.objects.create(dataset=key, organisation=body, purpose="statistics", rows_since=SINCE)
    found = scope(reader, key, "statistics")
    assert one.number not in found.grants
    if not found.allowed:
        assert "没有时间，不能按时段读取" in found.because
        with pytest.raises(Refused, match="没有时间"):
            require_scope(reader, key, "statistics")


def test_rows_by_field_that_no_reader_can_tell_apart_are_refused_too(reader: Actor) -> None:
    body = Organisation.objects.get(key="period_body")
    Grant.objects.create(dataset="devices", organisation=body, purpose="statistics", rows={"kind": ["x"]})
    assert "不能按字段区分" in scope(reader, "devices", "statistics").because
