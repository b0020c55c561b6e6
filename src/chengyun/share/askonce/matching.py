# SPDX-License-Identifier: Apache-2.0
"""How much a form's question is alike a data element: plain, inspectable arithmetic over words.toml and weights.toml. Pure.

    question ──▶ words (labels, name) ──▶ without fillers, synonyms made one ──▶ characters and pairs ─┐
    element  ──▶ words (name, names of the fields that keep it) ───────────────▶ the same             ─┴▶ features ──▶ score

Order of words plays no part. Whose it is (a spouse's name) and what kind of answer is asked for (a number, a colour) must agree:
these two tell apart what only sounds alike. The score is a probability, calibrated on generated forms (training.py).
"""

from __future__ import annotations

import functools
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

__all__ = ["FEATURES", "SURE", "Asked", "Known", "Match", "Matcher", "Wording", "explained", "score_of", "surely", "wording"]

HERE = Path(__file__).parent
FEATURES = ("likeness", "same_words", "held", "left", "qualifier", "head", "type", "choices", "unit", "name")
"""What a score is made of, in the order of the weights; each 0 to 1, qualifier and head −1 for a contradiction. held: how much of
the element's wording the question has; left: how much of the question's the element has not."""

SURE = 0.5
"""From this probability on a proposal counts as found: on generated forms nearly all of them are right (docs/ask-once.md)."""

_LATIN = re.compile(r"[a-z]+")
_SPLIT = re.compile(r"[^0-9a-z\u4e00-\u9fff\ue000-\uf8ff]+")
_BRACKETS = re.compile(r"[（(\[【]([^）)\]】]*)[）)\]】]")
_NUMBER = re.compile(r"^\s*[(]?\d{1,3}[.、)．:]\s*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CODE = 0xE000
"""First of the private characters that stand for one meaning each."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. type: of XForms, "select" for choices. choices: their labels."""

    path: str
    labels: tuple[str, ...]
    type: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A data element. names: its own, and those of the fields that keep it. type: letter of the guide. choices: labels."""

    key: str
    names: tuple[str, ...]
    type: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as it is compared. bag: characters and pairs. whose: qualifiers. head: the kind of answer, "" where unsaid."""

    text: str
    bag: Mapping[str, int]
    whose: frozenset[int]
    head: str
    unit: str


@dataclass(frozen=True, slots=True)
class Match:
    """An element a question may be. score: probability. because: feature → value, of the best of its wordings."""

    element: str
    score: float
    because: Mapping[str, float]
    question: str
    name: str


@dataclass(frozen=True, slots=True)
class _Words:
    fillers: re.Pattern[str]
    light: re.Pattern[str]
    fillers_en: frozenset[str]
    qualifiers: tuple[tuple[str, int], ...]
    heads: tuple[tuple[str, str], ...]
    same: tuple[tuple[str, str], ...]
    types: Mapping[str, Mapping[str, float]]
    heads_of: Mapping[str, str] = field(default_factory=dict)


@functools.cache
def _words() -> _Words:
    read = tomllib.loads((HERE / "words.toml").read_text(encoding="utf-8"))
    heads = [(_plain(word), head) for head, words in read["heads"].items() for word in words]
    whose = [(_plain(word), number) for number, line in enumerate(read["qualifiers"]) for word in line]
    same, heads_of = [], {}
    ordered_heads = tuple(sorted(heads, key=lambda one: -len(one[0])))
    for number, line in enumerate(read["same"]["as"]):
        code = chr(_CODE + number)
        heads_of[code] = _head(_plain(line[0]), ordered_heads)
        same += [(_plain(word), code) for word in line]
    return _Words(
        fillers=_any_of(read["fillers"]),
        light=_any_of(read["light"]),
        fillers_en=frozenset(read["fillers_en"]),
        qualifiers=tuple(sorted(whose, key=lambda one: -len(one[0]))),
        heads=ordered_heads,
        same=tuple(sorted(same, key=lambda one: -len(one[0]))),
        types=read["type"],
        heads_of=heads_of,
    )  # fmt: skip


def _any_of(given: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(_plain(one)) for one in sorted(given, key=len, reverse=True) if _plain(one)))


@functools.cache
def _weights() -> tuple[tuple[float, ...], float]:
    read = tomllib.loads((HERE / "weights.toml").read_text(encoding="utf-8"))
    return tuple(float(read["weights"][name]) for name in FEATURES), float(read["weights"]["bias"])


@functools.lru_cache(maxsize=50_000)
def wording(text: str) -> Wording:
    """Return a text as it is compared."""
    words = _words()
    bare, unit = _without_brackets(text)
    said = _joined(bare, words)
    whose = set()
    for word, number in words.qualifiers:
        if word in said and not _inside_synonym(word, said, words):
            whose.add(number)
            said = said.replace(word, "")
    if whose and not said:  # "法定代表人" asks for that person's name
        said = "姓名"
    said = _coded(said, words)
    head = _head(said, words.heads, words.heads_of)
    if any(character in words.heads_of for character in said):
        said = words.light.sub("", said)
    pairs = [said[place : place + 2] for place in range(len(said) - 1)]
    return Wording(said, Counter([*said, *pairs]), frozenset(whose), head, unit)


class Matcher:
    """Compares questions with the elements of a city. Bounded by the elements; made once for many questions."""

    def __init__(self, known: Sequence[Known]) -> None:
        self.known = tuple(known)
        self._wordings = {one.key: tuple(wording(name) for name in one.names) for one in self.known}
        seen = Counter(gram for one in self._wordings.values() for gram in {gram for it in one for gram in it.bag})
        self._rare = {gram: math.log(1 + len(self.known) / count) for gram, count in seen.items()}
        self._most = math.log(1 + max(1, len(self.known)))

    def best(self, asked: Asked, most: int = 3, least: float = 0.05) -> list[Match]:
        """Return the elements a question may be, likeliest first."""
        found = [match for one in self.known if (match := self.compare(asked, one)) is not None and match.score >= least]
        return sorted(found, key=lambda one: (-one.score, one.element))[:most]

    def compare(self, asked: Asked, known: Known) -> Match | None:
        """Return how alike a question and an element are; None when they have no word in common."""
        best: Match | None = None
        labels = [label for label in asked.labels if label.strip()]
        own = _CAMEL.sub(" ", asked.path.rpartition("/")[2]).replace("_", " ")
        # What a person reads decides; the question's own name, often an abbreviation, only supports it, or stands in for it.
        beside = max((self._likeness(wording(own), its)[0] for its in self._wordings[known.key]), default=0.0) if labels else 0.0
        for label in labels or [own]:
            mine = wording(label)
            if not mine.text:
                continue
            for name, its in zip(known.names, self._wordings[known.key], strict=True):
                alike = self._likeness(mine, its)
                if alike[0] < 0.2:
                    continue
                values = (*self._features(asked, known, mine, its, alike), beside)
                score = score_of(values)
                if best is None or score > best.score:
                    best = Match(known.key, score, dict(zip(FEATURES, values, strict=True)), label, name)
        return best

    def _features(
        self, asked: Asked, known: Known, mine: Wording, its: Wording, alike: tuple[float, float, float]
    ) -> tuple[float, ...]:
        types = _words().types.get(known.type, {})
        kind = "select" if asked.choices else asked.type
        return (
            alike[0],
            float(mine.text == its.text),
            alike[1],
            alike[2],
            1.0 if mine.whose == its.whose else -1.0,
            0.0 if not (mine.head and its.head) else 1.0 if mine.head == its.head else -1.0,
            types.get(kind, 0.3 if kind != "binary" else 0.0),
            _overlap(asked.choices, known.choices),
            1.0 if mine.unit and its.unit and mine.unit != its.unit else 0.0,
        )

    def _likeness(self, mine: Wording, its: Wording) -> tuple[float, float, float]:
        """Return the cosine of two bags, rare characters weighing more; what the question has of the element's; and beside."""
        weigh = self._weight
        common = sum(weigh(gram) ** 2 * count * its.bag[gram] for gram, count in mine.bag.items() if gram in its.bag)
        if not common:
            return 0.0, 0.0, 1.0
        lengths = [math.sqrt(sum((weigh(gram) * count) ** 2 for gram, count in bag.items())) for bag in (mine.bag, its.bag)]
        wholes = [sum(weigh(gram) * count for gram, count in bag.items()) for bag in (mine.bag, its.bag)]
        shared = sum(weigh(gram) * min(count, mine.bag.get(gram, 0)) for gram, count in its.bag.items())
        return common / (lengths[0] * lengths[1]), shared / wholes[1], 1 - shared / wholes[0]

    def _weight(self, gram: str) -> float:
        return self._rare.get(gram, self._most) * (1.0 if len(gram) == 1 else 0.7)


def surely(matcher: Matcher, asked: Asked) -> str:
    """Return the element a question is found to be; "" for none."""
    best = matcher.best(asked, most=1, least=SURE)
    return best[0].element if best else ""


def score_of(values: Sequence[float]) -> float:
    """Return the probability that weights.toml gives features."""
    weights, bias = _weights()
    total = bias + sum(weight * value for weight, value in zip(weights, values, strict=True))
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))


def _plain(text: str) -> str:
    return _SPLIT.sub("", unicodedata.normalize("NFKC", text).lower())


def _without_brackets(text: str) -> tuple[str, str]:
    """Return a text without what stands in brackets, and that: a unit, an example, a hint."""
    plain = _NUMBER.sub("", unicodedata.normalize("NFKC", text).lower())
    inside = "".join(_BRACKETS.findall(plain))
    outside = _BRACKETS.sub(" ", plain)
    return (outside, _SPLIT.sub("", inside)) if _SPLIT.sub("", outside) else (inside, "")


def _joined(text: str, words: _Words) -> str:
    """Return a text as one word: Latin words without fillers, in alphabetical order, joined; Chinese without fillers."""
    parts = [part for part in _SPLIT.split(text) if part]
    latin = [part for part in parts if _LATIN.fullmatch(part)]
    if latin and len(latin) == len([part for part in parts if not part.isdigit()]):
        kept = [part for part in latin if part not in words.fillers_en]
        joined = "".join(kept)
        # A compound that is known stays as written; anything else is read in any order.
        return joined if any(joined == word for word, _ in words.same) else _reordered(kept, words) or joined
    said = _coded("".join(parts), words)
    shorter = words.fillers.sub("", said)
    return shorter or said


def _coded(said: str, words: _Words) -> str:
    """Return a text with one character for each meaning that is known."""
    for word, code in words.same:
        if word in said and not any(word in longer and longer in said for longer, _number in words.qualifiers if longer != word):
            said = said.replace(word, code)
    return said


def _reordered(parts: Sequence[str], words: _Words) -> str:
    if not 2 <= len(parts) <= 4:
        return ""
    known = {word for word, _ in words.same}
    return next((word for order in permutations(parts) if (word := "".join(order)) in known), "")


def _inside_synonym(word: str, said: str, words: _Words) -> bool:
    """Say whether a qualifier is only part of a known compound: 户主 in 与户主关系."""
    return any(word != longer and word in longer and longer in said for longer, _ in words.same)


def _head(said: str, heads: Sequence[tuple[str, str]], of_codes: Mapping[str, str] | None = None) -> str:
    """Return what kind of answer a text asks for, by its last word."""
    if of_codes and said and said[-1] in of_codes:
        return of_codes[said[-1]]
    return next((head for word, head in heads if said.endswith(word)), "")


def _overlap(mine: Sequence[str], its: Sequence[str]) -> float:
    """Return the share of choices two lists have in common; 0.5 where one of them has none to compare."""
    if not mine or not its:
        return 0.5
    a, b = ({_plain(one) for one in them} for them in (mine, its))
    return len(a & b) / len(a | b)


def explained(match: Match) -> dict[str, Any]:
    """Return a match as plain values, rounded, for a page or a file."""
    return {
        "element": match.element,
        "score": round(match.score, 3),
        **{name: round(value, 2) for name, value in match.because.items()},
    }
