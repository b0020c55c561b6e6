# SPDX-License-Identifier: Apache-2.0
"""A whole installation in a temporary folder: `chengyun up` on free ports, for measurements and for tests.

CHENGYUN_TEST_PLACES is a folder in which processes that start copies of one installation share the one they copy.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chengyun.bench.forks import Forks
from chengyun.errors import Unavailable
from chengyun.run.process import dies_with_parent, is_alive

CHENGYUN = (sys.executable, "-m", "chengyun.cli")


class Place:
    """One installation with a life of its own; `open_place` starts one and clears it away.

    command: what to run instead of `chengyun up`.
    env: settings beside the folder and the ports, e.g. {"CHENGYUN_DEMO": "0"}.
    """

    def __init__(self, folder: Path, *, command: Sequence[str] = (*CHENGYUN, "up"), env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.command = list(command)
        self.port, self.stream_port, self.protocols_port = free_ports(3)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHENGYUN_", "DJANGO_"))}
        self.env = {
            **kept,
            "CHENGYUN_DATA": str(folder),
            "CHENGYUN_PORT": str(self.port),
            "CHENGYUN_STREAM_PORT": str(self.stream_port),
            "CHENGYUN_PROTOCOLS_PORT": str(self.protocols_port),
            **(env or {}),
        }
        self.ready_line = ""
        self.first_sign_in: str | None = None
        """Address of the one-time link printed at the very first start."""
        self._process: subprocess.Popen[str] | None = None
        self._forks: Forks | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stream_url(self) -> str:
        return f"http://127.0.0.1:{self.stream_port}"

    @property
    def protocols_url(self) -> str:
        return f"http://127.0.0.1:{self.protocols_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, within_s: float = 180.0) -> float:
        """Start and return the seconds until it said that it is ready. Raises Unavailable with its last words."""
        begun = time.monotonic()
        words = self.folder.parent / f"{self.folder.name}.out"
        with open(words, "w") as out:
            self._process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True, start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )  # fmt: skip
        while time.monotonic() < begun + within_s:
            lines = words.read_text().splitlines()
            ready = [line for line in lines if line.startswith("chengyun is ready")]
            if ready:
                took = time.monotonic() - begun
                self.ready_line = ready[0]
                # The link, when there is one, is printed together with the line that says ready.
                time.sleep(0.05)
                links = [line for line in words.read_text().splitlines() if line.startswith("Sign in")]
                self.first_sign_in = links[0].split()[-1] if links else None
                return took
            if self._process.poll() is not None:
                raise Unavailable(lines[-1] if lines else f"it ended with code {self._process.returncode} and said nothing")
            time.sleep(0.02)
        self.stop()
        raise Unavailable(f"The installation in {self.folder} was not ready within {within_s:.0f} s.")

    def stop(self, within_s: float = 60.0) -> int:
        """Stop it as Ctrl-C or a service manager would; return the exit code."""
        assert self._process is not None
        if self._forks is not None:
            self._forks.close()
            self._forks = None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def state(self) -> dict[str, Any]:
        """Return what the supervisor says runs: pid, ports, children by name."""
        state: dict[str, Any] = json.loads((self.folder / "run" / "state.json").read_text())
        return state

    def children(self) -> dict[str, int]:
        """Return the pid of each child."""
        return {name: child["pid"] for name, child in self.state()["children"].items()}

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> int:
        """Kill a child by name, or the supervisor ("up"); return its pid."""
        pid = self.pid if name == "up" else self.children()[name]
        os.kill(pid, sig)
        if name == "up":
            assert self._process is not None
            self._process.wait(10)
        return pid

    def wait_restarted(self, name: str, former: int, within_s: float = 30.0) -> int:
        """Return the pid of a child's next life."""
        wait_for(lambda: not is_alive(former) and self.children()[name] != former, within_s, f"{name} was not started again")
        return self.children()[name]

    def healthy(self) -> bool:
        """Say whether pages and the stream process both answer."""
        return all(status(f"{url}/health") == 200 for url in (self.url, self.stream_url))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a `chengyun` command on this installation."""
        return subprocess.run([*CHENGYUN, *words], env=self.env, capture_output=True, text=True, timeout=300)

    def django(self, code: str, within_s: float = 300) -> str:
        """Run Python code with Django in a process of its own; return what it printed. Raises Unavailable with its error."""
        if self._forks is None or not self._forks.usable(self.env):
            if self._forks is not None:
                self._forks.close()
            self._forks = Forks(self.env)
        done = self._forks.run(code, within_s)
        if done.returncode:
            raise Unavailable(f"The code did not run: {done.stderr.strip()}")
        return done.stdout.strip()

    def token(self, *scopes: str) -> str:
        """Return a new token with these scopes, e.g. "ingest:*", for a new service account."""
        return self.django(f"from chengyun.access.services import issue_token\nprint(issue_token(scopes={list(scopes)!r}))")


@contextlib.contextmanager
def open_place(*, first: bool = True, **given: Any) -> Iterator[Place]:
    """Start an installation in a temporary folder; stop it and remove the folder at the end.

    first: False for one that was started before and holds nothing yet, which is there in half the time; this process makes it
    once and starts copies of it. They have one secret key: what is to tell installations apart needs first ones.
    """
    above = Path(tempfile.mkdtemp(prefix="chengyun-place-"))
    # A name with all that a folder's name may have, so that everything that runs here proves it can.
    place = Place(above / "城 市's data", **given)
    try:
        if not first:
            # The database's files belong to a user of their own.
            subprocess.run(["cp", "-a", str(_started_before()), str(place.folder)], check=True)
        place.start()
        yield place
    finally:
        if place._process is not None:
            place.stop()
        shutil.rmtree(above, ignore_errors=True)


@functools.cache
def _started_before() -> Path:
    """Return the folder of an installation that was started once and stopped."""
    shared = os.environ.get("CHENGYUN_TEST_PLACES")
    above = Path(shared or tempfile.mkdtemp(prefix="chengyun-place-"))
    if not shared:
        atexit.register(shutil.rmtree, above, ignore_errors=True)
    place = Place(above / "kept", env={"CHENGYUN_DEMO": "0"})
    with open(above / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (above / "made").exists():
            shutil.rmtree(place.folder, ignore_errors=True)  # what a process that was killed had begun
            place.start()
            if place.stop() != 0:
                raise Unavailable(f"The installation in {place.folder} did not stop as it should.")
            (above / "made").touch()
    return place.folder


def status(address: str, timeout_s: float = 10.0) -> int | None:
    """Return the HTTP status of a page; None when nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=timeout_s) as answer:  # noqa: S310  our own address
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return None


def wait_for(true: Callable[[], object], within_s: float, otherwise: str) -> None:
    """Return when a condition holds. Raises Unavailable with a sentence after the given time."""
    end = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end:
            raise Unavailable(f"{otherwise} within {within_s:.0f} s.")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Return so many ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
