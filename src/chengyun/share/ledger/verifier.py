# SPDX-License-Identifier: Apache-2.0
"""Check a receipt of an exchange without trusting whoever handed it over: Python and `cryptography`, nothing else.

    python verifier.py receipt.json [--rows page.json] [--asked base.txt] [--key THUMBPRINT ...]
    chengyun verify receipt.json                                                  does the same

A receipt file is one JSON object in canonical form (RFC 8785: keys sorted, no space between, UTF-8, one newline at the end):

    entry           {"receipt": {…}, "signature": …}: the log entry; the provider's signature over canonical `receipt`,
                    in a receipt of version 1 its own, in hex; of version 2 shared with others (below), in base64url
    provider        {"kty", "crv", "x", "kid"}: the provider's public key, RFC 7517; `kid` its thumbprint, RFC 7638;
                    an SM2 key (GB/T 32918) has "y" as well
    inclusion       {"index", "size", "hashes": [hex, …]}: that the entry is in the log a head speaks of; RFC 9162, 2.1.3
    head            the provider's signed head, C2SP tlog-checkpoint
    signer          optional: the provider's public key that signed the head, where it is another than signed the receipt
    countersigned   optional {"countersignature": {…}, "signature": hex}: the consumer's word for the same receipt
    consumer        the consumer's public key, with `countersigned`; may stand without it
    consistency     optional {"old", "hashes"}: that the log the receipt named as `previous` is the beginning of this one

A shared signature is of the root of a small tree (RFC 9162, 2.1), and holds the way to it from this message alone:

    size (2 bytes) ‖ index (2 bytes) ‖ path (32 bytes each, nearest first) ‖ signature (64 bytes) of the word
    word: ff "chengyun-shared-1" 0a ‖ size ‖ root      leaf: H(00 ‖ message)      node: H(01 ‖ left ‖ right)

H is SHA-256 under Ed25519 keys and SM3 under SM2 keys; a tree has 2 to 1024 messages; the highest byte of a number comes first.
Every byte counts: the file must be exactly the canonical form of what it says, hex in small letters. What is proved is that
the holders of the keys said this, and that it stands in the log; whose keys they are, the reader must know: --key.
Exit code 0: everything holds. 1: something does not, and the sentence says what. 2: it is no receipt file.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEX = re.compile(r"(?:[0-9a-f]{2})+")
NEEDED = {"entry", "provider", "inclusion", "head"}
WORD = b"\xffchengyun-shared-1\n"
POSSIBLE = NEEDED | {"signer", "countersigned", "consumer", "consistency"}
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


class NoReceipt(Exception):
    """The file is none."""


@dataclass
class Checked:
    """What was proved. says: one sentence for each part, in order."""

    receipt: dict[str, Any] = field(default_factory=dict)
    says: list[str] = field(default_factory=list)


def canonical(value: Any) -> bytes:
    """Return the one way to write a value of objects, lists, text, whole numbers, true, false and null. RFC 8785."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.encode()


def verify(data: bytes, rows: bytes | None = None, keys: tuple[str, ...] = (), asked: bytes | None = None) -> Checked:
    """Check a receipt file, and the rows it speaks of where they are given.

    asked: what the consumer signed when it asked, the signature base of RFC 9421, 2.5.
    keys: thumbprints of keys the reader knows; when given, the provider's (and the consumer's) must be among them.
    Raises Wrong with the first thing that does not hold, NoReceipt for what is no receipt file at all.
    """
    bundle = _read(data)
    done = Checked()
    entry, provider = _object(bundle, "entry", {"receipt", "signature"}), _key(bundle, "provider", keys)
    receipt = done.receipt = entry["receipt"]
    if not isinstance(receipt, dict):
        raise Wrong("entry.receipt is no object.")
    if receipt.get("provider_key") != provider.name:
        raise Wrong("The receipt names another key of the provider than the file holds.")
    _provided(provider, receipt, entry["signature"])
    done.says.append(f"Signed by the provider's key {provider.name}.")
    signer = _key(bundle, "signer", keys) if "signer" in bundle else provider
    size, root = _head(bundle["head"], signer, receipt)
    later = f" by the provider's other key {signer.name}" if signer.name != provider.name else ""
    done.says.append(f"The log {receipt.get('log')} had {size} entries when its head was signed{later}.")
    leaf = hashlib.sha256(b"\x00" + canonical(entry)).digest()
    inclusion = _object(bundle, "inclusion", {"index", "size", "hashes"})
    if inclusion["size"] != size:
        raise Wrong("The proof of inclusion is for another head.")
    if _root_from(leaf, inclusion["index"], size, _hashes(inclusion["hashes"])) != root:
        raise Wrong("The entry is not in the log at the place the proof names.")
    done.says.append(f"It is entry {inclusion['index']} of that log.")
    if "countersigned" in bundle:
        done.says.append(_countersigned(bundle, receipt, entry, keys))
    elif "consumer" in bundle and _key(bundle, "consumer", keys).name != receipt.get("consumer_key"):
        raise Wrong("The file's consumer is another than the receipt's.")
    if asked is not None:
        done.says.append(_asked(bundle, receipt, asked, keys))
    if "consistency" in bundle:
        done.says.append(_consistent(bundle, receipt, size, root))
    if rows is not None:
        if hashlib.sha256(rows).hexdigest() != receipt.get("digest"):
            raise Wrong("The rows are not those the receipt was given for.")
        done.says.append(f"The rows are those it was given for: {receipt.get('rows')}.")
    return done


@dataclass(frozen=True)
class _Key:
    """raw: the point, 32 bytes a coordinate. kind: how a head's signature names it."""

    name: str
    raw: bytes
    kind: bytes

    def holds(self, data: bytes, signature: bytes) -> bool:
        if len(self.raw) == 64:
            return _sm2(self.raw, data, signature)
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True


def _provided(provider: _Key, receipt: dict[str, Any], signature: Any) -> None:
    """Raise Wrong unless the provider signed a receipt in the form of its version."""
    otherwise = "The provider's signature is not of this receipt"
    version = receipt.get("version", 1)
    if type(version) is not int or version not in (1, 2):
        raise Wrong(f"The receipt is of version {version!r}; this program checks 1 and 2. Take a newer one.")
    if version == 1:
        _signed(provider, canonical(receipt), signature, otherwise)
    else:
        _signed_shared(provider, canonical(receipt), signature, otherwise)


def _asked(bundle: dict[str, Any], receipt: dict[str, Any], base: bytes, keys: tuple[str, ...]) -> str:
    """Check that the consumer signed the request a receipt was given for."""
    said = receipt.get("asked")
    if "consumer" not in bundle:
        raise Wrong("The file holds no key of the consumer, so what was asked cannot be checked by it.")
    consumer = _key(bundle, "consumer", keys)
    if not isinstance(said, dict) or said.get("signed") != hashlib.sha256(base).hexdigest():
        raise Wrong("What was asked is not what the receipt was given for.")
    otherwise = "The consumer's signature is not of what was asked"
    if said.keys() == {"signed", "signature"}:
        _signed(consumer, base, said["signature"], otherwise)
    elif said.keys() == {"signed", "shared"}:
        _signed_shared(consumer, base, said["shared"], otherwise)
    else:
        raise Wrong("asked must hold signed, and signature or shared, nothing more or less.")
    return f"Asked for by the consumer's key {consumer.name}."


def _read(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode()
        bundle = json.loads(text, object_pairs_hook=_no_twice)
    except (UnicodeDecodeError, ValueError, RecursionError) as wrong:
        raise NoReceipt(f"This is no receipt file: {wrong}.") from None
    if not isinstance(bundle, dict) or not bundle.keys() >= NEEDED:
        raise NoReceipt(f"This is no receipt file: it needs {', '.join(sorted(NEEDED))}.")
    if unknown := bundle.keys() - POSSIBLE:
        raise Wrong(f"The file holds {min(unknown)!r}, which no receipt file has.")
    try:
        again = canonical(bundle) + b"\n"
    except ValueError as wrong:
        raise Wrong(f"The file holds what has no canonical form: {wrong}.") from None
    if again != data:
        raise Wrong("The file is not in its canonical form: something in it was changed.")
    return bundle


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    if any(isinstance(value, float) for _, value in pairs):
        raise ValueError("a number is not whole")
    return dict(pairs)


def _object(bundle: dict[str, Any], name: str, words: set[str]) -> dict[str, Any]:
    found = bundle.get(name)
    if not isinstance(found, dict) or found.keys() != words:
        raise Wrong(f"{name} must hold {', '.join(sorted(words))}, nothing more or less.")
    return found


def _key(bundle: dict[str, Any], name: str, known: tuple[str, ...]) -> _Key:
    found = bundle.get(name)
    kind = (str(found.get("kty")), str(found.get("crv"))) if isinstance(found, dict) else ("", "")
    words = KINDS.get(kind)
    if words is None:
        raise Wrong(f"{name}: only Ed25519 keys (kty OKP, crv Ed25519) and SM2 keys (kty EC, crv SM2) are checked here.")
    jwk = _object(bundle, name, {*words, "kid"})
    if not all(isinstance(it, str) for it in jwk.values()):
        raise Wrong(f"{name}: what a key holds is text.")
    raw = b"".join(_coordinate(jwk[word], f"{name}: {word}") for word in words if word in "xy")
    thumb = _text(hashlib.sha256(canonical({word: jwk[word] for word in words})).digest())
    if thumb != jwk["kid"]:
        raise Wrong(f"{name}: kid is not the thumbprint of the key.")
    if known and thumb not in known:
        raise Wrong(f"The {name}'s key {thumb} is none of those you know.")
    if kind[0] == "OKP":
        return _Key(thumb, raw, b"\x01")
    x, y = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    if max(x, y) >= P or (y * y - x * x * x - A * x - B) % P:
        raise Wrong(f"{name}: x and y are no point of the SM2 curve.")
    return _Key(thumb, raw, b"\xffsm2")


def _coordinate(text: str, where: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    if len(raw) != 32 or _text(raw) != text:
        raise Wrong(f"{where} is no key.")
    return raw


def _head(note: Any, signer: _Key, receipt: dict[str, Any]) -> tuple[int, bytes]:
    """Return the size and root a head speaks of. Standard: C2SP signed-note, tlog-checkpoint."""
    found = re.fullmatch(
        r"(?P<body>(?P<name>[^\n ]+)\n(?P<size>0|[1-9]\d{0,17})\n(?P<root>[A-Za-z0-9+/]{43}=)\ntime [0-9TZ:.-]{27}\n)"
        r"\n— (?P<signer>[^\n ]+) (?P<signature>[A-Za-z0-9+/]{91}=)\n",
        note if isinstance(note, str) else "",
    )
    if found is None:
        raise Wrong("head is no signed head.")
    name = found["name"]
    if name != f"{receipt.get('provider')}/{receipt.get('log')}" or found["signer"] != name:
        raise Wrong("The head is of another log than the receipt's.")
    root, signed = base64.b64decode(found["root"]), base64.b64decode(found["signature"])
    if base64.b64encode(root).decode() != found["root"] or base64.b64encode(signed).decode() != found["signature"]:
        raise Wrong("The head is not in its canonical form: something in it was changed.")
    if signed[:4] != hashlib.sha256(name.encode() + b"\n" + signer.kind + signer.raw).digest()[:4]:
        raise Wrong("The head is signed by another key than the file names.")
    _signed(signer, found["body"].encode(), signed[4:].hex(), "The head's signature is not the provider's")
    return int(found["size"]), root


def _countersigned(bundle: dict[str, Any], receipt: dict[str, Any], entry: dict[str, Any], keys: tuple[str, ...]) -> str:
    counter, consumer = _object(bundle, "countersigned", {"countersignature", "signature"}), _key(bundle, "consumer", keys)
    said = counter["countersignature"]
    if not isinstance(said, dict) or said.keys() != {"receipt", "entry", "consumer_key", "at"}:
        raise Wrong("countersignature must hold at, consumer_key, entry, receipt, nothing more or less.")
    if said["receipt"] != receipt.get("id") or said["entry"] != hashlib.sha256(canonical(entry)).hexdigest():
        raise Wrong("The countersignature is of another receipt.")
    if said["consumer_key"] != consumer.name or receipt.get("consumer_key") != consumer.name:
        raise Wrong("The countersignature is by another key than the one that asked.")
    _signed(consumer, canonical(said), counter["signature"], "The consumer's signature is not of this receipt")
    return f"Countersigned by the consumer's key {consumer.name}."


def _consistent(bundle: dict[str, Any], receipt: dict[str, Any], size: int, root: bytes) -> str:
    proof = _object(bundle, "consistency", {"old", "hashes"})
    previous = receipt.get("previous")
    if not isinstance(previous, dict) or proof["old"] != previous.get("size") or not isinstance(previous.get("root"), str):
        raise Wrong("The proof of consistency does not begin at the head the receipt names.")
    if not HEX.fullmatch(previous["root"]):
        raise Wrong("The receipt's previous root is not in hex.")
    if not _is_prefix(proof["old"], bytes.fromhex(previous["root"]), size, root, _hashes(proof["hashes"])):
        raise Wrong("The log the receipt named is not the beginning of this one: it was written anew.")
    return f"The log began with the {proof['old']} entries it had before."


def _signed(key: _Key, data: bytes, signature: Any, otherwise: str) -> None:
    if not isinstance(signature, str) or not HEX.fullmatch(signature):
        raise Wrong(f"{otherwise}: it is not in hex.")
    if not key.holds(data, bytes.fromhex(signature)):
        raise Wrong(f"{otherwise}.")


def _signed_shared(key: _Key, data: bytes, signature: Any, otherwise: str) -> None:
    """Raise Wrong unless a key signed the root of a tree in which these bytes stand where the signature says."""
    raw = b""
    if isinstance(signature, str) and re.fullmatch(r"[A-Za-z0-9_-]{100,600}", signature) and len(signature) % 4 != 1:
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    if _text(raw) != signature:
        raise Wrong(f"{otherwise}: it is no shared signature in base64url.")
    size, index, path = int.from_bytes(raw[:2], "big"), int.from_bytes(raw[2:4], "big"), raw[4:-64]
    if not 2 <= size <= 1024 or len(path) % 32:
        raise Wrong(f"{otherwise}: it is of a tree of {size} messages with {len(path)} bytes of path; a tree has 2 to 1024.")
    sm3 = len(key.raw) == 64
    hashes_beside = [path[at : at + 32] for at in range(0, len(path), 32)]
    root = _root_from(_hash(b"\x00" + data, sm3=sm3), index, size, hashes_beside, sm3=sm3)
    if root is None:
        raise Wrong(f"{otherwise}: its path is not as long as the way from message {index} of {size}.")
    if not key.holds(WORD + raw[:2] + root, raw[-64:]):
        raise Wrong(f"{otherwise}.")


def _hash(data: bytes, *, sm3: bool = False) -> bytes:
    return _sm3(data) if sm3 else hashlib.sha256(data).digest()


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


def _hashes(given: Any) -> list[bytes]:
    if not isinstance(given, list) or not all(isinstance(it, str) and len(it) == 64 and HEX.fullmatch(it) for it in given):
        raise Wrong("A proof's hashes are 64 hex digits each.")
    return [bytes.fromhex(it) for it in given]


def _node(left: bytes, right: bytes, *, sm3: bool = False) -> bytes:
    return _hash(b"\x01" + left + right, sm3=sm3)


def _root_from(leaf: bytes, index: Any, size: int, path: list[bytes], *, sm3: bool = False) -> bytes | None:
    """Return the root that a leaf and its path make; None when the path has another length. Standard: RFC 9162, 2.1.3.2."""
    if type(index) is not int or not 0 <= index < size:
        return None
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = _node(p, r, sm3=sm3)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = _node(r, p, sm3=sm3)
        fn, sn = fn >> 1, sn >> 1
    return r if sn == 0 else None


def _is_prefix(old: Any, old_root: bytes, new: int, new_root: bytes, path: list[bytes]) -> bool:
    """Say whether a tree is the beginning of another. Standard: RFC 9162, 2.1.4.2."""
    if type(old) is not int or not 0 <= old <= new:
        return False
    if old == 0:
        return old_root == hashlib.sha256(b"").digest() and not path
    if old == new:
        return old_root == new_root and not path
    if not path:
        return False
    if old & (old - 1) == 0:
        path = [old_root, *path]
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(c, fr), _node(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == new_root and sn == 0


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def main(argv: list[str] | None = None) -> int:
    """Check a file and say what holds."""
    parser = argparse.ArgumentParser(prog="verify", description="Check a receipt of an exchange.")
    add_arguments(parser)
    return run(parser.parse_args(argv))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("receipt", help="receipt file; - reads it from standard input")
    parser.add_argument("--rows", metavar="FILE", help="the body that came with it")
    parser.add_argument("--asked", metavar="FILE", help="what the consumer signed when it asked (signature base, RFC 9421, 2.5)")
    parser.add_argument("--key", action="append", default=[], metavar="THUMBPRINT", help="a key you know; may be repeated")


def run(args: argparse.Namespace) -> int:
    try:
        data = sys.stdin.buffer.read() if args.receipt == "-" else Path(args.receipt).read_bytes()
        rows = Path(args.rows).read_bytes() if args.rows else None
        asked = Path(args.asked).read_bytes() if args.asked else None
        done = verify(data, rows, tuple(args.key), asked)
    except OSError as wrong:
        print(f"{wrong.filename} cannot be read: {wrong.strerror}.", file=sys.stderr)
        return 2
    except NoReceipt as wrong:
        print(wrong, file=sys.stderr)
        return 2
    except Wrong as wrong:
        print(f"WRONG: {wrong}", file=sys.stderr)
        return 1
    for sentence in done.says:
        print(sentence)
    if not args.key:
        print("Whose keys these are was not checked: name those you know with --key.")
    print("Everything holds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
