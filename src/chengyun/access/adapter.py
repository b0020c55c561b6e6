# SPDX-License-Identifier: Apache-2.0
"""Our choices within django-allauth: who may register, when an account is locked, how second-factor secrets are kept."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm
from cryptography.fernet import Fernet
from django.conf import settings
from django.http import HttpRequest

from chengyun.access.lockout import SECOND_FACTOR, browser_of, locked
from chengyun.config import config


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  # allauth's signature
        return config().residents

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse a locked name before its password is looked at. Raises ValidationError."""
        username = credentials.get("username") or ""
        if locked(username, browser_of(request, username)):
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the shared secrets of one-time codes encrypted under the installation's secret, apart from the database."""

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _fernet().decrypt(encrypted_text.encode()).decode()


class SecondStep(AuthenticateForm):  # type: ignore[misc]
    """The one-time code of signing in: closed after as many failures as the password, in whatever browser."""

    def clean_code(self) -> str:
        if locked(self.user.username, action=SECOND_FACTOR):
            raise get_adapter().validation_error("too_many_login_attempts")
        return str(super().clean_code())


def _fernet() -> Fernet:
    key = hashlib.sha256(b"chengyun second factor\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
