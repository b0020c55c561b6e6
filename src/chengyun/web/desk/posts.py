# SPDX-License-Identifier: Apache-2.0
"""Who holds which post as far as somebody appoints, and the form that gives one: for administrators and for data stewards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access import delegation, services
from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Account, Assignment, Organisation, Role
from chengyun.access.policy import require_scope
from chengyun.access.views import needs
from chengyun.errors import NotFound, Refused
from chengyun.web.days import moment_of
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

PAGE = 50
MOST_OFFERED = 200
"""People offered while a name is typed; others are found by their user name all the same."""


@dataclass(frozen=True, slots=True)
class PostLine:
    """One post that has not ended. organisation: its body, "" for none. area: code, "" for its body's."""

    id: int
    account: str
    username: str
    role: str
    organisation: str
    area: str
    since: dt.datetime
    until: dt.datetime | None


@dataclass(frozen=True)
class PostsPage:
    """people: user name and name of those who may be given a post, the first so many. bodies: value "" stands for none."""

    listed: Listed[PostLine]
    text: str
    people: tuple[tuple[str, str], ...]
    roles: tuple[Choice, ...]
    bodies: tuple[Choice, ...]
    fault: Fault | None
    as_of: dt.datetime


@require_http_methods(["GET", "HEAD", "POST"])
@needs("role.assign")
def posts(request: HttpRequest) -> HttpResponse:
    """List the posts in one's reach; give one."""
    if request.method != "POST":
        return _page(request, None)
    actor, given = actor_of(request), request.POST
    fault = attempt(request, "appoint", lambda: _appoint(actor, given))
    return _page(request, fault) if fault else done(request, _("已任命。"), reverse("posts"))


@require_POST
@needs("role.assign")
def end(request: HttpRequest, post_id: int) -> HttpResponse:
    """End a post from now on."""
    actor = actor_of(request)
    found = Assignment.objects.filter(delegation.posts(actor), pk=post_id).select_related("account", "organisation").first()
    if found is None:
        raise NotFound(_("没有找到这项任命。"))
    fault = attempt(request, "end", lambda: services.end_assignment(actor, found))
    return _page(request, fault) if fault else done(request, _("已免去：%s") % found, reverse("posts"))


def _appoint(actor: Actor, given: Mapping[str, str]) -> None:
    until = given.get("until", "")
    try:
        ends = moment_of(until) if until else None
    except ValueError as wrong:
        raise Refused(_("请写明日期和时间。"), code="moment", field="until") from wrong
    body = given.get("organisation", "")
    organisation = Organisation.objects.filter(delegation.bodies(actor), key=body).first()
    if body and organisation is None:
        raise Refused(_("没有部门 %s，或不在您所辖范围内。") % body[:64], code="not_allowed", field="organisation")
    area = given.get("area", "").strip()
    services.assign(actor, _person(actor, given.get("account", "").strip()), given.get("role", ""), organisation, area, ends)


def _person(actor: Actor, name: str) -> Account:
    """Return whom a user name means, or a name only one person has. Raises Refused: absent and out of reach look the same."""
    known = _known(actor)
    found = known.filter(username=name).first()
    if found is None:
        named = list(known.filter(name=name)[:2]) if name else []
        if len(named) > 1:
            raise Refused(_("叫 %s 的不止一人，请写用户名。") % name[:100], code="account_unknown", field="account")
        if not named:
            raise Refused(_("没有账号 %s，或不是您所辖部门的人员。") % name[:100], code="account_unknown", field="account")
        found = named[0]
    return found


def _known(actor: Actor) -> QuerySet[Account]:
    """Return the accounts a post may be given to. The read is recorded."""
    within = Account.objects.filter(delegation.appointable(actor), is_active=True)
    return require_scope(actor, "accounts", "account").rows_for(within, target="posts")


def _page(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, number = actor_of(request), page_number(request)
    (text,) = asked(request, "q")
    held = Assignment.objects.filter(delegation.posts(actor), Q(until=None) | Q(until__gt=timezone.now()))
    held = held.exclude(role=Role.RESIDENT)
    if text:
        said = [value for value, name in Role.choices if text in str(name)]
        held = held.filter(
            Q(account__username__icontains=text) | Q(account__name__icontains=text) | Q(organisation__name__icontains=text)
            | Q(role__in=said)
        )  # fmt: skip
    people = _known(actor).exclude(organisation=None).order_by("username")
    first = (number - 1) * PAGE
    rows = list(held.select_related("account", "organisation")[first : first + PAGE + 1])
    given: Mapping[str, str] = fault.given if fault else {}
    roles, chosen = delegation.roles(actor), given.get("organisation", actor.organisation or "")
    bodies = Organisation.objects.filter(delegation.bodies(actor)).values_list("key", "name")
    page = PostsPage(
        listed=Listed(tuple(_line(one) for one in rows[:PAGE]), number, len(rows) > PAGE, filters_of(request.GET)),
        text=text,
        people=tuple((one.username, str(one)) for one in people[:MOST_OFFERED]),
        roles=tuple(Choice(value, str(name), value == given.get("role")) for value, name in Role.choices if value in roles),
        bodies=tuple(Choice(key, name, key == chosen) for key, name in bodies),
        fault=fault,
        as_of=timezone.now(),
    )
    return render(request, "desk/posts.html", {"page": page}, status=fault.status if fault else 200)


def _line(post: Assignment) -> PostLine:
    body = post.organisation.name if post.organisation else ""
    role = post.get_role_display()
    return PostLine(post.pk, str(post.account), post.account.username, role, body, post.area_code, post.since, post.until)
