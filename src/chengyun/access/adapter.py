# SPDX-License-Identifier: Apache-2.0
"""Our choices within django-allauth: who may register, when an account is locked, how second-factor secrets are kept."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from chengyun.access.models import AuditRecord
from chengyun.config import config

FAILURES = 5
LOCKED_FOR = dt.timedelta(minutes=15)
"""GB/T 22239-2019, 8.1.4.1 b) asks for a lock after failures; 5 and 15 minutes are the common values."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's signature
        return config().residents

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse a locked name before its password is looked at. Raises ValidationError."""
        if locked(credentials.get("username") or ""):
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the shared secrets of one-time codes encrypted under the installation's secret, apart from the database."""

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _fernet().decrypt(encrypted_text.encode()).decode()


def locked(username: str, now: dt.datetime | None = None) -> bool:
    """Say whether a name failed too often lately. Counted in the audit log: every process sees it, and no restart forgets it."""
    now = now or timezone.now()
    recent = AuditRecord.objects.filter(dataset="accounts", target=username.lower()[:64], at__gt=now - LOCKED_FOR, at__lte=now)
    last_good = recent.filter(action="sign_in").order_by("-id").values_list("id", flat=True).first() or 0
    return recent.filter(action="sign_in.failed", id__gt=last_good).count() >= FAILURES


def _fernet() -> Fernet:
    key = hashlib.sha256(b"chengyun second factor\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
