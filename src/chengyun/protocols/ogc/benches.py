# SPDX-License-Identifier: Apache-2.0
"""How fast features and tiles are answered, beside tipg and pygeoapi on the same rows in the same run (peers.py)."""

from __future__ import annotations

import json
import random
import socket
import statistics
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place, status, wait_for
from chengyun.errors import Unavailable
from chengyun.protocols.ogc.peers import peers

LAYER = "/ogc/collections/air_quality.station"
COUNT = 500_000
SPAN_S, ROUNDS, CONNECTIONS = 2.0, 3, 4
TILE = "8/105/214"
"""Level, row and column of the tile that holds every point."""
POINTS = """
    SELECT i AS id, 'b' || i AS key, 'point ' || i AS name,
           (ARRAY['national', 'provincial', 'municipal', 'micro'])[1 + i % 4] AS kind,
           121 + (hashint4(i)::float8 / 4294967296 + 0.5) * 0.8 AS lon,
           29.6 + (hashint4(i + 7777777)::float8 / 4294967296 + 0.5) * 0.7 AS lat
    FROM generate_series(1, 500000) AS i
"""
SEED = f"""
    SET session_replication_role = replica;
    INSERT INTO air_quality_station (key, name, area_code, lon, lat, simulated, source, kind, code, city_name)
    SELECT key, name, '330203', lon, lat, false, 'bench', kind, '', '' FROM ({POINTS}) AS points;
    SET session_replication_role = DEFAULT;
"""  # noqa: S608  our own text
READY_WITHIN_S = 60.0


def features() -> list[Result]:
    """Measure 100 features and one tile of 500,000 points, kept and new; beside them the same pages of each peer."""
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        with psycopg.connect(place.state()["database_url"], autocommit=True) as conn:
            conn.execute(SEED)
            conn.execute("VACUUM ANALYZE air_quality_station")
            conn.execute("NOTIFY chengyun_layer, 'air_quality_station'")
        ours = place.protocols_url
        wait_for(lambda: status(f"{ours}/health") == 200, READY_WITHIN_S, "the protocols process did not answer")
        tile = f"{LAYER}/tiles/WebMercatorQuad/{TILE}"
        begun = time.perf_counter()
        size = _size(f"{ours}{tile}")
        cold_s = time.perf_counter() - begun
        same, boxes = [f"{LAYER}/items?limit=100"], [f"{LAYER}/items?{box}" for box in _boxes(6_000)]
        kept, new, drawn = (_median(ours, paths) for paths in (same, boxes, [tile]))
        compared = {"kept": f"{kept:,.0f}/s"}
        with peers(POINTS) as (addresses, told):
            for name, address in addresses.items():
                base, path = f"{urlsplit(address).scheme}://{urlsplit(address).netloc}", urlsplit(address).path
                # A peer keeps no answers: the same page is as dear to it as a new one.
                compared[f"{name}, boxes"] = f"{_median(base, [f'{path}/items?{box}' for box in _boxes(6_000)]):,.0f}/s"
                compared[f"{name}, the same page"] = f"{_median(base, [f'{path}/items?limit=100']):,.0f}/s"
                told.append(f"{name} counts the same in {_alike(ours, address)} of 20 boxes")
    about = f"{CONNECTIONS} connections, median of {ROUNDS} × {SPAN_S:g} s over {COUNT:,} points with all their properties"
    return [
        Result(
            name="features", value=new, unit="/s", target=500, better="higher", compared=compared,
            notes=f"100 features in a box that was not asked before, {about}; kept: the same page again, until a row changes. "
            f"{'; '.join(told)}. Peers run with two workers each on PostGIS and show three properties, we 25.",
        ),
        Result(
            name="features-tile", value=drawn, unit="/s", target=600, better="higher", compared={"first time": f"{cold_s:.2f} s"},
            notes=f"One vector tile of {COUNT:,} points, thinned by the declared rule to {size / 1000:.0f} kB; {about}.",
        ),
    ]  # fmt: skip


def _boxes(count: int) -> list[str]:
    chance = random.Random(count)  # noqa: S311  no secret
    found = []
    for _ in range(count):
        west, south = round(chance.uniform(121.0, 121.75), 4), round(chance.uniform(29.6, 30.25), 4)
        found.append(urlencode({"limit": 100, "bbox": f"{west},{south},{west + 0.03:.4f},{south + 0.03:.4f}"}))
    return found


def _alike(ours: str, peer: str) -> int:
    """Return for how many of twenty boxes both say the same number."""

    def matched(address: str) -> int:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310  an address of this machine
            return int(json.load(answer)["numberMatched"])

    return sum(matched(f"{ours}{LAYER}/items?{box}") == matched(f"{peer}/items?{box}") for box in _boxes(20))


def _size(address: str) -> int:
    with urllib.request.urlopen(address, timeout=120) as answer:  # noqa: S310  our own address
        return len(answer.read())


def _median(base: str, paths: Sequence[str]) -> float:
    """Return requests a second, the middle of several rounds; a path is not asked twice before every other was."""
    return statistics.median(_rate(base, paths[number::ROUNDS] or paths) for number in range(ROUNDS))


def _rate(base: str, paths: Sequence[str]) -> float:
    """Return requests a second over kept connections, bodies read whole. Raises Unavailable for anything but 200."""
    at = urlsplit(base)
    done, wrong = [0] * CONNECTIONS, list[str]()
    begun = time.monotonic()

    def ask(number: int) -> None:
        buffer = memoryview(bytearray(1 << 20))
        turn = number
        while time.monotonic() - begun < SPAN_S and not wrong:
            with socket.create_connection((str(at.hostname), at.port or 80), timeout=60) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answered = 0
                while time.monotonic() - begun < SPAN_S and not wrong:
                    path = paths[turn % len(paths)]
                    line.sendall(f"GET {path} HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode())
                    head = b""
                    while b"\r\n\r\n" not in head and (size := line.recv_into(buffer)):
                        head += bytes(buffer[:size])
                    if not head and answered:
                        break  # a server may close a kept connection between two answers: ask again on a new one
                    top, _, rest = head.partition(b"\r\n\r\n")
                    if b" 200 " not in top[:16] or b"content-length:" not in top.lower():
                        wrong.append(f"{path}: {top[:80]!r}")
                        return
                    left = int(top.lower().split(b"content-length:")[1].split(b"\r\n")[0]) - len(rest)
                    while left > 0 and (size := line.recv_into(buffer)):
                        left -= size
                    answered += 1
                    done[number] += 1
                    turn += CONNECTIONS

    askers = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(CONNECTIONS)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    if wrong:
        raise Unavailable(f"A request was not answered as expected: {wrong[0]}.")
    return sum(done) / (time.monotonic() - begun)


BENCHES: Mapping[str, Bench] = {"features": features}
