# SPDX-License-Identifier: Apache-2.0
"""Code run with Django in processes of its own that are there at once: forks of one that has started Django and waits.

    this process ── {"code", "out", "err"}, a line ──▶ python -m chengyun.bench.forks ── fork ──▶ runs it, ends
                 ◀── {"pid"}, then {"ended"}, lines ──

Starting Django takes two seconds of a processor and forking a hundredth; a measurement or a test asks an installation dozens of
times. Whoever waits has no connection, no thread and no state but what importing left, so a fork is what a new process would be.
It ends with whoever asked, whose end of the pipe closes then.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from chengyun.run.process import dies_with_parent

SERVER = (sys.executable, "-m", "chengyun.bench.forks")


class Forks:
    """A process that waits with Django started, and what its forks printed. env: the settings that it was started with."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = dict(env)
        self._busy = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="chengyun-forks-")
        self._errors = Path(self._folder.name) / "server"
        with open(self._errors, "wb") as errors:
            self._server = subprocess.Popen(SERVER, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)

    def run(self, code: str, within_s: float) -> subprocess.CompletedProcess[str]:
        """Run code in a process of its own, one at a time. Raises TimeoutExpired, and ends it, when it takes too long."""
        with self._busy:
            end = time.monotonic() + within_s
            out, err = (Path(self._folder.name) / name for name in ("out", "err"))
            told: dict[str, int] = {}
            try:
                assert self._server.stdin is not None
                self._server.stdin.write(json.dumps({"code": code, "out": str(out), "err": str(err)}).encode() + b"\n")
                self._server.stdin.flush()
                while "ended" not in told:
                    told |= self._answer(end)
            except (BrokenPipeError, EOFError):
                # Django did not start: it says why, as any process would have.
                return subprocess.CompletedProcess(SERVER, self._server.wait(10) or 1, "", self._errors.read_text())
            except TimeoutError:
                if "pid" in told:
                    os.kill(told["pid"], signal.SIGKILL)
                self.close()
                raise subprocess.TimeoutExpired(SERVER, within_s) from None
            return subprocess.CompletedProcess(SERVER, told["ended"], out.read_text(), err.read_text())

    def usable(self, env: Mapping[str, str]) -> bool:
        """Say whether it lives and has these settings."""
        return self._server.poll() is None and self.env == dict(env)

    def close(self) -> None:
        self._server.kill()
        self._server.wait()
        for pipe in (self._server.stdin, self._server.stdout):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()

    def _answer(self, end: float) -> dict[str, int]:
        assert self._server.stdout is not None
        if not select.select([self._server.stdout], [], [], max(end - time.monotonic(), 0))[0]:
            raise TimeoutError
        lines = os.read(self._server.stdout.fileno(), 4096).splitlines()
        if not lines:
            raise EOFError
        told: dict[str, int] = {}
        for line in lines:
            told |= json.loads(line)
        return told


def serve(asked: IO[bytes], answers: int) -> str:
    """Fork for each line that comes until there are no more. Returns, in each fork, the code it is to run; in the end none."""
    for line in iter(asked.readline, b""):
        order: dict[str, str] = json.loads(line)
        tie = dies_with_parent(signal.SIGKILL)
        pid = os.fork()
        if pid == 0:
            tie()
            for number, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
                opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(opened, number)
                os.close(opened)
            return order["code"]
        os.write(answers, json.dumps({"pid": pid}).encode() + b"\n")
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(answers, json.dumps({"ended": ended}).encode() + b"\n")
    return ""


if __name__ == "__main__":
    from chengyun.run.setup import django

    django()
    exec(compile(serve(sys.stdin.buffer, os.dup(1)), "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  it is what we are for
