# SPDX-License-Identifier: Apache-2.0
"""Letters to reporters: what waits is sent, tried again later when it fails, and given up after a day and a half."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from chengyun.cases.intake import links, post
from chengyun.cases.intake.models import Message
from chengyun.cases.intake.wording import say

__all__ = ["send_waiting"]

log = logging.getLogger(__name__)

RETRY_MIN = (2, 10, 60, 360, 1440)
"""Minutes to the next try; after the last one it is given up."""
AT_ONCE = 100


def send_waiting(now: dt.datetime, backend: EmailBackend | None = None) -> int:
    """Send the letters whose time has come; return how many went out. A letter is sent at most twice, if a process dies."""
    server = post.outbox()
    if backend is None:
        if server is None or not post.sender():
            return 0
        backend = EmailBackend(
            host=server.host, port=server.port, username=server.user or None, password=server.password or None,
            use_ssl=server.scheme == "smtps", use_tls=server.scheme == "smtp" and bool(server.user), timeout=20,
        )  # fmt: skip
    sent = 0
    for _turn in range(AT_ONCE):
        with transaction.atomic():
            waiting = Message.objects.select_for_update(of=("self",), skip_locked=True).filter(mail="waiting", next_at__lte=now)
            message = waiting.select_related("report", "report__contact").order_by("next_at", "id").first()
            if message is None:
                break
            sent += _send(message, backend, now)
    return sent


def _send(message: Message, backend: EmailBackend, now: dt.datetime) -> bool:
    contact = getattr(message.report, "contact", None)
    message.attempts += 1
    if contact is None or not contact.email:
        message.mail = Message.Mail.NONE  # withdrawn meanwhile
    else:
        try:
            backend.send_messages([letter(message, contact.email)])
            message.mail, message.sent_at = Message.Mail.SENT, now
        except ValueError:
            # No address letters can go to, or a letter answered whose name is none: never sent, and never in the others' way.
            log.exception("A letter about %s cannot be written.", message.report.number)
            message.mail, message.next_at = Message.Mail.FAILED, None
        except (OSError, smtplib.SMTPException):
            late = message.attempts > len(RETRY_MIN)
            message.mail = Message.Mail.FAILED if late else Message.Mail.WAITING
            message.next_at = None if late else now + dt.timedelta(minutes=RETRY_MIN[message.attempts - 1])
    message.save(update_fields=["mail", "attempts", "next_at", "sent_at"])
    return message.mail == Message.Mail.SENT


def letter(message: Message, to: str) -> EmailMessage:
    """Return a message as a letter, in the reporter's language, with the link and the headers that keep robots from answering."""
    report = message.report
    with translation.override(report.language):
        subject = _("上报 %s 的进展") % report.number
        link = links.link_of(report.number, report.link_salt, post.site())
        body = f"{say(message.kind, message.data, message.text)}\n\n{_('查看全部经过、补充说明或评价：')}\n{link}\n"
    answers = {"In-Reply-To": report.external, "References": report.external} if report.external.startswith("<") else {}
    return EmailMessage(
        subject, body, post.sender(), [to],
        headers={"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All", **answers},
    )  # fmt: skip
