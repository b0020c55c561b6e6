# SPDX-License-Identifier: Apache-2.0
"""Answers kept as long as what they show is unchanged, within a bound of bytes; the longest unasked goes first."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

__all__ = ["Answer", "Kept"]

MOST_BYTES = 64 * 1024 * 1024
SMALLEST_ZIPPED = 1_000


@dataclass(slots=True)
class Answer:
    """One body with its tag; zipped once, when somebody first asks for that."""

    body: bytes
    content_type: str
    tag: str = ""
    links: tuple[tuple[str, str], ...] = ()
    _zipped: bytes | None = field(default=None)

    def __post_init__(self) -> None:
        self.tag = f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"'

    @property
    def zipped(self) -> bytes:
        if self._zipped is None:
            self._zipped = gzip.compress(self.body, 5, mtime=0)
        return self._zipped

    @property
    def size(self) -> int:
        return 2 * len(self.body) + 500


class Kept:
    """Answers by question."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._held: OrderedDict[Hashable, tuple[Hashable, object, int]] = OrderedDict()

    def get(self, question: Hashable, version: Hashable | None) -> object | None:
        """Return what was kept of this very version."""
        held = self._held.get(question)
        if held is None or version is None or held[0] != version:
            return None
        self._held.move_to_end(question)
        return held[1]

    def put(self, question: Hashable, version: Hashable | None, answer: object, size: int) -> None:
        if version is None or size > self._most // 4:
            return
        if question in self._held:
            self._bytes -= self._held.pop(question)[2]
        self._held[question] = (version, answer, size)
        self._bytes += size
        while self._bytes > self._most:
            self._bytes -= self._held.popitem(last=False)[1][2]
