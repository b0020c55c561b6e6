# SPDX-License-Identifier: Apache-2.0
"""What waits to be forwarded, in files that only grow: a record is safe once `sync` has returned.

    <number>.log   records in order, at most SEGMENT bytes of them
                   record = length (4) | checksum of all that follows (4) | number (8) | stream's length (2) | stream | body
    cursor         the number up to which everything was forwarded; replaced whole, synced before a segment is removed

A record torn by a power cut fails its checksum: it was never acknowledged, so the file is cut there. A segment is removed when
all of it is forwarded, or, where the disk's bound is reached, by the declared policy (docs/edge.md).
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from chengyun.errors import Refused, Unavailable

__all__ = ["Policy", "Record", "Store"]

SEGMENT = 4 * 1024 * 1024
LARGEST = 8 * 1024 * 1024
"""Bytes of one record; a sender of more sends it in parts."""
Policy = Literal["refuse", "drop-oldest"]

_HEAD = struct.Struct(">II")
_BEGIN = struct.Struct(">QH")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """What was taken in: number rises by one with each and is never used again."""

    number: int
    stream: str
    body: bytes


class Store:
    """One folder, one process at a time.

    most: bytes on disk. policy: what happens when that is reached: refuse what is new, or drop the oldest segment.
    dropped: records given up so far in this life, by that policy.
    """

    def __init__(self, folder: Path, *, most: int, policy: Policy = "refuse", segment: int = SEGMENT) -> None:
        self.folder = folder
        self._most = most
        self._policy: Policy = policy
        self._segment = min(segment, max(most // 4, 1))
        self.dropped = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder)
        self.id = self._read_id()
        """Tells this store's records from any other's, also from those of a store that was here before."""
        self.forwarded = self._read_cursor()
        self._segments = self._open_segments()
        """First number of each segment, in order → its size in bytes."""
        self.next = max(self._end_of_last(), self.forwarded + 1)
        self._safe = self.next - 1
        """Number of the last record on the disk; what is not there is not forwarded, for its number could be given again."""
        self._out: IO[bytes] | None = None
        self._unsynced = False

    def close(self) -> None:
        self.sync()
        if self._out is not None:
            self._out.close()
            self._out = None
        os.close(self._lock)

    @property
    def waiting(self) -> int:
        """Return how many records are not forwarded; those given up count no more."""
        first = next(iter(self._segments), self.next)
        return self.next - max(self.forwarded + 1, first)

    @property
    def size(self) -> int:
        return sum(self._segments.values())

    def append(self, stream: str, body: bytes) -> int:
        """Write a record behind the others and return its number; it is safe after `sync`. Raises Refused, Unavailable."""
        if len(body) > LARGEST:
            raise Refused(
                f"The body has {len(body)} bytes, at most {LARGEST} are taken. Send it in parts.", code="body_too_large"
            )
        name = stream.encode()
        rest = _BEGIN.pack(self.next, len(name)) + name + body
        record = _HEAD.pack(len(rest), zlib.crc32(rest)) + rest
        self._make_room(len(record))
        last = next(reversed(self._segments), None)
        if self._out is None or last is None or self._segments[last] >= self._segment:
            self.sync()
            self._begin_segment()
            last = self.next
        assert self._out is not None
        self._out.write(record)
        self._segments[last] += len(record)
        self._unsynced = True
        self.next += 1
        return self.next - 1

    def sync(self) -> None:
        """Return when everything appended is on the disk."""
        if self._unsynced and self._out is not None:
            self._out.flush()
            os.fsync(self._out.fileno())
            self._unsynced = False
            self._safe = self.next - 1

    def read(self, most: int) -> list[Record]:
        """Return the oldest synced records that are not forwarded, of at most so many bytes but at least one."""
        found: list[Record] = []
        size = 0
        firsts = list(self._segments)
        for place, first in enumerate(firsts):
            after = firsts[place + 1] if place + 1 < len(firsts) else self.next
            if after <= self.forwarded + 1:
                continue
            for record, _ in _records(self._file(first)):
                if record.number <= self.forwarded:
                    continue
                if record.number > self._safe:
                    return found
                size += len(record.body)
                if found and size > most:
                    return found
                found.append(record)
        return found

    def forward(self, number: int) -> None:
        """Remember that everything up to a number has arrived; whole segments before it are removed."""
        self.forwarded = max(self.forwarded, number)
        beside = self.folder / "cursor.new"
        with open(beside, "w") as out:
            out.write(f"{self.forwarded} {zlib.crc32(str(self.forwarded).encode())}\n")
            out.flush()
            os.fsync(out.fileno())
        beside.replace(self.folder / "cursor")
        _sync(self.folder)
        firsts = list(self._segments)
        for first, after in itertools.pairwise(firsts):
            if after <= self.forwarded + 1:
                self._remove(first)

    def _make_room(self, needed: int) -> None:
        while self.size + needed > self._most:
            if self._policy == "refuse" or len(self._segments) < 2:
                raise Unavailable("The edge store is full, because nothing could be forwarded for long.", code="full")
            firsts = list(self._segments)
            given_up = firsts[1] - max(firsts[0], self.forwarded + 1)
            self.dropped += given_up
            log.warning("the store is full: %d records from number %d on are given up", given_up, firsts[0])
            self._remove(firsts[0])

    def _remove(self, first: int) -> None:
        self._file(first).unlink(missing_ok=True)
        del self._segments[first]

    def _begin_segment(self) -> None:
        if self._out is not None:
            self._out.close()
        self._out = open(self._file(self.next), "ab")  # noqa: SIM115  it stays open as long as it grows
        self._segments[self.next] = 0
        _sync(self.folder)

    def _open_segments(self) -> dict[int, int]:
        found: dict[int, int] = {}
        files = sorted(self.folder.glob("*.log"))
        for file in files:
            first, good = int(file.stem), 0
            for _, end in _records(file):
                good = end
            if good < file.stat().st_size and file != files[-1]:
                log.error("%s is damaged from byte %d on; what follows in it is lost", file.name, good)
            elif good < file.stat().st_size:
                log.warning("%s was torn at byte %d; what follows was never acknowledged", file.name, good)
                with open(file, "r+b") as torn:
                    torn.truncate(good)
                    os.fsync(torn.fileno())
            if good == 0:
                file.unlink()
                continue
            found[first] = good
        if found:
            # Another life may have written it and not asked for it to be on the disk.
            _sync(self._file(next(reversed(found))))
        return found

    def _end_of_last(self) -> int:
        if not self._segments:
            return 1
        last = next(reversed(self._segments))
        return max(record.number for record, _ in _records(self._file(last))) + 1

    def _read_id(self) -> str:
        file = self.folder / "id"
        if not file.exists():
            beside = self.folder / "id.new"
            with open(beside, "w") as out:
                out.write(secrets.token_hex(8))
                out.flush()
                os.fsync(out.fileno())
            beside.replace(file)
            _sync(self.folder)
        return file.read_text().strip()

    def _read_cursor(self) -> int:
        try:
            number, checksum = (self.folder / "cursor").read_text().split()
        except FileNotFoundError:
            return 0
        except ValueError:
            number, checksum = "", ""
        if not number.isdigit() or zlib.crc32(number.encode()) != int(checksum):
            # Forwarding from the first record again is safe: the city knows each by its key.
            log.warning("the cursor cannot be read; everything on disk is forwarded again")
            return 0
        return int(number)

    def _file(self, first: int) -> Path:
        return self.folder / f"{first:020d}.log"


def _records(file: Path) -> Iterator[tuple[Record, int]]:
    """Yield the records of a segment, each with the byte after it, up to the end or the first that is not whole."""
    end = 0
    with open(file, "rb") as data:
        while len(head := data.read(_HEAD.size)) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            if not _BEGIN.size <= length <= LARGEST + 70_000:
                return
            rest = data.read(length)
            if len(rest) < length or zlib.crc32(rest) != checksum:
                return
            number, width = _BEGIN.unpack_from(rest)
            at = _BEGIN.size + width
            end += _HEAD.size + length
            yield Record(number, rest[_BEGIN.size : at].decode(), rest[at:]), end


def _locked(folder: Path) -> int:
    import fcntl  # POSIX alone, as the agent is

    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise Refused(f"Another edge agent works in {folder}. Stop it, or choose another folder with --folder.") from None
    return handle


def _sync(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
