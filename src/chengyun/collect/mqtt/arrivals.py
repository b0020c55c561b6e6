# SPDX-License-Identifier: Apache-2.0
"""When a message without a time of its own first came: kept so that the same message, sent again, is the same observation.

A broker sends what was not acknowledged again, under the same number, after a connection or a process was lost. A plain
value would then get another time and count twice. Numbers run from 1 to 65535, so a file of 1 MB holds them all:

    slot of a number = time given to it (8 bytes, µs since 1970) | digest of topic and payload (8 bytes)

The file is mapped: what is written survives the end of the process at once, and a power cut as far as the system wrote it.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

__all__ = ["Arrivals"]

_SLOT = struct.Struct("<qQ")
_SIZE = 65536 * _SLOT.size


class Arrivals:
    """The times of one session's messages."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(handle).st_size != _SIZE:
                os.ftruncate(handle, _SIZE)
            self._map = mmap.mmap(handle, _SIZE)
        finally:
            os.close(handle)

    def close(self) -> None:
        self._map.close()

    def keep(self, packet: int, digest: int, time: int) -> None:
        """Note the time given to a message."""
        _SLOT.pack_into(self._map, packet * _SLOT.size, time, digest)

    def recall(self, packet: int, digest: int) -> int | None:
        """Return the time given to this very message when it came first; None when it is news."""
        time, known = _SLOT.unpack_from(self._map, packet * _SLOT.size)
        return time if known == digest and time else None
