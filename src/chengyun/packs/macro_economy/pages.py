# SPDX-License-Identifier: Apache-2.0
"""Which pages there are: series with a search, a series with its figures, edition by edition."""

from __future__ import annotations

from chengyun.city import Listing, Page, Plot

ECONOMY = Page(
    key="series",
    name="宏观经济",
    panels=[
        Listing("统计序列", entity="series", columns=["area_name", "indicator", "unit", "frequency", "publisher"],
        search=["name", "key"])
    ],
)  # fmt: skip

SERIES = Page(key="one", name="统计序列", entity="series", panels=[Plot("数值与修订", entity="figure", by="series")])

PAGES = (ECONOMY, SERIES)
