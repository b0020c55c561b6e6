# SPDX-License-Identifier: Apache-2.0
"""How a divided run is dealt out (docs/decisions/0320): in units that stay whole, what takes long before what takes moments.

    long files → all the rest → whole installations that files share → moments, which even out the end

A unit is a file; files that share an installation or a server are one, so that it is started once and not in each process. Those
come late, because what they share lives on, working by the clock, until the run ends.
"""

from __future__ import annotations

LONG = (
    "web_offline/test_fill.py",
    "run/test_migrate.py",
    "run/test_faults.py",
    "collect_queue/test_cluster.py",
    "share_federation/test_nodes.py",
    "collect/test_place.py",
    "lake/test_backload.py",
    "web_offline/test_field.py",
    "cases_loop/test_loop.py",
    "operate_cluster/test_spark.py",
    "cases_intake/test_kills.py",
    "lake/test_moving.py",
    "collect_quality/test_repair.py",
    "collect_quality/test_mistakes.py",
)
"""Files that take more than half a minute, the longest first; one that is missing here merely begins later."""
RUNNING = (
    "web_desk/test_barriers.py",
    "web/test_browser.py",
    "web_desk/test_browser.py",
    "api/test_schemathesis.py",
    "cases_intake/test_browser.py",
    "collect_edge/test_edge.py",
    "collect_forms/test_mended.py",
    "operate/test_alerts.py",
    "packs/water_supply/test_water.py",
    "run/test_installation.py",
    "web_boards/test_browser.py",
    "web_desk/test_why.py",
)
"""Files that use the installation `running`."""
SHARING = (
    "protocols_ogc", "collect_mqtt", "protocols_sensorthings", "protocols_open311", "protocols_ngsild", "collect_pull", "collect",
)  # fmt: skip
"""Folders whose files share an installation, a server or a database, apart from long files in them."""
MOMENTS = ("standards", "city", "formats", "areas", "cases_crews", "share_ledger")
"""Folders of quick tests."""


def unit_of(nodeid: str) -> str:
    """Return the unit a test belongs to: a file, or what files have in common."""
    file = nodeid.split("::", 1)[0].removeprefix("tests/")
    folder = file.split("/", 1)[0]
    if file in RUNNING:
        return "running"
    return folder if folder in SHARING and file not in LONG else file


def turn_of(nodeid: str) -> tuple[int, int]:
    """Return when a test's unit has its turn; units of one turn stay in the order of their names."""
    unit = unit_of(nodeid)
    if unit in LONG:
        return 0, LONG.index(unit)
    if unit == "running":
        return 2, 0
    if unit in SHARING:
        return 3, SHARING.index(unit)
    return (4, 0) if unit.split("/", 1)[0] in MOMENTS else (1, 0)
