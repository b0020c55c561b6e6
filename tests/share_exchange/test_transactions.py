# SPDX-License-Identifier: Apache-2.0
"""What transactions of signed requests do to each other: ceilings kept, nothing counted that was not read, no two that wait for
each other."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
import time
from importlib import util
from pathlib import Path

import pytest
from django.db import connection

from chengyun.access.models import AuditRecord, Grant, GrantUse
from chengyun.errors import Refused
from chengyun.protocols.exchange import door
from chengyun.protocols.exchange.routes import ROUTES
from chengyun.share.exchange import messages, parties, serving
from chengyun.share.exchange.models import Nonce, Receipt
from chengyun.share.exchange.serving import Answer, Ask, answer_many
from chengyun.share.exchange.signing import Signing

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

PATH = "/exchange/v1/rows"


def asks(department, queries: list[str]) -> list[Ask]:
    """Requests for these rows, signed together where there are several."""
    signing = Signing(department.key)
    signing.shares = True

    async def all_of_them() -> list[tuple[dict[str, str], messages.Unsigned]]:
        return await asyncio.gather(*(signing.sign("GET", f"{given.ADDRESS}/rows?{query}") for query in queries))

    made = asyncio.run(all_of_them())
    return [
        Ask("GET", "node.test", PATH, query, {**headers, "host": "node.test"})
        for query, (headers, _) in zip(queries, made, strict=True)
    ]


def used(grant: Grant) -> int:
    return sum(GrantUse.objects.filter(grant=grant).values_list("reads", flat=True))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_first_group_of_a_day_is_held_to_the_ceiling_too(department, count: int) -> None:
    given.assets(3)
    grant = department.grant(given.DATASET, "statistics", frequency=2)
    before = Receipt.objects.count()
    told = answer_many(asks(department, [f"dataset={given.DATASET}&purpose=statistics&limit=1"] * count), ROUTES, parties.Known())
    assert sorted(one.status for one in told) == [200] * min(count, 2) + [429] * (count - 2)
    assert used(grant) == min(count, 2)
    assert Receipt.objects.count() == before + min(count, 2)


def test_a_read_that_one_of_its_grants_does_not_allow_is_counted_under_none(department) -> None:
    given.assets(3)
    tight = department.grant(given.DATASET, "statistics", frequency=1, area_code="330203000000")
    wide = department.grant(given.DATASET, "statistics", frequency=10, area_code="330205000000")
    known = parties.Known()  # remembers for a moment that there is something to read
    query = f"dataset={given.DATASET}&purpose=statistics&limit=1"
    told = [answer_many(asks(department, [query] * count), ROUTES, known) for count in (1, 1, 2)]
    assert [[one.status for one in group] for group in told] == [[200], [429], [429, 429]]
    assert (used(tight), used(wide)) == (1, 1)


def test_a_page_that_is_refused_at_the_ceiling_is_recorded_of_nobody(department) -> None:
    given.people(2)
    tight = department.grant("population.person", "statistics", frequency=1, area_code="330203000000")
    wide = department.grant("population.person", "statistics", frequency=10, area_code="330205000000")
    known, query = parties.Known(), "dataset=population.person&purpose=statistics&limit=2"
    scope = known.scope(department.party, "population.person", "statistics")
    assert answer_many(asks(department, [query]), ROUTES, known)[0].status == 200
    before, page = AuditRecord.objects.count(), serving.reading.rows(scope, "population.person", limit=2)
    assert len(page.rows) == 2
    for _ in range(2):
        with pytest.raises(Refused, match="次数已用完"):
            serving.note_read(scope, page, first=True)
    assert AuditRecord.objects.count() == before
    assert (used(tight), used(wide)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_groups_that_read_by_the_same_grants_in_another_order_do_not_wait_for_each_other(department, monkeypatch) -> None:
    given.assets(3)
    given.people(3)
    datasets = [given.DATASET, "population.person"]
    granted = [department.grant(dataset, purpose) for dataset in datasets for purpose in ("statistics", "duty")]
    queries = [f"dataset={one.dataset}&purpose={one.purpose}&limit=1" for one in granted]
    wrong: list[Exception] = []
    once, begun = serving._answer_all, threading.Barrier(2)

    def watched(*given, **named) -> list[Answer]:
        try:
            return once(*given, **named)
        except Exception as one:
            wrong.append(one)
            raise

    noted = serving.receipts.write

    def slowly(beside) -> None:
        noted(beside)
        time.sleep(0.01)

    monkeypatch.setattr(serving, "_answer_all", watched)
    monkeypatch.setattr(serving.receipts, "write", slowly)
    told: list[Answer] = []

    def ask(order: list[str]) -> None:
        try:
            known = parties.Known()
            begun.wait(60)
            for _ in range(8):
                told.extend(answer_many(asks(department, order), ROUTES, known))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(order,)) for order in (queries, queries[::-1])]
    deadlocks = _deadlocks()
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    assert [one.status for one in told] == [200] * 64
    assert (wrong, _deadlocks() - deadlocks) == ([], 0)
    assert [used(one) for one in granted] == [16] * 4


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_who_repeats_what_was_taken_does_not_have_every_group_done_twice(department, monkeypatch) -> None:
    given.assets(3)
    department.grant(given.DATASET)
    query, known, done = f"dataset={given.DATASET}&limit=1", parties.Known(), []
    every = serving._answer_all
    monkeypatch.setattr(serving, "_answer_all", lambda *given, **named: done.append(named["look"]) or every(*given, **named))
    (old,) = asks(department, [query])
    assert answer_many([old], ROUTES, known)[0].status == 200
    done.clear()
    before = Receipt.objects.count()
    for _ in range(5):
        told = answer_many([*asks(department, [query] * 3), old], ROUTES, known)
        assert [one.status for one in told] == [200, 200, 200, 401]
    assert done == [False, *[True] * 5]
    assert Receipt.objects.count() == before + 15
    # It ends some time after the last of them.
    later = time.monotonic() + parties.LOOKS_FOR_S + 60
    monkeypatch.setattr(parties.time, "monotonic", lambda: later)
    done.clear()
    answer_many(asks(department, [query] * 3), ROUTES, known)
    assert done == [False]


def test_a_root_is_remembered_for_as_long_as_the_last_message_under_it_could_be_taken(department) -> None:
    given.assets(3)
    department.grant(given.DATASET)
    first, second = asks(department, [f"dataset={given.DATASET}&limit=1"] * 2)
    begun = dt.datetime.now(dt.UTC)
    late = begun + dt.timedelta(seconds=290)
    assert answer_many([first], ROUTES, parties.Known(), begun)[0].status == 200
    assert answer_many([second], ROUTES, parties.Known(), late)[0].status == 200
    assert Nonce.objects.latest("at").at == late
    parties.forget_nonces(begun + dt.timedelta(seconds=2 * messages.WINDOW_S + 200))
    told = answer_many([second, second], ROUTES, parties.Known(), late)
    assert [json.loads(one.body)["code"] for one in told] == ["replayed", "replayed"]


@pytest.mark.parametrize(
    ("address", "slow"),
    [
        ("/rows?dataset=population.person", False), ("/rows?dataset=population.person&limit=200", False),
        ("/rows?dataset=population.person&limit=201", True), ("/rows?dataset=population.person&limit=%C2%B2", True),
        ("/changes?dataset=none&since=0", False), ("/subscriptions/1/changes", True), ("/receipts", True), ("/digests", True),
    ],
)  # fmt: skip
def test_what_may_take_long_or_writes_comes_by_itself(address: str, slow: bool) -> None:
    path, _, query = address.partition("?")
    assert door._is_slow(Ask("GET", "node.test", f"{serving.PREFIX}{path}", query, {})) is slow
    assert door._is_slow(Ask("POST", "node.test", f"{serving.PREFIX}{path}", query, {}))


def test_that_there_is_nothing_to_read_is_asked_of_the_policy_once_a_second(department, monkeypatch) -> None:
    given.assets(3)
    asked: list[tuple[str, str]] = []
    real = parties.scope_of
    monkeypatch.setattr(parties, "scope_of", lambda party, *given, **named: asked.append(given) or real(party, *given, **named))
    known, query = parties.Known(), f"dataset={given.DATASET}&limit=1&purpose="
    told = [answer_many(asks(department, [query] * count), ROUTES, known) for count in (8, 1)]
    assert {one.status for group in told for one in group} == {404}
    assert asked == [(given.DATASET, "")]
    # What nobody can be granted does not fill the memory.
    answer_many(asks(department, [f"{query}{'x' * 200}"] * 2), ROUTES, known)
    assert len(known._scopes) == 1
    # What is granted is seen a second later.
    department.grant(given.DATASET)
    monkeypatch.setattr(parties.time, "monotonic", lambda now=time.monotonic: now() + 1)
    assert answer_many(asks(department, [query]), ROUTES, known)[0].status == 200


def test_what_takes_its_time_is_looked_for_first_and_what_is_small_is_not(department, monkeypatch) -> None:
    given.assets(3)
    department.grant(given.DATASET)
    query, looked = f"dataset={given.DATASET}&limit=1", []
    every = serving._answer_all
    monkeypatch.setattr(serving, "_answer_all", lambda *args, **named: looked.append(named["look"]) or every(*args, **named))
    for known, first in ((parties.Known(), [False]), (parties.Known(looks=True), [True])):
        (one,) = asks(department, [query])
        assert answer_many([one], ROUTES, known)[0].status == 200
        assert looked == first
        again = answer_many([one], ROUTES, known)[0]
        assert (again.status, json.loads(again.body)["code"]) == (401, "replayed")
        looked.clear()
