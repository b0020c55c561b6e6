# SPDX-License-Identifier: Apache-2.0
"""Nothing reads around the policy: every address of the project, as every role, whatever addresses there are.

Marks are put into things of one district that are not open: an alert, a case, a dead letter, an audit record, an account.
Every answer is searched for them; a mark may show only to whom scope() lets read that very row.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.urls.resolvers import RoutePattern
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import ANONYMOUS, SYSTEM, Actor, actor_of_account
from chengyun.access.middleware import doors
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import may, scope
from chengyun.access.rulebook import ROLES, rulebook
from chengyun.access.views import Door, door_of, dotted_name, needs, public
from chengyun.cases.models import Case, CaseClock
from chengyun.collect.models import DeadLetter
from chengyun.lake.services import ensure_tables
from chengyun.operate.models import Alert, Figure

pytestmark = pytest.mark.django_db
HERE, ELSEWHERE = "330203", "330204"
CITY = "330200"


@dataclass(frozen=True)
class Address:
    route: str
    view: Callable[..., Any]
    parameters: dict[str, str]
    """Name → kind: int, str, slug, path, uuid or regex."""

    def filled(self, samples: dict[str, str]) -> str:
        found = self.route
        for name, kind in self.parameters.items():
            value = next((samples[key] for key in (f"{self.route}:{name}", name, kind) if key in samples), "x")
            found = found.replace(f"<{name}>", value)
        return found


def addresses(resolver: URLResolver | None = None, route: str = "/", given: dict[str, str] | None = None) -> Iterator[Address]:
    """Yield every address the resolver knows, with `<name>` where a parameter stands."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry.pattern, RoutePattern):
            text = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", str(entry.pattern))
            kinds = {name: type(one).__name__.removesuffix("Converter").lower() for name, one in entry.pattern.converters.items()}
        else:
            kinds = dict.fromkeys(entry.pattern.regex.groupindex, "regex")
            text = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", str(entry.pattern)).replace("^", "").replace("$", "")
            text = text.replace("\\Z", "").replace("\\", "")
        parameters = (given or {}) | kinds
        if isinstance(entry, URLResolver):
            yield from addresses(entry, route + text, parameters)
        elif isinstance(entry, URLPattern):
            yield Address(route + text, entry.callback, parameters)


ADDRESSES = list(addresses())


@dataclass(frozen=True)
class Mark:
    """A text that only readers of one row may see."""

    text: str
    dataset: str
    row: dict[str, Any]
    purposes: tuple[str | None, ...] = (None,)

    def visible_to(self, actor: Actor) -> bool:
        return any(scope(actor, self.dataset, purpose).matches(self.row) for purpose in self.purposes)


@pytest.fixture
def planted(account_as: Callable[..., Account]) -> tuple[list[Mark], dict[str, str]]:
    """Things of one district, with a mark in each; returns the marks and what addresses of these things are made of."""
    ensure_tables()
    now = timezone.now()
    bureau = Organisation.objects.create(key="walk_bureau", name="走查局")
    person = account_as("handler", organisation=bureau, area_code=ELSEWHERE, username="canary-account")
    alert = Alert.objects.create(
        rule="walk.rule", dataset="walk.closed", subject="W1", subject_name="canary-alert", area_code=ELSEWHERE, severity="red",
        since=now, last_seen_at=now, opened_at=now, evidence={}, state="open",
    )  # fmt: skip
    type_key = next(iter(rulebook_cases()), "walk.case")
    case = Case.objects.create(
        number="WALK-1", type=type_key, state="filed", title="canary-case", owner=bureau, area_code=ELSEWHERE, opened_at=now,
        due_at=now + dt.timedelta(days=1),
    )  # fmt: skip
    CaseClock.objects.create(case=case, limit_s=86400, running_since=now)
    letter = DeadLetter.objects.create(
        stream=next(iter(rulebook_streams()), "walk.stream"), received_at=now, actor="gateway", code="unreadable",
        reason="canary-letter", row={"canary-letter": 1}, area_code=ELSEWHERE,
    )  # fmt: skip
    audit.record(SYSTEM, "walk", "alerts", target="canary-audit")
    marks = [
        Mark("canary-alert", "alerts", {"area_code": ELSEWHERE, "dataset": "walk.closed"}),
        Mark("canary-case", type_key, {"area_code": ELSEWHERE}),
        Mark("canary-letter", "dead_letters", {"area_code": ELSEWHERE}),
        Mark("canary-audit", "audit", {}),
        Mark("canary-account", "accounts", {}, ("account", "audit", "case")),
    ]
    entity, key, figure = plant_open(now)
    samples = {"str": "x", "slug": "x", "int": "1", "path": "x", "regex": "1", "number": case.number, "uuid": "0" * 32}
    samples |= {"entity": entity, "key": key, "code": CITY, "level": "district"}
    for pack in rulebook_packs():
        samples |= {"pack": pack}
    for address in ADDRESSES:
        own = {"alert": alert.pk, "dead": letter.pk, "access/account": person.pk, "why": figure.pk}
        for word, value in own.items():
            if word in address.route:
                samples |= {f"{address.route}:{name}": str(value) for name, kind in address.parameters.items() if kind != "slug"}
        for word, dataset in (("registers", entity), ("streams", next(iter(rulebook_streams()), "x"))):
            if word in address.route:
                samples |= {f"{address.route}:dataset": dataset}
        if "figures" in address.route:
            samples |= {f"{address.route}:indicator": figure.indicator}
    return marks, samples


def plant_open(now: dt.datetime) -> tuple[str, str, Figure]:
    """Plant one thing of an open register and a figure, so that their pages are met and not just their absence."""
    city = settings.CITY
    entity = next(key for key in city.entities if rulebook().datasets[key].open)
    register: Any = apps.get_model(entity.split(".")[0], city.entities[entity].model)
    register.objects.create(key="walk-1", name="走查点", area_code=HERE, lon=121.5, lat=29.9, valid_from=now.date())
    indicator = next(key for key in city.indicators if rulebook().datasets[key].open)
    figure = Figure.objects.create(
        indicator=indicator, subject="walk-1", area_code=HERE, period_start=now.replace(minute=0, second=0, microsecond=0),
        value=1.0, version=city.indicators[indicator].version, as_of={}, detail={}, quality={}, simulated=False, computed_at=now,
    )  # fmt: skip
    return entity, "walk-1", figure


def rulebook_cases() -> list[str]:
    return [key for key, facts in rulebook().datasets.items() if facts.kind == "case"]


def rulebook_streams() -> list[str]:
    return [key for key, facts in rulebook().datasets.items() if facts.kind == "stream"]


def rulebook_packs() -> list[str]:
    return sorted({key.split(".")[0] for key in rulebook().datasets if "." in key})


def may_pass(door: Door, actor: Actor) -> bool:
    match door.kind:
        case "public":
            return True
        case "signed_in":
            return actor != ANONYMOUS
        case "needs":
            return may(actor, door.name)
        case "reads":
            return scope(actor, door.name, door.purpose).allowed


def is_refusal(answer: HttpResponse) -> bool:
    to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")
    return to_sign_in or answer.status_code in (401, 404, 405)


def test_every_address_has_a_door() -> None:
    without = [f"{one.route}: {dotted_name(one.view)}" for one in ADDRESSES if door_of(one.view) is None]
    assert not without, "these need a decorator of chengyun.access.views"


def ask(client: Client, method: str, target: str) -> tuple[HttpResponse, bytes]:
    """Ask, read the whole answer, and take back whatever it changed, so that no address depends on the one before."""
    cookies = client.cookies.copy()
    with transaction.atomic():
        answer = getattr(client, method)(target)
        body = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    client.cookies = cookies
    return answer, body


PLACES = [(role, HERE) for role in sorted(ROLES - {"anonymous"})] + [("duty_officer", CITY), ("leader", CITY), ("anonymous", "")]
SENDERS = [("anonymous", ""), ("resident", ""), ("duty_officer", HERE)]
WHOLE = [("get", *place) for place in PLACES] + [("post", *place) for place in SENDERS]
FEW = [("get", "anonymous", ""), ("get", "department_clerk", HERE), ("get", "administrator", HERE), ("post", "resident", "")]
WALKS = WHOLE if os.environ.get("CHENGYUN_WALK") == "whole" else FEW
"""CHENGYUN_WALK=whole walks as every role; a few roles of different kinds find what is wrong with an address itself."""


@pytest.mark.parametrize(("method", "role", "area"), WALKS)
def test_every_address_as_every_role(
    planted: tuple[list[Mark], dict[str, str]], account_as: Callable[..., Account], method: str, role: str, area: str
) -> None:
    marks, samples = planted
    client, account = Client(raise_request_exception=False), None
    if role != "anonymous":
        account = account_as(role, area_code=area, username="walker")
        client.force_login(account)
    actor = actor_of_account(account) if account else ANONYMOUS
    faults = []
    for address in ADDRESSES:
        door = door_of(address.view)
        if door is None:
            continue  # the test above names it
        target = address.filled(samples)
        answer, body = ask(client, method, target)
        if answer.status_code >= 500 and answer.status_code != 503:
            faults.append(f"{target}: {answer.status_code}")
        if not may_pass(door, actor) and not is_refusal(answer):
            faults.append(f"{target}: came in with {answer.status_code}, though {door}")
        faults += [f"{target}: shows {one.text}" for one in marks if one.text.encode() in body and not one.visible_to(actor)]
    assert not faults


def test_the_walk_meets_the_marks_where_they_may_be_seen(
    planted: tuple[list[Mark], dict[str, str]], account_as: Callable[..., Account]
) -> None:
    """Otherwise the walk would pass on pages that show nothing at all."""
    marks, samples = planted
    client = Client()
    client.force_login(account_as("administrator", "duty_officer", "data_steward", username="walker"))
    seen = set()
    for address in ADDRESSES:
        _, body = ask(client, "get", address.filled(samples))
        seen |= {one.text for one in marks if one.text.encode() in body}
    assert {"canary-audit", "canary-account"} <= seen
    for one in (f"/e/{samples['entity']}/walk-1", next(a for a in ADDRESSES if a.route.startswith("/why")).filled(samples)):
        answer, _ = ask(client, "get", one)
        assert answer.status_code == 200, f"{one} was meant to be there"


def test_a_view_without_a_door_is_refused_at_run_time() -> None:
    def forgotten(request: object) -> HttpResponse:
        return HttpResponse("secret")

    process_view = doors(lambda request: HttpResponse()).process_view  # type: ignore[attr-defined]
    request = RequestFactory().get("/forgotten")
    with pytest.raises(Http404):
        process_view(request, forgotten, (), {})
    assert process_view(request, public(forgotten), (), {}) is None


def test_the_walk_would_notice_a_new_address_without_a_door() -> None:
    def forgotten(request: object) -> HttpResponse:
        return HttpResponse()

    routes = URLResolver(RoutePattern(""), [path("new/<int:number>", forgotten), path("ok", needs("case.handle")(forgotten))])
    found = {address.route: door_of(address.view) for address in addresses(routes)}
    assert found == {"/new/<number>": None, "/ok": Door("needs", "case.handle")}
