# SPDX-License-Identifier: Apache-2.0
"""Zip files of strangers: looked through before anything is taken out, and taken out within bounds."""

from __future__ import annotations

import contextlib
import csv
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO

from chengyun.errors import Malformed

__all__ = ["is_zip", "open_member", "open_zip", "reading"]

MOST_MEMBERS = 10_000
MOST_RATIO = 300
"""How much larger a member may be than what it is packed in; sheets and timetables stay below 60."""
SMALL = 10 * 2**20
"""Below this a member's ratio says nothing."""
CHUNK = 1 << 20


_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, csv.Error, UnicodeDecodeError, RecursionError
)  # fmt: skip
"""What the libraries raise of bytes that were damaged or cut off on their way, wherever they come upon them."""


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Read a file of a stranger. Raises Malformed for one that turns out to be damaged: it is set aside, and others are read."""
    try:
        yield
    except _DAMAGE as wrong:
        raise Malformed(
            f"{name} is broken: {wrong or 'it ends too early'}. Send it again.", code="broken_file", file=name
        ) from wrong


def is_zip(file: BinaryIO) -> bool:
    """Say whether a file begins as a zip does; the file is left at its start."""
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    return head in (b"PK\x03\x04", b"PK\x05\x06")


@contextlib.contextmanager
def open_zip(file: BinaryIO, name: str, most_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose list of members is plausible. Raises Malformed for a bomb or a broken file."""
    size = file.seek(0, io.SEEK_END)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as wrong:
        raise Malformed(f"{name} is not a whole zip: {wrong}. Send it again.", code="zip", file=name) from wrong
    with archive:
        members = archive.infolist()
        if any(not 0 <= member.header_offset < size for member in members):
            raise Malformed(
                f"{name} is not a whole zip: bytes at its beginning are missing. Send it again.", code="zip", file=name
            )
        if len(members) > MOST_MEMBERS:
            raise Malformed(
                f"{name} holds {len(members):,} files, expected at most {MOST_MEMBERS:,}.", code="zip_bomb", file=name
            )
        total = sum(member.file_size for member in members)
        if total > most_bytes:
            raise Malformed(
                f"{name} unpacks to {total:,} bytes, expected at most {most_bytes:,}. Split it, or raise most_bytes.",
                code="zip_bomb", file=name,
            )  # fmt: skip
        for member in members:
            if member.file_size > SMALL and member.file_size > MOST_RATIO * max(1, member.compress_size):
                ratio = member.file_size // max(1, member.compress_size)
                raise Malformed(
                    f"{name}: {member.filename[:80]} is packed {ratio} to 1, expected at most {MOST_RATIO} to 1. "
                    "It looks made to fill a disk.",
                    code="zip_bomb", file=name,
                )  # fmt: skip
            if member.flag_bits & 1:
                raise Malformed(f"{name}: {member.filename[:80]} needs a password. Send it without.", code="password", file=name)
        yield archive


@contextlib.contextmanager
def open_member(archive: zipfile.ZipFile, member: str, name: str) -> Iterator[IO[bytes]]:
    """Open one member. zipfile gives no more bytes than the list of members promised, so the bounds above hold."""
    with reading(f"{name}: {member} in it"), archive.open(member) as opened:
        yield opened
