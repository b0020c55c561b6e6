# SPDX-License-Identifier: Apache-2.0
"""What a device's clock is worth: its offset from the server's, and when something it dates really was. Pure.

    device   t0 ─────────────────────▶ t3         offset = ((t1 − t0) + (t2 − t3)) / 2        as NTP reckons it
    server         t1 ──────── t2                 uncertain by half of (t3 − t0) − (t2 − t1)

The first exchange knows t0 and t1 alone: the way is part of the offset then, and the uncertainty is a guess.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["FIRST_UNCERTAINTY_MS", "WARN_MS", "Exchange", "Sample", "corrected", "measure"]

FIRST_UNCERTAINTY_MS = 5_000
"""How long a first request may have been under way."""
WARN_MS = 5 * 60_000
"""From this offset on the person is told that the device's clock is wrong."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer: t0, t3 by the device's clock, t1, t2 by the server's."""

    sent: dt.datetime
    server_received: dt.datetime
    server_sent: dt.datetime
    received: dt.datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """An offset (server minus device) as it was when the device's clock showed `at`."""

    at: dt.datetime
    offset_ms: int
    uncertainty_ms: int


def measure(sent: dt.datetime, received: dt.datetime, last: Exchange | None, former: Sample | None) -> Sample:
    """Return the offset at a request sent at `sent` by the device's clock and received at `received` by ours.

    last: the exchange before, when the device has told of it. former: the newest sample known.
    A request is never received before it was sent: what one way says is a bound, the exchange before it an estimate.
    """
    one_way = _ms(received - sent)
    estimate: Sample | None = former
    if last is not None:
        offset = (_ms(last.server_received - last.sent) + _ms(last.server_sent - last.received)) // 2
        trip = _ms(last.received - last.sent) - _ms(last.server_sent - last.server_received)
        estimate = Sample(last.received, offset, max(1, abs(trip) // 2))
    if estimate is None:
        return Sample(sent, one_way, FIRST_UNCERTAINTY_MS)
    # The way took at least no time: an estimate above the bound, or far below it, is of a clock that was set since.
    if -FIRST_UNCERTAINTY_MS <= estimate.offset_ms - one_way <= estimate.uncertainty_ms:
        return Sample(sent, min(estimate.offset_ms, one_way), estimate.uncertainty_ms)
    return Sample(sent, one_way, FIRST_UNCERTAINTY_MS)


def corrected(made_at: dt.datetime, samples: Sequence[Sample], received: dt.datetime) -> tuple[dt.datetime, int]:
    """Return when something dated `made_at` by the device was by our clock, and how uncertain that is in milliseconds.

    samples: of this device by their time, the newest last. Between two of them the offset goes from one to the other, and may
    have jumped anywhere between. What has been received has happened.
    """
    later = next((one for one in samples if one.at >= made_at), samples[-1])
    before = [one for one in samples if one.at <= made_at]
    earlier = before[-1] if before else later
    span = _ms(later.at - earlier.at)
    share = _ms(made_at - earlier.at) / span if span else 0.0
    offset = round(earlier.offset_ms + (later.offset_ms - earlier.offset_ms) * min(1.0, max(0.0, share)))
    drift = abs(later.offset_ms - earlier.offset_ms)
    uncertain = max(earlier.uncertainty_ms, later.uncertainty_ms) + drift
    return min(made_at + dt.timedelta(milliseconds=offset), received), uncertain


def _ms(span: dt.timedelta) -> int:
    return round(span.total_seconds() * 1000)
