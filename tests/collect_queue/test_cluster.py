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
from chengyun.bench.place import Place, open_place, status, wait_for

KILLS = int(os.environ.get("CHENGYUN_TEST_QUEUE_KILLS", "5"))
STATIONS = [f"Q{number}" for number in range(8)]
WATCHED = [f"W{number}" for number in range(8)]
NOW_MS = int(time.time() * 1000) // 3_600_000 * 3_600_000

pytestmark = [
    pytest.mark.fault,
    pytest.mark.timeout(300 + 30 * KILLS),
    pytest.mark.skipif(shutil.which("nats-server") is None, reason="nats-server is not installed; .ci/run installs it"),
]

REGISTER = f"""
from chengyun.packs.air_quality.models import Station
for name in {STATIONS + WATCHED!r}:
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
    with open_place(first=False, env={"CHENGYUN_DEMO": "0", "CHENGYUN_RULES": "apart"}) as place:
        place.django(REGISTER)
        with Cluster(tmp_path_factory.mktemp("nats"), place, rules=2).running() as cluster:
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


ALERTS = f"""
import datetime as dt, json
from zoneinfo import ZoneInfo
import numpy as np
from django.conf import settings
from django.db import connection
from chengyun.lake.read import snapshot
from chengyun.lake.rows import Rows
from chengyun.operate.rules import Named, RuleWatch
with snapshot(["{STREAM}"]) as lake:
    rows = lake.rows("SELECT station, epoch_us(hour_start) AS at, quality, pm25, seq FROM station_hour_raw "
                     "WHERE station[1] = 'W' ORDER BY seq")
with connection.cursor() as cursor:
    cursor.execute("SELECT key, id FROM air_quality_station")
    ids = dict(cursor.fetchall())
    cursor.execute("SELECT subject, rule, since, count(*), min((evidence->>'seq')::int8) FROM operate_alert WHERE dataset = %s "
                   "AND subject LIKE 'W%%' GROUP BY 1, 2, 3", ["{STREAM}"])
    told = [(subject, rule, since.isoformat(), count, seq) for subject, rule, since, count, seq in cursor.fetchall()]
    cursor.execute("SELECT min(mark.seq), max(next_seq) - 1 FROM queue_rulemark AS mark JOIN lake_stream USING (stream) "
                   "WHERE stream = %s", ["{STREAM}"])
    judged, newest = cursor.fetchone()
unknown = np.full(len(rows), np.nan)
numbers = dict.fromkeys([it.key for it in settings.CITY.streams["{STREAM}"].quantities], unknown)
numbers["pm25"] = np.array([row["pm25"] for row in rows], float)
batch = Rows(np.array([ids[row["station"]] for row in rows], np.int32), np.array([row["at"] for row in rows], np.int64),
             np.array([row["quality"] for row in rows], np.int64), numbers, {{}})
watch = RuleWatch(settings.CITY, "{STREAM}", zone=ZoneInfo("Asia/Shanghai"))
names = {{ident: Named(key, key) for key, ident in ids.items()}}
found = watch.judge(batch, names, dt.datetime.now(dt.UTC), seq_from=0) if rows else []
due = [(one.subject, one.rule, one.since.astimezone(dt.UTC).isoformat(), 1, rows[one.evidence["seq"]]["seq"])
       for one in found if one.kind == "raise"]
print(json.dumps({{"due": sorted(due), "told": sorted(told), "judged": judged, "newest": newest, "rows": len(rows)}}))
"""


def test_rules_are_judged_by_several_processes_and_no_alert_is_lost_or_told_twice(city: tuple[Place, Cluster]) -> None:
    place, cluster = city
    token = place.token("ingest:*")
    turns = itertools.cycle(cluster.fronts)
    first = NOW_MS - 300 * 3_600_000

    def send(hour: int) -> bool:
        # Ten hours of quiet, then five beyond one limit or two; the hour before comes again, corrected, and counts for nothing.
        value = [40, 200, 300][hour % 3] if hour % 15 >= 10 else 40
        rows = [(name, first + (hour - back) * 3_600_000, value + back) for name in WATCHED for back in (0, 1)]
        body = json.dumps({"columns": ["station", "hour_start", "pm25"], "rows": rows}).encode()
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"watched-{hour}"}
        asked = urllib.request.Request(next(turns).ready.replace("/health", f"/ingest/{STREAM}"), body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=8) as answer:
                return answer.status == 202
        except (OSError, ValueError):
            return False

    kills = {40: cluster.rules[0], 80: cluster.nodes[0], 120: cluster.rules[1], 150: cluster.collectors[0]}
    for hour in range(200):
        if hour in kills:
            kills[hour].kill()
        wait_for(lambda hour=hour: send(hour), 60, f"Hour {hour} was not acknowledged")
        if hour - 20 in kills:
            kills[hour - 20].start()
    found: dict[str, Any] = {}

    def judged() -> bool:
        found.update(json.loads(place.django(ALERTS).splitlines()[-1]))
        return found["rows"] >= 200 * len(WATCHED) and found["judged"] == found["newest"]

    wait_for(judged, 60, "Not everything was judged")
    assert len(found["due"]) >= 13 * len(WATCHED)
    assert {rule for _, rule, *_ in found["due"]} == {f"air_quality.pm25_hour_{word}" for word in ("high", "severe")}
    assert found["told"] == found["due"]


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


def test_a_front_end_that_starts_while_the_nodes_cannot_agree_waits_for_them(city: tuple[Place, Cluster]) -> None:
    place, cluster = city
    front, token = cluster.fronts[0], place.token("ingest:*")
    for node in cluster.nodes[1:]:
        node.kill()
    # The node that is left may believe for some seconds that it leads the others.
    whole_queue = cluster.nodes[0].ready.partition("?")[0]
    wait_for(lambda: status(whole_queue) == 503, 60, "The node that is left did not notice")
    front.kill()
    front.start(0)
    wait_for(lambda: status(front.ready) is not None, 60, "The front end did not come up without the queue")
    with HourSender(lambda: front.ready.removesuffix("/health"), token, STATIONS, 200_000).sending() as sender:
        wait_for(lambda: sender.retries > 2, 60, "Nobody was asked to come back")
        assert sender.sent == 0
        for node in cluster.nodes[1:]:
            node.start(0)
        wait_for(lambda: sender.sent > 3, 60, "Nothing was acknowledged once the nodes were back")
    assert front.process is not None
    assert front.process.poll() is None
    assert sender.refused == []
    wait_for(lambda: drained(place, sender), 90, "What was acknowledged is not all in the lake")
