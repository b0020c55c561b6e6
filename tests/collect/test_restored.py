# SPDX-License-Identifier: Apache-2.0
"""A sealed table that is brought back while the process runs: newest rows and what comes next are of the restored state."""

from __future__ import annotations

import datetime as dt

import pytest
from served import Served

from chengyun.lake import database, services

STREAM = "air_quality.station_hour"


def _newest(served: Served) -> dict[str, float]:
    columns = served.get(f"/latest/{STREAM}", ticket=served.ticket(stream=STREAM)).json()["columns"]
    return dict(zip(columns["station"], columns["pm25"], strict=True))


def test_the_newest_rows_follow_a_restore(served: Served, collect_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "url", lambda: collect_url)
    (station,) = served.stations(1)
    hour = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    for hours_ago, pm25 in ((3, 20.0), (2, 35.0)):
        at = (hour - dt.timedelta(hours=hours_ago)).isoformat()
        assert served.post({"station": station, "hour_start": at, "pm25": pm25}, stream=STREAM).status_code == 200
        services.seal(STREAM)
    assert _newest(served)[station] == 35.0
    services.restore(STREAM, services.snapshots(STREAM)[-2].id, "tester")
    served.run(served.app.house.follow_once())
    assert _newest(served)[station] == 20.0
    at = (hour - dt.timedelta(hours=2)).isoformat()
    answer = served.post({"station": station, "hour_start": at, "pm25": 36.0}, stream=STREAM)
    assert answer.json()["flags"] == {}, "what was taken back is neither repeated nor corrected"
    assert _newest(served)[station] == 36.0
