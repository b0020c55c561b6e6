# SPDX-License-Identifier: Apache-2.0
"""Three queue nodes, two front ends, two collectors: any of them, and the database, may be killed; what was acknowledged is kept.

CHENGYUN_TEST_QUEUE_KILLS says how often; a few by default. Run with -s to see the counts.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from chengyun.bench.cluster import STREAM, Cluster, HourSender
from chengyun.bench.place import Place, open_place, wait_for

KILLS = int(os.environ.get("CHENGYUN_TEST_QUEUE_KILLS", "5"))
STATIONS = [f"Q{number}" for number in range(8)]
NOW_MS = int(time.time() * 1000) // 3_600_000 * 3_600_000

pytestmark = [
    pytest.mark.fault,
    pytest.mark.timeout(300 + 30 * KILLS),
    pytest.mark.skipif(shutil.which("nats-server") is None, reason="nats-server is not installed; .ci/run installs it"),
]

REGISTER = f"""
from chengyun.packs.air_quality.models import Station
for name in {STATIONS!r}:
    Station.objects.get_or_create(key=name, defaults={{"name": name, "area_code": "330203"}})
"""
LAKE = f"""
import json
from django.db import connection
from chengyun.lake.read import snapshot
with snapshot(["{STREAM}"]) as lake:
    rows = lake.rows("SELECT station, epoch_ms(hour_start) AS hour, pm25 FROM station_hour ORDER BY 1, 2")
    seqs = lake.rows("SELECT list(seq ORDER BY seq) AS seqs FROM station_hour_raw")[0]["seqs"] or []
with connection.cursor() as cursor:
    cursor.execute("SELECT coalesce(sum(seq_to - seq_from + 1), 0) FROM lake_receipt WHERE stream = %s", ["{STREAM}"])
    received = int(cursor.fetchone()[0])
    cursor.execute("SELECT code, count(*) FROM collect_deadletter GROUP BY 1")
    dead = dict(cursor.fetchall())
print(json.dumps({{"rows": [list(row.values()) for row in rows], "seqs": len(seqs), "gaps": seqs != list(range(1, len(seqs) + 1)),
    "received": received, "dead": dead}}))
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Cluster]]:
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        place.django(REGISTER)
        with Cluster(tmp_path_factory.mktemp("nats"), place).running() as cluster:
            yield place, cluster


def from_front(cluster: Cluster, token: str, base: int) -> HourSender:
    """A sender that asks the front ends in turn."""
    turns = itertools.cycle(cluster.fronts)
    return HourSender(lambda: next(turns).ready.removesuffix("/health"), token, STATIONS, base)


def lake(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(place.django(LAKE).splitlines()[-1])
    return found


def drained(place: Place, sender: HourSender) -> bool:
    found = {(station, hour): value for station, hour, value in lake(place)["rows"]}
    return all(found.get(key) == value for key, value in sender.held.items())


def test_what_is_wrong_with_a_body_is_said_at_the_front(city: tuple[Place, Cluster]) -> None:
    place, cluster = city
    front = cluster.fronts[0].ready.replace("/health", "")
    token = place.token("ingest:air_quality.station_hour")

    def post(path: str, body: bytes, token: str = token) -> tuple[int, dict[str, Any]]:
        asked = urllib.request.Request(f"{front}{path}", body, {"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, json.load(answer)

    good = json.dumps([{"station": "Q0", "hour_start": NOW_MS, "pm25": 1}, {"station": "Q0", "hour_start": "soon", "pm25": 1}])
    assert post(f"/ingest/{STREAM}", good.encode(), "nobody")[0] == 401
    assert post("/ingest/air_quality.station_5min", b"[]")[0] == 403
    assert post("/ingest/air_quality.no_stream", b"[]")[0] == 404
    assert post(f"/ingest/{STREAM}", b"{")[0] in (400, 422)
    status, told = post(f"/ingest/{STREAM}", good.encode())
    assert (status, told["queued"], [it["index"] for it in told["dead"]]) == (202, 1, [1])
    # What the front end could not know is a dead letter once it is written.
    status, _ = post(f"/ingest/{STREAM}", json.dumps([{"station": "nowhere", "hour_start": NOW_MS, "pm25": 1}]).encode())
    assert status == 202
    wait_for(lambda: lake(place)["dead"].get("unknown_entity") == 1, 60, "No dead letter was written")


def test_nothing_acknowledged_is_lost_or_out_of_order_whatever_is_killed(city: tuple[Place, Cluster]) -> None:
    place, cluster = city
    chance = random.Random(20261122)
    killed: Counter[str] = Counter()
    with from_front(cluster, place.token("ingest:*"), 1000).sending() as sender:
        wait_for(lambda: sender.sent > 5, 30, "Nothing was acknowledged")
        for _ in range(KILLS):
            kind = chance.choice(["node", "front", "collector", "collector", "db"])
            killed[kind] += 1
            before = sender.sent
            if kind == "db":
                former = place.kill("db")
                place.wait_restarted("db", former, 60)
            else:
                one = chance.choice({"node": cluster.nodes, "front": cluster.fronts, "collector": cluster.collectors}[kind])
                one.kill()
                time.sleep(chance.uniform(0, 1.5))
                one.start()
            wait_for(lambda before=before: sender.sent > before + 5, 60, f"Nothing was acknowledged after {kind} was killed")
    wait_for(lambda: drained(place, sender), 90, "What was acknowledged is not all in the lake")
    found = lake(place)
    told = f"{sender.sent} bodies acknowledged, {sender.retries} sent again; {found['seqs']} versions"
    print(f"\n{KILLS} kills {dict(killed)}; {told}")
    assert sender.refused == []
    assert found["gaps"] is False
    assert found["received"] == found["seqs"]
    assert found["seqs"] >= sender.rows
    assert found["dead"] == {"time": 1, "unknown_entity": 1}  # of the test above
    current = {(station, hour): value for station, hour, value in found["rows"]}
    assert [key for key, value in sender.held.items() if current[key] != value] == []


def test_bodies_are_taken_while_the_database_is_away_and_written_when_it_is_back(city: tuple[Place, Cluster]) -> None:
    place, cluster = city
    with from_front(cluster, place.token("ingest:*"), 100_000).sending() as sender:
        # Each front end has seen the sender.
        wait_for(lambda: sender.sent > 6, 30, "Nothing was acknowledged")
        place.stop()
        time.sleep(6)  # longer than a token is believed unasked
        before = sender.sent
        wait_for(lambda: sender.sent > before + 10, 30, "Nothing was acknowledged without the database")
    place.start()
    wait_for(lambda: drained(place, sender), 90, "What was acknowledged is not all in the lake")
