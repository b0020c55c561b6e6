# SPDX-License-Identifier: Apache-2.0
"""Signatures that several messages share: each holds alone, for its own message and key; every changed byte of it is found."""

from __future__ import annotations

import hashlib
import random

import pytest

from chengyun.access import signatures
from chengyun.access.keystore import SigningKey
from chengyun.share.ledger import shared, tree, verifier


def key(algorithm: str = "ed25519") -> SigningKey:
    if algorithm == "sm2":
        pytest.importorskip("gmalg")
    private = signatures.make(algorithm)
    public = signatures.public(algorithm, private)
    return SigningKey(public["kid"], algorithm, 1, public, private)


def alone(jwk, said: bytes, signature: bytes) -> bool:
    """What the verifier that stands alone says."""
    found = verifier._key({"provider": dict(jwk)}, "provider", ())
    try:
        verifier._signed_shared(found, said, signatures.text(signature), "The signature is not of this")
    except verifier.Wrong:
        return False
    return True


def messages(size: int) -> list[bytes]:
    return [f"message {at}".encode() for at in range(size)]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 8, 33])
def test_every_message_holds_alone_and_its_tree_is_the_standards(size: int) -> None:
    mine, said = key(), messages(size)
    signed = shared.sign_all(mine, said)
    leaves = [tree.leaf_hash(one) for one in said]

    def whole(node: tree.Node) -> bytes:
        if node.level == 0:
            return leaves[node.index]
        below = node.level - 1
        return tree.node_hash(whole(tree.Node(below, 2 * node.index)), whole(tree.Node(below, 2 * node.index + 1)))

    word = b"\xffchengyun-shared-1\n" + size.to_bytes(2) + tree.value(tree.root_of(0, size), whole)
    for at, (one, signature) in enumerate(zip(said, signed, strict=True)):
        assert signature[4:-64] == b"".join(tree.value(it, whole) for it in tree.inclusion_of(at, size))
        assert signatures.verify(mine.public, word, signature[-64:])
        for holds in (shared.verify, alone):
            assert holds(mine.public, one, signature)
            assert not holds(mine.public, said[at - 1], signature)
            assert not holds(mine.public, one + b" ", signature)
    assert len({signature[-64:] for signature in signed}) == 1


def test_trees_have_two_to_a_thousand_messages() -> None:
    mine = key()
    for size in (0, 1, shared.MOST + 1):
        with pytest.raises(ValueError, match="expected 2 to 1024"):
            shared.sign_all(mine, messages(size))
    said = messages(shared.MOST)
    signed = shared.sign_all(mine, said)
    assert len(signed[-1]) == shared.LONGEST
    assert shared.verify(mine.public, said[1000], signed[1000])
    assert alone(mine.public, said[1000], signed[1000])


@pytest.mark.parametrize("algorithm", ["ed25519", "sm2"])
def test_every_changed_byte_is_found(algorithm: str) -> None:
    mine, said = key(algorithm), messages(5)
    signed = shared.sign_all(mine, said)
    step = 1 if algorithm == "ed25519" else 17
    for at in (0, 4):
        one, whole = said[at], signed[at]
        for holds in (shared.verify, alone):
            assert holds(mine.public, one, whole)
            for place in range(0, len(whole), step):
                for flip in (1, 0x80):
                    assert not holds(mine.public, one, whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
            for wrong in (b"", whole[:-1], whole[1:], whole + b"\0", whole[:4] + whole[36:], whole[:4] + bytes(32) + whole[4:]):
                assert not holds(mine.public, one, wrong)


def test_neither_nodes_nor_leaves_nor_words_are_messages() -> None:
    mine, said = key(), messages(4)
    signed = shared.sign_all(mine, said)
    leaf = [hashlib.sha256(b"\0" + one).digest() for one in said]
    left = hashlib.sha256(b"\1" + leaf[0] + leaf[1]).digest()
    root = signed[0][-64:]
    for holds in (shared.verify, alone):
        # A second preimage: the two children of a node, or the node's hash, given out as a message of a smaller tree.
        upper = signed[0][36:68]
        for forged in (leaf[0] + leaf[1], left, b"\1" + leaf[0] + leaf[1]):
            for size in (2, 3, 4):
                assert not holds(mine.public, forged, size.to_bytes(2) + bytes(2) + upper + root)
        # The word's own signature, given out as one of a message.
        word = shared.WORD + (4).to_bytes(2) + hashlib.sha256(b"\1" + left + upper).digest()
        assert signatures.verify(mine.public, word, root)
        assert not holds(mine.public, word, root)
        # What the key signed by itself, be it such a hash, or a head over the same root, is no word.
        for own in (said[0], b"\0" + said[0], left, word[1:]):
            assert not holds(mine.public, said[0], signed[0][:-64] + mine.sign(own))
    assert not shared.WORD.isascii()
    with pytest.raises(UnicodeDecodeError):
        shared.WORD.decode()


def test_a_root_that_is_known_is_known_for_its_key_and_signature_alone() -> None:
    mine, other, said = key(), key(), messages(8)
    signed = shared.sign_all(mine, said)
    shared._require_signed.cache_clear()
    assert all(shared.verify(mine.public, one, signature) for one, signature in zip(said, signed, strict=True))
    assert shared._require_signed.cache_info().misses == 1
    spoiled = signed[0][:-1] + bytes([signed[0][-1] ^ 1])
    for _ in range(2):
        assert not shared.verify(other.public, said[0], signed[0])
        assert not shared.verify(mine.public, said[0], spoiled)
    # What did not hold is not kept: a stranger drives nothing out, however much of it comes.
    for at in range(50):
        assert not shared.verify(mine.public, b"%d" % at, signed[0])
    kept = shared._require_signed.cache_info()
    assert (kept.currsize, kept.maxsize) == (1, shared.ROOTS_KEPT)
    assert shared.verify(mine.public, said[3], signed[3])
    assert shared._require_signed.cache_info().hits == kept.hits + 1


def test_a_key_of_another_kind_hashes_otherwise() -> None:
    domestic, said = key("sm2"), messages(3)
    signed = shared.sign_all(domestic, said)
    assert all(holds(domestic.public, said[2], signed[2]) for holds in (shared.verify, alone))
    leaf = hashlib.sha256(b"\0" + said[0]).digest()
    assert leaf not in signed[1]
    assert not shared.verify(key().public, said[2], signed[2])


def standing(size: int, index: int, leaf: bytes, path: list[bytes]) -> bytes | None:
    """The root that a path leads to, by the words of RFC 9162, 2.1.3: from the root down. None for a path of another length."""
    if size == 1:
        return None if path else leaf
    left = 1 << (size - 1).bit_length() - 1
    if not path:
        return None
    if index < left:
        below = standing(left, index, leaf, path[:-1])
        return None if below is None else hashlib.sha256(b"\1" + below + path[-1]).digest()
    below = standing(size - left, index - left, leaf, path[:-1])
    return None if below is None else hashlib.sha256(b"\1" + path[-1] + below).digest()


def placed(jwk, said: bytes, signature: bytes) -> tuple[bytes, int, int] | None:
    """What place_signed says, told straight on."""
    if len(signature) < 68 or (len(signature) - 68) % 32:
        return None
    size, index = int.from_bytes(signature[:2]), int.from_bytes(signature[2:4])
    if not 2 <= size <= 1024 or index >= size:
        return None
    path = [signature[at : at + 32] for at in range(4, len(signature) - 64, 32)]
    root = standing(size, index, hashlib.sha256(b"\0" + said).digest(), path)
    if root is None or not signatures.verify(jwk, shared.WORD + signature[:2] + root, signature[-64:]):
        return None
    return root, index, size


@pytest.mark.parametrize("sizes", [range(2, 40), range(40, 131, 7), (127, 128, 129, 1023, 1024)])
def test_what_stands_where_is_told_as_it_is_straight_on(sizes) -> None:
    chance, mine = random.Random(5), key()
    for size in sizes:
        said = [chance.randbytes(chance.randint(0, 60)) for _ in range(size)]
        signed = shared.sign_all(mine, said)
        for at in range(size) if size < 40 else {0, size - 1, *chance.sample(range(size), 6)}:
            whole = signed[at]
            spoiled = bytearray(whole)
            spoiled[chance.randrange(len(whole))] ^= chance.randrange(1, 256)
            cut = chance.randrange(len(whole))
            others = [(size, at ^ 1), (size - 1, at), (size + 1, at), (size, size), (chance.randrange(2000), at), (65535, at)]
            wrong = [
                bytes(spoiled), whole[:cut], whole[cut:], whole + bytes(32), whole[:4] + whole[36:], whole[4:],
                *(other.to_bytes(2) + index.to_bytes(2) + whole[4:] for other, index in others),
            ]  # fmt: skip
            for one in (whole, *wrong):
                found = shared.place_signed(mine.public, said[at], one)
                assert (found and (found.root, found.index, found.size)) == placed(mine.public, said[at], one)
                assert (found is not None) == (one == whole)
            assert found is None
