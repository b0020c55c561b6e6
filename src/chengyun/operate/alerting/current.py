# SPDX-License-Identifier: Apache-2.0
"""The plan in force, and how one is loaded."""

from __future__ import annotations

import datetime as dt

from django.db import connection, transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.errors import Refused
from chengyun.operate.alerting.models import Plan
from chengyun.operate.alerting.plan import DEFAULT, Document, read_plan, version_of

__all__ = ["current", "load", "text_in_force", "version_in_force"]


def text_in_force() -> str:
    """Return the plan's file as it was loaded last, or the one every city begins with."""
    return Plan.objects.values_list("text", flat=True).first() or DEFAULT


def current() -> Document:
    """Return the plan in force."""
    return read_plan(text_in_force())


def version_in_force() -> str:
    """Return the version of the plan in force; empty: the one every city begins with."""
    return Plan.objects.values_list("version", flat=True).first() or ""


def load(text: str, actor: Actor, now: dt.datetime, *, upon: str | None = None) -> Plan:
    """Put a plan in force. upon: the version it was written upon. Raises Refused naming what is wrong with it, or when
    somebody else has put another in force meanwhile."""
    require(actor, "alert_plan.change")
    read_plan(text)
    with transaction.atomic():
        if upon is not None:
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE alerting_plan IN SHARE ROW EXCLUSIVE MODE")
            if version_in_force() != upon:
                raise Refused(_("这份方案已被他人换成新版本。请重新打开后再改。"), code="stale_plan")
        plan = Plan.objects.create(text=text, version=version_of(text), loaded_at=now, loaded_by=actor.name)
        audit.record(actor, "alert_plan.load", "alerts", plan.version)
    return plan
