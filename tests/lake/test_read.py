# SPDX-License-Identifier: Apache-2.0
"""What a reader sees of hot and sealed rows."""

from __future__ import annotations

import datetime as dt

from chengyun.lake.read import snapshot
from chengyun.lake.rows import Flag, invalid_bit
from chengyun.lake.services import seal

from .conftest import START, Lake, Reading

STREAM = "gauges.level"


def test_hot_rows_arrive_as_written(lake: Lake) -> None:
    lake.write([Reading(0, 0, 1.5, None, "ok", "清"), Reading(1, 0.5, None, 3.25, None, None)])
    with snapshot([STREAM]) as seen:
        rows = seen.rows("SELECT gauge, measured_at, depth, flow, state, note, quality, seq FROM level ORDER BY gauge")
        assert seen.seqs == {STREAM: 2}
    assert [tuple(row.values()) for row in rows] == [
        ("g00", START, 1.5, None, "ok", "清", 0, 1),
        ("g01", START + dt.timedelta(minutes=30), None, 3.25, None, None, 0, 2),
    ]


def test_an_invalid_value_is_null_in_the_view_and_kept_in_raw(lake: Lake) -> None:
    lake.write([Reading(0, 0, 250.0, 1.0, quality=Flag.RANGE | invalid_bit(0))])
    with snapshot([STREAM]) as seen:
        assert seen.rows("SELECT depth, flow FROM level") == [{"depth": None, "flow": 1.0}]
        assert seen.rows("SELECT depth, flow FROM level_raw") == [{"depth": 250.0, "flow": 1.0}]


def test_sealing_changes_nothing_a_reader_sees(lake: Lake) -> None:
    lake.write([Reading(gauge, hours, hours + gauge / 7, 2.0, "ok", None) for gauge in range(12) for hours in range(24)])
    lake.write([Reading(3, 5, 99.0)])
    lake.write([Reading(3, 5, 99.0), Reading(4, 5, 5 + 4 / 7, 2.0, "ok", None)])
    sql = "SELECT * FROM level_raw ORDER BY gauge, measured_at, seq"
    with snapshot([STREAM]) as seen:
        before, truth = seen.rows(sql), seen.rows("SELECT * FROM level ORDER BY ALL")
    outcome = seal(STREAM)
    assert (outcome.rows, outcome.duplicates, outcome.chunks) == (291, 2, 1)
    with snapshot([STREAM]) as seen:
        assert seen.rows(sql) == before
        assert seen.rows("SELECT * FROM level ORDER BY ALL") == truth
    assert len(before) == 289
    assert [row["until_seq"] for row in before if row["until_seq"]] == [289]


def test_a_correction_of_a_sealed_row_is_one_row_before_and_after_its_sealing(lake: Lake) -> None:
    lake.write([Reading(gauge, hours, 1.0) for gauge in range(12) for hours in range(24)])
    seal(STREAM)
    seq = lake.write([Reading(2, 3, 7.0), Reading(2, 4, 1.0)])
    query = "SELECT depth, seq FROM level WHERE gauge = 'g02' AND measured_at = $at"
    at = {"at": START + dt.timedelta(hours=3)}
    for _ in range(2):
        with snapshot([STREAM]) as seen:
            assert seen.rows(query, at) == [{"depth": 7.0, "seq": seq}]
            assert seen.rows("SELECT count(*) AS n FROM level") == [{"n": 288}]
            assert seen.rows("SELECT count(*) AS n FROM level_raw") == [{"n": 289}]
        with snapshot([STREAM], as_of={STREAM: seq - 1}) as seen:
            assert seen.rows(query, at) == [{"depth": 1.0, "seq": 2 * 24 + 3 + 1}]
            assert seen.rows("SELECT count(*) AS n FROM level_raw") == [{"n": 288}]
        outcome = seal(STREAM)
    assert (outcome.chunks, outcome.rows) == (0, 0)


def test_since_until_and_entities_prune(lake: Lake) -> None:
    lake.write([Reading(gauge, hours, 1.0) for gauge in range(12) for hours in range(48)])
    seal(STREAM)
    lake.write([Reading(gauge, 48, 1.0) for gauge in range(12)])
    day = dt.timedelta(days=1)
    with snapshot([STREAM], since=START + day, until=START + 2 * day, entities=["g01", "g05"]) as seen:
        assert seen.rows("SELECT count(*) AS n, min(measured_at) AS low FROM level") == [{"n": 48, "low": START + day}]
    with snapshot([STREAM], since=START + 2 * day) as seen:
        assert seen.rows("SELECT count(*) AS n FROM level") == [{"n": 12}]


def test_an_empty_stream_has_its_columns_and_registers_stand_beside_it(lake: Lake) -> None:
    with snapshot([STREAM]) as seen:
        assert seen.rows("SELECT * FROM level") == []
        [row] = seen.rows("SELECT * FROM gauges.gauge WHERE key = 'g03'")
    assert row == {
        "key": "g03", "name": "g03 站", "lon": 121.5, "lat": 29.9, "area_code": "330203001", "street_code": "330203001",
        "district_code": "330203", "city_code": "330200", "simulated": False,
    }  # fmt: skip
