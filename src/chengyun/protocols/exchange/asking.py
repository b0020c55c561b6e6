# SPDX-License-Identifier: Apache-2.0
"""The load of the bench `exchange`: consumers that sign what they ask and check what they get, over connections kept open."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from chengyun.access.keystore import SigningKey
from chengyun.share.exchange import answers, messages
from chengyun.share.exchange.signing import Signing

__all__ = ["Load", "ask_for"]


@dataclass
class Load:
    """What to ask: key: of the consumer, its private half; pinned: the node's public key, or None to ask without signatures.

    shares: whether the consumer takes signatures that messages share.
    """

    port: int
    key: bytes
    jwk: Mapping[str, str]
    pinned: dict[str, str] | None
    keys: int
    connections: int = 32
    shares: bool = True
    done: int = 0
    wrong: list[str] = field(default_factory=list)


def ask_for(load: Load, seconds: float) -> float:
    """Ask for so long; return messages a second, each whole, checked, and of the row that was asked for."""
    # A consumer is small; ours has loaded the whole program.
    gc.freeze()
    begun = time.perf_counter()
    asyncio.run(_all(load, begun + seconds))
    if load.wrong:
        raise AssertionError(load.wrong[0])
    return load.done / (time.perf_counter() - begun)


async def _all(load: Load, end: float) -> None:
    key = SigningKey(load.jwk["kid"], "ed25519", 1, dict(load.jwk), load.key)
    signing = Signing(key, takes=load.shares)
    await asyncio.gather(*(_one(load, signing, end, random.Random(at)) for at in range(load.connections)))  # noqa: S311


async def _one(load: Load, signing: Signing, end: float, chance: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    host = f"127.0.0.1:{load.port}"
    try:
        while time.perf_counter() < end and not load.wrong:
            number = chance.randrange(load.keys - 1)
            path = f"/exchange/v1/rows?dataset=population.person&purpose=statistics&limit=1&after=p{number:07}"
            headers, asked = {"key": load.jwk["kid"]}, None
            if load.pinned:
                headers, asked = await signing.sign("GET", f"http://{host}{path}")
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            got = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(got["content-length"]))
            status = int(head[0].split(" ")[1])
            signing.heard(status, got)
            _check(load, status, got, body, asked, f"p{number + 1:07}")
            load.done += 1
    finally:
        writer.close()


def _check(load: Load, status: int, got: Mapping[str, str], body: bytes, asked: messages.Unsigned | None, key: str) -> None:
    rows = json.loads(body).get("rows")
    if status != 200 or not rows or rows[0]["key"] != key or "*" not in rows[0]["values"]["id_number"]:
        load.wrong.append(f"{status}: {body[:300]!r}")
        return
    if load.pinned and asked:
        kid = load.pinned["kid"]
        if not answers.checked(status, got, body, asked, load.jwk["kid"], {kid: load.pinned}, int(time.time())):
            load.wrong.append("no receipt came")
