# SPDX-License-Identifier: Apache-2.0
"""What was read of formulas, kept in a file of the data folder: reading a city's SQL anew takes seconds, the file milliseconds.

The file only saves time: one that is missing, broken or of another version is made anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chengyun.share.lineage.sql import Resolved

__all__ = ["kept"]

_decoder = msgspec.msgpack.Decoder(dict[str, Resolved])


class _Noted(dict[str, Resolved]):
    """What is kept; `used` are the digests that were asked for."""

    def __init__(self, known: dict[str, Resolved]) -> None:
        super().__init__(known)
        self.known = frozenset(known)
        self.used: set[str] = set()

    def get(self, digest: str, default: Resolved | None = None) -> Resolved | None:  # type: ignore[override]
        self.used.add(digest)
        return super().get(digest, default)


@contextlib.contextmanager
def kept(path: Path | None) -> Iterator[dict[str, Resolved]]:
    """Open what is kept; what was not asked for any more is forgotten, what is new is written. None: nothing is kept."""
    known: dict[str, Resolved] = {}
    if path is not None:
        with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
            known = _decoder.decode(path.read_bytes())
    noted = _Noted(known)
    yield noted
    if path is None or noted.used == noted.known:
        return
    text = msgspec.msgpack.encode({digest: one for digest, one in noted.items() if digest in noted.used})
    draft = path.with_suffix(f".{os.getpid()}")
    # A read-only data folder costs time at the next start, never an answer.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(text)
        draft.replace(path)
