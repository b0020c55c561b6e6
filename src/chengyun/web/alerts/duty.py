# SPDX-License-Identifier: Apache-2.0
"""Who is on duty: now on one page, each roster's turns on its own, with swaps between colleagues."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.operate.alerting import rosters as services
from chengyun.operate.alerting.models import Roster, Shift, Swap
from chengyun.operate.alerting.people import on_duty
from chengyun.web.days import moment_of
from chengyun.web.desk.deeds import Fault, attempt, done

AHEAD = dt.timedelta(days=35)
BEHIND = dt.timedelta(days=7)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("desk.read")
def rosters(request: HttpRequest) -> HttpResponse:
    """Show who is on duty now, and what one is asked to take over; make a roster."""
    actor, given = actor_of(request), request.POST
    fault = None
    if request.method == "POST":
        words = [given.get(name, "") for name in ("key", "name", "area")]
        fault = attempt(request, "roster", lambda: services.make_roster(words[0], words[1], words[2].strip(), actor))
        if fault is None:
            return done(request, _("已建立值班表。"), reverse("duty-roster", args=[words[0]]))
    return _rosters(request, fault)


def _rosters(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    lines = []
    for one in Roster.objects.all():
        following = one.shifts.filter(starts__gt=now).select_related("account").order_by("starts").first()
        lines.append((one, on_duty(one.key, now), following))
    asked = Swap.objects.filter(to_id=actor.account_id, state=Swap.State.ASKED, shift__ends__gt=now)
    page = {
        "lines": lines, "asked": list(asked.select_related("shift__roster", "shift__account", "asked_by")), "fault": fault,
        "may": may(actor, "roster.manage"), "as_of": now,
    }  # fmt: skip
    return render(request, "alerts/rosters.html", {"page": page}, status=fault.status if fault else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("desk.read")
def roster(request: HttpRequest, key: str) -> HttpResponse:
    """Show a roster's turns; put more down."""
    found = Roster.objects.filter(key=key).first()
    if found is None:
        raise NotFound(_("没有找到这张值班表。"))
    if request.method != "POST":
        return _roster(request, found, None)
    actor, given = actor_of(request), request.POST

    def deed() -> None:
        names = [
            name.strip() for name in given.get("accounts", "").replace("，", ",").replace("\n", ",").split(",") if name.strip()
        ]
        until = _moment(given["until"]) if given.get("until") else None
        hours = given.get("hours", "")
        length = int(hours) if hours.isdigit() and len(hours) < 4 else 0
        services.add_turns(found, names, _moment(given.get("first", "")), length, actor, until)

    fault = attempt(request, "turns", deed)
    return _roster(request, found, fault) if fault else done(request, _("已排班。"), reverse("duty-roster", args=[key]))


@require_POST
@needs("roster.manage")
def remove(request: HttpRequest, key: int) -> HttpResponse:
    """Take a turn down."""
    return _settled(request, _roster_of(key), lambda: services.remove_turn(key, actor_of(request), timezone.now()), _("已撤下。"))


@require_POST
@needs("desk.read")
def swap(request: HttpRequest, key: int) -> HttpResponse:
    """Ask a colleague to take a turn."""
    actor, to = actor_of(request), request.POST.get("to", "").strip()
    return _settled(request, _roster_of(key), lambda: services.ask_swap(key, to, actor, timezone.now()), _("已请同事代班。"))


@require_POST
@needs("desk.read")
def answer(request: HttpRequest, key: int, answer: str) -> HttpResponse:
    """Agree to take a colleague's turn, or not."""
    if answer not in ("agree", "refuse"):
        raise NotFound(_("没有找到。"))
    actor = actor_of(request)
    fault = attempt(request, "swap", lambda: services.answer_swap(key, answer == "agree", actor, timezone.now()))
    said = _("这一班由您来值。") if answer == "agree" else _("已答复。")
    return _rosters(request, fault) if fault else done(request, said, reverse("duty"))


def _roster_of(shift: int) -> Roster:
    found = Shift.objects.select_related("roster").filter(pk=shift).first()
    if found is None:
        raise NotFound(_("没有找到这一班。"))
    return found.roster


def _settled(request: HttpRequest, found: Roster, deed: Callable[[], object], said: str) -> HttpResponse:
    fault = attempt(request, "turn", deed)
    return _roster(request, found, fault) if fault else done(request, said, reverse("duty-roster", args=[found.key]))


def _roster(request: HttpRequest, found: Roster, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    turns = (
        found.shifts.filter(ends__gt=now - BEHIND, starts__lt=now + AHEAD).select_related("account").prefetch_related("swaps__to")
    )
    manages = may(actor, "roster.manage", found.area_code)
    lines = [
        {
            "turn": one, "now": one.starts <= now < one.ends, "over": one.ends <= now,
            "asked": next((it for it in one.swaps.all() if it.state == Swap.State.ASKED), None),
            "mine": one.ends > now and (manages or one.account_id == actor.account_id), "removable": manages and one.starts > now,
        }
        for one in turns
    ]  # fmt: skip
    last = found.shifts.order_by("-ends").values_list("ends", flat=True).first()
    first = max(last or now, now).astimezone(config().zone)
    page = {
        "roster": found, "lines": lines, "on_duty": on_duty(found.key, now), "may": manages, "fault": fault, "as_of": now,
        "first": first.replace(second=0, microsecond=0, tzinfo=None).isoformat(timespec="minutes"),
    }  # fmt: skip
    return render(request, "alerts/roster.html", {"page": page}, status=fault.status if fault else 200)


def _moment(text: str) -> dt.datetime:
    try:
        return moment_of(text)
    except ValueError as wrong:
        raise Refused(_("请写明日期和时间。"), code="moment") from wrong
