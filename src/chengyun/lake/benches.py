# SPDX-License-Identifier: Apache-2.0
"""What the lake costs: a year of a city's air asked at once, and the bytes an observation takes at rest."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place
from chengyun.errors import Unavailable
from chengyun.lake.backloading import backload

STATIONS = 11_416
"""Times 8,760 hours: 100 million rows."""


def year_query() -> Sequence[Result]:
    """Hourly means by district over a year of 100 million sealed rows, and the same in plain PostgreSQL."""
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        found = _yearly(place.env, STATIONS)
    plain = found["plain"]
    scaled = plain["median_s"] * plain["share"]
    return [
        Result(
            name="year-query", value=found["median_s"], unit="s", target=3,
            compared={
                "first": f"{found['first_s']:.2f} s",
                "processor time": f"{found['cpu_s']:.2f} s over {found['threads']} cores",
                "opened and asked": f"{found['whole_s']:.2f} s",
                "plain PostgreSQL": f"{scaled:.0f} s ({plain['rows']:,} rows measured at {plain['median_s']:.2f} s, "
                                    f"times {plain['share']})",
            },
            notes=f"{found['rows']:,} rows of six quantities into {found['groups']:,} groups on {found['threads']} threads, "
            f"median of five with one snapshot open; filled in {found['fill_s']:.0f} s.",
        ),
        _bytes(found),
    ]  # fmt: skip


def bytes_at_rest() -> Sequence[Result]:
    """Bytes a sealed observation takes, by the files of a year of 500 stations."""
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        return [_bytes(_yearly(place.env, 500))]


def _bytes(found: dict[str, Any]) -> Result:
    row = found["bytes"] / found["rows"]
    plain = found["plain"]
    return Result(
        name="bytes", value=row, unit="bytes/row", target=6,
        compared={
            "per value": f"{row / 6:.2f} bytes",
            "plain PostgreSQL": f"{plain['bytes'] / plain['rows']:.0f} bytes/row without an index",
        },
        notes="One row is one station and hour with six pollutants, its entity, time, quality, seq and until_seq.",
    )  # fmt: skip


def _yearly(env: Mapping[str, str], stations: int) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as words:
        done = subprocess.run(
            [sys.executable, "-m", "chengyun.lake.yearly", str(stations)], env=dict(env), stdout=subprocess.PIPE, stderr=words,
            text=True, check=False, cwd=Path.home(),
        )  # fmt: skip
        if done.returncode:
            words.seek(0)
            raise Unavailable(f"The year could not be measured: {words.read().strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


BENCHES: Mapping[str, Bench] = {"year-query": year_query, "bytes": bytes_at_rest, "backload": backload}
