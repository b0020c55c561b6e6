# SPDX-License-Identifier: Apache-2.0
"""Rules that could not be judged: each fails alone, and is shown among what fails until it is judged again.

A note is an IndicatorRun of `rule/<key>`: one for a rule, of its newest failure.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, transaction

from chengyun.errors import Problem
from chengyun.operate.models import IndicatorRun

__all__ = ["OF_RULE", "alone", "failed", "judged"]

OF_RULE = "rule/"
"""Before a rule's key in the name of its note: an indicator may have the same key."""

log = logging.getLogger("chengyun.operate")


@contextmanager
def alone(rule: str, now: dt.datetime) -> Iterator[None]:
    """Judge one rule in a transaction of its own; what goes wrong in it is noted, and the next has its turn.

    Raises what the database says of itself: nobody can be judged while it is away.
    """
    try:
        with transaction.atomic():
            yield
    except (OperationalError, InterfaceError):
        raise
    except Exception as wrong:
        text = wrong.sentence if isinstance(wrong, Problem) else f"{type(wrong).__name__}: {wrong}"
        log.exception("%s could not be judged; the other rules are", rule)
        IndicatorRun.objects.update_or_create(
            indicator=_note_of(rule),
            defaults={
                "since": now, "until": now, "started_at": now, "duration_s": 0.0, "rows": 0, "changed": 0, "error": text[:2000]
            },
        )  # fmt: skip


def failed(rules: Iterable[str], now: dt.datetime) -> set[str]:
    """Return which of these rules could not be judged just now."""
    names = {_note_of(rule): rule for rule in rules}
    found = IndicatorRun.objects.filter(indicator__in=names, started_at=now).values_list("indicator", flat=True)
    return {names[one] for one in found}


def judged(rules: Iterable[str], now: dt.datetime) -> None:
    """Take away what was noted of these rules before now: they were judged."""
    IndicatorRun.objects.filter(indicator__in=[_note_of(rule) for rule in rules], started_at__lt=now).delete()


def _note_of(rule: str) -> str:
    return f"{OF_RULE}{rule}"[:130]
