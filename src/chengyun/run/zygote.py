# SPDX-License-Identifier: Apache-2.0
"""The process the others are forked from: it has loaded what they all need, once, and does nothing else.

    supervisor ──order: program, log──▶ zygote ──fork──▶ in between ──fork──▶ web | protocols | jobs | …
               ◀──its pid──────────────                   (ends at once: the kernel gives what it leaves to the supervisor)

What it has loaded is in memory once for all of them, and a process that was killed is there again without loading. It answers
nobody else, holds no connection, no thread and no open file, and is no process's parent: it may end at any moment, and nothing
follows from that but that it is started again. A program is forked exactly as `python -m` would have started it, and is
started so where forking is not possible.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from chengyun.errors import Problem, Unavailable
from chengyun.run.child import Child, Running
from chengyun.run.process import dies_with_parent, give_back, show_as

READY = b"ready"
GO = b"go"
READY_WITHIN_S = 60.0
"""After this others start alone: loading by themselves would have taken no longer."""
HOPELESS = 2
FORK_WITHIN_S = 10.0
LONGEST_ORDER = 65_536
YOUNG = 10_000
"""Objects made before the collector looks at them: a group of messages makes some thousands, which go by themselves."""


class Zygote(Child):
    """The zygote as the supervisor sees it: a child that forks others."""

    _control: socket.socket | None = None
    _stdin = subprocess.DEVNULL
    _ready = False
    _vain = 0
    """How hopeless it is: lives in a row that ended before it was ready, twice for one that it ended itself."""

    def start(self) -> None:
        if self._control is not None:
            self._control.close()
            self._vain = self._vain_by_now()
        self._ready = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(FORK_WITHIN_S)
        with theirs:
            self._stdin = theirs.fileno()
            super().start()

    def _alone(self, log: IO[bytes], stdin: int = subprocess.DEVNULL) -> Running:  # noqa: ARG002
        return super()._alone(log, self._stdin)

    def settled(self) -> bool:
        """Say whether nobody needs to wait for it: it is ready, or it is not going to be soon."""
        if self._process is None or self._control is None:
            return True
        if not self._ready and select.select([self._control], [], [], 0)[0]:
            with contextlib.suppress(OSError):
                self._ready = self._control.recv(LONGEST_ORDER) == READY
        if self.ended():
            return self._vain_by_now() >= HOPELESS
        return self._ready or self._vain >= HOPELESS or time.monotonic() > self._since + READY_WITHIN_S

    def _vain_by_now(self) -> int:
        if self._ready:
            return 0
        return self._vain + (1 if (self.exit_code or 0) < 0 else 2)

    def fork(self, command: Sequence[str], log: IO[bytes], *, keep_output: bool = False) -> Running | None:
        """Return a program of ours as a new child of this process; None when it is to be started alone.

        It goes to work only when we know of it: whatever happens in between, no program runs twice.
        """
        if not self.settled() or not self._ready or self.ended() or self._control is None:
            return None
        if list(command[:2]) != [sys.executable, "-m"]:
            return None
        go, say_go = os.pipe()
        kept, out = os.pipe() if keep_output else (None, os.dup(log.fileno()))
        try:
            socket.send_fds(self._control, [json.dumps(command[2:]).encode()], [out, log.fileno(), go])
            pid = int(self._control.recv(LONGEST_ORDER))
            os.write(say_go, GO)
        except (OSError, ValueError):
            # It is of no use any more. What it may have forked ends by itself, never having been told to go.
            self.send_away()
            if kept is not None:
                os.close(kept)
            return None
        finally:
            for opened in (go, say_go, out):
                os.close(opened)
        return Forked(pid, None if kept is None else os.fdopen(kept, "rb"))

    def send_away(self) -> None:
        """Kill it; it is started again as anything that ends."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)


class Forked:
    """A process forked for us, which the kernel has made our child."""

    def __init__(self, pid: int, stdout: IO[bytes] | None) -> None:
        self.pid = pid
        self.stdout = stdout
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.005)
        return code

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def serve(control: socket.socket, supervisor: int) -> list[str] | None:
    """Fork what is ordered. Returns the order in each process that was forked; None when nobody gives orders any more."""
    control.send(READY)
    while True:
        asked, fds, _, _ = socket.recv_fds(control, LONGEST_ORDER, 3)
        if not asked:
            return None
        reads, writes = os.pipe()
        between = os.fork()
        if between == 0:
            born = os.fork()
            if born:
                os.write(writes, str(born).encode())
                os._exit(0)
            os.close(reads)
            os.close(writes)
            control.close()
            _settle_in(fds, supervisor)
            return list(json.loads(asked))
        os.close(writes)
        # Reaped before the answer: from then on the supervisor is the parent of what was forked.
        os.waitpid(between, 0)
        control.send(os.read(reads, 32))
        for opened in (reads, *fds):
            os.close(opened)


def _settle_in(fds: list[int], supervisor: int) -> None:
    """Become, in a process just forked, what the supervisor's Popen would have made: see Child."""
    out, err, go = fds
    os.setpgid(0, 0)
    if os.read(go, len(GO)) != GO:
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, at in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(given, at)
    for opened in (nothing, *fds):
        os.close(opened)
    dies_with_parent(signal.SIGTERM, supervisor)()


def run(words: list[str]) -> None:
    """Run a program as `python -m` does, in this process."""
    sys.argv = [words[0], *words[1:]]
    show_as([sys.executable, "-m", *words])
    gc.enable()
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def load(target: str) -> None:
    """Load what is to be shared: `module:function`. Raises Unavailable when something was started or opened by it.

    Only memory is shared well: a thread is not in the process that is forked, and a connection would be in two.
    """
    before = _opened()
    gc.disable()
    module, _, function = target.partition(":")
    getattr(import_module(module), function)()
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        raise Unavailable(f"{threads - 1} threads run after loading {target}, so nothing can be forked from it.")
    if more := _opened() - before:
        raise Unavailable(f"{', '.join(sorted(more))} is open after loading {target}, so nothing can be forked from it.")
    gc.collect()
    spare_the_loaded()
    give_back()


def spare_the_loaded() -> None:
    """Let the collector never look at what is there now, whose pages its marks would copy, and less often at what comes."""
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def _opened() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing itself
            found.add(os.readlink(one))
    return found


def main(words: Sequence[str]) -> Any:
    supervisor = os.getppid()
    # A duplicate: standard input becomes nothing in what is forked.
    control = socket.socket(fileno=os.dup(0))
    for target in words[:1]:
        load(target)
    order = serve(control, supervisor)
    if order is not None:
        run(order)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Problem as problem:
        print(problem.sentence, file=sys.stderr)
        sys.exit(1)
