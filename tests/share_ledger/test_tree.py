# SPDX-License-Identifier: Apache-2.0
"""Trees, tiles and proofs, against the published vectors and against a tree written as plainly as the standard says it."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.share.ledger import tiles, verifier
from chengyun.share.ledger.tiles import Place
from chengyun.share.ledger.tree import EMPTY, Node, consistency_of, inclusion_of, leaf_hash, nodes, root_of, value

_spec = importlib.util.spec_from_file_location("vectors", Path(__file__).with_name("vectors.py"))
assert _spec is not None
assert _spec.loader is not None
vectors = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(vectors)


def plain_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, over leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + plain_root(hashes[:split]) + plain_root(hashes[split:])).digest()


def reader(hashes: list[bytes]):
    return lambda node: plain_root(hashes[node.index << node.level : (node.index + 1) << node.level])


HASHES = [leaf_hash(leaf) for leaf in vectors.LEAVES]


def test_the_published_roots() -> None:
    assert hashlib.sha256(b"").digest() == EMPTY
    for size, root in enumerate(vectors.ROOTS, 1):
        assert value(root_of(0, size), reader(HASHES)) == root


@pytest.mark.parametrize("at", vectors.INCLUSION)
def test_the_published_inclusion_proofs(at: tuple[int, int]) -> None:
    index, size = at
    path = [value(tree, reader(HASHES)) for tree in inclusion_of(index, size)]
    assert [one.hex() for one in path] == vectors.INCLUSION[at]
    assert verifier._root_from(HASHES[index], index, size, path) == vectors.ROOTS[size - 1]


@pytest.mark.parametrize("at", vectors.CONSISTENCY)
def test_the_published_consistency_proofs(at: tuple[int, int]) -> None:
    old, new = at
    path = [value(tree, reader(HASHES)) for tree in consistency_of(old, new)]
    assert [one.hex() for one in path] == vectors.CONSISTENCY[at]
    assert verifier._is_prefix(old, vectors.ROOTS[old - 1], new, vectors.ROOTS[new - 1], path)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.data())
def test_tiles_grown_in_any_batches_give_every_proof(batches: list[int], data: st.DataObject) -> None:
    kept: dict[Place, bytes] = {}
    hashes: list[bytes] = []
    for count in batches:
        fresh = [leaf_hash(f"{len(hashes) + i}".encode()) for i in range(count)]
        grown = tiles.grow(len(hashes), fresh, lambda at: kept[at])
        for at, tile in grown.items():
            assert tile.startswith(kept.get(at, b"")), "a tile only grows at its end"
        kept.update(grown)
        hashes += fresh

    def read(node: Node) -> bytes:
        return tiles.node_in(node, kept[tiles.place_of(node)])

    size = data.draw(st.integers(1, len(hashes)))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    root, old_root = plain_root(hashes[:size]), plain_root(hashes[:old])
    assert value(root_of(0, size), read) == root
    path = [value(tree, read) for tree in inclusion_of(index, size)]
    assert verifier._root_from(hashes[index], index, size, path) == root
    proof = [value(tree, read) for tree in consistency_of(old, size)]
    assert verifier._is_prefix(old, old_root, size, root, proof)
    if old < size:
        assert not verifier._is_prefix(old, hashlib.sha256(old_root).digest(), size, root, proof)
        other = index + 1 if index + 1 < size else index - 1
        assert verifier._root_from(hashes[index], other, size, path) != root


@pytest.mark.parametrize("index", [0, 1, 49_999_999, 99_999_998])
def test_a_proof_among_a_hundred_million_reads_few_tiles(index: int) -> None:
    size = 99_999_999
    wanted = [node for tree in inclusion_of(index, size) for node in nodes(tree)]
    assert len(tiles.needed(wanted)) <= 16
    assert all(place.row < 4 for place in tiles.needed(wanted))
    again = [node for tree in consistency_of(index + 1, size) for node in nodes(tree)]
    assert len(tiles.needed(again)) <= 16
