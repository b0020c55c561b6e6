# SPDX-License-Identifier: Apache-2.0
"""Whether a log is what its heads say: every hash again, from the entries as they are kept now."""

from __future__ import annotations

from dataclasses import dataclass

from chengyun.share.ledger.queries import TileReader, entries, head
from chengyun.share.ledger.tree import EMPTY, Node, leaf_hash, node_hash

PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Check:
    """holds: whether everything does. index: the first entry that is not what was written, None when it is none in particular."""

    holds: bool
    sentence: str
    index: int | None = None


def check(log: str) -> Check:
    """Compute the root of a log from its entries and compare it with the newest head."""
    known = head(log)
    if known is None:
        return Check(True, f"The log {log} is empty.")
    reader, at = TileReader(log), 0
    # One root for each whole subtree so far, largest first: the tree of any size in a few hashes of memory.
    stack: list[tuple[int, bytes]] = []
    while at < known.size:
        page = entries(log, at, min(PAGE, known.size - at))
        if not page or page[0].index != at:
            return Check(False, f"Entry {at} of {log} is gone.", at)
        for one in page:
            if one.index != at:
                return Check(False, f"Entry {at} of {log} is gone.", at)
            made = leaf_hash(one.leaf)
            try:
                kept = reader(Node(0, at))
            except LookupError as gone:
                return Check(False, f"The tree of {log} is not whole: {gone}.", at)
            if kept != made:
                return Check(False, f"Entry {at} of {log} is not what was written.", at)
            stack.append((0, made))
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                (level, left), (_, right) = stack[-2:]
                stack[-2:] = [(level + 1, node_hash(left, right))]
            at += 1
    root = EMPTY
    if stack:
        root = stack.pop()[1]
        while stack:
            root = node_hash(stack.pop()[1], root)
    if root != known.root:
        return Check(False, f"The root of {log} over {known.size} entries is not the one that was signed: its tree was changed.")
    return Check(True, f"All {known.size} entries of {log} are what was written.")
