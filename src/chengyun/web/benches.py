# SPDX-License-Identifier: Apache-2.0
"""Measurements of pages: the board asked for steadily, by people who are signed in and by people who are not."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles

from chengyun.bench.frame import Bench, Result
from chengyun.bench.paced import ask_paced
from chengyun.bench.place import Place, open_place

RATE_PER_S = 50
LASTS_S = 20
ASKING = 16
"""Connections that are kept open."""
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
    def headers(number: int) -> dict[str, str]:
        cookie = cookies[number % len(cookies)]
        return {"Accept-Language": "zh-CN", **({"Cookie": cookie} if cookie else {})}

    return ask_paced(
        place.url, "/", headers, lambda status, _: status == 200, rate=RATE_PER_S, lasts_s=lasts_s, connections=ASKING
    )


BENCHES: dict[str, Bench] = {"board": board}
