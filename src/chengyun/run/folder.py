# SPDX-License-Identifier: Apache-2.0
"""The data folder of one installation: one supervisor at a time, what runs in it, and room on its disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chengyun.config import Config, make_folder
from chengyun.errors import Refused, Unavailable
from chengyun.run.process import is_alive

REFUSE_BELOW = 200_000_000
"""Free bytes without which nothing starts: PostgreSQL stops hard when it cannot write its log of changes."""
WARN_BELOW = 1_000_000_000


@contextlib.contextmanager
def locked(config: Config) -> Iterator[None]:
    """Hold the data folder. Raises Refused naming the process that holds it. The kernel lets go when we end, however."""
    make_folder(config.data)
    path = config.state_file.parent
    path.mkdir(exist_ok=True)
    with open(path / "lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            state = config.running() or {}
            raise Refused(
                f"chengyun already runs on {config.data} (process {state.get('pid', 'unknown')}, "
                f"http://{state.get('host', config.host)}:{state.get('port', config.port)}). "
                "Stop it first, or choose another folder with --data.",
                code="already_running",
            ) from held
        yield


def write_state(config: Config, state: Mapping[str, Any]) -> None:
    """Publish what runs; a reader sees the whole of it or what was there before."""
    fresh = config.state_file.with_suffix(".new")
    fresh.write_text(json.dumps(state, indent=1))
    fresh.chmod(0o600)
    fresh.replace(config.state_file)


def clear_after_kill(config: Config, within_s: float = 30.0) -> None:
    """Wait for the children of a supervisor that was killed; the kernel told them to stop. Raises Unavailable when one stays."""
    state = config.running()
    if state is None:
        return
    left = {name: int(child["pid"]) for name, child in state.get("children", {}).items()}
    end = time.monotonic() + within_s
    while alive := {name: pid for name, pid in left.items() if is_alive(pid) and _is_ours(pid)}:
        if time.monotonic() > end:
            name, pid = next(iter(alive.items()))
            raise Unavailable(
                f"{name} of a former run is still stopping (process {pid}). Wait for it, or end it with `kill -9 {pid}`."
            )
        time.sleep(0.1)
    config.state_file.unlink(missing_ok=True)


def _is_ours(pid: int) -> bool:
    """Say whether a pid still is one of our programs: numbers are used again, most of all in containers."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"chengyun.run" in command or b"postgres" in command


def free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


def check_disk(path: Path) -> None:
    """Raise Refused when there is too little room to start."""
    free = free_bytes(path)
    if free < REFUSE_BELOW:
        raise Refused(
            f"Only {free / 1e6:.0f} MB are free on the disk of {path}; {REFUSE_BELOW / 1e6:.0f} MB are needed to start. "
            "Make room, or choose another folder with --data.",
            code="disk_full",
        )


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn an operating system's refusal to write into a sentence."""
    try:
        yield
    except OSError as wrong:
        where = wrong.filename or "the data folder"
        if wrong.errno in (errno.ENOSPC, errno.EDQUOT):
            sentence = f"The disk of {where} is full. Make room, or choose another folder with --data."
            raise Refused(sentence, code="disk_full") from wrong
        if wrong.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            sentence = f"{where} cannot be written: {wrong.strerror}. Mend its permissions, or choose another folder with --data."
            raise Refused(sentence, code="folder_unusable") from wrong
        raise
