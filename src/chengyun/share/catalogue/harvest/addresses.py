# SPDX-License-Identifier: Apache-2.0
"""Foreign catalogues read by the clock: an address kept, read when it is due, put off when it fails, and told of either way.

A reading that finds nothing new, or that fails, is kept as one of the history too; what was taken in before stays as it was.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.policy import require
from chengyun.collect.pull.readings import guard_of
from chengyun.config import config
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable
from chengyun.share.catalogue.harvest import services
from chengyun.share.catalogue.harvest.fetching import check_address, fetch
from chengyun.share.catalogue.models import Harvest, HarvestAddress

__all__ = ["access", "due", "forget_old", "keep", "read", "read_once", "remove", "switch"]

LONGEST_H = 24 * 31
FIRST_RETRY = dt.timedelta(minutes=5)
KEPT = dt.timedelta(days=90)
"""How long a reading that took nothing in stays in the history."""


def keep(actor: Actor, origin: str, url: str, every_h: int = 24, now: dt.datetime | None = None) -> HarvestAddress:
    """Read a foreign catalogue from an address from now on, every so many hours. Raises Refused or Unavailable.

    The same origin again changes its address; it is then read whole.
    """
    require(actor, "catalogue.harvest")
    services.check_origin(origin)
    if not 1 <= every_h <= LONGEST_H:
        raise Refused(_("采集间隔是 1 到 %d 小时。") % LONGEST_H, code="every", field="every_h")
    check_address(url, guard_of(config()))
    now = now or timezone.now()
    with transaction.atomic():
        found, _made = HarvestAddress.objects.update_or_create(
            origin=origin,
            defaults={
                "url": url, "every_h": every_h, "state": HarvestAddress.State.ACTIVE, "next_at": now, "pages": [], "failures": 0,
                "trouble": "", "made_by": actor.name[:100],
            },
        )  # fmt: skip
        # The query of an address may hold a key.
        detail = {"url": url.partition("?")[0][:200], "every_h": every_h}
        audit.record(actor, "catalogue.harvest_address", "catalogue", origin, detail=detail)
    return found


def access(actor: Actor, origin: str) -> HarvestAddress:
    """Return an address. Raises Refused or NotFound."""
    require(actor, "catalogue.harvest")
    found = HarvestAddress.objects.filter(origin=origin).first()
    if found is None:
        raise NotFound(_("没有找到。"))
    return found


def switch(actor: Actor, origin: str, *, on: bool, now: dt.datetime | None = None) -> HarvestAddress:
    """Pause the readings of an address, or go on with them at once."""
    with transaction.atomic():
        found = access(actor, origin)
        found.state = HarvestAddress.State.ACTIVE if on else HarvestAddress.State.PAUSED
        found.next_at = (now or timezone.now()) if on else None
        found.save(update_fields=["state", "next_at"])
        audit.record(actor, "catalogue.harvest_resume" if on else "catalogue.harvest_pause", "catalogue", origin)
    return found


def remove(actor: Actor, origin: str) -> None:
    """Read an address no more. What was taken in from it stays, and so does its history."""
    with transaction.atomic():
        access(actor, origin).delete()
        audit.record(actor, "catalogue.harvest_remove", "catalogue", origin)


def due(now: dt.datetime) -> list[str]:
    """Return the origins to be read now, the longest waiting first."""
    rows = HarvestAddress.objects.filter(state=HarvestAddress.State.ACTIVE, next_at__lte=now).order_by("next_at")
    return list(rows.values_list("origin", flat=True))


def read(
    origin: str, actor: Actor = SYSTEM, now: dt.datetime | None = None, wait: Callable[[float], None] = time.sleep
) -> Harvest:  # fmt: skip
    """Read an address now, and return what came of it: taken, unchanged or failed. Raises Refused or NotFound for none such."""
    one, now = access(actor, origin), now or timezone.now()
    tell = partial(Harvest.objects.create, origin=origin, file=one.url[:200], at=now, actor=actor.name[:100])
    try:
        fetched = fetch(one.url, guard_of(config()), one.pages, now, wait)
        with transaction.atomic():
            if fetched is None:
                done = tell(outcome=Harvest.Outcome.UNCHANGED)
            else:
                done = services.take(actor, origin, fetched.standard, fetched.found, one.url, now)
                one.pages = list(fetched.pages)
            one.read_at, one.failures, one.trouble = now, 0, ""
            _put_off(one, now, dt.timedelta(hours=one.every_h))
    except (Refused, Malformed, Unavailable) as wrong:
        with transaction.atomic():
            one.refresh_from_db(fields=["pages", "read_at"])
            one.failures, one.trouble = one.failures + 1, wrong.sentence[:500]
            _put_off(one, now, _patience(one, wrong))
            done = tell(outcome=Harvest.Outcome.FAILED, trouble=one.trouble)
    return done


def read_once(actor: Actor, origin: str, url: str, now: dt.datetime | None = None) -> Harvest:
    """Read an address that is not kept. Raises Refused, Malformed or Unavailable."""
    require(actor, "catalogue.harvest")
    services.check_origin(origin)
    now = now or timezone.now()
    fetched = fetch(url, guard_of(config()), (), now)
    assert fetched is not None  # nothing was known of it; mypy
    return services.take(actor, origin, fetched.standard, fetched.found, url, now)


def forget_old(now: dt.datetime) -> None:
    """Drop readings beyond their time that took nothing in; those that did are part of the resources' history."""
    Harvest.objects.filter(at__lt=now - KEPT).exclude(outcome=Harvest.Outcome.TAKEN).delete()


def _patience(one: HarvestAddress, wrong: Problem) -> dt.timedelta:
    """Return when to try again: what is away sooner than usual, each time later; what refuses, at its usual time."""
    usual: dt.timedelta = dt.timedelta(hours=one.every_h)
    if not isinstance(wrong, Unavailable):
        return usual
    asked = dt.timedelta(seconds=float(str(wrong.fields.get("retry_after", 0))))
    later: dt.timedelta = min(usual, FIRST_RETRY * 2.0 ** min(one.failures - 1, 12))
    return max(asked, later)


def _put_off(one: HarvestAddress, now: dt.datetime, by: dt.timedelta) -> None:
    """Keep how it went, unless the address was changed or paused while it was read."""
    kept = HarvestAddress.objects.filter(pk=one.pk, url=one.url)
    kept.update(pages=one.pages, read_at=one.read_at, failures=one.failures, trouble=one.trouble)
    kept.filter(state=HarvestAddress.State.ACTIVE).update(next_at=now + by)
