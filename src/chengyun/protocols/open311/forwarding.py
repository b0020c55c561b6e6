# SPDX-License-Identifier: Apache-2.0
"""Cases of declared categories go to another city's server, once, and come back as its answers. The only writer of Forward.

CHENGYUN_OPEN311 names a TOML file:

    [servers.county]
    url = "https://county.example/open311/v2"
    key = "…"
    jurisdiction = ""                              # where the server wants one
    categories = { "event/0402" = "water-main", "component/01" = "street" }    # ours, or its first part → their service_code

A case that came from such a server is not sent on: two cities that name each other would send it round for ever. So every
request carries in device_id who sent it, and whatever came with a sender of that kind stays here.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction

from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.cases.intake.catalogue import name_of_category
from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case
from chengyun.config import config
from chengyun.errors import Malformed, Misdeclared, Problem, Refused, Unavailable
from chengyun.protocols.open311.client import Client
from chengyun.protocols.open311.models import Forward

__all__ = ["SENDER", "Server", "choose", "follow", "servers", "service_for"]

SENDER = "chengyun-"
"""What the device_id of a forwarded request begins with."""
LOOK_BACK = dt.timedelta(days=2)
ASK_EVERY = dt.timedelta(minutes=30)
LONGEST_WAIT = dt.timedelta(hours=6)
AT_ONCE = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """Another city's server. categories: ours, or its first part → their service code."""

    name: str
    url: str
    key: str = field(repr=False)
    jurisdiction: str
    categories: Mapping[str, str]

    def client(self) -> Client:
        return Client(self.url, self.key, self.jurisdiction)


def servers() -> list[Server]:
    """Return the servers that are declared; none where there is no file. Raises Misdeclared."""
    named = os.environ.get("CHENGYUN_OPEN311")
    if not named:
        return []
    path = Path(named)
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8")).get("servers", {})
        return [
            Server(name, one["url"], one.get("key", ""), one.get("jurisdiction", ""), dict(one["categories"]))
            for name, one in declared.items()
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as wrong:
        raise Misdeclared([f"CHENGYUN_OPEN311, {path.name}: {wrong!r}. A server needs url and categories."]) from wrong


def service_for(server: Server, category: str) -> str:
    """Return their service for a category of ours, by the longest part of it that is declared; "" for none."""
    fitting = [known for known in server.categories if category.startswith(known)]
    return server.categories[max(fitting, key=len)] if fitting else ""


def choose(now: dt.datetime) -> int:
    """Note the cases that are to be sent and are not noted yet; return how many."""
    made = 0
    for server in servers():
        known = Forward.objects.filter(server=server.name).values("case_id")
        recent = Case.objects.filter(dispatched_at__gte=now - LOOK_BACK, simulated=False, merged_into=None, ended=False)
        for case in recent.exclude(category="").exclude(pk__in=known):
            if service_for(server, case.category) and not _came_round(case):
                with transaction.atomic():
                    _, new = Forward.objects.get_or_create(
                        case=case, server=server.name, defaults={"made_at": now, "next_at": now}
                    )
                    if new:
                        audit.record(SYSTEM, "case.forward", "cases", case.number, detail={"server": server.name})
                        made += 1
    return made


def follow(now: dt.datetime, open_client: Callable[[Server], Client] = Server.client) -> int:
    """Send what waits and ask how the rest stands, as far as it is due; return how many were dealt with."""
    known = {server.name: server for server in servers()}
    due = Forward.objects.filter(next_at__lte=now, server__in=known).select_related("case").order_by("next_at", "id")
    done = 0
    for forward in due[:AT_ONCE]:
        client = open_client(known[forward.server])
        try:
            _one(forward, known[forward.server], client, now)
        finally:
            client.close()
        done += 1
    return done


def _one(forward: Forward, server: Server, client: Client, now: dt.datetime) -> None:
    """Do what comes next for a case. Sent twice it is filed once: the key stays the same, for servers that heed it."""
    try:
        if forward.state == Forward.State.WAITING and not forward.token:
            filed = client.file(_form(forward.case, server), f"{SENDER}{config().city}-{forward.case.number}")
            forward.number, forward.token = filed.number, filed.token
        elif not forward.number:
            forward.number = client.number_of(forward.token)
        else:
            told = client.request(forward.number)
            forward.status_notes = str(told.get("status_notes") or "")[:4000]
            if told.get("status") == "closed":
                forward.state = Forward.State.CLOSED
        if forward.number and forward.state == Forward.State.WAITING:
            forward.state = Forward.State.SENT
        forward.attempts, forward.error = 0, ""
        forward.next_at = None if forward.state == Forward.State.CLOSED else now + ASK_EVERY
    except (Unavailable, Malformed) as wrong:
        forward.attempts += 1
        forward.error = wrong.sentence[:500]
        forward.next_at = now + min(LONGEST_WAIT, dt.timedelta(minutes=2 ** min(forward.attempts, 9)))
    except Refused as wrong:
        _refused(forward, wrong, now)
    forward.save()
    log.info("case %s at %s: %s", forward.case.number, forward.server, forward.state)


def _refused(forward: Forward, wrong: Problem, now: dt.datetime) -> None:
    forward.error = wrong.sentence[:500]
    if forward.state == Forward.State.WAITING and not forward.token:
        forward.state, forward.next_at = Forward.State.REFUSED, None
    else:
        # It was taken once: that it is not shown now may pass.
        forward.attempts += 1
        forward.next_at = now + LONGEST_WAIT


def _form(case: Case, server: Server) -> dict[str, str]:
    """Return what is told: the problem and its place. Who reported it stays here, and the words: a title is made of them, too."""
    public = Report.objects.filter(home=case, published_at__isnull=False).exclude(headline="").first()
    description = public.headline if public else name_of_category(case.category)
    form = {
        "service_code": service_for(server, case.category), "description": description, "device_id": f"{SENDER}{config().city}",
        "account_id": case.number, "address_string": case.address,
    }  # fmt: skip
    if case.lon is not None and case.lat is not None:
        form |= {"lat": f"{case.lat:.6f}", "long": f"{case.lon:.6f}"}
    return {name: value for name, value in form.items() if value}


def _came_round(case: Case) -> bool:
    return Report.objects.filter(case=case, external__startswith=SENDER).exists()
