# SPDX-License-Identifier: Apache-2.0
"""Check the proofs of looks at a person's record without trusting whoever handed them over: Python and `cryptography` alone.

    python verify_look.py looks.json [--key THUMBPRINT ...]        a download of 谁看过我的数据, or one proof

A proof is one JSON object:

    statement   what the city says of one read: who, when, what for, which fields, `persons.root` over whose rows
    person      {"leaf", "index", "size", "hashes"}: that a person's leaf is under that root; RFC 9162, 2.1.3
    log         {"index", "size", "hashes"}: that the statement is in the log
    head        the log's signed head, C2SP tlog-checkpoint
    key         the city's public key, RFC 7517; its `kid` is its thumbprint, RFC 7638

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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


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
    thumbprint = _thumbprint(proof["key"])
    if keys and thumbprint not in keys:
        raise Wrong(f"The key {thumbprint} is none of those you know.")
    size, root = _head(proof["head"], proof["key"])
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


def _thumbprint(jwk: dict[str, str]) -> str:
    if (jwk["kty"], jwk["crv"]) != ("OKP", "Ed25519"):
        raise Wrong(f"This program checks Ed25519; the key is {jwk['kty']}/{jwk['crv']}.")
    kept = {name: jwk[name] for name in ("crv", "kty", "x")}
    found = hashlib.sha256(json.dumps(kept, separators=(",", ":"), sort_keys=True).encode()).digest()
    name = base64.urlsafe_b64encode(found).rstrip(b"=").decode()
    if jwk["kid"] != name:
        raise Wrong("The key is not the one its name says.")
    return name


def _head(note: str, jwk: dict[str, str]) -> tuple[int, bytes]:
    body, _, line = note.rpartition("\n\n")
    body += "\n"
    lines = body.split("\n")
    dash, name, signed = line.rstrip("\n").split(" ")
    if dash != "—" or name != lines[0]:
        raise Wrong("The head's signature is of another log.")
    point = base64.urlsafe_b64decode(jwk["x"] + "=" * (-len(jwk["x"]) % 4))
    raw = base64.b64decode(signed, validate=True)
    if raw[:4] != hashlib.sha256(name.encode() + b"\n\x01" + point).digest()[:4]:
        raise Wrong("The head is signed with another key.")
    try:
        Ed25519PublicKey.from_public_bytes(point).verify(raw[4:], body.encode())
    except InvalidSignature:
        raise Wrong("The head's signature does not hold.") from None
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


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
