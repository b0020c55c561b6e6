# SPDX-License-Identifier: Apache-2.0
"""What Linux knows about processes: dying with a parent, memory, whether a pid still is what it was."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dies_with_parent(sig: signal.Signals) -> Callable[[], None]:
    """Return what a new child runs before its program: the kernel then sends it `sig` when this process ends, however it ends."""
    parent = os.getpid()

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask
            os.kill(os.getpid(), sig)

    return ask


def memory_bytes(pid: int, *, alone: bool = False) -> int | None:
    """Return the proportional set size of a process and (unless alone) its descendants; None when it has gone.

    Pages shared by several processes count by their share, so that the sum over all of ours is what they take together.
    """
    try:
        first = psutil.Process(pid)
        tree = [first] if alone else [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return None
    return sum(_pss(process.pid) for process in tree)


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        # Another user's process (the database, when we are not root), or it ended just now.
        try:
            return int(psutil.Process(pid).memory_info().rss)
        except psutil.Error:
            return 0
    return 0


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended but was not yet waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
