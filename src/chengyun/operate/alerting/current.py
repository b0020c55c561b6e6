# SPDX-License-Identifier: Apache-2.0
"""The plan in force, and how one is loaded."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.operate.alerting.models import Plan
from chengyun.operate.alerting.plan import DEFAULT, Document, read_plan, version_of

__all__ = ["current", "load", "text_in_force"]


def text_in_force() -> str:
    """Return the plan's file as it was loaded last, or the one every city begins with."""
    return Plan.objects.values_list("text", flat=True).first() or DEFAULT


def current() -> Document:
    """Return the plan in force."""
    return read_plan(text_in_force())


def load(text: str, actor: Actor, now: dt.datetime) -> Plan:
    """Put a plan in force. Raises Refused naming what is wrong with it."""
    require(actor, "alert_plan.load")
    read_plan(text)
    with transaction.atomic():
        plan = Plan.objects.create(text=text, version=version_of(text), loaded_at=now, loaded_by=actor.name)
        audit.record(actor, "alert_plan.load", "alerts", plan.version)
    return plan
