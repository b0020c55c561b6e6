# SPDX-License-Identifier: Apache-2.0
"""Strangers on a real line who do not come to an end: they are left, whatever they trickle and wherever."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from chengyun.access.actors import SYSTEM
from chengyun.access.keystore import signing_key
from chengyun.collect.pull import getting, outside
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.spec import HttpRead
from chengyun.errors import Malformed, Unavailable
from chengyun.share.exchange import client as exchange
from chengyun.share.federation import neighbours

STEPS, PAUSE_S = 600, 0.02
"""A stranger ends after 12 s at the earliest: long after those who ask are to have left."""
HEAD = b"HTTP/1.1 200 OK\r\n"
TRICKLES = {
    "head": (HEAD, lambda at: b"x-%d: more\r\n" % at),
    "interim": (b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (HEAD + b"\r\n", lambda _: b" "),
}


class Stranger:
    """Says `first` to whoever connects, then word by word what `more` gives, `steps` times. left: its guests have gone."""

    def __init__(self, first: bytes, more, steps: int = STEPS, pause_s: float = PAUSE_S) -> None:
        self._first, self._more, self._steps, self._pause_s = first, more, steps, pause_s
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/exchange/v1"
        self._stop, self.sent, self.ended = threading.Event(), 0, False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            guest, _ = self._socket.accept()
            with guest:
                guest.recv(65_536)
                guest.sendall(self._first)
                for at in itertools.islice(itertools.count(), self._steps):
                    guest.sendall(word := self._more(at))
                    self.sent += len(word)
                    if self._stop.wait(self._pause_s):
                        return
                self.ended = True

    def close(self) -> None:
        self._stop.set()
        self._socket.close()
        self._thread.join(10)


@pytest.fixture(params=TRICKLES)
def trickling(request: pytest.FixtureRequest) -> Iterator[Stranger]:
    made = Stranger(*TRICKLES[request.param])
    yield made
    made.close()


def test_a_stranger_that_trickles_is_left(trickling: Stranger) -> None:
    with outside.client(5.0, 0.5) as http, pytest.raises(httpx.TimeoutException):
        http.get(trickling.address)
    assert not trickling.ended


def test_a_service_that_trickles_is_left(monkeypatch: pytest.MonkeyPatch, trickling: Stranger) -> None:
    """A source that is asked, or a catalogue that is harvested."""
    monkeypatch.setattr(getting, "SHORTEST_END_S", 0.5)
    monkeypatch.setattr(getting, "ATTEMPTS", 1)
    local = frozenset({"127.0.0.1"})
    getter = getting.Getter(trickling.address, HttpRead(largest_mb=0.01), Guard(local=local), dt.datetime.now(dt.UTC))
    with pytest.raises(Unavailable):
        getter.get(trickling.address)
    getter.close()
    assert not trickling.ended


@pytest.mark.django_db
@pytest.mark.parametrize("ask", [lambda own: own.get("/rows", dataset="a.b"), lambda own: own.part("/files/x/parts/0", 0, 9_999)])
def test_a_neighbour_that_does_not_end_its_answer_is_left(monkeypatch: pytest.MonkeyPatch, trickling: Stranger, ask) -> None:
    monkeypatch.setattr(exchange, "ANSWERED_WITHIN_S", 0.5)
    client = exchange.Client(trickling.address, signing_key("node"), {})
    with pytest.raises(Unavailable, match=r"in time|ReadTimeout"):
        ask(client)
    client.close()
    assert not trickling.ended


@pytest.mark.django_db
def test_the_keys_of_one_who_is_to_be_a_neighbour_are_read_to_an_end(
    monkeypatch: pytest.MonkeyPatch, trickling: Stranger
) -> None:
    monkeypatch.setattr(neighbours, "ASK_WITHIN_S", 0.5)
    with pytest.raises(Unavailable):
        neighbours.add(SYSTEM, "haishu", trickling.address, ["x"])
    assert not trickling.ended


@pytest.mark.django_db
def test_no_more_keys_are_read_than_there_can_be() -> None:
    endless = Stranger(HEAD + b"\r\n", lambda _: b" " * (1 << 20), steps=100, pause_s=0)
    with pytest.raises(Malformed, match="more than 16 MB"):
        neighbours.add(SYSTEM, "haishu", endless.address, ["x"])
    endless.close()
    assert endless.sent < 64 << 20


@pytest.mark.django_db
@pytest.mark.parametrize("told", [b"[]", b"{}", b'{"keys": ["x"], "node": "haishu"}', b'{"keys": {}, "node": 1}'])
def test_keys_that_are_none_are_told_so(told: bytes) -> None:
    other = Stranger(HEAD + b"content-length: %d\r\n\r\n" % len(told), lambda _: told, steps=1, pause_s=0)
    with pytest.raises(Exception, match=r"does not show a node's keys|calls itself"):
        neighbours.add(SYSTEM, "haishu", other.address, ["x"])
    other.close()
