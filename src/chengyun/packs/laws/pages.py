# SPDX-License-Identifier: Apache-2.0
"""Which pages there are: laws with a search, a law with its articles and with who cites it."""

from __future__ import annotations

from chengyun.city import Citations, Listing, Page, Related

LAWS = Page(
    key="laws",
    name="法律法规",
    panels=[
        Listing("法律法规", entity="law", columns=["number", "kind", "issuer", "valid_from", "valid_to"], search=["name",
        "number"]),
        Citations("各应用的依据"),
    ],
)  # fmt: skip

LAW = Page(
    key="law",
    name="法律法规",
    entity="law",
    panels=[Related("条款", entity="article", by=["law"], columns=["clause"]), Citations("引用者")],
)

ARTICLE = Page(key="article", name="条款", entity="article", panels=[Citations("引用者")])

PAGES = (LAWS, LAW, ARTICLE)
