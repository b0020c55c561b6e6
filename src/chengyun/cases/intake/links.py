# SPDX-License-Identifier: Apache-2.0
"""The number a reporter is told, and the link that opens the reporter's own page.

R26-7K3M-Q9TD        year, eight characters at random: read over the telephone, not to be guessed from another
/report/R26-7K3M-Q9TD?t=…    proves that one holds the receipt; made again whenever a message goes out, kept nowhere
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from chengyun.config import config

__all__ = ["find_numbers", "link_of", "new_number", "new_salt", "token_fits", "token_of"]

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U, which are misheard and misread."""
_NUMBER = re.compile(r"\bR\d{2}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b")


def new_number(year: int) -> str:
    """Return a number nobody else has, but for one chance in 2⁴⁰."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return f"R{year % 100:02d}-{drawn[:4]}-{drawn[4:]}"


def new_salt() -> str:
    return secrets.token_hex(8)


def token_of(number: str, salt: str) -> str:
    """Return what opens a report's own page."""
    made = hmac.new(config().secret.encode(), f"report {number} {salt}".encode(), hashlib.sha256).digest()[:18]
    return base64.urlsafe_b64encode(made).decode()


def token_fits(number: str, salt: str, token: str) -> bool:
    return hmac.compare_digest(token_of(number, salt).encode(), token.encode())


def link_of(number: str, salt: str, site: str = "") -> str:
    """Return the address of a report's own page. site: where residents reach our pages, "" for one on the same site."""
    return f"{site}/report/{number}?t={token_of(number, salt)}"


def find_numbers(text: str) -> list[str]:
    """Return the numbers of reports a text names, in their order."""
    return list(dict.fromkeys(_NUMBER.findall(text.upper())))
