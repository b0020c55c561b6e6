# SPDX-License-Identifier: Apache-2.0
"""Signed requests, answered: many in one transaction, whose commit makes all their receipts durable before any answer goes out.

    admit (signature, window) → scope → rows, masked → body → receipt → taken once → COMMIT → signed answers

A Problem is an answer, too. When one request breaks the transaction, each is done again in a transaction of its own. That a
request was taken before is found when its receipt is written; where more than a small read hangs on it, it is looked for first.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import pybase64
from django.db import transaction

from chengyun.access import grants
from chengyun.access.keystore import SigningKey
from chengyun.access.parts import Part
from chengyun.access.policy import Scope
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable, nearest
from chengyun.share.exchange import cursors, digests, entries, messages, parties, reading, receipts
from chengyun.share.exchange.digests import Ranges
from chengyun.share.exchange.messages import Checked
from chengyun.share.exchange.models import Party
from chengyun.share.exchange.sources import Column

__all__ = [
    "Answer",
    "Ask",
    "Asked",
    "Made",
    "Route",
    "Routes",
    "answer_many",
    "digests_answer",
    "going_on",
    "paged",
    "rows_answer",
]

PREFIX = "/exchange/v1"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it came. path: as sent, with the door's prefix; query: as sent; headers: names in lower case."""

    method: str
    authority: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. after: called once the transaction is committed."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Read = tuple[Scope, reading.Page, bool]
"""A page that was read under a scope, and whether it is a first one: to be counted and recorded."""


@dataclass(slots=True)
class Group:
    """What requests of one transaction share.

    newest: dataset → its version when it was first asked for.
    """

    reads: list[Read] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)
    pages: dict[int, reading.Page] = field(default_factory=dict)
    """id of the request → its page, where it was read together with others'."""
    params: dict[int, dict[str, str]] = field(default_factory=dict)
    """id of the request → its parameters, where they were taken apart for that."""
    named: dict[tuple[int, int], tuple[Scope, tuple[Column, ...], list[str], tuple[str, ...]]] = field(default_factory=dict)
    """ids of a scope and of a page's columns → these themselves, the columns' names and the scope's grants: alike for many."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was admitted. words: what stands in the path where the route has a name."""

    ask: Ask
    checked: Checked
    party: Party
    known: parties.Known
    words: Mapping[str, str]
    params: Mapping[str, str]
    now: dt.datetime
    group: Group

    def json(self, *names: str) -> dict[str, Any]:
        """Return the body, an object with no other names than these. Raises Malformed."""
        try:
            # Unlike the standard library's it takes no text that cannot be written again.
            found = msgspec.json.decode(self.ask.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Malformed("The body is no JSON object.", status=400)
        for name in found:
            if name not in names:
                raise Malformed(f"The body has {name[:40]!r}.{nearest(name, names)} It may have {', '.join(names)}.", status=400)
        return found

    def whole(self, name: str) -> int | None:
        """Return a parameter that is a whole number; None when it is absent. Raises Refused."""
        text = self.params.get(name, "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Refused(f"{name} is {text[:40]!r}, expected a whole number.", code="parameter", status=400)
        return int(text)


@dataclass(frozen=True, slots=True)
class Made:
    """What a route makes of a request. draft: of the receipt the answer is given with, or None."""

    value: Any
    draft: Callable[[bytes], receipts.Draft] | None = None
    status: int = 200


Route = Callable[[Asked], Made]
Routes = Mapping[tuple[str, str], Route]
"""(method, path below the prefix with {names}) → what answers."""


def answer_many(asks: Sequence[Ask], routes: Routes, known: parties.Known, now: dt.datetime | None = None) -> list[Answer]:
    """Answer requests in one transaction; the answers are in their order, and whatever they promise is committed."""
    now = now or dt.datetime.now(dt.UTC)
    if known.looks or any(ask.method != "GET" for ask in asks):
        return _looked(asks, routes, known, now)
    try:
        with transaction.atomic():
            return _answer_all(asks, routes, known, now, look=False)
    except parties.Replayed:
        # Those that come next are looked for, too: who sends what was taken before would else have everybody answered twice.
        known.look_first()
        return _looked(asks, routes, known, now)
    except Exception:
        return [_looked([one], routes, known, now)[0] for one in asks]


def _looked(asks: Sequence[Ask], routes: Routes, known: parties.Known, now: dt.datetime) -> list[Answer]:
    """Answer requests, having looked which of them were taken before; one by one where together they break the transaction."""
    for last in (False, True):
        try:
            with transaction.atomic():
                return _answer_all(asks, routes, known, now, look=True)
        except parties.Replayed:
            # Who took the same message meanwhile has committed by now: looked for again, it is found.
            known.look_first()
            if last and len(asks) == 1:
                raise
        except Exception:
            if len(asks) == 1:
                raise
            break
    return [_looked([one], routes, known, now)[0] for one in asks]


def rows_answer(asked: Asked) -> Made:
    """GET /rows and /changes: a page of a dataset's rows, with its receipt."""
    changes = asked.ask.path.endswith("/changes")
    params = asked.params
    dataset, purpose = params.get("dataset", ""), params.get("purpose", "")
    fields = [one for one in params.get("fields", "").split(",") if one]
    since, limit = asked.whole("since"), asked.whole("limit")
    if changes and since is None:
        raise Refused("since is missing: the version you have; 0 for none.", code="parameter", status=400)
    since = since if changes else None
    going = going_on(asked, dataset, purpose, since)
    page = asked.group.pages.get(id(asked.ask)) or reading.rows(
        going.scope, dataset, after=going.after, since_version=since, as_of=going.as_of,
        limit=100 if limit is None else limit, fields=fields, newest=asked.group.newest.get(dataset),
        ranges=Ranges.read(params["ranges"]) if "ranges" in params and not changes else None,
    )  # fmt: skip
    reading.require_terms(going.scope, page.fields, params.get("terms", ""), since)
    asked.group.newest[dataset] = max(page.newest, asked.group.newest.get(dataset, 0))
    asked.group.reads.append((going.scope, page, going.first))
    return paged(asked, going.scope, page, "changes" if changes else "api", since)


@dataclass(frozen=True, slots=True)
class Going:
    """Where a read goes on, and under what. first: whether it is to be counted."""

    scope: Scope
    after: str | None
    as_of: int | None
    first: bool


def going_on(asked: Asked, dataset: str, purpose: str, since: int | None) -> Going:
    """Return where a request goes on. Under a ceiling every place that was not given out for this very read begins another."""
    after, as_of = asked.params.get("after") or None, asked.whole("as_of")
    scope = asked.known.scope(asked.party, dataset, purpose, counted=True)
    found = cursors.opened(scope, asked.party, since, after) if after and cursors.is_sealed(after) else None
    if found is not None:
        return Going(scope, *found, first=False)
    if not scope.capped:
        return Going(scope, after, as_of, "after" not in asked.params)
    return Going(asked.known.scope(asked.party, dataset, purpose), after, as_of, first=True)


def digests_answer(asked: Asked) -> Made:
    """GET /digests: sums of the rows by ranges, for a copy to be compared with; counted as a read, of no row that is shown."""
    params = asked.params
    dataset, purpose = params.get("dataset", ""), params.get("purpose", "")
    fields, depth, limit = [one for one in params.get("fields", "").split(",") if one], asked.whole("depth"), asked.whole("limit")
    going = going_on(asked, dataset, purpose, None)
    found = reading.digests(
        going.scope, dataset, depth or 0, after=going.after, as_of=going.as_of, fields=fields,
        limit=reading.SCANNED if limit is None else limit,
    )  # fmt: skip
    page = found.page
    reading.require_terms(going.scope, page.fields, params.get("terms", ""), None)
    going.scope.count(0, int(going.first))
    if going.scope.personal and going.first:
        going.scope.record_read(way="digests")
    onward = cursors.sealed(going.scope, asked.party, None, page.as_of, page.next)
    told = page_value(dataset, purpose, replace(page, next=onward))
    del told["rows"]
    return Made({**told, "depth": depth or 0, "count": found.rows, "sums": digests.told(found.sums)})


def paged(asked: Asked, scope: Scope, page: reading.Page, way: str, since: int | None) -> Made:
    """Return a page as an answer that is given with a receipt."""
    dataset, purpose = scope.dataset, scope.purpose or ""
    named = asked.group.named.get((id(scope), id(page.fields)))
    if named is None:
        named = scope, page.fields, [one.name for one in page.fields], scope.grants
        asked.group.named[id(scope), id(page.fields)] = named
    *_, shown, numbers = named

    def draft(body: bytes) -> receipts.Draft:
        return receipts.Draft(
            way=way, party=asked.party, consumer=asked.party.organisation.key, dataset=dataset, purpose=purpose, fields=shown,
            grants=numbers, rows=len(page.rows), digest=hashlib.sha256(body).hexdigest(), size=len(body),
            as_of=page.as_of, asked=entries.proof_of(asked.checked),
        )  # fmt: skip

    onward = cursors.sealed(scope, asked.party, since, page.as_of, page.next)
    return Made(page_value(dataset, purpose, replace(page, next=onward)), draft)


def note_read(scope: Scope, page: reading.Page, *, first: bool) -> None:
    """Count a read under its grants and record it when it is about persons. Raises Refused at a ceiling, noting nothing."""
    with transaction.atomic():
        note_reads([(scope, page, first)])


def note_reads(reads: Sequence[Read]) -> None:
    """Count and record the reads of one transaction: those of one party, dataset and purpose as one, each person by name.

    Raises Refused at a grant's ceiling; what is then noted of the others is the caller's to undo.
    """
    receipts.write(note_beside(reads, alone=False))


def note_beside(reads: Sequence[Read], *, alone: bool) -> receipts.Beside:
    """Do as note_reads, but return what can be written with the receipts: the counts, and the record where the reads are alike.

    alone: count by itself, for a request that is to be told that its grant is used up. Raises Refused, counting none.
    """
    alike = _alike(reads)
    records = [one.record() for one in alike]
    if len(alike) > 1:
        for one in records:
            receipts.write(receipts.Beside(record=one))
        records = []
    uses = _uses(alike)
    beside = receipts.Beside(grants=uses, counted=grants.part(uses) if uses else None, record=records[0] if records else None)
    if not alone:
        return beside
    # Of one grant the statement itself counts all or nothing.
    with transaction.atomic() if len(uses) > 1 else contextlib.nullcontext():
        receipts.write(replace(beside, record=None))
    return replace(beside, grants=(), counted=None)


@dataclass(frozen=True, slots=True)
class _Alike:
    """Reads that are counted and recorded as one. keys: of whom they showed; names: in which fields."""

    scope: Scope
    names: list[str]
    keys: list[str]
    reads: int
    rows: int
    firsts: int

    def record(self) -> Part | None:
        """Return what records them; what is too long to be written with something else is recorded now."""
        record = self.scope.part_of_rows(self.keys, self.names, way="exchange", reads=self.reads, rows=self.rows)
        if record is None and self.keys:
            self.scope.record_rows(self.keys, self.names, way="exchange", reads=self.reads, rows=self.rows)
        return record


def _uses(alike: Sequence[_Alike]) -> dict[str, tuple[int, int]]:
    """Return for each grant its reads and rows: counted by one statement, in one order, or two transactions would wait for
    each other."""
    found: dict[str, tuple[int, int]] = {}
    for one in alike:
        for number in one.scope.grants:
            reads, rows = found.get(number, (0, 0))
            found[number] = reads + one.firsts, rows + one.rows
    return found


def _alike(reads: Sequence[Read]) -> list[_Alike]:
    alike: dict[tuple[int, tuple[Column, ...]], list[Read]] = {}
    for one in reads:
        alike.setdefault((id(one[0]), one[1].fields), []).append(one)
    return [
        _Alike(
            found[0][0], [one.name for one in fields],
            list(dict.fromkeys(row.subject for _, page, _ in found for row in page.rows if not row.removed)),
            len(found), sum(len(page.rows) for _, page, _ in found), sum(first for _, _, first in found),
        )
        for (_, fields), found in alike.items()
    ]  # fmt: skip


def page_value(dataset: str, purpose: str, page: reading.Page) -> dict[str, Any]:
    """Return a page as it is written. salt: makes the body's digest tell nothing of a small body."""
    return {
        "dataset": dataset, "purpose": purpose, "as_of": page.as_of, "terms": page.terms, "next": page.next,
        "fields": [{"name": one.name, "type": one.type} for one in page.fields],
        "rows": [_row(one) for one in page.rows], "salt": secrets.token_hex(16),
    }  # fmt: skip


def _answer_all(asks: Sequence[Ask], routes: Routes, known: parties.Known, now: dt.datetime, *, look: bool) -> list[Answer]:
    found: list[Checked | Problem] = []
    for ask in asks:
        try:
            found.append(messages.read_signature(ask.method, ask.authority, ask.path, ask.query, ask.headers, ask.body))
        except Refused as wrong:
            found.append(wrong)
    signed = [one for one in found if isinstance(one, Checked)]
    group = Group()
    parties_of, seen = parties.admit_many(signed, now, known, look=look)
    speaking = iter(parties_of)
    read_together([(ask, next(speaking)) for ask, one in zip(asks, found, strict=True) if isinstance(one, Checked)], known, group)
    admitted = iter(parties_of)
    made: list[tuple[Checked | None, Made | Problem]] = []
    for ask, one in zip(asks, found, strict=True):
        if not isinstance(one, Checked):
            made.append((None, one))
            continue
        party = next(admitted)
        made.append((one, party if isinstance(party, Refused) else _made(ask, one, party, routes, known, now, group)))
    bodies = [_body(it) for _, it in made]
    drafts = [(at, it.draft(bodies[at])) for at, (_, it) in enumerate(made) if isinstance(it, Made) and it.draft]
    key = known.key()
    shares = [
        checked is not None and (checked.algorithm.endswith(messages.SHARED) or messages.accepts(ask.headers, key))
        for ask, (checked, _) in zip(asks, made, strict=True)
    ]  # fmt: skip
    issued: list[receipts.Issued] = []
    if drafts:
        wanted = [draft for _, draft in drafts]
        issued = receipts.sign_many(wanted, now, key, known.head(receipts.LOG), [shares[at] for at, _ in drafts])
    by_place = {at: one for (at, _), one in zip(drafts, issued, strict=True)}
    answers = _answers(asks, made, bodies, by_place, key, shares)
    # All that takes time is done: from the first count on, other transactions that read by the same grant wait for this one.
    beside = receipts.Beside()
    try:
        if drafts:
            beside = note_beside(group.reads, alone=look and len(asks) == 1)
        else:
            note_reads(group.reads)
    except Refused as refused:
        # A grant's ceiling: of several, each is asked again by itself, so that those below it get through.
        if len(asks) > 1 or not look:
            raise
        answers, drafts = _answers(asks, [(made[0][0], refused)], [_body(refused)], {}, key, [False]), []
    if drafts:
        receipts.keep([draft for _, draft in drafts], issued, now, replace(beside, seen=seen, taken=parties.part(seen, now)))
    else:
        parties.take(seen, now)
    return answers


def read_together(asks: Sequence[tuple[Ask, Party | Refused]], known: parties.Known, group: Group) -> None:
    """Read the pages that differ in nothing but where they begin with one question each; what is wrong is found one by one."""
    alike: dict[tuple[int, str, str, int], list[tuple[Ask, str, Party]]] = {}
    for ask, party in asks:
        if isinstance(party, Party) and ask.method == "GET" and ask.path == f"{PREFIX}/rows" and "%" not in ask.query:
            params = dict(one.partition("=")[::2] for one in ask.query.split("&"))
            size = params.get("limit", "100")
            is_small = size.isascii() and size.isdigit() and len(size) < 6 and not cursors.is_sealed(params.get("after", ""))
            if params.keys() <= {"dataset", "purpose", "limit", "after"} and is_small:
                key = (party.pk, params.get("dataset", ""), params.get("purpose", ""), int(size))
                alike.setdefault(key, []).append((ask, params.get("after", ""), party))
                if "+" not in ask.query:
                    group.params[id(ask)] = params
    for (_, dataset, purpose, limit), found in alike.items():
        if len(found) < 2 or "+" in "".join(after for _, after, _ in found):
            continue
        try:
            scope = known.scope(found[0][2], dataset, purpose, counted=True)
            if scope.capped:
                continue
            pages = reading.many(scope, dataset, [after for _, after, _ in found], limit, group.newest.get(dataset))
        except Problem:
            continue
        group.newest[dataset] = max(pages[0].newest, group.newest.get(dataset, 0))
        group.pages.update((id(ask), page) for (ask, _, _), page in zip(found, pages, strict=True))


def _made(
    ask: Ask, checked: Checked, party: Party, routes: Routes, known: parties.Known, now: dt.datetime, group: Group
) -> Made | Problem:  # fmt: skip
    try:
        route, words = _route(ask, routes)
        params = group.params.get(id(ask))
        if params is None:
            params = dict(parse_qsl(ask.query, keep_blank_values=True, max_num_fields=20))
        asked = Asked(ask, checked, party, known, words, params, now, group)
        # A savepoint only where something is written besides the receipt: it costs as much as a small read.
        if ask.method == "GET":
            return route(asked)
        with transaction.atomic():
            return route(asked)
    except Problem as problem:
        return problem
    except ValueError:
        return Refused("The address has too many parameters.", code="parameter", status=400)


def _route(ask: Ask, routes: Routes) -> tuple[Route, dict[str, str]]:
    below = ask.path.removeprefix(PREFIX)
    direct = routes.get((ask.method, below))
    if direct:
        return direct, {}
    parts = below.split("/")
    for (method, pattern), route in routes.items():
        wanted = pattern.split("/")
        if method == ask.method and len(wanted) == len(parts):
            named = {name[1:-1]: unquote(part) for name, part in zip(wanted, parts, strict=True) if name.startswith("{")}
            if all(name.startswith("{") or name == part for name, part in zip(wanted, parts, strict=True)):
                return route, named
    raise NotFound("There is nothing here. docs/exchange.md lists the addresses.")


def _row(row: reading.Row) -> dict[str, Any]:
    told: dict[str, Any] = {"key": row.key}
    if row.version is not None:
        told["version"] = row.version
    if row.removed:
        told["removed"] = True
    else:
        told["values"] = row.values
    return told


def _body(made: Made | Problem) -> bytes:
    if isinstance(made, Problem):
        told = {name: value for name, value in made.fields.items() if name != "status"}
        return msgspec.json.encode({"code": made.code, "message": made.sentence, **told}, enc_hook=str)
    return made.value if isinstance(made.value, bytes) else msgspec.json.encode(made.value, enc_hook=str)


def _answers(
    asks: Sequence[Ask], made: Sequence[tuple[Checked | None, Made | Problem]], bodies: Sequence[bytes],
    issued: Mapping[int, receipts.Issued], key: SigningKey, shares: Sequence[bool],
) -> list[Answer]:  # fmt: skip
    """Return the answers, signed: those whose askers take it and that are not alone share one signature."""
    now = int(time.time())
    encoded = {at: pybase64.b64encode_as_string(one.leaf) for at, one in issued.items()}
    # A receipt stands for the signature of a 200 (answers.py) where the asker takes shared signatures.
    free = {at for at in issued if shares[at] and _status_of(made[at][1]) == 200}
    together = [at for at, share in enumerate(shares) if share and at not in free]
    common = set(together) if len(together) > 1 else set()
    ready = {
        at: messages.unsigned_response(
            _status_of(it), bodies[at], checked.nonce, key_id=key.key_id, created=now,
            algorithm=messages.name_of(key, is_shared=at in common), receipt=encoded.get(at, ""),
        )
        for at, (checked, it) in enumerate(made) if checked is not None and at not in free
    }  # fmt: skip
    signed = dict(zip(together, messages.sign_all(key, [ready[at] for at in together]), strict=True)) if common else {}
    told = []
    for at, (checked, it) in enumerate(made):
        headers: dict[str, str] = {}
        if at in free:
            headers = {"exchange-receipt": encoded[at]}
        elif checked is not None:
            headers = signed.get(at) or ready[at].signed(key.sign(ready[at].base))
        if shares[at] and "accept-signature" in asks[at].headers:
            headers["accept-signature"] = messages.ACCEPTS
        told.append(Answer(_status_of(it), bodies[at], headers))
    return told


def _status_of(made: Made | Problem) -> int:
    return made.status if isinstance(made, Made) else _status(made)


def _status(problem: Problem) -> int:
    match problem:
        case NotFound():
            return 404
        case Unavailable():
            return 503
        case Malformed():
            return int(str(problem.fields.get("status", 422)))
        case _:
            return int(str(problem.fields.get("status", 403)))
