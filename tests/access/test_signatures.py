# SPDX-License-Identifier: Apache-2.0
"""Digests, seals and signatures against the numbers their standards print, and against a changed byte anywhere."""

from __future__ import annotations

import concurrent.futures
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chengyun.access import ciphers, signatures
from chengyun.errors import Refused


def test_digests_are_those_of_the_standards() -> None:
    # GB/T 32905-2016, A.1 and A.2; FIPS 180-4's abc.
    assert ciphers.digest(b"abc", "sm3").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert ciphers.digest(b"abcd" * 16, "sm3").hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    assert ciphers.digest(b"abc", "sha-256").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    # HMAC-SM3 by the words of RFC 2104.
    inner, outer = bytes(b ^ 0x36 for b in b"key".ljust(64, b"\0")), bytes(b ^ 0x5C for b in b"key".ljust(64, b"\0"))
    assert ciphers.mac(b"key", b"said", "sm3") == ciphers.digest(outer + ciphers.digest(inner + b"said", "sm3"), "sm3")
    # RFC 4231, case 2.
    assert ciphers.mac(b"Jefe", b"what do ya want for nothing?", "sha-256").hex().startswith("5bdcc146bf60754e6a042426089575c7")


def test_sm4_gcm_is_that_of_rfc_8998(monkeypatch: pytest.MonkeyPatch) -> None:
    # RFC 8998, A.1.
    monkeypatch.setattr(ciphers.os, "urandom", lambda _: bytes.fromhex("00001234567800000000ABCD"))
    plain = bytes.fromhex("AA" * 8 + "BB" * 8 + "CC" * 8 + "DD" * 8 + "EE" * 8 + "FF" * 8 + "EE" * 8 + "AA" * 8)
    context = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    sealed = ciphers.seal(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), plain, context, "sm4-gcm")
    assert sealed[12:-16].hex().upper() == (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735D82710CA5C22F0CCFA7CBF93D496AC15"
        "A56834CBCF98C397B4024A2691233B8D"
    )
    assert sealed[-16:].hex().upper() == "83DE3541E4C2B58177E065A9BF7B62EC"


@pytest.mark.parametrize("algorithm", ["aes-256-gcm", "sm4-gcm"])
def test_a_changed_byte_key_or_context_does_not_open(algorithm: str) -> None:
    key = bytes(range(32))
    sealed = ciphers.seal(key, b"secret", b"here", algorithm)
    assert ciphers.unseal(key, sealed, b"here", algorithm) == b"secret"
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for wrong in (*changed, sealed[:-1], b"", sealed[:20]):
        with pytest.raises(Refused, match="cannot be opened"):
            ciphers.unseal(key, wrong, b"here", algorithm)
    with pytest.raises(Refused):
        ciphers.unseal(key, sealed, b"there", algorithm)
    with pytest.raises(Refused):
        ciphers.unseal(bytes(32), sealed, b"here", algorithm)


def test_sm2_signs_as_the_standard_does(monkeypatch: pytest.MonkeyPatch) -> None:
    # GB/T 32918.5-2017, A.2: the recommended curve, the message "message digest".
    import gmalg

    private = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
    jwk = signatures.public("sm2", private)
    assert signatures.untext(jwk["x"]).hex() == "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    assert signatures.untext(jwk["y"]).hex() == "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    chosen = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21

    def library() -> Any:
        return lambda *given, **named: gmalg.SM2(*given, uid=signatures.SM2_IDENTITY, rnd_fn=lambda _: chosen, **named)

    monkeypatch.setattr(signatures, "_sm2", library)
    signed = signatures.sign("sm2", private, b"message digest")
    assert signed.hex() == (
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    )
    monkeypatch.undo()
    assert signatures.verify(jwk, b"message digest", signed)


def test_ed25519_signs_as_rfc_8032_does() -> None:
    # RFC 8032, 7.1, test 2.
    private = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    jwk = signatures.public("ed25519", private)
    assert signatures.untext(jwk["x"]).hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signed = signatures.sign("ed25519", private, b"\x72")
    assert signed.hex().startswith("92a009a9f0d4cab8720e820b5f642540")
    assert signatures.verify(jwk, b"\x72", signed)


def test_ed25519_is_another_librarys() -> None:
    for size in (0, 1, 63, 64, 65, 4096):
        private, said = signatures.make("ed25519"), bytes(range(256)) * 16
        other, signed = Ed25519PrivateKey.from_private_bytes(private), signatures.sign("ed25519", private, said[:size])
        other.public_key().verify(signed, said[:size])
        assert other.sign(said[:size]) == signed
        assert signatures.untext(signatures.public("ed25519", private)["x"]) == other.public_key().public_bytes_raw()
        assert signatures.verify(signatures.public("ed25519", private), said[:size], other.sign(said[:size]))


def test_a_key_that_any_signature_would_fit_signs_nothing() -> None:
    # The neutral element as key and R, S = 0: S·B = R + k·A for whatever was said. RFC 8032, 5.1.7, leaves it to the verifier.
    neutral = b"\x01" + bytes(31)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": signatures.text(neutral)}
    assert not signatures.verify(jwk, b"whatever", neutral + bytes(32))


def test_keys_and_signatures_that_are_no_points_or_are_written_otherwise_sign_nothing() -> None:
    prime, order = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    # The points of order 1, 2, 4 and 8; every number from the prime on, which is written otherwise; with the sign set.
    small = [
        "00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    ]  # fmt: skip
    points = [bytes.fromhex(one) for one in small] + [(prime + at).to_bytes(32, "little") for at in range(19)]
    points += [one[:31] + bytes([one[31] | 0x80]) for one in points] + [b"\xff" * 32, b"\x02" + bytes(31)]
    for point in points:
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": signatures.text(point)}
        for r in points[:6]:
            for s in (0, 1, order - 1, order, order + 1, 2**256 - 1):
                assert not signatures.verify(jwk, b"x", r + s.to_bytes(32, "little"))
    private = signatures.make("ed25519")
    jwk, signed = signatures.public("ed25519", private), signatures.sign("ed25519", private, b"x")
    s = int.from_bytes(signed[32:], "little")
    for more in range(1, 15):
        assert not signatures.verify(jwk, b"x", signed[:32] + (s + more * order).to_bytes(32, "little"))


def test_a_key_is_read_from_base64url_alone() -> None:
    raw = b"\xfb\xff" * 16
    good = signatures.text(raw)
    assert signatures.untext(good) == raw
    assert "-" in good
    assert "_" in good
    for wrong in (
        good.replace("-", "+"), good.replace("_", "/"), good + "==", f" {good}", f"{good}\n", good[:5] + "\n" + good[5:],
        good[:-2], good + "é", "城" + good, good + "\ud800", good[:-1] + "\0", good + "A",
    ):  # fmt: skip
        with pytest.raises(Refused, match="expected 32 bytes"):
            signatures.verify({"kty": "OKP", "crv": "Ed25519", "x": wrong}, b"", bytes(64))


@pytest.mark.parametrize("algorithm", ["ed25519", "sm2"])
def test_no_other_message_key_or_signature_passes(algorithm: str) -> None:
    private, other = signatures.make(algorithm), signatures.make(algorithm)
    jwk = signatures.public(algorithm, private)
    signed = signatures.sign(algorithm, private, b"a receipt")
    assert len(private) == 32
    assert len(signed) == 64
    assert signatures.verify(jwk, b"a receipt", signed)
    assert not signatures.verify(jwk, b"a receipT", signed)
    assert not signatures.verify(signatures.public(algorithm, other), b"a receipt", signed)
    for at in (0, 31, 32, 63):
        assert not signatures.verify(jwk, b"a receipt", signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])
    for wrong in (b"", bytes(64), signed[:-1], signed + b"\0", b"\xff" * 64):
        assert not signatures.verify(jwk, b"a receipt", wrong)


def test_what_is_no_key_is_refused_with_a_sentence() -> None:
    good = signatures.public("sm2", signatures.make("sm2"))
    off = {**good, "y": good["x"]}
    with pytest.raises(Refused, match="no point of the SM2 curve"):
        signatures.verify(off, b"", bytes(64))
    for wrong in ({}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}):
        with pytest.raises(Refused, match="is not known"):
            signatures.verify(wrong, b"", bytes(64))
    for x in (None, "", "!!", 3, "AAAA"):
        with pytest.raises(Refused, match="expected 32 bytes"):
            signatures.verify({"kty": "OKP", "crv": "Ed25519", "x": x}, b"", bytes(64))


def test_a_keys_name_is_its_thumbprint() -> None:
    # RFC 8037, A.3.
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert signatures.thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_threads_sign_with_one_key_at_once() -> None:
    private = signatures.make("sm2")
    jwk = signatures.public("sm2", private)
    said = [f"receipt {n}".encode() for n in range(12)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        signed = list(threads.map(lambda data: signatures.sign("sm2", private, data), said))
    assert all(signatures.verify(jwk, data, one) for data, one in zip(said, signed, strict=True))
