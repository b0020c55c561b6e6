# SPDX-License-Identifier: Apache-2.0
"""What a password must be, beside its length and not being a common one.

Standard: GB/T 22239-2019, 8.1.4.1 a) asks for complexity; three classes of four is the common reading.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


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
