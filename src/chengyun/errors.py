# SPDX-License-Identifier: Apache-2.0
"""The errors people and sources meet.

    Problem
    ├── Refused       a person asked for something not allowed or not valid: shown to them, no trace
    │   └── NotFound      absent or forbidden, which look the same from outside
    ├── Malformed     a source sent something unreadable: set aside with file and path, the rest goes on
    ├── Unavailable   worth retrying: a database, broker or peer is away
    └── Misdeclared   a pack or setting is wrong: the program does not start; every fault is listed at once

Anything else is our bug: it propagates, loudly.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Problem(Exception):
    """Base of the four families. Carries a stable code, a sentence and the fields it speaks of."""

    code = "problem"

    def __init__(self, sentence: str, *, code: str | None = None, **fields: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or type(self).code
        self.fields = fields


class Refused(Problem):
    """A person asked for something not allowed or not valid."""

    code = "refused"


class NotFound(Refused):
    """The thing is absent, or this person may not know that it exists."""

    code = "not_found"


class Malformed(Problem):
    """A source sent something that cannot be read."""

    code = "malformed"


class Unavailable(Problem):
    """Something outside is away; the same call may work later."""

    code = "unavailable"


class Misdeclared(Problem):
    """Declarations that must be mended before the program starts."""

    code = "misdeclared"

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} wrong declaration(s):\n" + "\n".join(f"  {fault}" for fault in self.faults))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint naming the nearest known word, e.g. ` Did you mean "pm25"?`, or an empty string."""
    return f' Did you mean "{found}"?' if (found := closest(word, known)) else ""


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is nearest, or an empty string when none is near."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")
