# SPDX-License-Identifier: Apache-2.0
"""The two times of a question as people write them: a day, and an instant of knowledge."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["day", "instant"]


def day(text: str | None) -> dt.date | None:
    """Return a day; None for none. Raises Refused."""
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(_("“%s”不是日期，请写成 2026-01-31。") % text[:40], code="day") from None


def instant(text: str | None) -> dt.datetime | None:
    """Return an instant; a day stands for its end, a time without offset is the city's. None for none. Raises Refused."""
    if not text:
        return None
    try:
        if len(text.strip()) == 10:
            following = dt.date.fromisoformat(text.strip()) + dt.timedelta(days=1)
            return dt.datetime.combine(following, dt.time(), config().zone) - dt.timedelta(microseconds=1)
        # A browser sends "+" of an offset as a blank when a person has typed the address.
        found = dt.datetime.fromisoformat(text.strip().replace(" ", "T"))
    except (ValueError, OverflowError):
        said = _("“%s”不是时刻，请写成 2026-01-31 或 2026-01-31T08:00+08:00。")
        raise Refused(said % text[:40], code="instant") from None
    return found if found.tzinfo else found.replace(tzinfo=config().zone)
