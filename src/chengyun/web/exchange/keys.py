# SPDX-License-Identifier: Apache-2.0
"""The keys that speak for each body in the exchange: seen, registered and ended by who administers the whole city."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access import delegation
from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Organisation
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.errors import NotFound, Refused
from chengyun.share.exchange import parties
from chengyun.share.exchange.models import Party
from chengyun.web.desk.deeds import Fault, attempt, done

__all__ = ["add", "administers", "end", "keys"]

LONGEST = 4_000
"""Characters of a JWK that are read: a public key has a hundred or two."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key. kind: its curve. ended_at: since when its word is not taken; None while it is."""

    thumbprint: str
    name: str
    kind: str
    since: dt.datetime
    ended_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Body:
    """A body and the keys that speak, or spoke, for it; those in force first."""

    name: str
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class KeysPage:
    """offered: key and name of every body a key can be registered for."""

    bodies: tuple[Body, ...]
    in_force: int
    offered: tuple[tuple[str, str], ...]
    fault: Fault | None


def administers(actor: Actor) -> bool:
    """Say whether somebody sees and changes these keys: as the keys of machines, across all bodies."""
    return may(actor, "token.manage") and delegation.whole(actor)


@require_safe
@never_cache
@needs("token.manage")
def keys(request: HttpRequest) -> HttpResponse:
    """Show who speaks for whom."""
    _require_whole(actor_of(request))
    return _shown(request)


@require_POST
@needs("token.manage")
def add(request: HttpRequest) -> HttpResponse:
    """Let a public key speak for a body."""
    actor = actor_of(request)
    _require_whole(actor)
    given = request.POST

    def do() -> None:
        name = given.get("name", "").strip()[:100]
        body = Organisation.objects.filter(key=given.get("organisation", "")).first()
        if body is None or not name:
            raise Refused(_("请选择部门，并写明是哪个系统的公钥。"))
        try:
            parties.register(actor, _public(given.get("jwk", "")), name, body)
        except Refused as wrong:
            if wrong.code == "party":
                raise Refused(_("这把公钥已经登记过；终止过的公钥不能再用，请换一把新的。"), code="party") from wrong
            raise

    fault = attempt(request, "add", do)
    return _shown(request, fault) if fault else done(request, _("公钥已登记。"), reverse("exchange-keys"))


@require_POST
@needs("token.manage")
def end(request: HttpRequest, thumbprint: str) -> HttpResponse:
    """Take a key's word no longer, once it was confirmed."""
    actor = actor_of(request)
    _require_whole(actor)

    def do() -> None:
        if request.POST.get("confirm") != "yes":
            raise Refused(_("请先勾选确认，再终止公钥。"))
        parties.end(actor, thumbprint)

    fault = attempt(request, "end", do)
    return _shown(request, fault) if fault else done(request, _("公钥已终止。"), reverse("exchange-keys"))


def _public(text: str) -> dict[str, object]:
    """Return a public key as it was pasted. Raises Refused, in the reader's language."""
    try:
        found = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(_('这不是 JWK。应形如 {"kty": "OKP", "crv": "Ed25519", "x": "…"}。'))
    if "d" in found:
        raise Refused(_("这里面有私钥（d），它已经不再保密。请重新生成一对密钥，只提交公钥。"))
    try:
        return dict(parties.read_jwk(found))
    except Refused as wrong:
        raise Refused(
            _("这不是可用的公钥：应为 Ed25519（kty 为 OKP）或 SM2（kty 为 EC），坐标为 32 字节的 base64url。")
        ) from wrong


def _shown(request: HttpRequest, fault: Fault | None = None) -> HttpResponse:
    rows = list(Party.objects.select_related("organisation").order_by("organisation__name", "organisation_id", "-since", "id"))
    bodies = [
        Body(body.name, tuple(sorted(map(_key, found), key=lambda it: it.ended_at is not None)))
        for body, found in groupby(rows, key=lambda it: it.organisation)
    ]
    offered = tuple(Organisation.objects.order_by("name", "key").values_list("key", "name"))
    page = KeysPage(tuple(bodies), sum(one.revoked_at is None for one in rows), offered, fault)
    return render(request, "exchange/keys.html", {"page": page}, status=fault.status if fault else 200)


def _key(row: Party) -> Key:
    return Key(row.key_id, row.name, str(row.jwk.get("crv", "")), row.since, row.revoked_at)


def _require_whole(actor: Actor) -> None:
    """Raise NotFound for who administers a part of the city: a key may speak for any body."""
    if not administers(actor):
        raise NotFound(_("没有找到。"))
