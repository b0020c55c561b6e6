# SPDX-License-Identifier: Apache-2.0
"""What is dear to answer is answered a few at a time: a figure computed again, a stretch of observations, for anybody.

The web process has four threads. Two of them at most compute; who comes third waits a moment, a stranger less, and is then
asked to come back. Readers of everything else never notice.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import may
from chengyun.errors import Unavailable
from chengyun.operate import why
from chengyun.operate.why import Why

AT_ONCE = 2
KNOWN_WAIT_S, STRANGER_WAIT_S = 5.0, 0.5

_slots = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def heavy(actor: Actor) -> Iterator[None]:
    """Hold one of the slots. Raises Unavailable when none comes free."""
    if not _slots.acquire(timeout=KNOWN_WAIT_S if actor.signed_in else STRANGER_WAIT_S):
        raise Unavailable(_("此刻重算的请求较多，请稍后再试。"), code="busy")
    try:
        yield
    finally:
        _slots.release()


def explain(figure_id: int, actor: Actor, now: dt.datetime | None = None) -> Why:
    """Explain a figure; what a failing formula said, paths and all, is told only to those who look after the installation."""
    with heavy(actor):
        found = why.explain(figure_id, actor, now)
    if not found.again.error or may(actor, "status.read"):
        return found
    return dataclasses.replace(found, again=dataclasses.replace(found.again, error=_("公式出错，未能重算。")))
