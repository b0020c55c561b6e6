# SPDX-License-Identifier: Apache-2.0
"""Old months go to a cheaper place with a record, readers follow, and a change of home is followed too."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from chengyun.config import Config, config
from chengyun.lake import database, faults, iceberg, places, services
from chengyun.lake.services import check, repair, restore, seal, snapshots, sweep

from .conftest import InBucket, Lake, Reading
from .process import dies_at
from .test_care import FEBRUARY, _fill
from .test_versions import seen_versions

STREAM = "gauges.level"
NOW = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)


@pytest.fixture
def archived(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings) -> Config:
    """An archive for months that ended before February."""
    here = dataclasses.replace(config(), lake_archive=str(tmp_path / "slow"))
    monkeypatch.setattr(places, "config", lambda: here)
    monkeypatch.setitem(vars(settings.CITY.streams[STREAM]), "archive_after", NOW - FEBRUARY)
    return here


def _places() -> list[tuple[int, str]]:
    sealed = iceberg.sealed_of(iceberg.catalogue().load_table(("lake", "gauges_level")))
    return sorted({(file.month % 12 + 1, places.place_of(file.path).root) for file in sealed.files})


def test_old_months_lie_in_the_archive_and_readers_follow(lake: Lake, archived: Config) -> None:
    *_, whole = _fill(lake)
    [done] = services.move(NOW, "jobs")
    assert _places() == [(1, archived.lake_archive), (2, archived.lake)]
    assert seen_versions(None) == whole.versions()
    assert services.move(NOW, "jobs") == [], "they lie where they are to"
    with database.connect() as conn:
        [(actor, detail)] = conn.execute("SELECT actor, detail FROM access_auditrecord WHERE action = 'lake.moved'").fetchall()
    assert (actor, detail["month"], detail["files"], detail["to"]) == ("jobs", "2026-01", done.files, [archived.lake_archive])
    # A correction of an old row is written at home, and moved the next night.
    more = [Reading(1, 3, 11.0)]
    whole.write(lake.write(more), more)
    seal(STREAM, keep_sealed=dt.timedelta(0))
    services.move(NOW, "jobs")
    assert _places() == [(1, archived.lake_archive), (2, archived.lake)]
    assert sweep(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), dt.timedelta(0)) > 0
    assert seen_versions(None) == whole.versions()
    [found] = check(contents=True)
    assert (found.faults, found.stray) == ((), ())


def test_a_new_home_is_moved_into_and_restored_across(in_bucket: InBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    in_folder = dataclasses.replace(in_bucket.here, lake=str(in_bucket.here.warehouse))
    with monkeypatch.context() as before:
        before.setattr(places, "config", lambda: in_folder)
        first, _, whole = _fill(in_bucket.lake)
    assert seen_versions(None) == whole.versions()
    [done] = services.move(NOW, "tester")
    assert {root for _, root in _places()} == {in_bucket.here.lake}
    assert done.rows == len(whole.versions())
    in_bucket.forget_copies()
    assert seen_versions(None) == whole.versions()
    restore(STREAM, snapshots(STREAM)[0].id, "tester")
    assert seen_versions(None) == first.versions()
    services.move(NOW, "tester")
    sweep(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), dt.timedelta(0))
    assert list(in_bucket.here.warehouse.rglob("*.parquet")) == []
    assert seen_versions(None) == first.versions()
    [found] = check(contents=True)
    assert (found.faults, found.stray) == ((), ())


@pytest.mark.fault
@pytest.mark.parametrize("step", faults.MOVE_STEPS)
def test_killed_at(lake: Lake, archived: Config, step: str) -> None:
    *_, whole = _fill(lake)
    dies_at(lake, step, "mover.py", more={"CHENGYUN_LAKE_ARCHIVE": str(archived.lake_archive)})
    assert seen_versions(None) == whole.versions()
    assert (_places()[0][1] == archived.lake_archive) == (step == "care-published")
    services.move(NOW, "tester")
    repair(dt.datetime.now(dt.UTC))
    sweep(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), dt.timedelta(0))
    assert _places() == [(1, archived.lake_archive), (2, archived.lake)]
    assert seen_versions(None) == whole.versions()
    [found] = check(contents=True)
    assert (found.faults, found.stray) == ((), ())
