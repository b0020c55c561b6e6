# SPDX-License-Identifier: Apache-2.0
"""What is written in haste is what the slow way writes: receipts, their numbers, and signatures as they are read."""

from __future__ import annotations

import datetime as dt
import uuid

import msgspec
import pytest

from chengyun.access import signatures
from chengyun.errors import Refused
from chengyun.share.exchange import entries, messages, receipts
from chengyun.share.ledger.verifier import canonical

NOW = dt.datetime(2026, 11, 22, 9, 30, 0, 123_000, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "word",
    ["", "城运", 'say "so"', "back\\slash", "a/b", "<&>'", "\b\f\n\r\t", "".join(map(chr, range(32))), "\x7f\x80\u2028", "😀"],
)
def test_a_receipt_is_written_to_the_byte_as_its_verifier_writes_it(word: str) -> None:
    receipt = {
        "version": 1, "way": "api", "fields": [word, "name"], "grants": [], "asked": {"signed": word, "b": "1", word: ""},
        "previous": {"size": 2**62, "root": "0" * 64}, "rows": 0, "as_of": -4, "log": "exchange", "digest": "",
        **dict.fromkeys(("id", "at", "provider", "provider_key", "consumer", "consumer_key", "dataset", "purpose"), word),
    }  # fmt: skip
    assert entries.encoded(msgspec.convert(receipt, entries.Said)) == canonical(receipt)


def test_a_receipt_that_says_more_is_signed_for_all_it_says() -> None:
    private = signatures.make("ed25519")
    jwk = signatures.public("ed25519", private)
    receipt = {
        "version": 1, "way": "api", "fields": [], "grants": [], "asked": {}, "previous": {"size": 0, "root": "", "more": 1.5},
        "rows": 0, "as_of": 1, "log": "exchange", "digest": "", "provider_key": jwk["kid"], "another": ["word", None],
        **dict.fromkeys(("id", "at", "provider", "consumer", "consumer_key", "dataset", "purpose"), "中"),
    }  # fmt: skip

    def found(changed: dict[str, object], text: bytes = b"") -> entries.Said | None:
        leaf = entries.written(canonical({**receipt, **changed}), signatures.sign("ed25519", private, canonical(receipt)))
        return entries.signed_by(text or leaf, {jwk["kid"]: jwk})

    assert found({}) is not None
    for changed in ({"another": ["word"]}, {"previous": {"size": 0, "root": ""}}, {"and": 1}, {"rows": 1}, {"version": True}):
        assert found(changed) is None
    leaf = entries.written(canonical(receipt), signatures.sign("ed25519", private, canonical(receipt)))
    for text in (
        leaf[:-1] + b',"more":1}',
        leaf.replace(b'"rows":0', b'"rows":0,"rows":0'),
        leaf.replace(b":0", b": 0"),
        b"{}",
        b"[" * 9999,
    ):
        assert found({}, text) is None


def test_a_receipts_number_tells_its_time_and_nothing_else() -> None:
    numbers = [uuid.UUID(one) for one in receipts._fresh(NOW, 1000)]
    assert {(one.version, one.variant) for one in numbers} == {(7, "specified in RFC 4122")}
    assert {one.int >> 80 for one in numbers} == {int(NOW.timestamp() * 1000)}
    assert len({one.int & (1 << 62) - 1 for one in numbers}) == len(numbers)
    assert receipts._fresh(NOW + dt.timedelta(milliseconds=1), 1)[0] > str(max(numbers))


def test_a_signature_is_read_alike_in_whatever_order_its_parameters_stand() -> None:
    told = messages.sign_request(
        "GET", "http://here/rows?a=1", b"", key_id="k", algorithm="ed25519", sign=lambda _: b"s" * 64, created=7
    )
    covered, *params = told["signature-input"].split(";")
    for order in (params, params[::-1], [params[-1], *params[:-1]]):
        headers = {**told, "signature-input": ";".join([covered, *order])}
        found = messages.read_signature("GET", "here", "/rows", "a=1", headers, b"")
        assert (found.key_id, found.algorithm, found.created, found.signature) == ("k", "ed25519", 7, b"s" * 64)
        assert found.base.endswith(";".join(order).encode())
    bad = (params[:-1], [*params, params[0]], [*params, ";x=1"], ["created=x", *params[1:]], [*params[:-1], 'tag="other"'])
    for wrong in bad:
        with pytest.raises(Refused, match="profile"):
            messages.read_signature("GET", "here", "/rows", "a=1", {**told, "signature-input": ";".join([covered, *wrong])}, b"")
