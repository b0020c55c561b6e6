# SPDX-License-Identifier: Apache-2.0
"""Batches of one transaction joined into columns, and what each sender is told of its part. Pure: no clock, no database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from chengyun.city import Stream
from chengyun.collect import flags
from chengyun.collect.batch import Batch, unit_hints
from chengyun.collect.flags import Objects
from chengyun.collect.registers import Register
from chengyun.lake.hot import Receipt
from chengyun.lake.rows import Bools, Floats, Int64s
from chengyun.lake.tables import StreamTable

__all__ = ["Group", "answers", "join", "receipts"]

MOST_DEAD_TOLD = 1_000
"""Dead rows an answer lists; all are kept and counted."""


@dataclass(frozen=True, slots=True)
class Group:
    """Batches joined: rows of batch i are bounds[i] to bounds[i + 1].

    ended: by batch, keys of entities it simulates that are real. first_real: slots whose simulation ends with this group.
    """

    batches: list[Batch]
    ended: list[list[str]]
    bounds: list[int]
    slot: NDArray[np.intp]
    time: Int64s
    values: Floats
    words: dict[str, Objects]
    simulated: Bools
    first_real: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.slot)


def join(batches: Sequence[Batch], register: Register, table: StreamTable) -> Group:
    """Return the group of batches, without simulated rows of entities that are real."""
    simulated_now = register.simulated
    real = [batch.slot for batch in batches if not batch.sender.simulated and len(batch)]
    real_slots = np.unique(np.concatenate(real)) if real and simulated_now.any() else np.zeros(0, dtype=np.intp)
    first_real = real_slots[simulated_now[real_slots]]
    ended: list[list[str]] = []
    kept: list[Batch] = []
    for batch in batches:
        if batch.sender.simulated and len(batch):
            batch, refused = _without_real(batch, first_real, register)
        else:
            refused = []
        kept.append(batch)
        ended.append(refused)
    bounds = np.cumsum([0, *(len(batch) for batch in kept)]).tolist()
    if len(kept) == 1:
        one = kept[0]
        simulated = np.full(len(one), one.sender.simulated)
        return Group(kept, ended, bounds, one.slot, one.time, one.values, one.words, simulated, first_real)
    return Group(
        kept,
        ended,
        bounds,
        np.concatenate([np.zeros(0, dtype=np.intp), *(batch.slot for batch in kept)]),
        np.concatenate([np.zeros(0, dtype=np.int64), *(batch.time for batch in kept)]),
        np.concatenate([np.zeros((len(table.quantities), 0)), *(batch.values for batch in kept)], axis=1),
        {key: np.concatenate([np.zeros(0, dtype=np.object_), *(batch.words[key] for batch in kept)]) for key in table.words},
        np.repeat([batch.sender.simulated for batch in kept], [len(batch) for batch in kept]),
        first_real,
    )


def answers(group: Group, quality: Int64s, seq_from: int, stream: Stream) -> list[bytes]:
    """Return what each batch's sender is told once its rows are durable."""
    told = []
    for batch, ended, start, end in zip(group.batches, group.ended, group.bounds, group.bounds[1:], strict=False):
        counts = flags.count_flags(quality[start:end])
        answer: dict[str, Any] = {
            "accepted": end - start,
            "dead": [{"index": it.index, "code": it.dead.code, "reason": it.dead.reason} for it in batch.dead[:MOST_DEAD_TOLD]],
            "flags": counts,
            "seq": [seq_from + start, seq_from + end - 1] if end > start else None,
        }
        if len(batch.dead) > MOST_DEAD_TOLD:
            answer["dead_total"] = len(batch.dead)
        if ended:
            answer["ended"] = ended
        if "range" in counts and (hints := unit_hints(stream, batch.values)):
            answer["hints"] = hints
        if batch.key:
            answer["digest"] = batch.digest
        told.append(msgspec.json.encode(answer))
    return told


def receipts(stream: str, group: Group, told: Sequence[bytes], seq_from: int, now: dt.datetime) -> list[Receipt]:
    """Return one receipt per request with a key, and one per run of requests of one sender without."""
    kept: list[Receipt] = []
    open_for: tuple[str, str] | None = None
    accepted: list[int] = []
    for i, batch in enumerate(group.batches):
        who = (batch.sender.actor, batch.sender.source)
        start, end = seq_from + group.bounds[i], seq_from + group.bounds[i + 1] - 1
        if batch.key is None and who == open_for:
            before = kept[-1]
            accepted[-1] += len(batch)
            kept[-1] = Receipt(stream, before.seq_from, end, now, *who, None, b"")
        else:
            kept.append(Receipt(stream, start, end, now, *who, batch.key, told[i] if batch.key else b""))
            accepted.append(len(batch))
            open_for = None if batch.key else who
    return [receipt for receipt, count in zip(kept, accepted, strict=True) if count or receipt.idempotency_key]


def _without_real(batch: Batch, first_real: NDArray[np.intp], register: Register) -> tuple[Batch, list[str]]:
    """Return the rows of a simulated batch whose entity is not real, and the keys of those that are."""
    real = ~register.simulated[batch.slot] | np.isin(batch.slot, first_real)
    if not real.any():
        return batch, []
    rest = Batch(
        batch.sender,
        batch.slot[~real],
        batch.time[~real],
        batch.values[:, ~real],
        {key: column[~real] for key, column in batch.words.items()},
        batch.dead,
        batch.key,
        batch.digest,
    )
    return rest, sorted({register.keys[slot] for slot in batch.slot[real].tolist()})
