# SPDX-License-Identifier: Apache-2.0
"""Copies of signed requests in the lanes of two servers at once, and a database that breaks off: each is taken once or not at
all, and whatever was answered is written, once."""

from __future__ import annotations

import asyncio
import base64
import collections
import datetime as dt
import json
import random
import threading
import time
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection

from chengyun.access import subjects
from chengyun.access.models import AuditRecord, GrantUse
from chengyun.protocols.exchange import door
from chengyun.protocols.exchange.lanes import Lanes
from chengyun.protocols.exchange.routes import ROUTES
from chengyun.share.exchange import entries, messages, parties, receipts
from chengyun.share.exchange.models import BulkFile, Nonce, Receipt, Subscription
from chengyun.share.exchange.serving import Answer, Ask, answer_many
from chengyun.share.exchange.signing import Signing
from chengyun.share.ledger import checks, sequence

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

PERSON = "population.person"
READ = {"dataset": PERSON, "purpose": "statistics"}


def signed(department, wanted: list[tuple[str, str, str, Any]]) -> list[Ask]:
    """Requests under one root: (method, path, query, value)."""
    signing = Signing(department.key)
    signing.shares = True
    bodies = [b"" if value is None else json.dumps(value).encode() for *_, value in wanted]

    async def all_of_them() -> list[tuple[dict[str, str], messages.Unsigned]]:
        return await asyncio.gather(*(
            signing.sign(method, f"{given.ADDRESS}{path}" + (f"?{query}" if query else ""), body)
            for (method, path, query, _), body in zip(wanted, bodies, strict=True)
        ))  # fmt: skip

    return [
        Ask(method, "node.test", f"/exchange/v1{path}", query, {**headers, "host": "node.test"}, body)
        for (method, path, query, _), body, (headers, _) in zip(wanted, bodies, asyncio.run(all_of_them()), strict=True)
    ]


def sent(servers: list[Lanes], asks: list[Ask]) -> list[Answer | Exception]:
    """What several servers answer to requests that come to them at once, one after the other of them."""

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(
            *(servers[at % len(servers)].answer(one, slow=door._is_slow(one)) for at, one in enumerate(asks)),
            return_exceptions=True,
        )

    return asyncio.run(all_of_them())


@pytest.fixture
def servers(transactional_db):
    made = [Lanes(ROUTES), Lanes(ROUTES)]
    yield made
    for one in made:
        one.close()
        for thread in one._threads:
            thread.join(60)


def _wrote() -> dict[str, int]:
    models = (Receipt, Subscription, BulkFile, Nonce)
    return {one.__name__: one.objects.count() for one in models} | {
        "reads": sum(GrantUse.objects.values_list("reads", flat=True)),
        "rows": sum(GrantUse.objects.values_list("rows", flat=True)),
        "countersigned": Receipt.objects.exclude(countersigned_at=None).count(),
    }


def _shown(after: int) -> collections.Counter[object]:
    """How many were shown by records after one: of each record's subjects, by the number that its detail speaks of."""
    found: collections.Counter[object] = collections.Counter()
    for record in AuditRecord.objects.filter(pk__gt=after, action="read", dataset=PERSON):
        found["rows"] += record.detail["rows"]
        found["reads"] += record.detail["reads"]
        ids = [ids for _, ids in subjects.kept(record.pk, record.pk)]
        assert subjects.holds(json.dumps(record.detail["subjects"]), ids[0])
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_copies_in_all_lanes_of_two_servers_one_is_taken(department, servers: list[Lanes], seed: int) -> None:
    chance = random.Random(seed)
    given.people(8)
    grant = department.grant(PERSON, "statistics")
    first = department.client.get("/rows", **READ, limit=1)
    said = receipts.said_by_consumer(first.leaf, department.key.key_id, dt.datetime.now(dt.UTC))
    word = {"countersignature": said, "signature": department.key.sign(receipts.canonical(said)).hex()}
    before, record = _wrote(), AuditRecord.objects.latest("pk").pk
    reading = "&".join(f"{name}={value}" for name, value in READ.items())
    wanted: list[tuple[str, str, str, Any]] = [
        *(("GET", "/rows", f"{reading}&limit=1&after=p{at % 7:05}", None) for at in range(24)),
        *(("GET", "/rows", f"{reading}&limit=201", None) for _ in range(2)),
        ("GET", "/changes", f"{reading}&limit=2&since=0", None),
        ("POST", "/subscriptions", "", {**READ, "since": 0}), ("POST", "/files", "", READ),
        ("POST", f"/receipts/{said['receipt']}/countersignature", "", word),
    ]  # fmt: skip
    asks = [one for _ in range(2) for one in signed(department, wanted)]
    copies = asks * 3
    chance.shuffle(copies)
    told = sent(servers, copies)
    taken: collections.Counter[int] = collections.Counter()
    rows = 0
    for ask, answer in zip(copies, told, strict=True):
        assert isinstance(answer, Answer), answer
        if answer.status == 401:
            assert json.loads(answer.body)["code"] == "replayed"
            continue
        assert answer.status in (200, 201, 202)
        taken[id(ask)] += 1
        if "exchange-receipt" in answer.headers:
            receipt = entries.parse(base64.b64decode(answer.headers["exchange-receipt"]))
            assert Receipt.objects.filter(number=receipt["id"], rows=receipt["rows"]).exists()
            rows += receipt["rows"]
    assert taken == {id(one): 1 for one in asks}
    after = _wrote()
    assert {name: after[name] - before[name] for name in after} == {
        "Receipt": 54, "Subscription": 2, "BulkFile": 2, "Nonce": 2, "reads": 6, "rows": rows, "countersigned": 1,
    }  # fmt: skip
    assert _shown(record) == {"reads": 54, "rows": rows}
    assert GrantUse.objects.get(grant=grant).rows == after["rows"]
    sequence("exchange")
    assert checks.check("exchange").holds


@pytest.mark.django_db(transaction=True)
def test_what_a_database_that_breaks_off_has_not_committed_is_not_answered(department, servers: list[Lanes]) -> None:
    given.people(8)
    grant = department.grant(PERSON, "statistics")
    answer_many(
        signed(department, [("GET", "/rows", "dataset=population.person&purpose=statistics&limit=1", None)] * 2),
        ROUTES,
        parties.Known(),
    )
    before, record = _wrote(), AuditRecord.objects.latest("pk").pk
    reading = "&".join(f"{name}={value}" for name, value in READ.items())
    over, killed, chance = threading.Event(), [], random.Random(3)

    def kill() -> None:
        """End what another connection has begun and not committed, again and again."""
        try:
            while len(killed) < 12 and not over.wait(chance.uniform(0.01, 0.2)):
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
                    )
                    killed.extend(cursor.fetchall())
        finally:
            connection.close()

    killer = threading.Thread(target=kill)
    killer.start()
    answered: list[str] = []
    rows, refused = 0, 0
    end = time.monotonic() + 300
    try:
        while (len(killed) < 12 or len(answered) < 60) and time.monotonic() < end:
            asks = signed(department, [
                *(("GET", "/rows", f"{reading}&limit=1&after=p{at % 7:05}", None) for at in range(16)),
                *(("GET", "/rows", f"{reading}&limit=201", None) for _ in range(2)),
            ])  # fmt: skip
            for answer in sent(servers, asks * 2):
                if isinstance(answer, Exception) or answer.status != 200:
                    assert isinstance(answer, DatabaseError) or answer.status == 401, answer
                    refused += 1
                    continue
                receipt = entries.parse(base64.b64decode(answer.headers["exchange-receipt"]))
                answered.append(receipt["id"])
                rows += receipt["rows"]
    finally:
        over.set()
        killer.join(60)
    assert len(killed) >= 12
    assert len(set(answered)) == len(answered) >= 60
    assert Receipt.objects.filter(number__in=answered).count() == len(answered)
    # An answer may be lost after its commit, so that more is written than was answered; nothing is written half.
    after = _wrote()
    wrote = {name: after[name] - before[name] for name in after}
    assert wrote["Receipt"] >= len(answered)
    every = sum(Receipt.objects.values_list("rows", flat=True))
    assert GrantUse.objects.get(grant=grant).rows == every
    assert _shown(record) == {"reads": wrote["Receipt"], "rows": wrote["rows"]}
    assert wrote["rows"] >= rows
    sequence("exchange")
    assert checks.check("exchange").holds
    # The lanes go on.
    last = sent(servers, signed(department, [("GET", "/rows", f"{reading}&limit=1", None)] * 4))
    assert {one.status for one in last if isinstance(one, Answer)} == {200}
    assert len(last) == 4


@pytest.mark.django_db(transaction=True)
def test_a_ceiling_lets_so_many_through_two_servers_and_no_more(department, servers: list[Lanes]) -> None:
    given.people(8)
    tight = department.grant(PERSON, "statistics", frequency=11, area_code="330203000000")
    wide = department.grant(PERSON, "statistics", frequency=1000, area_code="330205000000")
    before, record = _wrote(), AuditRecord.objects.latest("pk").pk
    reading = "&".join(f"{name}={value}" for name, value in READ.items())
    asks = signed(department, [
        *(("GET", "/rows", f"{reading}&limit=3", None) for _ in range(48)),
        *(("GET", "/rows", f"{reading}&limit=201", None) for _ in range(6)),
    ])  # fmt: skip
    random.Random(7).shuffle(asks)
    told = collections.Counter(one.status if isinstance(one, Answer) else type(one).__name__ for one in sent(servers, asks))
    assert told == {200: 11, 429: 43}
    assert [GrantUse.objects.get(grant=one).reads for one in (tight, wide)] == [11, 11]
    after = _wrote()
    rows = sum(Receipt.objects.values_list("rows", flat=True))
    assert (after["Receipt"] - before["Receipt"], after["Nonce"] - before["Nonce"]) == (11, 1)
    assert _shown(record) == {"reads": 11, "rows": rows}
    assert [GrantUse.objects.get(grant=one).rows for one in (tight, wide)] == [rows, rows]


@pytest.mark.parametrize(
    ("method", "path", "query", "value", "status"),
    [
        ("GET", "/catalogue", "after=a%00b", None, 400), ("POST", "/files", "", {**READ, "since": 10**30}, 400),
        ("POST", "/files", "", {**READ, "dataset": "\ud800"}, 400), ("POST", "/files", "", {**READ, "dataset": "\0"}, 404),
        ("POST", "/subscriptions", "", {**READ, "dataset": "\ud800"}, 400), ("POST", "/subscriptions", "", [], 400),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(department, method: str, path: str, query: str, value: Any, status: int) -> None:
    (ask, _) = signed(department, [(method, path, query, value)] * 2)
    assert answer_many([ask], ROUTES, parties.Known())[0].status == status
