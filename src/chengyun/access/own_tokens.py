# SPDX-License-Identifier: Apache-2.0
"""Keys a person makes for themselves, for at most a year: for reading, never more than an integrator may read, or for forms."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit, tokens
from chengyun.access.actors import Actor
from chengyun.access.models import Account, Token
from chengyun.errors import NotFound, Refused

__all__ = ["LIVES_DAYS", "MOST", "USES", "make", "own", "revoke"]

LIVES_DAYS = (30, 90, 365)
"""How long a key may live; the person chooses."""
USES = ("read", "forms")
"""What a key is for: read data by program, or fill in forms with ODK Collect."""
MOST = 20
"""Keys in use of one person: whoever needs more has a service, which gets its own from an administrator."""


def own(account: Account, now: dt.datetime | None = None) -> list[Token]:
    """Return the keys of a person that still work, newest first."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=now or timezone.now())
    return list(Token.objects.filter(unexpired, account=account, revoked_at=None))


def make(
    actor: Actor, account: Account, name: str, days: int, now: dt.datetime | None = None, *, use: str = "read"
) -> str:  # fmt: skip
    """Make a key and return it: the only time it is seen. Raises Refused."""
    now = now or timezone.now()
    if actor.account_id != account.pk:
        raise Refused(_("只能为自己建立密钥。"), code="not_allowed")
    if not name.strip():
        raise Refused(_("请写明密钥的用途。"), code="name_missing")
    if days not in LIVES_DAYS:
        raise Refused(_("请选择期限。"), code="days_unknown")
    if use not in USES:
        raise Refused(_("请选择密钥的用处。"), code="use_unknown")
    raw, prefix = tokens.new_token()
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)  # two requests side by side count the same keys
        if len(own(account, now)) >= MOST:
            raise Refused(_("您已有 %d 个有效密钥，请先撤销不用的。") % MOST, code="too_many")
        Token.objects.create(
            prefix=prefix, digest=tokens.digest(raw), name=name.strip()[:100], scopes=[use], account=account,
            expires_at=now + dt.timedelta(days=days),
        )  # fmt: skip
        audit.record(actor, "token.create_own", "accounts", prefix, detail={"scopes": [use], "days": days})
    return raw


def revoke(actor: Actor, account: Account, prefix: str, now: dt.datetime | None = None) -> None:
    """Revoke one's own key. Raises NotFound when there is none in use."""
    with transaction.atomic():
        mine = Token.objects.filter(prefix=prefix, account_id=account.pk, revoked_at=None)
        if actor.account_id != account.pk or not mine.update(revoked_at=now or timezone.now()):
            raise NotFound(_("没有找到这个密钥。"))
        audit.record(actor, "token.revoke_own", "accounts", prefix)
