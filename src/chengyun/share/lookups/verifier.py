# SPDX-License-Identifier: Apache-2.0
"""Check the proofs of looks at a person's record without trusting whoever handed them over: Python and `cryptography` alone.

    python verify_look.py looks.json [--key THUMBPRINT ...]        a download of 谁看过我的数据, or one proof

A proof is one JSON object:

    statement   what the city says of one read: who, when, what for, which fields, `persons.root` over whose rows
    person      {"leaf", "index", "size", "hashes"}: that a person's leaf is under that root; RFC 9162, 2.1.3
    log         {"index", "size", "hashes"}: that the statement is in the log
    head        the log's signed head, C2SP tlog-checkpoint
    key         the city's public key, RFC 7517; its `kid` is its thumbprint, RFC 7638; Ed25519, or SM2 (GB/T 32918)

What is proved is that the holder of the key answers for a log in which this read stands, with this person in it. Whose key it
is the reader must know: the city publishes its thumbprint; compare it, or give it with --key.
Exit code 0: everything holds. 1: something does not, and the sentence says what. 2: the file is none.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KINDS = {("OKP", "Ed25519"): ("crv", "kty", "x"), ("EC", "SM2"): ("crv", "kty", "x", "y")}
"""Kind of a key → what its thumbprint is made of."""
# Standard: GB/T 32918.5-2017, the curve recommended; y² = x³ + ax + b over the field of P, base point (GX, GY) of order N.
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
IDENTITY = b"1234567812345678"
"""Standard: GM/T 0009-2012, 10: where the two sides agreed on none."""


class Wrong(Exception):
    """Something does not hold."""


def verify(proof: dict[str, Any], keys: tuple[str, ...] = ()) -> str:
    """Check one proof; return the thumbprint of the key that answers for it. Raises Wrong with what does not hold."""
    try:
        return _verify(proof, keys)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as broken:
        raise Wrong(f"The proof is incomplete or not in its form: {broken}.") from None


def _verify(proof: dict[str, Any], keys: tuple[str, ...]) -> str:
    if set(proof) != {"statement", "person", "log", "head", "key"}:
        raise Wrong("A proof holds statement, person, log, head and key, nothing more or less.")
    statement, person = proof["statement"], proof["person"]
    if person["size"] != statement["persons"]["count"]:
        raise Wrong("The person's path is for another number of persons.")
    leaf = _leaf(bytes.fromhex(person["leaf"]))
    if _root(leaf, person["index"], person["size"], person["hashes"]).hex() != statement["persons"]["root"]:
        raise Wrong("The person is not among those whose rows were read.")
    thumbprint, point, kind = _key(proof["key"])
    if keys and thumbprint not in keys:
        raise Wrong(f"The key {thumbprint} is none of those you know.")
    size, root = _head(proof["head"], point, kind)
    if proof["log"]["size"] != size:
        raise Wrong("The path in the log is for another head.")
    said = json.dumps(statement, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    if _root(_leaf(said), proof["log"]["index"], size, proof["log"]["hashes"]) != root:
        raise Wrong("The statement is not in the log at the place the proof names.")
    return thumbprint


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def _root(node: bytes, index: int, size: int, hashes: list[str]) -> bytes:
    """Climb from a leaf to the root. Standard: RFC 9162, 2.1.3.2."""
    if not (isinstance(index, int) and isinstance(size, int) and 0 <= index < size):
        raise Wrong("A place in a tree lies outside it.")
    first, last = index, size - 1
    for one in hashes:
        if last == 0:
            raise Wrong("A path is too long.")
        other = bytes.fromhex(one)
        if first % 2 or first == last:
            node = hashlib.sha256(b"\x01" + other + node).digest()
            while first and not first % 2:
                first, last = first >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + other).digest()
        first, last = first >> 1, last >> 1
    if last:
        raise Wrong("A path is too short.")
    return node


def _key(jwk: dict[str, str]) -> tuple[str, bytes, bytes]:
    """Return a key's thumbprint, its point and how a head's signature names its kind."""
    kind = (jwk["kty"], jwk["crv"])
    if kind not in KINDS:
        raise Wrong(f"This program checks Ed25519 and SM2; the key is {jwk['kty']}/{jwk['crv']}.")
    kept = {name: jwk[name] for name in KINDS[kind]}
    found = hashlib.sha256(json.dumps(kept, separators=(",", ":"), sort_keys=True).encode()).digest()
    name = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
    if jwk["kid"] != name:
        raise Wrong("The key is not the one its name says.")
    point = b"".join(_coordinate(jwk[word]) for word in kept if word in "xy")
    if kind[0] == "OKP":
        return name, point, b"\x01"
    x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
    if max(x, y) >= P or (y * y - x * x * x - A * x - B) % P:
        raise Wrong("The key's x and y are no point of the SM2 curve.")
    return name, point, b"\xffsm2"


def _coordinate(text: str) -> bytes:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != 32 or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise Wrong("The key is none: a coordinate is 32 bytes in base64url.")
    return raw


def _head(note: str, point: bytes, kind: bytes) -> tuple[int, bytes]:
    body, _, line = note.rpartition("\n\n")
    body += "\n"
    lines = body.split("\n")
    dash, name, signed = line.rstrip("\n").split(" ")
    if dash != "—" or name != lines[0]:
        raise Wrong("The head's signature is of another log.")
    raw, root = _plain(signed), _plain(lines[2])
    if raw[:4] != hashlib.sha256(name.encode() + b"\n" + kind + point).digest()[:4]:
        raise Wrong("The head is signed with another key.")
    if not _signed(point, body.encode(), raw[4:]):
        raise Wrong("The head's signature does not hold.")
    return int(lines[1]), root


def _plain(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise Wrong("The head is not in its canonical form: something in it was changed.")
    return raw


def _signed(point: bytes, data: bytes, signature: bytes) -> bool:
    if len(point) == 64:
        return _sm2(point, data, signature)
    try:
        Ed25519PublicKey.from_public_bytes(point).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def _sm2(point: bytes, data: bytes, signature: bytes) -> bool:
    """Say whether the holder of a point signed these bytes; signature: r and s, 32 bytes each. Standard: GB/T 32918.2-2016, 7."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % N
    if len(signature) != 64 or not (0 < r < N and 0 < s < N and t):
        return False
    fixed = b"".join(it.to_bytes(32, "big") for it in (A, B, GX, GY))
    about = _sm3((len(IDENTITY) * 8).to_bytes(2, "big") + IDENTITY + fixed + point)
    e = int.from_bytes(_sm3(about + data), "big")
    key = (int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big"))
    met = _added(_times(s, (GX, GY)), _times(t, key))
    return met is not None and (e + met[0]) % N == r


_Point = tuple[int, int]


def _added(one: _Point | None, other: _Point | None) -> _Point | None:
    """Add two points of the curve; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] + A) * pow(2 * one[1], -1, P) % P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def _times(number: int, point: _Point) -> _Point | None:
    found: _Point | None = None
    added: _Point | None = point
    while number:
        if number & 1:
            found = _added(found, added)
        added = _added(added, added)
        number >>= 1
    return found


def main(words: list[str] | None = None) -> int:
    """Check a file; say for each look whether it holds."""
    parser = argparse.ArgumentParser(description="Check the proofs of looks at a person's record.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", action="append", default=[], metavar="THUMBPRINT", help="a key you know to be the city's")
    given = parser.parse_args(words)
    try:
        whole = json.loads(given.file.read_text(encoding="utf-8"))
        proofs = [whole] if "statement" in whole else [one["proof"] for one in whole["looks"]]
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        print(f"{given.file} is neither a proof nor a download with proofs: {wrong!r}.", file=sys.stderr)
        return 2
    bad = 0
    for number, proof in enumerate(proofs, 1):
        if proof is None:
            print(f"{number}: without a proof yet; download it again in a minute.")
            continue
        try:
            thumbprint = verify(proof, tuple(given.key))
            print(f"{number}: holds; record {proof['statement']['record']}, key {thumbprint}")
        except Wrong as wrong:
            bad += 1
            print(f"{number}: does NOT hold. {wrong}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
