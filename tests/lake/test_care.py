# SPDX-License-Identifier: Apache-2.0
"""Months that go by policy and tables brought back: one commit with the books, an audit record, and right after any kill."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.lake import care, database, faults, iceberg, services
from chengyun.lake.read import snapshot
from chengyun.lake.services import check, compact, repair, restore, seal, snapshots

from .conftest import Lake, Reading
from .oracle import Oracle
from .test_versions import seen_versions

STREAM = "gauges.level"
HERE = Path(__file__).parent
FEBRUARY = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def _fill(lake: Lake) -> list[Oracle]:
    """Three sealings in two months, the second correcting the first, then a hot row; return what was there after each."""
    oracle, then = Oracle(), []
    batches = [
        [Reading(gauge, hours, hours / 3) for gauge in range(4) for hours in range(24)],
        [Reading(1, 3, 9.0), Reading(2, 30, 1.0), *(Reading(gauge, 24 + hours, 2.0) for gauge in range(4) for hours in range(6))],
        [Reading(0, 40, 4.0), Reading(1, 3, 9.5)],
    ]
    for batch in batches:
        oracle.write(lake.write(batch), batch)
        seal(STREAM, keep_sealed=dt.timedelta(0))
        copy = Oracle()
        copy.rows = list(oracle.rows)
        then.append(copy)
    return then


def _latest() -> list[tuple[object, ...]]:
    with database.connect() as conn:
        return conn.execute("SELECT entity_id, seq FROM lake.latest_gauges_level ORDER BY entity_id").fetchall()


def test_any_snapshot_can_be_brought_back_and_what_follows_goes_on(lake: Lake) -> None:
    first, second, third = _fill(lake)
    known = snapshots(STREAM)
    assert [one.current for one in known] == [False] * (len(known) - 1) + [True]
    for oracle, view in ((first, known[0]), (third, known[-1]), (second, known[1])):
        restore(STREAM, view.id, "tester")
        assert seen_versions(None) == oracle.versions()
        assert _latest() == oracle.newest()
        [found] = check(contents=True)
        assert found.faults == ()
    more = [Reading(3, 50, 7.0), Reading(1, 3, 8.0)]
    seq = lake.write(more)
    assert seq == len(third.rows) + 1 + 3, "each restore passes a seq over"
    second.write(seq, more)
    assert seen_versions(None) == second.versions()
    seal(STREAM, keep_sealed=dt.timedelta(0))
    compact(STREAM)
    assert seen_versions(None) == second.versions()
    [found] = check()
    assert found.faults == ()
    with database.connect() as conn:
        audit = conn.execute("SELECT actor, action, dataset FROM access_auditrecord").fetchall()
        days = conn.execute("SELECT day FROM lake_touched ORDER BY day").fetchall()
    assert audit == [("tester", "lake.restored", STREAM)] * 3
    assert (dt.date(2026, 2, 2),) in days
    assert restore(STREAM, snapshots(STREAM)[-1].id, "tester").snapshot is None
    with pytest.raises(NotFound, match="lake snapshots"):
        restore(STREAM, 1, "tester")


def test_months_older_than_a_stream_is_kept_go_with_a_record(lake: Lake) -> None:
    *_, whole = _fill(lake)
    with database.connect() as conn:
        assert care.retire(conn, lake.table, FEBRUARY - dt.timedelta(days=1), "jobs").snapshot is None
        done = care.retire(conn, lake.table, FEBRUARY, "jobs")
        [detail] = conn.execute("SELECT detail FROM access_auditrecord WHERE action = 'lake.retired'").fetchone()
    kept = [version for version in whole.versions() if version.hours >= 12]
    assert seen_versions(None) == kept
    assert done.rows == len(whole.versions()) - len(kept) > 0
    assert detail == {"before": FEBRUARY.isoformat(), "months": ["2026-01"], "rows": done.rows}
    [found] = check()
    assert found.faults == ()
    restore(STREAM, snapshots(STREAM)[-2].id, "tester")
    assert seen_versions(None) == whole.versions()


def test_streams_say_how_long_they_are_kept(lake: Lake, settings, monkeypatch) -> None:
    _fill(lake)
    now = dt.datetime(2027, 3, 5, tzinfo=dt.UTC)
    assert services.retire(now, "jobs") == []
    monkeypatch.setitem(vars(settings.CITY.streams[STREAM]), "keep", now - FEBRUARY)
    [done] = services.retire(now, "jobs")
    assert (done.stream, done.files > 0) == (STREAM, True)


def test_a_file_that_changed_in_place_is_named(lake: Lake) -> None:
    _fill(lake)
    [file, *_] = iceberg.sealed_of(iceberg.catalogue().load_table(("lake", "gauges_level"))).files
    content = bytearray(Path(file.path).read_bytes())
    content[len(content) // 2] ^= 1
    Path(file.path).write_bytes(content)
    assert check()[0].faults == ()
    [fault] = check(contents=True)[0].faults
    assert file.path in fault


@pytest.mark.fault
@pytest.mark.parametrize(
    ("deed", "step"),
    [*(("restore", step) for step in faults.CARE_STEPS), ("retire", "care-staged"), ("retire", "care-published")],
)
def test_killed_at(lake: Lake, deed: str, step: str) -> None:
    first, *_, whole = _fill(lake)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "chengyun.settings", "CHENGYUN_DATABASE_URL": lake.url, "CHENGYUN_DATA": str(config().data),
        "CHENGYUN_PACKS": "gauges", "CHENGYUN_LAKE_DIE_AT": step, "PYTHONPATH": os.pathsep.join([str(HERE / "packs"), *sys.path]),
    }  # fmt: skip
    died = subprocess.run(
        [sys.executable, str(HERE / "carer.py"), deed], env=environment, capture_output=True, text=True, timeout=60
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    done = step in ("care-published", "care-settled")
    after = first.versions() if deed == "restore" else [one for one in whole.versions() if one.hours >= 12]
    assert seen_versions(None) == (after if done else whole.versions())
    told = repair(dt.datetime.now(dt.UTC))
    assert bool(told) == ((deed, step) == ("restore", "care-published"))
    [found] = check(contents=True)
    assert found.faults == ()
    assert seen_versions(None) == (after if done else whole.versions())
    assert _latest() == (first.newest() if done and deed == "restore" else whole.newest())
    with snapshot([STREAM]) as seen:
        assert seen.seqs == {STREAM: len(whole.rows) + (done and deed == "restore")}
