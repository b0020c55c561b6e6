# SPDX-License-Identifier: Apache-2.0
"""What a process gives back is used again as if it had never been away."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from chengyun.run.process import unchanged_libraries

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


def test_a_changed_page_that_was_swapped_out_is_not_given_back() -> None:
    mapping = "7f00000{0}0000-7f00000{0}2000 {1} 00000000 fe:00 42                 /usr/lib/libof.so.1\n"
    counted = "Size:       8 kB\nPrivate_Dirty:   {dirty} kB\nAnonymous:   {dirty} kB\nSwap:       {swap} kB\n"
    smaps = "".join(
        [
            mapping.format(1, "r-xp") + counted.format(dirty=0, swap=0),
            mapping.format(2, "r--p") + counted.format(dirty=0, swap=4),  # addresses the loader wrote, since on the disk of swap
            mapping.format(3, "r--p") + counted.format(dirty=4, swap=0),
            mapping.format(4, "rw-p") + counted.format(dirty=0, swap=0),
        ]
    )
    assert unchanged_libraries(smaps) == {(0x7F0000010000, 0x2000)}
