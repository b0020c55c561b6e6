# SPDX-License-Identifier: Apache-2.0
"""What the framework does on its own and the audit log must know: signing in and out, second factors, the administration."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import ANONYMOUS, actor_of_account
from chengyun.access.models import Account

DEEDS = {ADDITION: "admin.add", CHANGE: "admin.change", DELETION: "admin.delete"}


@receiver(user_logged_in, dispatch_uid="access.audit")
def _signed_in(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001  # Django's signature, as below
    audit.record(actor_of_account(user), "sign_in", "accounts", user.username.lower())


@receiver(user_logged_out, dispatch_uid="access.audit")
def _signed_out(sender: object, user: Account | None, **rest: Any) -> None:  # noqa: ARG001
    if user is not None:
        audit.record(actor_of_account(user), "sign_out", "accounts", user.username.lower())


@receiver(user_login_failed, dispatch_uid="access.audit")
def _failed(sender: object, credentials: dict[str, Any], **rest: Any) -> None:  # noqa: ARG001
    # The name as typed may be a password in the wrong box; it is what the lock counts by, and the log is not public.
    audit.record(ANONYMOUS, "sign_in.failed", "accounts", str(credentials.get("username") or "").lower()[:64])


@receiver(authentication_failed, dispatch_uid="access.audit")
def _second_factor_failed(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    audit.record(actor_of_account(user), "second_factor.failed", "accounts", user.username.lower())


@receiver(authenticator_added, dispatch_uid="access.audit")
def _second_factor_added(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    audit.record(actor_of_account(user), "second_factor.add", "accounts", str(user.pk))


@receiver(authenticator_removed, dispatch_uid="access.audit")
def _second_factor_removed(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    audit.record(actor_of_account(user), "second_factor.remove", "accounts", str(user.pk))


@receiver(password_changed, dispatch_uid="access.audit")
def _password_changed(sender: object, user: Account, **rest: Any) -> None:  # noqa: ARG001
    Account.objects.filter(pk=user.pk).update(password_changed_at=timezone.now())
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
