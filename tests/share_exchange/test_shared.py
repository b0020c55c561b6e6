# SPDX-License-Identifier: Apache-2.0
"""Messages of one moment under one signature: for those who take it, and to them as good as one each."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import json
import random
import threading
import time
from importlib import util
from pathlib import Path

import pytest
from django.db import connection, transaction

from chengyun.access import subjects
from chengyun.access.keystore import signing_key
from chengyun.access.models import AuditRecord, GrantUse
from chengyun.errors import Refused
from chengyun.protocols.exchange.routes import ROUTES
from chengyun.share.exchange import answers, entries, messages, parties, receipts
from chengyun.share.exchange.models import Nonce, Receipt
from chengyun.share.exchange.serving import Answer, Ask, answer_many
from chengyun.share.exchange.signing import Signing
from chengyun.share.ledger import verifier

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

QUERY = f"dataset={given.DATASET}&limit=1"
URL = f"{given.ADDRESS}/rows?{QUERY}"
PATH = "/exchange/v1/rows"


def signed(department, signing: Signing, count: int) -> list[tuple[dict[str, str], messages.Unsigned]]:
    """Requests of one turn of the event loop."""

    async def all_of_them() -> list[tuple[dict[str, str], messages.Unsigned]]:
        return await asyncio.gather(*(signing.sign("GET", f"{URL}&after=s{at:04}") for at in range(count)))

    return asyncio.run(all_of_them())


def ask(headers: dict[str, str], at: int = 0) -> Ask:
    return Ask("GET", "node.test", PATH, f"{QUERY}&after=s{at:04}", {**headers, "host": "node.test"})


def answered(department, answer: Answer, asked: messages.Unsigned, /, **changed) -> bytes:
    """The receipt's entry, once the answer was checked as a consumer does."""
    node = signing_key("node")
    given_by = {
        "status": answer.status, "headers": answer.headers, "body": answer.body, "asked": asked,
        "consumer_key": department.key.key_id, "pinned": {node.key_id: node.public}, "now": int(time.time()),
    }  # fmt: skip
    return answers.checked(**{**given_by, **changed})


def test_what_is_asked_together_is_signed_together_and_each_is_proved_alone(department) -> None:
    given.assets(12)
    department.grant(given.DATASET)
    signing = Signing(department.key)
    first = signed(department, signing, 3)
    assert {messages.SHARED in headers["signature-input"] for headers, _ in first} == {False}
    asks = [ask(headers, at) for at, (headers, _) in enumerate(first)]
    plain = Ask("GET", "node.test", PATH, QUERY, {**messages.sign_request(
        "GET", URL, b"", key_id=department.key.key_id, algorithm="ed25519", sign=department.key.sign, created=int(time.time())
    ), "host": "node.test"})  # fmt: skip
    told = answer_many([*asks, plain], ROUTES, parties.Known())
    # Who said nothing gets what it ever got; who takes shared signatures gets them, and hears that the node takes them, too.
    assert 'alg="ed25519"' in told[3].headers["signature-input"]
    assert "accept-signature" not in told[3].headers
    old = json.loads(base64.b64decode(told[3].headers["exchange-receipt"]))
    assert (old["receipt"]["version"], len(old["signature"])) == (1, 128)
    for answer, (_, asked) in zip(told[:3], first, strict=True):
        # The receipt is the answer's signature.
        assert set(answer.headers) == {"exchange-receipt", "accept-signature"}
        assert answered(department, answer, asked)
        signing.heard(answer.status, answer.headers)
    assert signing.shares

    second = signed(department, signing, 5)
    assert all('alg="ed25519-shared"' in headers["signature-input"] for headers, _ in second)
    told = answer_many([ask(headers, at) for at, (headers, _) in enumerate(second)], ROUTES, parties.Known())
    node, files = signing_key("node"), []
    for at, (answer, (_, asked)) in enumerate(zip(told, second, strict=True)):
        receipt = entries.parse(answered(department, answer, asked))
        assert (receipt["version"], set(answer.headers)) == (2, {"exchange-receipt"})
        assert json.loads(answer.body)["rows"][0]["key"] == f"s{at + 1:04}"
        files.append(receipts.bundle(receipt["id"]))
    base = messages.read_signature("GET", "node.test", PATH, f"{QUERY}&after=s0002", second[2][0], b"").base
    file, body = files[2], told[2].body
    done = verifier.verify(file, body, (node.key_id, department.key.key_id), base)
    assert any("Asked for by" in one for one in done.says)
    # One byte of the file, of the rows or of what was asked: found. Another's message or answer of the same tree: found.
    for what, check in (
        (file, lambda changed: verifier.verify(changed)), (body, lambda changed: verifier.verify(file, changed)),
        (base, lambda changed: verifier.verify(file, None, (), changed)),
    ):  # fmt: skip
        for place in range(len(what)):
            with pytest.raises((verifier.Wrong, verifier.NoReceipt)):
                check(what[:place] + bytes([what[place] ^ 1]) + what[place + 1 :])
    for wrong in (told[1].body, told[0].body):
        with pytest.raises(verifier.Wrong, match="The rows are not those"):
            verifier.verify(file, wrong)
    department.client.countersign(base64.b64decode(told[2].headers["exchange-receipt"]))
    assert len(verifier.verify(receipts.bundle(done.receipt["id"]), body, (), base).says) == 7


def test_a_receipt_is_checked_in_the_form_its_version_names(department) -> None:
    given.assets(3)
    department.grant(given.DATASET)
    signing = Signing(department.key)
    asks = [ask(headers, at) for at, (headers, _) in enumerate(signed(department, signing, 2))]
    leaf = base64.b64decode(answer_many(asks, ROUTES, parties.Known())[0].headers["exchange-receipt"])
    file = json.loads(receipts.bundle(entries.parse(leaf)["id"]))
    node = signing_key("node")

    def says(version: object, signature: str) -> str:
        receipt = {**file["entry"]["receipt"], "version": version}
        entry = verifier.canonical({"receipt": receipt, "signature": signature})
        assert entries.signed_by(entry, {node.key_id: node.public}) is None
        with pytest.raises(verifier.Wrong) as wrong:
            verifier.verify(verifier.canonical({**file, "entry": json.loads(entry)}) + b"\n")
        return str(wrong.value)

    own = node.sign(verifier.canonical(file["entry"]["receipt"])).hex()
    assert "not in hex" in says(1, file["entry"]["signature"])
    assert "it is of a tree of" in says(2, own)
    for version in (3, 0, "2", None, True):
        assert "this program checks 1 and 2" in says(version, own)


def test_a_shared_request_holds_for_itself_alone_and_once(department) -> None:
    given.assets(3)
    department.grant(given.DATASET)
    signing = Signing(department.key)
    signing.shares = True
    made = signed(department, signing, 3)

    def code(headers: dict[str, str], at: int) -> str:
        return str(json.loads(answer_many([ask(headers, at)], ROUTES, parties.Known())[0].body).get("code", "taken"))

    assert code(made[0][0], 0) == "taken"
    assert code(made[0][0], 0) == "replayed"
    assert code(made[1][0], 2) == "signature"
    # One's way to the root under another's parameters; the form of one message under the name of the other; a longer way.
    assert code({**made[1][0], "signature": made[2][0]["signature"]}, 1) == "signature"
    for old, new in (("ed25519-shared", "ed25519"), ("ed25519-shared", "sm2-sm3-shared")):
        assert code({**made[1][0], "signature-input": made[1][0]["signature-input"].replace(old, new)}, 1) == "signature"
    single = Signing(department.key)
    (alone,) = signed(department, single, 1)
    said = alone[0]["signature-input"].replace('"ed25519"', '"ed25519-shared"')
    assert code({**alone[0], "signature-input": said}, 0) == "signature"
    raw = base64.b64decode(made[1][0]["signature"][6:-1])
    for wrong in (raw[:4] + bytes(32) + raw[4:], raw[:4] + bytes(32 * 40) + raw[-64:], raw[-64:]):
        header = f"sig1=:{base64.b64encode(wrong).decode()}:"
        assert code({**made[1][0], "signature": header}, 1) == "signature"
    assert code(made[1][0], 1) == "taken"
    # A key that no longer speaks for anybody does not by a root that was found signed before.
    from chengyun.access.actors import SYSTEM

    parties.end(SYSTEM, department.key.key_id)
    assert code(made[2][0], 2) == "signature"


def test_each_of_those_signed_together_is_taken_once_in_whatever_groups_they_come(department) -> None:
    chance = random.Random(11)
    signing = Signing(department.key)
    signing.shares = True
    given.assets(3)
    department.grant(given.DATASET)
    made = [signed(department, signing, count) for count in (7, 2, 1, 12)]
    coming = [ask(headers, at) for group in made for at, (headers, _) in enumerate(group)] * 2
    chance.shuffle(coming)
    taken: list[Ask] = []
    known, before = Nonce.objects.count(), Receipt.objects.count()
    while coming:
        together = [coming.pop() for _ in range(min(chance.randint(1, 6), len(coming)))]
        for one, answer in zip(together, answer_many(together, ROUTES, parties.Known()), strict=True):
            if one in taken:
                assert (answer.status, json.loads(answer.body)["code"]) == (401, "replayed")
            else:
                assert answer.status == 200
                taken.append(one)
    assert len(taken) == 22
    assert Receipt.objects.count() == before + len(taken)
    assert Nonce.objects.count() == known + len(made)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("commits", [True, False])
def test_what_two_transactions_are_asked_at_once_one_of_them_takes(department, count, commits) -> None:
    given.assets(3)
    department.grant(given.DATASET)
    signing = Signing(department.key)
    signing.shares = True
    asks = [ask(headers, at) for at, (headers, _) in enumerate(signed(department, signing, count))]
    checked = [messages.read_signature("GET", "node.test", PATH, one.query, one.headers, b"") for one in asks]
    told: list[Answer] = []

    def other() -> None:
        try:
            told.extend(answer_many(asks, ROUTES, parties.Known()))
        finally:
            connection.close()

    before = Receipt.objects.count()
    thread = threading.Thread(target=other)
    with contextlib.suppress(KeyError), transaction.atomic():
        _, seen = parties.admit_many(checked, dt.datetime.now(dt.UTC), parties.Known(), look=True)
        parties.take(seen, dt.datetime.now(dt.UTC))
        thread.start()
        _wait_until_somebody_waits()
        if not commits:
            raise KeyError
    thread.join(60)
    assert [one.status for one in told] == [401 if commits else 200] * count
    assert {json.loads(one.body).get("code", "taken") for one in told} == {"replayed" if commits else "taken"}
    assert Receipt.objects.count() == before + (0 if commits else count)


def _wait_until_somebody_waits() -> None:
    """Until another connection is held up by what this transaction has written."""
    end = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_reads_of_a_group_are_counted_up_to_the_ceiling_and_recorded_by_name(department) -> None:
    given.people(5)
    grant = department.grant("population.person", "statistics", frequency=3)
    signing = Signing(department.key)
    signing.shares = True
    query = "dataset=population.person&purpose=statistics&limit=1&after="

    async def all_of_them(count: int) -> list[tuple[dict[str, str], messages.Unsigned]]:
        return await asyncio.gather(
            *(signing.sign("GET", f"{given.ADDRESS}/rows?{query}p{at:05}") for at in range(count))
        )  # fmt: skip

    def answers_to(count: int) -> list[Answer]:
        made = asyncio.run(all_of_them(count))
        asks = [
            Ask("GET", "node.test", PATH, f"{query}p{at:05}", {**headers, "host": "node.test"})
            for at, (headers, _) in enumerate(made)
        ]
        return answer_many(asks, ROUTES, parties.Known())

    receipts_before, records = Receipt.objects.count(), AuditRecord.objects.filter(dataset="population.person", action="read")
    before = set(records.values_list("pk", flat=True))
    assert [one.status for one in answers_to(2)] == [200, 200]
    (record,) = records.exclude(pk__in=before)
    assert (record.detail["reads"], record.detail["rows"], record.detail["subjects"]["count"]) == (2, 2, 2)
    ((number, ids),) = subjects.kept(record.pk, record.pk)
    assert (number, ids) == (record.pk, subjects.ids_of(("population.person", f"p{at:05}") for at in (1, 2)))
    assert subjects.holds(json.dumps(record.detail["subjects"]), ids)
    assert "name" not in record.detail["fields"]
    told = answers_to(4)
    assert sorted(one.status for one in told) == [200, 429, 429, 429]
    assert GrantUse.objects.get(grant=grant).reads == 3
    assert Receipt.objects.count() == receipts_before + 3
    assert [len(ids) for _, ids in subjects.kept(record.pk, 1 << 62)] == [2, 1]


def test_one_that_is_alone_does_not_wait_and_a_refusal_ends_the_sharing(department) -> None:
    signing = Signing(department.key)
    signing.heard(200, {"accept-signature": messages.ACCEPTS})
    ((headers, _),) = signed(department, signing, 1)
    assert 'alg="ed25519"' in headers["signature-input"]
    assert headers["accept-signature"] == messages.ACCEPTS
    signing.heard(401, {})
    signing.heard(200, {"accept-signature": messages.ACCEPTS})
    assert {messages.SHARED in headers["signature-input"] for headers, _ in signed(department, signing, 2)} == {False}
    signing.shares = True
    signing._key = given.SigningKey("none", "ed25519", 1, {}, b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        signed(department, signing, 2)
    signing = Signing(department.key)
    domestic = 'sig1=();alg="sm2-sm3-shared";tag="chengyun-exchange"'
    signing.heard(200, {"accept-signature": domestic})
    assert not signing.shares


def test_a_receipt_stands_for_an_answers_signature_in_its_own_place_alone(department) -> None:
    given.assets(3)
    department.grant(given.DATASET)
    made = signed(department, Signing(department.key), 2)
    told = answer_many([ask(headers, at) for at, (headers, _) in enumerate(made)], ROUTES, parties.Known())
    mine, other = told
    asked, node = made[0][1], signing_key("node")
    assert answered(department, mine, asked)
    stranger = given.new_key()
    for says, changed in (
        ("to another request", {"asked": made[1][1]}), ("not of what arrived", {"body": other.body}),
        ("not of what arrived", {"headers": other.headers}), ("not of what arrived", {"consumer_key": node.key_id}),
        ("not signed by a key", {"pinned": {}}), ("not signed by a key", {"pinned": {node.key_id: stranger.public}}),
        ("further from now", {"now": int(time.time()) + 400}), ("not signed. Sign it", {"status": 201}),
        ("not signed. Sign it", {"status": 404}), ("not signed. Sign it", {"status": 500, "body": b"{}"}),
        ("not signed. Sign it", {"headers": {}}), ("no base64", {"headers": {"exchange-receipt": "%%%"}}),
        ("not signed by a key", {"headers": {"exchange-receipt": base64.b64encode(b"{}").decode()}}),
    ):  # fmt: skip
        with pytest.raises(Refused, match=says):
            answered(department, mine, asked, **changed)
    leaf = base64.b64decode(mine.headers["exchange-receipt"])
    for at in range(0, len(leaf), 3):
        spoiled = leaf[:at] + bytes([leaf[at] ^ 1]) + leaf[at + 1 :]
        with pytest.raises(Refused):
            answered(department, mine, asked, headers={"exchange-receipt": base64.b64encode(spoiled).decode()})


def test_answers_without_a_receipt_share_their_signature(department) -> None:
    made = signed(department, Signing(department.key), 3)
    told = answer_many([ask(headers, at) for at, (headers, _) in enumerate(made)], ROUTES, parties.Known())
    for answer, (_, asked) in zip(told, made, strict=True):
        assert answer.status == 404
        assert 'alg="ed25519-shared"' in answer.headers["signature-input"]
        assert answered(department, answer, asked) == b""
    with pytest.raises(Refused, match="another request"):
        answered(department, told[1], made[0][1])
    crossed = {**told[0].headers, "signature": told[1].headers["signature"]}
    with pytest.raises(Refused, match="not signed by a key"):
        answered(department, told[0], made[0][1], headers=crossed)
    one = signed(department, Signing(department.key), 1)[0]
    single = answer_many([ask(one[0])], ROUTES, parties.Known())[0]
    assert 'alg="ed25519"' in single.headers["signature-input"]
