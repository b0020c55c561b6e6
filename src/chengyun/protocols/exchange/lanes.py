# SPDX-License-Identifier: Apache-2.0
"""Threads that answer: one for small questions, which share transactions, and a few for those that take their time.

What waits while a group is being answered is the next group, so a commit costs the more of them the less each.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import close_old_connections, connection

from chengyun.share.exchange.parties import Known
from chengyun.share.exchange.serving import Answer, Ask, Routes, answer_many

__all__ = ["Lanes"]

LARGEST_GROUP = 64
SLOW_THREADS = 2

log = logging.getLogger(__name__)
Answering = Callable[[Sequence[Ask], Routes, Known], list[Answer]]
Waiting = tuple[Ask, "asyncio.Future[Answer]", asyncio.AbstractEventLoop]


class Lanes:
    """Opened and closed with the door."""

    def __init__(self, routes: Routes, answer: Answering = answer_many) -> None:
        self._routes, self._answering = routes, answer
        self._small: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._slow: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, args=(self._small, LARGEST_GROUP), daemon=True),
            *(threading.Thread(target=self._run, args=(self._slow, 1), daemon=True) for _ in range(SLOW_THREADS)),
        ]
        for one in self._threads:
            one.start()

    async def answer(self, ask: Ask, *, slow: bool) -> Answer:
        """Return the answer once what it promises is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        (self._slow if slow else self._small).put((ask, future, loop))
        return await future

    def close(self) -> None:
        self._small.put(None)
        for _ in range(SLOW_THREADS):
            self._slow.put(None)

    def _run(self, lane: queue.SimpleQueue[Waiting | None], most: int) -> None:
        # What takes its time is not done for who sends what was taken before.
        known = Known(looks=most == 1)
        while (first := lane.get()) is not None:
            group = [first]
            while len(group) < most:
                try:
                    more = lane.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    lane.put(None)
                    break
                group.append(more)
            close_old_connections()
            try:
                answers: Sequence[Answer] = self._answering([ask for ask, _, _ in group], self._routes, known)
            except Exception as wrong:
                connection.close()
                known = Known(looks=most == 1)
                _finish(group, [_failing(wrong)] * len(group))
            else:
                _finish(group, [_settling(one) for one in answers])
        connection.close()


def _finish(group: Sequence[Waiting], settle: Sequence[Callable[[Any], None]]) -> None:
    loop = group[0][2]

    def all_at_once() -> None:
        for (_, future, _), one in zip(group, settle, strict=True):
            if not future.done():
                one(future)

    # One wake-up of the loop for the whole group.
    loop.call_soon_threadsafe(all_at_once)


def _settling(answer: Answer) -> Callable[[Any], None]:
    return lambda future: future.set_result(answer)


def _failing(wrong: Exception) -> Callable[[Any], None]:
    return lambda future: future.set_exception(wrong)
