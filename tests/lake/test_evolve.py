# SPDX-License-Identifier: Apache-2.0
"""A declaration changes, and hot rows, newest rows, sealed files and every reader follow; what cannot be is refused in words."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from chengyun.city import Code, Quantity, Ref, Stream, Text
from chengyun.errors import Misdeclared
from chengyun.lake import database, faults, iceberg, merge, prepare
from chengyun.lake.read import snapshot
from chengyun.lake.rows import Rows
from chengyun.lake.seal import at_rest, only_sealer
from chengyun.lake.services import check, repair, restore, seal, snapshots, sweep
from chengyun.lake.tables import StreamTable

from .conftest import START, Lake, Reading, Renewable
from .process import dies_at
from .test_care import _fill
from .test_versions import seen_versions

STREAM = "gauges.level"
METRES = {"m": 1.0, "mm": 0.001, "km": 1000.0}


class Model:
    """The stream as a plain list: fields by a name that never changes, values with the unit they were sent in."""

    def __init__(self, table: StreamTable) -> None:
        self.plain = table
        self.entity, self.entities_were = table.entity, ()
        self.quantities = [["depth", (), "m"], ["flow", (), "m"]]  # key, keys it went by, unit: by position for good
        self.words = [["state", ()], ["note", ()]]
        self.rows: list[tuple[int, int, float, list[tuple[float | None, str]], list[str | None]]] = []
        self.named = 0

    def table(self) -> StreamTable:
        was = [(key, olds) for key, olds, *_ in (*self.quantities, *self.words)] + [(self.entity, self.entities_were)]
        return dataclasses.replace(
            self.plain, entity=self.entity, quantities=tuple(one[0] for one in self.quantities),
            words=tuple(one[0] for one in self.words), units=tuple((key, unit) for key, _, unit in self.quantities),
            kinds=tuple((key, "text") for key, _ in self.words), was=tuple(was),
            factors=tuple(
                (key, unit, METRES[unit] / METRES[now]) for key, _, now in self.quantities for unit in METRES if unit != now
            ),
        )  # fmt: skip

    def change(self, kind: str, at: int) -> None:
        self.named += 1
        new = f"field_{self.named}"
        match kind:
            case "add quantity":
                self.quantities.append([new, (), "mm"])
            case "add word":
                self.words.append([new, ()])
            case "rename quantity":
                one = self.quantities[at % len(self.quantities)]
                one[0], one[1] = new, (one[0], *one[1])
            case "rename word":
                one = self.words[at % len(self.words)]
                one[0], one[1] = new, (one[0], *one[1])
            case "rename entity":
                self.entity, self.entities_were = new, (self.entity, *self.entities_were)
            case unit:
                self.quantities[at % len(self.quantities)][2] = unit

    def seen(self, as_of: int | None = None) -> list[tuple[Any, ...]]:
        """Return every version in today's fields and units: gauge, hours, seq, until_seq, values, words."""
        histories: dict[tuple[int, float], list[tuple[int, tuple[Any, ...]]]] = {}
        for seq, gauge, hours, values, words in self.rows:
            if as_of is not None and seq > as_of:
                continue
            told = []
            for index, (_, _, unit) in enumerate(self.quantities):
                value, sent = values[index] if index < len(values) else (None, unit)
                told.append(None if value is None else value if sent == unit else value * (METRES[sent] / METRES[unit]))
            texts = [words[index] if index < len(words) else None for index in range(len(self.words))]
            history = histories.setdefault((gauge, hours), [])
            if not history or history[-1][1] != (*told, *texts):
                history.append((seq, (*told, *texts)))
        found = []
        for (gauge, hours), history in sorted(histories.items()):
            ends = [seq for seq, _ in history[1:]] + [None]
            found += [(f"g{gauge:02d}", hours, seq, end, *content) for (seq, content), end in zip(history, ends, strict=True)]
        return found


def _shown(table: StreamTable, as_of: int | None = None) -> list[tuple[Any, ...]]:
    fields = "".join(f', "{key}"' for key in (*table.quantities, *table.words))
    hours = f"(epoch_us(measured_at) - {int(START.timestamp() * 1_000_000)}) / 3600000000.0"
    with snapshot([STREAM], as_of=None if as_of is None else {STREAM: as_of}) as seen:
        rows = seen.rows(f'SELECT "{table.entity}", {hours}, seq, until_seq{fields} FROM level_raw ORDER BY 1, 2, seq')
        current = seen.rows(f'SELECT seq FROM level ORDER BY "{table.entity}", measured_at')
    shown = [tuple(row.values()) for row in rows]
    assert [row["seq"] for row in current] == [row[2] for row in shown if row[3] is None]
    return shown


values = st.sampled_from([None, 1.0, 3.0, 250.0, 500.0])
texts = st.sampled_from([None, "ok", "低"])
rows = st.tuples(st.integers(0, 2), st.sampled_from([0.0, 1.0, 700.0]), st.lists(values, min_size=6, max_size=6),
                 st.lists(texts, min_size=6, max_size=6))  # fmt: skip
changes = st.tuples(
    st.sampled_from(["add quantity", "add word", "rename quantity", "rename word", "rename entity", "m", "mm", "km", "mm", "m"]),
    st.integers(0, 5),
)
steps = st.lists(
    st.one_of(st.lists(rows, min_size=1, max_size=6), changes, changes, st.just("seal"), st.just("merge")),
    min_size=4,
    max_size=12,
)


# Each example makes a database and seals: to shrink one takes longer than to read it.
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=steps)
def test_whatever_changes_every_row_is_seen_as_a_plain_list_says(renewed: Renewable, data: list[Any]) -> None:
    lake = renewed.renew()
    model = Model(lake.table)
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in ("read", "services"):
            patch.setattr(f"chengyun.lake.{module}.stream_table", lambda city, qualified: model.table())
        patch.setattr("chengyun.lake.services.stream_tables", lambda city: [model.table()])
        with lake.connect() as conn:
            conn.execute("UPDATE lake_stream SET shape = NULL")
            prepare.prepare(conn, [model.table()])
        for step in data:
            match step:
                case "seal":
                    seal(STREAM, keep_sealed=dt.timedelta(0))
                case "merge":
                    with database.connect() as conn, only_sealer(conn, model.table()):
                        merge.merge(at_rest(conn, model.table()), most=1)
                case list():
                    first = _write(lake, model, step)
                    told.append(first + len(step) - 1)
                case kind, at:
                    if kind.startswith("add") and model.named > 4:
                        continue
                    model.change(kind, at)
                    with lake.connect() as conn:
                        prepare.prepare(conn, [model.table()])
        assert _shown(model.table()) == model.seen()
        for seq in told:
            assert _shown(model.table(), seq) == model.seen(seq)
        [found] = check()
        assert found.faults == ()
        _latest_agrees(lake, model)


def _write(lake: Lake, model: Model, batch: list[Any]) -> int:
    table = model.table()
    number = lambda value: np.nan if value is None else value  # noqa: E731
    written = Rows(
        np.array([gauge + 1 for gauge, *_ in batch], dtype=np.int32),
        np.array([round((START.timestamp() + hours * 3600) * 1e6) for _, hours, *_ in batch], dtype=np.int64),
        np.zeros(len(batch), dtype=np.int64),
        {key: np.array([number(row[2][at]) for row in batch]) for at, key in enumerate(table.quantities)},
        {key: [row[3][at] for row in batch] for at, key in enumerate(table.words)},
    )
    seq = asyncio.run(Lake(lake.url, table)._write(written))
    units = [unit for _, _, unit in model.quantities]
    for offset, (gauge, hours, sent, words) in enumerate(batch):
        told = [(value, unit) for value, unit in zip(sent[: len(units)], units, strict=True)]
        model.rows.append((seq + offset, gauge, hours, told, words[: len(model.words)]))
    return seq


def _latest_agrees(lake: Lake, model: Model) -> None:
    table = model.table()
    fields = "".join(f', "{key}"' for key in (*table.quantities, *table.words))
    with lake.connect() as conn:
        kept = {row[0]: row[1:] for row in conn.execute(f"SELECT seq{fields} FROM {table.latest}")}
    by_seq = {seq: (gauge, hours, seq) for seq, gauge, hours, *_ in model.rows}
    newest: dict[int, tuple[Any, ...]] = {}
    for gauge, hours, seq in by_seq.values():
        newest[gauge] = max(newest.get(gauge, (-1.0, 0)), (hours, seq))
    assert sorted(kept) == sorted(seq for _, seq in newest.values())
    for seq, content in kept.items():
        alone = Model(model.plain)
        alone.quantities, alone.words, alone.rows = model.quantities, model.words, [row for row in model.rows if row[0] == seq]
        [expected] = alone.seen()
        for value, told in zip(content, expected[4:], strict=True):
            assert value == (pytest.approx(told, rel=1e-12) if isinstance(told, float) else told), (seq, content, expected)


def _changed(table: StreamTable, **given: Any) -> StreamTable:
    """depth in m has become level in mm."""
    return dataclasses.replace(
        table, quantities=("level", "flow"), units=(("level", "mm"), ("flow", "m³/s")), was=(("level", ("depth",)),),
        factors=(("level", "m", 1000.0),), **given
    )  # fmt: skip


def test_earlier_snapshots_and_other_readers_find_what_was_kept(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_, whole = _fill(lake)
    changed = _changed(lake.table)
    with lake.connect() as conn:
        prepare.prepare(conn, [changed])
    for module in ("read", "services"):
        monkeypatch.setattr(f"chengyun.lake.{module}.stream_table", lambda city, qualified: changed)
    in_mm = lambda oracle: [None if one.depth is None else one.depth * 1000.0 for one in oracle.versions()]  # noqa: E731
    assert [row[4] for row in _shown(changed)] == in_mm(whole)
    theirs = iceberg.catalogue().load_table(("lake", "gauges_level"))
    assert [(one.name, one.doc) for one in theirs.schema().fields if "level" in one.name] == [
        ("level@1", "level in m, as it was kept before"), ("level", "in mm"),
    ]  # fmt: skip
    kept = theirs.scan(selected_fields=("seq", "level@1")).to_arrow().sort_by("seq")
    assert kept["level@1"].to_pylist() == [one.depth for one in sorted(whole.versions(), key=lambda one: one.seq)]
    restore(STREAM, snapshots(STREAM)[0].id, "tester")
    assert [row[4] for row in _shown(changed)] == in_mm(first)
    with lake.connect() as conn:
        newest = conn.execute(f"SELECT level FROM {changed.latest} ORDER BY entity_id").fetchall()
    assert newest == [(23 / 3 * 1000.0,)] * 4
    sweep(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1), dt.timedelta(0))
    assert [row[4] for row in _shown(changed)] == in_mm(first)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"units": (("depth", "mm"), ("flow", "m³/s"))}, r"'depth' is kept in m and declared in mm; say what one m is in mm"),
        ({"quantities": ("level", "flow"), "units": (("level", "m"), ("flow", "m³/s"))}, "says by was which one it is"),
        ({"entity": "station"}, "what is 'station' now was 'gauge': say so with was"),
        ({"time": "seen_at"}, "what is 'seen_at' now was 'measured_at'"),
        ({"kinds": (("state", "code"), ("note", "code"))}, "'note' was any text and is now one of its codes"),
        ({"words": ("note", "flow_state"), "was": (("flow_state", ("flow",)),)}, "'flow_state' is double precision"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(lake: Lake, change: dict[str, Any], fault: str) -> None:
    *_, whole = _fill(lake)
    with lake.connect() as conn, pytest.raises(Misdeclared, match=fault):
        prepare.prepare(conn, [dataclasses.replace(lake.table, **change)])
    assert seen_versions(None) == whole.versions()


def test_a_former_unit_stays_declared_while_rows_are_kept_in_it(lake: Lake) -> None:
    _fill(lake)
    with lake.connect() as conn:
        prepare.prepare(conn, [_changed(lake.table)])
        forgot = dataclasses.replace(_changed(lake.table), factors=())
        with pytest.raises(Misdeclared, match="'level' is kept in m and declared in mm"):
            prepare.prepare(conn, [forgot])


def test_declarations_say_what_is_wrong_with_was_and_formerly() -> None:
    with pytest.raises(Misdeclared, match="formerly names the unit 'yard'"):
        Quantity("depth", "水深", unit="m", valid=(0, 1), formerly={"yard": 0.9144})
    with pytest.raises(Misdeclared, match="one mm is 0 m, expected a number above zero"):
        Quantity("depth", "水深", unit="m", valid=(0, 1), formerly={"mm": 0})
    with pytest.raises(Misdeclared, match="was names 'depth', expected a key the field went by before"):
        Text("depth", "水深", was="depth")
    depth = Quantity("depth", "水深", unit="m", valid=(0, 1))
    with pytest.raises(Misdeclared, match="field 'depth' is a field, and was names it"):
        Stream(
            key="level", name="水位", one_row_is="one", time="at",
            fields=[Ref("gauge", to="gauge"), depth, Code("state", "状态", codes={"a": "甲"}, was="depth")],
        )  # fmt: skip


@pytest.mark.fault
@pytest.mark.parametrize("step", faults.EVOLVE_STEPS)
def test_killed_at(lake: Lake, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    *_, whole = _fill(lake)
    more = [Reading(2, 60, 8.0)]
    whole.write(lake.write(more), more)
    dies_at(lake, step, "evolver.py")
    assert seen_versions(None) == whole.versions(), "all is as before"
    changed = _changed(lake.table)
    with lake.connect() as conn:
        prepare.prepare(conn, [changed])
    for module in ("read", "services"):
        monkeypatch.setattr(f"chengyun.lake.{module}.stream_table", lambda city, qualified: changed)
    monkeypatch.setattr("chengyun.lake.services.stream_tables", lambda city: [changed])
    expected = [None if one.depth is None else one.depth * 1000.0 for one in whole.versions()]
    assert [row[4] for row in _shown(changed)] == expected
    seal(STREAM, keep_sealed=dt.timedelta(0), most_files=1)
    assert repair(dt.datetime.now(dt.UTC)) == []
    assert [row[4] for row in _shown(changed)] == expected
    assert [one.faults for one in check(contents=True)] == [()]
