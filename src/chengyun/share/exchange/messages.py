# SPDX-License-Identifier: Apache-2.0
"""Signed HTTP messages, both ways: what is covered, how it is written, how it is checked. Pure: no network, no clock.

    request     "@method" "@authority" "@path" "@query", "content-digest" when there is a body
                created, nonce, keyid, alg="ed25519", tag="chengyun-exchange"
    response    "@status" "content-digest", "exchange-nonce" (the request's), "exchange-receipt" when there is one

One profile and nothing else is taken: a signature that covers less is refused, so nobody can leave a part out.

Messages of one moment may share a signature (chengyun.share.ledger.shared): their alg is ed25519-shared, which each of them
covers, and Signature holds its way to the root that was signed. A request says with Accept-Signature that its answer may be so
signed; so does an answer of the next request. Who says nothing gets messages signed each by itself.
Standard: RFC 9421, 2, 3 and 5.1; RFC 9530, 2 (Content-Digest, sha-256); RFC 8941 for how lists and texts are written.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pybase64

from chengyun.access.keystore import SigningKey
from chengyun.access.signatures import verify
from chengyun.errors import Refused
from chengyun.share.ledger import shared

__all__ = [
    "ACCEPTS", "SHARED", "TAG", "Checked", "Unsigned", "accepts", "content_digest", "is_signed_by", "name_of", "place_signed",
    "read_signature", "sign_all", "sign_request", "sign_response", "unsigned_request", "unsigned_response", "verify_response",
]  # fmt: skip

TAG = "chengyun-exchange"
WINDOW_S = 300
"""How far a sender's clock may be from ours, either way."""
LABEL = "sig1"
_ASKED = '"@method" "@authority" "@path" "@query"'
_ASKED_WITH_BODY = f'{_ASKED} "content-digest"'
_TOLD = '"@status" "content-digest" "exchange-nonce"'
_TOLD_WITH_RECEIPT = f'{_TOLD} "exchange-receipt"'
ALGORITHMS = {"ed25519": "ed25519", "sm2": "sm2-sm3"}
"""What our keys' algorithms are called in a signature; sm2-sm3 is not registered with IANA."""
SHARED = "-shared"
"""After an algorithm's name: the signature is of several messages together."""
ACCEPTS = f'sig1=();alg="ed25519{SHARED}";tag="{TAG}", sig2=();alg="sm2-sm3{SHARED}";tag="{TAG}"'
"""Accept-Signature of whoever checks shared signatures; what they cover is the profile's to say."""
_ACCEPTED = {name: f';alg="{name}{SHARED}";' for name in ALGORITHMS.values()}

_LONGEST = 4 * ((shared.LONGEST + 2) // 3)
_NAME = r"[a-z*][a-z0-9_.*-]{0,31}"
_INPUT = re.compile(
    rf'(?P<label>{_NAME})=\((?P<covered>"[^"]+"(?: "[^"]+")*)\)(?P<params>(?:;[a-z]{{1,10}}=(?:"[^"\\]{{0,100}}"|\d{{1,12}}))+)'
)
_PARAM = re.compile(r';([a-z]+)=(?:"([^"]*)"|(\d+))')
_SIGNATURE = re.compile(rf"(?P<label>{_NAME})=:(?P<signature>[A-Za-z0-9+/]{{2,{_LONGEST}}}={{0,2}}):")
_OURS = re.compile(
    rf'(?P<label>{_NAME})=\((?P<covered>"[^"]+"(?: "[^"]+")*)\)(?P<params>;created=(?P<created>\d{{1,12}})'
    r';nonce="(?P<nonce>[A-Za-z0-9_-]{16,64})";keyid="(?P<keyid>[A-Za-z0-9_-]{1,64})";alg="(?P<alg>[a-z0-9-]{1,20})"'
    rf';tag="{TAG}")'
)
"""The parameters in the order in which this module writes them, as nearly every message has them: read in one go."""
_PARAMS = {"created": r"\d{1,12}", "nonce": r"[A-Za-z0-9_-]{16,64}", "keyid": r"[A-Za-z0-9_-]{1,64}", "alg": r"[a-z0-9-]{1,20}"}

_URL = re.compile(r"https?://([^/?#]+)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)

Signer = Callable[[bytes], bytes]


class Checked(msgspec.Struct, frozen=True):
    """A signature as it was found. base: what is signed. key_id: thumbprint of the key that is said to have signed it."""

    key_id: str
    algorithm: str
    created: int
    nonce: str
    base: bytes
    signature: bytes


Verifier = Callable[[Checked], bool]


class Unsigned(msgspec.Struct, frozen=True):
    """A message that is ready to be signed. base: what is signed; headers: those that go along, but for Signature."""

    base: bytes
    nonce: str
    headers: Mapping[str, str]

    def signed(self, signature: bytes) -> dict[str, str]:
        """Return the headers with the signature."""
        return {**self.headers, "signature": f"{LABEL}=:{pybase64.b64encode_as_string(signature)}:"}


def content_digest(body: bytes) -> str:
    """Return a body's digest as its header says it."""
    return f"sha-256=:{pybase64.b64encode_as_string(hashlib.sha256(body).digest())}:"


def sign_request(
    method: str, url: str, body: bytes, *, key_id: str, algorithm: str, sign: Signer, created: int, nonce: str | None = None
) -> dict[str, str]:
    """Return the headers that sign a request. url: absolute, as it goes over the wire."""
    made = unsigned_request(method, url, body, key_id=key_id, algorithm=ALGORITHMS[algorithm], created=created, nonce=nonce)
    return made.signed(sign(made.base))


def unsigned_request(
    method: str, url: str, body: bytes, *, key_id: str, algorithm: str, created: int, nonce: str | None = None
) -> Unsigned:  # fmt: skip
    """Return a request that is ready to be signed. algorithm: as the signature will name it."""
    where = _URL.match(url)
    if where is None:
        raise ValueError(f"{url[:80]!r} is no absolute address")
    authority, path, query = where.groups("")
    headers = {"content-digest": content_digest(body)} if body else {}
    nonce = nonce or secrets.token_urlsafe(18)
    params = _params(created, nonce, key_id, algorithm)
    signed = f"({_ASKED_WITH_BODY if body else _ASKED}){params}"
    base = _request_base(method, authority, path or "/", query, headers.get("content-digest", ""), signed)
    headers["signature-input"] = f"{LABEL}={signed}"
    return Unsigned(base, nonce, headers)


def name_of(key: SigningKey, *, is_shared: bool) -> str:
    """Return what a signature by a key is called."""
    return ALGORITHMS[key.algorithm] + (SHARED if is_shared else "")


def sign_all(key: SigningKey, made: Sequence[Unsigned]) -> list[dict[str, str]]:
    """Return the headers of messages that are signed together, whose algorithm says so."""
    return [one.signed(signature) for one, signature in zip(made, shared.sign_all(key, [it.base for it in made]), strict=True)]


def accepts(headers: Mapping[str, str], key: SigningKey) -> bool:
    """Say whether whoever sent a message takes signatures that this key shares among several. headers: names in lower case."""
    return _ACCEPTED[ALGORITHMS[key.algorithm]] in headers.get("accept-signature", "")


def is_signed_by(jwk: Mapping[str, Any], checked: Checked) -> bool:
    """Say whether the holder of a key made a signature: of this message alone, or of several, as the message itself says."""
    return place_signed(jwk, checked) is not None


def place_signed(jwk: Mapping[str, Any], checked: Checked) -> shared.Place | None:
    """Return where the holder of a key signed a message: no other of that key stands there. None where it did not.

    One that is signed by itself is the only one under what its nonce makes unique.
    """
    if not checked.algorithm.endswith(SHARED):
        alone = shared.Place(checked.nonce.encode(), 0, 1)
        return alone if verify(jwk, checked.base, checked.signature) else None
    kind = "sm2" if jwk.get("kty") == "EC" else "ed25519"
    return shared.place_signed(jwk, checked.base, checked.signature) if checked.algorithm == ALGORITHMS[kind] + SHARED else None


def read_signature(method: str, authority: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Checked:
    """Return a request's signature, not yet verified, once its digest and what it covers are right. headers: names in lower case.

    Raises Refused (401) for a message that is not signed by this profile.
    """
    found = _found(headers)
    _covers(found, _ASKED_WITH_BODY if body else _ASKED, headers, body)
    signed = f"({found.covered}){found.params}"
    return _checked(found, _request_base(method, authority, path, query, headers["content-digest"] if body else "", signed))


def sign_response(
    status: int, body: bytes, nonce: str, *, key_id: str, algorithm: str, sign: Signer, created: int, receipt: str = ""
) -> dict[str, str]:
    """Return the headers that sign an answer. nonce: the request's, so that the answer is to it and no other."""
    made = unsigned_response(
        status, body, nonce, key_id=key_id, algorithm=ALGORITHMS[algorithm], created=created, receipt=receipt
    )  # fmt: skip
    return made.signed(sign(made.base))


def unsigned_response(
    status: int, body: bytes, nonce: str, *, key_id: str, algorithm: str, created: int, receipt: str = ""
) -> Unsigned:  # fmt: skip
    """Return an answer that is ready to be signed. algorithm: as the signature will name it."""
    headers = {"content-digest": content_digest(body), "exchange-nonce": nonce}
    if receipt:
        headers["exchange-receipt"] = receipt
    own = secrets.token_urlsafe(12)
    signed = f"({_TOLD_WITH_RECEIPT if receipt else _TOLD}){_params(created, own, key_id, algorithm)}"
    base = _response_base(status, headers, signed)
    headers["signature-input"] = f"{LABEL}={signed}"
    return Unsigned(base, own, headers)


def verify_response(status: int, headers: Mapping[str, str], body: bytes, nonce: str, verify: Verifier, now: int) -> Checked:
    """Return an answer's signature. verify: whether the key it names made it (is_signed_by); False for keys not pinned.

    Raises Refused when the answer is not signed, not to this request, not by a known key, changed, or far from now.
    """
    found = _found(headers)
    _covers(found, _TOLD_WITH_RECEIPT if "exchange-receipt" in headers else _TOLD, headers, body)
    if headers.get("exchange-nonce") != nonce:
        raise _refused("The answer is to another request.")
    checked = _checked(found, _response_base(status, headers, f"({found.covered}){found.params}"))
    within_window(checked, now)
    if not verify(checked):
        raise _refused(f"The answer is not signed by a key that is pinned: {checked.key_id}.")
    return checked


def within_window(checked: Checked, now: int) -> None:
    """Raise Refused (401) when a message was signed further from now than clocks may differ."""
    away = checked.created - now
    if abs(away) > WINDOW_S:
        side = "ahead of" if away > 0 else "behind"
        raise _refused(
            f"The message was signed {abs(away)} s {side} this node's clock; at most {WINDOW_S} s are let pass. Set the clock.",
            code="clock",
        )


def _params(created: int, nonce: str, key_id: str, algorithm: str) -> str:
    return f';created={created};nonce="{nonce}";keyid="{key_id}";alg="{algorithm}";tag="{TAG}"'


class _Found(msgspec.Struct, frozen=True):
    """What Signature-Input and Signature say. params: as written, because as written it was signed; four of them."""

    covered: str
    params: str
    created: str
    nonce: str
    key_id: str
    algorithm: str
    signature: bytes


def _found(headers: Mapping[str, str]) -> _Found:
    if "signature-input" not in headers or "signature" not in headers:
        raise _refused("The message is not signed. Sign it as docs/exchange.md says.", code="unsigned")
    signed = _SIGNATURE.fullmatch(headers["signature"].strip())
    ours = _OURS.fullmatch(headers["signature-input"].strip())
    if ours is not None and signed is not None and ours[1] == signed[1]:
        _, covered, params, created, nonce, key_id, algorithm = ours.groups()
        return _Found(covered, params, created, nonce, key_id, algorithm, _untext(signed[2]))
    found = _INPUT.fullmatch(headers["signature-input"].strip())
    pairs = [(name, text or number) for name, text, number in _PARAM.findall(found["params"])] if found else []
    given = dict(pairs)
    if (
        found is None or signed is None or found["label"] != signed["label"] or len(given) != len(pairs)
        or given.keys() != {*_PARAMS, "tag"} or given["tag"] != TAG
        or not all(re.fullmatch(pattern, given[name]) for name, pattern in _PARAMS.items())
    ):  # fmt: skip
        raise _refused(
            f'The signature is not by this profile: one signature, with created, nonce, keyid, alg and tag="{TAG}", each once.'
        )
    return _Found(
        found["covered"], found["params"], given["created"], given["nonce"], given["keyid"], given["alg"], _untext(signed[2])
    )


def _untext(signature: str) -> bytes:
    try:
        return pybase64.b64decode(signature, validate=True)
    except ValueError:
        raise _refused("The signature is no base64.") from None


def _covers(found: _Found, covered: str, headers: Mapping[str, str], body: bytes) -> None:
    if found.covered != covered:
        raise _refused(f"The signature covers {found.covered}; expected {covered}, in this order.")
    if covered != _ASKED and headers.get("content-digest") != content_digest(body):
        raise _refused("Content-Digest is missing or not the digest (sha-256) of the body.", code="digest")


def _checked(found: _Found, base: bytes) -> Checked:
    return Checked(found.key_id, found.algorithm, int(found.created), found.nonce, base, found.signature)


def _request_base(method: str, authority: str, path: str, query: str, digest: str, signed: str) -> bytes:
    """digest: the header's, empty without a body; signed: components and parameters, as Signature-Input has them."""
    more = f'"content-digest": {digest}\n' if digest else ""
    return (
        f'"@method": {method}\n"@authority": {authority.lower()}\n"@path": {path}\n"@query": ?{query}\n{more}'
        f'"@signature-params": {signed}'
    ).encode()


def _response_base(status: int, headers: Mapping[str, str], signed: str) -> bytes:
    receipt = headers.get("exchange-receipt", "").strip()
    more = f'"exchange-receipt": {receipt}\n' if "exchange-receipt" in headers else ""
    return (
        f'"@status": {status}\n"content-digest": {headers["content-digest"]}\n"exchange-nonce": {headers["exchange-nonce"]}\n'
        f'{more}"@signature-params": {signed}'
    ).encode()


def _refused(sentence: str, code: str = "signature") -> Refused:
    return Refused(sentence, code=code, status=401)
