# SPDX-License-Identifier: Apache-2.0
"""Where a tree's nodes are kept: tiles of up to 256 hashes, so that a proof among 100 million leaves reads a dozen rows.

Tile (row, number) holds the nodes of level 8·row from number·256 on. A tile that has 256 is closed, and its root is the next
hash of the row above; the nodes between two rows are computed from the tile that holds them. Standard: C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from chengyun.share.ledger.tree import Node, node_hash

__all__ = ["WIDTH", "Place", "grow", "node_in", "place_of"]

HEIGHT = 8
WIDTH = 1 << HEIGHT
SIZE = 32


class Place(NamedTuple):
    """A tile: its row, counted from the leaves, and its number in the row."""

    row: int
    number: int


def place_of(node: Node) -> Place:
    """Return the tile a node is read from."""
    row, above = divmod(node.level, HEIGHT)
    return Place(row, (node.index << above) >> HEIGHT)


def node_in(node: Node, tile: bytes) -> bytes:
    """Return a node's hash out of its tile."""
    above = node.level % HEIGHT
    first = (node.index << above) & (WIDTH - 1)
    hashes = [tile[at * SIZE : (at + 1) * SIZE] for at in range(first, first + (1 << above))]
    if len(hashes[-1]) != SIZE:
        raise LookupError(f"the tile of {node} holds {len(tile) // SIZE} hashes, expected {first + (1 << above)}")
    return _root(hashes)


def grow(size: int, hashes: Sequence[bytes], read: Callable[[Place], bytes]) -> Mapping[Place, bytes]:
    """Return the tiles that are new or longer once a tree of `size` leaves gets more leaf hashes.

    read: a tile as it is kept, asked only for those that are open.
    """
    grown: dict[Place, bytes] = {}
    row, before, more = 0, size, list(hashes)
    while more:
        above: list[bytes] = []
        number, held = divmod(before, WIDTH)
        tile = read(Place(row, number)) if held else b""
        at = 0
        while at < len(more):
            taken = more[at : at + WIDTH - len(tile) // SIZE]
            at += len(taken)
            tile += b"".join(taken)
            grown[Place(row, number)] = tile
            if len(tile) == WIDTH * SIZE:
                above.append(_root([tile[i : i + SIZE] for i in range(0, len(tile), SIZE)]))
                number, tile = number + 1, b""
        row, before, more = row + 1, before >> HEIGHT, above
    return grown


def needed(trees: Iterable[Node]) -> set[Place]:
    """Return the tiles that some nodes are read from."""
    return {place_of(node) for node in trees}


def _root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]
