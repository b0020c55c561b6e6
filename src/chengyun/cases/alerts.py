# SPDX-License-Identifier: Apache-2.0
"""From alert to case: rules that say so open a case by themselves, once for an alert, with what it rests on."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from chengyun.access.actors import SYSTEM
from chengyun.cases.models import Case
from chengyun.cases.services import open_case
from chengyun.city import AlertRule, City, qualify
from chengyun.errors import Problem
from chengyun.operate.models import Alert
from chengyun.operate.probation.ruleset import standing_now

__all__ = ["open_cases"]

RECENT = dt.timedelta(days=2)
"""A condition seen longer ago than this when it was noticed came with history that was loaded: nobody is sent out for it."""

ONE_OPENER = 0x6F70656E
"""Key of the advisory lock ("open" in ASCII)."""

log = logging.getLogger("chengyun.cases")


def open_cases(now: dt.datetime) -> list[Case]:
    """Open the cases that open alerts ask for and do not have yet; return them, each once.

    Two at the same time take turns: the one woken by an alert, and the one that comes by the clock.
    """
    city: City = settings.CITY
    rules = standing_now(city).heard
    opens = {key: qualify(key.split(".")[0], rule.opens) for key, rule in rules.items() if rule.opens}
    with in_turn():
        return _open(now, opens, rules)


@contextmanager
def in_turn() -> Iterator[None]:
    """Hold the one place there is for whoever opens cases from alerts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_OPENER])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_OPENER])


def _open(now: dt.datetime, opens: Mapping[str, str], rules: Mapping[str, AlertRule]) -> list[Case]:
    waiting = Alert.objects.filter(rule__in=list(opens), in_case=False, holds=True, case_alert=None).exclude(state="closed")
    found: dict[str, Case] = {}
    for alert in waiting.order_by("opened_at", "id"):
        if alert.opened_at - alert.last_seen_at > RECENT:
            continue
        title = _("%(subject)s：%(rule)s") % {"subject": alert.subject_name, "rule": rules[alert.rule].name}
        try:
            case = open_case(opens[alert.rule], title, SYSTEM, now, alert=alert)
        except Problem as problem:  # one alert's case must not keep the others from theirs
            log.warning("alert %d has no case yet: %s", alert.pk, problem.sentence)
            continue
        found[case.number] = case
    return list(found.values())
