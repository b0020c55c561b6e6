# SPDX-License-Identifier: Apache-2.0
"""Template words of the plan of alerting: addresses, channels and spans as people say them."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chengyun.web.alerts.plan import CHANNELS, addressed

register = template.Library()
register.filter("addressed", addressed)


@register.filter
def channel(key: str) -> str:
    """Return a channel's name."""
    return str(CHANNELS.get(key, key))


@register.filter
def span(seconds: int) -> str:
    """Return so many seconds as people say them; "at once" for none."""
    if seconds <= 0:
        return _("立即")
    for size, one in ((3600, "%(count)d 小时"), (60, "%(count)d 分钟")):
        if seconds % size == 0:
            return ngettext(one, one, seconds // size) % {"count": seconds // size}
    return ngettext("%(count)d 秒钟", "%(count)d 秒钟", seconds) % {"count": seconds}
