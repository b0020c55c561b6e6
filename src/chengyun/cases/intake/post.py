# SPDX-License-Identifier: Apache-2.0
"""Where letters come from and go to, from the environment.

| variable | meaning | default |
|---|---|---|
| CHENGYUN_MAIL_INBOX | where reports by e-mail arrive: maildir:/folder, imaps://user:password@host/folder, imap://… | none |
| CHENGYUN_MAIL_URL | server that sends letters: smtp://user:password@host:port, smtps://… | none: told on the page alone |
| CHENGYUN_MAIL_FROM | address letters come from, and answers go to | none |
| CHENGYUN_SITE | address residents reach our pages under, for links in letters | http://<host>:<port> |
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["Server", "inbox", "outbox", "sender", "site"]


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server or folder. scheme: maildir, imap, imaps, smtp or smtps. path: folder or mailbox."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    path: str


PORTS = {"imap": 143, "imaps": 993, "smtp": 25, "smtps": 465, "maildir": 0}


def inbox() -> Server | None:
    """Return where reports by e-mail arrive; None: nowhere."""
    return _server("CHENGYUN_MAIL_INBOX", ("maildir", "imap", "imaps"))


def outbox() -> Server | None:
    """Return the server that sends letters; None: they are only shown on the reporter's page."""
    return _server("CHENGYUN_MAIL_URL", ("smtp", "smtps"))


def sender() -> str:
    return os.environ.get("CHENGYUN_MAIL_FROM", "")


def site() -> str:
    """Return the address of our pages as residents reach them, without a slash at its end."""
    settings = config()
    return (os.environ.get("CHENGYUN_SITE") or f"http://{settings.host}:{settings.port}").rstrip("/")


def _server(name: str, schemes: tuple[str, ...]) -> Server | None:
    text = os.environ.get(name)
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in schemes or not (parts.hostname or parts.path.strip("/")):
        raise Refused(f"{name} begins with {parts.scheme or text[:10]!r}, expected {' or '.join(f'{one}:' for one in schemes)}.")
    return Server(
        parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], unquote(parts.username or ""),
        unquote(parts.password or ""), unquote(parts.path),
    )  # fmt: skip
