# SPDX-License-Identifier: Apache-2.0
"""Measurements of the statistics: pages over ten million cases, and what counting costs whoever writes cases.

CHENGYUN_BENCH_CASES says how many cases there are, CHENGYUN_BENCH_PAGES how many pages are asked for.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from statistics import quantiles
from urllib.parse import urlsplit

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, open_place
from chengyun.errors import Unavailable

__all__ = ["BENCHES"]

CASES = 10_000_000
PAGES = 300
WARM = 20
SHOWN = 20
"""Slowest pages that are named."""

FILL = """
import json, time
from chengyun.access.models import Organisation
from chengyun.cases.statistics import folding, samples
begun = time.perf_counter()
samples.fill({cases})
filled = time.perf_counter()
counted = folding.rebuild()
rebuilt = time.perf_counter()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("VACUUM ANALYZE statistics_cell")
    sizes = "pg_total_relation_size('statistics_cell'), pg_total_relation_size('cases_case')"
    cursor.execute(f"SELECT count(*), {{sizes}} FROM statistics_cell")
    cells, size, whole = cursor.fetchone()
bodies = list(Organisation.objects.filter(key__startswith="bench_").values_list("pk", flat=True))
told = {{"rebuild": rebuilt - filled, "counted": counted, "cells": cells, "size": size, "whole": whole, "bodies": bodies}}
print(json.dumps(told))
"""


def case_statistics() -> list[Result]:
    """Return how long a page of statistics takes, from when it was asked for to its last byte."""
    cases, pages = int(os.environ.get("CHENGYUN_BENCH_CASES", CASES)), int(os.environ.get("CHENGYUN_BENCH_PAGES", PAGES))
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        made = json.loads(place.django(FILL.format(cases=cases), within_s=7200))
        cookie = place.django(SIGN_IN)
        took = _ask(place, cookie, made["bodies"], pages)
    cuts = quantiles([seconds for seconds, _address in took], n=100)
    slowest = sorted(took, reverse=True)
    beside = {
        "median": f"{cuts[49] * 1000:.0f} ms", "worst": f"{slowest[0][0] * 1000:.0f} ms ({slowest[0][1]})",
        "next to it": "; ".join(f"{seconds * 1000:.0f} ms ({address})" for seconds, address in slowest[1:SHOWN]),
        "cells": f"{made['cells']:,}",
        "they take": f"{made['size'] / 1e9:.2f} GB beside {made['whole'] / 1e9:.2f} GB of cases",
        "counting all anew": f"{made['rebuild']:.0f} s",
    }  # fmt: skip
    return [
        Result(
            name="case-statistics", value=cuts[94] * 1000, unit="ms", target=300, compared=beside,
            notes=f"95th percentile of {pages} pages over {made['counted']:,} cases of five years, one after the other.",
        )
    ]  # fmt: skip


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

ASKED = """
import datetime, itertools, json
from chengyun.cases.statistics.samples import questions
print(json.dumps(list(itertools.islice(questions({bodies}, datetime.date.today()), {count}))))
"""


def _ask(place: Place, cookie: str, bodies: list[int], pages: int) -> list[tuple[float, str]]:
    """Return seconds and address of each page. Raises Unavailable for anything but a page."""
    addresses = json.loads(place.django(ASKED.format(bodies=bodies, count=WARM + pages)))
    at = urlsplit(place.url)
    connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=120)
    took = []
    for address in addresses:
        begun = time.perf_counter()
        connection.request("GET", f"/statistics?{address}", headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - begun, address))
        if answer.status != 200:
            raise Unavailable(f"/statistics?{address} was answered with {answer.status}.")
    connection.close()
    return took[WARM:]


BENCHES: dict[str, Bench] = {"case-statistics": case_statistics}
