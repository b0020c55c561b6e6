# SPDX-License-Identifier: Apache-2.0
"""Sealed tables in an object store: the same rows, the same care, and nothing lost when the store or a process goes away."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest
from pyiceberg.table import StaticTable

from chengyun.errors import Unavailable
from chengyun.lake import bucket, content, copies, database, iceberg, places, services
from chengyun.lake.copies import Copies
from chengyun.lake.read import snapshot
from chengyun.lake.services import check, compact, repair, restore, seal, snapshots, sweep

from .conftest import InBucket, Reading
from .oracle import Oracle
from .process import dies_at
from .test_care import _fill
from .test_versions import seen_versions

STREAM = "gauges.level"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away is told after one attempt."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 1)


def test_the_whole_care_of_a_table_in_a_bucket(in_bucket: InBucket) -> None:
    first, _, third = _fill(in_bucket.lake)
    assert seen_versions(None) == third.versions()
    in_bucket.forget_copies()
    assert seen_versions(None) == third.versions()
    compact(STREAM)
    in_bucket.forget_copies()
    assert seen_versions(None) == third.versions()
    [found] = check(contents=True)
    assert (found.faults, found.rows) == ((), len(third.versions()))
    before = len(in_bucket.keys())
    restore(STREAM, snapshots(STREAM)[0].id, "tester")
    assert seen_versions(None) == first.versions()
    assert sweep(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), dt.timedelta(0)) > 0
    assert len(in_bucket.keys()) < before
    in_bucket.forget_copies()
    assert seen_versions(None) == first.versions()
    [found] = check(contents=True)
    assert (found.faults, found.stray) == ((), ())
    assert not (in_bucket.here.warehouse / "gauges_level").exists()


def test_any_iceberg_reader_reads_it_from_the_store(in_bucket: InBucket) -> None:
    *_, third = _fill(in_bucket.lake)
    location = iceberg.catalogue().load_table(("lake", "gauges_level")).metadata_location
    told = {
        "s3.endpoint": in_bucket.here.lake_endpoint, "s3.region": "us-east-1", "s3.access-key-id": "key",
        "s3.secret-access-key": "secret", "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }  # fmt: skip
    theirs = StaticTable.from_metadata(location, told).scan(selected_fields=("gauge", "depth", "seq", "until_seq")).to_arrow()
    with snapshot([STREAM]) as seen:
        ours = seen.arrow("SELECT gauge, depth, seq, until_seq FROM level_raw ORDER BY seq")
    assert theirs.sort_by("seq").to_pylist() == ours.to_pylist()
    assert len(theirs) == len(third.versions())


def test_rows_stay_hot_while_the_store_is_away_and_the_books_say_so(
    in_bucket: InBucket, quick: None, monkeypatch, capsys
) -> None:
    lake, oracle = in_bucket.lake, Oracle()
    batch = [Reading(gauge, hours, 1.0) for gauge in range(4) for hours in range(24)]
    oracle.write(lake.write(batch), batch)
    seal(STREAM)
    assert seen_versions(None) == oracle.versions()
    with monkeypatch.context() as away:
        away.setattr(
            places, "config", lambda: in_bucket.here.__class__(**vars(in_bucket.here) | {"lake_endpoint": "http://127.0.0.1:9"})
        )
        more = [Reading(1, 3, 9.0), Reading(2, 30, 1.0)]
        oracle.write(lake.write(more), more)
        with pytest.raises(Unavailable, match="cannot be reached"):
            seal(STREAM)
        assert seen_versions(None) == oracle.versions(), "sealed rows come from copies, the rest is hot"
        assert services.seal_due(dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)) == []
        with database.connect() as conn:
            [fault] = conn.execute("SELECT sealing_fault FROM lake_stream").fetchone()
        assert "cannot be reached" in fault
        assert any("cannot be reached" in fault for fault in check()[0].faults)
        in_bucket.forget_copies()
        with pytest.raises(Unavailable, match="cannot be reached"):
            seen_versions(None)
    assert seal(STREAM).rows == 2
    assert seen_versions(None) == oracle.versions()
    with database.connect() as conn:
        assert conn.execute("SELECT sealing_fault FROM lake_stream").fetchone() == (None,)


def test_an_object_that_is_damaged_is_named_never_read_and_put_back(in_bucket: InBucket) -> None:
    *_, third = _fill(in_bucket.lake)
    assert seen_versions(None) == third.versions()
    used = {file.path for file in iceberg.sealed_of(iceberg.catalogue().load_table(("lake", "gauges_level"))).files}
    key, other = (path.split("/", 3)[3] for path in sorted(used)[:2])
    body = bytearray(in_bucket.client.get_object(Bucket=in_bucket.bucket, Key=key)["Body"].read())
    body[len(body) // 2] ^= 1
    in_bucket.client.put_object(Bucket=in_bucket.bucket, Key=key, Body=bytes(body))
    in_bucket.client.delete_object(Bucket=in_bucket.bucket, Key=other)
    [found] = check(contents=True)
    assert [key in found.faults[0], other in found.faults[1]] == [True, True]
    kept = in_bucket.here.data / "cache" / "kept"
    (in_bucket.here.data / "cache" / "lake").rename(kept)
    with pytest.raises(Unavailable, match=r"content its name says|kept changing"):
        seen_versions(None)
    for copy in kept.iterdir():
        copy.rename(in_bucket.here.data / "cache" / "lake" / copy.name)
    assert any("put back" in sentence for sentence in repair(dt.datetime.now(dt.UTC)))
    assert [one.faults for one in check()] == [()]


@pytest.mark.fault
@pytest.mark.parametrize("step", ["putting:2", "put:3", "metadata-written", "committed"])
def test_a_sealer_killed_at(in_bucket: InBucket, step: str) -> None:
    lake, oracle = in_bucket.lake, Oracle()
    batches = [
        [Reading(gauge, hours, hours / 3) for gauge in range(4) for hours in range(24)],
        [Reading(1, 3, 9.0), *(Reading(gauge, 24 + hours, 2.0) for gauge in range(4) for hours in range(6))],
    ]
    for batch in batches:
        oracle.write(lake.write(batch), batch)
        if batch is batches[0]:
            seal(STREAM)
    dies_at(lake, step, "sealer.py", more=in_bucket.environment)
    in_bucket.forget_copies()
    assert seen_versions(None) == oracle.versions()
    seal(STREAM, keep_sealed=dt.timedelta(0), most_files=1)
    sweep(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), dt.timedelta(0))
    in_bucket.forget_copies()
    assert seen_versions(None) == oracle.versions()
    [found] = check(contents=True)
    assert (found.faults, found.stray) == ((), ())


def test_copies_stay_below_their_bound_but_for_those_in_use(tmp_path: Path) -> None:
    kept = Copies(tmp_path, bound=2500)
    paths = [f"s3://b/data/f.{number:032x}.parquet" for number in range(4)]
    for path in paths:
        draft = kept.draft()
        draft.write_bytes(b"x" * 1000)
        kept.take(draft, path)
    assert [kept.find(path) is not None for path in paths] == [True] * 4, "all were used just now"
    for age, path in enumerate(paths):
        copy = kept.find(path)
        assert copy is not None
        os.utime(copy, (time.time() - copies.IN_USE_S - 100 + age,) * 2)
    draft = kept.draft()
    draft.write_bytes(b"y" * 100)
    kept.take(draft, "s3://b/metadata/v1.json")
    assert [kept.find(path) is not None for path in paths] == [False, False, True, True]
    assert content.told_digest(paths[0]) == "0" * 32
