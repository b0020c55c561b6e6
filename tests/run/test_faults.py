# SPDX-License-Identifier: Apache-2.0
"""Processes are killed at random under load: what was acknowledged is there, once, and so is all that follows from it.

CHENGYUN_TEST_KILLS says how many times; a few by default, 200 before a release. Run with -s to see the counts.

The load: ten stations at a time send their last forty hours, a body an hour, then the next ten. Some bodies correct the hour
before; one station passes a limit and stays there, one passes it for a while: alerts, which open cases. Beside it a sealer
moves what came into the sealed table all the time, merges small files and removes replaced ones, and is killed as well.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chengyun.bench.place import Place, open_place, wait_for

KILLS = int(os.environ.get("CHENGYUN_TEST_KILLS", "6"))
STREAM = "air_quality.station_hour"
RULE = "air_quality.so2_hour_exceeded"
GROUP = 10
"""Stations that send together."""
HOURS = 40
"""Each station's hours: recent ones, because nobody is sent out for history."""
STATIONS = [f"station-{number:05}" for number in range(GROUP * (20 + 4 * KILLS))]
HOUR_MS = 3_600_000
FIRST_HOUR_MS = int(time.time() * 1000) // HOUR_MS * HOUR_MS - (HOURS + 1) * HOUR_MS
PAUSE_S = 0.08
"""Between two bodies: the processes and their restarts share the machine with the load."""
STAYS, PASSES = range(15, HOURS), range(10, 25)
"""Hours at which the second and the third station of a group are above the limit."""

REGISTER = f"""
from chengyun.packs.air_quality.models import Station
Station.objects.bulk_create(
    Station(key=f"station-{{number:05}}", name=f"{{number}}", area_code="3302%02d" % (3 + number % 10))
    for number in range({len(STATIONS)})
)
"""
SEALER = f"""
from chengyun.run.setup import django; django()
import datetime as dt, time
from chengyun.errors import Unavailable
from chengyun.lake.services import seal, sweep
while True:
    try:
        seal("{STREAM}", keep_sealed=dt.timedelta(seconds=2), most_files=3)
        sweep(dt.datetime.now(dt.UTC), dt.timedelta(seconds=60))
    except Unavailable:  # the installation's own sealing is at it
        pass
    time.sleep(0.5)
"""
SEAL = f"""
from chengyun.lake.services import seal
seal("{STREAM}")
"""
LAKE = f"""
import json
from django.db import connection
from chengyun.lake.read import snapshot
with snapshot(["{STREAM}"]) as lake:
    current = lake.rows("SELECT epoch_ms(hour_start) AS hour, station, pm25, so2 FROM station_hour ORDER BY station, hour_start")
    seqs = lake.rows("SELECT list(seq ORDER BY seq) AS seqs FROM station_hour_raw")[0]["seqs"] or []
with connection.cursor() as cursor:
    cursor.execute("SELECT seq_from, seq_to FROM lake_receipt WHERE stream = %s ORDER BY seq_from", ["{STREAM}"])
    receipts = cursor.fetchall()
    cursor.execute("SELECT count(*) FROM lake_chunk WHERE stream = %s AND sealed_at IS NOT NULL", ["{STREAM}"])
    chunks = cursor.fetchone()[0]
print(json.dumps({{
    "current": [list(row.values()) for row in current],
    "seqs": seqs, "receipts": receipts, "chunks": chunks,
}}))
"""
ALERTS = f"""
import json
from django.db.models import Count
from chengyun.operate.models import Alert
from chengyun.cases.models import Case
ours = Alert.objects.filter(rule="{RULE}")
print(json.dumps({{
    "alerts": [[it.subject, it.state, it.holds, it.case_alert.case.number if hasattr(it, "case_alert") else None]
               for it in ours.order_by("id")],
    "twice": list(Alert.objects.exclude(state="closed").values_list("rule", "subject").annotate(n=Count("id")).filter(n__gt=1)),
    "raised": list(ours.filter(events__kind="raised").annotate(n=Count("events")).values_list("n", flat=True)),
    "cases": [[it.number, it.owner.key, it.case_alerts.count(), it.events.filter(kind="opened").count(), hasattr(it, "clock")]
              for it in Case.objects.select_related("owner").order_by("id")],
}}))
"""
FIGURES = """
import json, random
from chengyun.access.actors import SYSTEM
from chengyun.operate.models import Figure, IndicatorRun
from chengyun.operate.why import explain
ids = list(Figure.objects.order_by("id").values_list("id", flat=True))
again = [(number, explain(number, SYSTEM).again) for number in random.Random(1).sample(ids, min(20, len(ids)))]
print(json.dumps({
    "figures": len(ids), "asked": len(again), "unequal": [[number, one.error] for number, one in again if not one.equal],
    "failed": list(IndicatorRun.objects.exclude(error="").values_list("indicator", "error")[:20]),
}))
"""
COUNT_FIGURES = "from chengyun.operate.models import Figure; print(Figure.objects.count())"


@dataclass
class Sender:
    """Sends body after body, the same with the same key until it is acknowledged; ends on an acknowledgement.

    held: what the lake must hold: (station, hour) → (PM2.5, SO2), as corrected. sizes: rows of each acknowledged body.
    """

    place: Place
    token: str
    held: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    retries: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        for number in range(len(STATIONS) // GROUP * HOURS):
            rows = self._rows(*divmod(number, HOURS))
            columns = dict(zip(("station", "hour_start", "pm25", "so2"), map(list, zip(*rows, strict=True)), strict=True))
            body = json.dumps({"columns": columns}).encode()
            while not self._send(body, f"body-{number}", len(rows)):
                self.retries += 1
                time.sleep(0.05)
            self.held |= {(station, hour): (pm25, so2) for station, hour, pm25, so2 in rows}
            self.sizes.append(len(rows))
            if self.stop.wait(PAUSE_S):
                return

    def _rows(self, group: int, position: int) -> list[tuple[str, int, float, float]]:
        """Return an hour of a group; every tenth corrects three stations' hour before."""
        stations = STATIONS[group * GROUP : (group + 1) * GROUP]
        above = {stations[1]: position in STAYS, stations[2]: position in PASSES}
        hour = FIRST_HOUR_MS + position * HOUR_MS
        rows = [(it, hour, float(number + position % 7), 600.0 if above.get(it) else 10.0) for number, it in enumerate(stations)]
        if position % 10 == 9:
            before = hour - HOUR_MS
            rows += [(it, before, self.held[it, before][0] + 0.5, self.held[it, before][1]) for it in stations[:3]]
        return rows

    def _send(self, body: bytes, key: str, count: int) -> bool:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.place.stream_url}/ingest/{STREAM}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return bool(json.load(answer)["accepted"] == count)
        except urllib.error.HTTPError as answer:
            if answer.code < 500:
                self.refused.append(answer.read().decode())
            return False
        except (OSError, ValueError):
            return False

    def above(self) -> Counter[str]:
        """Return how often each station went from below the limit to above it: once at most."""
        return Counter({station for (station, _), (_, so2) in self.held.items() if so2 > 500})

    def above_still(self) -> set[str]:
        newest = {station: so2 for (station, _), (_, so2) in sorted(self.held.items())}
        return {station for station, so2 in newest.items() if so2 > 500}


class Sealer:
    """A process that seals all the time, started again whenever it ends."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.lives = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep)

    def __enter__(self) -> Sealer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _keep(self) -> None:
        while not self._stop.is_set():
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen([sys.executable, "-c", SEALER], env=self.place.env, **quiet)  # type: ignore[call-overload]
            self.lives += 1
            while self._process.poll() is None and not self._stop.wait(0.2):
                pass
            self._process.kill()
            self._process.wait()
            self._stop.wait(0.5)


@contextmanager
def sending(place: Place, token: str) -> Iterator[Sender]:
    sender = Sender(place, token)
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield sender
    finally:
        sender.stop.set()
        thread.join(60)


def ask(place: Place, code: str) -> Any:
    return json.loads(place.django(code).splitlines()[-1])


@pytest.mark.fault
@pytest.mark.timeout(240 + 30 * KILLS)
def test_nothing_acknowledged_is_lost_or_doubled_when_processes_are_killed_at_random() -> None:
    chance = random.Random(20261121)
    killed: Counter[str] = Counter()
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        place.django(REGISTER)
        with sending(place, place.token("ingest:*")) as sender, Sealer(place) as sealer:
            for _ in range(KILLS):
                before = len(sender.sizes)
                name = chance.choice(["db", "stream", "db", "stream", "jobs", "web", "sealer", "up"])
                killed[name] += 1
                time.sleep(chance.uniform(0, 0.5))  # any moment of a request
                _kill(place, sealer, name)
                wait_for(lambda before=before: len(sender.sizes) > before + 5, 60, f"after {name} nothing was acknowledged")
            wait_for(place.healthy, 60, "the place was not healthy again")
        assert sender.refused == []
        assert sender.retries > 0

        lake = ask(place, LAKE)
        _check_lake(sender, lake)
        wait_for(lambda: _all_in_cases(ask(place, ALERTS)), 60, "an alert had no case")
        alerts = ask(place, ALERTS)
        _check_alerts(sender, alerts)
        wait_for(lambda: int(place.django(COUNT_FIGURES)) > 0, 60, "no figure was computed")
        place.django(SEAL)
        sealed = ask(place, LAKE)
        assert {**sealed, "chunks": 0} == {**lake, "chunks": 0}
        figures = ask(place, FIGURES)
        assert figures["unequal"] == []
        checked = place.run("lake", "check")
        assert checked.returncode == 0, checked.stdout
        verified = place.run("audit", "verify")
        assert verified.returncode == 0, verified.stderr
    print(
        f"\n{KILLS} kills {dict(sorted(killed.items()))}; {len(sender.sizes)} bodies of {sum(sender.sizes)} observations "
        f"acknowledged, {sender.retries} sent again, none lost, none twice; {sealed['chunks']} chunks sealed by "
        f"{sealer.lives} sealers; {len(alerts['alerts'])} alerts, {len(alerts['cases'])} cases, each with an owner; "
        f"{figures['asked']} of {figures['figures']} figures computed again, all equal; {checked.stdout.splitlines()[-1]}; "
        f"{verified.stdout.strip()}; evaluations that failed and came again: {figures['failed']}"
    )


def _kill(place: Place, sealer: Sealer, name: str) -> None:
    if name == "sealer":
        sealer.kill()
        return
    end = time.monotonic() + 60
    while True:
        try:
            former = place.kill(name)
            break
        except ProcessLookupError:  # it ended by itself with the database just killed, and is about to be started again
            assert time.monotonic() < end, f"{name} stays away"
            time.sleep(0.1)
    if name == "up":
        place.start()
    else:
        place.wait_restarted(name, former, 60)


def _check_lake(sender: Sender, lake: dict[str, Any]) -> None:
    expected = [[hour, station, pm25, so2] for (station, hour), (pm25, so2) in sorted(sender.held.items())]
    wrong = [(found, wanted) for found, wanted in zip(lake["current"], expected, strict=False) if found != wanted]
    assert wrong[:5] == []
    assert len(lake["current"]) == len(expected)
    # Each acknowledged body has one receipt, and each version in the lake stands in exactly one.
    receipts = lake["receipts"]
    assert [last - first + 1 for first, last in receipts] == sender.sizes
    assert lake["seqs"] == [seq for first, last in receipts for seq in range(first, last + 1)]


def _all_in_cases(found: dict[str, Any]) -> bool:
    return all(case for _, state, holds, case in found["alerts"] if holds and state != "closed")


def _check_alerts(sender: Sender, found: dict[str, Any]) -> None:
    assert found["twice"] == []
    assert Counter(subject for subject, *_ in found["alerts"]) == sender.above()
    assert set(found["raised"]) == {1}
    assert {subject for subject, state, *_ in found["alerts"] if state != "closed"} == sender.above_still()
    assert found["cases"]
    for number, owner, alerts, opened, clock in found["cases"]:
        assert owner, number
        assert (alerts >= 1, opened, clock) == (True, 1, True), number
