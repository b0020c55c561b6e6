# SPDX-License-Identifier: Apache-2.0
"""Words as a search sees them: Chinese in pairs of characters, everything else in folded words.

    人口基础信息 station hours   →   人口 口基 基础 础信 信息, each character, station hour

A question of four or more Chinese characters is also asked loosely, by pairs that cover it side by side: 人口信息 asks for
人口 and 信息, and finds 人口基础信息 after whatever has it in one piece. No dictionary decides what a word is.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Question", "fold", "question", "tokens"]

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_IS_HAN = re.compile(rf"[{_HAN}]")
_BARE = re.compile(r"[\x00-\x7f\u2010-\u2027\u3001-\u3011\u4e00-\u9fff]*")
"""Letters and signs none of which is a mark on the one before: what nearly every text is made of."""
LONGEST_WORD = 60
MOST_TERMS = 24
"""Of one question: what stands after them does not narrow it further."""


def fold(text: str) -> str:
    """Return a text without differences of width, case, accents and spacing."""
    if text.isascii():
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", text).casefold()
    if not _BARE.fullmatch(plain):
        plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
        plain = unicodedata.normalize("NFC", plain)
    return " ".join(plain.split())


def tokens(texts: Iterable[str]) -> list[str]:
    """Return what texts are found by, in their order."""
    found: list[str] = []
    # Folded as one: no word reaches over the space between two of them.
    for run in _RUN.findall(fold(" ".join(texts))):
        if _IS_HAN.match(run):
            found += run
            found += map(operator.add, run, run[1:])
        else:
            found.append(_stem(run[:LONGEST_WORD]))
    return found


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. exact: every pair of characters; loose: pairs side by side; prefix: the last word may go on."""

    folded: str
    exact: tuple[str, ...]
    loose: tuple[str, ...]
    prefix: str | None

    @property
    def empty(self) -> bool:
        return not self.exact

    def tsquery(self, terms: Iterable[str], mark: str = "") -> str:
        """Return terms that must all be there, as text of the type tsquery."""
        return " & ".join(_quoted(mark + term) for term in dict.fromkeys(terms))

    def beginning(self) -> str | None:
        """Return the question with its last word as a beginning; None where that is no word of three letters or more."""
        if self.prefix is None:
            return None
        whole = [_quoted(term) for term in dict.fromkeys(self.exact[:-1])]
        return " & ".join([*whole, f"{_quoted(self.prefix)}:*"])


def question(text: str) -> Question:
    """Return what a person asks for."""
    folded = fold(text)
    exact: list[str] = []
    loose: list[str] = []
    last = ""
    for run in _RUN.findall(folded):
        if len(exact) >= MOST_TERMS:
            break
        last = run
        if not _IS_HAN.match(run):
            exact.append(_stem(run[:LONGEST_WORD]))
            loose.append(exact[-1])
            continue
        pairs = [run[at : at + 2] for at in range(len(run) - 1)] or [run]
        exact += pairs
        loose += pairs[::2] + ([pairs[-1]] if len(pairs) % 2 == 0 else [])
    begins = last[:LONGEST_WORD] if len(last) >= 3 and not _IS_HAN.match(last) else None
    return Question(folded, tuple(exact[:MOST_TERMS]), tuple(loose[:MOST_TERMS]), begins)


def _stem(word: str) -> str:
    """Return an English word without its plural: enough that stations finds station; other languages lose nothing."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _quoted(term: str) -> str:
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
