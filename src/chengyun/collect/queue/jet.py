# SPDX-License-Identifier: Apache-2.0
"""The queue itself: one JetStream stream, a subject for each stream of the city. Nothing here knows what a body means."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from chengyun.collect.queue.settings import QueueSettings
from chengyun.errors import Refused, Unavailable

__all__ = ["AWAY", "FULL", "Jet", "Queued"]

NAME = "chengyun-ingest"
SUBJECT = "chengyun.ingest"
REPEATED_WITHIN_S = 120.0
"""How long the queue itself knows a body that is sent again; later ones are known by their key when they are written."""
ANSWER_WITHIN_S = 5.0
FORGOTTEN_AFTER_S = 30.0
"""A reader of the queue that is gone costs the nodes something only so long."""
AWAY = "The queue is away and this was not acknowledged. Send it again."
FULL = "The queue is full: collectors are behind. Send this again later."
_FULL_CODES = {10047, 10077, 10023}
"""JetStream's: stream store failed, maximum bytes exceeded, insufficient resources."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Queued:
    """One body. place: its number in the queue, rising over all streams."""

    place: int
    body: bytes
    headers: Mapping[str, str]


class Jet:
    """A connection to the nodes that comes back by itself."""

    def __init__(self, settings: QueueSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._client = Client()
        self._stream: JetStreamContext | None = None

    async def open(self) -> None:
        """Connect and make the queue if it is not there. Raises Unavailable, or Refused when the nodes cannot keep it."""
        try:
            await self._client.connect(
                servers=list(self._settings.urls), name=self._name, max_reconnect_attempts=-1, reconnect_time_wait=1,
                connect_timeout=2, ping_interval=5, max_outstanding_pings=2, user_credentials=self._settings.credentials,
                error_cb=_log,
            )  # fmt: skip
            stream = self._client.jetstream(timeout=ANSWER_WITHIN_S)
            await self._ensure(stream)
        except (NatsError, OSError, TimeoutError) as wrong:
            await self.close()
            raise Unavailable(
                f"The queue does not answer at {', '.join(self._settings.urls)}: {str(wrong) or type(wrong).__name__}."
            ) from wrong
        self._stream = stream

    async def open_when_there(self) -> None:
        """Open, and wait for nodes that are not up or still electing. Raises Refused when they cannot keep the queue."""
        while True:
            try:
                await self.open()
                return
            except Unavailable as away:
                log.warning("%s", away.sentence)
                await asyncio.sleep(1.0)

    async def close(self) -> None:
        self._stream = None
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            await self._client.close()

    @property
    def connected(self) -> bool:
        return self._stream is not None and self._client.is_connected

    @property
    def largest_body(self) -> int:
        """Bytes a body may have, as the nodes say, less what headers need. Raises Unavailable before the nodes were there."""
        if self._stream is None:
            raise Unavailable(AWAY)
        return max(self._client.max_payload - 8192, 0)

    async def put(self, stream: str, body: bytes, headers: Mapping[str, str], key: str | None) -> int:
        """Return the place a body got, once a majority of the nodes holds it. Raises Unavailable when it may not be held.

        key: a body with the same one is queued once.
        """
        sent = {**headers, **({"Nats-Msg-Id": key} if key else {})}
        try:
            told = await self._js.publish(f"{SUBJECT}.{stream}", body, headers=sent, timeout=ANSWER_WITHIN_S)
        except APIError as wrong:
            full = wrong.err_code in _FULL_CODES
            raise Unavailable(FULL if full else AWAY, code="queue_full" if full else "unavailable") from wrong
        except (NatsError, OSError, TimeoutError) as wrong:
            raise Unavailable(AWAY) from wrong
        return int(told.seq)

    @contextlib.asynccontextmanager
    async def reading(self, stream: str, after: int) -> AsyncIterator[Reader]:
        """Read a stream's bodies in order, from the first one behind a place on."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1, filter_subject=f"{SUBJECT}.{stream}",
            ack_policy=AckPolicy.ALL, max_ack_pending=-1, inactive_threshold=FORGOTTEN_AFTER_S, mem_storage=True, num_replicas=1,
        )  # fmt: skip
        try:
            # Without a name kept: a reader that died is made anew from the place that was reached, so order is never in doubt.
            found = await self._js.pull_subscribe(f"{SUBJECT}.{stream}", stream=NAME, config=config)
        except (NatsError, OSError, TimeoutError) as wrong:
            raise Unavailable(AWAY) from wrong
        reader = Reader(found, after)
        try:
            yield reader
        finally:
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                await found.unsubscribe()

    async def forget(self, stream: str, up_to: int) -> None:
        """Remove a stream's bodies up to a place; they are in the lake."""
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            await self._js.purge_stream(NAME, subject=f"{SUBJECT}.{stream}", seq=up_to + 1)

    async def waiting(self) -> dict[str, int]:
        """Return how many bodies each stream has in the queue."""
        try:
            info = await self._js.stream_info(NAME, subjects_filter=f"{SUBJECT}.>")
        except (NatsError, OSError, TimeoutError) as wrong:
            raise Unavailable(AWAY) from wrong
        return {subject.removeprefix(f"{SUBJECT}."): count for subject, count in (info.state.subjects or {}).items()}

    @property
    def _js(self) -> JetStreamContext:
        if self._stream is None:
            raise Unavailable(AWAY)
        return self._stream

    async def _ensure(self, stream: JetStreamContext) -> None:
        try:
            kept = (await stream.stream_info(NAME)).config
            if kept.num_replicas != self._settings.replicas:
                log.warning(
                    "the queue keeps %s copies, CHENGYUN_NATS_REPLICAS says %s; change it with the nodes' own tools",
                    kept.num_replicas, self._settings.replicas,
                )  # fmt: skip
            return
        except NotFoundError:
            pass
        wanted = StreamConfig(
            name=NAME, subjects=[f"{SUBJECT}.>"], retention=RetentionPolicy.LIMITS, storage=StorageType.FILE,
            discard=DiscardPolicy.NEW, max_bytes=self._settings.largest, num_replicas=self._settings.replicas,
            duplicate_window=REPEATED_WITHIN_S, description="Observations on their way to the lake of chengyun.",
        )  # fmt: skip
        try:
            await stream.add_stream(wanted)
        except APIError as wrong:
            raise Refused(
                f"The nodes cannot keep the queue with {self._settings.replicas} copies: {wrong.description}. "
                "Start JetStream on as many nodes, or set CHENGYUN_NATS_REPLICAS or CHENGYUN_NATS_GB lower.",
                code="queue_refused",
            ) from wrong


class Reader:
    """One stream's bodies, in order and without a gap; it ends by raising Unavailable when it cannot go on."""

    def __init__(self, subscription: JetStreamContext.PullSubscription, after: int) -> None:
        self._subscription = subscription
        self._last = after

    async def next(self, most: int, within_s: float) -> list[Queued]:
        """Return up to so many bodies, none when none came in time."""
        try:
            messages: list[Msg] = await self._subscription.fetch(most, timeout=within_s)
            found = []
            for message in messages:
                place = int(message.metadata.sequence.stream)
                if place > self._last:
                    found.append(Queued(place, message.data, message.headers or {}))
                    self._last = place
            if messages:
                await messages[-1].ack()
        except NatsTimeout:
            await self._still_there()
            return []
        except (NatsError, OSError, TimeoutError) as wrong:
            raise Unavailable(AWAY) from wrong
        return found

    async def _still_there(self) -> None:
        # A node that kept this reader may be gone: silence is then not an empty queue.
        try:
            await self._subscription.consumer_info()
        except (NatsError, OSError, TimeoutError) as wrong:
            raise Unavailable(AWAY) from wrong


async def _log(wrong: Exception) -> None:
    log.info("queue: %s", str(wrong) or type(wrong).__name__)
