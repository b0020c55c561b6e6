# SPDX-License-Identifier: Apache-2.0
"""What is forked is what would have been started, and neither the zygote's end nor its failure is anybody else's."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from chengyun.bench.place import Place, wait_for
from chengyun.run.process import is_alive

from .test_supervisor import a_place

WORKERS = ("web", "stream", "protocols", "jobs")


def forking(folder: Path, loads: str = "nothing") -> Place:
    """A place of small programs on the tests' own database, which none of them asks."""
    env = {"STANDIN_ZYGOTE": f"standin_parts:{loads}", "CHENGYUN_DATABASE_URL": os.environ["CHENGYUN_DATABASE_URL"]}
    return a_place(folder, json.dumps({"first_sign_in": "/first/abc"}), **env)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = forking(tmp_path / "data")
    made.start()
    yield made
    made.stop()


def asked(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def workers(place: Place) -> dict[str, int]:
    return {name: place.children()[name] for name in WORKERS}


def test_what_is_forked_is_as_what_is_started(place: Place, tmp_path: Path) -> None:
    alone = forking(tmp_path / "alone")
    alone.env["CHENGYUN_FORK"] = "0"
    alone.start()
    try:
        for one, loaded in ((place, ["by the zygote"]), (alone, [])):
            assert ("zygote" in one.children()) == bool(loaded)
            told = asked(f"{one.url}/health")
            pid = one.children()["web"]
            log = str(one.folder / "log" / "web.log")
            assert told == {
                "parent": one.pid, "group": pid, "pid": pid, "loaded": loaded, "files": ["/dev/null", log, log],
                "argv": ["serve", "CHENGYUN_PORT"], "cwd": "/",
            }  # fmt: skip
            assert Path(log).read_text() == "serving on CHENGYUN_PORT\n"
            shown = psutil.Process(pid).cmdline()
            assert [word for word in shown if word][1:] == ["-m", "standin_parts", "serve", "CHENGYUN_PORT"]
    finally:
        assert alone.stop() == 0
    # Of the migration too, whose output is read.
    assert place.first_sign_in == f"{place.url}/first/abc"


@pytest.mark.fault
def test_whatever_is_killed_comes_back_and_nothing_else_ends(place: Place) -> None:
    for name in ("web", "jobs", "zygote"):
        before = place.children()
        killed = place.kill(name)
        place.wait_restarted(name, killed)
        now = place.children()
        assert {other for other, pid in now.items() if before[other] != pid} == {name}
    wait_for(place.healthy, 20, "the place was not healthy again")
    assert asked(f"{place.url}/health")["loaded"] == ["by the zygote"]
    # Both at once: the one waits for the other.
    one, other = place.kill("zygote"), place.kill("stream")
    place.wait_restarted("zygote", one)
    place.wait_restarted("stream", other)
    wait_for(place.healthy, 20, "the place was not healthy again")
    assert asked(f"{place.stream_url}/health")["loaded"] == ["by the zygote"]


@pytest.mark.fault
def test_no_fork_survives_a_killed_supervisor_and_a_stop_is_clean(place: Place) -> None:
    pids = place.children().values()
    place.kill("up")
    again = forking(place.folder)
    again.port, again.stream_port, again.env = place.port, place.stream_port, place.env
    again.start()
    assert not any(is_alive(pid) for pid in pids)
    pids = again.children().values()
    assert again.stop() == 0
    assert not any(is_alive(pid) for pid in pids)


def test_an_orphan_is_buried(place: Place) -> None:
    asked(f"{place.url}/orphan")
    supervisor = psutil.Process(place.pid)
    ours = set(place.children().values())
    wait_for(lambda: {child.pid for child in supervisor.children()} == ours, 20, "something is left of the orphan")


@pytest.mark.parametrize(
    ("loads", "sentence"),
    [
        ("a_thread", "1 threads run after loading standin_parts:a_thread, so nothing can be forked from it."),
        ("a_file", "is open after loading standin_parts:a_file, so nothing can be forked from it."),
        ("a_fault", "RuntimeError: this pack has a fault."),
    ],
)
def test_where_nothing_can_be_forked_all_are_started_alone(tmp_path: Path, loads: str, sentence: str) -> None:
    place = forking(tmp_path / "data", loads)
    place.start()
    assert asked(f"{place.url}/health")["loaded"] == []
    assert sentence in (place.folder / "log" / "zygote.log").read_text()
    killed = place.kill("web")
    place.wait_restarted("web", killed)
    assert place.stop() == 0
