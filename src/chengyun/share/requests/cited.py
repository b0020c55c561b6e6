# SPDX-License-Identifier: Apache-2.0
"""The laws that requests rest on, and refusals: told to whoever may see the request."""

from __future__ import annotations

from collections.abc import Iterator

from chengyun.access.actors import Actor
from chengyun.cases.office import local_day
from chengyun.share.registers.citations import Source
from chengyun.share.requests import rights
from chengyun.share.requests.models import Request

__all__ = ["of_requests"]

MOST = 2_000
"""Requests looked at, the newest first: older ones rest on the same laws."""


def of_requests(actor: Actor) -> Iterator[Source]:
    """Yield what the requests an actor may see name as their ground; of a refused one, what the answer names."""
    rows = Request.objects.filter(rights.visible(actor), submitted_at__isnull=False).exclude(state=Request.State.WITHDRAWN)
    for number, basis, answer, state, at in rows.order_by("-id").values_list(
        "number", "basis", "answer", "state", "submitted_at"
    )[:MOST]:
        for text in dict.fromkeys((basis, answer if state == Request.State.REFUSED else "")):
            if text:
                yield Source("", number, text, local_day(at) if at else None, "request")
