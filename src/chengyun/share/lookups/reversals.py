# SPDX-License-Identifier: Apache-2.0
"""Turning a pseudonym back: one person asks and says why, another agrees, the first sees it once. Everything is recorded.

Meanwhile the pseudonym lies sealed in the database, and what is behind it is never kept at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit, keystore, pseudonyms
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound, Refused
from chengyun.share.lookups.models import Reversal

KEY = "reversals"
VALID = dt.timedelta(days=7)
"""After that an agreement is no more: whoever needed it would have looked."""
KINDS = ("id_number", "phone", "bank_card", "plate")


def ask(
    actor: Actor, kind: str, pseudonym: str, purpose: str, reason: str, now: dt.datetime, version: int | None = None
) -> Reversal:
    """Ask for a pseudonym to be turned back. Raises Refused."""
    require(actor, "pseudonym.ask")
    if actor.account_id is None:
        raise Refused(_("请用自己的账号申请。"))
    if kind not in KINDS:
        raise Refused(_("这种假名不能还原。"))
    if purpose not in rulebook().purposes:
        raise Refused(_("用途 %s 未登记。") % purpose)
    if not 10 <= len(reason.strip()) <= 300:
        raise Refused(_("请用 10 到 300 字写明事由和依据。"))
    if not 1 <= len(pseudonym.strip()) <= 40:
        raise Refused(_("请填写要还原的假名。"))
    with transaction.atomic():
        made = Reversal.objects.create(
            kind=kind, purpose=purpose, version=version, reason=reason.strip(), asked_by_id=actor.account_id, asked_at=now
        )
        made.sealed = keystore.keystore().seal(KEY, pseudonym.strip().encode(), f"reversal {made.pk}")
        made.save(update_fields=["sealed"])
        audit.record(actor, "pseudonym.ask", "accounts", str(made.pk), detail={"kind": kind, "of_purpose": purpose})
    return made


def settle(actor: Actor, number: int, now: dt.datetime, *, agree: bool) -> Reversal:
    """Agree or refuse, as another person than the one who asked. Raises Refused, NotFound."""
    require(actor, "pseudonym.agree")
    with transaction.atomic():
        held = _held(number)
        if held.state != Reversal.State.ASKED:
            raise Refused(_("这项申请已经处理过了。"), code="settled")
        if held.asked_by_id == actor.account_id:
            raise Refused(_("申请人不能批准自己的申请。"), code="not_allowed")
        held.state = Reversal.State.AGREED if agree else Reversal.State.REFUSED
        held.settled_by_id, held.settled_at = actor.account_id, now
        if not agree:
            held.sealed = ""
        held.save()
        audit.record(actor, "pseudonym.agree" if agree else "pseudonym.refuse", "accounts", str(held.pk))
    return held


def show(actor: Actor, number: int, now: dt.datetime) -> str:
    """Return what is behind the pseudonym, once, to the person who asked. Raises Refused, NotFound."""
    require(actor, "pseudonym.ask")
    with transaction.atomic():
        held = _held(number)
        if held.asked_by_id != actor.account_id:
            raise NotFound(_("没有找到。"))
        if held.state != Reversal.State.AGREED or held.settled_at is None:
            raise Refused(_("这项申请尚未批准，或者已经还原过。"), code="settled")
        if now - held.settled_at > VALID:
            raise Refused(_("批准已过七天，请重新申请。"), code="settled")
        pseudonym = keystore.keystore().unseal(KEY, held.sealed, f"reversal {held.pk}").decode()
        found = pseudonyms.turn_back(held.kind, pseudonym, held.purpose, held.version)
        held.state, held.shown_at, held.sealed = Reversal.State.SHOWN, now, ""
        held.save()
        audit.record(
            actor, "pseudonym.turn_back", "accounts", str(held.pk), detail={"kind": held.kind, "of_purpose": held.purpose}
        )
    return found


def listed(actor: Actor, own: bool) -> Sequence[Reversal]:
    """Return applications, newest first; own: the actor's alone."""
    rows = Reversal.objects.select_related("asked_by", "settled_by")
    return list((rows.filter(asked_by_id=actor.account_id) if own else rows)[:100])


def _held(number: int) -> Reversal:
    found = Reversal.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise NotFound(_("没有找到。"))
    return found
