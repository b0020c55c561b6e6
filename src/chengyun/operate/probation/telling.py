# SPDX-License-Identifier: Apache-2.0
"""What the owner of a rule is told, through the same outbox as alerts; of one without an owner, the data stewards."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from chengyun.operate.alerting.models import Delivery, Group, Notice
from chengyun.operate.alerting.people import persons
from chengyun.operate.probation.models import FiledRule

__all__ = ["tell_owner"]


def tell_owner(rule: FiledRule, why: str, now: dt.datetime) -> Notice:
    """Tell those who answer for a rule that it was demoted: on their page, and by e-mail where they have an address."""
    group = Group.objects.create(key=f"rule|{rule.key}|{now.isoformat()}"[:400], route="rule", labels={"rule": rule.key},
                                 since=now, told_at=now, ended_at=now)  # fmt: skip
    title = _("规则“%(name)s”超出误报预算，已降级") % {"name": rule.name}
    notice = Notice.objects.create(
        group=group, kind=Notice.Kind.CHANGED, at=now, severity="blue", title=title[:300],
        body={"alerts": [], "rule": rule.key, "why": why},
    )  # fmt: skip
    for account in [rule.owner] if rule.owner else persons("role:data_steward", now):
        Delivery.objects.create(
            notice=notice, channel="app", target=account.username, account=account, state=Delivery.State.SENT, sent_at=now
        )  # fmt: skip
        if account.email:
            Delivery.objects.create(notice=notice, channel="email", target=account.email, account=account, next_at=now)
    return notice
