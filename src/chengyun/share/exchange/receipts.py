# SPDX-License-Identifier: Apache-2.0
"""Receipts: what was exchanged, by whose right, signed by the provider and countersigned by the consumer, in the log `exchange`.

The body's digest stands in the receipt, never the rows: a body carries a random `salt`, so that nobody finds out from the
digest of a small one what stood in it. docs/exchange.md lists every word; chengyun.share.ledger.verifier checks them alone.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import hashlib
import json
import secrets
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chengyun.access.grants import require_counted
from chengyun.access.keystore import SigningKey, public_keys, signing_key, verify
from chengyun.access.parts import Part
from chengyun.cases import prepared
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.share import ledger
from chengyun.share.exchange import entries, parties
from chengyun.share.exchange.entries import parse
from chengyun.share.exchange.models import DayChanged, Party, Receipt
from chengyun.share.ledger import queries, shared
from chengyun.share.ledger.heads import SignedHead, stamp
from chengyun.share.ledger.queries import Entry
from chengyun.share.ledger.services import append, append_together, origin
from chengyun.share.ledger.verifier import canonical

__all__ = [
    "Beside", "Draft", "Issued", "bundle", "countersign", "first_number", "issue", "issue_many", "keep", "parse",
    "said_by_consumer", "sign_many", "write",
]  # fmt: skip

LOG = "exchange"
COUNTERSIGNED = "c."
"""Before a receipt's number in the name of the ledger's entry that holds its countersignature."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt will say. asked: the consumer's signature over the request, and the digest of what it signed.

    way: api, changes, file, subscription or push. digest: sha-256 of the body in hex; size: its bytes.
    """

    way: str
    party: Party
    consumer: str
    dataset: str
    purpose: str
    fields: Sequence[str]
    grants: Sequence[str]
    rows: int
    digest: str
    size: int
    as_of: int
    asked: Mapping[str, str] = {}


class Issued(msgspec.Struct, frozen=True):
    """A receipt as it was given. leaf: the canonical entry of the log."""

    number: str
    leaf: bytes


def issue(draft: Draft, now: dt.datetime) -> Issued:
    """Write a receipt in the caller's transaction."""
    return issue_many([draft], now)[0]


def issue_many(drafts: Sequence[Draft], now: dt.datetime) -> list[Issued]:
    """Write several receipts in the caller's transaction: two statements, however many they are."""
    made = sign_many(drafts, now, signing_key("node"), queries.head(LOG))
    keep(drafts, made, now)
    return made


def sign_many(
    drafts: Sequence[Draft], now: dt.datetime, key: SigningKey, head: SignedHead | None, shares: Sequence[bool] = ()
) -> list[Issued]:  # fmt: skip
    """Return receipts. They count once they are kept, in the caller's transaction.

    head: what they name as the log's former state; None before its first.
    shares: for each, whether its consumer takes a signature that it shares with others; such receipts are of version 2.
    """
    previous = entries.Previous(head.root.hex(), head.size) if head else entries.Previous(hashlib.sha256(b"").hexdigest(), 0)
    provider, at = origin(), stamp(now)
    together = list(shares) or [False] * len(drafts)
    if sum(together) < 2:
        together = [False] * len(drafts)
    numbers = _fresh(now, len(drafts))
    said = [
        entries.encoded(entries.Said(
            it.as_of, it.asked, at, it.consumer, it.party.key_id, it.dataset, it.digest, it.fields, it.grants, number, LOG,
            previous, provider, key.key_id, it.purpose, it.rows, entries.SHARED if is_shared else entries.ALONE, it.way,
        ))
        for it, number, is_shared in zip(drafts, numbers, together, strict=True)
    ]  # fmt: skip
    common = [one for one, is_shared in zip(said, together, strict=True) if is_shared]
    signed = iter(shared.sign_all(key, common) if common else ())
    return [
        Issued(number, entries.written(one, next(signed) if is_shared else key.sign(one)))
        for number, one, is_shared in zip(numbers, said, together, strict=True)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Beside:
    """What is written with receipts, in their statement. record: who read whose rows.

    grants, counted: reads under these; seen, taken: the requests that are answered, to be noted as taken.
    """

    grants: Collection[str] = ()
    counted: Part | None = None
    record: Part | None = None
    seen: parties.Seen = field(default_factory=dict)
    taken: Part | None = None

    @property
    def parts(self) -> list[Part]:
        return [one for one in (self.counted, self.record, self.taken) if one]

    @property
    def text(self) -> str:
        """What follows in a WITH that has begun; it tells how many reads were counted, and roots taken."""
        return _with(tuple(one.text for one in self.parts), counts=bool(self.counted), takes=bool(self.taken))

    @property
    def values(self) -> list[str | int | None]:
        return [value for one in self.parts for value in one.values]

    def require(self, counted: int, taken: int) -> None:
        """Raise Refused where a grant is used up, Replayed (parties.py) where a request was taken before."""
        if self.counted:
            require_counted(self.grants, counted)
        parties.require_all(self.seen, taken)


def write(beside: Beside) -> None:
    """Write this without receipts, in the caller's transaction: one statement. Raises as Beside.require does."""
    if beside.parts:
        ((counted, taken),) = prepared.fetch("WITH" + beside.text.removeprefix(","), beside.values)
        beside.require(counted, taken)


def keep(drafts: Sequence[Draft], made: Sequence[Issued], now: dt.datetime, beside: Beside | None = None) -> None:
    """Write signed receipts of these drafts to the log and the index, in the caller's transaction: one statement.

    Raises as Beside.require does.
    """
    rows = [
        {
            "number": one.number, "way": it.way, "consumer": it.consumer, "dataset": it.dataset, "purpose": it.purpose,
            "grants": it.grants, "rows": it.rows, "bytes": it.size,
        }
        for one, it in zip(made, drafts, strict=True)
    ]  # fmt: skip
    beside = beside or Beside()
    values = [now, origin(), msgspec.json.encode(rows).decode(), *beside.values]
    ((counted, taken),) = append_together(LOG, [one.leaf for one in made], _INDEX + beside.text, values)
    beside.require(counted, taken)


@functools.cache
def _with(parts: tuple[str, ...], *, counts: bool, takes: bool) -> str:
    # In this order: who counts a read locks its grant's line before its own root, in one statement as in several.
    counted, taken = "(SELECT count(*) FROM counted)", "(SELECT count(*) FROM taken)"
    told = ("SELECT", counted if counts else "0", ",", taken if takes else "0")
    return "".join((*(f", {one}" for one in parts), " ".join(("", *told))))


_INDEX = """
, kept AS (INSERT INTO exchange_receipt (number, at, way, provider, consumer, dataset, purpose, grants, rows, bytes, entry, part)
SELECT u.number, %s::timestamptz, u.way, %s::text, u.consumer, u.dataset, u.purpose, u.grants, u.rows, u.bytes, added.id, u.part
FROM added, ROWS FROM (json_to_recordset(%s::json) AS (number uuid, way text, consumer text, dataset text, purpose text,
    grants varchar(16)[], rows bigint, bytes bigint)) WITH ORDINALITY
    AS u (number, way, consumer, dataset, purpose, grants, rows, bytes, part))
"""


def _fresh(now: dt.datetime, count: int) -> list[str]:
    """Return new receipts' numbers: nobody can guess one, and those of a time stand together in an index.

    Standard: RFC 9562, 5.7 (UUID version 7).
    """
    when, chance = f"{int(now.timestamp() * 1000):012x}", secrets.token_hex(10 * count)
    begins = f"{when[:8]}-{when[8:]}-7"
    return [
        f"{begins}{chance[at : at + 3]}-{_VARIANT[chance[at + 3]]}{chance[at + 4 : at + 7]}-{chance[at + 7 : at + 19]}"
        for at in range(0, 20 * count, 20)
    ]


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""Two bits by chance after the two that say which UUIDs these are."""


def first_number(at: dt.datetime) -> uuid.UUID:
    """Return what no receipt given at a moment or later has a smaller number than: they are found by it without being counted."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)


def said_by_consumer(leaf: bytes, key_id: str, now: dt.datetime) -> dict[str, Any]:
    """Return what a consumer signs to say that it got what a receipt speaks of."""
    receipt = parse(leaf)
    return {
        "receipt": receipt["id"], "entry": hashlib.sha256(leaf).hexdigest(), "consumer_key": key_id, "at": stamp(now),
    }  # fmt: skip


def countersign(party: Party, word: Mapping[str, Any], now: dt.datetime) -> bool:
    """Keep the consumer's word that it got what a receipt speaks of; return whether it is new. In a transaction of the caller's.

    word: {"countersignature": said_by_consumer(…), "signature": hex}. Raises Refused for another's, NotFound for no receipt.
    """
    said, signature = word.get("countersignature"), word.get("signature")
    if not isinstance(said, dict) or said.keys() != {"receipt", "entry", "consumer_key", "at"} or not isinstance(signature, str):
        raise Refused(
            "A countersignature holds `countersignature` (receipt, entry, consumer_key, at) and `signature`, in hex.",
            code="countersignature", status=400,
        )  # fmt: skip
    entry, receipt = _entry(_number(said["receipt"]))
    if receipt["consumer_key"] != party.key_id or said["consumer_key"] != party.key_id:
        raise NotFound(f"There is no receipt {said['receipt']} of yours.")
    if said["entry"] != hashlib.sha256(entry.leaf).hexdigest():
        raise Refused("The countersignature is of another entry than the receipt's.", code="countersignature", status=400)
    try:
        signed = bytes.fromhex(signature)
    except ValueError:
        signed = b""
    if not verify(party.jwk, canonical(said), signed) or signed.hex() != signature:
        raise Refused("The countersignature's signature is not of what it says.", code="countersignature", status=400)
    fresh = Receipt.objects.filter(number=said["receipt"], countersigned_at=None).update(countersigned_at=now)
    if fresh:
        _restate(said["receipt"], now)
        append(LOG, canonical({"countersignature": said, "signature": signature}), f"{COUNTERSIGNED}{said['receipt']}")
    return bool(fresh)


def disclaim(party: Party, word: Mapping[str, Any], now: dt.datetime) -> bool:
    """Keep the consumer's word that a receipt's answer never arrived, in the caller's transaction; return whether it is new."""
    said, signature = word.get("disclaimer"), word.get("signature")
    if not isinstance(said, dict) or said.keys() != {"receipt", "arrived", "consumer_key"} or not isinstance(signature, str):
        raise Refused(
            "A disclaimer holds `disclaimer` (receipt, arrived, consumer_key) and `signature`, in hex.",
            code="disclaimer", status=400,
        )  # fmt: skip
    number = _number(said["receipt"])
    _, receipt = _entry(number)
    if receipt["consumer_key"] != party.key_id or said["consumer_key"] != party.key_id:
        raise NotFound(f"There is no receipt {number} of yours.")
    try:
        signed = bytes.fromhex(signature)
    except ValueError:
        signed = b""
    if said["arrived"] is not False or not verify(party.jwk, canonical(said), signed):
        raise Refused("The disclaimer's signature is not of what it says.", code="disclaimer", status=400)
    fresh = Receipt.objects.filter(number=number, countersigned_at=None, disclaimed_at=None).update(disclaimed_at=now)
    if fresh:
        _restate(number, now)
        append(LOG, canonical({"disclaimer": said, "signature": signature}), f"d.{number}")
    return bool(fresh)


def _restate(number: str, now: dt.datetime) -> None:
    """Let a day that had ended before its receipt was spoken of be counted again (statistics.count_days)."""
    zone = config().zone
    day = Receipt.objects.values_list("at", flat=True).get(number=number).astimezone(zone).date()
    if day < now.astimezone(zone).date():
        DayChanged.objects.create(day=day)


def open_of(party: Party, limit: int = 200) -> list[str]:
    """Return the numbers of a party's receipts that it has neither countersigned nor disclaimed, oldest first."""
    found = Receipt.objects.filter(consumer=party.organisation.key, countersigned_at=None, disclaimed_at=None)
    return [str(one) for one in found.order_by("number").values_list("number", flat=True)[:limit]]


def bundle(number: str, *, size: int | None = None) -> bytes:
    """Return a receipt file: the entry with everything it takes to check it. Raises NotFound.

    size: of the head it is proved under; default the newest, sequencing first what still waits.
    """
    number = _number(number)
    entry, receipt = _entry(number)
    if entry.index is None:
        ledger.sequence(LOG)
        entry, receipt = _entry(number)
    head = queries.head(LOG) if size is None else queries.head_at(LOG, size)
    assert head is not None
    assert entry.index is not None
    proof = queries.inclusion(LOG, entry.index, head.size)
    file: dict[str, Any] = {
        "entry": json.loads(entry.leaf), "provider": _own_key(receipt["provider_key"]), "head": head.note,
        "inclusion": {"index": entry.index, "size": head.size, "hashes": [one.hex() for one in proof.hashes]},
    }  # fmt: skip
    if head.key_id != receipt["provider_key"]:
        file["signer"] = _own_key(head.key_id)  # the node's key was rotated since
    old = receipt["previous"]["size"]
    hashes = queries.consistency(LOG, old, head.size).hashes if old else ()
    file["consistency"] = {"old": old, "hashes": [one.hex() for one in hashes]}
    with contextlib.suppress(NotFound):
        file["countersigned"] = json.loads(queries.entry_named(LOG, f"{COUNTERSIGNED}{number}").leaf)
    # Programs that know version 1 alone take the consumer's key together with its countersignature only.
    if "countersigned" in file or receipt["version"] != entries.ALONE:
        jwk = Party.objects.get(key_id=receipt["consumer_key"]).jwk
        file["consumer"] = {name: jwk[name] for name in ("kty", "crv", "x", "y", "kid") if name in jwk}
    return canonical(file) + b"\n"


def _entry(number: str) -> tuple[Entry, dict[str, Any]]:
    """Return a receipt's entry and what it says. Raises NotFound, also where the index names another receipt's entry."""
    row = Receipt.objects.filter(number=number).values_list("entry", "part").first()
    if row is None:
        raise NotFound(f"There is no receipt {number}.")
    entry = queries.part(LOG, *row)
    receipt = parse(entry.leaf)
    if receipt["id"] != number:
        raise NotFound(f"The index says of receipt {number} that it is entry {row[0]}, {row[1]}: that is {receipt['id']}.")
    return entry, receipt


def _own_key(key_id: str) -> dict[str, str]:
    found = next((one for one in public_keys("node") if one["kid"] == key_id), None)
    if found is None:
        raise NotFound(f"The key {key_id} that signed it is not in this node's keystore.")
    return found


def _number(given: object) -> str:
    try:
        return str(uuid.UUID(str(given)))
    except ValueError:
        raise NotFound(f"There is no receipt {str(given)[:64]!r}.") from None
