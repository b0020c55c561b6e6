# SPDX-License-Identifier: Apache-2.0
"""One supervised process: started, started again with patience, stopped, its words kept in a log."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from chengyun.run.process import dies_with_parent

if TYPE_CHECKING:
    from chengyun.run.zygote import Zygote

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 30.0
STEADY_AFTER_S = 10.0
"""A child that has run this long is steady: its next end is a first one again."""
LOG_LIMIT = 20_000_000
FRUGAL = {
    "MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system", "JE_ARROW_MALLOC_CONF": "background_thread:false",
}  # fmt: skip
"""glibc's allocator keeps one pool a thread and gives little back: 125 of 796 MB of all processes at rest were its reserve.
Arrow brings an allocator of its own, which would keep another, and starts a thread for it even where it is not used."""


def as_user(name: str | None) -> dict[str, Any]:
    """Return subprocess's arguments for running as a system user, without any of our groups; {} for ourselves."""
    if name is None:
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


class Running(Protocol):
    """What a Child asks of its process, as subprocess.Popen has it."""

    @property
    def pid(self) -> int: ...
    @property
    def stdout(self) -> IO[bytes] | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...


class Child:
    """A program, run in a process group of its own (so that Ctrl-C reaches only us) and bound to our life.

    stop_with: the signal that asks it to stop cleanly; also sent by the kernel when we are killed.
    user: system user to run it as; None: ours.
    keep_output: stdout is kept for output() instead of going to the log.
    zygote: who forks it instead, when it is ready and has the program loaded.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        *,
        stop_with: signal.Signals = signal.SIGTERM,
        user: str | None = None,
        keep_output: bool = False,
        zygote: Zygote | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log_file = log / f"{name}.log"
        self.env = {**FRUGAL, **os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self.stop_with = stop_with
        self.user = user
        self.keep_output = keep_output
        self.zygote = zygote
        self.restarts = 0
        self.exit_code: int | None = None
        self._process: Running | None = None
        self._since = 0.0
        self._started_at = dt.datetime.now(dt.UTC)
        self._failures = 0
        self._due: float | None = None
        self._log_from = 0
        self._former_words = ""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it; its log is appended to."""
        with open(self.log_file, "ab") as log:
            self._log_from = log.tell()
            forked = self.zygote.fork(self.command, log, keep_output=self.keep_output) if self.zygote else None
            self._process = forked or self._alone(log)
        self.exit_code = None
        self._since = time.monotonic()
        self._started_at = dt.datetime.now(dt.UTC)
        self._due = None

    def _alone(self, log: IO[bytes], stdin: int = subprocess.DEVNULL) -> Running:
        return subprocess.Popen(
            self.command,
            env=self.env,
            **as_user(self.user),
            stdin=stdin,
            stdout=subprocess.PIPE if self.keep_output else log,
            stderr=log,
            cwd="/",
            process_group=0,
            preexec_fn=dies_with_parent(self.stop_with),
        )

    def start_again(self) -> None:
        """Start it after it has ended; what it said last is remembered."""
        self._former_words = self.last_words()
        self.start()
        self.restarts += 1

    def ended(self) -> bool:
        """Say whether it has ended; the first time, decide when it is due again."""
        if self._process is None:
            return False
        self.exit_code = self._process.poll()
        if self.exit_code is None:
            return False
        if self._due is None:
            steady = time.monotonic() - self._since >= STEADY_AFTER_S
            self._failures = 1 if steady else self._failures + 1
            self._due = time.monotonic() + min(FIRST_DELAY_S * 2 ** (self._failures - 1), LONGEST_DELAY_S)
        return True

    def due_in(self) -> float:
        """Return the seconds until it should be started again, after it has ended."""
        return (self._due or 0.0) - time.monotonic()

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self.stop_with)

    def wait_stopped(self, within_s: float) -> None:
        """Wait for its end; after the given time it is killed with everything it started."""
        if self._process is None:
            return
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def output(self) -> str:
        """Return what it printed, once it has ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as out:
            return out.read().decode()

    def says(self, words: str) -> bool:
        """Say whether its log holds these words since it was started last."""
        return words in self._words()

    def last_words(self) -> str:
        """Return the last line of its log since it was started last, or of its former life while it is silent."""
        lines = self._words().strip().splitlines()
        if lines:
            return f"{lines[-1].strip().rstrip('.')}."
        if self.exit_code is None and self._former_words:
            return self._former_words
        return f"it ended with code {self.exit_code} and said nothing."

    def _words(self) -> str:
        with open(self.log_file, "rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def rotate_log(self) -> None:
        """Keep the log's last part in `<name>.log.1` when it has grown long; the child goes on appending."""
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT:
            shutil.copyfile(self.log_file, self.log_file.with_suffix(".log.1"))
            os.truncate(self.log_file, 0)
            self._log_from = 0

    def state(self) -> dict[str, Any]:
        return {"pid": self.pid, "since": self._started_at.isoformat(), "restarts": self.restarts}
