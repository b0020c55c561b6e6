# SPDX-License-Identifier: Apache-2.0
"""When more comes in than can be written: what is in hand stays bounded, the least urgent goes first, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from served import STREAM, Served

from chengyun.bench.place import wait_for
from chengyun.city import Stream
from chengyun.city.words import URGENCIES
from chengyun.collect.admission import BUDGETS, LONGEST_S, QUIET_S, Admission
from chengyun.collect.shedding import keep_episodes, wait_for_turn
from chengyun.errors import Unavailable

MB = 1024 * 1024


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def fill(admission: Admission, urgency: Any, size: int) -> Unavailable:
    """Take places of a class until one is refused; return the refusal."""
    for _ in range(10_000):
        try:
            admission.enter(urgency, size)
        except Unavailable as refusal:
            return refusal
    raise AssertionError("nothing was ever refused")


def test_the_least_urgent_is_turned_away_first_and_life_safety_keeps_a_reserve() -> None:
    admission = Admission()
    refusal = fill(admission, "bulk", MB)
    assert admission.held <= BUDGETS["bulk"]
    assert refusal.fields["shedding"] == ["bulk"]
    assert fill(admission, "normal", MB).fields["shedding"] == ["bulk", "normal"]
    assert admission.held <= BUDGETS["normal"]
    admission.enter("life_safety", BUDGETS["life_safety"] - admission.held).__exit__()
    fill(admission, "life_safety", MB)
    assert admission.held <= BUDGETS["life_safety"]


def test_a_place_that_is_left_is_free_again_and_a_body_that_grows_is_bounded_too() -> None:
    admission = Admission()
    with admission.enter("normal", 0) as place:
        place.grow(10 * MB)
        assert admission.held == 10 * MB
        with pytest.raises(Unavailable):
            place.grow(BUDGETS["normal"] + 1)
    assert admission.held == 0


def test_alone_even_a_body_beyond_the_budget_of_its_class_comes_in() -> None:
    with Admission().enter("bulk", BUDGETS["bulk"] + 1) as place:
        assert place.size > BUDGETS["bulk"]


def test_the_wait_grows_with_what_is_turned_away_and_differs_between_senders() -> None:
    clock = Clock()
    calm = Admission(clock=clock, chance=lambda: 0.5)
    for _ in range(100):
        calm.enter("normal", MB).__exit__()
    calm.enter("normal", MB)
    assert calm.wait_s("normal") == 1
    busy = Admission(clock=clock, chance=lambda: 0.5)
    for _ in range(10):
        busy.enter("normal", MB).__exit__()
    fill(busy, "normal", MB)
    few = busy.wait_s("normal")
    for _ in range(50):
        fill(busy, "normal", MB)
    assert 1 < few < busy.wait_s("normal") <= LONGEST_S["normal"]
    early, late = Admission(clock=clock, chance=lambda: 0.0), Admission(clock=clock, chance=lambda: 0.99)
    early.enter("bulk", MB)
    late.enter("bulk", MB)
    assert early.wait_s("bulk") < late.wait_s("bulk"), "nothing was ever written, so all would come back at once"


def test_life_safety_is_asked_to_come_back_soon_even_when_nothing_is_written() -> None:
    admission = Admission(chance=lambda: 1.0)
    admission.enter("bulk", MB)
    assert admission.wait_s("life_safety") < admission.wait_s("bulk") / 5


def test_an_episode_ends_when_it_has_been_quiet_and_is_told_once() -> None:
    admission = Admission()
    fill(admission, "bulk", MB)
    fill(admission, "bulk", MB)
    (episode,) = admission.episodes(dt.datetime.now(dt.UTC))
    assert (episode.urgency, episode.requests, episode.until) == ("bulk", 2, None)
    assert admission.episodes(episode.last + dt.timedelta(seconds=QUIET_S)) == []
    assert admission.take_ended() == [episode]
    assert episode.until == episode.last
    assert admission.take_ended() == []
    assert admission.shed["bulk"] == 2, "the counter goes on counting"


def test_a_class_nobody_knows_is_a_fault_of_the_declaration(served: Served) -> None:
    declared = served.app.house.city.streams[STREAM]
    assert list(declared.faults()) == []
    fields = {it.name: getattr(declared, it.name) for it in dataclasses.fields(declared)}
    with pytest.raises(Exception, match=r"urgency 'urgent' is none of life_safety, normal, bulk"):
        Stream(**fields | {"urgency": "urgent"})
    assert declared.urgency in URGENCIES


@contextlib.contextmanager
def stalled(served: Served) -> Iterator[None]:
    """Let the database take nothing of the stream, as when its disk hangs; it goes on at the end."""
    with psycopg.connect(served.url) as conn:
        conn.execute("SELECT 1 FROM lake_stream WHERE stream = %s FOR UPDATE", [STREAM])
        yield


def test_while_the_database_stalls_what_is_in_hand_is_bounded_and_all_that_is_acknowledged_is_kept(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUDGETS, "bulk", 32 * 1024)
    monkeypatch.setitem(BUDGETS, "normal", 64 * 1024)
    admission = served.app.house.admission
    before = sum(admission.shed.values())
    stations = served.stations(40)
    now = int(dt.datetime.now(dt.UTC).timestamp()) // 300 * 300_000

    async def all_at_once() -> list[tuple[int, dict[str, str], Any]]:
        return await asyncio.gather(*(one(station) for station in stations))

    highest: list[int] = []

    async def one(station: str) -> tuple[int, dict[str, str], Any]:
        body = msgspec.json.encode({"station": station, "start": now, "pm25": 35})
        response = await served.request(
            "POST", f"/ingest/{STREAM}", content=body, headers={"authorization": f"Bearer {served.token}"}
        )
        highest.append(admission.held)
        return response.status_code, dict(response.headers), response.json()

    with stalled(served):
        waiting = served.begin(all_at_once())
        wait_for(lambda: sum(admission.shed.values()) > before, 10, "nothing was turned away")
        answer = served.get("/health")
        assert answer.status_code == 200, answer.text
        health = answer.json()["admission"]
        assert [it["urgency"] for it in health["shedding"]] == ["normal"]
    answers = waiting.result(30)
    taken = [answer for answer in answers if answer[0] == 200]
    turned_away = [answer for answer in answers if answer[0] == 503]
    assert len(taken) + len(turned_away) == len(stations)
    assert taken
    assert turned_away
    assert max(highest) <= 64 * 1024
    for _, headers, told in turned_away:
        assert told["code"] == "shedding"
        assert told["shedding"] == ["normal"]
        assert int(headers["retry-after"]) == told["retry_after_s"] >= 1
    (chunk,) = served.rows("SELECT chunk FROM lake_stream WHERE stream = %s", STREAM)[0]
    stored = served.rows(
        f"SELECT count(*) FROM lake.hot_{STREAM.replace('.', '_')}_{chunk} h"
        " JOIN air_quality_station s ON s.id = h.entity_id WHERE s.key = ANY(%s)",
        stations,
    )
    assert stored == [(len(taken),)]
    assert admission.held == 0


def test_an_episode_is_written_down_and_brought_up_to_date(served: Served) -> None:
    admission = Admission()
    fill(admission, "bulk", MB)
    (episode,) = admission.episodes(dt.datetime.now(dt.UTC))

    async def keep() -> None:
        async with served.app.house.pool.connection() as conn:
            await keep_episodes(conn, [episode])

    served.run(keep())
    fill(admission, "bulk", MB)
    admission.episodes(episode.last + dt.timedelta(seconds=QUIET_S))
    served.run(keep())
    found = served.rows(
        "SELECT requests, until = last FROM collect_shedding WHERE urgency = 'bulk' AND since = %s", episode.since
    )
    assert found == [(2, True)]


def test_a_body_that_comes_too_slowly_gives_its_place_back(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chengyun.collect.wire.FIRST_S", 0.05)
    sent: list[dict[str, Any]] = []

    async def never_ends() -> dict[str, Any]:
        if not sent:
            sent.append({})
            return {"type": "http.request", "body": b"{", "more_body": True}
        return await asyncio.get_running_loop().create_future()

    answers: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    scope = {
        "type": "http", "method": "POST", "path": f"/ingest/{STREAM}", "query_string": b"",
        "headers": [(b"authorization", f"Bearer {served.token}".encode()), (b"content-length", b"100")],
    }  # fmt: skip
    served.run(served.app(scope, never_ends, send))
    assert answers[0]["status"] == 408
    assert msgspec.json.decode(answers[1]["body"])["code"] == "body_too_slow"
    assert served.app.house.admission.held == 0


def test_what_is_kept_elsewhere_waits_for_room_and_is_counted_once() -> None:
    admission = Admission()
    urgencies = iter(["bulk", "bulk", "bulk", "normal"])  # then something more urgent came to stand behind

    async def enter() -> None:
        held = admission.enter("normal", 30 * MB)
        with await asyncio.wait_for(admission.enter_in_time(lambda: next(urgencies), MB), 5) as place:
            assert place.urgency == "normal"
            assert admission.held == 31 * MB
        held.__exit__()

    asyncio.run(enter())
    assert admission.shed == {"life_safety": 0, "normal": 0, "bulk": 1}
    assert admission.held == 0


def test_a_file_waits_while_senders_as_urgent_are_turned_away(served: Served, collect_url: str) -> None:
    begin = "INSERT INTO collect_shedding (urgency, since, last, requests, bytes) VALUES (%s, clock_timestamp(), %s, 1, 1)"

    async def waits(urgency: Any) -> bool:
        async with AsyncConnectionPool(collect_url, min_size=1, open=False) as pool:
            await pool.wait()  # a connection may take longer than the turn that is timed
            try:
                await asyncio.wait_for(wait_for_turn(pool, urgency), 1.5)
            except TimeoutError:
                return True
            return False

    now = dt.datetime.now(dt.UTC)
    try:
        served.rows(begin, "life_safety", now - dt.timedelta(hours=1))
        assert not asyncio.run(waits("bulk")), "nobody waits for a process that died"
        served.rows(begin, "normal", now)
        assert asyncio.run(waits("bulk"))
        assert asyncio.run(waits("normal"))
        assert not asyncio.run(waits("life_safety"))
        served.rows("UPDATE collect_shedding SET until = now() WHERE until IS NULL")
        assert not asyncio.run(waits("bulk"))
    finally:
        served.rows("DELETE FROM collect_shedding")


def test_how_much_comes_in_is_told_to_this_machine_and_to_whoever_shows_a_token(served: Served) -> None:
    async def ask(client: str, **headers: str) -> Any:
        transport = httpx.ASGITransport(served.app, client=(client, 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://stream", headers=headers) as it:
            return (await it.get("/health")).json()

    assert "admission" in served.run(ask("127.0.0.1"))
    assert served.run(ask("10.1.2.3")) == {"ok": True}
    assert served.run(ask("127.0.0.1", **{"x-forwarded-for": "10.1.2.3"})) == {"ok": True}
    assert "streams" in served.run(ask("10.1.2.3", authorization=f"Bearer {served.token}"))
    assert served.run(ask("10.1.2.3", authorization="Bearer nobody"))["code"] == "token"
