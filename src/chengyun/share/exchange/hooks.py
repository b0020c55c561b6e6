# SPDX-License-Identifier: Apache-2.0
"""Who is told that much went over at once (a file, a push, a neighbour's rows), without being imported: each registers in its
ready().

Small messages are not told one by one: their receipts say what went (statistics.given_on).
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from chengyun.share.exchange.sources import Column

__all__ = ["Flow", "after_flow", "tell"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What went over, or did not. with_whom: the organisation that got it, or, of a mirror, the node it came from.

    name: of what it went into, "" where whom says all. columns: as they went out; masked: the names of those that nobody who got
    them sees in full, None where that is not known. rows: that went, or, of a mirror, that changed. size: bytes, None: not
    counted. fault: the kind of error that ended it, "" when it went well; never its sentence, which may say anything.
    """

    way: Literal["file", "push", "mirror"]
    with_whom: str
    dataset: str
    purpose: str
    began: dt.datetime
    ended: dt.datetime
    name: str = ""
    columns: Sequence[Column] = ()
    masked: frozenset[str] | None = None
    rows: int = 0
    size: int | None = None
    fault: str = ""


after_flow: list[Callable[[Flow], None]] = []
"""Called in the transaction that ends the flow, each in a savepoint of its own."""


def tell(flow: Flow) -> None:
    """Tell those who listen. None of them can fail what they are told of."""
    for hear in after_flow:
        try:
            with transaction.atomic():
                hear(flow)
        except Exception:
            log.exception("%s of %s could not be told of", flow.way, flow.dataset)
