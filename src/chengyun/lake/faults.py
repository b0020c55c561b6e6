# SPDX-License-Identifier: Apache-2.0
"""Named steps at which a test may kill the process: between any two of them a crash must lose and double nothing.

CHENGYUN_LAKE_DIE_AT=<name> or <name>:<n> kills at the n-th time the step is reached (default 1). Unset: nothing happens.
"""

from __future__ import annotations

import os
import signal

STEPS = (
    "closed", "read", "file-half-written", "file-written", "files-written", "metadata-written", "committed", "marked",
    "dropped", "merge-written", "merged",
)  # fmt: skip
LOAD_STEPS = ("file-half-written", "file-written", "files-written", "metadata-written", "history-staged", "history-committed")
"""Steps of loading history."""
EVOLVE_STEPS = ("evolve-staged", "evolve-hot", "evolve-written")
"""Steps of bringing tables to a changed declaration."""
CARE_STEPS = ("metadata-written", "care-staged", "care-published", "care-settled")
"""Steps of taking months out and of restoring a snapshot."""
MOVE_STEPS = ("copy-half-written", "care-copied", "care-staged", "care-published")
"""Steps of moving files to another place."""

_reached: dict[str, int] = {}


def step(name: str) -> None:
    """Pass, or die as by power loss (SIGKILL) when a test asked for it."""
    wanted = os.environ.get("CHENGYUN_LAKE_DIE_AT")
    if wanted is None:
        return
    _reached[name] = _reached.get(name, 0) + 1
    target, _, times = wanted.partition(":")
    if name == target and _reached[name] == int(times or 1):
        os.kill(os.getpid(), signal.SIGKILL)
