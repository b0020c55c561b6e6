# SPDX-License-Identifier: Apache-2.0
"""What an ingest transaction writes, and how tables follow a declaration that grows."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import math

import hypothesis.strategies as st
import numpy as np
import psycopg
import pytest
from hypothesis import given, settings

from chengyun.errors import Misdeclared, Unavailable
from chengyun.lake import binary, hot, prepare
from chengyun.lake.read import snapshot
from chengyun.lake.rows import Rows, join
from chengyun.lake.services import seal
from chengyun.lake.tables import StreamTable

from .conftest import START, Lake, Reading, Renewable, rows_of

numbers = st.one_of(st.none(), st.floats(allow_nan=False))
texts = st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))


@pytest.fixture(scope="module")
def scratch() -> StreamTable:
    return StreamTable("t.s", "t", "s", "t_s", "e", "e", "t_e", "at", ("a", "b", "c"), ("w", "v"))


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(
        st.tuples(st.integers(0, 2**31 - 1), st.integers(-(10**15), 4 * 10**15), numbers, numbers, numbers, texts, texts)
    )
)
def test_postgresql_reads_the_binary_copy_as_written(scratch: StreamTable, connection_url: str, values: list[tuple]) -> None:
    unknown = lambda value: math.nan if value is None else value  # noqa: E731
    columns = list(zip(*values, strict=True)) or [()] * 7
    rows = Rows(
        np.array(columns[0], dtype=np.int32),
        np.array(columns[1], dtype=np.int64),
        np.arange(len(values), dtype=np.int64) << 40,
        {key: np.array([unknown(value) for value in columns[2 + i]], dtype=np.float64) for i, key in enumerate("abc")},
        {"w": list(columns[5]), "v": list(columns[6])},
    )
    with psycopg.connect(connection_url) as conn:
        kinds = ", ".join(f"{name} {kind}" for name, kind in scratch.types.items())
        conn.execute(f"CREATE TEMP TABLE taken ({kinds})")
        with conn.cursor() as cursor, cursor.copy("COPY taken FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(binary.copy_rows(scratch, rows, 7))
        found = conn.execute(
            "SELECT entity_id, (extract(epoch FROM time) * 1000000)::int8, a, b, c, w, v, seq, quality FROM taken ORDER BY seq"
        ).fetchall()
    assert found == [(*value, 7 + index, index << 40) for index, value in enumerate(values)]


def test_the_newest_row_never_goes_back_and_ties_go_to_the_later_seq(lake: Lake) -> None:
    lake.write([Reading(0, 5, 1.0), Reading(0, 5, 2.0), Reading(0, 4, 3.0), Reading(1, 1, None, note="空")])
    lake.write([Reading(0, 4.5, 9.0), Reading(1, 1, 4.0)])
    lake.write([Reading(2, 0, 1.0)])
    with lake.connect() as conn:
        found = conn.execute(
            "SELECT entity_id, depth, note, seq, runs FROM lake.latest_gauges_level ORDER BY entity_id"
        ).fetchall()
    one = hot.pack_runs(np.ones((len(lake.table.quantities), 1), np.int32))
    assert found == [(1, 2.0, None, 2, one), (2, 4.0, None, 6, one), (3, 1.0, None, 7, one)]


def test_runs_are_kept_for_each_quantity_and_end_somewhere() -> None:
    runs = np.array([[1, 2, 70_000], [0, 300, 5]], dtype=np.int32)
    packed = hot.pack_runs(runs)
    kept = [packed[at : at + 4] for at in range(0, 12, 4)]
    assert hot.unpack_runs(kept, 2).tolist() == [[1, 2, hot.LONGEST_RUN], [0, 300, 5]]
    # A quantity declared later has no run yet.
    assert hot.unpack_runs([*kept[:1], b""], 3).tolist() == [[1, 0], [0, 0], [0, 0]]


def test_receipts_answer_again_and_refuse_a_second_use_of_a_key(lake: Lake) -> None:
    receipt = hot.Receipt("gauges.level", 1, 2, START, "设备", "http", "key-1", b'{"accepted":2}')

    async def twice() -> dict[str, bytes]:
        async with await psycopg.AsyncConnection.connect(lake.url) as conn:
            await hot.write_receipts(conn, [receipt, dataclasses.replace(receipt, idempotency_key=None)])
            await conn.commit()
            found = await hot.find_responses(conn, ["key-1", "key-2"])
            with pytest.raises(psycopg.errors.UniqueViolation):
                await hot.write_receipts(conn, [receipt])
            await conn.rollback()
        return found

    assert asyncio.run(twice()) == {"key-1": b'{"accepted":2}'}


def test_touched_days_keep_their_newest_seq(lake: Lake) -> None:
    lake.write([Reading(0, 0, 1.0)])
    lake.write([Reading(0, 1, 1.0), Reading(0, 2, 1.0)])
    with lake.connect() as conn:
        assert conn.execute("SELECT day, seq FROM lake_touched").fetchall() == [(START.date(), 3)]


def test_a_stream_without_tables_says_what_to_do(lake: Lake) -> None:
    missing = dataclasses.replace(lake.table, qualified="gauges.nothing")

    async def lock() -> None:
        async with await psycopg.AsyncConnection.connect(lake.url) as conn:
            await hot.lock_stream(conn, missing, 1)

    with pytest.raises(Unavailable, match="chengyun migrate"):
        asyncio.run(lock())


def test_a_stream_gains_fields_while_hot_and_sealed(lake: Lake, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write([Reading(0, 0, 1.0)])
    seal("gauges.level")
    lake.write([Reading(0, 1, 2.0)])
    grown = dataclasses.replace(lake.table, quantities=("depth", "flow", "speed"), words=("state", "note", "method"))
    monkeypatch.setattr("chengyun.lake.read.stream_table", lambda city, qualified: grown)
    monkeypatch.setattr("chengyun.lake.services.stream_table", lambda city, qualified: grown)
    with lake.connect() as conn:
        prepare.prepare(conn, [grown])
        prepare.prepare(conn, [grown])
    rows = rows_of(lake.table, [Reading(0, 2, 3.0)])
    rows.numbers["speed"], rows.words["method"] = np.array([0.5]), ["声学"]
    asyncio.run(Lake(lake.url, grown)._write(rows))
    query = "SELECT depth, speed, method FROM level ORDER BY measured_at"
    for _ in range(2):
        with snapshot(["gauges.level"]) as seen:
            assert [tuple(row.values()) for row in seen.rows(query)] == [(1.0, None, None), (2.0, None, None), (3.0, 0.5, "声学")]
        seal("gauges.level", keep_sealed=dt.timedelta(0), most_files=1)


@pytest.mark.parametrize(
    ("quantities", "words", "fault"),
    [
        (("flow", "depth"), ("state", "note"), "keep the old ones first"),
        (("flow",), ("state", "note"), "keep the old ones first"),
        (("speed", "depth", "flow"), ("state", "note"), "keep the old ones first"),
        (("depth", "flow", "state"), ("note",), "'state' is text in lake.latest_gauges_level, float8 as declared"),
    ],
)
def test_changes_that_would_falsify_old_rows_are_refused(lake: Lake, quantities, words, fault: str) -> None:
    changed = dataclasses.replace(lake.table, quantities=quantities, words=words)
    with lake.connect() as conn, pytest.raises(Misdeclared, match=fault):
        prepare.prepare(conn, [changed])


def test_rows_are_taken_and_joined_in_order(renewed: Renewable) -> None:
    rows = rows_of(renewed.lake.table, [Reading(0, 0, 1.0, note="甲"), Reading(1, 1, 2.0), Reading(2, 2, 3.0, note="丙")])
    both = join([rows.take(rows.entity == 3), rows.take(np.array([0]))])
    assert both.entity.tolist() == [3, 1]
    assert both.words["note"] == ["丙", "甲"]
    assert both.numbers["depth"].tolist() == [3.0, 1.0]
