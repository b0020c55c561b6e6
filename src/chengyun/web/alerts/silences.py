# SPDX-License-Identifier: Apache-2.0
"""What is silenced, by whom, why and until when; made and ended here."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access.actors import actor_of
from chengyun.access.policy import may, scope
from chengyun.access.views import needs
from chengyun.city.alerts import SEVERITIES
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate.alerting import silences
from chengyun.operate.alerting.models import Silence
from chengyun.operate.models import Alert
from chengyun.operate.probation.ruleset import standing_now
from chengyun.web.desk.deeds import Fault, attempt, done

MOST = 100
HOURS = (1, 2, 4, 8, 24, 72, 168, 720)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("desk.read")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the silences, those in force first; make one."""
    if request.method != "POST":
        return _shown(request, None)
    actor, now, given = actor_of(request), timezone.now(), request.POST

    def deed() -> None:
        match = {
            "rule": given.getlist("rule"), "severity": given.getlist("severity"),
            "subject": given.get("subject", "").replace("，", ",").split(","),
        }  # fmt: skip
        hours = given.get("hours", "")
        if hours not in map(str, HOURS):
            raise Refused(_("请选择静默多久。"), code="until")
        silences.silence(
            match, now + dt.timedelta(hours=int(hours)), given.get("why", ""), actor, now, given.get("area", "").strip()
        )

    fault = attempt(request, "silence", deed)
    return _shown(request, fault) if fault else done(request, _("已静默。"), reverse("alert-silences"))


@require_POST
@needs("alert.silence")
def end(request: HttpRequest, key: int) -> HttpResponse:
    """End a silence."""
    actor = actor_of(request)
    fault = attempt(request, "end", lambda: silences.end(key, actor, timezone.now()))
    return _shown(request, fault) if fault else done(request, _("静默已结束。"), reverse("alert-silences"))


@require_POST
@needs("alert.silence")
def mute(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Silence one alert until it is resolved."""
    actor = actor_of(request)
    fault = attempt(request, "mute", lambda: silences.mute(alert_id, request.POST.get("why", ""), actor, timezone.now()))
    return _shown(request, fault) if fault else done(request, _("已静默，直到解除。"), reverse("alert", args=[alert_id]))


def _shown(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    rows = list(Silence.objects.select_related("by", "ended_by", "alert").order_by("-id")[:MOST])
    alerts = [row.alert_id for row in rows if row.alert_id]
    readable = (
        set(Alert.objects.filter(scope(actor, "alerts").q(), pk__in=alerts).values_list("pk", flat=True)) if alerts else set()
    )
    rows = [row for row in rows if row.alert_id is None or row.alert_id in readable]
    in_force = [one for one in rows if _in_force(one, now)]
    page = {
        "in_force": in_force, "over": [one for one in rows if one not in in_force], "hours": HOURS, "fault": fault,
        "severities": tuple(reversed(SEVERITIES)), "rules": [(key, one.name) for key, one in standing_now().heard.items()],
        "may": may(actor, "alert.silence"), "city": config().city[:4], "as_of": now,
    }  # fmt: skip
    return render(request, "alerts/silences.html", {"page": page}, status=fault.status if fault else 200)


def _in_force(one: Silence, now: dt.datetime) -> bool:
    over = one.ended_at is not None or (one.until is not None and one.until <= now)
    return not over and (one.alert is None or one.alert.state != Alert.State.CLOSED)
