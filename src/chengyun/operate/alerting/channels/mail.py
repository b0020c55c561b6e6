# SPDX-License-Identifier: Apache-2.0
"""A notice as a letter, in the city's language, with no more than its reader may read."""

from __future__ import annotations

import datetime as dt
import smtplib
from typing import Protocol

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext as _

from chengyun.cases.intake import post
from chengyun.errors import Unavailable
from chengyun.operate.alerting.models import Delivery
from chengyun.operate.alerting.people import readable

__all__ = ["Backend", "letter", "mail_server", "send"]


class Backend(Protocol):
    def send_messages(self, messages: list[EmailMessage]) -> int: ...


def mail_server() -> Backend | None:
    """Return the mail server letters go to; None where the installation has none."""
    server = post.outbox()
    if server is None or not post.sender():
        return None
    return EmailBackend(
        host=server.host, port=server.port, username=server.user or None, password=server.password or None,
        use_ssl=server.scheme == "smtps", use_tls=server.scheme == "smtp" and bool(server.user), timeout=20,
    )  # fmt: skip


def send(delivery: Delivery, backend: Backend, now: dt.datetime) -> None:
    """Send a notice. Raises Unavailable when the server does not take it."""
    try:
        backend.send_messages([letter(delivery, now)])
    except (OSError, smtplib.SMTPException) as wrong:
        raise Unavailable(f"The mail server did not take the letter: {wrong}") from wrong


def letter(delivery: Delivery, now: dt.datetime) -> EmailMessage:
    """Return a delivery's letter; one that arrives twice has the same Message-ID."""
    notice, account = delivery.notice, delivery.account
    told = notice.body["alerts"]
    seen = set(readable(account, [one["id"] for one in told], now)) if account else set()
    lines = [
        f"{one['subject_name']}：{one['name']}  {one['severity']}  {one['since']}  {post.site()}/alerts/{one['id']}"
        for one in told
        if one["id"] in seen
    ]
    body = "\n".join(
        [notice.title if len(seen) == len(told) else _("预警有变化。"), "", *lines, "", f"{post.site()}/alerts/notices"]
    )
    subject = f"[{notice.severity}] {notice.title}" if len(seen) == len(told) else _("预警有变化")
    domain = (post.sender().rpartition("@")[2] or "localhost").strip("<> ")
    return EmailMessage(
        " ".join(subject.split()), body, post.sender(), [delivery.target],
        headers={"Message-ID": f"<alert.{delivery.key}@{domain}>", "Auto-Submitted": "auto-generated"},
    )  # fmt: skip
