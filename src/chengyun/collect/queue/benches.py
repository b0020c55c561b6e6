# SPDX-License-Identifier: Apache-2.0
"""`chengyun bench kills`: processes and nodes of a whole installation are killed at random under load, and the books compared.

CHENGYUN_BENCH_KILLS says how often (1,000). A kill waits until both ways in acknowledge again; every fifty, how far it is goes to
standard error, for a thousand take the better part of an hour.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from chengyun.bench.cluster import STREAM, Cluster, HourSender
from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, open_place, wait_for
from chengyun.errors import Refused, Unavailable

__all__ = ["BENCHES"]

KINDS = ("stream", "stream", "jobs", "db", "node", "collector", "front")
TOLD_EVERY = 50
QUEUED = [f"queued-{number}" for number in range(8)]
DIRECT = [f"direct-{number}" for number in range(8)]
REGISTER = f"""
from django.apps import apps
Station = apps.get_model("air_quality", "Station")
Station.objects.bulk_create(Station(key=name, name=name, area_code="330203") for name in {QUEUED + DIRECT!r})
"""
LAKE = f"""
import json
from django.db import connection
from chengyun.lake.read import snapshot
with snapshot(["{STREAM}"]) as lake:
    rows = lake.rows("SELECT station, epoch_ms(hour_start) AS hour, pm25 FROM station_hour")
    raw = lake.rows("SELECT station, epoch_ms(hour_start) AS hour, pm25, count(*) AS n FROM station_hour_raw GROUP BY 1, 2, 3")
print(json.dumps({{"rows": [list(row.values()) for row in rows], "versions": sum(row["n"] for row in raw)}}))
"""  # noqa: S608  our own table


def _kills() -> Sequence[Result]:
    """Kill a process of ours or a node of the queue at random, often, under load; count what is missing and what is double."""
    count = int(os.environ.get("CHENGYUN_BENCH_KILLS", "1000"))
    if shutil.which("nats-server") is None:
        raise Refused("The bench `kills` needs nats-server. Install Debian's package nats-server.", code="missing_program")
    folder = Path(tempfile.mkdtemp(prefix="chengyun-kills-"))
    try:
        with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
            place.django(REGISTER)
            with Cluster(folder, place, fronts=1).running() as cluster:
                return [_measured(place, cluster, count)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(place: Place, cluster: Cluster, count: int) -> Result:
    chance, killed, begun = random.Random(20261122), Counter[str](), time.monotonic()  # noqa: S311  a seeded choice
    token = place.token("ingest:*")
    front = cluster.fronts[0].ready.removesuffix("/health")
    queued = HourSender(lambda: front, token, QUEUED)
    direct = HourSender(lambda: place.stream_url, token, DIRECT)
    with queued.sending(), direct.sending():
        for number in range(count):
            before = queued.sent, direct.sent
            kind = chance.choice(KINDS)
            killed[kind] += 1
            time.sleep(chance.uniform(0, 0.3))
            _kill(place, cluster, kind, chance)
            _wait_until_both_go_on(cluster, (queued, direct), before, f"After kill {number + 1} ({kind})")
            if (number + 1) % TOLD_EVERY == 0:
                done = f"{number + 1:,} of {count:,} kills, {queued.rows + direct.rows:,} rows acknowledged"
                print(f"{done}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    held = {**queued.held, **direct.held}
    wait_for(lambda: _missing(place, held) == 0, 120, "What was acknowledged was not written")
    found = json.loads(place.django(LAKE).splitlines()[-1])
    doubled = max(found["versions"] - queued.rows - direct.rows, 0)
    seen = [(station, hour) for station, hour, _ in found["rows"]]
    return Result(
        name="kills", value=_missing(place, held) + len(seen) - len(set(seen)), unit="rows lost or doubled", target=0,
        compared={
            "kills": f"{count} ({', '.join(f'{name} {times}' for name, times in sorted(killed.items()))})",
            "acknowledged": f"{queued.rows + direct.rows:,} rows",
            "sent again": f"{queued.retries + direct.retries:,} bodies",
            "versions written again, in order": f"{doubled:,}",
            "took": f"{time.monotonic() - begun:.0f} s",
        },
        notes="Half of the rows through three JetStream nodes, a front end and two collectors, half to the stream process.",
    )  # fmt: skip


def _wait_until_both_go_on(cluster: Cluster, senders: tuple[HourSender, HourSender], before: tuple[int, int], when: str) -> None:
    def both() -> bool:
        return all(sender.sent > sent for sender, sent in zip(senders, before, strict=True))

    try:
        wait_for(both, 90, f"{when} observations were not acknowledged")
    except Unavailable as silent:
        ended = [
            f"{' '.join(it.words[-3:])}: {it.log.read_text()[-300:]}" for it in cluster.all if it.process and it.process.poll()
        ]  # fmt: skip
        said = [sender.refused[-1] for sender in senders if sender.refused]
        raise Unavailable(f"{silent.sentence} Ended: {ended}. Refused: {said}.") from None


def _kill(place: Place, cluster: Cluster, kind: str, chance: random.Random) -> None:
    programs = {"node": cluster.nodes, "collector": cluster.collectors, "front": cluster.fronts}
    if kind in programs:
        one = chance.choice(programs[kind])
        one.kill()
        one.start(0)
        return
    end = time.monotonic() + 60
    while True:
        try:
            place.kill(kind)
            return
        except ProcessLookupError:  # ended with the database a moment ago, and about to be started again
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _missing(place: Place, held: Mapping[tuple[str, int], float]) -> int:
    found = {(station, hour): value for station, hour, value in json.loads(place.django(LAKE).splitlines()[-1])["rows"]}
    return sum(found.get(key) != value for key, value in held.items())


BENCHES: dict[str, Bench] = {"kills": _kills}
