# SPDX-License-Identifier: Apache-2.0
"""Who is told what: a line in the inbox on /requests, and a letter where the account has an address and a server is set."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access.grants import database_time
from chengyun.access.models import Account, Assignment
from chengyun.access.rulebook import rulebook
from chengyun.cases.intake import post
from chengyun.share.requests.models import Correction, Notice, Request

__all__ = ["say", "security_officers", "send_waiting", "tell"]

log = logging.getLogger(__name__)

TRIES = 5
AT_ONCE = 100


def tell(accounts: Iterable[Account], kind: str, request: Request | None = None, correction: Correction | None = None) -> None:
    """Put a line into inboxes, in the caller's transaction."""
    mailing = post.outbox() is not None and bool(post.sender())
    for account in {one.pk: one for one in accounts}.values():
        mail = Notice.Mail.WAITING if mailing and account.email else Notice.Mail.NONE
        Notice.objects.create(account=account, request=request, correction=correction, kind=kind, mail=mail)


def security_officers(request: Request) -> list[Account]:
    """Return those who may be the second person for a request."""
    now = database_time()
    roles = rulebook().actions["request.secure"][1]
    held = Assignment.objects.filter(role__in=roles, since__lte=now).exclude(until__lte=now).select_related("account")
    return [one.account for one in held if one.account.is_active and one.organisation_id != request.organisation_id]


def say(notice: Notice) -> str:
    """Return a notice in words."""
    about = notice.request or notice.correction
    number = about.number if about else ""
    sentences = {
        "asked": _("%s：有部门申请共享数据，请在期限内答复。"),
        "to_secure": _("%s：提供部门已同意，涉及个人信息，请复核。"),
        "returned": _("%s：申请退回补正，答复期限暂停。"),
        "approved": _("%s：申请已同意，授权已生效。"),
        "refused": _("%s：申请未获同意，理由见申请页。"),
        "revoked": _("%s：授权已撤销。"),
        "expired": _("%s：授权已到期。"),
        "renewed": _("%s：授权已续期。"),
        "withdrawn": _("%s：申请已撤回。"),
        "overdue": _("%s：答复已超期，转大数据主管部门督办。"),
        "suspended": _("%s：授权所依据的声明已变更，授权暂停。"),
        "delete": _("%s：留存期将满，请删除数据并确认。"),
        "wrong": _("%s：有人反映数据有误，请校核。"),
        "answered": _("%s：校核已有答复。"),
        "unused": _("%s：授权长期未使用，建议收回。"),
    }
    return sentences[notice.kind] % number


def send_waiting(backend: EmailBackend | None = None) -> int:
    """Send the letters that wait; return how many went out. One that fails is tried again at the next turn, a few times."""
    server = post.outbox()
    if backend is None:
        if server is None or not post.sender():
            return 0
        backend = EmailBackend(
            host=server.host, port=server.port, username=server.user or None, password=server.password or None,
            use_ssl=server.scheme == "smtps", use_tls=server.scheme == "smtp" and bool(server.user), timeout=20,
        )  # fmt: skip
    sent = 0
    for waiting in Notice.objects.filter(mail="waiting").order_by("id").values_list("pk", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            found = Notice.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=waiting, mail="waiting")
            notice = found.select_related("account", "request", "correction").first()
            sent += notice is not None and _send(notice, backend)
    return sent


def _send(notice: Notice, backend: EmailBackend) -> bool:
    said = say(notice)
    body = f"{said}\n\n{post.site()}/requests\n"
    letter = EmailMessage(said, body, post.sender(), [notice.account.email], headers={"Auto-Submitted": "auto-generated"})
    notice.attempts += 1
    try:
        backend.send_messages([letter])
        notice.mail = Notice.Mail.SENT
    except ValueError:
        # The account's address is none; tried again it would be none, and stand before everybody else's letters.
        log.exception("the letter to account %s cannot be written", notice.account_id)
        notice.mail = Notice.Mail.FAILED
    except (OSError, smtplib.SMTPException):
        notice.mail = Notice.Mail.FAILED if notice.attempts >= TRIES else Notice.Mail.WAITING
    notice.save(update_fields=["mail", "attempts"])
    return notice.mail == Notice.Mail.SENT
