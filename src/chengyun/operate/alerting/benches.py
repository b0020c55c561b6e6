# SPDX-License-Identifier: Apache-2.0
"""What alerts cost: a year of history judged again, and the way from an observation to its case.

CHENGYUN_BENCH_SENSORS and CHENGYUN_BENCH_SECONDS make them smaller; their targets are those of the full size.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place
from chengyun.collect.benches import Site, open_site, sent
from chengyun.errors import Unavailable

SENSORS = int(os.environ.get("CHENGYUN_BENCH_SENSORS", "10000"))
SECONDS = float(os.environ.get("CHENGYUN_BENCH_SECONDS", "40"))
RATE = 10_000.0
RULES = 2_000
PROBES = 100
PROBE_EVERY_S = 0.25
WITHIN_S = 30.0

FILE = """
from django.utils import timezone
from chengyun.access.models import Account
from chengyun.operate.probation.files import read_rule, version_of
from chengyun.operate.probation.models import FiledRule
from django.conf import settings
from django.db import connection
who, now = Account.objects.create_user('bench'), timezone.now()
stream, opens = {stream!r}, {opens!r}
pack, key = stream.split('.')
fields = [it.key for it in settings.CITY.streams[stream].quantities]
rules = []
for n in range({rules}):
    field = fields[0] if n == 0 else fields[n % len(fields)]
    limit, more = (300, f'opens = "{{opens}}"') if n == 0 else (700 + n / 10, '')
    text = (f'key = "{{pack}}.bench_{{n}}"\\nname = "bench {{n}}"\\non = "{{key}}"\\nfield = "{{field}}"\\nseverity = "red"\\n'
            f'meaning = "bench"\\n{{more}}\\n[when]\\nkind = "above"\\nlimit = {{limit}}\\n[budget]\\nfalse_alarms = 0\\n')
    filed = read_rule(text, settings.CITY)
    rules.append(FiledRule(key=filed.file.key, name=filed.rule.name, dataset=filed.dataset, text=text, version=version_of(text),
                           state='live', state_since=now, owner=who, changed_at=now))
FiledRule.objects.bulk_create(rules)
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_notify('chengyun_rules', '')")
print(fields[0])
"""

CASES = """
SELECT alert.subject FROM cases_casealert AS answer JOIN operate_alert AS alert ON alert.id = answer.alert_id
WHERE alert.subject = ANY(%s)
"""


def backtest() -> Sequence[Result]:
    """Judge one rule over a year of hourly rows of 10,000 sensors, all of it sealed."""
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place, tempfile.TemporaryFile("w+") as words:
        done = subprocess.run(
            [sys.executable, "-m", "chengyun.operate.alerting.yearly", str(SENSORS)], env=dict(place.env), stdout=subprocess.PIPE,
            stderr=words, text=True, check=False, cwd=Path.home(),
        )  # fmt: skip
        if done.returncode:
            words.seek(0)
            raise Unavailable(f"The year could not be judged: {words.read().strip().splitlines()[-1]}")
        found = json.loads(done.stdout.splitlines()[-1])
    return [
        Result(
            name="backtest", value=found["seconds"], unit="s", target=60,
            compared={
                "rows": f"{found['rows']:,}", "a second": f"{found['rows'] / found['seconds']:,.0f} rows/s",
                "only read": f"{found['read_s']:.1f} s", "alerts": f"{found['alerts']:,}",
                "largest memory": f"{found['peak_mb']:.0f} MB",
            },
            notes=f"{SENSORS:,} sensors, every row of every version in order of arrival, through the rules' own code; "
            f"the history took {found['fill_s']:.0f} s to write.",
        )
    ]  # fmt: skip


def loop() -> Sequence[Result]:
    """Measure, under 10,000 observations a second and 2,000 rules, how long one takes to be a case."""
    with open_site() as site:
        field = (
            site.place.django(FILE.format(stream=site.table.qualified, opens=_case_of(site), rules=RULES))
            .strip()
            .splitlines()[-1]
        )
        probes = site.stations[-PROBES:]
        orders = site.orders(connections=20, rows=100, seconds=SECONDS, rate=RATE)
        orders.stations = site.stations[:-PROBES]
        with ThreadPoolExecutor(1) as beside:
            load = beside.submit(sent, orders)
            time.sleep(5.0)
            took, acknowledged = _probe(site, field, probes)
            report = load.result()
    rate = report.rows / report.seconds
    if rate < 0.95 * RATE:
        raise Unavailable(f"Only {rate:,.0f} obs/s were taken; the machine is too busy to measure at {RATE:,.0f}.")
    ranked = sorted(took)
    return [
        Result(
            name="loop", value=ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))], unit="s", target=2.0,
            compared={
                "p50": f"{ranked[len(ranked) // 2]:.3f} s",
                "answered p50": f"{sorted(acknowledged)[len(acknowledged) // 2]:.3f} s",
                "load": f"{rate:,.0f} obs/s, {report.failures} failures",
            },
            notes=f"{len(took)} probes, each the first of its station beyond one of {RULES:,} rules on the loaded stream; from "
            "before it is sent until the row of its case is committed.",
        )
    ]  # fmt: skip


def _case_of(site: Site) -> str:
    """Return a kind of case of the stream's pack."""
    pack = site.table.pack
    kinds = site.place.django(
        f"from django.conf import settings\nprint(next(k for k in settings.CITY.cases if k.startswith('{pack}.')))"
    )
    return kinds.strip().splitlines()[-1]


def _probe(site: Site, field: str, stations: Sequence[str]) -> tuple[list[float], list[float]]:
    """Send one observation beyond the limit from each station; return the seconds until its case, and until its answer."""
    begun: dict[str, float] = {}
    took: dict[str, float] = {}
    answered: list[float] = []
    with psycopg.connect(site.database_url, autocommit=True) as conn, ThreadPoolExecutor(8) as senders:

        def look() -> None:
            waiting = [one for one in begun if one not in took]
            for (subject,) in conn.execute(CASES, [waiting]).fetchall() if waiting else ():
                took.setdefault(subject, time.perf_counter() - begun[subject])

        for nth, station in enumerate(stations):
            body = msgspec.json.encode({site.table.entity: station, site.table.time: int(time.time() * 1000), field: 350.0})
            begun[station] = time.perf_counter()
            senders.submit(_post, site, body, answered)
            until = time.perf_counter() + PROBE_EVERY_S
            while time.perf_counter() < until or (nth == len(stations) - 1 and len(took) < len(stations)):
                look()
                time.sleep(0.005)
                if time.perf_counter() > until + WITHIN_S:
                    raise Unavailable(f"{len(begun) - len(took)} of {len(begun)} probes had no case after {WITHIN_S:.0f} s.")
    return list(took.values()), answered


def _post(site: Site, body: bytes, answered: list[float]) -> None:
    import urllib.request  # only a measurement sends by itself

    begun = time.perf_counter()
    request = urllib.request.Request(  # noqa: S310  # our own address
        f"{site.place.stream_url}/ingest/{site.table.qualified}", body,
        {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        answer.read()
    answered.append(time.perf_counter() - begun)


BENCHES: Mapping[str, Bench] = {"backtest": backtest, "loop": loop}
