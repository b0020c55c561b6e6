# SPDX-License-Identifier: Apache-2.0
"""What privileged accounts owe beyond a password: a second factor, and a password that is not old.

Standard: GB/T 22239-2019, 8.1.4.1 a) regular change, d) two factors.
"""

from __future__ import annotations

import datetime as dt

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.utils import timezone

from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.access.rulebook import rulebook


def lacks_second_factor(account: Account, actor: Actor) -> bool:
    """Say whether a privileged account has no second factor."""
    return bool(actor.roles & rulebook().privileged) and not is_mfa_enabled(account)


def owed(account: Account, actor: Actor, now: dt.datetime | None = None) -> str | None:
    """Return the name of the page a privileged account must go through before any other; None: it owes nothing.

    The second factor is asked for at every sign-in and, where pages are served over https and so reach further than one
    laptop, required from a day after the account was made.
    """
    book, now = rulebook(), now or timezone.now()
    if not actor.roles & book.privileged:
        return None
    since = account.password_changed_at or account.date_joined
    if now - since > dt.timedelta(days=book.privileged_password_days) and account.has_usable_password():
        return "account_change_password"
    required = settings.SESSION_COOKIE_SECURE and now - account.date_joined > dt.timedelta(hours=book.second_factor_grace_h)
    return "mfa_activate_totp" if required and not is_mfa_enabled(account) else None
