# SPDX-License-Identifier: Apache-2.0
"""Files that only their owner reads, written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from chengyun.errors import Refused


def put(file: Path, content: bytes) -> None:
    """Write a file whole or not at all, and make sure it is on the disk."""
    made = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    made.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def require_private(file: Path) -> None:
    """Raise Refused when others than its owner may read a file."""
    if file.stat().st_mode & 0o077:
        raise Refused(f"{file} can be read by others than its owner. Close it: chmod 600 {file}", code="keystore_open")


def stamp(file: Path) -> tuple[int, int, int]:
    """Return what differs once a file was replaced."""
    found = file.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size
