# SPDX-License-Identifier: Apache-2.0
"""What strangers answer, read to an end of ours: so many bytes, and so long from the first word sent to the last byte read.

httpx counts the time of each read by itself: a head that comes a byte at a time, or no head but one `100 Continue` after the
other, never takes too long.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from chengyun.errors import Malformed, Unavailable

__all__ = ["Ending", "blocks", "body", "client"]


def client(within_s: float, whole_s: float) -> httpx.Client:
    """Return a client whose exchanges end. within_s: for each word to arrive; whole_s: for all of an exchange, head and body.

    Past either it raises httpx.TimeoutException. Redirects, proxies and unpacking are not for strangers to ask for.
    """
    headers = {"accept-encoding": "identity"}
    return httpx.Client(
        transport=Ending(whole_s), timeout=within_s, follow_redirects=False, trust_env=False, headers=headers
    )  # fmt: skip


def body(told: httpx.Response, most: int, who: str) -> bytes:
    """Return an answer's body. who: sent it. Raises as `blocks` does, and Malformed for more than `most` bytes: read so far."""
    got = bytearray()
    for block in blocks(told, who):
        got += block
        if len(got) > most:
            size = f"{most >> 20} MB" if most >> 20 else f"{most >> 10} kB"
            raise Malformed(f"{who} answered with more than {size}.", code="answer")
    return bytes(got)


def blocks(told: httpx.Response, who: str) -> Iterator[bytes]:
    """Yield what arrives. Raises Malformed for what is packed (a little can unpack to any size), Unavailable past the end."""
    if told.headers.get("content-encoding", "identity") != "identity":
        raise Malformed(f"{who} packed its answer, which it was asked not to.", code="answer")
    try:
        yield from told.iter_bytes()
    except httpx.TimeoutException as wrong:
        raise Unavailable(f"{who} did not end its answer in time.") from wrong
    except httpx.HTTPError as wrong:
        raise Unavailable(f"{who} broke off: {type(wrong).__name__}.") from wrong


class Ending(httpx.HTTPTransport):
    """The network, with an end for each exchange of a thread. whole_s: from the first word sent to the last byte read."""

    def __init__(self, whole_s: float) -> None:
        authorities = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=authorities, trust_env=False)
        self._whole_s, self._clock = whole_s, _Clock()
        self._pool = httpcore.ConnectionPool(ssl_context=authorities, network_backend=_Network(self._clock))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._clock.end = time.monotonic() + self._whole_s
        return super().handle_request(request)


class _Clock(threading.local):
    """end: of what this thread asked for last, on the monotonic clock."""

    end = 0.0

    def left(self, timeout: float | None) -> float:
        """Return how long to wait for a word. Raises httpcore.ReadTimeout past the end."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("The exchange did not end in time.")
        return left if timeout is None else min(timeout, left)


class _Network(httpcore.NetworkBackend):
    def __init__(self, clock: _Clock) -> None:
        self._clock, self._network = clock, httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        within = self._clock.left(timeout)
        return _Stream(self._network.connect_tcp(host, port, within, local_address, socket_options), self._clock)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._clock.left(timeout)), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
