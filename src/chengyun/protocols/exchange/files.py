# SPDX-License-Identifier: Apache-2.0
"""Parts of bulk files, by Range: read from disk a few megabytes at a time; an interrupted copy goes on where it was."""

from __future__ import annotations

import re

from chengyun.protocols.door import Reply
from chengyun.share.exchange import bulk, messages, parties
from chengyun.share.exchange.serving import PREFIX, Ask

__all__ = ["is_part", "part"]

LARGEST = 16 * 1024 * 1024
"""Bytes in one answer: the manifest's chunks are as large, so each comes in one."""
_PART = re.compile(r"/files/([0-9a-f-]{36})/parts/(\d{1,6})")
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


def is_part(path: str) -> bool:
    return _PART.fullmatch(path) is not None


def part(ask: Ask) -> Reply:
    """Return bytes of a part. What they must be stands in the manifest, which is signed; so the answer itself is not."""
    import datetime as dt

    found = _PART.fullmatch(ask.path.removeprefix(PREFIX))
    assert found is not None
    checked = messages.read_signature(ask.method, ask.authority, ask.path, ask.query, ask.headers, ask.body)
    party = parties.admit(checked, dt.datetime.now(dt.UTC))
    path = bulk.part_path(party, found[1], int(found[2]))
    size = path.stat().st_size
    wanted = _RANGE.fullmatch(ask.headers.get("range", "bytes=0-"))
    start = int(wanted[1]) if wanted else 0
    if not wanted or start >= size:
        return Reply(416, headers=(("content-range", f"bytes */{size}"),))
    end = min(int(wanted[2]) if wanted[2] else size - 1, size - 1, start + LARGEST - 1)
    with path.open("rb") as file:
        file.seek(start)
        body = file.read(end - start + 1)
    status = 200 if len(body) == size else 206
    headers = (("content-range", f"bytes {start}-{end}/{size}"), ("accept-ranges", "bytes"))
    return Reply(status, body, "application/octet-stream", headers)
