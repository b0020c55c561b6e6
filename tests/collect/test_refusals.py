# SPDX-License-Identifier: Apache-2.0
"""What senders get wrong: a clear 4xx or a dead letter, never a 5xx, never a neighbour harmed."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
from typing import Any

import pytest
import zstandard
from served import STREAM, Served

from chengyun.lake.rows import Flag


def now_ms(minutes: float = 0) -> int:
    start = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    return int(start.timestamp() * 1000 + minutes * 60_000)


def letters(served: Served, key: str) -> list[tuple[Any, ...]]:
    return served.rows("SELECT code, reason, state FROM collect_deadletter WHERE row->>'station' = %s ORDER BY id", key)


def stored(served: Served, key: str) -> list[tuple[Any, ...]]:
    return served.rows(
        "SELECT pm25, quality FROM lake.hot_air_quality_station_5min_1 h JOIN air_quality_station s ON s.id = h.entity_id"
        " WHERE s.key = %s ORDER BY seq", key,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({"authorization": "Bearer nonsense"}, STREAM, 401, "token"),
        ({"authorization": ""}, STREAM, 401, "token"),
        ({}, "air_quality.station_5minn", 404, "not_found"),
        ({"content-encoding": "br"}, STREAM, 415, "content_encoding"),
        ({"content-encoding": "gzip"}, STREAM, 400, "content_encoding"),
        ({"content-encoding": "zstd"}, STREAM, 400, "content_encoding"),
        ({"idempotency-key": "k" * 65}, STREAM, 400, "idempotency_key"),
    ],
)
def test_what_the_request_itself_gets_wrong(served: Served, headers: dict[str, str], path: str, status: int, code: str) -> None:
    sent = {"authorization": f"Bearer {served.token}"} | headers
    answer = served.run(served.request("POST", f"/ingest/{path}", content=b"[]", headers=sent))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_scope_for_another_stream_is_not_enough(served: Served) -> None:
    token = served.issue("ingest:air_quality.city_day")
    assert served.post([], token=token).status_code == 403
    assert served.post([], token=token, stream="air_quality.city_day").status_code == 200


def test_a_small_body_cannot_become_a_large_one(served: Served) -> None:
    for encoding, bomb in (("gzip", gzip.compress(bytes(200_000_000), 9)), ("zstd", zstandard.compress(bytes(200_000_000)))):
        answer = served.post(bomb, content_encoding=encoding)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"start": 0}, "too_old"),
        ({"start": 1_763_683_200}, "too_old"),
        ({"start": "9999-12-31T23:59:59Z"}, "future"),
        ({"start": now_ms(60)}, "future"),
        ({"start": "yesterday"}, "time"),
        ({"start": None}, "time"),
        ({"pm25": "35"}, "type"),
        ({"pm25": True}, "type"),
        ({"pm25": {"value": 35}}, "type"),
    ],
)
def test_a_bad_row_is_set_aside_and_its_neighbour_stored(served: Served, cells: dict[str, Any], code: str) -> None:
    bad, good = served.stations(2)
    rows = [{"station": bad, "start": now_ms(), "pm25": 1} | cells, {"station": good, "start": now_ms(), "pm25": 2}]
    answer = served.post(rows).json()
    assert [(it["index"], it["code"]) for it in answer["dead"]] == [(0, code)]
    assert answer["accepted"] == 1
    assert letters(served, bad) == [(code, answer["dead"][0]["reason"], "waiting")]
    assert stored(served, bad) == []
    assert stored(served, good) == [(2, 0)]


def test_seconds_where_milliseconds_belong_are_recognised(served: Served) -> None:
    (key,) = served.stations(1)
    assert "looks like seconds" in served.post({"station": key, "start": now_ms() // 1000, "pm25": 1}).json()["dead"][0]["reason"]


def test_an_unknown_station_is_set_aside_and_found_once_it_is_registered(served: Served) -> None:
    (known,) = served.stations(1)
    unknown = f"{known}-new"
    answer = served.post({"station": unknown, "start": now_ms(), "pm25": 1}).json()
    assert answer["dead"][0]["code"] == "unknown_entity"
    assert letters(served, unknown)[0][0] == "unknown_entity"
    (late,) = served.stations(1)
    assert served.post({"station": late, "start": now_ms(), "pm25": 1}).json()["accepted"] == 1


def test_a_hostile_key_is_kept_as_a_dead_letter(served: Served) -> None:
    for key in ("\x00", "'; DROP TABLE lake_stream; --", "x" * 10_000, "\ud7ff\u202e"):
        answer = served.post([{"station": key, "start": now_ms(), "pm25": 1}])
        assert answer.status_code == 200
        assert answer.json()["dead"][0]["code"] == "unknown_entity"


def test_a_value_in_the_wrong_unit_is_kept_flagged_and_hinted_at(served: Served) -> None:
    keys = served.stations(3)
    answer = served.post([{"station": key, "start": now_ms(), "co": 900 + i} for i, key in enumerate(keys)]).json()
    assert answer["flags"] == {"range": 3}
    assert "times 0.001" in answer["hints"][0]
    assert all(quality & Flag.RANGE for key in keys for _, quality in stored(served, key))


def test_a_key_gives_the_same_answer_and_stores_once(served: Served) -> None:
    (key,) = served.stations(1)
    body = {"station": key, "start": now_ms(), "pm25": 1}
    first, again = (served.post(body, idempotency_key=f"k-{key}") for _ in range(2))
    assert first.json() == again.json()
    assert len(stored(served, key)) == 1
    other = served.post(body | {"pm25": 2}, idempotency_key=f"k-{key}")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_request_that_fails_alone_does_not_fail_its_neighbours(served: Served) -> None:
    first, second = served.stations(2)

    async def together() -> list[int]:
        # One of two requests of one group reuses a key for another body: the group falls apart, the good one stays.
        headers = {"authorization": f"Bearer {served.token}"}
        await served.request("POST", f"/ingest/{STREAM}", json=[], headers=headers | {"idempotency-key": f"p-{first}"})
        bodies = [
            ({"station": first, "start": now_ms(), "pm25": 1}, headers | {"idempotency-key": f"p-{first}"}),
            ({"station": second, "start": now_ms(), "pm25": 2}, headers),
        ]
        path = f"/ingest/{STREAM}"
        answers = await asyncio.gather(*(served.request("POST", path, json=body, headers=sent) for body, sent in bodies))
        return [answer.status_code for answer in answers]

    assert served.run(together()) == [422, 200]
    assert stored(served, first) == []
    assert stored(served, second) == [(2, 0)]


def test_a_repeated_and_a_corrected_observation(served: Served) -> None:
    (key,) = served.stations(1)
    row = {"station": key, "start": now_ms(-5), "pm25": 30}
    flags = [served.post(it).json()["flags"] for it in (row, row, row | {"pm25": 31})]
    assert flags == [{}, {"duplicate": 1}, {"correction": 1}]


def test_flags_go_on_after_a_restart(served: Served, collect_url: str) -> None:
    (key,) = served.stations(1)
    served.post({"station": key, "start": now_ms(-30), "pm25": 30})
    other = Served(collect_url)
    try:
        assert other.post({"station": key, "start": now_ms(-30), "pm25": 30}, token=served.token).json()["flags"] == {
            "duplicate": 1
        }
        assert other.post({"station": key, "start": now_ms(-25), "pm25": 900}, token=served.token).json()["flags"] == {"spike": 1}
    finally:
        other.close()
    # The first process learns from the books that another one wrote.
    assert served.post({"station": key, "start": now_ms(-25), "pm25": 900}).json()["flags"] == {"duplicate": 1}


def test_a_first_real_reading_ends_a_simulation(served: Served) -> None:
    (key,) = served.stations(1, simulated=True)
    simulator = served.issue("simulate")
    made = served.post({"station": key, "start": now_ms(-5), "pm25": 1}, token=simulator).json()
    assert made["flags"] == {"simulated": 1}
    # Older than what was simulated: what is real counts all the same.
    assert served.post({"station": key, "start": now_ms(-600), "pm25": 2}).json()["flags"] == {}
    newest = served.rows(
        "SELECT pm25, simulated FROM lake.latest_air_quality_station_5min l JOIN air_quality_station s ON s.id = l.entity_id"
        " WHERE s.key = %s", key,
    )  # fmt: skip
    assert newest == [(2, False)]
    refused = served.post({"station": key, "start": now_ms(), "pm25": 3}, token=simulator).json()
    assert (refused["accepted"], refused["ended"]) == (0, [key])
    assert len(stored(served, key)) == 2


def test_what_is_registered_as_real_is_never_simulated(served: Served) -> None:
    (key,) = served.stations(1)
    refused = served.post({"station": key, "start": now_ms(), "pm25": 3}, token=served.issue("simulate")).json()
    assert (refused["accepted"], refused["ended"]) == (0, [key])


def test_a_receipt_says_who_sent_what(served: Served) -> None:
    (key,) = served.stations(1)
    sender = served.issue("ingest:*")
    answer = served.post({"station": key, "start": now_ms(), "pm25": 3}, token=sender).json()
    receipts = served.rows("SELECT seq_from, seq_to FROM lake_receipt WHERE source = %s", sender[:9])
    assert [list(it) for it in receipts] == [answer["seq"]]


def test_a_ticket_decides_what_is_read(served: Served) -> None:
    assert served.get(f"/latest/{STREAM}", ticket="nonsense").status_code == 401
    assert served.get("/live", ticket="").status_code == 401
    assert served.get("/latest/air_quality.city_day", ticket=served.ticket()).status_code == 404
    preflight = served.run(served.request("OPTIONS", f"/latest/{STREAM}"))
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert served.get("/health").json()["ok"] is True
