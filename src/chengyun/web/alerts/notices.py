# SPDX-License-Identifier: Apache-2.0
"""What one was told, and, for those who keep the plan, what is on its way and what did not get through."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import scope
from chengyun.access.views import needs
from chengyun.errors import NotFound
from chengyun.operate.alerting import outbox
from chengyun.operate.alerting.current import text_in_force
from chengyun.operate.alerting.models import Delivery, Member, Notice, Plan
from chengyun.operate.models import Alert
from chengyun.operate.probation.ruleset import rulebook
from chengyun.web import shown
from chengyun.web.alerts.wording import because_of
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number
from chengyun.web.titles import of_thing

PAGE = 30


@dataclass(frozen=True, slots=True)
class Told:
    """One notice. alerts: those the reader may read. fresh: not seen before this page. rule: it is about a rule of theirs."""

    kind: str
    title: str
    severity: str
    at: dt.datetime
    alerts: tuple[Any, ...]
    fresh: bool
    rule: str
    why: str


@require_safe
@needs("desk.read")
def inbox(request: HttpRequest) -> HttpResponse:
    """Show what one was told, newest first, and note that it is seen."""
    actor, number = actor_of(request), page_number(request)
    start = (number - 1) * PAGE
    rows = Delivery.objects.filter(account_id=actor.account_id or 0, channel="app").select_related("notice").order_by("-id")
    found = list(rows[start : start + PAGE + 1])
    keys = {one["id"] for row in found for one in row.notice.body["alerts"]}
    readable = set(Alert.objects.filter(scope(actor, "alerts").q(), pk__in=keys).values_list("pk", flat=True)) if keys else set()
    ended = [row.notice.group_id for row in found if not row.notice.body["alerts"]]
    members = Member.objects.filter(group__in=ended).select_related("alert").order_by("alert_id")
    last = {one.group_id: one.alert for one in members}
    told = []
    for row in found[:PAGE]:
        notice = row.notice
        alerts = tuple(one for one in notice.body["alerts"] if one["id"] in readable)
        whole = len(alerts) == len(notice.body["alerts"])
        title = _title(notice, last.get(notice.group_id)) if whole else _("预警有变化")
        told.append(
            Told(
                str(notice.get_kind_display()), title, notice.severity, notice.at, alerts, row.seen_at is None,
                notice.body.get("rule", ""), because_of(notice.body.get("why", "")),
            )
        )  # fmt: skip
    Delivery.objects.filter(pk__in=[row.pk for row in found[:PAGE]], seen_at=None).update(seen_at=timezone.now())
    page = {"listed": Listed(tuple(told), number, len(found) > PAGE, filters_of(request.GET)), "as_of": timezone.now()}
    return render(request, "alerts/notices.html", {"page": page})


def _title(notice: Notice, last: Alert | None) -> str:
    """Return a notice's title in the page's language; what was sent is in the city's. last: the newest alert of its group."""
    if rule := notice.body.get("rule", ""):
        return _("规则“%(name)s”超出误报预算，已降级") % {"name": _(rulebook().name(rule))}
    alerts = notice.body["alerts"]
    subjects = [one["subject_name"] for one in alerts] or ([last.subject_name] if last else [])
    names = [one["name"] for one in alerts] or ([rulebook().name(last.rule, last.opened_at)] if last else [])
    said = shown.listed(_(name) for name in dict.fromkeys(names))
    if len(subjects) == 1:
        said = of_thing(subjects[0], said)
    elif subjects:
        said = _("%(what)s（%(count)d 处）") % {"what": said, "count": len(subjects)}
    return f"{notice.get_kind_display()} {said}" if said else notice.title


@require_safe
@needs("alert_plan.load")
def deliveries(request: HttpRequest) -> HttpResponse:
    """Show deliveries by state, those that failed first, and the plan in force."""
    return _deliveries(request, None)


def _deliveries(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    number = page_number(request)
    (state,) = asked(request, "state")
    state = state if state in Delivery.State.values else Delivery.State.DEAD
    start = (number - 1) * PAGE
    rows = Delivery.objects.filter(state=state).exclude(channel="app").select_related("notice").order_by("-id")
    found = list(rows[start : start + PAGE + 1])
    page = {
        "listed": Listed(tuple(found[:PAGE]), number, len(found) > PAGE, filters_of(request.GET)), "state": state,
        "states": [(value, name, value == state) for value, name in Delivery.State.choices], "plan": text_in_force(),
        "loaded": Plan.objects.first(), "fault": fault, "as_of": timezone.now(),
    }  # fmt: skip
    return render(request, "alerts/deliveries.html", {"page": page}, status=fault.status if fault else 200)


@require_POST
@needs("alert_plan.load")
def settle(request: HttpRequest, key: int, deed: str) -> HttpResponse:
    """Send a failed delivery again, or give it up."""
    actor = actor_of(request)
    if deed not in ("retry", "drop"):
        raise NotFound(_("没有找到。"))
    fault = attempt(
        request, "settle", lambda: outbox.retry(key, actor, timezone.now()) if deed == "retry" else outbox.drop(key, actor)
    )  # fmt: skip
    said = _("将再次发送。") if deed == "retry" else _("已放弃。")
    return _deliveries(request, fault) if fault else done(request, said, reverse("alert-deliveries"))
