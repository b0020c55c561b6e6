# SPDX-License-Identifier: Apache-2.0
"""Who sees what failed, and of whom."""

from __future__ import annotations

import datetime as dt

import pytest

from chengyun.access.actors import Actor
from chengyun.access.models import Grant, Organisation
from chengyun.collect.quality import queries
from chengyun.collect.quality.models import Finding, Score
from chengyun.errors import NotFound

PERSON, DAY = "population.person", dt.date(2026, 11, 21)
NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)


def test_who_is_shown_persons_under_pseudonyms_sees_how_good_a_register_is_and_no_key_of_it(db: None) -> None:
    body = Organisation.objects.create(key="sports", name="体育局")
    reader = Actor(None, "reader", "sports", frozenset({"data_steward"}), ("",))
    Score.objects.create(
        dataset=PERSON, day=DAY, rule="codes", dimension="conformity", weight=1, checked=9, failed=1, computed_at=NOW
    )
    found = Finding.objects.create(
        dataset=PERSON,
        rule="codes",
        dimension="conformity",
        subject="P00000001",
        area_code="330203",
        day=DAY,
        count=1,
        found_at=NOW,
    )
    with pytest.raises(NotFound):
        queries.findings(reader, PERSON)
    grant = Grant.objects.create(dataset=PERSON, organisation=body, purpose="quality", shown={"name": "pseudonym"})
    assert queries.newest_total(reader, PERSON) is not None
    assert queries.findings(reader, PERSON) == []
    with pytest.raises(NotFound):
        queries.access_finding(reader, found.pk)
    Grant.objects.filter(pk=grant.pk).update(shown={"name": "masked"})
    assert queries.findings(reader, PERSON) == [found]
