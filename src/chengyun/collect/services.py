# SPDX-License-Identifier: Apache-2.0
"""What can be done about dead letters: sent again, dropped with a reason, old ones erased; and who sends, kept in mind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require, require_scope
from chengyun.city import City, qualify
from chengyun.collect import front_door
from chengyun.collect.models import DeadLetter
from chengyun.collect.queries import access_dead_letter
from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["drop", "drop_older", "erase_older", "note_senders", "retry"]


RECEIPTS_AT_ONCE = 100_000
"""Of each stream; a books of years is caught up with in some runs."""
# A receipt of the same seq may have come since: it brought no rows, and is counted once all the same.
_NOTE_SENDERS = """
INSERT INTO collect_sender AS known (stream, actor, source, newest, seq)
SELECT s.stream, r.actor, r.source, max(r.received_at), max(r.seq_to)
FROM lake_stream AS s
CROSS JOIN LATERAL (
    SELECT actor, source, received_at, seq_to FROM lake_receipt
    WHERE stream = s.stream AND seq_to >= COALESCE((SELECT max(seq) FROM collect_sender WHERE stream = s.stream), 0)
    ORDER BY seq_to LIMIT %(most)s
) AS r
GROUP BY s.stream, r.actor, r.source
ON CONFLICT (stream, actor, source) DO UPDATE
SET newest = greatest(known.newest, excluded.newest), seq = greatest(known.seq, excluded.seq)
"""


def retry(actor: Actor, letter_id: int, row: Mapping[str, Any] | None = None) -> DeadLetter:
    """Send a dead letter through the front door again; return it, settled.

    row: the row as the actor mended it; None: as it was sent. A row that fails again becomes a new dead letter, which the
    note of this one says. Raises Refused when it is settled already, Unavailable when the stream process is away.
    """
    require(actor, "dead_letter.retry")
    with transaction.atomic():
        letter = _waiting(actor, letter_id)
        if letter.stream not in settings.CITY.streams:
            raise Refused(_("这一行要登记的内容须在来源处改正，下次读取时会重新读入。"), code="at_the_source")
        sent = dict(letter.row if row is None else row)
        require(actor, "dead_letter.retry", _area_of(letter.stream, sent))
        purpose = "simulate" if letter.simulated else "ingest:*"
        # The key makes a retry whose answer was lost safe to repeat; another row under it is another attempt.
        answer = front_door.post(config(), letter.stream, sent, purpose=purpose, key=None if row else f"dead-letter-{letter.pk}")
        letter.state = DeadLetter.State.RETRIED
        letter.retried_at = timezone.now()
        letter.note = _("已入库。") if answer["accepted"] else _("仍不能入库：%s") % _why(answer)
        letter.save(update_fields=["state", "retried_at", "note"])
        audit.record(
            actor, "dead_letter.retry", "dead_letters", str(letter.pk),
            detail={"stream": letter.stream, "accepted": answer["accepted"], "mended": row is not None},
        )  # fmt: skip
    return letter


def drop(actor: Actor, letter_id: int, reason: str) -> DeadLetter:
    """Give a dead letter up, saying why; it is kept. Raises Refused without a reason or when it is settled already."""
    require(actor, "dead_letter.retry")
    if not reason.strip():
        raise Refused(_("请写明丢弃的原因。"), code="reason_missing")
    with transaction.atomic():
        letter = _waiting(actor, letter_id)
        letter.state = DeadLetter.State.DROPPED
        letter.retried_at = timezone.now()
        letter.note = reason.strip()
        letter.save(update_fields=["state", "retried_at", "note"])
        audit.record(
            actor, "dead_letter.drop", "dead_letters", str(letter.pk), detail={"stream": letter.stream, "reason": letter.note}
        )
    return letter


def drop_older(actor: Actor, before: dt.datetime, reason: str, *, stream: str | None = None) -> dict[str, int]:
    """Give up every letter that waits and came before a time; they are kept. Return how many of each stream.

    Raises Refused without a reason.
    """
    found = _older(actor, before, reason, stream).filter(state=DeadLetter.State.WAITING)
    with transaction.atomic():
        counts = _by_stream(found)
        found.update(state=DeadLetter.State.DROPPED, retried_at=timezone.now(), note=reason.strip())
        _told(actor, "dead_letter.drop", before, reason, counts)
    return counts


def erase_older(actor: Actor, before: dt.datetime, reason: str, *, stream: str | None = None) -> dict[str, int]:
    """Remove every settled letter that came before a time; those that wait stay. Return how many of each stream.

    Raises Refused without a reason.
    """
    found = _older(actor, before, reason, stream).exclude(state=DeadLetter.State.WAITING)
    with transaction.atomic():
        counts = _by_stream(found)
        found.delete()
        _told(actor, "dead_letter.erase", before, reason, counts)
    return counts


def note_senders() -> int:
    """Bring what is known of senders up to the newest receipts; return how many senders were heard of since the last time."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_SENDERS, {"most": RECEIPTS_AT_ONCE})
        return int(cursor.rowcount)


def _older(actor: Actor, before: dt.datetime, reason: str, stream: str | None) -> QuerySet[DeadLetter]:
    require(actor, "dead_letter.retry")
    if not reason.strip():
        raise Refused(_("请写明丢弃的原因。"), code="reason_missing")
    found = DeadLetter.objects.filter(require_scope(actor, "dead_letters").q(), received_at__lt=before)
    return found.filter(stream=stream) if stream is not None else found


def _by_stream(found: QuerySet[DeadLetter]) -> dict[str, int]:
    counted = found.order_by("stream").values("stream").annotate(count=Count("pk"))
    return {row["stream"]: row["count"] for row in counted}


def _told(actor: Actor, action: str, before: dt.datetime, reason: str, counts: Mapping[str, int]) -> None:
    detail = {"before": before.isoformat(), "reason": reason.strip(), "letters": dict(counts)}
    audit.record(actor, action, "dead_letters", detail=detail)


def _waiting(actor: Actor, letter_id: int) -> DeadLetter:
    letter = access_dead_letter(actor, letter_id, lock=True)
    if letter.state != DeadLetter.State.WAITING:
        raise Refused(_("这条问题数据已经处理过：%s。") % letter.get_state_display(), code="settled")
    return letter


def _area_of(stream: str, row: Mapping[str, Any]) -> str | None:
    """Return the area of the entity a row names, for a mended row may name another; None when no such entity is known."""
    city: City = settings.CITY
    entity = city.streams[stream].entity
    register = qualify(stream.split(".")[0], entity.to)
    model = apps.get_model(register.split(".")[0], city.entities[register].model)
    found: str | None = model._default_manager.filter(key=str(row.get(entity.key))).values_list("area_code", flat=True).first()
    return found


def _why(answer: Mapping[str, Any]) -> str:
    if answer["dead"]:
        return str(answer["dead"][0]["reason"])
    return _("该对象已有真实数据，不再接收模拟数据。")
