# SPDX-License-Identifier: Apache-2.0
"""Copies of an object store's files on this machine: what DuckDB reads, since it fetches no extension at run time.

A copy is good for ever, because files are never changed: one goes by the digest in its name, or by its path. Together they
stay below a bound; the one not used for longest goes first, but none that was used within the last minutes, since a reader
may have it open still. One read that needs more than the bound is served all the same.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import uuid
from pathlib import Path

from chengyun.lake import content

__all__ = ["Copies"]

IN_USE_S = 15 * 60
"""Longer than any read holds its files, in seconds."""
ABANDONED_S = 24 * 3600
"""After so long a draft has no writer any more."""


class Copies:
    """The copies below a folder, shared by the processes of this machine. bound: in bytes."""

    def __init__(self, folder: Path, bound: int) -> None:
        self.folder, self.bound = folder, bound
        self._lock = threading.Lock()

    def draft(self) -> Path:
        """Return a path of its own for something that is being written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{uuid.uuid4().hex}.half"

    def find(self, path: str) -> Path | None:
        """Return the copy of a file, marked as used; None when there is none."""
        copy = self._copy(path)
        try:
            os.utime(copy)
        except FileNotFoundError:
            return None
        return copy

    def take(self, draft: Path, path: str) -> Path:
        """Make a whole draft the copy of a file, and let older copies go."""
        copy = self._copy(path)
        draft.rename(copy)
        self._make_room()
        return copy

    def _copy(self, path: str) -> Path:
        told = content.told_digest(path)
        return self.folder / (f"{told}.parquet" if told else hashlib.sha256(path.encode()).hexdigest()[:40])

    def _make_room(self) -> None:
        with self._lock:
            found = []
            for entry in os.scandir(self.folder):
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue  # another process let it go
                found.append((stat.st_mtime, stat.st_size, entry.path, entry.name.endswith(".half")))
            total, now = sum(size for _, size, _, _ in found), time.time()
            for used, size, path, is_draft in sorted(found):
                over = total > self.bound and used < now - IN_USE_S
                if used < now - ABANDONED_S if is_draft else over:
                    Path(path).unlink(missing_ok=True)
                    total -= size
