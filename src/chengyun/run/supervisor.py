# SPDX-License-Identifier: Apache-2.0
"""`chengyun up`: start what a city needs, keep it running, stop it cleanly.

    lock the data folder → check disk and ports → db → migrate (a process that ends) → web, stream, protocols, jobs → ready
    a child ends   → it is started again, later and later while it keeps ending (0.2 s, 0.4 s … 30 s)
    SIGINT, SIGTERM → the others stop, then the database; exit code 0
    SIGKILL        → the kernel tells every child (see process.dies_with_parent); the next start finds the way clear

This process stays as long as the city does, so it loads neither Django nor anything that computes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import http.client
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chengyun.config import Config
from chengyun.errors import Refused, Unavailable
from chengyun.run import db, folder
from chengyun.run.child import Child
from chengyun.run.process import bury_strangers, take_in_orphans
from chengyun.run.zygote import Zygote

READY_WITHIN_S = 90.0
LOOK_EVERY_S = 30.0
"""How often the disk and the logs are looked at."""
FORK_LOOK_S = 0.05
"""How often, while something waits for it to be forked from, the zygote is looked at."""

PROGRAMS: Mapping[str, Sequence[str]] = {
    "migrate": [sys.executable, "-m", "chengyun.run.migrate"],
    "web": [sys.executable, "-m", "chengyun.run.serve", "web"],
    "stream": [sys.executable, "-m", "chengyun.run.serve", "stream"],
    "protocols": [sys.executable, "-m", "chengyun.run.serve", "protocols"],
    "jobs": [sys.executable, "-m", "chengyun.run.jobs"],
    "zygote": [sys.executable, "-m", "chengyun.run.zygote", "chengyun.run.preload:load"],
}
"""What is run beside the database; "migrate" ends by itself, its last line of output a JSON object; the others are forked from
"zygote" where there is one."""


def up(config: Config, programs: Mapping[str, Sequence[str]] = PROGRAMS) -> int:
    """Run until told to stop. Raises Refused or Unavailable with the sentence that says why it cannot."""
    with folder.locked(config), _signals() as signals:
        folder.check_disk(config.data)
        folder.clear_after_kill(config)
        for port, setting in (
            (config.port, "CHENGYUN_PORT"),
            (config.stream_port, "CHENGYUN_STREAM_PORT"),
            (config.protocols_port, "CHENGYUN_PROTOCOLS_PORT"),
        ):
            _check_port(config.host, port, setting)
        house = _House(config, signals, programs)
        try:
            house.start()
            house.watch()
        finally:
            house.stop()
    return 0


class _Stopped(Exception):
    """A signal asked us to stop while we were starting."""


class _Signals:
    """SIGINT, SIGTERM and SIGCHLD as something to wait for."""

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe
        self.stop = False

    def wait(self, seconds: float) -> None:
        """Return after a signal or the given time."""
        if select.select([self._pipe], [], [], max(seconds, 0))[0]:
            received = self._pipe.recv(256)
            self.stop = self.stop or signal.SIGINT in received or signal.SIGTERM in received

    def wait_or_stop(self, seconds: float) -> None:
        self.wait(seconds)
        if self.stop:
            raise _Stopped


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    reads, writes = socket.socketpair()
    writes.setblocking(False)
    kept = {sig: signal.signal(sig, lambda *_: None) for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
    old = signal.set_wakeup_fd(writes.fileno(), warn_on_full_buffer=False)
    try:
        yield _Signals(reads)
    finally:
        signal.set_wakeup_fd(old)
        for sig, handler in kept.items():
            signal.signal(sig, handler)
        reads.close()
        writes.close()


class _House:
    """The processes of one data folder."""

    def __init__(self, config: Config, signals: _Signals, programs: Mapping[str, Sequence[str]]) -> None:
        self.config = config
        self.signals = signals
        self.started = dt.datetime.now(dt.UTC)
        self.pgdata = config.data / "db"
        self.database_url = config.database_url or db.url(self.pgdata)
        self.log = config.data / "log"
        env = {
            "CHENGYUN_DATA": str(config.data), "CHENGYUN_DATABASE_URL": self.database_url, "CHENGYUN_HOST": config.host,
            "CHENGYUN_PORT": str(config.port), "CHENGYUN_STREAM_PORT": str(config.stream_port),
            "CHENGYUN_PROTOCOLS_PORT": str(config.protocols_port),
        }  # fmt: skip
        self.zygote: Zygote | None = None
        if "zygote" in programs and config.fork and take_in_orphans():
            self.zygote = Zygote("zygote", programs["zygote"], self.log, env)
        self.migration = Child("migrate", programs["migrate"], self.log, env, keep_output=True, zygote=self.zygote)
        names = ("web", "stream", "protocols", "jobs")
        self.workers = [Child(name, programs[name], self.log, env, zygote=self.zygote) for name in names]
        self.database: Child | None = None
        if config.database_url is None:
            self.database = db.child(self.pgdata, self.log)
        self.disk_low = False

    @property
    def children(self) -> list[Child]:
        return [*([self.database] if self.database else []), *([self.zygote] if self.zygote else []), *self.workers]

    def start(self) -> None:
        """Start everything and say so in one line when pages and observations are served."""
        begun = time.monotonic()
        self.log.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(_Stopped):
            if self.zygote is not None:
                self.zygote.start()  # it loads while the database starts
            self._start_database()
            while self.zygote is not None and not self.zygote.settled():
                self.signals.wait_or_stop(0.02)
            told = self._migrate()
            for child in self.workers:
                child.start()
            self.write_state()
            self._wait_healthy()
            host = "127.0.0.1" if self.config.host in ("0.0.0.0", "::") else self.config.host  # noqa: S104
            address = f"http://{host}:{self.config.port}"
            took = f"{time.monotonic() - begun:.1f} s, data in {self.config.data}"
            print(f"chengyun is ready: {address} ({took})", flush=True)
            for sentence in told.get("notes", ()):
                print(sentence, file=sys.stderr, flush=True)
            if told.get("first_sign_in"):
                print(f"Sign in as the first administrator, once, at {address}{told['first_sign_in']}", flush=True)

    def _start_database(self) -> None:
        if self.database is None:
            db.check_server(self.database_url)
            return
        db.prepare(self.pgdata)
        self.database.start()
        self.write_state()
        db.wait_ready(self.pgdata, self.database, READY_WITHIN_S, pause=self.signals.wait_or_stop)

    def _migrate(self) -> dict[str, Any]:
        self.migration.start()
        while not self.migration.ended():
            self.signals.wait_or_stop(1.0)
        lines = self.migration.output().splitlines()
        if not lines:
            raise Unavailable(
                f"The database was not brought up to date: {self.migration.last_words()} See {self.migration.log_file}."
            )
        told: dict[str, Any] = json.loads(lines[-1])
        if "problem" in told:
            raise Refused(told["problem"], code=told["code"])
        return told

    def _wait_healthy(self) -> None:
        end = time.monotonic() + READY_WITHIN_S
        waiting = {"web": self.config.port, "stream": self.config.stream_port, "protocols": self.config.protocols_port}
        while waiting:
            for name in [name for name, port in waiting.items() if self._healthy(port)]:
                del waiting[name]
            self.keep()
            for child in self.workers:
                if child.restarts >= 3:
                    raise Unavailable(f"{child.name} ends again and again: {child.last_words()} See {child.log_file}.")
            if time.monotonic() > end:
                names = " and ".join(waiting)
                raise Unavailable(f"{names} did not answer within {READY_WITHIN_S:.0f} s; see the logs in {self.log}.")
            if waiting:
                self.signals.wait_or_stop(0.05)

    def _healthy(self, port: int) -> bool:
        host = "127.0.0.1" if self.config.host in ("0.0.0.0", "::") else self.config.host  # noqa: S104
        asked_as = next((name for name in self.config.allowed_hosts if "*" not in name), "localhost").lstrip(".")
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/health", headers={"Host": asked_as})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def watch(self) -> None:
        """Keep the children running until a signal asks us to stop."""
        look_at = time.monotonic()
        while not self.signals.stop:
            due = self.keep()
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_EVERY_S
                self._look()
            self.signals.wait(min(due, look_at - time.monotonic()))

    def keep(self) -> float:
        """Start again what has ended and is due; return the seconds until the next one is due."""
        changed = False
        due = LOOK_EVERY_S
        for child in self.children:
            if child.ended() and not self.signals.stop:
                if child.zygote is not None and not child.zygote.settled():
                    due = FORK_LOOK_S
                elif child.due_in() <= 0:
                    if child.name == "db":
                        db.prepare(self.pgdata)
                    child.start_again()
                    print(f"{child.name} ended and was started again; see {child.log_file}.", file=sys.stderr, flush=True)
                    changed = True
                else:
                    due = min(due, child.due_in())
        bury_strangers({child.pid for child in (self.migration, *self.children) if child.pid})
        if changed:
            self.write_state()
        return due

    def _look(self) -> None:
        free = folder.free_bytes(self.config.data)
        low = free < folder.WARN_BELOW
        if low != self.disk_low:
            self.disk_low = low
            word = "is low" if low else "is enough again"
            print(f"Disk space {word}: {free / 1e6:.0f} MB free at {self.config.data}.", file=sys.stderr, flush=True)
        for child in self.children:
            child.rotate_log()

    def write_state(self) -> None:
        folder.write_state(
            self.config,
            {
                "pid": os.getpid(), "started": self.started.isoformat(), "host": self.config.host, "port": self.config.port,
                "stream_port": self.config.stream_port, "protocols_port": self.config.protocols_port,
                "database_url": self.database_url,
                "children": {child.name: child.state() for child in self.children if child.pid},
            },
        )  # fmt: skip

    def stop(self) -> None:
        """Stop the workers, then the database."""
        served = [self.migration, *self.workers, *([self.zygote] if self.zygote else [])]
        for child in served:
            child.ask_to_stop()
        for child in served:
            child.wait_stopped(10)
        if self.database is not None:
            self.database.ask_to_stop()
            self.database.wait_stopped(30)
        self.config.state_file.unlink(missing_ok=True)


def _check_port(host: str, port: int, setting: str) -> None:
    """Raise Refused when we cannot serve on a port. Ports of a supervisor killed just now are given time to clear."""
    end = time.monotonic() + 2
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the server will: connections of a former run that linger in TIME_WAIT do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError as wrong:
                if isinstance(wrong, socket.gaierror) or wrong.errno == errno.EADDRNOTAVAIL:
                    raise Refused(
                        f"CHENGYUN_HOST is {host!r}, which is no address of this machine. Write 127.0.0.1, one of its own, "
                        "or 0.0.0.0 for all.",
                        code="host_unknown",
                    ) from wrong
                if wrong.errno == errno.EACCES:
                    raise Refused(
                        f"Port {port} may only be opened by root. Choose one above 1023 with {setting}, "
                        "and put a proxy in front.",
                        code="port_refused",
                    ) from wrong
                if time.monotonic() > end:
                    raise Refused(
                        f"Port {port} on {host} is not free ({wrong.strerror}). Choose another with {setting}, "
                        f"e.g. `{setting}={port + 10} chengyun up`.",
                        code="port_busy",
                    ) from wrong
        time.sleep(0.1)
