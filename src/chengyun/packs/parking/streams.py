# SPDX-License-Identifier: Apache-2.0
"""What is sensed: the free spaces of a car park, as its guidance sign shows them."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Quantity, Ref, Stream

LOT_FREE = Stream(
    key="lot_free",
    name="空余泊位",
    one_row_is="一处停车场、一次变化：此后空余泊位为该数，直到下一次变化",
    time="observed_at",
    fields=[
        Ref("lot", to="lot", name="停车场"),
        # Counters drift: below zero is no number of spaces. Above the capacity is judged where the capacity is known.
        Quantity("free", "空余泊位", unit="个", valid=(0, 20000)),
    ],
    late_after=dt.timedelta(hours=1),
    silent_after=dt.timedelta(days=1),
)
