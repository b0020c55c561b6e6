# SPDX-License-Identifier: Apache-2.0
"""What a password must be, beside its length and not being a common one.

Standard: GB/T 22239-2019, 8.1.4.1 a) asks for complexity and regular change; three classes of four, and not one of the
last ones, are the common reading.
"""

from __future__ import annotations

from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.models import Account, FormerPassword

REMEMBERED = 3
"""Passwords of an account that are not chosen again, the present one among them."""


class ThreeClasses:
    """At least three of: lower case, upper case, digits, anything else."""

    def validate(self, password: str, user: object = None) -> None:  # noqa: ARG002  # Django's signature
        kinds = {
            "lower" if one.islower() else "upper" if one.isupper() else "digit" if one.isdigit() else "other" for one in password
        }
        if len(kinds) < 3:
            raise ValidationError(self.get_help_text(), code="password_classes")

    def get_help_text(self) -> str:
        return _("口令须含小写字母、大写字母、数字、其他字符中的至少三类。")


class NotUsedBefore:
    """None of an account's last passwords."""

    def validate(self, password: str, user: object = None) -> None:
        if not isinstance(user, Account) or user.pk is None:
            return
        if any(check_password(password, one.hash) for one in user.former_passwords.all()[:REMEMBERED]):
            raise ValidationError(self.get_help_text(), code="password_used_before")

    def password_changed(self, password: str, user: object = None) -> None:  # noqa: ARG002
        """Keep the hash; Django calls this whenever an account was saved with a new password, in whatever way."""
        if isinstance(user, Account) and user.pk is not None:
            FormerPassword.objects.create(account=user, hash=user.password)
            kept = user.former_passwords.values_list("pk", flat=True)[:REMEMBERED]
            user.former_passwords.exclude(pk__in=list(kept)).delete()
            user.password_changed_at = timezone.now()
            Account.objects.filter(pk=user.pk).update(password_changed_at=user.password_changed_at)

    def get_help_text(self) -> str:
        return _("不能再用最近用过的口令。")
