# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms: of the same shape, never taken for real, turned back by the key alone, and of no use for another purpose."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chengyun.access import ciphers, ff1, keystore, pseudonyms
from chengyun.access.keystore import Keystore, Master
from chengyun.access.masks import mask
from chengyun.access.pseudonyms import pseudonym, turn_back
from chengyun.errors import Refused
from chengyun.standards.identifiers import fault
from chengyun.standards.identifiers.persons import check_character

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"
# NIST, FF1samples.pdf: samples 1 to 9.
SAMPLES = [
    (size, tweak, plain, cipher)
    for size, ciphers_ in (
        (16, ("2433477484", "6124200773", "a9tv40mll9kdu509eum")),
        (24, ("2830668132", "2496655549", "xbj3kv35jrawxv32ysr")),
        (32, ("6657667009", "1001623463", "xs8a0azh2avyalyzuwd")),
    )
    for (tweak, plain), cipher in zip(
        (("", "0123456789"), ("39383736353433323130", "0123456789"), ("3737373770717273373737", "0123456789abcdefghi")),
        ciphers_, strict=True,
    )
]  # fmt: skip


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keystore:
    """A keystore of this test alone."""
    made = Keystore(tmp_path, Master(tmp_path / "master.key"), ciphers.INTERNATIONAL)
    monkeypatch.setattr(keystore, "keystore", lambda: made)
    return made


def people(count: int, seed: int = 1) -> list[str]:
    """Make up identity numbers of one district and a few decades, as close to each other as those of neighbours."""
    dice = random.Random(seed)
    bodies = {
        f"330203{dice.randint(1940, 2010)}{dice.randint(1, 12):02}{dice.randint(1, 28):02}{dice.randint(0, 999):03}"
        for _ in range(count)
    }
    return sorted(body + check_character(body) for body in bodies)


@pytest.mark.parametrize(("size", "tweak", "plain", "cipher"), SAMPLES)
def test_ff1_is_the_standards(size: int, tweak: str, plain: str, cipher: str) -> None:
    key, radix = bytes.fromhex(KEY)[:size], 36 if len(plain) > 10 else 10
    made = ff1.encrypt(key, bytes.fromhex(tweak), [LETTERS.index(char) for char in plain], radix)
    assert "".join(LETTERS[digit] for digit in made) == cipher
    assert ff1.decrypt(key, bytes.fromhex(tweak), made, radix) == [LETTERS.index(char) for char in plain]


@given(
    digits=some.lists(some.integers(0, 9), min_size=6, max_size=80),
    cipher=some.sampled_from(["aes", "sm4"]),
    tweak=some.binary(max_size=40),
)
def test_ff1_turns_back_whatever_its_length(digits: list[int], cipher: str, tweak: bytes) -> None:
    key = bytes(range(16))
    assert ff1.decrypt(key, tweak, ff1.encrypt(key, tweak, digits, 10, cipher), 10, cipher) == digits


def test_too_few_digits_are_not_encrypted() -> None:
    with pytest.raises(ValueError, match="fewer than 1000000"):
        ff1.encrypt(bytes(16), b"", [1, 2, 3], 10)


REAL = [
    ("id_number", "33020319900101001X"[:17] + check_character("33020319900101001")), ("id_number", "110105491231002"),
    ("phone", "13812345678"), ("phone", "0574-87181234"), ("phone", "010-12345678"), ("bank_card", "6222020200000000006"),
    ("plate", "浙B12345"), ("plate", "浙BD12345"), ("plate", "浙B1234警"),
]  # fmt: skip
KIND = {"id_number": "identity_number"}


@pytest.mark.parametrize("suite", ciphers.SUITES.values(), ids=lambda suite: suite.name)
def test_it_keeps_the_shape_is_never_real_and_turns_back(
    suite: ciphers.Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Keystore(tmp_path / "own", Master(tmp_path / "own" / "master.key"), suite)
    monkeypatch.setattr(keystore, "keystore", lambda: made)
    for kind, value in REAL:
        shown = pseudonym(kind, value, "statistics")
        assert shown == pseudonym(kind, value, "statistics")
        assert shown != value
        assert len(shown) == len(value) + (kind == "plate") + 3 * (len(value) == 15)
        assert fault(KIND.get(kind, kind), shown) is not None, shown
        found = turn_back(kind, shown, "statistics")
        assert found == value or found == "11010519491231002X"
        assert mask(f"pseudonym:{kind}", value, "statistics") == shown
    assert pseudonym("id_number", "110105491231002", "duty") == pseudonym("id_number", "11010519491231002x", "duty")
    assert pseudonym("phone", "(0574)87181234", "duty") == pseudonym("phone", "0574-87181234", "duty")


def test_what_is_malformed_or_has_no_pseudonym_is_hidden() -> None:
    for kind, value in (
        ("id_number", "330203199001010011"), ("id_number", "3302"), ("phone", "110"), ("bank_card", "6222020200000000007"),
        ("plate", "12345"), ("name", " "), ("email", "nobody"), 
        ("address", "月湖街道1号"), ("birth_date", "1990-01-01"), ("hidden", "x"),
    ):  # fmt: skip
        assert pseudonym(kind, value, "statistics") == "***"
    assert mask("pseudonym:name", "张三") == "***"
    with pytest.raises(Refused, match="needs the purpose"):
        pseudonym("name", "张三", "")


def test_another_purpose_kind_or_version_cannot_be_joined(store: Keystore) -> None:
    numbers = people(3000)
    one = [pseudonym("id_number", number, "statistics") for number in numbers]
    other = [pseudonym("id_number", number, "duty") for number in numbers]
    assert len(set(one)) == len(set(other)) == len(numbers)
    assert not set(one) & set(other)
    # Neighbours' numbers differ in few places; their pseudonyms agree in no more places than chance has it.
    for left, right in ((one, other), (one, one[1:]), (numbers, one)):
        pairs = list(zip(left, right, strict=False))
        same = sum(a == b for x, y in pairs for a, b in zip(x[:17], y[:17], strict=True))
        chance, spread = len(pairs) * 17 / 10, (len(pairs) * 17 * 0.09) ** 0.5
        assert abs(same - chance) < 5 * spread
    # Each digit of one, given the same digit of the other: no value is likelier (chi-square, 81 degrees of freedom).
    for place in (0, 6, 16):
        seen = Counter((a[place], b[place]) for a, b in zip(one, other, strict=True))
        rows, columns = Counter(a[place] for a in one), Counter(b[place] for b in other)
        expected = {(r, c): rows[r] * columns[c] / len(numbers) for r in rows for c in columns}
        assert sum((seen[pair] - value) ** 2 / value for pair, value in expected.items()) < 150
    assert pseudonym("name", "张三", "statistics") != pseudonym("key", "张三", "statistics")
    keys = {pseudonyms._keys(store, kind, purpose, 1).encrypting for kind in ("phone", "name") for purpose in ("a", "b")}
    assert len(keys) == 4


def test_rotation_makes_new_ones_and_still_turns_back_the_old(store: Keystore) -> None:
    number, phone = REAL[0][1], REAL[2][1]
    old, old_phone = pseudonym("id_number", number, "duty"), pseudonym("phone", phone, "duty")
    store.rotate(pseudonyms.SECRET)
    new = pseudonym("id_number", number, "duty")
    assert new != old
    assert pseudonym("id_number", number, "duty", 1) == old
    assert turn_back("id_number", old, "duty") == turn_back("id_number", new, "duty") == number
    assert turn_back("phone", old_phone, "duty", 1) == phone
    for version in range(3, 13):
        store.rotate(pseudonyms.SECRET)
        assert store.version(pseudonyms.SECRET) == version
    with pytest.raises(Refused, match="versions 2, 12 fit; say which one"):
        turn_back("id_number", new, "duty")
    assert turn_back("id_number", new, "duty", 2) == number


def test_only_the_right_key_and_purpose_turn_back() -> None:
    shown = pseudonym("id_number", REAL[0][1], "duty")
    assert turn_back("id_number", shown, "statistics") != REAL[0][1]
    with pytest.raises(Refused, match="no pseudonym of that kind"):
        turn_back("id_number", REAL[0][1], "duty")
    with pytest.raises(Refused, match="cannot be turned back"):
        turn_back("name", pseudonym("name", "张三", "duty"), "duty")
