# SPDX-License-Identifier: Apache-2.0
"""The other ways: followed, told, in bulk, pushed; each survives what is lost on the way."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import httpx
import pytest
from django.db import connection

from chengyun.access.actors import SYSTEM
from chengyun.access.keystore import keystore, signing_key, verify
from chengyun.access.masks import mask
from chengyun.access.services import revoke_grant
from chengyun.errors import Malformed, NotFound, Refused, Unavailable
from chengyun.lake import database
from chengyun.packs.water_supply.models import Asset
from chengyun.protocols.exchange import files
from chengyun.share.exchange import bulk, following, messages, parties, pushing, receipts
from chengyun.share.exchange import client as exchange
from chengyun.share.exchange.models import BulkFile, Receipt, Subscription, Target
from chengyun.share.exchange.serving import PREFIX, Ask
from chengyun.share.federation import filling, mirrors, tables
from chengyun.share.federation.models import Mirror, Neighbour
from chengyun.share.ledger import services as ledger
from chengyun.share.ledger import verifier

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

DATASET = "water_supply.asset"


def test_followed_in_order_from_any_point(department) -> None:
    given.assets(3)
    department.grant(DATASET)
    client = department.client
    made = client.post("/subscriptions", {"dataset": DATASET, "since": 0}).json()
    path = f"/subscriptions/{made['number']}"
    first = client.get(f"{path}/changes").json()
    assert [row["key"] for row in first["rows"]] == ["s0000", "s0001", "s0002"]
    versions = [row["version"] for row in first["rows"]]
    assert versions == sorted(versions)
    client.post(f"{path}/acknowledge", {"version": versions[1]})
    assert [row["key"] for row in client.get(f"{path}/changes").json()["rows"]] == ["s0002"]
    again = client.get(f"{path}/changes", **{"from": 0}).json()
    assert [(row["key"], row["version"]) for row in again["rows"]] == list(
        zip(["s0000", "s0001", "s0002"], versions, strict=True)
    )
    with pytest.raises(Refused, match="newest"):
        client.post(f"{path}/acknowledge", {"version": 10**12})
    assert client.ask("DELETE", path, {}).json() == {"ended": True}
    with pytest.raises(NotFound):
        client.get(f"{path}/changes")


def test_told_by_signed_posts_never_lost_and_the_same_until_it_got_through(department, monkeypatch) -> None:
    given.assets(2)
    department.grant(DATASET)
    monkeypatch.setattr(following, "_reachable", lambda url: "127.0.0.1")
    following.subscribe(department.party, DATASET, "", url="http://hook.test/in", since=0)
    got: list[httpx.Request] = []
    answers = [httpx.Response(500), httpx.ConnectError("away")]

    def hook(request: httpx.Request) -> httpx.Response:
        got.append(request)
        if answers:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        leaf = base64.b64decode(request.headers["exchange-receipt"])
        import datetime as dt

        said = receipts.said_by_consumer(leaf, department.key.key_id, dt.datetime.now(dt.UTC))
        word = {"countersignature": said, "signature": department.key.sign(verifier.canonical(said)).hex()}
        return httpx.Response(200, json=word)

    http = httpx.Client(transport=httpx.MockTransport(hook))
    assert following.push_due(http) == 0
    held = Subscription.objects.get()
    assert (held.failures, held.version, "500" in held.reason) == (1, 0, True)
    assert following.push_due(http) == 0, "not before its time"
    assert len(got) == 1
    Asset.objects.filter(key="s0000").update(name="后改")
    for _ in range(2):
        Subscription.objects.update(retry_at=None)
        following.push_due(http)
    bodies = [json.loads(one.content) for one in got]
    assert bodies[0] == bodies[1] == bodies[2]
    assert [[row["key"] for row in one["rows"]] for one in bodies[2:]] == [["s0000", "s0001"], ["s0000"]]
    assert bodies[3]["rows"][0]["values"]["name"] == "后改"
    assert bodies[3]["from"] == bodies[2]["to"]
    request = got[-1]
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["host"] == "hook.test"
    checked = messages.read_signature("POST", "hook.test", "/in", "", headers, request.content)
    assert verify(signing_key("node").public, checked.base, checked.signature)
    assert Receipt.objects.filter(way="subscription", countersigned_at=None).count() == 0
    assert Receipt.objects.filter(way="subscription").count() == 2


def test_a_page_that_waits_is_taken_back_with_the_grant_it_was_read_under(department, monkeypatch) -> None:
    given.assets(2)
    Asset.objects.filter(key="s0001").update(area_code="330205000000")
    ended = department.grant(DATASET, area_code="330203000000")
    department.grant(DATASET, area_code="330205000000")
    monkeypatch.setattr(following, "_reachable", lambda url: "127.0.0.1")
    following.subscribe(department.party, DATASET, "", url="http://hook.test/in", since=0)
    got: list[httpx.Request] = []

    def hook(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(500 if len(got) == 1 else 200)

    http = httpx.Client(transport=httpx.MockTransport(hook))
    assert following.push_due(http) == 0
    revoke_grant(SYSTEM, ended, "不再需要")
    Subscription.objects.update(retry_at=None)
    assert following.push_due(http) == 1
    keys = [[row["key"] for row in json.loads(one.content)["rows"]] for one in got]
    assert keys == [["s0000", "s0001"], ["s0001"]]


def test_who_cannot_be_told_leaves_the_others_their_turn(department, monkeypatch) -> None:
    given.assets(1)
    department.grant(DATASET)
    monkeypatch.setattr(following, "_reachable", lambda url: "127.0.0.1")
    narrowed = following.subscribe(department.party, DATASET, "", url="http://hook.test/a", since=0, fields=["name"])
    Subscription.objects.filter(pk=narrowed.pk).update(fields=["name", "withdrawn"])  # as a grant that was narrowed leaves it
    endless = following.subscribe(department.party, DATASET, "", url="http://hook.test/b", since=0)
    following.subscribe(department.party, DATASET, "", url="http://hook.test/c", since=0)

    def hook(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"x" * 100_000 if request.url.path == "/b" else b"")

    assert following.push_due(httpx.Client(transport=httpx.MockTransport(hook))) == 1
    narrowed.refresh_from_db()
    endless.refresh_from_db()
    assert ("withdrawn" in narrowed.reason, narrowed.failures, endless.failures) == (True, 1, 1)


def test_an_address_inside_this_machine_is_not_told(department) -> None:
    department.grant(DATASET)
    for url in (
        "http://127.0.0.1:5432/",
        "http://localhost/",
        "ftp://x/",
        "http://u@10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://100.100.100.200/latest/meta-data",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
    ):
        with pytest.raises(Refused):
            following.subscribe(department.party, DATASET, "", url=url)


@pytest.mark.django_db(transaction=True)
def test_in_bulk_resumed_and_checked_by_chunk_then_incremental(department, monkeypatch, tmp_path) -> None:
    given.people(40)
    department.grant("population.person", "statistics", fields=["birth_date"])
    monkeypatch.setattr(bulk, "CHUNK", 700)
    monkeypatch.setattr(bulk, "PART_ROWS", 15)
    monkeypatch.setattr(filling, "ASK_EVERY_S", 0)
    neighbour = Neighbour.objects.create(
        name="node-b", address="http://node.test/exchange/v1", organisation=department.organisation
    )
    mirror = mirrors.start(neighbour, "population.person", "statistics")
    client, fetched, spoilt = department.client, [], [b"x" * 700, b"y" * 700]

    def part(path: str, start: int, end: int) -> bytes:
        headers = messages.sign_request(
            "GET", f"http://node.test{PREFIX}{path}", b"", key_id=department.key.key_id, algorithm="ed25519",
            sign=department.key.sign, created=int(time.time()),
        )  # fmt: skip
        asked = Ask("GET", "node.test", PREFIX + path, "", {**headers, "range": f"bytes={start}-{end}"})
        told = files.part(asked)
        assert told.status in (200, 206)
        fetched.append((path, start))
        if len(fetched) in (3, 4) and spoilt:
            return spoilt.pop()
        return told.body

    monkeypatch.setattr(client, "part", part)
    usual = client.get

    def get(path: str, **params: object):
        bulk.make_waiting()
        return usual(path, **params)

    monkeypatch.setattr(client, "get", get)
    with pytest.raises(Unavailable, match="twice"):
        filling.fill(mirror, client)
    assert BulkFile.objects.get().manifest["rows"] == 40
    before = fetched[:2]
    assert filling.fill(mirror, client) == 40
    assert BulkFile.objects.count() == 1, "it goes on with the file that was made"
    assert not set(before) & set(fetched[2:]), "and at the chunk that is missing"
    mirror.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id_number, name, birth_date FROM mirror.{mirror.table} WHERE _key = 'p00007'")
        row = cursor.fetchone()
    assert (row[0], row[1], str(row[2])) == ("3****************X", "欧阳**", "1990-01-01")
    assert (tables.count(mirror.table), mirror.filled) == (40, True)
    assert Receipt.objects.filter(way="file").exclude(countersigned_at=None).count() == 1
    from django.apps import apps

    person = apps.get_model("population", "Person")
    person.objects.filter(key="p00007").update(birth_date="1991-02-03")
    assert filling.fill(mirror, client) == 1
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT birth_date FROM mirror.{mirror.table} WHERE _key = 'p00007'")
        assert str(cursor.fetchone()[0]) == "1991-02-03"
    number = str(BulkFile.objects.first().number)
    parties.end(SYSTEM, department.key.key_id)
    with pytest.raises(Refused):
        part(f"/files/{number}/parts/0", 0, 10)
    assert Mirror.objects.get().version == mirror.version
    # Under pseudonyms a file has neither the keys nor the order of the register; the audit has the keys.
    orders = []
    for purpose in ("evidence", "duty"):
        department.grant("population.person", purpose, shown={"id_number": "pseudonym"})
        number = bulk.ask_for(department.party, "population.person", purpose, "csv", 0)
        names = [one["name"] for one in bulk.make(number)["parts"]]
        lines = "".join((bulk.folder_of(number) / name).read_text(encoding="utf-8") for name in names).splitlines()
        there = person.objects.order_by("key").values_list("key", flat=True)
        behind = {str(mask("pseudonym:key", key, purpose)): key for key in there}
        keys = [line.split(",")[0].strip('"') for line in lines if "_key" not in line]
        assert not any(key in line for line in lines for key in there)
        orders.append([behind[key] for key in keys])
        assert sorted(orders[-1]) == list(there)
    assert orders[0] != orders[1]
    assert list(there) not in orders
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT s.subject) FROM access_auditsubject s JOIN access_auditrecord r ON r.id = s.record_id"
            " WHERE r.purpose = 'duty'"
        )
        assert cursor.fetchone()[0] == len(there)


@pytest.mark.django_db(transaction=True)
def test_pushed_into_a_database_once_and_never_backwards(department) -> None:
    given.assets(5)
    department.grant(DATASET, area_code="330203000000")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pushed_assets")
    target = pushing.add(SYSTEM, "civil", department.party, DATASET, "", database.url(), "pushed_assets")
    assert "postgres" not in target.address
    assert pushing.push(target) == 5
    target.refresh_from_db()
    assert pushing.push(target) == 0
    Asset.objects.filter(key="s0001").update(name="改")
    Asset.objects.filter(key="s0002").update(area_code="330205000000")
    version = target.version
    assert pushing.push(target) == 2
    Target.objects.update(version=version)
    target.refresh_from_db()
    assert pushing.push(target) == 2, "killed before it was noted, it is pushed again"
    with connection.cursor() as cursor:
        cursor.execute("SELECT _key, name FROM pushed_assets ORDER BY 1")
        assert cursor.fetchall() == [("s0000", "泵 0"), ("s0001", "改"), ("s0003", "泵 3"), ("s0004", "泵 4")]
        cursor.execute("DROP TABLE pushed_assets")


def test_the_verifier_stands_alone(department, tmp_path) -> None:
    given.assets(2)
    department.grant(DATASET)
    told = department.client.get("/rows", dataset=DATASET)
    file, rows, script = tmp_path / "receipt.json", tmp_path / "rows.json", tmp_path / "verifier.py"
    file.write_bytes(receipts.bundle(receipts.parse(told.leaf)["id"]))
    rows.write_bytes(told.body)
    script.write_bytes(Path(verifier.__file__).read_bytes())
    assert not re.findall(r"^\s*(?:from|import) (?!__future__|argparse|base64|hashlib|json|re|sys|dataclasses|pathlib|typing|"
                          r"cryptography)", script.read_text(), re.MULTILINE)  # fmt: skip

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-I", str(script), *map(str, words)], capture_output=True, text=True, cwd=tmp_path)

    good = run(file, "--rows", rows, "--key", signing_key("node").key_id)
    assert (good.returncode, "Everything holds." in good.stdout) == (0, True), good.stderr
    rows.write_bytes(told.body + b" ")
    assert run(file, "--rows", rows).returncode == 1
    file.write_text("{}")
    assert run(file).returncode == 2
    assert hashlib.sha256(told.body).hexdigest() == receipts.parse(told.leaf)["digest"]


class Endless(httpx.SyncByteStream):
    """A body of blocks, as many as are taken. size: of a block."""

    def __init__(self, size: int) -> None:
        self.block, self.taken, self.closed = b" " * size, 0, False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += len(self.block)
            yield self.block

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("status", [200, 503])
def test_a_neighbour_that_sends_too_much_is_not_listened_to_any_longer(department, monkeypatch, status: int) -> None:
    monkeypatch.setattr(exchange, "MOST_BYTES", 1 << 20)
    body = Endless(1 << 16)
    department.wire.changed = lambda _answer: httpx.Response(status, stream=body)
    with pytest.raises(Malformed, match="more than 1 MB"):
        department.client.get("/rows", dataset=DATASET)
    assert (body.taken, body.closed) == ((1 << 20) + (1 << 16), True)
    body = Endless(1 << 16)
    department.wire.changed = lambda _answer: httpx.Response(503, stream=body)
    with pytest.raises(Malformed, match="more than 1 MB"):
        department.client.part("/files/x/parts/0", 0, 9)
    assert body.closed


def test_no_answer_is_unpacked(department) -> None:
    packed = gzip.compress(b" " * (64 << 20))
    department.wire.changed = lambda _answer: httpx.Response(
        200, stream=httpx.ByteStream(packed), headers={"content-encoding": "gzip"}
    )
    with pytest.raises(Malformed, match="packed"):
        department.client.get("/rows", dataset=DATASET)
    assert department.wire.sent[-1].headers["accept-encoding"] == "identity"


def test_receipts_hold_after_the_nodes_key_was_rotated(department) -> None:
    """A receipt file that is written afterwards names both keys: the one of the receipt and the one of the log's head."""
    given.assets(2)
    department.grant(DATASET)
    told = department.client.get("/rows", dataset=DATASET)
    number = receipts.parse(told.leaf)["id"]
    before, old = receipts.bundle(number), signing_key("node").key_id
    store = keystore()
    kept = store.file.read_bytes()
    try:
        store.rotate("node")
        new = signing_key("node").key_id
        with pytest.raises(Refused, match="not signed by a key that is pinned"):
            department.client.get("/rows", dataset=DATASET)
        told_to_all = httpx.Response(200, json={"successions": store.successions()})
        sent = department.wire.sent
        department.wire.changed = lambda answer: told_to_all if sent[-1].url.path.endswith("/keys") else answer
        pinned = {old: store.public_keys()[1]}
        followed = exchange.Client(department.client.address, department.key, pinned, httpx.Client(transport=department.wire))
        assert followed.get("/rows", dataset=DATASET).json()["rows"], "the old key's word for the new one is followed"
        assert (set(followed.pinned), "until" in followed.pinned[old]) == ({old, new}, True)
        asked = len(sent)
        followed.get("/rows", dataset=DATASET)
        assert len(sent) == asked + 1
        ledger.sequence(receipts.LOG)
        after = receipts.bundle(number)
    finally:
        store.file.write_bytes(kept)
    assert "signer" not in json.loads(before)
    assert json.loads(after)["signer"]["kid"] == new
    assert verifier.verify(before, told.body, (old,)).says
    assert f"signed by the provider's other key {new}" in " ".join(verifier.verify(after, told.body, (old, new)).says)
    for known in ((old,), (new,)):
        with pytest.raises(verifier.Wrong, match="none of those you know"):
            verifier.verify(after, told.body, known)
    lacking = {name: value for name, value in json.loads(after).items() if name != "signer"}
    with pytest.raises(verifier.Wrong, match="another key than the file names"):
        verifier.verify(verifier.canonical(lacking) + b"\n", told.body)


@pytest.mark.parametrize("text", ["[]", '"key"', "7", '{"kty": "RSA"}', '{"kty": "OKP", "crv": "Ed25519"}'])
def test_what_is_no_key_is_refused(db, text: str) -> None:
    with pytest.raises(Refused):
        parties.read_jwk(json.loads(text))
