# SPDX-License-Identifier: Apache-2.0
"""Duty rosters: dated turns, put down in rows, and swapped between two who agree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.access.policy import require
from chengyun.access.predicates import prefix_of
from chengyun.city.declare import is_key
from chengyun.errors import NotFound, Refused
from chengyun.operate.alerting.models import Roster, Shift, Swap

__all__ = ["LONGEST_TURN", "add_turns", "answer_swap", "ask_swap", "make_roster", "remove_turn"]

LONGEST_TURN = dt.timedelta(days=7)
MOST_TURNS = 400


def make_roster(key: str, name: str, area_code: str, actor: Actor) -> Roster:
    """Make a roster. Raises Refused when its key is taken or cannot be one."""
    require(actor, "roster.manage", area_code)
    if not is_key(key) or not name.strip():
        raise Refused(_("标识须为小写英文字母、数字和下划线，并写明名称。"), code="key")
    with transaction.atomic():
        roster, made = Roster.objects.get_or_create(
            key=key, defaults={"name": name.strip()[:100], "area_code": prefix_of(area_code)}
        )
        if not made:
            raise Refused(_("已有这个标识的值班表。"), code="key")
        audit.record(actor, "roster.make", "alerts", key)
    return roster


def add_turns(
    roster: Roster, usernames: Sequence[str], first: dt.datetime, hours: int, actor: Actor, until: dt.datetime | None = None
) -> list[Shift]:  # fmt: skip
    """Put down turns of so many hours one after the other, the persons in order, over and over until a time; without one, once
    round. Raises Refused for what overlaps, for unknown persons and for too many turns."""
    require(actor, "roster.manage", roster.area_code)
    length = dt.timedelta(hours=hours)
    if not dt.timedelta() < length <= LONGEST_TURN:
        raise Refused(_("一班须在一小时到七天之间。"), code="hours")
    known = {one.username: one for one in Account.objects.filter(username__in=usernames, is_active=True)}
    for username in usernames:
        if username not in known:
            raise Refused(_("没有账号“%s”。") % username[:64], code="account")
    if not usernames:
        raise Refused(_("请写明值班人的账号。"), code="account")
    count = len(usernames) if until is None else max(0, -(-(until - first) // length))
    if not 1 <= count <= MOST_TURNS:
        raise Refused(_("一次可排一到四百班。"), code="turns")
    with transaction.atomic():
        Roster.objects.select_for_update().get(pk=roster.pk)
        if Shift.objects.filter(roster=roster, starts__lt=first + count * length, ends__gt=first).exists():
            raise Refused(_("这段时间已经有人值班；先撤下再排。"), code="overlap")
        turns = Shift.objects.bulk_create([
            Shift(roster=roster, account=known[usernames[n % len(usernames)]], starts=starts, ends=starts + length)
            for n, starts in ((n, first + n * length) for n in range(count))
        ])  # fmt: skip
        audit.record(actor, "roster.turns", "alerts", roster.key, detail={"first": first.isoformat(), "turns": count})
    return turns


def remove_turn(shift_id: int, actor: Actor, now: dt.datetime) -> None:
    """Take down a turn that has not begun. Raises NotFound, or Refused when it has."""
    with transaction.atomic():
        shift = Shift.objects.select_for_update(of=("self",)).select_related("roster").filter(pk=shift_id).first()
        if shift is None:
            raise NotFound(_("没有找到这一班。"))
        require(actor, "roster.manage", shift.roster.area_code)
        if shift.starts <= now:
            raise Refused(_("已经开始的班不能撤下；可以请同事代班。"), code="settled")
        audit.record(actor, "roster.remove", "alerts", shift.roster.key, detail={"starts": shift.starts.isoformat()})
        shift.delete()


def ask_swap(shift_id: int, username: str, actor: Actor, now: dt.datetime) -> Swap:
    """Ask a colleague to take one's turn. Raises Refused when it is not one's own, or over."""
    with transaction.atomic():
        shift = Shift.objects.select_for_update(of=("self",)).select_related("roster").filter(pk=shift_id).first()
        if shift is None:
            raise NotFound(_("没有找到这一班。"))
        if shift.account_id != actor.account_id:
            require(actor, "roster.manage", shift.roster.area_code)
        if actor.account_id is None:
            raise Refused(_("代班须由人来申请。"), code="not_allowed")
        colleague = Account.objects.filter(username=username, is_active=True).first()
        if colleague is None or colleague.pk == shift.account_id:
            raise Refused(_("请写明另一位同事的账号。"), code="account")
        if shift.ends <= now:
            raise Refused(_("这一班已经结束。"), code="settled")
        if shift.swaps.filter(state=Swap.State.ASKED).exists():
            raise Refused(_("这一班已经请人代班，尚未答复。"), code="settled")
        swap = Swap.objects.create(shift=shift, asked_by_id=actor.account_id, to=colleague, asked_at=now)
        audit.record(actor, "roster.swap.ask", "alerts", shift.roster.key, detail={"shift": shift.pk, "to": username})
    return swap


def answer_swap(swap_id: int, agreed: bool, actor: Actor, now: dt.datetime) -> Swap:
    """Answer a colleague who asks. The turn is one's own from then on. Raises NotFound for whom it is not for."""
    with transaction.atomic():
        swap = Swap.objects.select_for_update(of=("self",)).select_related("shift__roster").filter(pk=swap_id).first()
        if swap is None or swap.to_id != actor.account_id:
            raise NotFound(_("没有找到这个代班请求。"))
        if swap.state != Swap.State.ASKED or swap.shift.ends <= now:
            raise Refused(_("这个代班请求已经结束。"), code="settled")
        swap.state, swap.settled_at = Swap.State.AGREED if agreed else Swap.State.REFUSED, now
        swap.save()
        if agreed:
            swap.shift.account_id = swap.to_id
            swap.shift.save()
        deed = "roster.swap.agree" if agreed else "roster.swap.refuse"
        audit.record(actor, deed, "alerts", swap.shift.roster.key, detail={"shift": swap.shift_id})
    return swap
