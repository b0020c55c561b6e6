# SPDX-License-Identifier: Apache-2.0
"""Whom the duty list charges with a case."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence

from django.db.models import Q
from django.db.models.signals import post_delete, post_save

from chengyun.access.models import Organisation
from chengyun.cases.duties.models import Duty
from chengyun.cases.hooks import Charged
from chengyun.cases.models import Case
from chengyun.cases.owners import branch_of

__all__ = ["body_of", "charged", "duties_on", "duty_of", "fitting"]

KNOWN_FOR_S = 10.0
"""How long a list is believed: it changes by the month, and a burst of cases asks it a hundred times a second."""

_known: dict[tuple[str, dt.date], tuple[float, tuple[Duty, ...]]] = {}


def duties_on(type_key: str, day: dt.date) -> Sequence[Duty]:
    """Return the entries in force on a day."""
    now = time.monotonic()
    known = _known.get((type_key, day))
    if known is None or known[0] < now:
        if len(_known) > 1000:
            _known.clear()
        holding = Duty.objects.filter(Q(valid_to=None) | Q(valid_to__gt=day), type=type_key, valid_from__lte=day)
        known = _known[type_key, day] = (now + KNOWN_FOR_S, tuple(holding.select_related("organisation")))
    return known[1]


def forget(**_signal: object) -> None:
    """Forget what was read: an entry or a body was changed in this process."""
    _known.clear()


for _changed in (post_save, post_delete):
    for _model in (Duty, Organisation):
        _changed.connect(forget, sender=_model, dispatch_uid=f"cases.duties {_model.__name__}")


def fitting(type_key: str, category: str, area_code: str, day: dt.date) -> list[Duty]:
    """Return the entries that speak of a category in an area on a day, the one that counts first."""
    found = [one for one in duties_on(type_key, day) if one.fits(category, area_code)]
    return sorted(found, key=lambda one: one.rank, reverse=True)


def duty_of(type_key: str, category: str, area_code: str, day: dt.date) -> Duty | None:
    """Return the entry that counts; None when the list does not speak of it."""
    return next(iter(fitting(type_key, category, area_code, day)), None)


def body_of(duty: Duty, area_code: str) -> Organisation:
    """Return the body an entry charges with a case in an area: its organisation, or that one's branch there."""
    return branch_of(duty.organisation, area_code)


def charged(case: Case, day: dt.date) -> Charged | None:
    """Return whom the list charges with a case, and by which clause; None when it does not say, or the category is not known."""
    duty = duty_of(case.type, case.category, case.area_code, day) if case.category else None
    return Charged(body_of(duty, case.area_code), duty.clause) if duty else None
