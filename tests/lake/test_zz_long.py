# SPDX-License-Identifier: Apache-2.0
"""Whatever is written, corrected, repeated, sealed and merged, in whatever order: a reader sees what a plain list would say."""

from __future__ import annotations

import datetime as dt
import struct

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from chengyun.lake import database, merge
from chengyun.lake.read import snapshot
from chengyun.lake.rows import Flag
from chengyun.lake.seal import only_sealer
from chengyun.lake.services import check, seal, sweep

from .conftest import START, Reading, Renewable
from .oracle import Oracle, Seen

STREAM = "gauges.level"
COLUMNS = "gauge, (epoch_us(measured_at) - {start}) / 3600000000.0 AS hours, depth, flow, state, note, quality, seq, until_seq"
FIGURE = "SELECT gauge, avg(depth) AS depth, sum(flow) AS flow, count(*) AS n FROM level GROUP BY gauge ORDER BY gauge"

# Few entities, moments and values, so that repetitions and corrections are the rule; 0.1 and 1e16 make sums depend on order.
readings = st.builds(
    Reading,
    gauge=st.integers(0, 3),
    hours=st.sampled_from([0.0, 1.0, 11.5, 12.0, 700.0, 1500.0]),
    depth=st.sampled_from([None, 0.1, 0.2, 0.3, 1e16]),
    flow=st.sampled_from([None, 0.1, 3.3]),
    state=st.sampled_from([None, "ok", "low"]),
    note=st.sampled_from([None, None, None, "清淤"]),
    quality=st.sampled_from([0, 0, 0, int(Flag.LATE), int(Flag.SIMULATED)]),
)
batches = st.lists(readings, min_size=1, max_size=12)
steps = st.lists(
    st.one_of(batches, st.just("seal"), st.just("seal"), st.just("merge"), st.just("close")), min_size=1, max_size=14
)


def _versions(as_of: int | None) -> list[Seen]:
    columns = COLUMNS.format(start=int(START.timestamp() * 1_000_000))
    with snapshot([STREAM], as_of=None if as_of is None else {STREAM: as_of}) as seen:
        rows = seen.rows(f"SELECT {columns} FROM level_raw ORDER BY gauge, hours, seq")
        current = seen.rows("SELECT seq FROM level ORDER BY gauge, measured_at")
    versions = [Seen(**row) for row in rows]
    assert [row["seq"] for row in current] == [version.seq for version in versions if version.until_seq is None]
    return versions


def _figure(as_of: int) -> list[tuple[object, ...]]:
    """The figure with its doubles as bits."""
    with snapshot([STREAM], as_of={STREAM: as_of}, until=START + dt.timedelta(hours=1000)) as seen:
        rows = seen.rows(FIGURE)
    bits = lambda value: struct.pack("<d", value) if isinstance(value, float) else value  # noqa: E731
    return [tuple(map(bits, row.values())) for row in rows]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=steps)
def test_every_moment_can_be_seen_again(renewed: Renewable, data: list[list[Reading] | str]) -> None:
    lake, oracle = renewed.renew(), Oracle()
    told: dict[int, list[tuple[object, ...]]] = {}
    for step in data:
        match step:
            case "seal":
                seal(STREAM, keep_sealed=dt.timedelta(0))
            case "merge":
                with database.connect() as conn, only_sealer(conn, lake.table):
                    merge.merge(lake.table, most=1)
            case "close":
                seal(STREAM, close=False)
            case list() as batch:
                seq = lake.write(batch)
                oracle.write(seq, batch)
                last = seq + len(batch) - 1
                told[last] = _figure(last)
    assert _versions(None) == oracle.versions()
    for seq, figure in told.items():
        assert _versions(seq) == oracle.versions(seq)
        assert _figure(seq) == figure
    [found] = check()
    assert found.faults == ()
    with database.connect() as conn:
        newest = conn.execute("SELECT entity_id, seq FROM lake.latest_gauges_level ORDER BY entity_id").fetchall()
    assert newest == oracle.newest()
    assert sweep(dt.datetime.now(dt.UTC), dt.timedelta(0)) >= 0
    assert _versions(None) == oracle.versions()
