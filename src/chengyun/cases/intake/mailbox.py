# SPDX-License-Identifier: Apache-2.0
"""Reports by e-mail: letters of a mailbox become reports, letters about a report are added to it.

A letter is taken out of the mailbox only after its report is committed; one that is read twice is known by its Message-ID. A
sender whose letters have no ID gets one from their bytes. A letter nothing can be made of is kept whole in <data>/mail/unread
and said in the log: anybody can write one, and none may stand before those that come after it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import imaplib
import logging
import mailbox
import os
from collections.abc import Callable, Generator
from pathlib import Path

from django.db import InterfaceError, OperationalError, transaction
from django.utils.translation import gettext as _

from chengyun.access.actors import ANONYMOUS
from chengyun.cases.intake import photos, post
from chengyun.cases.intake.letters import LONGEST, Letter, read_letter
from chengyun.cases.intake.messages import hear, tell
from chengyun.cases.intake.models import Message, Report
from chengyun.cases.intake.post import Server
from chengyun.cases.intake.services import Filed, ReportIn, file_report
from chengyun.config import config, make_folder
from chengyun.errors import Refused, Unavailable

__all__ = ["read_mailbox", "take"]

log = logging.getLogger(__name__)
Incoming = tuple[bytes, Callable[[], None]]
AT_ONCE = 200


def read_mailbox(now: dt.datetime) -> int:
    """File every letter that waits and return how many there were. Raises Unavailable when the mailbox cannot be reached."""
    server = post.inbox()
    if server is None:
        return 0
    taken = 0
    with contextlib.closing(_letters(server)) as letters:
        for data, settle in letters:
            try:
                take(data, now)
            except (Unavailable, OperationalError, InterfaceError):
                raise  # it waits for the database
            except Exception:
                log.exception("A letter could not be read. It is kept as %s.", _set_aside(data))
            settle()
            taken += 1
    return taken


def _set_aside(data: bytes) -> Path:
    """Keep a letter whole, once, and return where; it is on disk then."""
    folder = config().data / "mail" / "unread"
    make_folder(folder)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.eml"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def take(data: bytes, now: dt.datetime) -> Report | None:
    """File one letter, or add it to the report it answers; return the report. None: nobody's, or a robot's."""
    letter = read_letter(data[:LONGEST], post.sender())
    if letter.robot:
        log.info("A letter was left unanswered: %s.", letter.robot)
        return None
    key = letter.message_id or hashlib.sha256(data).hexdigest()
    answered = _answered(letter)
    if answered is not None:
        return _add(answered, letter, key, now)
    text = "\n".join(part for part in (letter.subject, letter.text) if part)
    try:
        filed = _file(letter, text or _("（无文字，见照片）"), key, now)
    except Refused as refused:
        log.info("A letter could not be filed: %s", refused.code)
        return None
    if not filed.again:
        # Not quiet, as other ways in are: whoever writes a letter has seen no receipt.
        tell(filed.report, "letter", now, {"left_out": list(letter.left_out)})
    return filed.report


def _file(letter: Letter, text: str, key: str, now: dt.datetime) -> Filed:
    given = ReportIn(
        channel="email", text=text[:4000], address=_("见邮件内容"), name=letter.name, email=letter.sender, photos=letter.photos,
        idempotency_key=key, external=letter.message_id, sender=letter.sender,
    )  # fmt: skip
    return file_report(given, ANONYMOUS, now)


def _answered(letter: Letter) -> Report | None:
    """Return the report a letter is about: one it names, and that was reported from the same address."""
    if not letter.named:
        return None
    return Report.objects.filter(number=letter.named, contact__email__iexact=letter.sender).first()


def _add(report: Report, letter: Letter, key: str, now: dt.datetime) -> Report:
    with transaction.atomic():
        held = Report.objects.select_for_update().get(pk=report.pk)
        if Message.objects.filter(report=held, from_reporter=True, data__letter=key).exists():
            return held
        message = hear(held, "answered", now, letter.text or letter.subject)
        message.data = {"letter": key}
        message.save(update_fields=["data"])
        for data in letter.photos:
            with contextlib.suppress(Refused):
                photos.keep(data, ANONYMOUS, now, report=held, case=held.case)
        if held.state == Report.State.ASKED:
            held.state = Report.State.WAITING
            held.save(update_fields=["state"])
    return held


def _letters(server: Server) -> Generator[Incoming, None, None]:
    yield from _maildir(server) if server.scheme == "maildir" else _imap(server)


def _maildir(server: Server) -> Generator[Incoming, None, None]:
    if not Path(server.path).is_dir():
        raise Unavailable(f"The mail folder {server.path} is not there. Make it, or mend CHENGYUN_MAIL_INBOX.")
    box = mailbox.Maildir(server.path, create=False)
    for key in sorted(box.keys())[:AT_ONCE]:
        yield box.get_bytes(key), lambda key=key: box.discard(key)  # type: ignore[misc]
    box.close()


def _imap(server: Server) -> Generator[Incoming, None, None]:
    kind = imaplib.IMAP4_SSL if server.scheme == "imaps" else imaplib.IMAP4
    try:
        with kind(server.host, server.port, timeout=30) as box:
            box.login(server.user, server.password)
            box.select(server.path.strip("/") or "INBOX")
            _said, found = box.search(None, "UNSEEN")
            for number in found[0].split()[:AT_ONCE]:
                _said, parts = box.fetch(number, "(BODY.PEEK[])")
                data = next((part[1] for part in parts if isinstance(part, tuple)), b"")
                yield data, lambda number=number: box.store(number, "+FLAGS", "\\Seen")  # type: ignore[misc]
    except (OSError, imaplib.IMAP4.error) as wrong:
        raise Unavailable(f"The mailbox at {server.host} cannot be read: {wrong}") from wrong
