# SPDX-License-Identifier: Apache-2.0
"""Addresses that foreign catalogues are read from: kept, read at once, paused, removed; with the history of their readings."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.errors import Refused
from chengyun.share.catalogue import tasks
from chengyun.share.catalogue.harvest import addresses
from chengyun.share.catalogue.models import Harvest, HarvestAddress
from chengyun.web.catalogue.transfer import shown
from chengyun.web.catalogue.words import Tab, tabs
from chengyun.web.desk.deeds import attempt, done

MOST = 100


@dataclass(frozen=True)
class AddressPage:
    """history: its readings, newest first."""

    tabs: tuple[Tab, ...]
    address: HarvestAddress
    history: tuple[Harvest, ...]


@require_POST
@needs("catalogue.harvest")
def keep(request: HttpRequest) -> HttpResponse:
    """Read a foreign catalogue from an address from now on."""
    actor, given = actor_of(request), request.POST
    origin, hours = given.get("origin", "").strip(), given.get("every_h", "24").strip()

    def do() -> None:
        if not (hours.isascii() and hours.isdigit() and len(hours) < 6):
            raise Refused(_("采集间隔是 1 到 %d 小时。") % addresses.LONGEST_H, code="every", field="every_h")
        addresses.keep(actor, origin, given.get("url", "").strip(), int(hours))
        tasks.queue(origin)

    fault = attempt(request, "address", do)
    return (
        shown(request, fault) if fault else done(request, _("已登记，将立即采集。"), reverse("catalogue-address", args=[origin]))
    )


@require_safe
@needs("catalogue.harvest")
def address(request: HttpRequest, origin: str) -> HttpResponse:
    """Show one address and how its readings went."""
    actor = actor_of(request)
    one = addresses.access(actor, origin)
    history = tuple(Harvest.objects.filter(origin=origin)[:MOST])
    return render(request, "catalogue/address.html", {"page": AddressPage(tabs(actor, ""), one, history)})


@require_POST
@needs("catalogue.harvest")
def act(request: HttpRequest, origin: str, deed: str) -> HttpResponse:
    """Read an address at once, pause it, go on with it, or read it no more."""
    actor, back = actor_of(request), reverse("catalogue-address", args=[origin])
    addresses.access(actor, origin)
    match deed:
        case "read":
            said = _("已排队采集。") if tasks.queue(origin) else _("已在排队，无须重复。")
        case "remove":
            addresses.remove(actor, origin)
            said, back = _("已移除；已采集的资源保留。"), reverse("catalogue-transfer")
        case _:
            addresses.switch(actor, origin, on=deed == "resume")
            said = _("已恢复，将立即采集。") if deed == "resume" else _("已暂停。")
    return done(request, said, back)
