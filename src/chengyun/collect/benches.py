# SPDX-License-Identifier: Apache-2.0
"""What taking observations in costs, measured on a whole installation: `chengyun up`, its own database, all processes.

The load comes from a process of its own on the same machine. The stream is the first that a pack simulates.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec
import numpy as np
import psutil
import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, open_place
from chengyun.bench.probe import probe
from chengyun.bench.sender import Orders, Report
from chengyun.city import City, Stream, load_city, qualify
from chengyun.errors import Unavailable
from chengyun.lake import binary
from chengyun.lake.rows import Rows
from chengyun.lake.tables import StreamTable, names, stream_table

SECONDS = 10.0
BATCH = 1_000
STATIONS = 16_000
AREA = "330203"
LATEST_STATIONS = 100_000
VISIBLE_RATE = 20_000.0
VISIBLE_S = 30.0
PROBES = 100
PROBE_EVERY_S = 0.1


_days = itertools.count()
"""Every run begins a day after the one before, so that all it sends is news."""


@dataclass(frozen=True)
class Site:
    """An installation with stations registered, and the stream they send to."""

    place: Place
    database_url: str
    table: StreamTable
    stream: Stream
    stations: list[str]
    token: str

    def orders(self, *, connections: int, rows: int, seconds: float = SECONDS, rate: float | None = None) -> Orders:
        """Return orders whose values are plausible: nothing is out of range, stuck or spiking more often than by chance."""
        step = self.stream.cadence or dt.timedelta(minutes=1)
        start = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=60 - next(_days))
        quantities = {
            it.key: (it.valid[0] + 5.0, it.valid[0] + min(it.spike or 60.0, (it.valid[1] - it.valid[0]) / 2, 60.0))
            for it in self.stream.quantities
        }
        return Orders(
            port=self.place.stream_port, token=self.token, stream=self.table.qualified, entity=self.table.entity,
            time=self.table.time, stations=self.stations, quantities=quantities, connections=connections, rows=rows,
            seconds=seconds, start_ms=int(start.timestamp() * 1000), step_ms=int(step.total_seconds() * 1000), rate=rate,
        )  # fmt: skip


@contextlib.contextmanager
def open_site(stations: int = STATIONS) -> Iterator[Site]:
    """Start an installation that simulates nothing, and register stations in it."""
    city = load_city()
    qualified = _measured(city)
    table = stream_table(city, qualified)
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        url = str(place.state()["database_url"])
        keys = [f"B{number:06d}" for number in range(stations)]
        register_entities(url, table, keys)
        yield Site(place, url, table, city.streams[qualified], keys, place.token("ingest:*"))


def ingest() -> list[Result]:
    """Measure durable ingest: batches of 1,000 in array form, flagged, rules run, newest rows kept; every row is news."""
    with open_site() as site:
        sent(site.orders(connections=16, rows=BATCH, seconds=2.0))
        before = _processor_s(site)
        report = sent(site.orders(connections=16, rows=BATCH))
        spent = {name: seconds - before[name] for name, seconds in _processor_s(site).items()}
        stored = _count(site)
        copied = _raw_copy(site)
    rows_s = report.rows / report.seconds
    return [
        Result(
            name="ingest", value=rows_s, unit="obs/s", target=150_000, better="higher",
            compared={
                "raw COPY, commit each 1,000": f"{copied:,.0f} rows/s",
                "values": f"{rows_s * len(site.table.quantities):,.0f}/s",
                "answer p50, p99": f"{report.latency(0.5):.0f} ms, {report.latency(0.99):.0f} ms",
                "processor a row": ", ".join(f"{name} {1e6 * spent[name] / report.rows:.2f} µs" for name in ("stream", "db")),
                "failures": str(report.failures),
            },
            notes=f"One observation is one row of {len(site.table.quantities)} quantities; {len(site.stations):,} stations, "
            f"16 connections, {report.seconds:.0f} s, {stored:,} rows stored; load generator on the same machine.",
        )
    ]  # fmt: skip


def ingest_single() -> list[Result]:
    """Measure durable ingest of one observation a request."""
    with open_site() as site:
        sent(site.orders(connections=64, rows=1, seconds=2.0))
        report = sent(site.orders(connections=64, rows=1))
    return [
        Result(
            name="ingest-single", value=report.requests / report.seconds, unit="requests/s", target=1_500, better="higher",
            compared={
                "answer p50, p99": f"{report.latency(0.5):.0f} ms, {report.latency(0.99):.0f} ms",
                "failures": str(report.failures),
            },
            notes="64 connections, each sends the next when the one before is durable.",
        )
    ]  # fmt: skip


def ingest_visible() -> list[Result]:
    """Measure, under 20,000 observations a second, how long one takes to be in the newest rows and on an open page."""
    with open_site() as site:
        orders = site.orders(connections=40, rows=100, seconds=VISIBLE_S, rate=VISIBLE_RATE)
        orders.stations = site.stations[:-1]
        probing = site.orders(connections=1, rows=1)
        with ThreadPoolExecutor(1) as beside:
            load = beside.submit(sent, orders)
            time.sleep(3.0)
            seen = probe(site.place.stream_port, site.token, _ticket(site), probing, PROBES, PROBE_EVERY_S)
            report = load.result()
    taken = report.rows / report.seconds
    if taken < 0.95 * VISIBLE_RATE:
        raise Unavailable(f"Only {taken:,.0f} obs/s were taken; the machine is too busy to measure at {VISIBLE_RATE:,.0f}.")
    page, newest = sorted(seen.page_s), sorted(seen.latest_s)
    worst = [max(pair) for pair in zip(seen.page_s, seen.latest_s, strict=True)]
    return [
        Result(
            name="ingest-visible", value=_percentile(worst, 0.99), unit="s", target=1.0,
            compared={
                "open page p50, p99": f"{_percentile(page, 0.5):.3f} s, {_percentile(page, 0.99):.3f} s",
                "newest rows p50, p99": f"{_percentile(newest, 0.5):.3f} s, {_percentile(newest, 0.99):.3f} s",
                "load": f"{taken:,.0f} obs/s, {report.failures} failures",
            },
            notes=f"{len(worst)} probes; from before the request is sent until /latest and an open /live both have shown it.",
        )
    ]  # fmt: skip


def latest() -> list[Result]:
    """Measure the newest rows of 100,000 stations: asked for whole, and what moved since an earlier answer."""
    with open_site(stations=LATEST_STATIONS) as site:
        sent(site.orders(connections=4, rows=BATCH, seconds=12.0))
        path = f"/latest/{site.table.qualified}?ticket={_ticket(site)}"
        _wait_whole(site, path)
        whole, seq, size = [], 0, 0
        for _ in range(5):
            took, body = _timed_get(site.place.stream_port, path)
            whole.append(took)
            seq, size = msgspec.json.decode(body)["seq"], len(body)
        delta = []
        for _ in range(5):
            sent(site.orders(connections=1, rows=BATCH, seconds=0.05))
            took, body = _timed_get(site.place.stream_port, f"{path}&since={seq}")
            delta.append(took)
            answer = msgspec.json.decode(body)
            seq, moved = answer["seq"], answer["count"]
    return [
        Result(
            name="latest-cold", value=max(whole) * 1000, unit="ms", target=300, compared={"size": f"{size / 1e6:.1f} MB"},
            notes=f"The slowest of 5; all {LATEST_STATIONS:,} stations, nothing kept rendered between requests.",
        ),
        Result(
            name="latest-delta", value=max(delta) * 1000, unit="ms", target=60, compared={"moved": f"{moved:,} stations"},
            notes="The slowest of 5; what moved since the answer before.",
        ),
    ]  # fmt: skip


def _ticket(site: Site) -> str:
    return site.place.django(
        "import datetime as dt\nfrom chengyun.access.tickets import *\nfrom chengyun.config import config\n"
        "expires = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)\n"
        f"print(sign(config().secret, Ticket('bench', {{{site.table.qualified!r}: View(('',))}}, expires)))"
    )


def _wait_whole(site: Site, path: str) -> None:
    """Send until every station has reported."""
    for _ in range(5):
        if msgspec.json.decode(_timed_get(site.place.stream_port, path)[1])["count"] == len(site.stations):
            return
        sent(site.orders(connections=4, rows=BATCH, seconds=6.0))
    raise Unavailable("Not every station has reported in 40 s; the machine is too busy to measure on.")


def _timed_get(port: int, path: str) -> tuple[float, bytes]:
    with socket.create_connection(("127.0.0.1", port)) as conn:
        begun = time.perf_counter()
        conn.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        with conn.makefile("rb") as answer:
            whole = answer.read()
        return time.perf_counter() - begun, whole.partition(b"\r\n\r\n")[2]


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _measured(city: City) -> str:
    for pack in city.packs.values():
        if pack.pack.simulation:
            return qualify(pack.key, pack.pack.simulation.streams[0])
    return next(iter(city.streams))


def register_entities(url: str, table: StreamTable, keys: list[str]) -> None:
    """Put entities with these keys into the register of a stream."""
    with psycopg.connect(url) as conn:
        columns = conn.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_name = %s AND is_nullable = 'NO' AND column_name <> 'id' AND column_default IS NULL"
            " AND is_identity = 'NO'",
            [table.register],
        ).fetchall()
        # A register may require more than every register has; empty and false stand for what the measurement does not need.
        filled = {name: "false" if kind == "boolean" else "''" for name, kind in columns}
        filled |= {"key": "key", "name": "key", "area_code": f"'{AREA}'", "simulated": "false"}
        chosen = psycopg.sql.SQL("INSERT INTO {} ({}) SELECT {} FROM unnest(%s::text[]) AS keys (key)").format(
            psycopg.sql.Identifier(table.register),
            psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, filled)),
            psycopg.sql.SQL(", ").join(psycopg.sql.SQL(value) for value in filled.values()),
        )
        conn.execute(chosen, [keys])


def sent(orders: Orders) -> Report:
    """Send from a process of its own; say on stderr when something was refused."""
    done = subprocess.run(
        [sys.executable, "-m", "chengyun.bench.sender"], input=msgspec.json.encode(orders), stdout=subprocess.PIPE, check=True
    )
    report = msgspec.json.decode(done.stdout, type=Report)
    if report.failures:
        print(f"{report.failures} of {report.requests} requests failed, the first: {report.first_failure}", file=sys.stderr)
    return report


def _count(site: Site) -> int:
    with psycopg.connect(site.database_url) as conn:
        row = conn.execute("SELECT next_seq - 1 FROM lake_stream WHERE stream = %s", [site.table.qualified]).fetchone()
    return int(row[0]) if row else 0


def _processor_s(site: Site) -> dict[str, float]:
    """Return the processor seconds each child of the installation has used, with what it started."""
    used = {}
    for name, pid in site.place.children().items():
        above = psutil.Process(pid)
        times = [one.cpu_times() for one in (above, *above.children(recursive=True))]
        used[name] = sum(it.user + it.system for it in times)
    return used


def _raw_copy(site: Site, seconds: float = 4.0) -> float:
    """Return rows a second that COPY alone takes, committed every 1,000, nothing else done."""
    chance = np.random.default_rng(1)
    rows = Rows(
        np.arange(BATCH, dtype=np.int32),
        np.full(BATCH, 1_700_000_000_000_000, dtype=np.int64),
        np.zeros(BATCH, dtype=np.int64),
        {key: chance.uniform(5, 60, BATCH) for key in site.table.quantities},
        {key: [None] * BATCH for key in site.table.words},
    )
    body = binary.copy_rows(site.table, rows, 1)
    with psycopg.connect(site.database_url, autocommit=True) as conn:
        conn.execute(f"CREATE TABLE lake.raw_copy (LIKE {site.table.chunk(1)})")
        conn.execute("CREATE INDEX ON lake.raw_copy USING brin (seq) WITH (pages_per_range = 32)")
        begun = time.perf_counter()
        done = 0
        while (took := time.perf_counter() - begun) < seconds:
            with conn.cursor().copy(f"COPY lake.raw_copy ({names(site.table.columns)}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(body)
            done += BATCH
        conn.execute("DROP TABLE lake.raw_copy")
    return done / took


BENCHES: Mapping[str, Bench] = {
    "ingest": ingest,
    "ingest-single": ingest_single,
    "ingest-visible": ingest_visible,
    "latest": latest,
}
