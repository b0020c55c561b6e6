# SPDX-License-Identifier: Apache-2.0
"""Bodies of every form say the same; a fault of a row stays with the row, a fault of the whole is told whole."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.city import Code, Quantity, Ref, Stream, Text
from chengyun.collect.decode import read_body
from chengyun.errors import Malformed

STREAM = Stream(
    key="level", name="水位", one_row_is="one gauge, one minute", time="at",
    fields=[
        Ref("gauge", to="gauge"),
        Quantity("a", "甲", unit="m", valid=(0, 10)),
        Quantity("b", "乙", unit="m", valid=(0, 10)),
        Code("state", "状态", codes={"ok": "正常", "off": "停用"}),
        Text("note", "说明", longest=5),
    ],
)  # fmt: skip

cell = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
    st.sampled_from(["ok", "off", "2026-11-21T08:00:00+08:00", "2026-11-21T00:00:00Z", "2026-11-21T08:00:00", 1763683200000]),
    st.lists(st.integers(), max_size=2), st.just({}),
)  # fmt: skip
rows = st.lists(st.fixed_dictionaries(dict.fromkeys(STREAM.columns, cell)), min_size=1, max_size=8)


def seen(body: Any) -> Any:
    decoded = read_body(json.dumps(body).encode(), STREAM)
    numbers = {key: [None if math.isnan(it) else it for it in column.tolist()] for key, column in decoded.numbers.items()}
    alive = [i for i in range(len(decoded)) if i not in decoded.dead]
    columns = {"key": decoded.keys, "time": decoded.time.tolist(), **numbers, **decoded.words}
    return {name: [column[i] for i in alive] for name, column in columns.items()}, decoded.dead


@settings(max_examples=300, deadline=None)
@given(rows)
def test_objects_rows_and_columns_say_the_same(rows: list[dict[str, Any]]) -> None:
    names = list(STREAM.columns)
    objects = seen(rows)
    assert seen({"columns": names, "rows": [[row[name] for name in names] for row in rows]}) == objects
    assert seen({"columns": {name: [row[name] for row in rows] for name in names}}) == objects


@settings(max_examples=200, deadline=None)
@given(rows)
def test_a_row_is_dead_exactly_when_it_would_be_alone(rows: list[dict[str, Any]]) -> None:
    together = seen(rows)[1]
    for index, row in enumerate(rows):
        alone = seen([row])[1]
        assert (index in together) == (0 in alone)
        assert together.get(index) == alone.get(0)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_body_is_anything_but_read_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        read_body(body, STREAM)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b'{"columns": {"gauge": ["x"', "json"),
        ('{"gauge": "x"}'.encode("utf-16"), "encoding"),
        (b"\xef\xbb\xbf{}", "encoding"),
        (b'{"gauge": "\xff"}', "encoding"),
        (b'[{"gauge": "x", "at": 1, "a": NaN}]', "json"),
        (b'[{"gauge": "x", "at": 1, "a": Infinity}]', "json"),
        (b'[{"gauge": "x", "at": 1, "a": 1e400}]', "number_range"),
        (b"[" * 100_000, "nested"),
        (b"7", "shape"),
        (b'{"columns": 3}', "shape"),
        (b'{"columns": {"gauge": "x"}}', "shape"),
        (b'{"columns": {"gauge": ["x"], "at": [1, 2]}}', "unequal_columns"),
        (b'{"columns": ["gauge", "at"], "rows": [["x"]]}', "unequal_columns"),
        (b'{"columns": ["gauge", "gauge"], "rows": []}', "doubled_column"),
        (b'{"columns": {"gauge": ["x"], "at": [1], "a": [1], "a" : [2]}}', "doubled_column"),
        (b'{"columns": {"gauge": ["x"]}}', "missing_column"),
        (b'{"columns": {"gauge": ["x"], "at": [1], "aa": [1]}}', "unknown_column"),
        (b'{"columns": {"gauge": []}, "more": 1}', "shape"),
    ],
)
def test_a_fault_of_the_whole_body_has_its_code(body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as wrong:
        read_body(body, STREAM)
    assert wrong.value.code == code


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(Malformed, match='Did you mean "gauge"'):
        read_body(b'{"gauges": "x", "at": 1}', STREAM)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (None, "missing"), ("soon", "is not a time"), ("2026-11-21T08:00:00", "no offset"), (True, "true or false"),
        (10**40, "far beyond"), (1.5, "a number"),
    ],
)  # fmt: skip
def test_a_time_that_is_none_says_why(at: Any, reason: str) -> None:
    assert reason in seen({"gauge": "x", "at": at})[1][0].reason


def test_a_bracket_in_a_text_is_no_doubled_column() -> None:
    body = json.dumps({"columns": {"gauge": ["x"], "at": [0], "note": ['[[":'], "a": [2]}}).encode()
    decoded = read_body(body, STREAM)
    assert decoded.words["note"] == ['[[":']
    assert np.array_equal(decoded.numbers["a"], [2.0])
