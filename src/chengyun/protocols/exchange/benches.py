# SPDX-License-Identifier: Apache-2.0
"""How fast departments and nodes exchange: small signed messages, and whole registers.

CHENGYUN_BENCH_PEOPLE       rows the small messages read from, 200000
CHENGYUN_BENCH_SECONDS      length of one round, 10
CHENGYUN_BENCH_BULK_ROWS    rows drawn in bulk, 30000000
CHENGYUN_BENCH_PLAIN        set by the bench itself, for the process that serves without signatures and log
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from chengyun.access import signatures
from chengyun.bench.frame import Result
from chengyun.bench.place import Place, free_ports, status, wait_for

PEOPLE = int(os.environ.get("CHENGYUN_BENCH_PEOPLE", "200000"))
SECONDS = float(os.environ.get("CHENGYUN_BENCH_SECONDS", "10"))
ROUNDS = 5
BULK_ROWS = int(os.environ.get("CHENGYUN_BENCH_BULK_ROWS", "30000000"))

FILL = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("ALTER TABLE population_person DISABLE TRIGGER USER")
    cursor.execute('''
        INSERT INTO population_person (key, name, area_code, simulated, source, sex, birth_date, id_number, ethnicity, marriage,
            phone, residence, origin_code, household, relation, building, address, employer)
        SELECT 'p' || lpad(i::text, {digits}, '0'),
            (ARRAY['张伟','王芳','李娜','刘洋','陈静','杨敏','欧阳娜娜'])[1 + i %% 7] || i %% 97,
            '3302' || lpad((3 + i %% 10)::text, 2, '0') || lpad((i %% 20)::text, 3, '0') || lpad((i %% 30)::text, 3, '0'),
            true, 'bench', (1 + i %% 2)::text, DATE '1940-01-01' + i %% 27000,
            '330203' || to_char(DATE '1940-01-01' + i %% 27000, 'YYYYMMDD') || lpad((i %% 1000)::text, 3, '0') || i %% 10,
            '汉', '1', '138' || lpad((i %% 100000000)::text, 8, '0'), 'registered', '330203', 'h' || i / 3, '0', '',
            '宁波市海曙区解放南路' || i %% 500 || '号', ''
        FROM generate_series(0, %s - 1) AS i
    ''', [{rows}])
    cursor.execute("ALTER TABLE population_person ENABLE TRIGGER USER")
with connection.cursor() as cursor:
    cursor.execute("ANALYZE population_person")
"""
GRANT = """
import json
from chengyun.access.actors import SYSTEM
from chengyun.access.keystore import signing_key
from chengyun.access.models import Grant, Organisation
from chengyun.share.exchange import parties
organisation = Organisation.objects.create(key="bench", name="bench")
parties.register(SYSTEM, {jwk}, "bench", organisation)
Grant.objects.create(dataset="population.person", organisation=organisation, purpose="statistics", fields=["birth_date"])
print(json.dumps(signing_key("node").public))
"""
KEPT = """
from django.db import connection
from chengyun.share.federation.models import Mirror
with connection.cursor() as cursor:
    cursor.execute("SELECT count(*), count(*) FILTER (WHERE _key < 'p000001000' AND _version > 0), "
                   "count(*) FILTER (WHERE id_number NOT LIKE '%*%') FROM mirror." + Mirror.objects.get().table)
    print(*cursor.fetchone())
"""
DRAWS = 60


def exchange() -> Sequence[Result]:
    """Small messages: a masked row of a register of persons, asked for and answered under signatures, each with its receipt."""
    private = signatures.make("ed25519")
    jwk = signatures.public("ed25519", private)
    with _place("node") as place:
        place.django(FILL.replace("{digits}", "7").replace("{rows}", str(PEOPLE)))
        node = json.loads(place.django(GRANT.replace("{jwk}", repr(jwk))).splitlines()[-1])
        for child in ("jobs", "web", "stream"):
            # What is measured are the exchange and its consumers; the rest of a city has its own measurements.
            with contextlib.suppress(KeyError, ProcessLookupError):
                os.kill(place.children()[child], signal.SIGSTOP)
        rounds: dict[str, list[Round]] = {"plain": [], "signed": [], "alone": []}
        try:
            with _server(place, plain=True) as plain, _server(place, plain=False) as signed:
                for at in range(ROUNDS + 1):
                    for kind, done in rounds.items():
                        pid, port = plain if kind == "plain" else signed
                        given = {
                            "port": port, "key": private.hex(), "jwk": jwk, "pinned": None if kind == "plain" else node,
                            "keys": PEOPLE, "seconds": SECONDS if at else 2.0, "shares": kind == "signed",
                        }  # fmt: skip
                        one = _round(place, pid, given)
                        if at:
                            done.append(one)
        finally:
            for child in ("jobs", "web", "stream"):
                with contextlib.suppress(KeyError, ProcessLookupError):
                    os.kill(place.children()[child], signal.SIGCONT)
        checked = place.run("ledger", "exchange", "--check")
        said = checked.stdout.splitlines()[-1]
    rate, without, alone = (statistics.median(one.rate for one in rounds[kind]) for kind in ("signed", "plain", "alone"))
    cost, cost_alone = (_over(rounds[kind], rounds["plain"]) for kind in ("signed", "alone"))
    notes = (
        f"one row of {PEOPLE:,}, masked, audited; 32 connections on the same cores sign and check, one consumer's, which takes "
        f"shared signatures; the plain read comes by the same door and threads, in groups alike, with policy, masks, count and "
        f"audit; {said}"
    )
    return [
        Result(name="exchange", value=rate, unit="messages/s", target=800, better="higher",
               compared={"without signatures, receipt and log": f"{without:,.0f} messages/s",
                         "each message signed by itself": f"{alone:,.0f} messages/s"}, notes=notes),
        Result(name="exchange-cost", value=cost, unit="×", target=1.5,
               compared={"by rates": f"{without / rate:.2f} ×", "each message signed by itself": f"{cost_alone:.2f} ×",
                         **{kind: _told(done) for kind, done in rounds.items()}},
               notes="processor time of a signed, logged message over that of the same read without: consumers, server and "
                     "database together, median of the rounds"),
    ]  # fmt: skip


def exchange_bulk() -> Sequence[Result]:
    """A whole register to another node: made, fetched, checked, kept; then what changed since."""
    with _place("there") as there, _place("here") as here:
        there.django(FILL.replace("{digits}", "9").replace("{rows}", str(BULK_ROWS)), within_s=3600)
        keys = {place: place.run("federation", "key").stdout.split()[1] for place in (there, here)}
        for one, other, name in ((there, here, "here"), (here, there, "there")):
            done = one.run("federation", "add", name, f"{other.protocols_url}/exchange/v1", "--key", keys[other])
            if done.returncode:
                raise AssertionError(done.stderr)
        there.django(
            "from chengyun.access.models import Grant, Organisation\n"
            "Grant.objects.create(dataset='population.person', purpose='statistics', fields=['birth_date'],\n"
            "    organisation=Organisation.objects.get(key='node-here'))"
        )
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "chengyun.cli", "federation", "mirror", "there", "population.person", "--purpose=statistics",
             "--bulk"],
            env=here.env, capture_output=True, text=True, timeout=7200,
        )  # fmt: skip
        took = time.perf_counter() - begun
        if done.returncode:
            raise AssertionError(done.stderr)
        there.django("from chengyun.packs.population.models import Person\n"
                     "Person.objects.filter(key__lt='p000001000').update(name='改名')")  # fmt: skip
        begun = time.perf_counter()
        # What changed is told once no older transaction of that city may still write before it: its jobs have long ones.
        for _ in range(DRAWS):
            drawn = here.run("federation", "draw")
            kept = here.django(KEPT, within_s=900).split()
            if drawn.returncode or kept[1] == "1000":
                break
            time.sleep(1)
        again = time.perf_counter() - begun
        if kept != [str(BULK_ROWS), "1000", "0"] or drawn.returncode:
            raise AssertionError(f"{kept} is kept, expected {BULK_ROWS} rows. {drawn.stderr}")
    return [
        Result(name="exchange-bulk", value=BULK_ROWS / took, unit="rows/s", target=40_000, better="higher",
               compared={"1,000 changed rows after it": f"{again:.1f} s with the command's start"},
               notes=f"{BULK_ROWS:,} rows like the population, 4 fields masked, two nodes on the same cores: made, fetched, "
                     "every chunk checked, copied into an indexed table, receipt in both logs"),
    ]  # fmt: skip


BENCHES = {"exchange": exchange, "exchange-bulk": exchange_bulk}


@contextlib.contextmanager
def _place(node: str) -> Iterator[Place]:
    """Open an installation that simulates nothing; two of them start slowly beside each other."""
    with tempfile.TemporaryDirectory(prefix="chengyun-exchange-", ignore_cleanup_errors=True) as above:
        place = Place(Path(above) / node, env={"CHENGYUN_DEMO": "0", "CHENGYUN_NODE": node})
        try:
            place.start(within_s=300)
            yield place
        finally:
            place.stop()


@contextlib.contextmanager
def _server(place: Place, *, plain: bool) -> Iterator[tuple[int, int]]:
    """Serve; yield the process and its port."""
    (port,) = free_ports(1)
    env = {**place.env, "CHENGYUN_DATABASE_URL": str(place.state()["database_url"])}
    if plain:
        env["CHENGYUN_BENCH_PLAIN"] = "1"
    server = subprocess.Popen([sys.executable, "-m", "chengyun.protocols.exchange.measured", str(port)], env=env)
    try:
        wait_for(lambda: status(f"http://127.0.0.1:{port}/exchange/v1/") is not None, 60, "the exchange did not answer")
        yield server.pid, port
    finally:
        server.terminate()
        server.wait(20)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one kind. us: processor time of a message by who spent it, in microseconds."""

    rate: float
    us: Mapping[str, float]

    @property
    def spent_us(self) -> float:
        return sum(self.us.values())


def _round(place: Place, server: int, given: Mapping[str, object]) -> Round:
    """Run the load in a process of its own; return messages a second and what one took of the processors."""
    code = (
        "import sys, json, time\nfrom chengyun.protocols.exchange.asking import Load, ask_for\n"
        "given = json.load(sys.stdin)\n"
        "load = Load(given['port'], bytes.fromhex(given['key']), given['jwk'], given['pinned'], given['keys'],\n"
        "    shares=given['shares'])\n"
        "begun = time.process_time()\n"
        "print(ask_for(load, given['seconds']), load.done, time.process_time() - begun)"
    )
    before = {"server": _used_s(server), "database": _used_s(place.pid)}
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(given), capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise AssertionError(done.stderr[-800:])
    after = {"server": _used_s(server), "database": _used_s(place.pid)}
    rate, messages, consumers = (float(one) for one in done.stdout.split())
    used = {"consumers": consumers, **{name: after[name] - before[name] for name in after}}
    return Round(rate, {name: seconds / messages * 1e6 for name, seconds in used.items()})


def _over(rounds: Sequence[Round], plain: Sequence[Round]) -> float:
    """Return how often the time of a plain message one of these takes: round by round, since other work disturbs all alike."""
    return statistics.median(one.spent_us / other.spent_us for one, other in zip(rounds, plain, strict=True))


def _used_s(pid: int) -> float:
    """Return the processor seconds of a process and of all below it, also of those that have ended."""
    used = 0.0
    above = psutil.Process(pid)
    for one in (above, *above.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def _told(rounds: Sequence[Round]) -> str:
    """Say where the time of a message goes."""
    parts = {name: statistics.median(one.us[name] for one in rounds) for name in rounds[0].us}
    return f"{sum(parts.values()):,.0f} µs ({', '.join(f'{name} {us:,.0f}' for name, us in parts.items())})"
