# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: changes of a dataset in the order of their versions, at least once, from any version on.

    asked for    GET …/changes from the version acknowledged, or from any other; POST …/acknowledge moves it
    told         the same page posted to an address, signed; 2xx acknowledges it. What does not get through is kept as it is,
                 with its receipt, and tried again after 5 s, 10 s, … at most a quarter of an hour, for as long as it takes
    read anew    where the terms are others than of what the party has (reading.terms_of): asked it is refused, told it gets
                 one page with `anew` and no rows; it goes on once an acknowledgement names the new terms

A row's key and version tell a repetition. What is granted is asked of the policy again before each page.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from django.db import transaction
from django.utils import timezone

from chengyun.access import grants
from chengyun.access.keystore import signing_key
from chengyun.access.policy import Scope
from chengyun.access.rulebook import rulebook
from chengyun.collect.pull import outside
from chengyun.collect.pull.guard import Guard
from chengyun.config import config
from chengyun.errors import NotFound, Problem, Refused
from chengyun.share.exchange import messages, reading, receipts
from chengyun.share.exchange.models import Party, Subscription
from chengyun.share.exchange.parties import scope_of
from chengyun.share.exchange.serving import Going, note_read, page_value

__all__ = ["access_subscription", "acknowledge", "end", "page_of", "push_due", "subscribe"]

PAGE = 500
MOST = 200
"""Subscriptions of one party."""
WITHIN_S = 10.0
LONGEST_WORD = 65_536
"""Bytes of an answer: a countersignature is less than one in a hundred of it."""
FIRST_RETRY_S, LONGEST_RETRY_S = 5, 900

log = logging.getLogger(__name__)


def subscribe(
    party: Party,
    dataset: str,
    purpose: str,
    *,
    fields: Sequence[str] = (),
    url: str = "",
    since: int | None = None,
    terms: str = "",
) -> Subscription:
    """Begin to follow a dataset. since: the version the party has, under `terms`; default the newest.

    Raises NotFound for nothing granted, Refused (409, `anew`) where what the party has is of other terms.
    """
    scope = scope_of(party, dataset, purpose)
    newest = reading.version_of(dataset)
    start = newest if since is None else since
    if not 0 <= start <= newest:
        raise Refused(f"since is {start}; the newest version is {newest}.", code="version", status=400)
    shown = reading.columns_of(scope, dataset, fields)
    reading.require_terms(scope, shown, terms, since)
    if url:
        _reachable(url)
    if Subscription.objects.filter(party=party, ended_at=None).count() >= MOST:
        raise Refused(f"{MOST} subscriptions of yours are open. End one first.", code="subscriptions", status=429)
    return Subscription.objects.create(
        number=uuid.uuid4(), party=party, dataset=dataset, purpose=purpose, fields=list(fields), url=url, version=start,
        terms=reading.terms_of(scope, shown),
    )  # fmt: skip


def access_subscription(party: Party, number: str) -> Subscription:
    """Return one of a party's open subscriptions. Raises NotFound."""
    try:
        wanted = uuid.UUID(number)
    except ValueError:
        raise NotFound(f"There is no subscription {number[:64]!r} of yours.") from None
    found = Subscription.objects.filter(party=party, number=wanted, ended_at=None).select_related("party__organisation").first()
    if found is None:
        raise NotFound(f"There is no subscription {number} of yours.")
    return found


def page_of(one: Subscription, going: Going, since: int, limit: int) -> reading.Page:
    """Return a page of what changed after a version. Raises Refused (409, `anew`) where the party has to read anew first."""
    page = reading.rows(
        going.scope, one.dataset, after=going.after, since_version=since, as_of=going.as_of, limit=limit, fields=one.fields
    )  # fmt: skip
    # Only who was told, and has taken nothing yet, surely has no copy. Onto any other, all that changed since 0 is not all there
    # is to say: nothing in it takes away what may not be read any more.
    begins = bool(one.url) and one.acknowledged_at is None and not since and going.after is None
    reading.require_terms(going.scope, page.fields, "" if begins else one.terms, since)
    if begins or not one.terms:
        one.terms = page.terms
        one.save(update_fields=["terms"])
    note_read(going.scope, page, first=going.first)
    return page


def acknowledge(one: Subscription, version: int, terms: str = "") -> None:
    """Note up to which version a party has everything; an earlier one than before asks for a replay.

    terms: of what it has, once it was read anew; with version 0, of what it begins to read with nothing kept.
    Raises Refused (409, `anew`) for others than hold now.
    """
    newest = reading.version_of(one.dataset)
    if not 0 <= version <= newest:
        raise Refused(f"version is {version}; the newest is {newest}.", code="version", status=400)
    if terms:
        scope = scope_of(one.party, one.dataset, one.purpose, counted=True)
        reading.require_terms(scope, reading.columns_of(scope, one.dataset, one.fields), terms, version)
        Subscription.objects.filter(pk=one.pk).update(terms=terms, anew=False)
    Subscription.objects.filter(pk=one.pk).update(
        version=version, acknowledged_at=timezone.now(), pending=None, pending_leaf=None, pending_to=None
    )


def end(one: Subscription, reason: str = "") -> None:
    """End a subscription."""
    Subscription.objects.filter(pk=one.pk).update(ended_at=timezone.now(), reason=reason[:300], pending=None)


def push_due(http: httpx.Client | None = None) -> int:
    """Post what is due to those who are told; return how many pages got through."""
    due = Subscription.objects.filter(ended_at=None).exclude(url="").exclude(retry_at__gt=timezone.now())
    own = http or outside.client(WITHIN_S, WITHIN_S)
    through = 0
    try:
        for pk in list(due.values_list("pk", flat=True)):
            try:
                while _push(pk, own):
                    through += 1
            except Exception as wrong:
                # Of this one alone: a field that is not granted any more is no reason to leave other parties waiting.
                if not isinstance(wrong, Problem):
                    log.exception("subscription %s could not be told", pk)
                said = wrong.sentence if isinstance(wrong, Problem) else "It could not be told; see the log."
                _failed(Subscription.objects.get(pk=pk), said)
    finally:
        if http is None:
            own.close()
    return through


def _push(pk: int, http: httpx.Client) -> bool:
    """Post the next page of one subscription; return whether it got through and another may follow."""
    with transaction.atomic():
        found = Subscription.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk, ended_at=None)
        one = found.select_related("party__organisation").first()
        if one is None or not (_prepare(one) if one.pending is None else _still_granted(one)):
            return False
    # Outside the transaction: the page and its receipt are durable before anybody hears of them.
    assert one.pending is not None
    assert one.pending_leaf is not None
    try:
        status, said = _post(one, bytes(one.pending), bytes(one.pending_leaf), http)
    except (Problem, httpx.HTTPError) as wrong:
        why = wrong.sentence if isinstance(wrong, Problem) else f"{urlsplit(one.url).netloc} cannot be reached."
        return _failed(one, why)
    if not 200 <= status < 300:
        return _failed(one, f"{urlsplit(one.url).netloc} answered {status}.")
    with transaction.atomic():
        # Only if nobody asked for a replay meanwhile: then the version is the party's word, not ours.
        Subscription.objects.filter(pk=pk, pending_to=one.pending_to).update(
            version=one.pending_to, pending=None, pending_leaf=None, pending_to=None, failures=0, reason="", retry_at=None,
            acknowledged_at=timezone.now(),
        )  # fmt: skip
        _take_word(one.party, said)
    return True


def _prepare(one: Subscription) -> bool:
    """Read the next page, or the word that all is to be read anew, and write its receipt; return whether there is any."""
    if one.anew:
        return False
    try:
        scope = scope_of(one.party, one.dataset, one.purpose)
        page = page_of(one, Going(scope, None, None, first=True), one.version, PAGE)
    except Refused as wrong:
        if wrong.code != "anew":
            raise
        page = reading.Page((), None, one.version, (), terms=str(wrong.fields["terms"]))
        _keep_pending(one, scope, page, one.version, {"anew": True})
        return True
    except NotFound:
        one.ended_at, one.reason = timezone.now(), "Nothing is granted any more."
        one.save(update_fields=["ended_at", "reason"])
        return False
    reached = int(page.next) if page.next else page.as_of
    if not page.rows:
        if reached > one.version:
            Subscription.objects.filter(pk=one.pk).update(version=reached)
        return False
    _keep_pending(one, scope, page, reached, {})
    return True


def _keep_pending(one: Subscription, scope: Scope, page: reading.Page, reached: int, more: dict[str, Any]) -> None:
    """Keep what is to be told, with its receipt."""
    told = {
        "subscription": str(one.number), "from": one.version, "to": reached, **more,
        **page_value(one.dataset, one.purpose, page),
    }  # fmt: skip
    body = msgspec.json.encode(told, enc_hook=str)
    draft = receipts.Draft(
        way="subscription", party=one.party, consumer=one.party.organisation.key, dataset=one.dataset, purpose=one.purpose,
        fields=[it.name for it in page.fields], grants=scope.grants, rows=len(page.rows),
        digest=hashlib.sha256(body).hexdigest(), size=len(body), as_of=reached,
    )  # fmt: skip
    one.pending, one.pending_leaf, one.pending_to = body, receipts.issue(draft, timezone.now()).leaf, reached
    one.anew = "anew" in more
    one.save(update_fields=["pending", "pending_leaf", "pending_to", "anew"])


def _still_granted(one: Subscription) -> bool:
    """Say whether the page that waits may go out: nothing granted ends the subscription, less takes the page back.

    What was read under a grant that has ended since is not sent because another one still stands; it is read anew.
    """
    try:
        scope_of(one.party, one.dataset, one.purpose, counted=True)
    except NotFound:
        one.ended_at, one.reason, one.pending = timezone.now(), "Nothing is granted any more.", None
        one.save(update_fields=["ended_at", "reason", "pending"])
        return False
    assert one.pending_leaf is not None
    if grants.stand(receipts.parse(bytes(one.pending_leaf))["grants"], rulebook().datasets.get(one.dataset)):
        return True
    one.pending, one.pending_leaf, one.pending_to = None, None, None
    one.save(update_fields=["pending", "pending_leaf", "pending_to"])
    return _prepare(one)


def _post(one: Subscription, body: bytes, leaf: bytes, http: httpx.Client) -> tuple[int, bytes]:
    """Post a page to the address that was checked, under the name that was given; return the answer's status and body.

    Raises Malformed for an answer that is longer than a countersignature, Unavailable for one that takes longer: others wait.
    """
    import base64

    key, parts = signing_key("node"), urlsplit(one.url)
    address = _reachable(one.url)
    headers = messages.sign_request(
        "POST", one.url, body, key_id=key.key_id, algorithm=key.algorithm, sign=key.sign, created=int(time.time())
    )  # fmt: skip
    headers |= {
        "host": parts.netloc, "content-type": "application/json", "exchange-receipt": base64.b64encode(leaf).decode(),
    }  # fmt: skip
    bracketed = f"[{address}]" if ":" in address else address
    to = parts._replace(netloc=f"{bracketed}:{parts.port}" if parts.port else bracketed).geturl()
    with http.stream("POST", to, content=body, headers=headers, extensions={"sni_hostname": parts.hostname or ""}) as answer:
        return answer.status_code, outside.body(answer, LONGEST_WORD, parts.netloc)


def _reachable(url: str) -> str:
    """Return the address an URL leads to. Raises Refused for one that leads into this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or len(url) > 300:
        raise Refused(f"url is {url[:120]!r}, expected an http(s) address without a user.", code="url", status=400)
    return Guard(local=config().source_hosts).address(parts.hostname, port)


def _failed(one: Subscription, why: str) -> bool:
    failures = one.failures + 1
    wait = dt.timedelta(seconds=min(FIRST_RETRY_S * 2 ** min(failures - 1, 20), LONGEST_RETRY_S))
    Subscription.objects.filter(pk=one.pk).update(failures=failures, reason=why[:300], retry_at=timezone.now() + wait)
    if failures == 1:
        log.warning("subscription %s: %s It is tried again.", one.number, why)
    return False


def _take_word(party: Party, body: bytes) -> None:
    """Keep the countersignature when the answer brings one; an answer that does not is fine, too."""
    try:
        word: Any = json.loads(body)
        with transaction.atomic():
            receipts.countersign(party, word, timezone.now())
    except (ValueError, AttributeError, Problem):
        return
