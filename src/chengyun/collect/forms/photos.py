# SPDX-License-Identifier: Apache-2.0
"""The store of photos and other files of forms: by the SHA-256 of their bytes, under `forms/` of the data folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from chengyun.errors import Malformed, NotFound

__all__ = ["LARGEST", "Stored", "find", "keep", "kind_of"]

LARGEST = 32 * 1024 * 1024
"""Bytes of one file."""
_KINDS = (
    (b"\xff\xd8\xff", 0, "image/jpeg"), (b"\x89PNG\r\n\x1a\n", 0, "image/png"), (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"), (b"ftyp", 4, "video/mp4"), (b"OggS", 0, "audio/ogg"), (b"%PDF", 0, "application/pdf"),
    (b"RIFF", 0, "audio/wav"), (b"ID3", 0, "audio/mpeg"), (b"#!AMR", 0, "audio/amr"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is on disk for good. kind: as its first bytes say, never as its sender does."""

    sha256: str
    size: int
    kind: str


def keep(folder: Path, source: BinaryIO) -> Stored:
    """Store a file and return what it is, once it is durable. Raises Malformed when it is too large or of a kind unknown."""
    folder.mkdir(parents=True, exist_ok=True)
    digest, size, head = hashlib.sha256(), 0, b""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".coming-", delete=False) as out:
        try:
            while part := source.read(1 << 18):
                size += len(part)
                if size > LARGEST:
                    raise Malformed(f"A file is larger than {LARGEST // 1024 // 1024} MB. Send a smaller one.", status=413)
                head = head or part[:16]
                digest.update(part)
                out.write(part)
            kind = kind_of(head)
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            os.unlink(out.name)
            raise
    sha256 = digest.hexdigest()
    place = folder / sha256[:2] / sha256
    place.parent.mkdir(exist_ok=True)
    os.replace(out.name, place)
    for changed in (place.parent, folder):
        handle = os.open(changed, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    return Stored(sha256, size, kind)


def kind_of(head: bytes) -> str:
    """Return the media type of a file's first bytes. Raises Malformed for what forms do not carry."""
    for mark, at, kind in _KINDS:
        if head[at : at + len(mark)] == mark:
            return kind
    raise Malformed("A file is no picture, sound, film or PDF; forms carry nothing else.", code="file_kind", status=415)


def find(folder: Path, sha256: str) -> Path:
    """Return where a file is. Raises NotFound."""
    place = folder / sha256[:2] / sha256
    if len(sha256) != 64 or not sha256.isalnum() or not place.is_file():
        raise NotFound("There is no such file.")
    return place
