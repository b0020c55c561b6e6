# SPDX-License-Identifier: Apache-2.0
"""Where a neighbour's file is put together, chunk by chunk, and whose it is meanwhile.

    <data>/mirror/<number>/asked      what was asked for, locked by the process that brings it in
                          /00000 …    its parts, as far as they have come

Who was killed leaves a folder that nobody has locked: the next who asks the neighbour for the same goes on with it, as long as
the neighbour keeps the file. After two days it is swept.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from chengyun.config import config, make_folder
from chengyun.errors import Malformed, Refused

__all__ = ["MOST_CHUNK", "Pieces", "begin", "checked", "left_over", "sweep"]

MOST_CHUNK = 64 * 1024 * 1024
"""A chunk is in memory whole: four times what this program sends, and no more, whatever a neighbour says."""
KEPT = dt.timedelta(days=2)
SPARED = 200_000_000
"""Bytes of the disk that a file leaves free: the database stops without them."""
_NUMBER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Pieces:
    """A folder that is ours until it is closed or removed."""

    def __init__(self, path: Path, handle: IO[str]) -> None:
        self.path, self._handle = path, handle

    @property
    def number(self) -> str:
        return self.path.name

    @property
    def asked(self) -> Any:
        self._handle.seek(0)
        try:
            return json.loads(self._handle.read())
        except ValueError:  # whoever made it was killed before it was written
            return None

    def close(self) -> None:
        """Let go of it; what it holds stays."""
        self._handle.close()

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()


def begin(number: str, asked: Mapping[str, Any]) -> Pieces:
    """Make the folder of a file. Raises Malformed for a number that would be another folder: it is removed in the end."""
    if not _NUMBER.fullmatch(number):
        raise Malformed(f"The neighbour calls its file {number[:64]!r}, expected a number such as {uuid.UUID(int=0)}.")
    make_folder(_root() / number)
    made = _take(_root() / number)
    if made is None:
        raise Refused(f"The file {number} is being brought in by another process.", code="busy")
    (made.path / "asked").write_text(json.dumps(asked))
    return made


def left_over(asked: Mapping[str, Any]) -> Pieces | None:
    """Return what somebody who asked for the same left when he was killed; None where there is nothing, or it has its owner."""
    for one in _unowned():
        if one.asked == asked:
            return one
        one.close()
    return None


def sweep(now: dt.datetime) -> int:
    """Remove what nobody owns and nobody has written to for two days; return how many files it was of."""
    gone = 0
    for one in _unowned():
        newest = max(path.stat().st_mtime for path in (one.path, *one.path.iterdir()))
        if now - dt.datetime.fromtimestamp(newest, dt.UTC) > KEPT:
            one.remove()
            gone += 1
        else:
            one.close()
    return gone


def checked(manifest: Any, number: str) -> Mapping[str, Any]:
    """Return a manifest whose numbers fit each other. Raises Malformed, and Refused where the disk has no room for it."""
    try:
        name, chunk = manifest["file"], manifest["chunk"]
        sizes = [(part["bytes"], len(part["chunks"]), part["rows"]) for part in manifest["parts"]]
        whole = all(type(number) is int and number >= 0 for number in (chunk, *(it for size in sizes for it in size)))
    except (LookupError, TypeError) as wrong:
        raise Malformed("The neighbour's manifest lacks file, chunk, or the bytes, chunks and rows of its parts.") from wrong
    if name != number:
        raise Malformed(f"The neighbour's manifest is of the file {str(name)[:64]!r}, expected {number}.")
    if not whole or not 0 < chunk <= MOST_CHUNK:
        raise Malformed(f"The neighbour's chunks are of {str(chunk)[:40]} bytes, expected 1 to {MOST_CHUNK}.")
    if any(count != -(-size // chunk) for size, count, _rows in sizes):
        raise Malformed("The parts of the neighbour's manifest have other numbers of chunks than their bytes need.")
    size, free = sum(size for size, *_ in sizes), shutil.disk_usage(config().data).free
    if size > free - SPARED:
        raise Refused(
            f"The neighbour's file has {size:,} bytes; the disk of {config().data} has {free:,} free. Make room, and fill again.",
            code="disk",
        )
    return dict(manifest)


def _root() -> Path:
    return config().data / "mirror"


def _unowned() -> Iterator[Pieces]:
    """Yield the folders nobody has locked, each locked for whoever gets it, newest first."""
    if not _root().is_dir():
        return
    named = [path for path in _root().iterdir() if _NUMBER.fullmatch(path.name) and path.is_dir()]
    for path in sorted(named, key=lambda one: one.stat().st_mtime, reverse=True):
        found = _take(path)
        if found is not None:
            yield found


def _take(path: Path) -> Pieces | None:
    try:
        handle = (path / "asked").open("a+")
    except FileNotFoundError:  # its owner removed it just now
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    if not (path / "asked").exists():  # removed between opening and locking
        handle.close()
        return None
    return Pieces(path, handle)
