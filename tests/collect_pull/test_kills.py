# SPDX-License-Identifier: Apache-2.0
"""A run killed at any step, by power loss: the next one goes on, nothing is lost and nothing doubled."""

from __future__ import annotations

import os
import signal
import time

import pytest
from house import STREAM

from chengyun.collect.pull import chunks
from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.faults import STEPS
from chengyun.collect.pull.models import KnownRow, Pending, Run
from chengyun.errors import Refused

pytestmark = pytest.mark.fault
ROWS = 4_100
"""More than two chunks, so that steps are met in the middle too."""


def steps(kind: str) -> list[str]:
    here = [step for step in STEPS if step != "compared" or kind == "register"]
    # A file goes through the same hands as a table: the steps where it differs are enough.
    return ["settled", "noted:2", "settled:2"] if kind == "files" else [*here, "noted:2", "sent:2", "settled:2"]


def run_when_free(town, source) -> Run:
    """Run once the database has noticed that whoever held the source is gone."""
    end = time.monotonic() + 30
    while True:
        try:
            return town.run(source)
        except Refused:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.fixture
def counts(town, postgres):
    """A table with observations, some unreadable, that also says what its stations are called."""
    (key,) = town.stations(1)
    name = f"k_{key.lower()}"
    postgres.execute(
        f"CREATE TABLE {name} AS SELECT '{key}' AS zd, '站' AS mc, timestamp '2026-11-01' + n * interval '5 minutes' AS sj,"
        f" CASE WHEN n % 1000 = 7 THEN '坏' ELSE (n % 50)::text END AS pm25,"
        f" timestamp '2026-11-01' + n * interval '5 minutes' AS updated"
        f" FROM generate_series(1, {ROWS}) n"
    )
    return key, name


@pytest.mark.parametrize("step", steps("database"))
def test_a_database_killed_at_any_step(town, postgres, counts, step):
    key, name = counts
    source = town.source(
        address=postgres.address, read={"kind": "database", "table": name, "watermark": "updated", "overlap": "1h"},
        register={"to": "air_quality.station", "key": "zd", "columns": {"name": "mc"}},
        stream={"to": STREAM, "columns": {"station": "zd", "start": "sj", "pm25": "pm25"}}, identity=["zd", "sj"],
        credentials=Credentials(user="postgres"),
    )  # fmt: skip
    killed = town.run_apart(source, die_at=step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    last = run_when_free(town, source)
    assert (last.state, last.error) == ("done", "")
    dead = -(-(ROWS - 6) // 1000)
    stored = town.stored([key])
    assert len(stored) == len({row[:2] for row in stored}) == ROWS - dead
    letters = town.rows("SELECT count(*) FROM collect_deadletter WHERE actor = %s", f"source:{source.key}")
    assert letters == [(dead,)]
    assert not Pending.objects.filter(source=source).exists()
    runs = list(Run.objects.filter(source=source))
    assert sum(run.kept for run in runs) == ROWS - dead
    assert sum(run.dead for run in runs) == dead
    assert all(run.state != "running" for run in runs)
    # After it, only the overlap is known and read again.
    assert KnownRow.objects.filter(source=source).count() == 13
    again = town.run(source)
    assert (again.read, again.same) == (13, 13)


@pytest.mark.parametrize("step", steps("files"))
def test_a_file_killed_at_any_step(town, step):
    (key,) = town.stations(1)
    folder = town.folder / f"kill-{key}"
    folder.mkdir()
    lines = [f"{key},2026-11-{1 + n // 288:02d} {n % 288 // 12:02d}:{n % 12 * 5:02d}:00,{n % 50}\n" for n in range(ROWS)]
    (folder / "1.csv").write_text("zd,sj,pm25\n" + "".join(lines))
    os.utime(folder / "1.csv", (time.time() - 60,) * 2)
    source = town.source(
        address=f"file://{folder}", read={"kind": "files", "pattern": "*.csv"},
        stream={"to": STREAM, "columns": {"station": "zd", "start": "sj", "pm25": "pm25"}},
    )  # fmt: skip
    killed = town.run_apart(source, die_at=step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    last = run_when_free(town, source)
    assert (last.state, last.error) == ("done", "")
    stored = town.stored([key])
    assert len(stored) == len({row[:2] for row in stored}) == ROWS
    assert chunks.ROWS * 2 < ROWS
    assert sum(run.kept for run in Run.objects.filter(source=source)) == ROWS


def test_two_runs_of_one_source_do_not_meet(town, postgres, counts):
    from chengyun.collect.pull.runs import _locked

    _, name = counts
    source = town.source(
        address=postgres.address, read={"kind": "database", "table": name}, credentials=Credentials(user="postgres"),
        stream={"to": STREAM, "columns": {"station": "zd", "start": "sj", "pm25": "pm25"}},
    )  # fmt: skip
    with _locked(town.config, source.pk), pytest.raises(Refused, match="under way"):
        town.run(source)
