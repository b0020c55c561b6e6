# SPDX-License-Identifier: Apache-2.0
"""Which pages there are: firms with a search, a firm with its licences and ties, a building with its firms."""

from __future__ import annotations

from chengyun.city import Listing, Page, Related

FIRMS = Page(
    key="enterprises",
    name="法人单位",
    panels=[
        Listing("法人单位", entity="enterprise", columns=["kind", "standing", "established", "industry"], search=["name", "key"]),
        Listing(
            "许可证", entity="licence", columns=["kind", "enterprise", "valid_from", "valid_to", "standing"],
            search=["key", "enterprise"],
        ),
    ],
)  # fmt: skip

FIRM = Page(
    key="enterprise",
    name="法人单位",
    entity="enterprise",
    panels=[
        Related("许可证", entity="licence", by=["enterprise"], columns=["kind", "activity", "valid_from", "valid_to",
        "standing"]),
        Related("关联关系", entity="relation", by=["enterprise", "other"], columns=["kind", "enterprise", "other",
        "person", "share"]),
    ],
)  # fmt: skip

BUILDING = Page(
    key="building",
    name="楼内单位",
    entity="buildings.building",
    panels=[Related("楼内单位", entity="enterprise", by=["building"], columns=["kind", "standing"])],
)

PAGES = (FIRMS, FIRM, BUILDING)
