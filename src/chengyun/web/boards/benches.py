# SPDX-License-Identifier: Apache-2.0
"""`board-tiles`: a board of thirty tiles asked for steadily on a whole installation, and how soon news stands on an open page.

CHENGYUN_BENCH_BOARD_S (20) seconds of load, CHENGYUN_BENCH_BOARD_RATE (5) requests a second, CHENGYUN_BENCH_BOARD_NEWS (20)
news.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections.abc import Sequence
from statistics import quantiles
from urllib.parse import quote

from chengyun.bench.frame import Bench, Result
from chengyun.bench.paced import ask_paced
from chengyun.bench.place import Place, open_place
from chengyun.errors import Unavailable
from chengyun.web.benches import SIGN_IN
from chengyun.web.boards.pace import AFTER_MS

ASKING = 8
READERS = 8
"""Accounts that ask in turn: what one sees is not kept for another."""
TILES = 30
LIVE_WITHIN_S = 1.0
AQI, DAY = "air_quality.area_hour_aqi", "air_quality.area_day_aqi"

PREPARE = f"""
import datetime as dt, random
from django.utils import timezone
from chengyun.access.actors import SYSTEM
from chengyun.areas.queries import areas_on
from chengyun.config import config
from chengyun.operate import store
from chengyun.operate.boards import services
from chengyun.operate.compute import Computed
from django.db import transaction
luck, now = random.Random(1), timezone.now().replace(minute=0, second=0, microsecond=0)
codes = [config().city, *(row.code for row in areas_on(None, "district"))]
for key, period, count in (("{AQI}", dt.timedelta(hours=1), 24 * 60), ("{DAY}", dt.timedelta(days=1), 365)):
    steps = range(1, count)
    rows = [Computed(code, now - period * step, luck.uniform(20, 180), {{}}, 1.0, False) for code in codes for step in steps]
    with transaction.atomic():
        known = store.current([key], now - period * count, now)[key]
        rows = [one for one in rows if (one.subject, one.period_start) not in known]
        areas = {{code: code for code in codes}}
        store.write([store.Fresh(indicator=key, figures=rows, areas=areas, as_of={{}}, version="bench")], [], now)
kinds = [
    *[dict(kind="figure", indicator="{AQI}", subject=code, span="24h", target=100.0, w=2, h=2) for code in codes[:11]],
    *[dict(kind="figure", indicator="{DAY}", subject=code, span="30d", w=2, h=2) for code in codes[:7]],
    *[dict(kind="chart", indicators=["{AQI}", "{DAY}"], subject=code, span="30d", w=4, h=3) for code in codes[:3]],
    dict(kind="index", indicator="air_quality.composite_index_year", w=4, h=3),
    dict(kind="map", layer="air_quality.air.1", w=4, h=5), dict(kind="map", layer="air_quality.air.2", w=4, h=5),
    dict(kind="alerts", w=4, h=5), dict(kind="cases", w=4, h=5), dict(kind="league", indicator="{AQI}", w=4, h=5),
    dict(kind="league", indicator="{DAY}", w=4, h=5), dict(kind="text", text="值班说明", w=4, h=5),
    dict(kind="chart", indicators=["{AQI}"], span="7d", w=8, h=5),
]
assert len(kinds) == {TILES}, len(kinds)
x = y = tall = 0
for number, one in enumerate(kinds):
    if x + one["w"] > 12:
        x, y, tall = 0, y + tall, 0
    one |= dict(id=f"t{{number}}", x=x, y=y)
    x, tall = x + one["w"], max(tall, one["h"])
services.save(dict(key="bench", name="三十块", level="city", tiles=kinds), SYSTEM)
"""

NEWS = f"""
import datetime as dt, sys, time
from django.db import transaction
from django.utils import timezone
from chengyun.config import config
from chengyun.operate import store
from chengyun.operate.compute import Computed
now = timezone.now().replace(minute=0, second=0, microsecond=0)
code = config().city
print("ready", flush=True)
for number in range({{count}}):
    time.sleep(0.9)
    with transaction.atomic():
        held = store.current(["{AQI}"], now, now + dt.timedelta(hours=1))["{AQI}"]
        gone = [ident for (subject, _), (ident, *_rest) in held.items() if subject == code]
        one = Computed(code, now, 500.0 + number, {{}}, 1.0, False)
        fresh = [store.Fresh(indicator="{AQI}", figures=[one], areas={{code: code}}, as_of={{}}, version="bench")]
        store.write(fresh, gone, now)
        store.tell(fresh)
    print(number, time.time(), flush=True)
"""


def board_tiles() -> list[Result]:
    """Return how long a board of thirty tiles takes under load, and how long news takes to an open page."""
    lasts, rate = float(os.environ.get("CHENGYUN_BENCH_BOARD_S", "20")), float(os.environ.get("CHENGYUN_BENCH_BOARD_RATE", "5"))
    with open_place() as place:
        place.django(PREPARE)
        cookies = [place.django(SIGN_IN.replace('"bench"', f'"bench{number}"')) for number in range(READERS)]
        _ask(place, cookies, rate, 4)
        took = _ask(place, cookies, rate, lasts)
        news = _news(place, cookies[0], int(os.environ.get("CHENGYUN_BENCH_BOARD_NEWS", "20")))
    cuts = quantiles(took, n=100)
    return [
        Result(
            name="board-tiles",
            value=cuts[94] * 1000,
            unit="ms",
            target=300,
            compared={"median": f"{cuts[49] * 1000:.1f} ms", "p99": f"{cuts[98] * 1000:.1f} ms", "requests": str(len(took))},
            notes=f"95th percentile of {TILES} tiles at {rate:g} requests/s by {READERS} readers, from when each was due.",
        ),
        Result(
            name="board-live",
            value=max(news),
            unit="s",
            target=LIVE_WITHIN_S,
            compared={"median": f"{sorted(news)[len(news) // 2]:.3f} s", "news": str(len(news))},
            notes="From a figure's commit until the tiles, asked for after the live channel told of it, show it.",
        ),
    ]


def _ask(place: Place, cookies: Sequence[str], rate: float, lasts_s: float) -> list[float]:
    return ask_paced(
        place.url,
        "/boards/bench",
        lambda number: {"Cookie": cookies[number % len(cookies)]},
        lambda status, body: status == 200 and body.count(b'class="cell ') == TILES,
        rate=rate,
        lasts_s=lasts_s,
        connections=ASKING,
    )


def _news(place: Place, cookie: str, count: int) -> list[float]:
    """Return the seconds from each figure's commit until the tiles asked for after the live channel told of it show it."""
    import subprocess  # the writer is a process of its own, as the engine is
    import sys

    code = f"from chengyun.run import setup\nsetup.django()\n{NEWS.replace('{count}', str(count))}"
    ticket = json.loads(_get(f"{place.url}/live-ticket", cookie))["ticket"]
    seen: dict[int, float] = {}
    listening = threading.Event()

    def listen() -> None:
        with urllib.request.urlopen(f"{place.stream_url}/live?ticket={quote(ticket)}", timeout=60) as channel:  # noqa: S310  our own address
            listening.set()
            for line in channel:
                if line.startswith(b"data:") and AQI.encode() in line:
                    value = json.loads(line[5:])["data"].get("value") or 0
                    if value >= 500:
                        time.sleep(AFTER_MS / 1000)  # as the page's script does
                        body = _get(f"{place.url}/boards/bench/tiles", cookie)
                        if f'<span class="tile-value">{value:.0f}</span>'.encode() in body:
                            seen.setdefault(int(value) - 500, time.time())
                        if int(value) - 500 == count - 1:
                            return

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    listening.wait(20)
    told = subprocess.run([sys.executable, "-c", code], env=place.env, capture_output=True, text=True, timeout=300, check=True)
    reader.join(10)
    committed = {int(words[0]): float(words[1]) for line in told.stdout.splitlines() if len(words := line.split()) == 2}
    if set(seen) != set(committed):
        raise Unavailable(f"{len(seen)} of {len(committed)} news came to the page within its first answer.")
    return [seen[number] - at for number, at in committed.items()]


def _get(address: str, cookie: str) -> bytes:
    asked = urllib.request.Request(address, headers={"Cookie": cookie})  # noqa: S310  our own address
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body


BENCHES: dict[str, Bench] = {"board-tiles": board_tiles}
