# SPDX-License-Identifier: Apache-2.0
"""What follows from an alert, in order: rules on rules, cases, groups, notices, letters. Woken by the alert, and by the clock.

`jobs` hears of an alert on the channel `chengyun_alert` in the moment its transaction commits, so that neither a case nor a
notice waits for a clock. The clock comes all the same: what a killed process left undone is found in the database.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings

from chengyun.cases.alerts import in_turn, open_cases
from chengyun.errors import Problem
from chengyun.operate.alerting import groups, outbox
from chengyun.operate.alerting.compound import judge_together

__all__ = ["CHANNEL", "by_the_clock", "follow"]

CHANNEL = "chengyun_alert"

log = logging.getLogger("chengyun.operate")


def follow(now: dt.datetime) -> None:
    """Do what alerts that have just changed ask for at once."""
    open_cases(now)
    with in_turn():
        judge_together(settings.CITY, now)
        groups.take_changes(now)
        groups.tell_due(now)


def by_the_clock(now: dt.datetime) -> None:
    """Do what time alone asks for, and what was left undone; one part that fails keeps no other from its work."""
    for part in (follow, groups.lapse, groups.escalate, groups.tell_due, outbox.send_waiting):
        try:
            part(now)
        except Problem as problem:
            log.warning("%s: %s", part.__name__, problem.sentence)
