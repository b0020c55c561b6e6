# SPDX-License-Identifier: Apache-2.0
"""Which pages there are: addresses looked for part by part, buildings, a building with its addresses."""

from __future__ import annotations

from chengyun.city import Listing, Page, Related

BUILDINGS = Page(
    key="buildings",
    name="建筑物与地址",
    panels=[
        Listing("标准地址", entity="address", columns=["county", "road", "number", "compound", "block", "building"],
        address=True),
        Listing("建筑物", entity="building", columns=["use", "floors", "built", "address"], search=["name", "key", "address"]),
    ],
)  # fmt: skip

BUILDING = Page(
    key="building",
    name="建筑物",
    entity="building",
    panels=[Related("标准地址", entity="address", by=["building"], columns=["unit", "room"])],
)

PAGES = (BUILDINGS, BUILDING)
