# SPDX-License-Identifier: Apache-2.0
"""Measurement of matching: two sources of invented people, noisy, whose truth is known (planted.py).

CHENGYUN_BENCH_PEOPLE says how many records each source has.
"""

from __future__ import annotations

import os
import time

from chengyun.bench.frame import Bench, Result

__all__ = ["BENCHES"]

PEOPLE = 1_000_000
SLOWEST_S = 600


def matching() -> list[Result]:
    """Return how precise and how complete the pairs taken without a look are, and how long it took."""
    import duckdb
    import pyarrow as pa

    from chengyun.share.registers.matching import match
    from chengyun.share.registers.planted import COLUMNS, sources

    size = int(os.environ.get("CHENGYUN_BENCH_PEOPLE", PEOPLE))
    first, second, truth = sources(size)
    connection = duckdb.connect(config={"memory_limit": "8GB"})
    for name, rows in (("first", first), ("second", second)):
        told = pa.table({column: [row[at] for row in rows] for at, column in enumerate(COLUMNS)})
        connection.register("told", told)
        connection.execute(f"CREATE TABLE {name}_source AS SELECT * FROM told")  # noqa: S608
        connection.unregister("told")
    del first, second
    begun = time.monotonic()
    found = match(connection, "first_source", "second_source")
    took = time.monotonic() - begun
    pairs = connection.execute("SELECT left_key, right_key, taken FROM matching_pairs").fetchall()
    taken = [(left, right) for left, right, sure in pairs if sure]
    right = sum(truth.get(left) == other for left, other in taken)
    seen = sum(truth.get(left) == other for left, other, _sure in pairs)
    precision, recall = right / max(1, len(taken)), right / len(truth)
    beside = {
        "pairs compared": f"{found.compared:,}", "to be looked at": f"{found.to_review:,}",
        "recall with those": f"{seen / len(truth):.4f}",
    }  # fmt: skip
    notes = f"{size:,} + {size:,} invented people, {len(truth):,} in both; mistakes as planted.py has them (seed 7)."
    return [
        Result(
            name="matching", value=took, unit="s", target=SLOWEST_S if size == PEOPLE else None, compared=beside, notes=notes
        ),
        Result(name="matching-precision", value=precision, unit="share", target=0.98, better="higher", notes=notes),
        Result(name="matching-recall", value=recall, unit="share", target=0.95, better="higher", notes=notes),
    ]  # fmt: skip


BENCHES: dict[str, Bench] = {"matching": matching}
