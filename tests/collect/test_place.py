# SPDX-License-Identifier: Apache-2.0
"""A whole installation under what senders, readers and machines do to it."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from chengyun.bench.place import Place, open_place, wait_for

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

import garbage

STREAM = "air_quality.station_5min"
HOUR = "air_quality.station_hour"
COUNT = (
    "SELECT count(*) FILTER (WHERE s.simulated), count(*) FILTER (WHERE NOT s.simulated), max(l.time)"
    " FROM lake.latest_{} l JOIN air_quality_station s ON s.id = l.entity_id WHERE s.key LIKE %s"
)

Answer = tuple[int, dict[str, Any]]


class Site:
    """An installation, its database and a token that may send everything."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.url = str(place.state()["database_url"])
        self.token = place.token("ingest:*")

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def stations(self, prefix: str, count: int) -> list[str]:
        keys = [f"{prefix}{number:05d}" for number in range(count)]
        self.rows(
            "INSERT INTO air_quality_station (key, name, area_code, simulated, source, kind, code, city_name)"
            " SELECT key, key, '330203', false, '', 'national', '', '' FROM unnest(%s::text[]) AS keys (key)", keys,
        )  # fmt: skip
        return keys

    def post(self, body: bytes | Any, *, stream: str = STREAM, timeout_s: float = 40.0, **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.place.stream_url}/ingest/{stream}", data=content, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())

    def reading(self, key: str, value: float, minutes: float = 0) -> dict[str, Any]:
        return {"station": key, "start": now_ms(minutes), "pm25": value}

    def stored(self, key: str) -> list[float]:
        """Return the distinct readings of a station, hot ones, of whatever chunk."""
        found: set[float] = set()
        for (relation,) in self.rows(
            "SELECT relname FROM pg_class WHERE relname ~ '^hot_air_quality_station_5min_[0-9]+$' AND relkind = 'r'"
        ):
            query = f"SELECT pm25 FROM lake.{relation} h JOIN air_quality_station s ON s.id = h.entity_id WHERE s.key = %s"
            found |= {value for (value,) in self.rows(query, key)}
        return sorted(found)

    def memory(self) -> int:
        """Return the resident bytes of the stream process."""
        parent = psutil.Process(self.place.children()["stream"])
        return sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])

    def ticket(self) -> str:
        return self.place.django(
            "import datetime as dt\nfrom chengyun.access.tickets import *\nfrom chengyun.config import config\n"
            "expires = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)\n"
            f"print(sign(config().secret, Ticket('test', {{{STREAM!r}: View(('',))}}, expires)))"
        )

    @contextlib.contextmanager
    def page(self, ticket: str, receive_bytes: int | None = None) -> Iterator[socket.socket]:
        """Open /live and read its first words."""
        with socket.socket() as conn:
            if receive_bytes:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            conn.settimeout(20)
            conn.connect(("127.0.0.1", self.place.stream_port))
            conn.sendall(f"GET /live?ticket={ticket} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert conn.recv(12) == b"HTTP/1.1 200"
            yield conn

    def readers(self) -> int:
        with urllib.request.urlopen(f"{self.place.stream_url}/health", timeout=10) as answer:
            return int(json.loads(answer.read())["readers"])


def now_ms(minutes: float = 0) -> int:
    start = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    return int(start.timestamp() * 1000 + minutes * 60_000)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with open_place(first=False, env={"CHENGYUN_DEMO": "streams"}) as place:
        yield Site(place)


def test_a_simulation_is_the_same_in_every_process(site: Site) -> None:
    code = (
        "import datetime as dt, hashlib, random\nfrom django.conf import settings\nfrom chengyun.collect import simulate as s\n"
        "seed = 7\nit = settings.CITY.packs['air_quality'].pack.simulation\n"
        "found = list(it.register(s.simulated_areas(seed), random.Random(seed)))\n"
        "moments = [dt.datetime(2026, 3, 1, hour, tzinfo=dt.UTC) for hour in range(24)]\n"
        "seen = [it.observe(name, one.key, moment, seed) for name in it.streams for one in found for moment in moments]\n"
        "print(len(found), hashlib.sha256(repr((found, seen)).encode()).hexdigest())"
    )
    site.place.env["PYTHONHASHSEED"] = "1"
    first = site.place.django(code)
    site.place.env["PYTHONHASHSEED"] = "2"
    assert first == site.place.django(code)
    assert int(first.split()[0]) > 0


def test_a_simulation_speaks_until_something_real_does(site: Site) -> None:
    table = COUNT.format("air_quality_station_hour")
    wait_for(lambda: site.rows(table, "%")[0][0], 60, "Nothing was simulated")
    run = (
        "import datetime as dt\nfrom django.conf import settings\nfrom chengyun.config import config\n"
        "from chengyun.collect.simulate import _has_real, _post_due\nfrom chengyun.lake.tables import stream_table\n"
        "pack = settings.CITY.packs['air_quality'].pack\nnow = dt.datetime.now(dt.UTC)\n"
        f"print(_has_real(stream_table(settings.CITY, {HOUR!r}), now),"
        f" _post_due(config(), settings.CITY, {HOUR!r}, pack.simulation, 330200, now))"
    )
    # All hours until now have been told; asked again, there is nothing left to tell.
    wait_for(lambda: site.place.django(run) == "False 0", 60, "The simulation did not come to now")
    (key,) = site.rows("SELECT key FROM air_quality_station WHERE simulated ORDER BY key LIMIT 1")[0]
    hour = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=1)
    assert site.post({"station": key, "hour_start": hour.isoformat(), "pm25": 1}, stream=HOUR)[1]["accepted"] == 1
    assert site.rows("SELECT simulated, source FROM air_quality_station WHERE key = %s", key) == [(False, "")]
    assert site.place.django(run).startswith("True")


def test_history_is_replayed_as_if_it_were_now(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "hours.csv.gz"
    head = "date,hour,city,station,aqi,pm25,pm10,co,no2,o3_1h,o3_8h,so2\n"
    rows = "".join(f"20200301,{hour},重放,一号,50,{20 + hour},40,0.5,20,60,55,5\n" for hour in range(6))
    file.write_bytes(gzip.compress((head + rows).encode()))
    begun = dt.datetime.now(dt.UTC)
    told = site.place.run("replay", "air_quality.china_hours", str(file), "--speed", "7200", "--shift-to-now")
    assert told.returncode == 0, told.stderr
    assert "6 observations accepted" in told.stdout
    # Five hours between the first and the last, 7,200 times as fast.
    assert dt.datetime.now(dt.UTC) - begun > dt.timedelta(seconds=2.5)
    ((simulated, real, newest),) = site.rows(COUNT.format("air_quality_station_hour"), "重放%")
    assert (simulated, real) == (0, 1)
    assert dt.timedelta(0) <= begun - newest < dt.timedelta(hours=1, minutes=1)
    assert newest.minute == newest.second == 0


def test_a_token_that_is_revoked_is_refused_soon(site: Site) -> None:
    """docs/ingest.md promises five seconds."""
    (key,) = site.stations("revoked-", 1)
    whole, site.token = site.token, site.place.token("ingest:*")
    try:
        assert site.post(site.reading(key, 1))[0] == 200
        site.rows("UPDATE access_token SET revoked_at = now() WHERE prefix = %s", site.token[:9])
        begun = time.monotonic()
        wait_for(lambda: site.post(site.reading(key, 1))[0] == 401, 10, "A revoked token was not refused")
        assert time.monotonic() - begun < 6.5
    finally:
        site.token = whole


def test_one_key_sent_at_once_by_many_is_stored_once(site: Site) -> None:
    (key,) = site.stations("once-", 1)
    body = json.dumps(site.reading(key, 5)).encode()
    answers: list[Answer] = []
    senders = [threading.Thread(target=lambda: answers.append(site.post(body, Idempotency_Key="at-once"))) for _ in range(12)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert {status for status, _ in answers} == {200}
    assert len({json.dumps(answer) for _, answer in answers}) == 1
    assert site.rows("SELECT count(*) FROM lake_receipt WHERE idempotency_key LIKE '%%/at-once'") == [(1,)]


def test_senders_who_go_away_in_the_middle_harm_nobody(site: Site) -> None:
    (key,) = site.stations("gone-", 1)
    body = json.dumps(site.reading(key, 1)).encode()
    head = (
        f"POST /ingest/{STREAM} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.token}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for part in (head[:30], head, head + body[:10], head + body) * 10:
        with socket.create_connection(("127.0.0.1", site.place.stream_port)) as conn:
            conn.sendall(part)
    assert site.post(site.reading(key, 2))[0] == 200
    assert site.stored(key)[-1] == 2
    assert site.place.healthy()


def test_clocks_that_are_off(site: Site) -> None:
    ahead, beyond, zoned = site.stations("clock-", 3)
    assert site.post(site.reading(ahead, 1, minutes=9))[1]["accepted"] == 1
    assert site.post(site.reading(beyond, 1, minutes=12))[1]["dead"][0]["code"] == "future"
    # One instant in four spellings; an offset is an offset, whatever rules of summer time its zone has.
    moment = dt.datetime.fromtimestamp(now_ms(-30) / 1000, dt.UTC)
    spellings = [moment.isoformat(), moment.strftime("%Y-%m-%dT%H:%M:%SZ"), int(moment.timestamp() * 1000)]
    spellings += [moment.astimezone(dt.timezone(dt.timedelta(hours=hours))).isoformat() for hours in (8, -3.5, 14)]
    flags = [site.post({"station": zoned, "start": start, "pm25": 3})[1]["flags"] for start in spellings]
    assert flags == [{}] + [{"duplicate": 1}] * (len(spellings) - 1)


def test_a_local_day_begins_at_local_midnight(site: Site) -> None:
    (key,) = site.stations("midnight-", 1)
    for start, day in (("2031-01-01", None), ("2011-03-04T15:59:59Z", "2011-03-04"), ("2011-03-05T16:00:00Z", "2011-03-06")):
        site.post({"station": key, "start": start, "pm25": 3})
        if day:
            assert site.rows("SELECT count(*) FROM lake_touched WHERE stream = %s AND day = %s", STREAM, day) == [(1,)]
    # China kept summer time in 1988: 15:30 UTC of a July day is half past midnight of the next.
    site.post({"station": key, "start": "1988-07-01T15:30:00Z", "pm25": 3})
    assert site.rows("SELECT day::text FROM lake_touched WHERE stream = %s AND day < '1990-01-01'", STREAM) == [("1988-07-02",)]


def test_garbage_is_answered_and_counted(site: Site) -> None:
    keys = site.stations("garbage-", 40)
    chance = random.Random(20261122)
    source = site.token[:9]
    before = _counts(site, source)
    statuses: Counter[int] = Counter()
    accepted = dead = 0
    sizes = []
    for number in range(400):
        body, headers = garbage.body(chance, keys, now_ms())
        status, answer = site.post(body, timeout_s=10.0, **headers)
        statuses[status] += 1
        assert status in (200, 400, 413, 415, 422), (status, answer, body[:300])
        if status == 200:
            told = answer.get("dead_total", len(answer["dead"]))
            expected = garbage.count(body, headers)
            assert expected in (None, answer["accepted"] + told), (answer, body[:300])
            accepted += answer["accepted"]
            dead += told
        else:
            assert answer["code"]
            assert answer["message"].endswith("."), answer["message"]
        if number in (150, 399):
            sizes.append(site.memory())
    assert all(statuses[status] > 10 for status in (200, 400, 422)), statuses
    assert accepted > 200
    assert dead > 60
    assert _counts(site, source) == (before[0] + accepted, before[1] + dead)
    assert sizes[1] - sizes[0] < 30_000_000
    assert site.place.healthy()


def _counts(site: Site, source: str) -> tuple[int, int]:
    """Return how many rows of a sender are stored and set aside."""
    stored = site.rows("SELECT coalesce(sum(seq_to - seq_from + 1), 0)::int FROM lake_receipt WHERE source = %s", source)
    dead = site.rows("SELECT count(*)::int FROM collect_deadletter WHERE source = %s", source)
    return stored[0][0], dead[0][0]


def test_thirty_pages_see_every_reading(site: Site) -> None:
    (key,) = site.stations("pages-", 1)
    ticket = site.ticket()
    with contextlib.ExitStack() as open_pages:
        pages = [open_pages.enter_context(site.page(ticket)) for _ in range(30)]
        site.post(site.reading(key, 77.25))
        for page in pages:
            seen = b""
            while b"77.25" not in seen:
                part = page.recv(65536)
                assert part, "the page was let go"
                seen += part
    wait_for(lambda: site.readers() == 0, 20, "Pages that were closed were still held")


def test_a_page_that_does_not_read_is_let_go(site: Site) -> None:
    keys = site.stations("many-", 6_000)
    ticket = site.ticket()
    columns = {"station": keys, "pm25": [1.5] * len(keys), "so2": [12.25] * len(keys)}
    site.post({"columns": columns | {"start": [now_ms(-60)] * len(keys)}})
    before = site.memory()
    with contextlib.ExitStack() as open_pages:
        for _ in range(8):
            open_pages.enter_context(site.page(ticket, receive_bytes=4096))
        assert site.readers() == 8
        end = time.monotonic() + 60
        minute = 0
        while site.readers() and time.monotonic() < end:
            site.post({"columns": columns | {"start": [now_ms(-59) + 1000 * minute] * len(keys)}})
            minute += 1
        assert site.readers() == 0
        assert site.memory() - before < 150_000_000
    assert site.place.healthy()


def test_senders_wait_out_a_database_that_goes_away(site: Site) -> None:
    (key,) = site.stations("outage-", 1)
    assert site.post(site.reading(key, 1, minutes=-20))[0] == 200
    acknowledged: list[float] = [1]
    refused: Counter[int] = Counter()
    stop = threading.Event()

    def send(offset: int) -> None:
        value = 100.0 + offset
        while not stop.is_set():
            status, _ = site.post(site.reading(key, value, minutes=-10))
            if status == 200:
                acknowledged.append(value)
                value += 10
            else:
                refused[status] += 1

    senders = [threading.Thread(target=send, args=(offset,)) for offset in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(1.0)
    former = site.place.kill("db")
    site.place.wait_restarted("db", former)
    before = len(acknowledged)
    try:
        wait_for(lambda: len(acknowledged) > before + 20, 40, "Senders were not answered again")
    finally:
        stop.set()
        for sender in senders:
            sender.join()
    assert set(refused) <= {503}
    assert refused[503] > 0
    assert set(acknowledged) <= set(site.stored(key))


def test_a_database_that_hangs_is_told_to_senders_in_time(site: Site) -> None:
    (key,) = site.stations("hang-", 1)
    assert site.post(site.reading(key, 1))[0] == 200
    database = psutil.Process(site.place.children()["db"])
    frozen = [database, *database.children(recursive=True)]
    for process in frozen:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        status, answer = site.post(site.reading(key, 2))
        assert (status, answer["code"]) == (503, "unavailable"), answer
        assert time.monotonic() - begun < 35
    finally:
        for process in frozen:
            os.kill(process.pid, signal.SIGCONT)
    wait_for(lambda: site.post(site.reading(key, 3))[0] == 200, 30, "The stream did not come back")
    assert 3 in site.stored(key)


def test_told_to_stop_the_stream_process_lets_its_readers_go(site: Site) -> None:
    """A page that is open for hours must not keep the process from stopping, nor be cut off in the middle of a message."""
    with urllib.request.urlopen(f"{site.place.url}/live-ticket", timeout=60) as told:
        ticket = json.load(told)["ticket"]
    reader = urllib.request.urlopen(f"{site.place.stream_url}/live?ticket={ticket}", timeout=60)
    assert reader.readline() == b"retry: 2000\n"
    former = site.place.kill("stream", signal.SIGTERM)
    reader.read()  # to its proper end: a connection cut off raises http.client.IncompleteRead
    site.place.wait_restarted("stream", former)
    said = (site.place.folder / "log" / "stream.log").read_text(encoding="utf-8")
    assert "refused to gracefully stop" not in said
