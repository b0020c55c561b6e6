# SPDX-License-Identifier: Apache-2.0
"""What sealing leaves behind: files any Iceberg reader reads, books that say so, commands that show it."""

from __future__ import annotations

import argparse
import datetime as dt

import duckdb
import pytest

from chengyun.errors import Unavailable
from chengyun.lake import commands, database, iceberg, seal
from chengyun.lake.read import snapshot
from chengyun.lake.services import check
from chengyun.lake.services import seal as seal_stream

from .conftest import START, Lake, Reading

STREAM = "gauges.level"


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Two months sealed in small slices, one row corrected, one repeated."""
    lake.write([Reading(gauge, hours, hours / 7, None, "ok") for gauge in range(12) for hours in range(24)])
    lake.write([Reading(0, 0, 5.0), Reading(0, 1, 1 / 7, None, "ok")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal, "SLICE", 100)
        seal_stream(STREAM, keep_sealed=dt.timedelta(0))
    return lake


def test_any_iceberg_reader_reads_the_sealed_table(filled: Lake) -> None:
    table = iceberg.catalogue().load_table(("lake", "gauges_level"))
    assert [(field.name, str(field.field_type)) for field in table.schema().fields] == [
        ("gauge", "string"), ("measured_at", "timestamptz"), ("seq", "long"), ("quality", "long"), ("until_seq", "long"),
        ("depth", "double"), ("flow", "double"), ("state", "string"), ("note", "string"),
    ]  # fmt: skip
    rows = table.scan(row_filter="until_seq IS NULL").to_arrow().sort_by([("gauge", "ascending"), ("measured_at", "ascending")])
    with snapshot([STREAM]) as seen:
        ours = seen.arrow("SELECT gauge, measured_at, depth, seq FROM level ORDER BY gauge, measured_at")
    assert rows.select(["gauge", "measured_at", "depth", "seq"]).to_pylist() == ours.to_pylist()
    assert len(rows) == 288
    assert {task.file.partition[0] for task in table.scan().plan_files()} == {56 * 12, 56 * 12 + 1}


def test_slices_of_one_chunk_are_each_a_commit_and_its_counts_add_up(filled: Lake) -> None:
    with filled.connect() as conn:
        chunks = conn.execute("SELECT chunk, rows, duplicates, dropped_at IS NOT NULL FROM lake_chunk ORDER BY chunk").fetchall()
    assert chunks == [(1, 290, 1, True), (2, None, None, False)]
    table = iceberg.catalogue().load_table(("lake", "gauges_level"))
    assert [snapshot.summary[iceberg.SEALED_SEQ] for snapshot in table.snapshots()] == ["100", "200", "290"]


def test_a_second_sealer_is_told_so(filled: Lake) -> None:
    with database.connect() as conn, seal.only_sealer(conn, filled.table), pytest.raises(Unavailable, match="another process"):
        seal_stream(STREAM)


def test_check_names_a_missing_file(filled: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands._check(argparse.Namespace(contents=False)) == 0
    assert "289 rows" in capsys.readouterr().out
    [found] = check()
    [first, *_] = iceberg.sealed_of(iceberg.catalogue().load_table(("lake", "gauges_level"))).files
    with open(first.path, "ab") as file:
        file.write(b"x")
    assert commands._check(argparse.Namespace(contents=False)) == 1
    assert f"instead of {first.size}" in capsys.readouterr().out
    assert found.faults == ()


def test_a_formula_reads_no_other_file(filled: Lake) -> None:
    with snapshot([STREAM]) as seen, pytest.raises(duckdb.Error, match="disabled by configuration"):
        seen.rows("SELECT * FROM read_text('/etc/hostname')")


def test_a_bound_without_a_zone_is_refused(filled: Lake) -> None:
    with pytest.raises(ValueError, match="without a time zone"), snapshot([STREAM], since=START.replace(tzinfo=None)):
        pass
