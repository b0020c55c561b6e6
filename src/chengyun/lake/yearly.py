# SPDX-License-Identifier: Apache-2.0
"""The work of the bench `year-query`, in a process of its own beside a running installation: fill a year, ask, compare.

Prints one JSON object. Started by benches.py with the environment of the installation, and by others with the word `fill`
behind the number of stations: then it only fills, the newest rows too.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg

from chengyun.lake import binary, database, engine, iceberg, parquet, plausible
from chengyun.lake.parquet import Stored
from chengyun.lake.rows import Rows
from chengyun.lake.seal import commit, month_folder
from chengyun.lake.tables import StreamTable, stream_table
from chengyun.run import setup

if TYPE_CHECKING:
    from pyiceberg.table import Table

STREAM = "air_quality.station_hour"
YEAR = 2025
HOURS = 8760
PLAIN_SHARE = 10
"""Every tenth station goes into the plain table too; its time is multiplied by ten, which flatters a table of that size."""
ROUNDS = 5

QUERY = """
    SELECT district_code, hour_start, avg(pm25) AS pm25, count(pm25) AS n
    FROM station_hour JOIN station ON station.key = station_hour.station
    GROUP BY district_code, hour_start
"""
NEWEST = """
    INSERT INTO {latest} (entity_id, runs, time, seq, quality, so2, no2, co, o3, pm10, pm25)
    SELECT id, '', %s::timestamptz - interval '1 hour', %s, 0, 8, id %% 60, 0.7, id %% 160, id %% 120, id %% 90
    FROM unnest(%s::int4[]) AS id
"""
PLAIN_QUERY = """
    SELECT left(station.area_code, 6) AS district_code, hour_start, avg(pm25) AS pm25, count(pm25) AS n
    FROM plain_hour JOIN air_quality_station AS station ON station.id = plain_hour.station_id
    GROUP BY 1, 2
"""


def measure(stations: int) -> dict[str, Any]:
    """Fill a year of hours for so many stations, ask, and return what it took."""
    from django.conf import settings  # read when setup has started Django

    from chengyun.lake.read import snapshot

    table = stream_table(settings.CITY, STREAM)
    began = time.monotonic()
    with psycopg.connect(database.url(), autocommit=True) as conn:
        keys, ids = register(conn, table, stations)
        rows, size = _fill(conn, table, keys, ids)
        filled = time.monotonic() - began
        times, worked, answer = [], [], 0
        with snapshot([STREAM], exact=False) as lake:
            for _ in range(ROUNDS):
                begun, busy = time.monotonic(), time.process_time()
                answer = len(lake.arrow(QUERY))
                times.append(time.monotonic() - begun)
                worked.append(time.process_time() - busy)
        begun = time.monotonic()
        with snapshot([STREAM], exact=False) as lake:
            opened = time.monotonic() - begun
            lake.arrow(QUERY)
        whole = time.monotonic() - begun
        plain = _ask_plain(conn)
    return {
        "rows": rows, "bytes": size, "groups": answer, "first_s": times[0], "median_s": sorted(times)[ROUNDS // 2],
        "cpu_s": sorted(worked)[ROUNDS // 2], "open_s": opened, "whole_s": whole, "fill_s": filled,
        "plain": plain, "threads": engine.THREADS,
    }  # fmt: skip


def fill(stations: int) -> dict[str, Any]:
    """Fill a year of hours for so many stations, with the newest row of each, and return what it came to."""
    from django.conf import settings  # read when setup has started Django

    table = stream_table(settings.CITY, STREAM)
    began = time.monotonic()
    with psycopg.connect(database.url(), autocommit=True) as conn:
        keys, ids = register(conn, table, stations)
        rows, size = _fill(conn, table, keys, ids, plain=False)
        conn.execute(NEWEST.format(latest=table.latest).encode(), [f"{YEAR + 1}-01-01T00:00Z", rows, ids])
        conn.execute("ANALYZE")
    return {"rows": rows, "bytes": size, "fill_s": time.monotonic() - began}


def register(conn: psycopg.Connection[tuple[Any, ...]], table: StreamTable, stations: int) -> tuple[list[str], list[int]]:
    """Put stations into the register, ten districts in turn; return their keys and ids in order of key."""
    conn.execute(
        f"""
        INSERT INTO {table.register} (key, name, area_code, simulated, source, kind, code, city_name)
        SELECT 'y' || lpad(i::text, 6, '0'), 'bench ' || i, '3302' || lpad((i %% 10 + 3)::text, 2, '0'), false, 'bench',
            'micro', '', '' FROM generate_series(1, %s) AS i
        """,  # noqa: S608
        [stations],
    )
    found = conn.execute(f"SELECT key, id FROM {table.register} WHERE source = 'bench' ORDER BY key").fetchall()  # noqa: S608
    return [key for key, _ in found], [number for _, number in found]


def _fill(
    conn: psycopg.Connection[tuple[Any, ...]], table: StreamTable, keys: list[str], ids: list[int], *, plain: bool = True
) -> tuple[int, int]:  # fmt: skip
    """Write the year into sealed files, month by month in commits as sealing makes them, and a share into a plain table."""
    home = iceberg.open_table(table)
    columns = "".join(f", {name} float8" for name in plausible.POLLUTANTS)
    if plain:
        conn.execute(f"CREATE UNLOGGED TABLE plain_hour (station_id int4, hour_start timestamptz{columns})")
    seq = rows = size = 0
    for number in range(1, 13):
        month = plausible.month(len(keys), YEAR, number, seq + 1)
        count = len(month["time"])
        seq += count
        stored = seal_month(home, table, month, keys, number, seq)
        rows, size = rows + count, size + stored.size
        if plain:
            _copy_plain(conn, month, np.array(ids, dtype=np.int32))
    conn.execute("UPDATE lake_stream SET next_seq = %s WHERE stream = %s", [seq + 1, STREAM])
    if plain:
        conn.execute("VACUUM ANALYZE plain_hour")
    return rows, size


def seal_month(
    home: Table, table: StreamTable, month: dict[str, Any], keys: list[str], number: int, seq: int, year: int = YEAR
) -> Stored:
    """Write a month into one sealed file, as sealing would; seq: of its last row."""
    missing = [name for name in table.quantities if name not in plausible.POLLUTANTS]
    rows = plausible.as_arrow(month, keys, table.time, table.entity, missing)
    schema = parquet.arrow_schema(table, {field.name: field.field_id for field in home.schema().fields})
    stem = f"{month_folder(table, (year - 1970) * 12 + number - 1)}/bench-{number:02d}"
    stored = parquet.write(table, rows.select(schema.names), schema, stem)
    commit(home, [], [stored], {iceberg.SEALED_SEQ: str(seq)})
    return stored


def _copy_plain(conn: psycopg.Connection[tuple[Any, ...]], month: dict[str, Any], ids: np.ndarray[Any, Any]) -> None:
    chosen = np.flatnonzero(month["station"] % PLAIN_SHARE == 0)
    # The same binary rows as ingest writes, into columns of the same names in the same order.
    as_stream = StreamTable("plain.hour", "plain", "hour", "plain", "", "", "", "", tuple(plausible.POLLUTANTS), ())
    rows = Rows(
        ids[month["station"][chosen]],
        month["time"][chosen],
        np.zeros(len(chosen), dtype=np.int64),
        {name: month[name][chosen] for name in plausible.POLLUTANTS},
        {},
    )
    conn.execute("CREATE TEMP TABLE IF NOT EXISTS incoming (time timestamptz, seq int8, quality int8, "
                 + ", ".join(f"{name} float8" for name in plausible.POLLUTANTS) + ", entity_id int4)")  # fmt: skip
    with conn.cursor() as cursor, cursor.copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(binary.copy_rows(as_stream, rows, 1))
    names = ", ".join(plausible.POLLUTANTS)
    conn.execute(f"INSERT INTO plain_hour SELECT entity_id, time, {names} FROM incoming")  # noqa: S608
    conn.execute("TRUNCATE incoming")


def _ask_plain(conn: psycopg.Connection[tuple[Any, ...]]) -> dict[str, Any]:
    row = conn.execute("SELECT count(*), pg_relation_size('plain_hour') FROM plain_hour").fetchone()
    assert row is not None
    times = []
    for _ in range(3):
        begun = time.monotonic()
        conn.execute(PLAIN_QUERY).fetchall()
        times.append(time.monotonic() - begun)
    return {"rows": row[0], "bytes": row[1], "median_s": sorted(times)[1], "share": PLAIN_SHARE}


if __name__ == "__main__":
    setup.django()
    work = fill if sys.argv[2:] == ["fill"] else measure
    print(json.dumps(work(int(sys.argv[1]))))
