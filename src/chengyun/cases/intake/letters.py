# SPDX-License-Identifier: Apache-2.0
"""Letters as they come: who wrote, what, with which pictures; and which of them are robots talking."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser

from chengyun.cases.intake.links import find_numbers
from chengyun.cases.intake.pictures import LARGEST, MOST

__all__ = ["LONGEST", "Letter", "read_letter"]

LONGEST = 40 * 1024 * 1024
"""Bytes of a letter that is opened at all."""
_QUOTED = re.compile(r"^\s*(>|-{2,}\s*(原始邮件|Original Message)|On .{5,100} wrote:\s*$|.{0,60}写道[:：]\s*$|_{5,}\s*$)", re.I)
_ROBOT = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounce)", re.I)
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter. robot: why it must not be answered, "" for a person's. named: the report it speaks of, "" without one.

    left_out: names of attachments that were not kept: no pictures, too large or too many.
    """

    message_id: str
    sender: str
    name: str
    subject: str
    text: str
    photos: tuple[bytes, ...]
    left_out: tuple[str, ...]
    named: str
    robot: str


def read_letter(data: bytes, own: str) -> Letter:
    """Read a letter. own: the address letters go out from, which never writes to itself. Damage is read as well as it goes."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not isinstance(message, EmailMessage):
        raise TypeError("the default policy makes EmailMessages")
    name, sender = parseaddr(_header(message, "From"))
    subject = " ".join(_header(message, "Subject").split())[:200]
    photos, left_out = _pictures(message)
    whole = _text(message)
    numbers = find_numbers(f"{subject}\n{_header(message, 'References')}\n{whole}")
    return Letter(
        _header(message, "Message-ID").strip()[:200], sender.strip()[:254], name[:60], subject, _fresh(whole), photos, left_out,
        numbers[0] if numbers else "", _robot(message, sender, own),
    )  # fmt: skip


def _header(message: EmailMessage, name: str, default: str = "") -> str:
    """Return a header as it is meant or, where the library cannot say what is meant, as it was sent."""
    try:
        found = str(message.get(name, default))
    except Exception:  # its parser raises whatever its parts raise
        found = next(
            (" ".join(str(value).split()) for given, value in message.raw_items() if given.lower() == name.lower()), default
        )
    return _clean(found)


def _clean(text: str) -> str:
    """Return text without what no table keeps: zero bytes, halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _robot(message: EmailMessage, sender: str, own: str) -> str:
    """Return why a letter is a robot's: RFC 3834 and what mail systems do beside it."""
    if not sender or "@" not in sender:
        return "it has no sender"
    if _header(message, "Return-Path", "x").strip() == "<>":
        return "it is a delivery notice"
    if sender.lower() == own.lower():
        return "it comes from our own address"
    if _header(message, "Auto-Submitted", "no").split(";")[0].strip().lower() != "no":
        return "it was sent automatically"
    if any(
        _header(message, header)
        for header in ("X-Auto-Response-Suppress", "X-Autoreply", "X-Loop", "List-Id", "List-Unsubscribe")
    ):
        return "it was sent automatically or to a list"
    if _header(message, "Precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return "it was sent in bulk"
    if _ROBOT.match(sender):
        return "its sender is a robot"
    return ""


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        content = str(part.get_content())
    except (LookupError, ValueError):
        content = (part.get_payload(decode=True) or b"").decode("utf-8", "replace")  # type: ignore[union-attr]
    return _plain(content) if part.get_content_type() == "text/html" else content


def _fresh(text: str) -> str:
    """Return what was written now, without the letter it answers."""
    lines: list[str] = []
    for line in text.replace("\x00", "").splitlines():
        if _QUOTED.match(line):
            break
        lines.append(line.rstrip())
    return "\n".join(lines).strip()[:4000]


def _pictures(message: EmailMessage) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    kept: list[bytes] = []
    left_out: list[str] = []
    for part in message.iter_attachments():
        data = part.get_payload(decode=True)
        fits = part.get_content_type() in PICTURES and isinstance(data, bytes) and 0 < len(data) <= LARGEST and len(kept) < MOST
        if fits and isinstance(data, bytes):
            kept.append(data)
        else:
            left_out.append(_clean(str(part.get_filename() or part.get_content_type()))[:80])
    return tuple(kept), tuple(left_out)


class _Words(HTMLParser):
    """Collects the words of a page, without what is not meant to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._hidden += tag in ("script", "style", "head")
        if tag in ("br", "p", "div", "tr", "li"):
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "head") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _plain(page: str) -> str:
    reader = _Words()
    with contextlib.suppress(AssertionError):  # what it says of marked sections it does not know; what was read until then counts
        reader.feed(page)
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.words))
