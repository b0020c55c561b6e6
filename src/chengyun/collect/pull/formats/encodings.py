# SPDX-License-Identifier: Apache-2.0
"""Which encoding a text file is in: told from its bytes and held against all of them, not only its head.

    a mark (BOM)  →  UTF-8, UTF-16, UTF-32          zeros in every other byte  →  UTF-16
    else what the whole file can be read as: UTF-8 first, then GB 18030 (which holds GBK and GB 2312),
    and where neither can be, the one that fails on few lines, or what charset-normalizer finds in a sample

GB 18030 can read nearly anything, so a file counts as such only when its Chinese characters are mostly the common ones.
Standard: GB 18030-2022; the 3,755 common characters are the first level of GB/T 2312-1980 (bytes B0A1 to D7F9).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from chengyun.errors import Malformed, Refused

__all__ = ["Encoding", "find_encoding"]

CHUNK = 1 << 20
SAMPLE = 1 << 16
FEW_BAD_LINES = 0.02
"""A file with no more bad lines than this share is read, and each bad place reported."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")
_COMMON_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Encoding:
    """name: what Python calls it. bad_lines: how many lines cannot be read in it. why: how it was told."""

    name: str
    bad_lines: int
    why: str


def find_encoding(file: BinaryIO, name: str, stated: str | None = None) -> Encoding:
    """Return the encoding of a text file; the file is left at its start. Raises Malformed when there is none that fits.

    stated: the encoding somebody says it has; it is only held against the bytes.
    """
    file.seek(0)
    head = file.read(SAMPLE)
    file.seek(0)
    if stated is not None:
        try:
            known = codecs.lookup(stated).name
        except LookupError:
            raise Refused(
                f"Option encoding is {stated!r}, which is not one. Write e.g. gb18030 or utf-8.", code="options"
            ) from None
        # Whoever says GBK means what departments call so, and GB 18030 reads all of it.
        known = "gb18030" if known in ("gbk", "gb2312", "cp936") else known
        return Encoding(known, 0 if _reads(file, known) else _bad_lines(file, known)[0], "stated")
    for mark, marked in _MARKS:
        if head.startswith(mark):
            return Encoding(marked, 0 if _reads(file, marked) else _bad_lines(file, marked)[0], "byte order mark")
    if (wide := _wide(head)) and _reads(file, wide):
        return Encoding(wide, 0, "zero bytes")
    if _reads(file, "utf-8"):
        return Encoding("utf-8", 0, "reads as UTF-8 to the end")
    if _reads(file, "gb18030") and _common_share(file) >= _COMMON_SHARE:
        return Encoding("gb18030", 0, "reads as GB 18030 to the end")
    counted = [(*_bad_lines(file, encoding), encoding) for encoding in ("utf-8", "gb18030")]
    bad, lines, best = min(counted)
    if bad <= max(1, lines * FEW_BAD_LINES) and (best == "utf-8" or _common_share(file) >= _COMMON_SHARE):
        return Encoding(best, bad, f"reads as {best} but for {bad} of {lines} lines")
    return _other(file, head, name)


def _other(file: BinaryIO, head: bytes, name: str) -> Encoding:
    from charset_normalizer import from_bytes  # only for what is neither UTF nor GB

    found = from_bytes(head).best()
    if found is not None and _reads(file, found.encoding):
        return Encoding(found.encoding, 0, "told by charset-normalizer, reads to the end")
    raise Malformed(
        f"{name}: no encoding reads this file, UTF-8, UTF-16 and GB 18030 among them. Send it as UTF-8, or say which it is in.",
        code="encoding", file=name,
    )  # fmt: skip


def _reads(file: BinaryIO, encoding: str) -> bool:
    """Say whether the whole file can be read in an encoding; the file is left at its start."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    finally:
        file.seek(0)
    return True


def _bad_lines(file: BinaryIO, encoding: str) -> tuple[int, int]:
    """Return how many lines cannot be read, and how many there are. Only for encodings in which a line ends in one byte."""
    if encoding.startswith(("utf-16", "utf-32")):
        return 1, 1
    file.seek(0)
    bad = lines = 0
    # A line without an end must not be held whole.
    while line := file.readline(CHUNK):
        lines += 1
        try:
            line.decode(encoding)
        except UnicodeError:
            bad += 1
    file.seek(0)
    return bad, lines


def _wide(head: bytes) -> str | None:
    """Return the UTF-16 without a mark that the zeros of the first bytes speak for."""
    if len(head) < 4 or 0 not in head:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > half * 0.3 and even < half * 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > half * 0.3 and odd < half * 0.02 else None


def _common_share(file: BinaryIO) -> float:
    """Return which share of the double bytes of the first megabyte are common characters or Chinese punctuation."""
    file.seek(0)
    pairs = _PAIR.findall(file.read(CHUNK))
    file.seek(0)
    if not pairs:
        return 0.0
    common = sum(1 for pair in pairs if (0xB0 <= pair[0] <= 0xD7 and pair[1] >= 0xA1) or 0xA1 <= pair[0] <= 0xA3)
    return common / len(pairs)
