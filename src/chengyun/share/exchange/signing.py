# SPDX-License-Identifier: Apache-2.0
"""Requests of a consumer that has several under way: those that are signed in one turn of the event loop share a signature.

    signing = Signing(key)
    headers, asked = await signing.sign("GET", url)          … send, receive …
    signing.heard(status, headers of the answer)
    leaf = answers.checked(status, headers, body, asked, …)

A request that is alone in its turn is signed by itself: none waits for company. Nothing is shared with a node before it said that
it takes such signatures, and no longer once it refused one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from chengyun.access.keystore import SigningKey
from chengyun.share.exchange import messages
from chengyun.share.ledger.shared import MOST

__all__ = ["Signing"]

Signed = tuple[dict[str, str], messages.Unsigned]


class Signing:
    """What one key asks of one node, in one event loop. takes: False leaves every message, either way, signed by itself."""

    def __init__(self, key: SigningKey, *, takes: bool = True) -> None:
        self.shares = False
        self._key, self._takes, self._refused = key, takes, False
        self._waiting: list[tuple[str, str, bytes, asyncio.Future[Signed]]] = []

    async def sign(self, method: str, url: str, body: bytes = b"") -> Signed:
        """Return the headers that sign a request, and what was signed: its answer is checked by it. url: absolute, as sent."""
        if not self.shares:
            return self._alone(method, url, body)
        loop = asyncio.get_running_loop()
        signed: asyncio.Future[Signed] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._sign_waiting)
        self._waiting.append((method, url, body, signed))
        return await signed

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer whether the node takes shared signatures. headers: names in lower case."""
        if status == 401 and self.shares:
            self.shares, self._refused = False, True
        elif self._takes and not self.shares and not self._refused:
            self.shares = messages.accepts(headers, self._key)

    def _alone(self, method: str, url: str, body: bytes) -> Signed:
        (made,) = self._made([(method, url, body)], is_shared=False)
        headers = made.signed(self._key.sign(made.base))
        # What it takes itself need not be said by who signs a request so.
        return (headers | {"accept-signature": messages.ACCEPTS} if self._takes else headers), made

    def _made(self, asked: Sequence[tuple[str, str, bytes]], *, is_shared: bool) -> list[messages.Unsigned]:
        key_id, algorithm, now = self._key.key_id, messages.name_of(self._key, is_shared=is_shared), int(time.time())
        return [messages.unsigned_request(*one, key_id=key_id, algorithm=algorithm, created=now) for one in asked]

    def _sign_waiting(self) -> None:
        waiting, self._waiting = [one for one in self._waiting if not one[3].done()], []
        for start in range(0, len(waiting), MOST):
            group = waiting[start : start + MOST]
            try:
                made = self._group([(method, url, body) for method, url, body, _ in group])
            except Exception as wrong:
                # Nobody else would tell those who wait.
                for *_, signed in group:
                    signed.set_exception(wrong)
            else:
                for (*_, signed), one in zip(group, made, strict=True):
                    signed.set_result(one)

    def _group(self, asked: Sequence[tuple[str, str, bytes]]) -> list[Signed]:
        if len(asked) == 1:
            return [self._alone(*asked[0])]
        made = self._made(asked, is_shared=True)
        return list(zip(messages.sign_all(self._key, made), made, strict=True))
