# SPDX-License-Identifier: Apache-2.0
"""A front end whose queue is not there at the start."""

from __future__ import annotations

import asyncio
import logging

import pytest

from chengyun.collect.queue import front
from chengyun.collect.queue.settings import QueueSettings
from chengyun.errors import Refused


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
