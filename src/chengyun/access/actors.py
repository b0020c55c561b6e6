# SPDX-License-Identifier: Apache-2.0
"""Who is asking: a frozen value that the policy decides by, taken from a session, a token or the program itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import tokens
from chengyun.access.models import Account, Assignment, Organisation, Token
from chengyun.access.predicates import prefix_of
from chengyun.access.rulebook import rulebook
from chengyun.config import config


@dataclass(frozen=True, slots=True)
class Post:
    """One role held in one place.

    area: prefix of area codes the role reaches; "": the whole city.
    bodies: names and keys of the organisation and of those above it; owners are named by the one, grants by the other.
    """

    role: str
    organisation: str | None = None
    area: str = ""
    bodies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    account_id: None for anonymous visitors and for the program itself.
    areas: prefixes of area codes over all roles; ("",): the whole city; (): no area at all.
    posts: which role reaches which area; when not given, every role reaches every area of `areas`.
    zone: the part of the network the request comes from, where the installation declares any; "": not known.
    """

    account_id: int | None
    name: str
    organisation: str | None = None
    roles: frozenset[str] = frozenset()
    areas: tuple[str, ...] = ()
    posts: tuple[Post, ...] = field(default=())
    zone: str = ""

    def __post_init__(self) -> None:
        if not self.posts:
            posts = tuple(Post(role, self.organisation, prefix_of(area)) for role in sorted(self.roles) for area in self.areas)
            object.__setattr__(self, "posts", posts)

    @property
    def signed_in(self) -> bool:
        return bool(self.roles - {"anonymous"})


ANONYMOUS = Actor(None, "anonymous", None, frozenset({"anonymous"}), ())
SYSTEM = Actor(None, "system", None, frozenset({"system"}), ("",))


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks: the holder of a token with the scope `read`, the signed-in account, or ANONYMOUS. Read once a request."""
    known: Actor | None = getattr(request, "_actor", None)
    if known is None:
        bearer = request.headers.get("Authorization", "")
        if bearer.startswith("Bearer "):
            known = actor_of_token(bearer.removeprefix("Bearer ").strip()) or ANONYMOUS
        else:
            user: Any = getattr(request, "user", None)
            known = actor_of_account(user) if isinstance(user, Account) and user.is_active else ANONYMOUS
        zones = rulebook().surroundings
        if zones.zones and known is not ANONYMOUS:
            known = dataclasses.replace(known, zone=zones.zone_of(address_of(request)))
        request._actor = known  # type: ignore[attr-defined]
    return known


def address_of(request: HttpRequest) -> str:
    """Return the address a request comes from: behind the installation's own proxy, the one the proxy saw."""
    forwarded = request.headers.get("X-Forwarded-For", "") if config().https else ""
    return forwarded.split(",")[-1].strip() or str(request.META.get("REMOTE_ADDR", ""))


def actor_of_account(account: Account, now: dt.datetime | None = None) -> Actor:
    """Return an account's actor with the assignments in force. An account without any is a resident."""
    now = now or timezone.now()
    held = list(
        Assignment.objects.filter(account_id=account.pk, since__lte=now).exclude(until__lte=now).select_related("organisation")
    )
    bodies = _bodies({one.organisation_id for one in held} | {account.organisation_id}) if held else {}
    posts = tuple(_post(one, one.organisation or account.organisation, bodies) for one in held)
    own = account.organisation.key if account.organisation else None
    organisation = own or next((post.organisation for post in posts if post.organisation), None)
    return Actor(
        account.pk,
        str(account),
        organisation,
        frozenset(post.role for post in posts) or frozenset({"resident"}),
        tuple(sorted({post.area for post in posts})),
        posts,
    )


def _post(held: Assignment, organisation: Organisation | None, bodies: dict[int | None, frozenset[str]]) -> Post:
    if organisation is None:
        return Post(held.role, None, prefix_of(held.area_code))
    area = prefix_of(held.area_code or organisation.area_code)
    return Post(held.role, organisation.key, area, bodies[organisation.pk])


def actor_of_token(raw: str, now: dt.datetime | None = None) -> Actor | None:
    """Return the actor a read token speaks for; None when it is unknown, expired, revoked or not for reading."""
    now = now or timezone.now()
    token = (
        Token.objects.filter(digest=tokens.digest(raw), revoked_at=None, scopes__contains=["read"])
        .exclude(expires_at__lte=now)
        .select_related("account", "organisation")
        .first()
    )
    if token is None or (token.account is not None and not token.account.is_active):
        return None
    organisation = token.organisation or (token.account.organisation if token.account else None)
    area = prefix_of(organisation.area_code) if organisation else ""
    bodies = _bodies({organisation.pk}).get(organisation.pk, frozenset()) if organisation else frozenset()
    post = Post("integrator", organisation.key if organisation else None, area, bodies)
    return Actor(token.account_id, _("密钥 %s") % token.name, post.organisation, frozenset({"integrator"}), (area,), (post,))


def collector_of(username: str, raw: str, now: dt.datetime | None = None) -> Account | None:
    """Return the account that fills in forms with one of its own keys; None unless both belong together and still work."""
    now = now or timezone.now()
    token = (
        Token.objects.filter(digest=tokens.digest(raw), revoked_at=None, scopes__contains=["forms"])
        .exclude(expires_at__lte=now)
        .select_related("account__organisation")
        .first()
    )
    account = token.account if token else None
    return account if account is not None and account.is_active and account.username == username else None


def organisation_bodies(organisation: Organisation) -> frozenset[str]:
    """Return the names and keys of an organisation and of those above it."""
    return _bodies({organisation.pk}).get(organisation.pk, frozenset())


def _bodies(wanted: set[int | None]) -> dict[int | None, frozenset[str]]:
    """Return for each organisation the names and keys up to the root. One query: a city has hundreds of them, not millions."""
    if not wanted - {None}:
        return {}
    rows = {row[0]: row[1:] for row in Organisation.objects.values_list("pk", "parent_id", "key", "name")}
    found: dict[int | None, frozenset[str]] = {}
    for start in wanted:
        names: set[str] = set()
        at = start
        while at in rows and rows[at][1] not in names:
            names.update(rows[at][1:])
            at = rows[at][0]
        found[start] = frozenset(names)
    return found
