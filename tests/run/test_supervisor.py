# SPDX-License-Identifier: Apache-2.0
"""What `chengyun up` promises: one at a time, restarted when killed, stopped cleanly, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chengyun.bench.place import Place, wait_for
from chengyun.errors import Unavailable
from chengyun.run.process import is_alive

STANDIN = str(Path(__file__).with_name("standin.py"))


def a_place(folder: Path, migration: str = "{}", **env: str) -> Place:
    return Place(folder, command=[sys.executable, STANDIN, migration], env=env)


def the_database_answers(place: Place) -> bool:
    try:
        with psycopg.connect(place.state()["database_url"]) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = a_place(tmp_path / "data")
    made.start()
    yield made
    made.stop()


def test_ready_is_one_line_with_the_address(place: Place) -> None:
    assert place.ready_line.startswith(f"chengyun is ready: {place.url} (")
    assert place.first_sign_in is None
    assert place.healthy()


def test_the_first_start_prints_the_sign_in_link_with_its_address(tmp_path: Path) -> None:
    place = a_place(tmp_path / "data", json.dumps({"first_sign_in": "/first/abc"}))
    place.start()
    assert place.stop() == 0
    assert place.first_sign_in == f"{place.url}/first/abc"


def test_a_second_start_names_the_process_and_the_address_of_the_first(place: Place) -> None:
    with pytest.raises(Unavailable) as refusal:
        a_place(place.folder).start()
    assert str(place.pid) in refusal.value.sentence
    assert place.url in refusal.value.sentence
    assert place.healthy()


def test_a_busy_port_is_named_with_the_setting_that_changes_it(tmp_path: Path) -> None:
    place = a_place(tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", place.stream_port))
        taken.listen()
        with pytest.raises(Unavailable, match=rf"Port {place.stream_port} .* CHENGYUN_STREAM_PORT"):
            place.start()
    place.start()
    assert place.stop() == 0


@pytest.mark.fault
@pytest.mark.parametrize("name", ["db", "web", "stream", "jobs"])
def test_a_killed_child_is_started_again(place: Place, name: str) -> None:
    others = {other: pid for other, pid in place.children().items() if other != name}
    killed = place.kill(name)
    place.wait_restarted(name, killed)
    wait_for(place.healthy, 20, "the place was not healthy again")
    wait_for(lambda: the_database_answers(place), 20, "the database did not answer again")
    state = place.state()["children"]
    assert state[name]["restarts"] == 1
    assert {other: pid for other, pid in place.children().items() if other != name} == others


@pytest.mark.fault
def test_a_stop_ends_every_process_and_the_state(place: Place) -> None:
    pids = place.children().values()
    assert place.stop() == 0
    assert not any(is_alive(pid) for pid in pids)
    assert not (place.folder / "run" / "state.json").exists()
    assert not (place.folder / "db" / "postmaster.pid").exists()


@pytest.mark.fault
def test_no_child_survives_a_killed_supervisor_and_the_next_start_works(place: Place) -> None:
    pids = place.children().values()
    place.kill("up")
    again = a_place(place.folder)
    again.port, again.stream_port, again.env = place.port, place.stream_port, place.env
    again.start()
    assert not any(is_alive(pid) for pid in pids)
    assert again.stop() == 0


@pytest.mark.fault
def test_marks_of_a_dead_server_whose_number_another_process_has_are_cleared(tmp_path: Path) -> None:
    place = a_place(tmp_path / "data")
    place.start()
    place.stop()
    (place.folder / "db" / "postmaster.pid").write_text(f"{os.getpid()}\n{place.folder / 'db'}\n")
    place.start()
    assert place.stop() == 0


def test_a_child_that_never_runs_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    place = a_place(tmp_path / "data", "{}", STANDIN_BROKEN="web")
    with pytest.raises(Unavailable, match=r"\w+ ends again and again: no such page\. See .*\.log"):
        place.start()


def test_a_refused_migration_is_the_sentence_of_the_start(tmp_path: Path) -> None:
    place = a_place(tmp_path / "data", json.dumps({"problem": "The database is newer.", "code": "database_newer"}))
    with pytest.raises(Unavailable, match=r"^The database is newer\.$"):
        place.start()


def test_a_folder_made_by_a_newer_postgresql_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "db").mkdir(parents=True)
    (tmp_path / "data" / "db" / "PG_VERSION").write_text("99\n")
    with pytest.raises(Unavailable, match=r"was made by PostgreSQL 99, but this program brings \d+\."):
        a_place(tmp_path / "data").start()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match=r"data cannot be made: it is a file\. .* --data"):
        a_place(tmp_path / "data").start()


def test_a_server_is_used_instead_when_its_address_is_given(place: Place, tmp_path: Path) -> None:
    """The first place's own database serves as the server of the second."""
    second = a_place(tmp_path / "second", CHENGYUN_DATABASE_URL=place.state()["database_url"])
    second.start()
    assert "db" not in second.children()
    assert second.state()["database_url"] == place.state()["database_url"]
    assert second.stop() == 0
    assert place.healthy()


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"postgresql://user:secret@127.0.0.1:{nobody.getsockname()[1]}/city"
        with pytest.raises(Unavailable, match="CHENGYUN_DATABASE_URL does not answer") as refusal:
            a_place(tmp_path / "data", CHENGYUN_DATABASE_URL=address).start()
    assert "secret" not in refusal.value.sentence


@pytest.mark.fault
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_starting_is_clean(tmp_path: Path, sig: signal.Signals) -> None:
    folder = tmp_path / "data"
    place = a_place(folder)
    started = subprocess.Popen([*place.command[:2], "SLOW"], env=place.env)
    wait_for(lambda: (folder / "log" / "migrate.log").exists(), 30, "the migration did not start")
    started.send_signal(sig)
    assert started.wait(30) == 0
    assert not (folder / "run" / "state.json").exists()
    assert not (folder / "db" / "postmaster.pid").exists()
