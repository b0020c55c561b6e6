# SPDX-License-Identifier: Apache-2.0
"""Deliveries on their way out: each sent in a transaction of its own that notes how it went.

A process that dies between sending and noting sends again with the same key (`Delivery.key`): at least once, and a receiver
that keeps keys has each once. What does not get through is tried again for half a day, and then stands under "failed" until a
person sends or drops it.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.errors import NotFound, Problem, Refused, Unavailable
from chengyun.operate.alerting.channels import mail, webhook
from chengyun.operate.alerting.current import current
from chengyun.operate.alerting.models import Delivery

__all__ = ["drop", "retry", "send_waiting"]

log = logging.getLogger(__name__)

RETRY_S = (10, 60, 300, 1800, 7200, 21600)
"""Seconds to the next try; after the last one it has failed."""
AT_ONCE = 100


def send_waiting(now: dt.datetime, backend: mail.Backend | None = None) -> int:
    """Send the deliveries whose time has come; return how many got through."""
    backend = backend or mail.mail_server()
    sent = 0
    for _turn in range(AT_ONCE):
        with transaction.atomic():
            waiting = Delivery.objects.select_for_update(of=("self",), skip_locked=True)
            waiting = waiting.filter(state=Delivery.State.WAITING, next_at__lte=now)
            one = waiting.select_related("notice__group", "account").order_by("next_at", "id").first()
            if one is None:
                break
            sent += _send(one, backend, now)
    return sent


def _send(one: Delivery, backend: mail.Backend | None, now: dt.datetime) -> bool:
    one.attempts += 1
    try:
        if one.channel == "email":
            if backend is None:
                raise Unavailable("This installation has no mail server; set CHENGYUN_MAIL_URL and CHENGYUN_MAIL_FROM.")
            mail.send(one, backend, now)
        else:
            url = current().url_of(one.target)
            if url is None:
                raise Refused(f"The plan in force has no webhook {one.target!r} any more.")
            webhook.send(one, url, now)
    except Problem as problem:
        final = not isinstance(problem, Unavailable) or one.attempts > len(RETRY_S)
        one.state = Delivery.State.DEAD if final else Delivery.State.WAITING
        one.next_at = None if final else now + dt.timedelta(seconds=RETRY_S[one.attempts - 1])
        one.error = problem.sentence[:300]
    except ValueError as wrong:
        # An address or a title of which no letter and no request can be made: it waits for a person, and nobody waits for it.
        log.exception("delivery %s cannot be sent", one.key)
        one.state, one.next_at = Delivery.State.DEAD, None
        one.error = f"It cannot be sent as it stands: {wrong}"[:300]
    else:
        one.state, one.sent_at, one.next_at, one.error = Delivery.State.SENT, now, None, ""
    one.save(update_fields=["state", "attempts", "next_at", "sent_at", "error"])
    return one.state == Delivery.State.SENT


def retry(key: int, actor: Actor, now: dt.datetime) -> None:
    """Send a failed delivery once more. Raises NotFound, or Refused when it has not failed."""
    _settle(key, actor, "alert_delivery.retry", Delivery.State.WAITING, now)


def drop(key: int, actor: Actor) -> None:
    """Give a failed delivery up. Raises NotFound, or Refused when it has not failed."""
    _settle(key, actor, "alert_delivery.drop", Delivery.State.DROPPED, None)


def _settle(key: int, actor: Actor, deed: str, state: Delivery.State, next_at: dt.datetime | None) -> None:
    require(actor, "alert_plan.load")
    with transaction.atomic():
        one = Delivery.objects.select_for_update().filter(pk=key).first()
        if one is None:
            raise NotFound("There is no such delivery.")
        if one.state != Delivery.State.DEAD:
            raise Refused("This delivery has not failed.", code="settled")
        one.state, one.next_at, one.attempts = state, next_at, 0
        one.save(update_fields=["state", "next_at", "attempts"])
        audit.record(actor, deed, "alerts", str(key))
