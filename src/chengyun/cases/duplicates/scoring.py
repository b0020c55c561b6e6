# SPDX-License-Identifier: Apache-2.0
"""How alike two problems are: place, time, category and words, each between 0 and 1, weighed as declared.

What is not known counts half: it speaks neither for nor against. So a score near 1 needs all four to agree.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
import unicodedata
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

__all__ = [
    "WEIGHTS", "Candidate", "Likeness", "Problem", "Weights", "apart_m", "categories_alike", "compare", "with_words",
    "without_words", "words_alike",
]  # fmt: skip

METRES_PER_DEGREE = 111_320.0
CLOSE_M = 15.0
"""Within this, two positions of a phone are the same place."""
HALF_LIFE_DAYS = 10.0
UNKNOWN = 0.5
HAN = re.compile(r"[一-鿿]+")
WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Weights:
    """What each likeness counts; together 1."""

    place: float = 0.40
    time: float = 0.15
    category: float = 0.25
    words: float = 0.20


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is compared: where, when, of which category ("" unknown), in which words."""

    lon: float
    lat: float
    at: dt.datetime
    category: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that may be the same problem. score: 0 to 1. reasons: in words, the strongest first."""

    case_number: str
    score: float
    distance_m: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two problems are: the score, and what it is made of."""

    score: float
    metres: float
    days: float
    category: float | None
    words: float | None

    def reasons(self) -> tuple[str, ...]:
        """Return it in words."""
        return _reasons(self.metres, self.days, self.category, self.words)


def compare(new: Problem, known: Problem, within_m: float, weights: Weights = WEIGHTS) -> Likeness:
    """Return how alike a known problem is to a new one."""
    return with_words(without_words(new, known, within_m, weights), new, known, weights)


def without_words(new: Problem, known: Problem, within_m: float, weights: Weights = WEIGHTS) -> Likeness:
    """Return how alike two problems are as far as it is quickly said: with words, the score is at most `weights.words` more."""
    metres = apart_m(new, known)
    days = abs((new.at - known.at).total_seconds()) / 86_400
    place = 1.0 if metres <= CLOSE_M else max(0.0, 1.0 - (metres - CLOSE_M) / max(1.0, within_m - CLOSE_M))
    age = 0.5 ** (days / HALF_LIFE_DAYS)
    kind = categories_alike(new.category, known.category)
    total = weights.place * place + weights.time * age + weights.category * (UNKNOWN if kind is None else kind)
    return Likeness(total, round(metres, 1), days, kind, None)


def with_words(part: Likeness, new: Problem, known: Problem, weights: Weights = WEIGHTS) -> Likeness:
    """Return a likeness completed by that of the words."""
    words = words_alike(new.text, known.text)
    total = part.score + weights.words * (UNKNOWN if words is None else words)
    return replace(part, score=round(total, 4), words=words)


def apart_m(one: Problem, other: Problem) -> float:
    """Return the metres between two places; good to a thousandth over the distances compared here."""
    across = (one.lon - other.lon) * math.cos(math.radians((one.lat + other.lat) / 2))
    return math.hypot(across, one.lat - other.lat) * METRES_PER_DEGREE


def categories_alike(one: str, other: str) -> float | None:
    """Return 1 for the same category, 0.5 for the same major one, 0.2 for the same kind, else 0; None when one is unknown.

    A code is `kind/MMmm…`: kind, major and minor in two digits each.
    """
    if not one or not other:
        return None
    if one == other:
        return 1.0
    kind, _slash, digits = one.partition("/")
    other_kind, _slash, other_digits = other.partition("/")
    if kind != other_kind or not digits:
        return 0.0
    return 0.5 if digits[:2] == other_digits[:2] else 0.2


def words_alike(one: str, other: str) -> float | None:
    """Return what share of pairs of characters two texts have in common (Dice); None when one of them says nothing."""
    left, right = _pairs(one), _pairs(other)
    if not left or not right:
        return None
    return 2 * len(left & right) / (len(left) + len(right))


@functools.lru_cache(maxsize=1024)
def _pairs(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKC", text).lower()
    han = [run[at : at + 2] for run in HAN.findall(plain) for at in range(max(1, len(run) - 1))]
    return frozenset([*han, *WORD.findall(plain)])


def _reasons(metres: float, days: float, kind: float | None, words: float | None) -> tuple[str, ...]:
    found = [_("同一地点") if metres <= CLOSE_M else _("相距 %d 米") % round(metres)]
    if kind == 1.0:
        found.append(_("类别相同"))
    elif kind == UNKNOWN:
        found.append(_("大类相同"))
    elif kind is not None:
        found.append(_("类别不同"))
    if words is not None and words >= 0.3:
        found.append(_("文字相似 %d%%") % round(words * 100))
    hours = round(days * 24)
    found.append(_("相隔 %d 小时") % hours if hours < 48 else _("相隔 %d 天") % round(days))
    return tuple(found)
