# SPDX-License-Identifier: Apache-2.0
"""A front end whose queue is not there at the start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from chengyun.city import load_city
from chengyun.collect.queue import front
from chengyun.collect.queue.settings import QueueSettings
from chengyun.errors import Refused, Unavailable


class LateJet:
    """Away at the start; then it refuses once, as nodes do that lost a disk; then it is there."""

    def __init__(self, settings: QueueSettings, name: str) -> None:
        self.asked = 0
        self.connected = False

    async def open_when_there(self) -> None:
        self.asked += 1
        if self.asked == 1:
            await asyncio.sleep(0.1)
            raise Refused("The nodes cannot keep the queue.")
        self.connected = True

    async def close(self) -> None:
        self.connected = False


def test_a_queue_that_is_refused_after_the_start_is_said_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(front, "Jet", LateJet)
    monkeypatch.setattr(front, "FIRST_TRY_S", 0.02)
    monkeypatch.setenv("CHENGYUN_NATS_URL", "nats://127.0.0.1:1")

    async def live() -> bool:
        app = front.Front()
        await app.start()
        assert app._jet is not None
        assert not app._jet.connected
        for _ in range(500):
            if app._jet.connected:
                break
            await asyncio.sleep(0.01)
        opened = app._jet.connected
        await app.stop()
        return opened

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(live())
    assert "cannot keep the queue" in caplog.text


def test_two_bodies_under_one_key_are_both_queued_and_one_body_once() -> None:
    """As the answers say: the queue itself must not take the second body for the first one sent again."""
    named: list[str | None] = []

    class Kept:
        largest_body = 1_000_000

        async def put(self, stream: str, body: bytes, headers: Mapping[str, str], key: str | None) -> int:
            named.append(key)
            return len(named)

    async def send(_: Any) -> None:
        pass

    async def take() -> None:
        app = front.Front()
        app._city, app._jet = load_city(("chengyun.packs.air_quality",)), Kept()  # type: ignore[assignment]
        holder = {"actor": "account:1", "source": "cy_1", "scopes": ["ingest:*"]}
        for value in (1, 2, 1):
            body = b'[{"station": "Q0", "hour_start": 1760000400000, "pm25": %d}]' % value
            await app._take("air_quality.station_hour", holder, "k1", body, "", send)

    asyncio.run(take())
    assert named[0] == named[2] != named[1]


def test_a_body_that_does_not_say_its_size_counts_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "IN_FLIGHT", 1_000)

    async def find(_: str) -> dict[str, Any]:
        return {"actor": "account:1", "source": "cy_1", "scopes": ["ingest:*"]}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b" " * 600, "more_body": True}

    async def send(_: Any) -> None:
        pass

    async def post() -> int:
        app = front.Front()
        app._city = load_city(("chengyun.packs.air_quality",))
        app._find = find  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="More bodies"):
            await app._ingest("air_quality.station_hour", {"headers": [(b"authorization", b"Bearer x")]}, receive, send)
        return app._in_flight

    assert asyncio.run(post()) == 0


def test_tokens_that_are_nobodys_drive_no_sender_out_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front.tokens, "MOST_REMEMBERED", 20)
    monkeypatch.setattr(front, "KNOWN_FOR_S", -1.0)
    away = False

    async def look_up(raw: str) -> dict[str, Any] | None:
        if away:
            raise psycopg.OperationalError("away")
        return {"actor": "account:1", "source": raw, "scopes": ["ingest:*"]} if raw.startswith("cy_good") else None

    async def flood() -> None:
        nonlocal away
        app = front.Front()
        app._look_up = look_up  # type: ignore[method-assign]
        assert await app._find("cy_good") is not None
        for number in range(100):
            assert await app._find(f"cy_made_up_{number}") is None
        away = True
        assert await app._find("cy_good") is not None
        with pytest.raises(Unavailable):
            await app._find("cy_made_up_99")

    asyncio.run(flood())
