# SPDX-License-Identifier: Apache-2.0
"""Measurements of pages: the board asked for steadily, by people who are signed in and by people who are not."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from statistics import quantiles
from urllib.parse import urlsplit

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, open_place
from chengyun.errors import Unavailable

RATE_PER_S = 50
LASTS_S = 20
ASKING = 16
"""Connections that are kept open; request number n is sent n / RATE_PER_S seconds after the start, by whoever is free."""
WARM_S = 10

SIGN_IN = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from chengyun.access.models import Account, Assignment
account = Account.objects.create_user("bench", password="Tower-Bridge-1894")
Assignment.objects.create(account=account, role="duty_officer")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(account.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = account.get_session_auth_hash()
session.create()
print(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
"""


def board() -> list[Result]:
    """Return how long the board takes at 50 requests a second, every second one signed in."""
    with open_place() as place:
        cookies = ("", place.django(SIGN_IN))
        _ask(place, cookies, WARM_S)
        took = _ask(place, cookies, LASTS_S)
    cuts = quantiles(took, n=100)
    return [
        Result(
            name="board",
            value=cuts[94] * 1000,
            unit="ms",
            target=150,
            compared={"median": f"{cuts[49] * 1000:.1f} ms", "p99": f"{cuts[98] * 1000:.1f} ms", "requests": str(len(took))},
            notes=f"95th percentile of the page at {RATE_PER_S} requests/s for {LASTS_S} s, from when each was due.",
        )
    ]


def _ask(place: Place, cookies: Sequence[str], lasts_s: float) -> list[float]:
    """Return the seconds from when each request was due to its last byte. Raises Unavailable for anything but a page."""
    total = int(RATE_PER_S * lasts_s)
    took: list[float] = []
    wrong: list[str] = []
    numbers = iter(range(total))
    guard = threading.Lock()
    begun = time.monotonic() + 0.2

    def ask() -> None:
        at = urlsplit(place.url)
        connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=30)
        while True:
            with guard:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return
            due = begun + number / RATE_PER_S
            time.sleep(max(0.0, due - time.monotonic()))
            cookie = cookies[number % len(cookies)]
            connection.request("GET", "/", headers={"Accept-Language": "zh-CN", **({"Cookie": cookie} if cookie else {})})
            answer = connection.getresponse()
            answer.read()
            took.append(time.monotonic() - due)
            if answer.status != 200:
                wrong.append(f"{answer.status}")

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(ASKING)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    if wrong or len(took) != total:
        raise Unavailable(f"{len(took)} of {total} requests for the board were answered, wrongly: {json.dumps(wrong[:5])}.")
    return took


BENCHES: dict[str, Bench] = {"board": board}
