# SPDX-License-Identifier: Apache-2.0
"""From a decoded body to a batch the writer can take: entities found, times plausible, the unusable rows set aside."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chengyun.city import Stream
from chengyun.collect.decode import Dead, Decoded
from chengyun.collect.flags import Objects
from chengyun.errors import nearest
from chengyun.lake.rows import Floats, Int64s

__all__ = ["EARLIEST", "FUTURE_TOLERANCE", "Batch", "DeadRow", "Sender", "body_digest", "prepare", "unit_hints"]

EARLIEST = dt.datetime(1981, 1, 1, tzinfo=dt.UTC)
"""Nothing before it is stored: clocks that lost power restart at 1970 (Unix), 1980-01-01 (FAT) or 1980-01-06 (GPS)."""

FUTURE_TOLERANCE = dt.timedelta(minutes=10)
"""How far a sender's clock may run ahead of ours."""

MOST_HINTS = 5
"""Unknown keys of one body that the nearest known one is looked for; the look takes milliseconds, and who is wrong
about six keys is wrong about all."""

_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EARLIEST = (EARLIEST - _EPOCH) // _MICROSECOND
_UNIT_FACTORS = (1000.0, 0.001)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a batch: actor and source stand in its receipt; a simulated sender's rows are marked as such."""

    actor: str
    source: str
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A row that was set aside. index: its place in the body. slot: of its entity, −1 when that is not known."""

    index: int
    dead: Dead
    row: dict[str, Any]
    slot: int = -1


@dataclass(slots=True)
class Batch:
    """The usable rows of one request, as columns, and the rows that were set aside.

    values: quantities × rows. key: idempotency key, already made the sender's own; digest: of the body, with a key.
    """

    sender: Sender
    slot: NDArray[np.intp]
    time: Int64s
    values: Floats
    words: dict[str, Objects]
    dead: list[DeadRow] = field(default_factory=list)
    key: str | None = None
    digest: str = ""
    hints: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.slot)


def prepare(
    decoded: Decoded, slots: NDArray[np.intp], known: dict[str, int], stream: Stream, sender: Sender, now: dt.datetime
) -> Batch:
    """Return the batch of a decoded body.

    slots: of each row's entity, −1 where it is not known. known: keys of the register, to name the nearest.
    """
    dead = dict(decoded.dead)
    latest = (now + FUTURE_TOLERANCE - _EPOCH) // _MICROSECOND
    if len(decoded) and (decoded.time.min() < _EARLIEST or decoded.time.max() > latest):
        for index in np.flatnonzero((decoded.time < _EARLIEST) | (decoded.time > latest)).tolist():
            dead.setdefault(index, _implausible(int(decoded.time[index]), stream.time, now))
    reasons: dict[str, Dead] = {}
    for index in np.flatnonzero(slots < 0).tolist():
        key = decoded.keys[index]
        if index not in dead:
            if key not in reasons:
                reasons[key] = _unknown(key, known if len(reasons) < MOST_HINTS else {}, stream)
            dead[index] = reasons[key]
    values = np.array([decoded.numbers[quantity.key] for quantity in stream.quantities])
    words = {key: np.array(column, dtype=np.object_) for key, column in decoded.words.items()}
    if not dead:
        return Batch(sender, slots, decoded.time, values, words)
    usable = np.ones(len(decoded), dtype=np.bool_)
    usable[list(dead)] = False
    return Batch(
        sender,
        slots[usable],
        decoded.time[usable],
        values[:, usable],
        {key: column[usable] for key, column in words.items()},
        [DeadRow(index, dead[index], decoded.raw_row(index), int(slots[index])) for index in sorted(dead)],
    )


def body_digest(body: bytes) -> str:
    """Return what tells two bodies under one idempotency key apart."""
    return hashlib.sha256(body).hexdigest()[:32]


def unit_hints(stream: Stream, values: Floats) -> list[str]:
    """Say which quantities look as if sent in another unit: most values out of range, and in it by a factor of 1,000."""
    hints = []
    for quantity, column in zip(stream.quantities, values, strict=True):
        low, high = quantity.valid
        outside = column[(column < low) | (column > high)]
        if len(outside) * 2 <= np.count_nonzero(~np.isnan(column)):
            continue
        for factor in _UNIT_FACTORS:
            mended = outside * factor
            if len(outside) and ((mended >= low) & (mended <= high) & (mended != 0)).all():
                hints.append(
                    f"{quantity.key}: {len(outside)} values are out of range and would be in it times {factor:g}; "
                    f"the unit is {quantity.unit}."
                )
                break
    return hints


def _implausible(time: int, name: str, now: dt.datetime) -> Dead:
    try:
        told = (_EPOCH + time * _MICROSECOND).isoformat(timespec="seconds")
    except OverflowError:
        told = f"{time // 1000} ms since 1970"
    if time < _EARLIEST:
        as_seconds = time * 1000
        if _EARLIEST <= as_seconds <= (now + FUTURE_TOLERANCE - _EPOCH) // _MICROSECOND:
            return Dead(
                "too_old", f"{name} reads as {told}; integer times are milliseconds since 1970, and this looks like seconds."
            )
        return Dead("too_old", f"{name} is {told}, before {EARLIEST:%Y-%m-%d}; the sender's clock seems to have lost its date.")
    return Dead(
        "future",
        f"{name} is {told}, more than {FUTURE_TOLERANCE.seconds // 60} minutes ahead; check the sender's clock and offset.",
    )


def _unknown(key: str, known: dict[str, int], stream: Stream) -> Dead:
    # The nearest of a large register takes long to find; a prefix narrows it first.
    near = [name for name in known if name[:2] == key[:2]][:2000] if key else []
    told = key[:80].replace("\x00", "\ufffd")
    return Dead("unknown_entity", f"{stream.entity.key} {told!r} is not in the register.{nearest(key[:80], near)}")
