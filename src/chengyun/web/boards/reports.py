# SPDX-License-Identifier: Apache-2.0
"""Boards sent by mail, by the clock: each period once, drawn with the recipient's own rights, written down.

    period due ──▶ Sending (unique for report and period) ──▶ row locked ──▶ drawn ──▶ handed to the mail server ──▶ sent

The row stays locked until the server has taken the letter. A process that dies in between leaves it waiting, and it is sent
then; one that dies after the server took it and before the commit sends it again under the same Message-ID.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import smtplib
from collections.abc import Iterable

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor, actor_of_account
from chengyun.cases.intake import post
from chengyun.errors import NotFound, Problem
from chengyun.operate.boards import queries
from chengyun.operate.boards.models import ScheduledReport, Sending
from chengyun.operate.boards.services import next_after
from chengyun.web import shown
from chengyun.web.boards import files, tiles
from chengyun.web.boards.shown import BoardView

__all__ = ["can_send", "due", "own_reports", "run", "send_waiting"]

RETRY_MIN = (2, 10, 60, 360)
"""Minutes to the next try; after the last one it is given up."""
MISSED = dt.timedelta(hours=24)
"""What was due longer ago, because nothing ran, is not sent any more; the newest period is."""
AT_ONCE = 50


def can_send() -> bool:
    """Say whether the installation has a mail server and a sender."""
    return post.outbox() is not None and bool(post.sender())


def own_reports(board_id: int, actor: Actor) -> list[ScheduledReport]:
    """Return the reports of a board that go to somebody, or were set up by them."""
    rows = ScheduledReport.objects.filter(board_id=board_id, ended_at=None).select_related("recipient")
    return [one for one in rows if actor.account_id in (one.recipient_id, one.made_by_id)]


def due(now: dt.datetime) -> int:
    """Note the periods that have come, each once; return how many. Of several missed ones the newest is sent."""
    noted = 0
    for report in ScheduledReport.objects.filter(ended_at=None).order_by("id"):
        with transaction.atomic():
            one = ScheduledReport.objects.select_for_update().get(pk=report.pk)
            after = max(one.after, now - MISSED)
            period = None
            while (found := next_after(one.cron, after)) <= now:
                period = after = found
            if period is None:
                continue
            ScheduledReport.objects.filter(pk=one.pk).update(after=period)
            _sending, made = Sending.objects.get_or_create(report=one, period=period, defaults={"next_at": now})
            noted += made
    return noted


def send_waiting(now: dt.datetime, backend: BaseEmailBackend | None = None) -> int:
    """Send what waits; return how many letters went out."""
    backend = backend or _backend()
    if backend is None:
        return 0
    sent = 0
    for _turn in range(AT_ONCE):
        with transaction.atomic():
            waiting = Sending.objects.select_for_update(of=("self",), skip_locked=True).filter(state="waiting", next_at__lte=now)
            one = waiting.select_related("report__board", "report__recipient").order_by("next_at", "id").first()
            if one is None:
                break
            sent += _send(one, backend, now)
    return sent


def _send(one: Sending, backend: BaseEmailBackend, now: dt.datetime) -> bool:
    report, account = one.report, one.report.recipient
    one.attempts += 1
    actor = actor_of_account(account)
    if report.ended_at is not None or not account.is_active or not account.email:
        one.state, one.why = Sending.State.DROPPED, "ended"
    else:
        try:
            letter = _letter(one, actor)
            backend.send_messages([letter])
            one.state, one.sent_at, one.why = Sending.State.SENT, now, ""
            names = [name for name, *_rest in letter.attachments]
            audit.record(
                actor, "board.sent", "boards", report.board.key,
                detail={"report": report.pk, "period": one.period.isoformat(), "files": names},
            )  # fmt: skip
        except NotFound:
            one.state, one.why = Sending.State.DROPPED, "not open to the recipient"
        except (OSError, smtplib.SMTPException, Problem) as failed:
            late = one.attempts > len(RETRY_MIN)
            one.state = Sending.State.FAILED if late else Sending.State.WAITING
            one.next_at = None if late else now + dt.timedelta(minutes=RETRY_MIN[one.attempts - 1])
            one.why = (failed.sentence if isinstance(failed, Problem) else type(failed).__name__)[:300]
    one.save(update_fields=["state", "attempts", "next_at", "sent_at", "why"])
    return one.state == Sending.State.SENT


def _letter(one: Sending, actor: Actor) -> EmailMessage:
    """Return a period's letter: the board as it was known at the period's moment, as the recipient may see it."""
    report = one.report
    with translation.override(report.language):
        saved = queries.access_board(report.board.key, actor, one.period)
        view = tiles.view(saved, actor, one.period, timezone.now())
        subject = _("%(board)s · %(moment)s") % {"board": view.name, "moment": shown.moment(one.period)}
        body = _("附件是看板“%(board)s”在 %(moment)s 的内容，按您本人的权限生成。") % {
            "board": view.name, "moment": shown.moment(one.period),
        }  # fmt: skip
        link = f"{post.site()}/boards/{report.board.key}?at={one.period:%Y-%m-%dT%H:%M:%S}%2B00:00"
        number = hashlib.sha256(f"{report.pk} {one.period.isoformat()}".encode()).hexdigest()[:32]
        domain = post.sender().rpartition("@")[2].strip("> ") or "localhost"
        letter = EmailMessage(
            subject, f"{body}\n\n{link}\n", post.sender(), [report.recipient.email],
            headers={"Message-ID": f"<{number}.board@{domain}>", "Auto-Submitted": "auto-generated"},
        )  # fmt: skip
        for name, kind, content in _files(report.formats, view):
            letter.attach(name, content, kind)
    return letter


def _files(formats: Iterable[str], view: BoardView) -> Iterable[tuple[str, str, bytes]]:
    stem = f"{view.spec.key}-{view.at:%Y%m%dT%H%M%SZ}"
    for one in formats:
        if one == "pdf":
            yield f"{stem}.pdf", "application/pdf", files.document_of(view)
        else:
            yield f"{stem}.xlsx", files.XLSX, files.workbook_of(view)


def _backend() -> BaseEmailBackend | None:
    server = post.outbox()
    if server is None or not post.sender():
        return None
    from django.core.mail.backends.smtp import EmailBackend  # only where letters are sent

    return EmailBackend(
        host=server.host, port=server.port, username=server.user or None, password=server.password or None,
        use_ssl=server.scheme == "smtps", use_tls=server.scheme == "smtp" and bool(server.user), timeout=20,
    )  # fmt: skip


def run(now: dt.datetime) -> int:
    """Note what is due and send what waits; return how many letters went out."""
    due(now)
    return send_waiting(now)
