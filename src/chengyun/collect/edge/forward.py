# SPDX-License-Identifier: Apache-2.0
"""Forwarding: the oldest first, one after the other, each under a key of its own, until the city says that it is durable.

200          it is there: the cursor moves
409, 422, 413, 400   the city will never take this body: it is set aside in `refused.jsonl`, with the answer
401, 403     the token is wrong: nothing is given up, somebody must mend it
5xx, nothing the network or the city is away: again later, later and later up to a minute
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chengyun.collect.edge.store import Record, Store

__all__ = ["City", "Forwarder"]

READ_AT_ONCE = 4 * 1024 * 1024
ANSWER_WITHIN_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 60.0
REFUSED_FOR_GOOD = frozenset({400, 409, 413, 415, 422})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class City:
    """Where to forward to. url: of the stream process, e.g. https://city.example/; token: of scope ingest:…."""

    url: str
    token: str
    ca: Path | None = None


class Forwarder:
    """Keeps one connection and sends over it what the store holds; `status` says how it does."""

    def __init__(self, store: Store, city: City) -> None:
        self._store = store
        self._city = city
        self._connection: http.client.HTTPConnection | None = None
        self.says = "starting"
        self.sent = self.refused = 0
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Forward until cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            records = self._store.read(READ_AT_ONCE)
            if not records:
                self.wake.clear()
                await self.wake.wait()
                continue
            arrived = 0
            try:
                for record in records:
                    status, answer = await asyncio.to_thread(self._post, record)
                    if status != 200 and status not in REFUSED_FOR_GOOD:
                        raise OSError(f"the city answered {status}: {answer[:200]!r}")
                    if status != 200:
                        self._set_aside(record, status, answer)
                    self.sent += status == 200
                    arrived = record.number
            except (OSError, http.client.HTTPException) as away:
                self._close()
                self._say(f"Not forwarded: {away}")
                if arrived:
                    self._store.forward(arrived)
                    pause = FIRST_PAUSE_S
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            self._store.forward(arrived)
            self._say("forwarding")
            pause = FIRST_PAUSE_S

    def _post(self, record: Record) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = self._connect()
        headers = {
            "Authorization": f"Bearer {self._city.token}",
            "Content-Type": "application/json",
            # The number is never used twice, so an answer that was lost does no harm.
            "Idempotency-Key": f"edge-{self._store.id}-{record.number}",
        }
        path = urlsplit(self._city.url).path.rstrip("/")
        self._connection.request("POST", f"{path}/ingest/{record.stream}", record.body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._city.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=str(self._city.ca) if self._city.ca else None)
            return http.client.HTTPSConnection(host, port, timeout=ANSWER_WITHIN_S, context=context)
        return http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _set_aside(self, record: Record, status: int, answer: bytes) -> None:
        """Keep what the city will never take, before the cursor passes it."""
        self.refused += 1
        line = {
            "number": record.number, "stream": record.stream, "status": status, "answer": answer.decode(errors="replace")[:2000],
            "body": record.body.decode(errors="replace"),
        }  # fmt: skip
        with open(self._store.folder / "refused.jsonl", "a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            out.flush()
            os.fsync(out.fileno())
        log.warning("record %d of %s was refused with %d and set aside", record.number, record.stream, status)

    def _say(self, sentence: str) -> None:
        if sentence != self.says:
            log.log(logging.INFO if sentence == "forwarding" else logging.WARNING, "%s", sentence)
        self.says = sentence
