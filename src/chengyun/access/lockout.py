# SPDX-License-Identifier: Apache-2.0
"""When too many failures close a name for a while, and to whom it stays open.

    failures of strangers      counted together: five close the name to every stranger
    failures in a browser      in which this person has signed in before: counted by themselves

So nobody locks a colleague out by typing wrong passwords in their name: the colleague's own browser stays open. Counted in
the audit log: every process sees it, and no restart forgets it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chengyun.access.models import Account, AuditRecord
from chengyun.config import config

FAILURES = 5
LOCKED_FOR = dt.timedelta(minutes=15)
"""GB/T 22239-2019, 8.1.4.1 b) asks for a lock after failures; 5 and 15 minutes are the common values."""
PASSWORD, SECOND_FACTOR = "sign_in.failed", "second_factor.failed"

COOKIE = "browser"
KNOWN_FOR_S = 180 * 86400
PERSONS = 8
"""People who share a browser, as in a control room; of more, the first are forgotten."""


def written(username: str) -> str:
    """Return the name failures are counted by: the account's own or, of a name nobody has, a keyed digest.

    What is typed in the wrong box may be a password, and the log is kept for good.
    """
    text = _clean(username)
    known = Account.objects.filter(username__iexact=text).values_list("username", flat=True).first()
    if known is not None:
        return known.lower()
    digest = hmac.new(config().secret.encode(), b"chengyun unknown name\0" + text.upper().encode(), hashlib.sha256)
    return f"?{digest.hexdigest()[:16]}"


def locked(username: str, browser: str = "", action: str = PASSWORD, now: dt.datetime | None = None) -> bool:
    """Say whether a name failed too often lately. browser: of `browser_of`; "": a stranger's."""
    now = now or timezone.now()
    recent = AuditRecord.objects.filter(dataset="accounts", target=written(username), at__gt=now - LOCKED_FOR, at__lte=now)
    if action == PASSWORD:
        recent = recent.filter(detail__browser=browser) if browser else recent.exclude(detail__has_key="browser")
    last_good = recent.filter(action="sign_in").order_by("-id").values_list("id", flat=True).first() or 0
    return recent.filter(action=action, id__gt=last_good).count() >= FAILURES


def browser_of(request: HttpRequest | None, username: str) -> str:
    """Return the mark of a browser in which this account has signed in before, "" for any other."""
    number, persons = _read(request)
    if not persons:
        return ""
    named = Account.objects.filter(username__iexact=_clean(username)).values_list("pk", flat=True).first()
    return number if named in persons else ""


def remember(request: HttpRequest, answer: HttpResponse, account: Account) -> None:
    """Leave a signed mark in the browser of somebody who is signed in, when it is not there yet."""
    number, persons = _read(request)
    if account.pk in persons:
        return
    told = signing.dumps([number or secrets.token_hex(8), [*persons, account.pk][-PERSONS:]], salt="chengyun.browser")
    answer.set_cookie(COOKIE, told, max_age=KNOWN_FOR_S, httponly=True, samesite="Lax", secure=config().https)


def _clean(username: str) -> str:
    return username.strip()[:200].replace("\x00", "")


def _read(request: HttpRequest | None) -> tuple[str, list[int]]:
    try:
        number, persons = signing.loads(
            (request.COOKIES if request else {})[COOKIE], salt="chengyun.browser", max_age=KNOWN_FOR_S
        )
    except (KeyError, signing.BadSignature):
        return "", []
    return str(number), list(persons)
