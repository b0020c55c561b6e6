# SPDX-License-Identifier: Apache-2.0
"""Files named by their content: `<stem>.<first 32 digits of the SHA-256>.parquet`, so that a copy can be verified anywhere."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import IO

__all__ = ["digest", "digest_of", "named", "sync", "told_digest"]

DIGITS = 32


def digest(path: Path) -> str:
    """Return what a file's name says of its content: the first half of its SHA-256."""
    with open(path, "rb") as file:
        return digest_of(file)


def digest_of(file: IO[bytes]) -> str:
    """Return the digest of an open file, read from where it stands to its end."""
    return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]  # type: ignore[arg-type]  # readinto is enough


def named(stem: str, told: str) -> str:
    """Return the path of a Parquet file with this stem and digest."""
    return f"{stem}.{told}.parquet"


def told_digest(path: str) -> str | None:
    """Return the digest in a file's name; None for metadata, and for a file written before names had one."""
    found = re.fullmatch(rf"[^.]+\.([0-9a-f]{{{DIGITS}}})\.parquet", os.path.basename(path))
    return found[1] if found else None


def sync(path: Path) -> None:
    """Make a file, or a folder's list of names, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
