# SPDX-License-Identifier: Apache-2.0
"""What Linux knows about processes: dying with a parent, taking in orphans, memory, whether a pid still is what it was."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""
ARG_START = 45
"""Place of arg_start, and of arg_end after it, in /proc/<pid>/stat behind the name (proc(5): the 48th field)."""

MADV_DONTNEED = 4
"""asm-generic/mman-common.h"""

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dies_with_parent(sig: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """Return what a new child runs before its program: the kernel then sends it `sig` when its parent ends, however it ends.

    parent: its pid; None: this process.
    """
    parent = parent or os.getpid()

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask
            os.kill(os.getpid(), sig)

    return ask


def take_in_orphans() -> bool:
    """Become the parent of every descendant whose own parent ends; say whether the system does that."""
    return _libc is not None and _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def bury_strangers(ours: Collection[int]) -> None:
    """Take note of the end of children that nobody here waits for, orphans taken in; ours: pids somebody waits for."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid in ours:
            return
        os.waitpid(found.si_pid, os.WNOHANG)


def show_as(words: Sequence[str]) -> None:
    """Let `ps` show these words as our command, as far as there is room where our own stood."""
    try:
        places = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return
    begin, end = int(places[ARG_START]), int(places[ARG_START + 1])
    shown = b"\0".join(os.fsencode(word) for word in words)
    if not begin:
        return  # a system that does not tell
    # Its last byte stays zero: the kernel would go on reading behind it otherwise.
    room = end - begin - 1
    ctypes.memset(begin, 0, room)
    ctypes.memmove(begin, shown[:room], min(len(shown), room))


def give_back() -> None:
    """Give the system what this process does not use now: free memory, and its view of libraries that it is not running.

    Libraries stay in the system's cache of files: what is run again is seen again, without being read from the disk.
    """
    if _libc is None:
        return
    trim = getattr(_libc, "malloc_trim", None)  # another C library does it by itself or not at all
    if trim is not None:
        trim(0)
    smaps = Path("/proc/self/smaps")
    # Looked at twice: a library that another thread is loading just now stands there whole for a moment, as if it were not
    # going to be changed.
    for start, size in unchanged_libraries(smaps.read_text()) & unchanged_libraries(smaps.read_text()):
        _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), MADV_DONTNEED)


def unchanged_libraries(smaps: str) -> set[tuple[int, int]]:
    """Return address and bytes of what is mapped from libraries, cannot be written and has never been.

    smaps: as in proc(5). A page that was changed and swapped out since counts nowhere but under Swap.
    """
    found, place, changed = set(), None, 0
    for line in [*smaps.splitlines(), "0-0 ---p 0 0 0"]:
        first, _, rest = line.partition(" ")
        if first.endswith(":"):
            if first in ("Anonymous:", "Private_Dirty:", "Shared_Dirty:", "Swap:"):
                changed += int(rest.split()[0])
            continue
        if place is not None and not changed:
            found.add(place)
        start, end = (int(address, 16) for address in first.split("-"))
        words, place, changed = rest.split(), None, 0
        if words[0][:2] == "r-" and len(words) > 4 and ".so" in words[-1]:
            place = start, end - start
    return found


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
