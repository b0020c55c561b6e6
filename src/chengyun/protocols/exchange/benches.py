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
from collections.abc import Iterator, Sequence
from pathlib import Path

from chengyun.access import signatures
from chengyun.bench.frame import Result
from chengyun.bench.place import Place, free_ports, status, wait_for

PEOPLE = int(os.environ.get("CHENGYUN_BENCH_PEOPLE", "200000"))
SECONDS = float(os.environ.get("CHENGYUN_BENCH_SECONDS", "10"))
ROUNDS = 3
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
        rates: dict[bool, list[float]] = {True: [], False: []}
        try:
            with _server(place, plain=True) as plain, _server(place, plain=False) as signed:
                for at in range(ROUNDS + 1):
                    for is_signed, port in ((False, plain), (True, signed)):
                        seconds = SECONDS if at else 2.0
                        rate = _asked(port, private, jwk, node if is_signed else None, seconds)
                        if at:
                            rates[is_signed].append(rate)
        finally:
            for child in ("jobs", "web", "stream"):
                with contextlib.suppress(KeyError, ProcessLookupError):
                    os.kill(place.children()[child], signal.SIGCONT)
        checked = place.run("ledger", "exchange", "--check")
        said = checked.stdout.splitlines()[-1]
    rate, without = statistics.median(rates[True]), statistics.median(rates[False])
    notes = (
        f"one row of {PEOPLE:,}, masked, audited; 32 connections on the same cores sign and check; the plain read comes by the "
        f"same door and threads, in groups alike, with policy, masks, count and audit; {said}"
    )
    return [
        Result(name="exchange", value=rate, unit="messages/s", target=800, better="higher",
               compared={"without signatures, receipt and log": f"{without:,.0f} messages/s"}, notes=notes),
        Result(name="exchange-cost", value=without / rate, unit="×", target=1.5,
               notes="time of a signed, logged message over that of the same read without, medians of the same run"),
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
def _server(place: Place, *, plain: bool) -> Iterator[int]:
    (port,) = free_ports(1)
    env = {**place.env, "CHENGYUN_DATABASE_URL": str(place.state()["database_url"])}
    if plain:
        env["CHENGYUN_BENCH_PLAIN"] = "1"
    server = subprocess.Popen([sys.executable, "-m", "chengyun.protocols.exchange.measured", str(port)], env=env)
    try:
        wait_for(lambda: status(f"http://127.0.0.1:{port}/exchange/v1/") is not None, 60, "the exchange did not answer")
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _asked(port: int, private: bytes, jwk: dict[str, str], node: dict[str, str] | None, seconds: float) -> float:
    """Run the load in a process of its own; return messages a second."""
    code = (
        "import sys, json\nfrom chengyun.protocols.exchange.asking import Load, ask_for\n"
        "given = json.load(sys.stdin)\n"
        "load = Load(given['port'], bytes.fromhex(given['key']), given['jwk'], given['pinned'], given['keys'])\n"
        "print(ask_for(load, given['seconds']))"
    )
    given = {"port": port, "key": private.hex(), "jwk": jwk, "pinned": node, "keys": PEOPLE, "seconds": seconds}
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(given), capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise AssertionError(done.stderr[-800:])
    return float(done.stdout)
