# SPDX-License-Identifier: Apache-2.0
"""`$filter` and `$orderby` as text → an expression tree. No database, no model: what names mean is decided by the compiler.

    Node
    ├── Literal(value)        number, text, bool, None, Instant, Interval, Day, Clock, Span, Geometry
    ├── Path(steps)           `Datastream/Thing/properties/ward`; a step is a name
    ├── Call(name, args)      `geo.distance(location, geography'POINT(0 0)')`
    ├── Binary(op, left, right), Not(node), Minus(node), In(node, choices)

Precedence, lowest first: or · and · not · comparisons · add, sub · mul, div, mod · minus.
Standard: OGC 18-088, 9.3.3.5; the grammar of OData 4.0, part 2, 5.1.1.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from chengyun.errors import Malformed
from chengyun.protocols.sensorthings.times import read_instant, read_period

__all__ = [
    "Binary", "Call", "Clock", "Day", "Geometry", "In", "Instant", "Interval", "Literal", "Minus", "Node", "Not", "Path", "Span",
    "parse_expression", "parse_filter",
]  # fmt: skip

LONGEST = 10_000
DEEPEST = 40
MOST_NODES = 500

TOKEN = re.compile(
    r"""\s*(?:
      (?P<geometry>(?:geography|geometry)'(?:[^']|'')*')
    | (?P<duration>duration'[^']*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<interval>\d{4}-\d\d-\d\d[Tt][\d:.]+(?:[Zz]|[+\- ]\d\d:\d\d)?/\d{4}-\d\d-\d\d[Tt][\d:.]+(?:[Zz]|[+\- ]\d\d:\d\d)?)
    | (?P<instant>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+\- ]\d\d:?\d\d)?)
    | (?P<day>\d{4}-\d\d-\d\d)
    | (?P<clock>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>(?:@iot\.)?[^\W\d][\w.\-:]*(?:/(?:@iot\.)?[\w.\-:]+)*)
    | (?P<sign>[(),-])
    )""",
    re.VERBOSE,
)

COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
SUMS = frozenset({"add", "sub"})
PRODUCTS = frozenset({"mul", "div", "mod"})
WORDS = COMPARISONS | SUMS | PRODUCTS | {"and", "or", "not", "in"}


@dataclass(frozen=True, slots=True)
class Instant:
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Interval:
    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True, slots=True)
class Day:
    day: dt.date


@dataclass(frozen=True, slots=True)
class Clock:
    at: dt.time


@dataclass(frozen=True, slots=True)
class Span:
    """A duration, as ISO 8601 writes it: PostgreSQL reads the same."""

    text: str


@dataclass(frozen=True, slots=True)
class Geometry:
    """Well-known text."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Path:
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Not:
    node: Node


@dataclass(frozen=True, slots=True)
class Minus:
    node: Node


@dataclass(frozen=True, slots=True)
class In:
    node: Node
    choices: tuple[Node, ...]


Node = Literal | Path | Call | Binary | Not | Minus | In


def parse_filter(text: str) -> Node:
    """Return a `$filter` as a tree. Raises Malformed saying where it cannot be read."""
    return _Parser(text, "$filter").whole()


def parse_expression(text: str) -> Node:
    """Return one key of `$orderby`, without its direction."""
    return _Parser(text, "$orderby").whole()


class _Parser:
    def __init__(self, text: str, option: str) -> None:
        if len(text) > LONGEST:
            raise _wrong(f"{option} is {len(text)} characters long, more than {LONGEST:,}. Ask in parts.")
        self._text, self._option = text, option
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                if not text[at:].strip():
                    break
                raise _wrong(f"{option}, character {at + 1}: {text[at : at + 20]!r} cannot be read.")
            self._tokens.append((found.lastgroup or "", found.group(found.lastgroup or 0), found.start(found.lastgroup or 0)))
            at = found.end()
        self._at = self._depth = self._nodes = 0

    def whole(self) -> Node:
        node = self._either()
        if self._at < len(self._tokens):
            raise self._lost("the end, `and` or `or`")
        return node

    # One function a level of precedence, lowest first.

    def _either(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _wrong(f"{self._option} is nested deeper than {DEEPEST} levels.")
        node = self._both()
        while self._word("or"):
            node = self._made(Binary("or", node, self._both()))
        self._depth -= 1
        return node

    def _both(self) -> Node:
        node = self._negation()
        while self._word("and"):
            node = self._made(Binary("and", node, self._negation()))
        return node

    def _negation(self) -> Node:
        count = 0
        while self._word("not"):
            count += 1
        node = self._comparison()
        return self._made(Not(node)) if count % 2 else node

    def _comparison(self) -> Node:
        node = self._sum()
        kind, word, _ = self._peek()
        if kind == "name" and word in COMPARISONS:
            self._at += 1
            return self._made(Binary(word, node, self._sum()))
        if kind == "name" and word == "in":
            self._at += 1
            self._expect("(")
            return self._made(In(node, self._list()))
        return node

    def _sum(self) -> Node:
        node = self._product()
        while self._peek()[0] == "name" and self._peek()[1] in SUMS:
            word = self._next()[1]
            node = self._made(Binary(word, node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._single()
        while self._peek()[0] == "name" and self._peek()[1] in PRODUCTS:
            word = self._next()[1]
            node = self._made(Binary(word, node, self._single()))
        return node

    def _single(self) -> Node:
        kind, word, _ = self._peek()
        if kind == "sign" and word == "(":
            self._at += 1
            node = self._either()
            self._expect(")")
            return node
        if kind == "sign" and word == "-":
            self._at += 1
            self._depth += 1
            if self._depth > DEEPEST:
                raise _wrong(f"{self._option} is nested deeper than {DEEPEST} levels.")
            inner = self._single()
            self._depth -= 1
            if isinstance(inner, Literal) and isinstance(inner.value, int | float):
                return Literal(-inner.value)
            return self._made(Minus(inner))
        if kind in ("", "sign") or (kind == "name" and word in WORDS):
            raise self._lost("a value")
        self._at += 1
        if kind == "name":
            return self._named(word)
        return self._made(Literal(_literal(kind, word)))

    def _named(self, word: str) -> Node:
        if self._peek()[1] == "(" and self._peek()[0] == "sign":
            self._at += 1
            return self._made(Call(word.lower(), self._list()))
        match word:
            case "true" | "false":
                return Literal(word == "true")
            case "null":
                return Literal(None)
        return self._made(Path(tuple(word.split("/"))))

    def _list(self) -> tuple[Node, ...]:
        """Read what stands between "(", already read, and ")"."""
        found: list[Node] = []
        if self._peek()[1] == ")":
            self._at += 1
            return ()
        while True:
            found.append(self._either())
            if self._peek()[1] != ",":
                self._expect(")")
                return tuple(found)
            self._at += 1

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "", len(self._text))

    def _next(self) -> tuple[str, str, int]:
        token = self._peek()
        self._at += 1
        return token

    def _word(self, word: str) -> bool:
        kind, found, _ = self._peek()
        if kind == "name" and found == word:
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if self._next()[1] != sign:
            self._at -= 1
            raise self._lost(f"{sign!r}")

    def _made(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise _wrong(f"{self._option} has more than {MOST_NODES} parts. Ask in parts.")
        return node

    def _lost(self, expected: str) -> Malformed:
        _, word, at = self._peek()
        found = repr(word) if word else "the end"
        return _wrong(f"{self._option}, character {at + 1}: found {found}, expected {expected}.")


def _literal(kind: str, word: str) -> Any:
    match kind:
        case "text":
            return word[1:-1].replace("''", "'")
        case "number":
            whole = word.isdigit()
            if whole and len(word) > 18:
                return float(word)
            return int(word) if whole else float(word)
        case "geometry":
            return Geometry(word[word.index("'") + 1 : -1].replace("''", "'"))
        case "duration":
            text = word[word.index("'") + 1 : -1]
            if not re.fullmatch(r"-?P(?=[\dT])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", text):
                raise _wrong(f"duration {text[:40]!r} is not an ISO 8601 duration, e.g. P1DT12H.")
            return Span(text)
        # A plus sign that was not encoded arrives as a space.
        case "interval":
            return Interval(*read_period(word.replace(" ", "+")))
        case "instant":
            return Instant(read_instant(word.replace(" ", "+")))
    try:
        return Day(dt.date.fromisoformat(word)) if kind == "day" else Clock(dt.time.fromisoformat(word))
    except ValueError as wrong:
        raise _wrong(f"{word!r} is not a {'date' if kind == 'day' else 'time of day'}: {wrong}.") from wrong


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="query", status=400)
