# SPDX-License-Identifier: Apache-2.0
"""Whose programs may file reports: holders of a key with the scope `report`."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from chengyun.access import tokens
from chengyun.access.actors import Actor
from chengyun.access.models import Token

__all__ = ["SCOPE", "reporter_of"]

SCOPE = "report"


def reporter_of(authorization: str, now: dt.datetime | None = None) -> Actor | None:
    """Return who files reports with a key (`Bearer …`); None when it is unknown, expired, revoked or for something else."""
    scheme, _space, raw = authorization.partition(" ")
    if scheme != "Bearer" or not raw:
        return None
    found = Token.objects.filter(digest=tokens.digest(raw.strip()), revoked_at=None, scopes__contains=[SCOPE])
    token = found.exclude(expires_at__lte=now or timezone.now()).select_related("account", "organisation").first()
    if token is None or (token.account is not None and not token.account.is_active):
        return None
    organisation = token.organisation or (token.account.organisation if token.account else None)
    return Actor(token.account_id, token.name, organisation.key if organisation else None, frozenset({"integrator"}), ("",))
