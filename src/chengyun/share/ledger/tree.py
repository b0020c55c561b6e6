# SPDX-License-Identifier: Apache-2.0
"""Merkle trees: hashes and proofs as expressions over whole subtrees, so that it is known beforehand what must be read.

A node (level, index) is the root over the 2^level leaves from index · 2^level on; level 0 are the leaves' own hashes.

            root of 5 leaves = Join(Node(2, 0), Node(0, 4))

Pure: no database, no clock. Standard: RFC 9162, 2.1; RFC 6962, 2.1 has the same trees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["EMPTY", "Join", "Node", "Tree", "consistency_of", "inclusion_of", "leaf_hash", "nodes", "root_of", "value"]

EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


@dataclass(frozen=True, slots=True)
class Node:
    """A whole subtree."""

    level: int
    index: int


@dataclass(frozen=True, slots=True)
class Join:
    """The hash over two subtrees."""

    left: Tree
    right: Tree


Tree = Node | Join


def leaf_hash(leaf: bytes) -> bytes:
    """Return a leaf's hash."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(start: int, count: int) -> Tree:
    """Return the root over `count` ≥ 1 leaves from `start` on, which is a multiple of the largest subtree it begins with."""
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return Node(level, start >> level)
    split = _split(count)
    return Join(root_of(start, split), root_of(start + split, count - split))


def inclusion_of(index: int, size: int) -> list[Tree]:
    """Return the path that leads from a leaf to the root over `size` leaves, nearest first. Standard: RFC 9162, 2.1.3.1."""
    if not 0 <= index < size:
        raise ValueError(f"index is {index}, expected 0 to {size - 1}")
    return _path(index, 0, size)


def consistency_of(old: int, new: int) -> list[Tree]:
    """Return what proves that the tree over `old` leaves begins the one over `new`. Standard: RFC 9162, 2.1.4.1."""
    if not 0 < old <= new:
        raise ValueError(f"old is {old}, expected 1 to {new}")
    return _subproof(old, 0, new, whole=True)


def nodes(tree: Tree) -> Iterator[Node]:
    """Yield the whole subtrees an expression needs."""
    if isinstance(tree, Node):
        yield tree
    else:
        yield from nodes(tree.left)
        yield from nodes(tree.right)


def value(tree: Tree, read: Callable[[Node], bytes]) -> bytes:
    """Return an expression's hash."""
    if isinstance(tree, Node):
        return read(tree)
    return node_hash(value(tree.left, read), value(tree.right, read))


def _split(count: int) -> int:
    """The largest power of two below a count above one."""
    return 1 << ((count - 1).bit_length() - 1)


def _path(index: int, start: int, count: int) -> list[Tree]:
    if count == 1:
        return []
    split = _split(count)
    if index < split:
        return [*_path(index, start, split), root_of(start + split, count - split)]
    return [*_path(index - split, start + split, count - split), root_of(start, split)]


def _subproof(old: int, start: int, count: int, *, whole: bool) -> list[Tree]:
    if old == count:
        return [] if whole else [root_of(start, count)]
    split = _split(count)
    if old <= split:
        return [*_subproof(old, start, split, whole=whole), root_of(start + split, count - split)]
    return [*_subproof(old - split, start + split, count - split, whole=False), root_of(start, split)]
