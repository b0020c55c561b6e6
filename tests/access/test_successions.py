# SPDX-License-Identifier: Apache-2.0
"""A key's word for the next one is followed once, and nothing else: forged, repeated, circular, early, split, of a lost key."""

from __future__ import annotations

import datetime as dt
import functools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chengyun.access import ciphers, signatures, successions
from chengyun.access.keystore import Keystore, Master
from chengyun.access.signatures import Jwk

NOW = dt.datetime(2026, 11, 23, 7, 0, tzinfo=dt.UTC)


def private(number: int) -> bytes:
    return bytes([number]) * 32


def key(number: int) -> Jwk:
    return signatures.public("ed25519", private(number))


def kid(number: int) -> str:
    return key(number)["kid"]


def word(of: int, to: int | None, at: dt.datetime = NOW, by: int | None = None) -> dict[str, Any]:
    """Say which key comes after one. by: who signs, if not the key itself."""
    sign = functools.partial(signatures.sign, "ed25519", private(by or of))
    return successions.say(sign, kid(of), None if to is None else key(to), at)


def pins(*numbers: int) -> dict[str, dict[str, Any]]:
    return {kid(one): dict(key(one)) for one in numbers}


def test_a_chain_is_followed_and_the_old_key_is_kept_for_a_while() -> None:
    told = [word(3, 4), word(1, 2), word(2, 3)]
    kept, steps = successions.taken(pins(1), told, NOW)
    assert [(one.of, one.key and one.key["kid"]) for one in steps] == [(kid(at), kid(at + 1)) for at in (1, 2, 3)]
    assert [(name, "until" in kept[name]) for name in map(kid, (1, 2, 3, 4))] == [
        (kid(1), True), (kid(2), True), (kid(3), True), (kid(4), False),
    ]  # fmt: skip
    assert successions.believed(kept, NOW).keys() == kept.keys()
    late = NOW + successions.KEPT + dt.timedelta(seconds=1)
    assert successions.believed(kept, late).keys() == {kid(4)}
    assert successions.taken(kept, told, late) == (kept, []), "what was followed is not followed again"


def changed(what: str, value: object) -> dict[str, Any]:
    made = word(1, 2)
    made["succession"][what] = value
    return made


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("signed by the new key", [word(1, 2, by=2)]),
        ("another moment than was signed", [changed("at", "2026-11-23T06:59:59Z")]),
        ("another key than was signed", [changed("key", {name: key(3)[name] for name in ("kty", "crv", "x")})]),
        ("one word more", [changed("more", 1)]),
        ("dated past what clocks differ by", [word(1, 2, NOW + dt.timedelta(seconds=301))]),
        ("to itself", [word(1, 1)]),
        ("two that come after it", [word(1, 2), word(1, 3)]),
        ("of a stranger", [word(5, 2)]),
        ("no list", word(1, 2)),
        ("no words", [None, 7, "x", {}, {"succession": []}, {"succession": word(1, 2)["succession"]}]),
        ("deep", [{"succession": {"at": [[[]]], "from": kid(1), "key": {}, "to": ""}, "signature": "00"}]),
        ("more than are looked at", [word(1, 2)] * 257),
    ],
)  # fmt: skip
def test_nothing_else_is_followed(why: str, told: object) -> None:
    assert successions.taken(pins(1), told, NOW) == (pins(1), []), why
    assert successions.follow(key(1), [word(1, 2)], NOW), "the word itself is good"


def test_a_circle_ends_and_an_old_word_leads_nowhere() -> None:
    circle = [word(1, 2), word(2, 3), word(3, 1)]
    kept, steps = successions.taken(pins(1), circle, NOW)
    assert [one.of for one in steps] == [kid(1), kid(2)]
    again, none = successions.taken(kept, circle, NOW + dt.timedelta(days=1))
    assert (again, none) == (kept, [])
    stolen, none = successions.taken(kept, [word(1, 9)], NOW)
    assert (kid(9) in stolen, none) == (False, []), "a key that was succeeded names no second successor"
    both = successions.taken(pins(1, 2), [word(1, 2), word(2, 1)], NOW)[0]
    assert ["until" in both[kid(one)] for one in (1, 2)] == [True, False]


def test_a_chain_has_an_end() -> None:
    told = [word(at, at + 1) for at in range(1, 40)]
    assert len(successions.follow(key(1), told, NOW)) == successions.MOST


def test_a_lost_key_leads_nowhere_and_is_let_go() -> None:
    kept, steps = successions.taken(pins(1), [word(1, 2), word(1, None)], NOW)
    assert (kept, [(one.of, one.key) for one in steps]) == ({}, [(kid(1), None)])
    assert successions.taken(pins(1), [word(1, None, by=2), word(1, 2)], NOW)[0].keys() == {kid(1), kid(2)}
    succeeded = successions.taken(pins(1), [word(1, 2)], NOW)[0]
    assert successions.taken(succeeded, [word(1, None)], NOW)[0].keys() == {kid(2)}, "also once it was succeeded"


def test_what_may_not_be_taken_stops_the_way() -> None:
    kept, steps = successions.taken(
        pins(1), [word(1, 2), word(2, 3)], NOW, lambda one: one.key is not None and one.key["kid"] == kid(3)
    )
    assert (set(kept), len(steps)) == ({kid(1), kid(2)}, 1)


def test_what_else_is_signed_cannot_be_a_succession() -> None:
    said = word(1, 2)["succession"]
    bare = json.dumps(said, separators=(",", ":"), sort_keys=True).encode()
    as_message = signatures.sign("ed25519", private(1), bare).hex()
    assert successions.follow(key(1), [{"succession": said, "signature": as_message}], NOW) == []
    with pytest.raises(UnicodeDecodeError):
        successions.WORD.decode()


@pytest.mark.parametrize("suite", [ciphers.INTERNATIONAL, ciphers.DOMESTIC])
def test_a_keystore_says_which_key_came_after_which_and_which_was_lost(tmp_path: Path, suite: ciphers.Suite) -> None:
    def opened() -> Keystore:
        return Keystore(tmp_path, Master(tmp_path / "master.key"), suite)

    store = opened()
    first = store.signing_key()
    assert (store.successions(), store.older_keys()) == ([], ())
    store.rotate("node")
    store.rotate("node")
    now = dt.datetime.now(dt.UTC)
    last = opened().signing_key()
    way = successions.follow(first.public, json.loads(json.dumps(opened().successions())), now)
    assert way[-1].key == last.public
    assert [one.version for one in store.older_keys()] == [2, 1]
    store.lose(last.key_id)
    newest = opened()
    assert newest.signing_key().version == 4
    assert [one.version for one in newest.older_keys()] == [2, 1]
    way = successions.follow(first.public, newest.successions(), now)
    assert (way[-1].of, way[-1].key) == (last.key_id, None)
    assert [one.name for one in newest.entries() if one.lost is not msgspec.UNSET] == ["node"]
    assert newest.public_keys()[1] == last.public, "what it signed can still be checked"
    assert signatures.verify(last.public, b"said", last.sign(b"said"))
