# SPDX-License-Identifier: Apache-2.0
"""Who fills a mirror from a file is alone with it, and nothing of a round or a file that was broken off stays behind."""

from __future__ import annotations

import datetime as dt
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.utils import timezone

from chengyun.access.keystore import signing_key
from chengyun.access.models import Organisation
from chengyun.errors import Malformed, Refused
from chengyun.share.exchange import client as exchange
from chengyun.share.exchange.client import Told
from chengyun.share.federation import filling, mirrors, neighbours, offering, outbox, pieces
from chengyun.share.federation.models import Mirror, Neighbour


class Asked(Exception):
    """A page was asked for."""


class Client:
    address = "http://127.0.0.1:1/exchange/v1"

    def get(self, path: str, **params: object) -> Any:
        raise Asked(path)


def drawn(mirror: Mirror) -> int | str:
    try:
        return mirrors.draw(mirror, Client())  # type: ignore[arg-type]
    except Asked as asked:
        return str(asked)
    finally:
        connection.close()


class Pages(Client):
    """A neighbour that answers with these pages, and says that two receipts are open."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)
        self.disclaimed: list[str] = []

    def get(self, path: str, **params: object) -> Any:
        if path == "/receipts":
            return Told(200, json.dumps({"receipts": [it for it in ("lost",) if it not in self.disclaimed]}).encode())
        return Told(200, json.dumps(self.pages.pop(0)).encode(), leaf(path))

    def countersign(self, leaf: bytes) -> None:
        pass

    def disclaim(self, number: str) -> None:
        self.disclaimed.append(number)

    def close(self) -> None:
        pass


FIELDS = [{"name": "name", "type": "text"}, {"name": "depth", "type": "integer"}]


def leaf(said: str) -> bytes:
    return json.dumps({"receipt": {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, said))}}).encode()


def page(as_of: int, keys: str, following: str | None = None) -> dict[str, Any]:
    rows = [{"key": key, "version": as_of, "values": {"name": key, "depth": 1}} for key in keys]
    return {"fields": FIELDS, "rows": rows, "as_of": as_of, "next": following}


@pytest.fixture
def mirror() -> Mirror:
    body = Organisation.objects.create(key="node-haishu", name="海曙")
    neighbour = Neighbour.objects.create(name="haishu", address=Client.address, organisation=body)
    return mirrors.start(neighbour, "water_supply.asset", "statistics")


@pytest.mark.django_db(transaction=True)
def test_no_page_is_drawn_while_a_file_is_brought_in(mirror: Mirror) -> None:
    with ThreadPoolExecutor(1) as another:
        assert another.submit(drawn, mirror).result(30) == "/rows"
        with mirrors.alone(mirror):
            assert another.submit(drawn, mirror).result(30) == 0
        with mirrors._lock(f"fill {mirror.table}"):  # a file that waits for the round under way
            assert another.submit(drawn, mirror).result(30) == 0
        assert another.submit(drawn, mirror).result(30) == "/rows"


def held(mirror: Mirror) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(string_agg(_key, '' ORDER BY _key), '') FROM mirror.{mirror.table}")
        return str(cursor.fetchone()[0])


def manifest(as_of: int, rows: int = 1, **more: object) -> dict[str, Any]:
    return {"file": str(uuid.uuid4()), "since": 0, "as_of": as_of, "fields": FIELDS, "parts": [{"rows": rows}] * 2, **more}


@pytest.mark.django_db(transaction=True)
def test_a_mirror_begins_anew_after_a_file_that_was_broken_off(mirror: Mirror, tmp_path: Path) -> None:
    mirrors.draw(mirror, Pages(page(3, "ab", "b")), pages=1)  # type: ignore[arg-type]
    assert (held(mirror), mirror.filled) == ("ab", False)

    def broken() -> Iterator[Path]:
        rows = {"_key": ["x"], "_version": [4], "_removed": [False], "name": ["x"], "depth": [1]}
        pq.write_table(pa.table(rows), tmp_path / "00000")
        yield tmp_path / "00000"
        raise Malformed("cut off")

    with pytest.raises(Malformed), mirrors.alone(mirror):
        filling._copy(mirror, manifest(4), leaf("file"), broken())
    assert held(mirror) == "x"
    # "a" and "b" are asked for again, and "x", which is no more, does not stay.
    mirrors.draw(mirror, Pages(page(5, "ab", "b"), page(5, "c")))  # type: ignore[arg-type]
    mirror.refresh_from_db()
    assert (held(mirror), mirror.filled, mirror.version, mirror.rows) == ("abc", True, 5, 3)


@pytest.mark.django_db(transaction=True)
def test_a_whole_file_replaces_what_was_drawn_since_it_was_asked_for(mirror: Mirror, tmp_path: Path) -> None:
    mirrors.draw(mirror, Pages(page(3, "abc")))  # type: ignore[arg-type]
    mirror.fields = ["name"]
    mirror.save()
    path = tmp_path / "00000"
    kept = {"_key": ["a", "b"], "_version": [3, 3], "_removed": [False, False], "name": ["A", "B"], "depth": [1, 1]}
    pq.write_table(pa.table(kept), path)
    with mirrors.alone(mirror):
        filling._copy(mirror, manifest(4, rows=2, parts=[{"rows": 2}]), leaf("file"), iter([path]))
    assert (held(mirror), mirror.filled, mirror.version) == ("ab", True, 4)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT depth FROM mirror.{mirror.table}")
        assert cursor.fetchall() == [(None,)], "what the mirror does not keep is not kept because it came by file"


def test_a_file_cannot_be_called_as_another_folder() -> None:
    for name in ("../lake", "/etc", "", ".", "x" * 36):
        with pytest.raises(Malformed, match="calls its file"):
            pieces.begin(name, {})


def test_a_manifest_is_believed_where_its_numbers_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    part = {"bytes": 25, "rows": 1, "chunks": ["a", "b", "c"]}
    good = {"file": "n", "chunk": 10, "parts": [part]}
    assert pieces.checked(good, "n")["chunk"] == 10
    for wrong in (
        {"chunk": 0}, {"chunk": -10}, {"chunk": 10**12}, {"chunk": "10"}, {"chunk": True}, {"file": "../x"}, {"parts": None},
        {"parts": [{"bytes": 25}]}, {"parts": [{**part, "bytes": 31}]}, {"parts": [{**part, "bytes": -1}]},
        {"parts": [{**part, "chunks": []}]}, {"parts": [{**part, "rows": 1.5}]},
    ):  # fmt: skip
        with pytest.raises(Malformed):
            pieces.checked({**good, **wrong}, "n")
    for wrong in (None, [], "x"):
        with pytest.raises(Malformed):
            pieces.checked(wrong, "n")
    huge = {**part, "bytes": 10**18, "chunks": _Many(-(-(10**18) // pieces.MOST_CHUNK))}
    with pytest.raises(Refused, match="free"):
        pieces.checked({"file": "n", "chunk": pieces.MOST_CHUNK, "parts": [huge]}, "n")


class _Many:
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


def test_pieces_have_one_owner_and_are_swept_once_nobody_has_them() -> None:
    number, asked = str(uuid.uuid4()), {"dataset": "x", "neighbour": "haishu"}
    held = pieces.begin(number, asked)
    (held.path / "00000").write_bytes(b"part")
    later = timezone.now() + dt.timedelta(days=3)
    with pytest.raises(Refused):
        pieces.begin(number, asked)
    assert pieces.left_over(asked) is None
    assert pieces.sweep(later) == 0
    held.close()  # as the kernel does for whoever is killed
    assert pieces.left_over({**asked, "dataset": "y"}) is None
    again = pieces.left_over(asked)
    assert again is not None
    assert (again.number, (again.path / "00000").read_bytes()) == (number, b"part")
    again.close()
    assert pieces.sweep(timezone.now()) == 0
    assert pieces.sweep(later) == 1
    assert not held.path.exists()


@pytest.mark.django_db
def test_a_neighbour_that_does_not_stop_is_stopped() -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 1000:
            sent += 1
            yield b"%03d" % (sent % 1000) * 350_000

    def answer(request: httpx.Request) -> httpx.Response:
        status = 206 if request.url.path.endswith("ranged") else 200
        return httpx.Response(status, content=endless() if status == 206 else b"0123456789" * 10)

    client = exchange.Client(Client.address, signing_key("node"), {}, httpx.Client(transport=httpx.MockTransport(answer)))
    assert client.part("/files/1/parts/ranged", 0, 9) == b"0010010010"
    assert sent < 10
    assert client.part("/files/1/parts/whole", 12, 16) == b"23456"


@pytest.mark.django_db(transaction=True)
def test_a_receipt_is_not_disclaimed_while_its_rows_are_on_their_way(mirror: Mirror) -> None:
    client: Any = Pages()

    def reconciled() -> tuple[int, int]:
        try:
            return mirrors.reconcile(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as another:
        with mirrors.receiving(client):
            assert another.submit(reconciled).result(30) == (0, 0)
        assert another.submit(reconciled).result(30) == (0, 1)
    assert client.disclaimed == ["lost"]


@pytest.mark.django_db(transaction=True)
def test_one_neighbours_nonsense_leaves_the_others_their_turn(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Neighbour.objects.create(
        name="yinzhou", address="http://127.0.0.1:2", organisation=Organisation.objects.create(key="node-yinzhou", name="鄞州")
    )
    sane = mirrors.start(other, "water_supply.asset", "statistics")
    told = {"haishu": {"rows": []}, "yinzhou": page(1, "a")}
    monkeypatch.setattr(neighbours, "client_of", lambda one: Pages(told[one.name]))
    assert mirrors.draw_all() == 1
    mirror.refresh_from_db()
    assert (mirror.failures, mirror.retry_at > timezone.now()) == (1, True)
    assert held(sane) == "a"


@pytest.mark.django_db(transaction=True)
def test_a_neighbour_that_does_not_answer_holds_up_no_other(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Neighbour.objects.create(
        name="yinzhou", address="http://127.0.0.1:2", organisation=Organisation.objects.create(key="node-yinzhou", name="鄞州")
    )
    answering = mirrors.start(other, "water_supply.asset", "statistics")
    answered = threading.Event()

    class Slow(Pages):
        def get(self, path: str, **params: object) -> Any:
            assert answered.wait(60), "the other's turn comes while this one is waited for"
            return super().get(path, **params)

    class Prompt(Pages):
        def close(self) -> None:
            answered.set()

    told = {"haishu": Slow(page(1, "a")), "yinzhou": Prompt(page(1, "b"))}
    monkeypatch.setattr(neighbours, "client_of", lambda one: told[one.name])
    assert mirrors.draw_all() == 2
    assert (held(mirror), held(answering)) == ("a", "b")


@pytest.mark.django_db
def test_messages_and_catalogues_wait_for_no_other_neighbour(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Neighbour.objects.create(
        name="yinzhou", address="http://127.0.0.1:2", organisation=Organisation.objects.create(key="node-yinzhou", name="鄞州")
    )

    class Talking(Pages):
        def __init__(self, sane: bool) -> None:
            super().__init__(*([{"resources": [], "next": None}] if sane else [{"resources": [], "next": "a"}] * 3))
            self.sane = sane

        def post(self, path: str, value: Any) -> Told:
            said = [{"id": one["id"], **({"outcome": "taken"} if self.sane else {})} for one in value["messages"]]
            return Told(200, json.dumps({"results": said}).encode())

    monkeypatch.setattr(neighbours, "client_of", lambda one: Talking(one.name == "yinzhou"))
    sent = [outbox.say(one, "request", "x", 1, {}) for one in (mirror.neighbour, other)]
    assert outbox.deliver_all() == 1
    for one in sent:
        one.refresh_from_db()
    assert [(one.outcome, one.attempts) for one in sent] == [("", 1), ("taken", 1)]
    assert "KeyError" in sent[0].reason
    assert offering.harvest_all() == 1
    mirror.neighbour.refresh_from_db()
    assert "circle" in mirror.neighbour.reason
