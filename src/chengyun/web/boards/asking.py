# SPDX-License-Identifier: Apache-2.0
"""What an address asks of a board: which moment, how it is shown, and the whole of it kept for others who ask the same."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate.boards import queries
from chengyun.operate.boards.queries import Saved
from chengyun.web.boards import tiles
from chengyun.web.boards.pace import KEPT_FOR_S
from chengyun.web.boards.shown import BoardView
from chengyun.web.cache import kept, view_of

__all__ = ["moment_of", "read_moment", "shown_of"]


def moment_of(request: HttpRequest) -> dt.datetime | None:
    """Return the whole second of the past an address asks for (`at`), None for now. Raises Refused for what is no moment."""
    text = request.GET.get("at", "").strip()
    return read_moment(text) if text else None


def read_moment(text: str) -> dt.datetime:
    """Return a moment as people write it: with an offset, or in the city's time. Raises Refused."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as wrong:
        raise Refused(_("“%s”不是时间。请写成 2026-11-22T08:30:00。") % text[:40], code="moment") from wrong
    found = found if found.tzinfo is not None else found.replace(tzinfo=config().zone)
    if not 2000 <= found.year <= 2200:
        raise Refused(_("“%s”不在可查的年份内。") % text[:40], code="moment")
    return found.astimezone(dt.UTC).replace(microsecond=0)


def shown_of(key: str, actor: Actor, at: dt.datetime | None) -> tuple[Saved, BoardView]:
    """Return a board and what it shows; of the present kept for a moment."""
    saved = queries.access_board(key, actor, at)
    if at is not None:
        return saved, tiles.view(saved, actor, at, timezone.now())
    asked = ("board-view", key, saved.number, view_of(actor), get_language())
    return saved, kept(asked, lambda: tiles.view(saved, actor, None, timezone.now()), KEPT_FOR_S)
