# SPDX-License-Identifier: Apache-2.0
"""Signatures that a stranger can check with a public key: Ed25519, or SM2 where the law asks for domestic algorithms.

A public key is a JWK (RFC 7517); its `kid` is its thumbprint (RFC 7638), so two keys never share one. A signature is 64 bytes:
Ed25519's own (RFC 8032), or SM2's r and s, 32 bytes each, with the identity of GM/T 0009 when none is agreed on.
"""

from __future__ import annotations

import functools
import json
import secrets
from collections.abc import Mapping
from typing import Any

import pybase64
from nacl import bindings
from nacl.exceptions import BadSignatureError

from chengyun.access.ciphers import digest
from chengyun.errors import Refused

Jwk = dict[str, str]
SM2_IDENTITY = b"1234567812345678"
"""Standard: GM/T 0009-2012, 10: the identity where the two sides agreed on none."""
_FROM_URL = bytes.maketrans(b"-_+/", b"+/--")
_THUMBED = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}


def make(algorithm: str) -> bytes:
    """Return a new private key, 32 bytes."""
    if algorithm == "ed25519":
        return secrets.token_bytes(32)
    return bytes(_sm2()().generate_keypair()[0]).rjust(32, b"\0")


def public(algorithm: str, private: bytes) -> Jwk:
    """Return the public half of a private key."""
    if algorithm == "ed25519":
        return named({"kty": "OKP", "crv": "Ed25519", "x": text(_ed25519_signer(private)[32:])})
    point = _sm2_point(private)
    return named({"kty": "EC", "crv": "SM2", "x": text(point[1:33]), "y": text(point[33:])})


def sign(algorithm: str, private: bytes, data: bytes) -> bytes:
    """Return the signature, 64 bytes."""
    if algorithm == "ed25519":
        return bindings.crypto_sign(data, _ed25519_signer(private))[:64]
    r, s = _sm2_signer(private).sign(data)
    return bytes(r).rjust(32, b"\0") + bytes(s).rjust(32, b"\0")


def verify(jwk: Mapping[str, Any], data: bytes, signature: bytes) -> bool:
    """Say whether the holder of a key signed these bytes. False also for what is no signature; Refused for what is no key."""
    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            point = _coordinate(jwk, "x")
            if len(signature) != 64:
                return False
            try:
                bindings.crypto_sign_open(signature + data, point)
            except BadSignatureError:
                return False
            return True
        case "EC", "SM2":
            verifier = _sm2_verifier(_coordinate(jwk, "x"), _coordinate(jwk, "y"))
            return len(signature) == 64 and bool(verifier.verify(data, signature[:32], signature[32:]))
    raise Refused(f"A key of the kind {jwk.get('kty')!r}/{jwk.get('crv')!r} is not known, expected OKP/Ed25519 or EC/SM2.")


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return a key's name, made from the key itself. Standard: RFC 7638 with SHA-256."""
    if jwk.get("kty") not in _THUMBED:
        raise Refused(f"A key of the kind {jwk.get('kty')!r} is not known, expected OKP or EC.")
    kept = {word: jwk.get(word) for word in _THUMBED[jwk["kty"]]}
    return text(digest(json.dumps(kept, separators=(",", ":"), sort_keys=True).encode(), "sha-256"))


def named(jwk: Jwk) -> Jwk:
    """Return a key with its own name in it."""
    return {**jwk, "kid": thumbprint(jwk)}


def text(data: bytes) -> str:
    """Return bytes as JSON carries them: base64url without padding."""
    return pybase64.urlsafe_b64encode(data).rstrip(b"=").decode()


def untext(written: str) -> bytes:
    """Return the bytes again. Raises ValueError for what is none."""
    return pybase64.b64decode((written + "=" * (-len(written) % 4)).encode("ascii").translate(_FROM_URL), validate=True)


def _coordinate(jwk: Mapping[str, Any], name: str) -> bytes:
    given = jwk.get(name)
    try:
        found = untext(given) if isinstance(given, str) else b""
    except ValueError:
        found = b""
    if len(found) != 32:
        raise Refused(f"The key's {name} is {jwk.get(name)!r}, expected 32 bytes in base64url.")
    return found


@functools.lru_cache(maxsize=16)
def _ed25519_signer(private: bytes) -> bytes:
    """Return a private key and its public half, 64 bytes: to derive it for every message would cost as much as signing.

    Raises ValueError for another length.
    """
    if len(private) != 32:
        raise ValueError(f"an Ed25519 private key has 32 bytes, not {len(private)}")
    made: bytes = bindings.crypto_sign_seed_keypair(private)[1]
    return made


def _sm2() -> Any:
    """The library is an extra: most cities sign with Ed25519 and need not carry it."""
    try:
        from gmalg import SM2
    except ImportError as absent:
        raise Refused("SM2 needs the extra `domestic`: install chengyun[domestic].") from absent
    return functools.partial(SM2, uid=SM2_IDENTITY)


def _sm2_signer(private: bytes) -> Any:
    """One for each signature: the library's objects carry the state of a digest, and threads would share it."""
    return _sm2()(private, pk=_sm2_point(private))


@functools.lru_cache(maxsize=16)
def _sm2_point(private: bytes) -> bytes:
    return bytes(_sm2()(private).generate_pk(private))


def _sm2_verifier(x: bytes, y: bytes) -> Any:
    if not _on_curve(x, y):
        raise Refused("The key's x and y are no point of the SM2 curve.")
    return _sm2()(pk=b"\x04" + x + y)


@functools.lru_cache(maxsize=1024)
def _on_curve(x: bytes, y: bytes) -> bool:
    """A point off the curve would let a stranger choose what is verified."""
    point = b"\x04" + x + y
    return bool(_sm2()(pk=point).verify_pk(point))
