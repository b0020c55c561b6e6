# SPDX-License-Identifier: Apache-2.0
"""A page asked for steadily, by the clock: whoever is slow is not spared the requests that come meanwhile."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from chengyun.errors import Unavailable

__all__ = ["ask_paced"]


def ask_paced(
    url: str,
    path: str,
    headers: Callable[[int], dict[str, str]],
    is_right: Callable[[int, bytes], bool],
    *,
    rate: float,
    lasts_s: float,
    connections: int,
) -> list[float]:
    """Return the seconds from when each request was due to its last byte, in no order.

    Request number n is sent n / rate seconds after the start, by whichever of the connections, kept open, is free.
    headers: what request number n carries. is_right: whether a status and a body are what was asked for.
    Raises Unavailable when any is not.
    """
    total = int(rate * lasts_s)
    took: list[float] = []
    wrong: list[str] = []
    numbers = itertools.count()
    begun = time.monotonic() + 0.2
    at = urlsplit(url)

    def ask() -> None:
        connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=30)
        while (number := next(numbers)) < total:
            due = begun + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("GET", path, headers=headers(number))
            answer = connection.getresponse()
            body = answer.read()
            took.append(time.monotonic() - due)
            if not is_right(answer.status, body):
                wrong.append(f"{answer.status} {body[:100]!r}")
        connection.close()

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(connections)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    if wrong or len(took) != total:
        raise Unavailable(f"{len(took)} of {total} requests for {path} were answered, wrongly: {json.dumps(wrong[:5])}.")
    return took
