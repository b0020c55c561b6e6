# SPDX-License-Identifier: Apache-2.0
"""Receipts under SM2 keys: the verifier that stands alone checks them as it checks others."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chengyun.access import signatures
from chengyun.access.keystore import SigningKey
from chengyun.share.ledger import shared, verifier
from chengyun.share.ledger.heads import sign_head

pytest.importorskip("gmalg")


def key(algorithm: str) -> SigningKey:
    private = signatures.make(algorithm)
    public = signatures.public(algorithm, private)
    return SigningKey(public["kid"], algorithm, 1, public, private)


def bundle(provider: SigningKey, consumer: SigningKey, version: int = 1) -> dict[str, Any]:
    """A log of one entry, and its only receipt; of version 2, signed together with another."""
    receipt = {
        "version": version,
        "id": "r1", "log": "exchange", "provider": "haishu", "provider_key": provider.key_id, "consumer_key": consumer.key_id,
        "rows": 1, "digest": hashlib.sha256(b"rows").hexdigest(),
    }  # fmt: skip
    said = verifier.canonical(receipt)
    signature = provider.sign(said).hex() if version == 1 else signatures.text(shared.sign_all(provider, [said, b"other"])[0])
    entry = {"receipt": receipt, "signature": signature}
    root = hashlib.sha256(b"\x00" + verifier.canonical(entry)).digest()
    head = sign_head("exchange", 1, root, dt.datetime(2026, 11, 22, tzinfo=dt.UTC), "haishu", provider)
    counter = {
        "receipt": "r1", "entry": hashlib.sha256(verifier.canonical(entry)).hexdigest(), "consumer_key": consumer.key_id,
        "at": "2026-11-22T00:00:00.000000Z",
    }  # fmt: skip
    return {
        "entry": entry, "provider": dict(provider.public), "inclusion": {"index": 0, "size": 1, "hashes": []}, "head": head.note,
        "countersigned": {"countersignature": counter, "signature": consumer.sign(verifier.canonical(counter)).hex()},
        "consumer": dict(consumer.public),
    }  # fmt: skip


def written(value: Mapping[str, Any]) -> bytes:
    return verifier.canonical(value) + b"\n"


@pytest.mark.parametrize(
    ("provider", "consumer", "version"), [("sm2", "sm2", 2), ("sm2", "ed25519", 1), ("ed25519", "sm2", 1)]
)  # fmt: skip
def test_a_receipt_under_domestic_keys_is_checked(provider: str, consumer: str, version: int) -> None:
    keys = key(provider), key(consumer)
    file = written(bundle(*keys, version))
    done = verifier.verify(file, b"rows", (keys[0].key_id, keys[1].key_id))
    assert any("Countersigned" in one for one in done.says)
    for at in range(0, len(file), 29):
        changed = file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]
        with pytest.raises((verifier.Wrong, verifier.NoReceipt)):
            verifier.verify(changed)


def test_a_point_off_the_curve_and_an_empty_signature_are_refused() -> None:
    one = bundle(key("sm2"), key("sm2"))
    stray = {**one["provider"], "x": one["provider"]["y"]}
    stray["kid"] = signatures.thumbprint(stray)
    receipt = {**one["entry"]["receipt"], "provider_key": stray["kid"]}
    with pytest.raises(verifier.Wrong, match="no point"):
        verifier.verify(written({**one, "provider": stray, "entry": {**one["entry"], "receipt": receipt}}))
    for signature in ("00" * 64, "ff" * 64, "01" * 63):
        with pytest.raises(verifier.Wrong, match="signature is not of this receipt"):
            verifier.verify(written({**one, "entry": {**one["entry"], "signature": signature}}))


@pytest.mark.parametrize("file", sorted((Path(__file__).parent / "kept").iterdir()), ids=lambda file: file.name)
def test_receipts_of_every_version_are_checked_for_ever(file: Path) -> None:
    """Made once, under keys of every kind; whoever changes the verifier leaves these as they are."""
    assert len(verifier.verify(file.read_bytes(), b"rows").says) == 5


def test_the_published_example_holds() -> None:
    """GB/T 32918.5-2017, A.2: the key, message and signature printed there, with the identity of that example."""
    point = bytes.fromhex(
        "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
        "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
    )
    signature = bytes.fromhex(
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    )
    assert verifier._sm2(point, b"message digest", signature)
    assert not verifier._sm2(point, b"message digest.", signature)
