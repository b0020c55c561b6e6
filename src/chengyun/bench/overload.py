# SPDX-License-Identifier: Apache-2.0
"""What ten times too much does to an installation: `chengyun bench overload`, a stream of each urgency at once.

The senders do not go away when they are asked to, which is worse than any real ones. CHENGYUN_BENCH_MINUTES says for how
long, 10 unless told.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psycopg

from chengyun.bench.frame import Result
from chengyun.bench.place import open_place
from chengyun.city import load_city
from chengyun.collect.benches import Site, register_entities, sent
from chengyun.errors import Unavailable
from chengyun.lake.tables import StreamTable, stream_table
from chengyun.run.process import memory_bytes

__all__ = ["overload"]

PACK = "chengyun.bench.urgencies"
SENSORS = 16_000
TIMES = 10
BODY_ROWS = 4_000
CONNECTIONS = {"alarm": 4, "reading": 100, "history": 200}
"""Many senders with large bodies: more than may be in hand at once."""
CALM_CONNECTIONS = 12
"""Of each stream while the sustainable rate is measured: enough to fill every transaction, too few to be turned away."""
ALARMS_S = 40.0
"""Alarms a second, one a request: what is about life is little."""
SHARES = {"reading": 0.3, "history": 0.7}
"""How the load beside the alarms is parted."""
WATCH_EVERY_S = 2.0
SETTLED = 0.25
"""The share of the time after which memory should grow no more."""


def overload() -> list[Result]:
    """Send ten times what can be written; measure what becomes of memory, of alarms, of what was acknowledged, and after."""
    seconds = 60.0 * float(os.environ.get("CHENGYUN_BENCH_MINUTES", "10"))
    city = load_city((PACK,))
    tables = {key: stream_table(city, f"urgencies.{key}") for key in CONNECTIONS}
    with open_place(env={"CHENGYUN_DEMO": "0", "CHENGYUN_PACKS": PACK}) as place:
        url = str(place.state()["database_url"])
        keys = [f"B{number:06d}" for number in range(SENSORS)]
        register_entities(url, tables["alarm"], keys)
        token = place.token("ingest:*")
        sites = {key: Site(place, url, table, city.streams[table.qualified], keys, token) for key, table in tables.items()}
        _sustained(sites, keys, 3.0, turn=1)
        sustained = _sustained(sites, keys, min(20.0, max(5.0, seconds / 4)), turn=2)
        before = _stored(url, tables)
        orders = {key: sites[key].orders(connections=CONNECTIONS[key], rows=BODY_ROWS, seconds=seconds) for key in SHARES}
        for key, order in orders.items():
            order.rate, order.shared, order.stations = sustained * TIMES * SHARES[key], True, keys[:BODY_ROWS]
        orders["alarm"] = sites["alarm"].orders(connections=CONNECTIONS["alarm"], rows=1, seconds=seconds, rate=ALARMS_S)
        with _Watched(place.children()) as watched, ThreadPoolExecutor(len(orders)) as beside:
            under_way = {key: beside.submit(sent, order) for key, order in orders.items()}
            reports = {key: it.result() for key, it in under_way.items()}
            ended = time.monotonic()
            recovery_s = _recovered(f"{place.stream_url}/health") - ended
        stored = {key: count - before[key] for key, count in _stored(url, tables).items()}
        health = _health(f"{place.stream_url}/health")
    offered = sum(it.requests * orders[key].rows for key, it in reports.items()) / seconds
    alarm = reports["alarm"]
    unequal = {key: stored[key] - it.rows for key, it in reports.items()}
    return [
        Result(
            name="overload-alarms", value=alarm.latency(0.99) / 1000, unit="s", target=2.0,
            compared={
                "p50, slowest": f"{alarm.latency(0.5) / 1000:.3f} s, {alarm.latency(1.0) / 1000:.2f} s",
                "turned away": f"{alarm.failures} of {alarm.requests}",
                "sustained before": f"{sustained:,.0f} obs/s",
                "offered": f"{offered:,.0f} obs/s, {offered / sustained:.1f} times",
                "written": f"{sum(it.rows for it in reports.values()) / seconds:,.0f} obs/s",
            },
            notes=f"{seconds / 60:g} minutes; a stream of each urgency, senders on the same machine that do not wait when asked.",
        ),
        Result(
            name="overload-memory", value=watched.growth_mb_min("stream", SETTLED), unit="MB/min", target=1.0,
            compared={
                name: f"{watched.growth_mb_min(name, SETTLED):+.1f} MB/min, highest {watched.highest_mb(name):.0f} MB"
                for name in watched.samples
            },
            notes=f"Slope of the stream process's memory over the last {1 - SETTLED:.0%} of the time, and of the others'.",
        ),
        Result(
            name="overload-lost", value=float(sum(max(0, -it) for it in unequal.values())), unit="rows", target=0,
            compared={f"{key}: stored − acknowledged": f"{it:,}" for key, it in unequal.items()}
            | {f"{name} turned away": f"{count:,}" for name, count in health["admission"]["shed"].items()},
            notes="Rows acknowledged and not stored. More stored than acknowledged: the answer did not come in time.",
        ),
        Result(
            name="overload-recovery", value=recovery_s, unit="s", target=10.0,
            notes="From the last request until nothing is in hand and an answer comes within a tenth of a second.",
        ),
    ]  # fmt: skip


def _sustained(sites: Mapping[str, Site], keys: list[str], seconds: float, *, turn: int) -> float:
    """Return the rows a second that are written when the same streams get the same bodies and every sender waits for its answer.

    One stream alone, or smaller bodies, would be written slower than the installation can, and ten times that be no overload.
    turn: moves its times by so many seconds, so that every row is news, before and in the overload.
    """
    orders = [sites[key].orders(connections=CALM_CONNECTIONS, rows=BODY_ROWS, seconds=seconds) for key in SHARES]
    for order in orders:
        order.shared, order.stations = True, keys[:BODY_ROWS]
        order.start_ms += turn * 1_000
    with ThreadPoolExecutor(len(orders)) as beside:
        reports = list(beside.map(sent, orders))
    for report in reports:
        if report.failures:
            raise Unavailable(f"Without overload {report.failures} requests were turned away, the first: {report.first_failure}")
    return sum(it.rows for it in reports) / max(it.seconds for it in reports)


class _Watched:
    """The memory of processes, each with its children, while they are watched: name → [(seconds, MB)]."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self.samples: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def growth_mb_min(self, name: str, settled: float) -> float:
        """Return the slope of a process's memory, without the first share of the time."""
        times, sizes = np.array(self.samples[name]).T
        late = times >= times[0] + settled * (times[-1] - times[0])
        return float(np.polyfit(times[late], sizes[late], 1)[0] * 60)

    def highest_mb(self, name: str) -> float:
        return max(size for _, size in self.samples[name])

    def _watch(self) -> None:
        while not self._end.wait(WATCH_EVERY_S):
            for name, pid in self._pids.items():
                if (size := memory_bytes(pid)) is not None:
                    self.samples[name].append((time.monotonic(), size / 1e6))


def _stored(url: str, tables: Mapping[str, StreamTable]) -> dict[str, int]:
    """Return the rows of each stream, counted where they lie; of chunks that are sealed as counted when they were."""
    counts = dict.fromkeys(tables, 0)
    with psycopg.connect(url) as conn:
        # In one transaction, so that no chunk is sealed and dropped between the look at the books and the count.
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for key, table in tables.items():
            books = "SELECT chunk, rows FROM lake_chunk WHERE stream = %s AND (sealed_at IS NULL OR rows IS NOT NULL)"
            for chunk, rows in conn.execute(books, [table.qualified]).fetchall():
                if rows is None:
                    name = psycopg.sql.Identifier(*table.chunk(chunk).split("."))
                    found = conn.execute(psycopg.sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
                    rows = found[0] if found else 0
                counts[key] += rows
    return counts


def _health(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310  our own address
        told: dict[str, Any] = json.load(answer)
    return told


def _recovered(address: str) -> float:
    """Return when nothing is in hand any more and the process answers at once."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        begun = time.monotonic()
        if _health(address)["admission"]["bytes"] == 0 and time.monotonic() - begun < 0.1:
            return time.monotonic()
        time.sleep(0.05)
    raise Unavailable("A minute after the overload something is still in hand, or the process is slow to answer.")
