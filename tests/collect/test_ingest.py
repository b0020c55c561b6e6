# SPDX-License-Identifier: Apache-2.0
"""HTTP in, rows out: the application as senders and pages meet it, on the real database."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import time

import psycopg
import zstandard
from served import STREAM, Served

_OF_STATION = (
    "SELECT time, pm25, quality, seq FROM lake.{} o JOIN air_quality_station s ON s.id = o.entity_id"
    " WHERE s.key = %s ORDER BY seq"
)
HOT = _OF_STATION.format("hot_air_quality_station_5min_1")
LATEST = _OF_STATION.format("latest_air_quality_station_5min")


def now_ms(minutes: float = 0) -> int:
    start = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    return int(start.timestamp() * 1000 + minutes * 60_000)


def test_every_form_is_stored_and_is_the_newest(served: Served) -> None:
    a, b, c, d, e = served.stations(5)
    at = now_ms(-5)
    iso = dt.datetime.fromtimestamp(at / 1000, dt.timezone(dt.timedelta(hours=8))).isoformat()
    bodies = [
        {"station": a, "start": iso, "pm25": 35},
        [{"station": b, "start": at, "pm25": 36.5}, {"station": c, "start": iso, "pm25": None}],
        {"columns": ["station", "start", "pm25"], "rows": [[d, at, 37]]},
        {"columns": {"station": [e], "start": [at], "pm25": [38]}},
    ]
    for body in bodies:
        answer = served.post(body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["dead"] == []
    for key, value in ((a, 35), (b, 36.5), (c, None), (d, 37), (e, 38)):
        assert [(int(t.timestamp() * 1000), v, q) for t, v, q, _ in served.rows(HOT, key)] == [(at, value, 0)]
        assert served.rows(LATEST, key) == served.rows(HOT, key)


def test_an_answer_names_the_seqs_of_its_rows(served: Served) -> None:
    first, second = served.stations(2)
    answer = served.post(
        [{"station": first, "start": now_ms(), "pm25": 1}, {"station": second, "start": now_ms(), "pm25": 2}]
    ).json()
    assert answer["accepted"] == 2
    assert [served.rows(HOT, key)[0][3] for key in (first, second)] == answer["seq"]


def test_compressed_bodies_are_opened(served: Served) -> None:
    one, two = served.stations(2)
    for key, encoding, squeeze in ((one, "gzip", gzip.compress), (two, "zstd", zstandard.compress)):
        body = b'{"station": "%s", "start": %d, "pm25": 7}' % (key.encode(), now_ms())
        assert served.post(squeeze(body), content_encoding=encoding).status_code == 200
        assert served.rows(LATEST, key)[0][1] == 7


def test_a_live_page_gets_the_row_and_only_what_its_ticket_shows(served: Served) -> None:
    (mine,), (other,) = served.stations(1, area="330281"), served.stations(1, area="330282")
    with served.listening(served.ticket(areas=("330281",), hidden=("so2",))) as live:
        begun = time.monotonic()
        served.post([{"station": key, "start": now_ms(), "pm25": 9, "so2": 3} for key in (other, mine)])
        rows = live.next("rows")
        assert time.monotonic() - begun < 1
        assert rows["stream"] == STREAM
        assert rows["columns"]["station"] == [mine]
        assert rows["columns"]["pm25"] == [9]
        assert "so2" not in rows["columns"]


def test_newest_rows_come_whole_and_as_a_delta(served: Served) -> None:
    old, new = served.stations(2, area="330299")
    ticket = served.ticket(areas=("330299",))
    served.post({"station": old, "start": now_ms(), "pm25": 1})
    whole = served.get(f"/latest/{STREAM}", ticket=ticket).json()
    assert whole["columns"]["station"] == [old]
    served.post({"station": new, "start": now_ms(), "pm25": 2})
    delta = served.get(f"/latest/{STREAM}", ticket=ticket, since=whole["seq"]).json()
    assert delta["columns"]["station"] == [new]
    assert delta["columns"]["pm25"] == [2]


def test_messages_of_other_processes_reach_only_whom_they_concern(served: Served) -> None:
    with served.listening(served.ticket(stream="alerts", areas=("330203",), hidden=("phone",))) as live:
        with psycopg.connect(served.url, autocommit=True) as conn:
            for area, number in (("330205", 1), ("330203004", 2)):
                told = {"kind": "alert", "dataset": "alerts", "area": area, "data": {"number": number, "phone": "1"}}
                payload = json.dumps(told)
                conn.execute("SELECT pg_notify('chengyun_live', %s)", [payload])
        assert live.next("alert") == {"dataset": "alerts", "area": "330203004", "data": {"number": 2}}
