# SPDX-License-Identifier: Apache-2.0
"""The other side of an exchange: requests that are signed, answers that are checked, receipts that are countersigned."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from chengyun.access import successions
from chengyun.access.keystore import SigningKey
from chengyun.collect.pull import outside
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable
from chengyun.share.exchange import answers, messages, receipts
from chengyun.share.ledger.verifier import canonical

__all__ = ["ANSWERED_WITHIN_S", "Client", "Told", "published"]

WITHIN_S = 60.0
MOST_BYTES = 64 * 1024 * 1024
"""Of an answer: 10,000 rows, the most a page may have, of 6 KB each. In memory whole: its digest is of all of it."""
ANSWERED_WITHIN_S = 300.0
"""For an exchange from its first byte to its last: MOST_BYTES over a line of 2 Mbit/s. Others wait behind it."""
MOST_PUBLISHED = 16 * 1024 * 1024
"""Of an answer that is open to all: statistics of 90 days, of 1,000 lines of 180 bytes each."""

FOLLOWS_EVERY_S = 60.0
Keys = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that was checked. leaf: the receipt's log entry, or empty."""

    status: int
    body: bytes
    leaf: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One neighbour's exchange, for one thread. pinned: its public keys by thumbprint; answers by others are refused.

    When an answer is by another key, the words of the pinned ones for those that come after them are followed
    (access/successions.py); `pinned` is then what to keep for the next time. follow: takes what /keys tells and returns what is
    pinned from then on. older: keys of ours before `key`, by which receipts are settled that were asked for by them.

    Raises Unavailable when it is away or does not come to an end (worth retrying), Malformed when it sends more than an answer
    can be, and the Problem it answers with.
    """

    def __init__(
        self, address: str, key: SigningKey, pinned: Keys, http: httpx.Client | None = None,
        follow: Callable[[Any], Keys] | None = None, older: Sequence[SigningKey] = (),
    ) -> None:  # fmt: skip
        self.address = address.rstrip("/")
        self.pinned: Keys = {name: dict(jwk) for name, jwk in pinned.items()}
        self._key, self._older = key, older
        self._follow, self._asks_again = follow or self._taken, 0.0
        self._http = http or outside.client(WITHIN_S, ANSWERED_WITHIN_S)

    def get(self, path: str, **params: object) -> Told:
        return self.ask("GET", path, params)

    def published(self, path: str) -> Any:
        """Return what it tells everybody, unsigned: `/statistics`, `/keys`, `/heads/{log}`."""
        return published(self._http, f"{self.address}{path}")

    def post(self, path: str, value: Any) -> Told:
        return self.ask("POST", path, {}, _encoded(value))

    def ask(
        self, method: str, path: str, params: Mapping[str, object], body: bytes = b"", key: SigningKey | None = None
    ) -> Told:  # fmt: skip
        """Send a signed request and return its checked answer. key: that signs it, where it is not the newest of ours."""
        own = key or self._key
        given = {name: value for name, value in params.items() if value is not None}
        url = f"{self.address}{path}" + (f"?{urlencode(given)}" if given else "")
        told, asked = self._send(method, url, body, key=own)
        with contextlib.closing(told):
            got = outside.body(told, MOST_BYTES, self.address)
        try:
            leaf = self._checked(told, got, asked, own)
        except Refused as wrong:
            if wrong.code not in ("signature", "receipt") or not self._follows():
                raise
            leaf = self._checked(told, got, asked, own)
        if told.status_code >= 400:
            raise problem_of(told.status_code, got)
        return Told(told.status_code, got, leaf)

    def _checked(self, told: httpx.Response, got: bytes, asked: messages.Unsigned, own: SigningKey) -> bytes:
        pinned = successions.believed(self.pinned, dt.datetime.now(dt.UTC))
        return answers.checked(
            told.status_code, dict(told.headers), got, asked, own.key_id, pinned, int(time.time())
        )  # fmt: skip

    def _follows(self) -> bool:
        """Ask for the keys that came after those that are pinned; return whether there are. At most once a minute."""
        now = time.monotonic()
        if now < self._asks_again:
            return False
        self._asks_again = now + FOLLOWS_EVERY_S
        before = self.pinned
        try:
            self.pinned = self._follow(self.published("/keys"))
        except Problem:
            return False
        return self.pinned != before

    def _taken(self, told: Any) -> Keys:
        said = told.get("successions") if isinstance(told, dict) else None
        return successions.taken(self.pinned, said, dt.datetime.now(dt.UTC))[0]

    def countersign(self, leaf: bytes) -> None:
        """Say that what a receipt speaks of has arrived, by the key that asked for it."""
        asked_by = receipts.parse(leaf)["consumer_key"]
        key = next((one for one in self._older if one.key_id == asked_by), self._key)
        said = receipts.said_by_consumer(leaf, key.key_id, dt.datetime.now(dt.UTC))
        word = {"countersignature": said, "signature": key.sign(canonical(said)).hex()}
        self.ask("POST", f"/receipts/{said['receipt']}/countersignature", {}, _encoded(word), key)

    def disclaim(self, number: str) -> None:
        """Say that what a receipt speaks of never arrived here, by the key that asked for it: the provider knows which it was."""
        for key in (own := (self._key, *self._older)):
            said = {"receipt": number, "arrived": False, "consumer_key": key.key_id}
            word = {"disclaimer": said, "signature": key.sign(canonical(said)).hex()}
            try:
                self.ask("POST", f"/receipts/{number}/disclaimer", {}, _encoded(word), key)
                break
            except NotFound:
                if key is own[-1]:
                    raise

    def part(self, path: str, start: int, end: int) -> bytes:
        """Return bytes start to end, inclusive, of a file's part; its manifest says what they must be."""
        told, _ = self._send("GET", f"{self.address}{path}", b"", {"range": f"bytes={start}-{end}"})
        with contextlib.closing(told):
            if told.status_code not in (200, 206):
                raise problem_of(told.status_code, outside.body(told, MOST_BYTES, self.address))
            # One that does not know ranges sends the part from its beginning; none is believed to stop where it was asked to.
            skipped, wanted, got = 0 if told.status_code == 206 else start, end - start + 1, bytearray()
            for block in outside.blocks(told, self.address):
                got += block[skipped:]
                skipped = max(skipped - len(block), 0)
                if len(got) >= wanted:
                    break
            return bytes(got[:wanted])

    def close(self) -> None:
        self._http.close()

    def _send(
        self, method: str, url: str, body: bytes, more: Mapping[str, str] | None = None, key: SigningKey | None = None
    ) -> tuple[httpx.Response, messages.Unsigned]:  # fmt: skip
        """Send a signed request; return the head of its answer, whose body the caller reads and closes."""
        own = key or self._key
        request = self._http.build_request(method, url, content=body or None)
        target = request.url.copy_with(raw_path=request.url.raw_path)
        made = messages.unsigned_request(
            method, f"{target.scheme}://{request.headers['host']}{target.raw_path.decode('ascii')}", body,
            key_id=own.key_id, algorithm=messages.name_of(own, is_shared=False), created=int(time.time()),
        )  # fmt: skip
        signed = made.signed(own.sign(made.base))
        request.headers.update(
            {"accept-signature": messages.ACCEPTS, "accept-encoding": "identity", **signed, **(more or {})}
        )  # fmt: skip
        try:
            return self._http.send(request, stream=True), made
        except httpx.HTTPError as wrong:
            raise Unavailable(f"{self.address} cannot be reached: {type(wrong).__name__}.") from wrong


def published(http: httpx.Client, address: str) -> Any:
    """Return the JSON an address tells everybody. Nothing vouches for it but the line it came by.

    Raises Unavailable, Malformed (also for what is no JSON), and the Problem it answers with.
    """
    try:
        with http.stream("GET", address) as told:
            got = outside.body(told, MOST_PUBLISHED, address)
    except httpx.HTTPError as wrong:
        raise Unavailable(f"{address} cannot be reached: {type(wrong).__name__}.") from wrong
    if told.status_code != 200:
        raise problem_of(told.status_code, got)
    try:
        return json.loads(got)
    except (ValueError, RecursionError) as wrong:
        raise Malformed(f"{address} answered with no JSON.", code="answer") from wrong


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def problem_of(status: int, body: bytes) -> Problem:
    """Return the Problem a neighbour answered with."""
    try:
        found = json.loads(body)
        sentence, code = str(found["message"])[:500], str(found["code"])[:60]
    except (ValueError, KeyError, TypeError):
        sentence, code = f"It answered {status}.", "answer"
    if status == 404:
        return NotFound(sentence, code=code)
    if status == 503 or status >= 500:
        return Unavailable(sentence, code=code)
    return Refused(sentence, code=code, status=status)
