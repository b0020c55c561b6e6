# SPDX-License-Identifier: Apache-2.0
"""Compressed bodies, opened in pieces so that a small body cannot become a large one in memory."""

from __future__ import annotations

import zlib

import zstandard

from chengyun.errors import Malformed

__all__ = ["LARGEST_BODY", "decompress"]

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of a body, as sent and once opened."""

MOST_PARTS = 64
"""A body may be several compressed ones in a row; each costs something to open, and a large body holds a million empty ones."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def decompress(body: bytes, encoding: str, largest: int = LARGEST_BODY) -> bytes:
    """Return the body as it was before the encoding of its Content-Encoding header ("" or identity: as it is).

    Raises Malformed: 413 when it opens to more than `largest` bytes, 415 for another encoding, 400 when it is broken.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body, largest)
        case "zstd":
            return _unzstd(body, largest)
        case other:
            raise Malformed(
                f"Content-Encoding {other[:40]!r} is not read here. Send gzip, zstd, or none.",
                code="content_encoding",
                status=415,
            )


def _gunzip(body: bytes, largest: int) -> bytes:
    opened = bytearray()
    for _ in range(MOST_PARTS):
        if not body:
            break
        reader = zlib.decompressobj(_GZIP_WINDOW)
        try:
            opened += reader.decompress(body, largest + 1 - len(opened))
        except zlib.error as wrong:
            raise _broken("gzip", str(wrong)) from wrong
        if len(opened) > largest:
            raise _too_large(largest)
        if not reader.eof:
            raise _broken("gzip", "it ends too early")
        body = reader.unused_data
    if body:
        raise _broken("gzip", f"it has more than {MOST_PARTS} parts")
    return bytes(opened)


def _unzstd(body: bytes, largest: int) -> bytes:
    opened = bytearray()
    for _ in range(MOST_PARTS):
        if not body:
            break
        # The window bounds what a frame may ask to keep in memory; 8 MB is what RFC 8878 (3.1.1.1.2) asks decoders to support.
        reader = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj()
        try:
            # Fed in pieces: the library opens all of what it is given, up to ten thousandfold.
            at = 0
            while at < len(body) and not reader.eof:
                opened += reader.decompress(body[at : at + 1024])
                at += 1024
                if len(opened) > largest:
                    raise _too_large(largest)
        except zstandard.ZstdError as wrong:
            raise _broken("zstd", str(wrong)) from wrong
        if not reader.eof:
            raise _broken("zstd", "it ends too early")
        body = reader.unused_data + body[at:]
    if body:
        raise _broken("zstd", f"it has more than {MOST_PARTS} parts")
    return bytes(opened)


def _broken(encoding: str, why: str) -> Malformed:
    return Malformed(f"The body is not {encoding} as its Content-Encoding says: {why}.", code="content_encoding", status=400)


def _too_large(largest: int) -> Malformed:
    return Malformed(
        f"The body opens to more than {largest // 1024 // 1024} MB. Send it in parts.", code="body_too_large", status=413
    )
