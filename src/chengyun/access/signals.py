# SPDX-License-Identifier: Apache-2.0
"""What the framework does on its own and the audit log must know: signing in and out, second factors, the administration."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed
from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext as _

from chengyun.access import audit, lockout, safeguards
from chengyun.access.actors import ANONYMOUS, actor_of_account
from chengyun.access.models import Account

DEEDS = {ADDITION: "admin.add", CHANGE: "admin.change", DELETION: "admin.delete"}


@receiver(user_logged_in, dispatch_uid="access.audit")
def _signed_in(sender: object, user: Account, request: HttpRequest | None = None, **rest: Any) -> None:  # noqa: ARG001  # Django's, as below
    actor = actor_of_account(user)
    audit.record(actor, "sign_in", "accounts", user.username.lower(), detail=_where(request, user.username))
    if request is not None and safeguards.lacks_second_factor(user, actor):
        messages.warning(request, _("您的岗位须设置两步验证：在“账号”页打开，用手机上的验证器扫码即可。"), fail_silently=True)


@receiver(user_logged_out, dispatch_uid="access.audit")
def _signed_out(sender: object, user: Account | None, **rest: Any) -> None:  # noqa: ARG001
    if user is not None:
        audit.record(actor_of_account(user), "sign_out", "accounts", user.username.lower())


@receiver(user_login_failed, dispatch_uid="access.audit")
def _failed(sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **rest: Any) -> None:  # noqa: ARG001
    username = str(credentials.get("username") or "")
    audit.record(ANONYMOUS, lockout.PASSWORD, "accounts", lockout.written(username), detail=_where(request, username))


def _where(request: HttpRequest | None, username: str) -> dict[str, object]:
    browser = lockout.browser_of(request, username)
    return {"browser": browser} if browser else {}


@receiver(authentication_failed, dispatch_uid="access.audit")
def _second_factor_failed(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    audit.record(actor_of_account(user), lockout.SECOND_FACTOR, "accounts", user.username.lower())


@receiver(authenticator_added, dispatch_uid="access.audit")
def _second_factor_added(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    audit.record(actor_of_account(user), "second_factor.add", "accounts", str(user.pk))


@receiver(authenticator_removed, dispatch_uid="access.audit")
def _second_factor_removed(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    audit.record(actor_of_account(user), "second_factor.remove", "accounts", str(user.pk))


@receiver(password_changed, dispatch_uid="access.audit")
def _password_changed(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    audit.record(actor_of_account(user), "password.change", "accounts", str(user.pk))


@receiver(post_save, sender=LogEntry, dispatch_uid="access.audit")
def _administered(sender: object, instance: LogEntry, created: bool, **rest: Any) -> None:  # noqa: ARG001
    if created:
        model = instance.content_type.model_class() if instance.content_type else None
        label = model._meta.label_lower if model else ""
        audit.record(
            actor_of_account(instance.user), DEEDS[instance.action_flag], label, instance.object_id or "",
            detail={"change": instance.get_change_message()},
        )  # fmt: skip
