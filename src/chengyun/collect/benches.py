# SPDX-License-Identifier: Apache-2.0
"""What taking observations in costs, measured on a whole installation: `chengyun up`, its own database, all processes.

The load comes from a process of its own on the same machine. The stream is the first that a pack simulates.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, open_place
from chengyun.bench.sender import Orders, Report
from chengyun.city import City, Stream, load_city, qualify
from chengyun.lake import binary
from chengyun.lake.rows import Rows
from chengyun.lake.tables import StreamTable, names, stream_table

SECONDS = 10.0
BATCH = 1_000
STATIONS = 16_000
AREA = "330203"


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
        start = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=60)
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
        _register(url, table, keys)
        yield Site(place, url, table, city.streams[qualified], keys, place.token("ingest:*"))


def ingest() -> list[Result]:
    """Measure durable ingest: batches of 1,000 in array form, flagged, rules run, newest rows kept; every row is news."""
    with open_site() as site:
        _sent(site.orders(connections=8, rows=BATCH, seconds=2.0))
        report = _sent(site.orders(connections=8, rows=BATCH))
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
                "failures": str(report.failures),
            },
            notes=f"One observation is one row of {len(site.table.quantities)} quantities; {len(site.stations):,} stations, "
            f"8 connections, {report.seconds:.0f} s, {stored:,} rows stored; load generator on the same machine.",
        )
    ]  # fmt: skip


def ingest_single() -> list[Result]:
    """Measure durable ingest of one observation a request."""
    with open_site() as site:
        _sent(site.orders(connections=64, rows=1, seconds=2.0))
        report = _sent(site.orders(connections=64, rows=1))
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


def _measured(city: City) -> str:
    for pack in city.packs.values():
        if pack.pack.simulation:
            return qualify(pack.key, pack.pack.simulation.streams[0])
    return next(iter(city.streams))


def _register(url: str, table: StreamTable, keys: list[str]) -> None:
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
        conn.execute("NOTIFY chengyun_register")


def _sent(orders: Orders) -> Report:
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


BENCHES: Mapping[str, Bench] = {"ingest": ingest, "ingest-single": ingest_single}
