# SPDX-License-Identifier: Apache-2.0
"""What a process gives back is used again as if it had never been away."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LOOK = """
import json
from pathlib import Path
import duckdb
from chengyun.run.process import give_back

def mapped():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_File:"))

ask = "SELECT sum(range * 2) FROM range(100000)"
told = [duckdb.sql(ask).fetchall()[0][0]]
before = mapped()
give_back()
after = mapped()
told.append(duckdb.sql(ask).fetchall()[0][0])
print(json.dumps({"before": before, "after": after, "told": told}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")
def test_libraries_that_are_not_run_are_given_back_and_run_again() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert found["after"] < found["before"] / 2
    assert found["told"] == [9_999_900_000, 9_999_900_000]
