# SPDX-License-Identifier: Apache-2.0
"""Processes are killed at random under load: what was acknowledged is there, once.

CHENGYUN_TEST_KILLS says how many times; a few by default, 200 before a release.
"""

from __future__ import annotations

import json
import os
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from chengyun.bench.place import Place, open_place, wait_for

KILLS = int(os.environ.get("CHENGYUN_TEST_KILLS", "6"))
STREAM = "air_quality.station_hour"
STATIONS = [f"station-{number:02}" for number in range(20)]
FIRST_HOUR_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000
REGISTER = f"""
from chengyun.packs.air_quality.models import Station
Station.objects.bulk_create(Station(key=key, name=key) for key in {STATIONS!r})
"""
COUNT = f"""
import datetime as dt, json
from chengyun.lake.read import snapshot
since = dt.datetime.fromtimestamp({FIRST_HOUR_MS} / 1000, dt.UTC)
with snapshot(["{STREAM}"], since=since, until=since + dt.timedelta(days=1000)) as lake:
    current = lake.rows("SELECT hour_start, count(*) AS n, sum(pm25) AS total FROM station_hour GROUP BY 1 ORDER BY 1", {{}})
print(json.dumps([[int(row["hour_start"].timestamp() * 1000), row["n"], row["total"]] for row in current]))
"""


@dataclass
class Sender:
    """Sends one hour after the other, the same body with the same key until it is acknowledged."""

    place: Place
    token: str
    acknowledged: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    retries: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        hour = FIRST_HOUR_MS
        while not self.stop.is_set():
            body = {
                "columns": {
                    "station": STATIONS,
                    "hour_start": [hour] * len(STATIONS),
                    "pm25": [float(i) for i in range(len(STATIONS))],
                }
            }
            if self._send(json.dumps(body).encode(), str(hour)):
                self.acknowledged.append(hour)
                hour += 3_600_000
            else:
                self.retries += 1
                self.stop.wait(0.05)

    def _send(self, body: bytes, key: str) -> bool:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.place.stream_url}/ingest/{STREAM}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return bool(json.load(answer)["accepted"] == len(STATIONS))
        except urllib.error.HTTPError as answer:
            if answer.code < 500:
                self.refused.append(answer.read().decode())
            return False
        except (OSError, ValueError):
            return False


@contextmanager
def sending(place: Place, token: str) -> Iterator[Sender]:
    sender = Sender(place, token)
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield sender
    finally:
        sender.stop.set()
        thread.join(30)


@pytest.mark.fault
@pytest.mark.timeout(120 + 30 * KILLS)
def test_nothing_acknowledged_is_lost_or_doubled_when_processes_are_killed_at_random() -> None:
    chance = random.Random(20261121)
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        place.django(REGISTER)
        with sending(place, place.token("ingest:*")) as sender:
            for _ in range(KILLS):
                before = len(sender.acknowledged)
                name = chance.choice(["db", "stream", "db", "stream", "jobs", "web", "up"])
                threading.Event().wait(chance.uniform(0, 0.5))  # any moment of a request
                killed = place.kill(name)
                if name == "up":
                    place.start()
                else:
                    place.wait_restarted(name, killed, 60)
                wait_for(
                    lambda before=before: len(sender.acknowledged) > before + 3, 60, f"after {name} nothing was acknowledged"
                )
        wait_for(place.healthy, 60, "the place was not healthy again")
        found = json.loads(place.django(COUNT))
    assert sender.refused == []
    whole = {hour: (count, total) for hour, count, total in found}
    expected = (len(STATIONS), float(sum(range(len(STATIONS)))))
    assert [hour for hour in sender.acknowledged if whole.get(hour) != expected] == []
    # One more hour may have been committed whose acknowledgement was cut off.
    assert set(whole) - set(sender.acknowledged) <= {sender.acknowledged[-1] + 3_600_000}
    assert sender.retries > 0
