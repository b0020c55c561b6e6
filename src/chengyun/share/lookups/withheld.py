# SPDX-License-Identifier: Apache-2.0
"""Looks that a resident is told later, because the law lets the purpose be kept from them for a time; none by default.

    CHENGYUN_WITHHELD=investigation:180,audit:30      purpose of policy.toml : days until it is told

Standard: 个人信息保护法 第三十五条 (a body need not tell where telling would hinder its duty). Nothing is left out for good.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Mapping

from chengyun.access.rulebook import rulebook
from chengyun.errors import Refused, nearest

LONGEST = 3650


@functools.cache
def withheld() -> Mapping[str, dt.timedelta]:
    """Return purpose → how long its looks are not told. Raises Refused for a setting that cannot be read."""
    return read(os.environ.get("CHENGYUN_WITHHELD") or "")


def read(text: str) -> dict[str, dt.timedelta]:
    """Read the setting."""
    found: dict[str, dt.timedelta] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        purpose, _, days = part.partition(":")
        if purpose not in rulebook().purposes:
            raise Refused(f"CHENGYUN_WITHHELD names the purpose {purpose!r}.{nearest(purpose, rulebook().purposes)}")
        if not (days.isascii() and days.isdigit() and 0 < int(days) <= LONGEST):
            raise Refused(f"CHENGYUN_WITHHELD says {part!r}, expected purpose:days with 1 to {LONGEST} days.")
        found[purpose] = dt.timedelta(days=int(days))
    return found
