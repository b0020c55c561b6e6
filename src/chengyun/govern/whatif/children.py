# SPDX-License-Identifier: Apache-2.0
"""A command of ours in a process of its own, which ends with everything it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

__all__ = ["run_apart"]


def run_apart(words: list[str], within_s: float) -> str:
    """Run `chengyun` with these words; return what it said last, or how it ended without a word.

    Out of time, it is ended with its children: a simulator would go on by itself.
    """
    command = [sys.executable, "-m", "chengyun.cli", *words]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            _, said = child.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return f"it took more than {within_s:g} s; ask for less"
    return (said.strip().splitlines() or [f"its process ended with {child.returncode}"])[-1]
