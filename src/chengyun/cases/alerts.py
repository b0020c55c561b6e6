# SPDX-License-Identifier: Apache-2.0
"""From alert to case: rules that say so open a case by themselves, once for an alert, with what it rests on."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access.actors import SYSTEM
from chengyun.cases.models import Case
from chengyun.cases.services import open_case
from chengyun.city import City, qualify
from chengyun.errors import Problem
from chengyun.operate.models import Alert

__all__ = ["open_cases"]

RECENT = dt.timedelta(days=2)
"""A condition seen longer ago than this when it was noticed came with history that was loaded: nobody is sent out for it."""

log = logging.getLogger("chengyun.cases")


def open_cases(now: dt.datetime) -> list[Case]:
    """Open the cases that open alerts ask for and do not have yet; return them, each once."""
    city: City = settings.CITY
    opens = {key: qualify(key.split(".")[0], rule.opens) for key, rule in city.alerts.items() if rule.opens}
    waiting = Alert.objects.filter(rule__in=list(opens), in_case=False, holds=True, case_alert=None).exclude(state="closed")
    found: dict[str, Case] = {}
    for alert in waiting.order_by("opened_at", "id"):
        if alert.opened_at - alert.last_seen_at > RECENT:
            continue
        title = _("%(subject)s：%(rule)s") % {"subject": alert.subject_name, "rule": city.alerts[alert.rule].name}
        try:
            case = open_case(opens[alert.rule], title, SYSTEM, now, alert=alert)
        except Problem as problem:  # one alert's case must not keep the others from theirs
            log.warning("alert %d has no case yet: %s", alert.pk, problem.sentence)
            continue
        found[case.number] = case
    return list(found.values())
