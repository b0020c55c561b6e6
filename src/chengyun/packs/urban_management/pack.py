# SPDX-License-Identifier: Apache-2.0
"""Urban management: what is broken or out of order in the city, who mends it, and whether it was."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.urban_management import cases, feeds, pages, requests

PACK = Pack(
    key="urban_management",
    name="智慧城管",
    owner="综合执法局",
    answers="城市哪里坏了、乱了，由谁处理，处理好了没有",
    standards=["GB/T 30428", "CJ/T 214", "CJ/T 315"],  # catalogue versions and limits are dated data in scheme/
    entities=[
        Entity("component", "部件", model="Component", one_row_is="一件公共空间里的设施", sharing="unconditional"),
        Entity(
            "facility", "公共场所", model="Facility", one_row_is="一所学校、一家医院或一片商业区", sharing="unconditional",
            open=True, authorities=[feeds.OSM],
        ),
    ],
    register_feeds=[feeds.FACILITIES],
    pages=pages.PAGES,
    boards=["boards/urban.toml"],
    limits="limits.toml",
    cases=[cases.CASE, requests.REQUEST],
)  # fmt: skip
