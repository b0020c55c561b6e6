# SPDX-License-Identifier: Apache-2.0
"""Addresses under /accounts/. Of allauth's pages only those that work without a mail server; a lost password is a new link."""

from __future__ import annotations

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path

from chengyun.access import signin
from chengyun.config import config

urlpatterns: list[URLPattern | URLResolver] = [
    path("first/<str:code>", signin.first, name="first_sign_in"),
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("2fa/", include("allauth.mfa.urls")),
]
if config().residents:
    urlpatterns.append(path("signup/", account.signup, name="account_signup"))
