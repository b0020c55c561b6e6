# SPDX-License-Identifier: Apache-2.0
"""Reports by e-mail: letters of a mailbox become reports, letters about a report are added to it.

A letter is taken out of the mailbox only after its report is committed; one that is read twice is known by its Message-ID. A
sender whose letters have no ID gets one from their bytes. A letter nothing can be made of is kept whole in <data>/mail/unread
and said in the log: anybody can write one, and none may stand before those that come after it. One that is too long is never
read: of a mail folder it is moved to <data>/mail/unread, at a server it stays where it is, flagged, and both are said in the log.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import imaplib
import logging
import mailbox
import os
import re
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, BinaryIO

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
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


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
    path = _unread(hashlib.sha256(data).hexdigest()[:16])
    with _private(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def _unread(name: str) -> Path:
    folder = config().data / "mail" / "unread"
    make_folder(folder)
    return folder / f"{name}.eml"


def _private(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


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
        if _put_aside_long(box, key):
            box.discard(key)
        else:
            yield box.get_bytes(key), lambda key=key: box.discard(key)  # type: ignore[misc]
    box.close()


def _put_aside_long(box: mailbox.Maildir, key: str) -> bool:
    """Put a letter aside that is too long to be read, and say whether it was: then it is on disk."""
    letter: Any = box.get_file(key)
    with contextlib.closing(letter):
        size = letter.seek(0, os.SEEK_END) or letter.tell()
        if size <= LONGEST:
            return False
        path = _unread(hashlib.sha256(key.encode()).hexdigest()[:16])
        letter.seek(0)
        with _private(path) as file:
            shutil.copyfileobj(letter, file)
            file.flush()
            os.fsync(file.fileno())
    log.warning("A letter of %s was not read: at most %s are. It is kept as %s.", _megabytes(size), _megabytes(LONGEST), path)
    return True


def _imap(server: Server) -> Generator[Incoming, None, None]:
    kind = imaplib.IMAP4_SSL if server.scheme == "imaps" else imaplib.IMAP4
    try:
        with kind(server.host, server.port, timeout=30) as box:
            box.login(server.user, server.password)
            box.select(server.path.strip("/") or "INBOX")
            _said, found = box.search(None, "UNSEEN")
            for number in found[0].split()[:AT_ONCE]:
                size = _size(box, number)
                # Bounded although its size is known: a server may count otherwise than it sends.
                data = _fetched(box, number, f"(BODY.PEEK[]<0.{LONGEST + 1}>)") if size <= LONGEST else b""
                if max(size, len(data)) > LONGEST:
                    log.warning(
                        "Letter %s at %s, of %s, was not read: at most %s are. It stays there, flagged.",
                        number.decode(), server.host, _megabytes(max(size, len(data))), _megabytes(LONGEST),
                    )  # fmt: skip
                    box.store(number, "+FLAGS", "(\\Seen \\Flagged)")
                elif data:
                    yield data, lambda number=number: box.store(number, "+FLAGS", "\\Seen")  # type: ignore[misc]
    except (OSError, imaplib.IMAP4.error) as wrong:
        raise Unavailable(f"The mailbox at {server.host} cannot be read: {wrong}") from wrong


def _size(box: imaplib.IMAP4, number: bytes) -> int:
    """Return how many bytes a letter has; 0 where the server does not say."""
    _said, parts = box.fetch(number.decode(), "(RFC822.SIZE)")
    found = next((hit for part in parts if isinstance(part, bytes) and (hit := _SIZE.search(part))), None)
    return int(found[1]) if found else 0


def _fetched(box: imaplib.IMAP4, number: bytes, what: str) -> bytes:
    """Return what was asked for of a letter; nothing where the server cannot give it now: then the letter stays unread."""
    said, parts = box.fetch(number.decode(), what)
    data = next((bytes(part[1]) for part in parts if isinstance(part, tuple)), b"") if said == "OK" else b""
    if not data:
        log.warning("The server gave nothing of letter %s; it is asked again.", number.decode())
    return data


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
