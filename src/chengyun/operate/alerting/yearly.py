# SPDX-License-Identifier: Apache-2.0
"""The work of the bench `backtest`, in a process of its own beside a running installation: fill a year, judge it again.

Prints one JSON object. Started by benches.py with the environment of the installation.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
import time
from typing import Any

import psycopg

from chengyun.city import Above, AlertRule
from chengyun.lake import database, iceberg, plausible
from chengyun.lake.tables import stream_table
from chengyun.lake.yearly import STREAM, YEAR, register, seal_month
from chengyun.run import setup

RULE = AlertRule("bench", "bench", "station_hour", Above(150.0, clear=115.0, times=2), "orange", "bench", field="pm25")


def measure(sensors: int) -> dict[str, Any]:
    """Fill a year of hours of so many sensors, judge it, and return what it took."""
    from django.conf import settings  # read when setup has started Django

    from chengyun.lake.read import snapshot
    from chengyun.operate.probation.replay import replay

    table = stream_table(settings.CITY, STREAM)
    began = time.monotonic()
    seq = 0
    with psycopg.connect(database.url(), autocommit=True) as conn:
        keys, _ids = register(conn, table, sensors)
        home = iceberg.open_table(table)
        for number in range(1, 13):
            month = plausible.month(len(keys), YEAR, number, seq + 1)
            seq += len(month["time"])
            seal_month(home, table, month, keys, number, seq)
        conn.execute("UPDATE lake_stream SET next_seq = %s WHERE stream = %s", [seq + 1, STREAM])
    filled = time.monotonic() - began
    since, until = dt.datetime(YEAR - 1, 12, 31, tzinfo=dt.UTC), dt.datetime(YEAR + 1, 1, 2, tzinfo=dt.UTC)
    begun = time.monotonic()
    with snapshot([STREAM], since=since, until=until, exact=False) as lake:
        lake.rows("SELECT sum(hash(pm25)), sum(seq), sum(epoch_us(hour_start)), sum(quality) FROM air_quality.station_hour_raw")
    read = time.monotonic() - begun
    begun = time.monotonic()
    done = replay(settings.CITY, "air_quality.bench", RULE, since, until)
    return {
        "rows": done.rows, "alerts": len(done.alerts), "seconds": time.monotonic() - begun, "read_s": read, "fill_s": filled,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


if __name__ == "__main__":
    setup.django()
    print(json.dumps(measure(int(sys.argv[1]))))
