# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms: for a purpose, another value in place of a person's, always the same one, of no use for any other purpose.

| kind | looks like | turned back | never taken for real, because |
|---|---|---|---|
| id_number | 18 characters | yes | its check character never fits |
| phone | 11 digits, or 4-8 | yes | it begins with 2, which no number here does |
| bank_card | as many digits | yes | its Luhn digit never fits |
| plate | one letter more | yes | it has an I, which no plate has |
| name, key | a word of 12 letters and digits | no | |
| email | an address at pseudonym.invalid | no | RFC 2606 keeps that domain empty |

Every purpose and kind has a key of its own, derived from the keystore's secret `pseudonyms`: who holds the lists of two purposes
cannot join them. After `chengyun keys rotate pseudonyms` new pseudonyms differ from the old ones; the old ones still turn back.
What is malformed, and what has no pseudonym that would hide it (an address, a date of birth), is hidden.

Standard: GB/T 37964-2019, A.4 (假名化); NIST SP 800-38G (FF1).
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from stdnum import luhn

from chengyun.access import ciphers, ff1, keystore
from chengyun.errors import Refused, nearest
from chengyun.standards.identifiers.persons import check_character, raise_to_18

SECRET = "pseudonyms"  # noqa: S105  # a name
HIDDEN = "***"
SERIAL = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
"""What a plate's serial may hold: no I, no O."""
_CHECKS = "0123456789X"


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of one purpose, kind and version."""

    version: int
    cipher: str
    encrypting: bytes
    naming: bytes
    digest: str

    def shuffle(self, text: str, alphabet: str, *, back: bool = False) -> str:
        turn = ff1.decrypt if back else ff1.encrypt
        found = turn(self.encrypting, b"", [alphabet.index(char) for char in text], len(alphabet), self.cipher)
        return "".join(alphabet[digit] for digit in found)

    def word(self, text: str) -> str:
        """Twelve letters and digits, 60 bits: among a billion persons two share one with a chance of 1 in 2."""
        return base64.b32encode(ciphers.mac(self.naming, text.encode(), self.digest))[:12].decode()


def pseudonym(kind: str, value: str, purpose: str, version: int | None = None) -> str:
    """Return the pseudonym of a value for a purpose; `***` for what is malformed or of a kind that has none.

    version: of the key; None: the newest. Raises Refused without a purpose: a pseudonym for everything is an identifier.
    """
    if not purpose:
        raise Refused("A pseudonym needs the purpose it is for.")
    if kind not in _MAKERS:
        return HIDDEN
    store = keystore.keystore()
    made = _MAKERS[kind](_keys(store, kind, purpose, version or store.version(SECRET)), value.strip())
    return HIDDEN if made is None else made


def turn_back(kind: str, text: str, purpose: str, version: int | None = None) -> str:
    """Return the value behind a pseudonym. Only `access.reversals` calls this, once two persons agreed.

    version: of the key; None: found by trying, as long as one alone fits. Raises Refused for what is no such pseudonym.
    """
    if kind not in _TURNERS:
        raise Refused(f"A pseudonym of the kind {kind!r} cannot be turned back.{nearest(kind, _TURNERS)} {_POSSIBLE}")
    store = keystore.keystore()
    found: dict[int, str] = {}
    for tried in [version] if version else range(store.version(SECRET), 0, -1):
        keys = _keys(store, kind, purpose, tried)
        value = _TURNERS[kind](keys, text.strip())
        # What comes out must be of its kind and give this very pseudonym again, the mark of its version included.
        if value is not None and _MAKERS[kind](keys, value) == text.strip():
            found[tried] = value
    if not found:
        raise Refused("This is no pseudonym of that kind, purpose and version.", code="no_pseudonym")
    if len(found) > 1:
        raise Refused(
            f"Keys of the versions {', '.join(map(str, sorted(found)))} fit; say which one made it.", code="which_version"
        )
    return next(iter(found.values()))


def version() -> int:
    """Return the version of the newest key."""
    return keystore.keystore().version(SECRET)


def order(dataset: str, purpose: str) -> tuple[int, str]:
    """Return the version of the newest key, and a salt under which rows are put into an order that tells nothing of their keys.

    Rows of two purposes, each in the order of their keys, could be laid side by side.
    """
    store = keystore.keystore()
    version = store.version(SECRET)
    digest = store.suite(SECRET, version).digest
    return version, ciphers.derive(store.secret(SECRET, version), f"order {dataset} {purpose}", 32, digest).hex()


def _keys(store: keystore.Keystore, kind: str, purpose: str, version: int) -> _Keys:
    suite = store.suite(SECRET, version)
    return _derived(store.secret(SECRET, version), version, kind, purpose, suite)


@functools.lru_cache(maxsize=512)
def _derived(secret: bytes, version: int, kind: str, purpose: str, suite: ciphers.Suite) -> _Keys:
    encrypting = ciphers.derive(secret, f"pseudonym encrypt {kind} {purpose}", suite.key_bytes, suite.digest)
    naming = ciphers.derive(secret, f"pseudonym name {kind} {purpose}", 32, suite.digest)
    return _Keys(version, "sm4" if suite is ciphers.DOMESTIC else "aes", encrypting, naming, suite.digest)


def _id_number(keys: _Keys, value: str) -> str | None:
    text = value.upper()
    if re.fullmatch(r"[0-9]{15}", text):
        text = raise_to_18(text)
    if not re.fullmatch(r"[0-9]{17}[0-9X]", text) or text[17] != check_character(text[:17]):
        return None
    body = keys.shuffle(text[:17], "0123456789")
    return body + _CHECKS[(_CHECKS.index(check_character(body)) + _offset(keys.version, 10)) % 11]


def _id_number_back(keys: _Keys, text: str) -> str | None:
    if not re.fullmatch(r"[0-9]{17}[0-9X]", text):
        return None
    body = keys.shuffle(text[:17], "0123456789", back=True)
    return body + check_character(body)


def _phone(keys: _Keys, value: str) -> str | None:
    plain = re.sub(r"[\s()]", "", value).removeprefix("+86")
    if re.fullmatch(r"1[3-9][0-9]{9}", plain):
        return "2" + keys.shuffle(plain[1:], "0123456789")
    if found := re.fullmatch(r"0([0-9]{2,3})-?([0-9]{7,8})", plain):
        area, digits = len(found[1]), keys.shuffle(found[1] + found[2], "0123456789")
        return f"2{digits[:area]}-{digits[area:]}"
    return None


def _phone_back(keys: _Keys, text: str) -> str | None:
    if re.fullmatch(r"2[0-9]{10}", text):
        return "1" + keys.shuffle(text[1:], "0123456789", back=True)
    if found := re.fullmatch(r"2([0-9]{2,3})-([0-9]{7,8})", text):
        area, digits = len(found[1]), keys.shuffle(found[1] + found[2], "0123456789", back=True)
        return f"0{digits[:area]}-{digits[area:]}"
    return None


def _bank_card(keys: _Keys, value: str) -> str | None:
    plain = re.sub(r"[\s-]", "", value)
    if not re.fullmatch(r"[0-9]{13,19}", plain) or not luhn.is_valid(plain):
        return None
    body = keys.shuffle(plain[:-1], "0123456789")
    return body + str((int(luhn.calc_check_digit(body)) + _offset(keys.version, 9)) % 10)


def _bank_card_back(keys: _Keys, text: str) -> str | None:
    if not re.fullmatch(r"[0-9]{13,19}", text):
        return None
    body = keys.shuffle(text[:-1], "0123456789", back=True)
    return body + str(luhn.calc_check_digit(body))


def _plate(keys: _Keys, value: str) -> str | None:
    found = re.fullmatch(rf"([\u4e00-\u9fff][A-HJ-NP-Z])[·•]?([{SERIAL}]{{4,6}})([挂学警港澳]?)", value.upper())
    return f"{found[1]}I{keys.shuffle(found[2], SERIAL)}{found[3]}" if found else None


def _plate_back(keys: _Keys, text: str) -> str | None:
    found = re.fullmatch(rf"([\u4e00-\u9fff][A-HJ-NP-Z])I([{SERIAL}]{{4,6}})([挂学警港澳]?)", text)
    return f"{found[1]}{keys.shuffle(found[2], SERIAL, back=True)}{found[3]}" if found else None


def _word(keys: _Keys, value: str) -> str | None:
    return keys.word(value) if value else None


def _email(keys: _Keys, value: str) -> str | None:
    return f"{keys.word(value.lower()).lower()}@pseudonym.invalid" if re.fullmatch(r"[^@\s]+@[^@\s]+", value) else None


def _offset(version: int, marks: int) -> int:
    """How far a check character is put off, never by nothing: it tells the version, as far as there are marks."""
    return (version - 1) % marks + 1


_MAKERS: dict[str, Callable[[_Keys, str], str | None]] = {
    "id_number": _id_number, "phone": _phone, "bank_card": _bank_card, "plate": _plate,
    "name": _word, "key": _word, "email": _email,
}  # fmt: skip
KINDS = frozenset(_MAKERS)
"""Kinds of masked values that have pseudonyms; every other is hidden where one is asked for."""
_TURNERS: dict[str, Callable[[_Keys, str], str | None]] = {
    "id_number": _id_number_back, "phone": _phone_back, "bank_card": _bank_card_back, "plate": _plate_back,
}  # fmt: skip
_POSSIBLE = f"Possible: {', '.join(_TURNERS)}."
