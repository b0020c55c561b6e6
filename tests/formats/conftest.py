# SPDX-License-Identifier: Apache-2.0
"""Reading a file's bytes whole, as the tests look at them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from chengyun.collect.pull.formats import Fault, Options, Table, read_table

Rows = list[dict[str, Any]]
Take = Callable[..., list[tuple[Table, Rows]]]


@pytest.fixture
def take() -> Take:
    """Read the tables of a file: take(bytes, name, option=…) → [(table, rows)]."""

    def read(data: bytes, name: str, **options: Any) -> list[tuple[Table, Rows]]:
        tables = read_table(io.BytesIO(data), name, Options(**options))
        return [(table, [row for batch in table.batches for row in batch.to_pylist()]) for table in tables]

    return read


def places(faults: list[Fault]) -> list[tuple[str, str, str]]:
    """Return where each fault is and of what kind: (address, column, code)."""
    return [(it.address, it.column, it.code) for it in faults]
