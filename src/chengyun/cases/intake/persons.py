# SPDX-License-Identifier: Apache-2.0
"""Persons as far as reports know them: telephone numbers and addresses, checked, and the pseudonym calls are found by."""

from __future__ import annotations

import hashlib
import hmac
import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["caller_of", "clean_email", "clean_phone"]


def clean_phone(text: str) -> str:
    """Return a telephone number as digits, with a leading + where it had one; "" for none. Raises Refused."""
    kept = re.sub(r"[\s\-()（）]", "", text)
    if kept and not re.fullmatch(r"\+?\d{5,15}", kept):
        raise Refused(_("电话“%s”不是一个号码，请只写数字，如 13800000000。") % text[:20], code="phone")
    return kept


def clean_email(text: str) -> str:
    """Return an e-mail address, "" for none. Raises Refused."""
    kept = text.strip()
    if kept:
        try:
            validate_email(kept)
        except ValidationError as wrong:
            raise Refused(_("邮箱“%s”不完整，请检查后再填。") % kept[:60], code="email") from wrong
    return kept


def caller_of(phone: str) -> str:
    """Return the pseudonym of a telephone number: the same for the same number, and no way back without the key; "" for none."""
    number = clean_phone(phone).removeprefix("+86").lstrip("+")
    if not number:
        return ""
    return hmac.new(config().secret.encode(), f"caller {number}".encode(), hashlib.sha256).hexdigest()[:32]
