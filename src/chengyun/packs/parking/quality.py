# SPDX-License-Identifier: Apache-2.0
"""What must be true of a row: what a sign says against the car park it stands before."""

from __future__ import annotations

from chengyun.city import QualityRule

QUALITY = [
    QualityRule(
        key="free_within_capacity", name="空余泊位不超过泊位数", on="lot_free", dimension="consistency",
        holds="free <= (SELECT l.capacity FROM lot AS l WHERE l.key = lot_free.lot)",
        meaning="空余比总数还多：计数漂移，或登记的泊位数过时；泊位数未知的停车场不判断。",
    ),
    QualityRule(
        key="free_is_whole", name="空余泊位是整数", on="lot_free", dimension="accuracy", holds="free = floor(free)",
        meaning="泊位是一个个数的；有小数的是比例或平均值，不是泊位数。",
    ),
]  # fmt: skip
