# SPDX-License-Identifier: Apache-2.0
"""Files in, statements out: lists of laws and of articles, the pack's own among them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from chengyun.city import Malformed, RegisterFeed, SimulatedArea, Stated, Synthetic, read_day
from chengyun.standards.lines import malformed, read_lines

FOLDER = Path(__file__).parent


def read_laws(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read laws: number, name, kind, issuer, issued, in_force, until, replaces, replaced_by, verified.

    issued may be a year only, which is then not kept: a made-up day is worse than none.
    """
    columns = ["number", "name", "kind", "issuer", "issued", "in_force", "until", "replaces", "replaced_by", "verified"]
    for line in read_lines(file, name, columns):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            number = row["number"].strip()
            if not number:
                raise ValueError("it names no number")
            issued = row["issued"].strip()
            said = {
                "name": row["name"].strip(), "number": number, "kind": row["kind"].strip(), "issuer": row["issuer"].strip(),
                "issued": read_day(issued) if len(issued) > 4 else None, "replaces": row["replaces"].strip(),
                "replaced_by": row["replaced_by"].strip(), "verified": row["verified"].strip() == "1",
            }  # fmt: skip
            yield Stated("law", key_of(number), said, read_day(row["in_force"]), read_day(row["until"]), at)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def read_articles(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read articles: law, clause, name."""
    for line in read_lines(file, name, ["law", "clause", "name"]):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        law, clause = row["law"].strip(), row["clause"].strip()
        if not law or not clause:
            yield malformed(name, at, "it names no law or no clause")
            continue
        said = {"name": row["name"].strip(), "law": key_of(law), "clause": clause, "citation": f"{law}, {clause}"}
        yield Stated("article", f"{key_of(law)}.{key_of(clause)}"[:64], said, line=at)


def key_of(number: str) -> str:
    """Return a number as a key that an address may hold: GB/T 2260-2007 → GB_T-2260-2007."""
    return number.replace("/", "_").replace(" ", "-")


def shipped(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:  # noqa: ARG001
    """Yield the laws and articles that the packs' own rules cite."""
    for file, read in (("laws.csv", read_laws), ("articles.csv", read_articles)):
        with open(FOLDER / file, "rb") as opened:
            for one in read(opened, file):
                if isinstance(one, Malformed):
                    raise one
                yield one


FEEDS = (
    RegisterFeed("laws", "法律法规目录", entity="law", authority="justice", read=read_laws),
    RegisterFeed("articles", "条款目录", entity="article", authority="justice", read=read_articles),
)
SYNTHETIC = (Synthetic("shipped", shipped, simulated=False),)
