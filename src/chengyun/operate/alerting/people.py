# SPDX-License-Identifier: Apache-2.0
"""Who an address of a chain means at a moment. Nobody is told of what they may not read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from django.db.models import Q

from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account, Assignment
from chengyun.access.policy import scope
from chengyun.operate.alerting.models import Shift
from chengyun.operate.models import Alert

__all__ = ["on_duty", "persons", "readable", "readers"]


def on_duty(roster: str, now: dt.datetime) -> list[Account]:
    """Return who holds a roster's post now, in the order their turns began."""
    turns = Shift.objects.filter(roster__key=roster, starts__lte=now, ends__gt=now, account__is_active=True)
    found = {turn.account_id: turn.account for turn in turns.select_related("account").order_by("starts", "id")}
    return list(found.values())


def persons(to: str, now: dt.datetime) -> list[Account]:
    """Return the accounts an address means now: `roster:…`, `role:…` or `account:…`; empty when there are none."""
    kind, _, name = to.partition(":")
    if kind == "roster":
        return on_duty(name, now)
    if kind == "role":
        held = Assignment.objects.filter(Q(until=None) | Q(until__gt=now), role=name, since__lte=now, account__is_active=True)
        found = {one.account_id: one.account for one in held.select_related("account").order_by("account__username")}
        return list(found.values())
    return list(Account.objects.filter(username=name, is_active=True))


def readers(accounts: Sequence[Account], alerts: Sequence[Alert], now: dt.datetime) -> Iterator[Account]:
    """Yield those of the accounts who may read any of these alerts, each once."""
    keys = [alert.pk for alert in alerts]
    for account in {one.pk: one for one in accounts}.values():
        if readable(account, keys, now):
            yield account


def readable(account: Account, alerts: Sequence[int], now: dt.datetime) -> list[int]:
    """Return the ids of the alerts an account may read now."""
    allowed = scope(actor_of_account(account, now), "alerts")
    if not allowed.allowed:
        return []
    return list(Alert.objects.filter(allowed.q(), pk__in=alerts).order_by("id").values_list("pk", flat=True))
