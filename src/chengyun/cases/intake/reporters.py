# SPDX-License-Identifier: Apache-2.0
"""Whose programs may file reports: holders of a key with the scope `report`."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from chengyun.access import tokens
from chengyun.access.actors import Actor
from chengyun.cases.prepared import ask

__all__ = ["SCOPE", "reporter_of"]

SCOPE = "report"

FIND = """
SELECT t.account_id, t.name, o.key FROM access_token t
LEFT JOIN access_account a ON a.id = t.account_id
LEFT JOIN access_organisation o ON o.id = coalesce(t.organisation_id, a.organisation_id)
WHERE t.digest = %s::text AND t.revoked_at IS NULL AND t.scopes @> ARRAY[%s::text]::varchar[]
  AND (t.expires_at IS NULL OR t.expires_at > %s::timestamptz) AND (a.id IS NULL OR a.is_active)
"""
"""Asked at every report and never remembered: a key that is revoked opens nothing any more."""


def reporter_of(authorization: str, now: dt.datetime | None = None) -> Actor | None:
    """Return who files reports with a key (`Bearer …`); None when it is unknown, expired, revoked or for something else."""
    scheme, _space, raw = authorization.partition(" ")
    if scheme != "Bearer" or not raw:
        return None
    found = ask(FIND, [tokens.digest(raw.strip()), SCOPE, now or timezone.now()])
    if not found:
        return None
    account, name, organisation = found[0]
    return Actor(account, name, organisation, frozenset({"integrator"}), ("",))
