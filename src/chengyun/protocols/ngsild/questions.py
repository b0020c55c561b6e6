# SPDX-License-Identifier: Apache-2.0
"""The query language q (clause 4.9), read once and said twice: as jsonpath for the database, as a test of one entity.

    speed>50;brandName=="Mercedes"        (p|q);r.s.t[address.city]~="^No"        temperature==20..25,30

Both sayings agree (tests/protocols_ngsild/test_questions.py); the second is what subscriptions and read-only entities use.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chengyun.protocols.ngsild.documents import Entity, Instance, stamp
from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.trees import Tree, holds, leaves, read_tree, written
from chengyun.protocols.ngsild.vocabulary import MEMBERS

__all__ = ["Question", "Term", "matches_text", "read_question"]

_OPERATORS = re.compile(r"!~=|~=|==|!=|>=|<=|>|<")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})")
_VALUES = ("value", "object", "json", "vocab", "valueList", "objectList")
_OWN = frozenset({"id", "type", "scope", "createdAt", "modifiedAt"})
LONGEST_PATTERN = 256

Value = str | float | int | bool | dt.datetime


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on one path. names: attribute, then sub-attributes, as IRIs; a core member may stand last.

    inside: the way into a compound value, or a language. wanted: alternatives, each one value or both ends of a range.
    """

    names: tuple[str, ...]
    inside: tuple[str, ...]
    operator: str
    wanted: tuple[tuple[Value, Value | None], ...]
    member: str = ""
    expanded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A whole q. exact: the jsonpath alone decides; otherwise every row it finds is tested once more."""

    tree: Tree[Term]
    exact: bool

    @property
    def jsonpath(self) -> str:
        return written(self.tree, _path_of, " && ", " || ")

    @property
    def attributes(self) -> set[str]:
        """Every attribute the question speaks of."""
        return {term.names[0] for term in leaves(self.tree) if term.names}

    def fits(self, entity: Entity) -> bool:
        return holds(self.tree, lambda term: _fits(term, entity))


def read_question(text: str, terms: Terms) -> Question:
    """Return a q as a question. Raises BadRequestData with what was not understood."""
    tree = read_tree(text, ";", "|", lambda part: _read_term(part, terms), "q")
    return Question(tree, not any(isinstance(value, dt.datetime) and not term.member for term, value in _values(tree)))


def matches_text(pattern: str, text: str) -> bool:
    """Say whether a regular expression is found in a text. RE2: no pattern takes more than linear time."""
    import pyarrow as pa  # large; few questions hold a pattern
    import pyarrow.compute as pc

    return bool(pc.match_substring_regex(pa.array([text]), pattern)[0].as_py())


def check_pattern(pattern: str) -> str:
    """Return a pattern that can be used. Raises BadRequestData otherwise."""
    if len(pattern) > LONGEST_PATTERN:
        raise bad(f"The pattern is longer than {LONGEST_PATTERN} characters.")
    try:
        matches_text(pattern, "")
    except Exception:
        raise bad(f"{pattern[:80]!r} is no regular expression.") from None
    return pattern


def _values(tree: Tree[Term]) -> Iterator[tuple[Term, Value]]:
    for term in leaves(tree):
        for low, high in term.wanted:
            yield term, low
            if high is not None:
                yield term, high


def _read_term(part: str, terms: Terms) -> Term:
    found = _find_operator(part)
    left = part[: found[0]] if found else part
    operator, right = (found[2], part[found[1] :]) if found else ("", "")
    negated = left.startswith("!") and not operator
    names, inside, member = _read_path(left.removeprefix("!").strip(), terms)
    if not operator:
        return Term(names, inside, "absent" if negated else "exists", (), member)
    right = right.strip()
    if not right:
        raise bad(f"q: {part[:80]!r} compares with nothing.")
    if operator in ("~=", "!~="):
        return Term(names, inside, operator, ((check_pattern(_unquoted(right)), None),), member)
    wanted = tuple(_read_range(one) for one in _split_values(right))
    if operator not in ("==", "!=") and (len(wanted) > 1 or wanted[0][1] is not None):
        raise bad(f"q: {part[:80]!r}: lists and ranges go with == and != only.")
    words = tuple(terms.expand(low) for low, _ in wanted if isinstance(low, str) and re.fullmatch(r"[\w:/#.-]+", low))
    return Term(names, inside, operator, wanted, member, words)


def _find_operator(part: str) -> tuple[int, int, str] | None:
    quoted = False
    for at, char in enumerate(part):
        if char == '"':
            quoted = not quoted
        elif not quoted and (found := _OPERATORS.match(part, at)):
            return at, found.end(), found.group()
    return None


def _read_path(text: str, terms: Terms) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    inside: tuple[str, ...] = ()
    if text.endswith("]") and "[" in text:
        text, _, within = text[:-1].partition("[")
        inside = tuple(piece.strip('"') for piece in within.split("."))
        if not all(inside):
            raise bad(f"q: [{within[:60]}] is no path into a value.")
    if not text:
        raise bad("q: a condition names no attribute.")
    pieces = [text] if "://" in text else text.split(".")
    if not all(pieces):
        raise bad(f"q: {text[:80]!r} is no path of attributes.")
    member = pieces[-1] if (len(pieces) > 1 and pieces[-1] in MEMBERS) or (len(pieces) == 1 and pieces[0] in _OWN) else ""
    names = pieces[:-1] if member else pieces
    return tuple(terms.expand(name) for name in names), inside, member


def _split_values(text: str) -> list[str]:
    values, start, quoted = [], 0, False
    for at, char in enumerate(text):
        if char == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif char == "," and not quoted:
            values.append(text[start:at])
            start = at + 1
    return [*values, text[start:]]


def _read_range(text: str) -> tuple[Value, Value | None]:
    if not text.startswith('"') and ".." in text:
        low, _, high = text.partition("..")
        ends = _read_value(low), _read_value(high)
        if type(ends[0]) is not type(ends[1]) and not all(_is_number(end) for end in ends):
            raise bad(f"q: {text[:60]!r} is no range: its ends are of two kinds.")
        return ends
    return _read_value(text), None


def _read_value(text: str) -> Value:
    text = text.strip()
    if text.startswith('"'):
        return _unquoted(text)
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text) and len(text) < 40:
        return float(text) if any(c in text for c in ".eE") else int(text)
    if _MOMENT.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text.replace(",", "."))
        except ValueError:
            raise bad(f"q: {text!r} is no instant.") from None
    if not text or '"' in text:
        raise bad(f"q: {text[:80]!r} is no value. Write text in double quotes.")
    return text


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    if len(text) < 2 or not text.endswith('"'):
        raise bad(f"q: {text[:80]!r}: a quote is not closed.")
    return text[1:-1].replace('\\"', '"')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# As jsonpath. Names and values become JSON strings, so nothing a caller writes is read as a part of the language.


def _path_of(term: Term) -> str:
    if not term.names:
        return _own_path(term)
    chain = "$" + "".join(f".{json.dumps(name)}[*]" for name in term.names)
    if term.member:
        test = _path_test(term, f"@.{json.dumps(term.member)}")
        return f"exists({chain} ? ({test}))"
    if term.operator == "exists":
        return f"exists({chain}{_within(term)})" if not term.inside else f"exists({chain} ? ({_any_value(term, 'exists({})')}))"
    if term.operator == "absent":
        return f"!exists({chain})"
    if term.operator == "!=":
        same = _any_value(term, "{}", "==")
        return f"exists({chain} ? (!({same}) || (({same}) is unknown)))"
    if term.operator == "!~=":
        like = _any_value(term, "{}", "~=")
        return f"exists({chain} ? (!({like}) || (({like}) is unknown)))"
    return f"exists({chain} ? ({_any_value(term, '{}')}))"


def _own_path(term: Term) -> str:
    raise bad(f"q: {term.member} is no attribute. Ask for it with its own parameter.")


def _within(term: Term) -> str:
    return "".join(f".{json.dumps(piece)}" for piece in term.inside)


def _places(term: Term) -> list[str]:
    """Where in an instance the value may stand. A number stands in no language and no link: so the index answers alone."""
    within = _within(term)
    if term.wanted and all(isinstance(low, int | float) for low, _ in term.wanted):
        return [f"@.{member}{within}" for member in ("value", "json", "valueList")] + (
            [f"@.languageMap{within}"] if within else []
        )
    language = f"@.languageMap{within}" if term.inside else "@.languageMap.*"
    return [*(f"@.{member}{within}" for member in _VALUES), language]


def _any_value(term: Term, form: str, operator: str | None = None) -> str:
    if form != "{}":
        return " || ".join(form.format(place) for place in _places(term))
    return " || ".join(_path_test(term, place, operator) for place in _places(term))


def _path_test(term: Term, place: str, operator: str | None = None) -> str:
    operator = operator or term.operator
    if operator == "exists":
        return f"exists({place})"
    if operator in ("~=", "!~="):
        test = f"{place} like_regex {json.dumps(term.wanted[0][0])}"
        return f"({test})" if operator == "~=" else f"!({test})"
    if operator == "!=":
        return f"!({_path_test(term, place, '==')})"
    tests = []
    for low, high in term.wanted:
        if isinstance(low, dt.datetime):
            if not term.member:
                return f"exists({place})"  # text of many forms: worked out outside
            low, high = stamp(low), stamp(high) if isinstance(high, dt.datetime) else None
        first = json.dumps(low)
        if high is None:
            tests.append(f"{place} {operator} {first}")
        else:
            tests.append(f"({place} >= {first} && {place} <= {json.dumps(high)})")
    if operator == "==" and place == "@.vocab":
        tests += [f"{place} == {json.dumps(word)}" for word in term.expanded]
    return "(" + " || ".join(tests) + ")"


# As a test of one entity.


def _fits(term: Term, entity: Entity) -> bool:
    instances = entity.attributes.get(term.names[0], []) if term.names else []
    for name in term.names[1:]:
        instances = [one for parent in instances for one in parent.get(name, []) if isinstance(one, dict)]
    if term.operator == "absent":
        return not instances
    if term.operator == "exists" and not term.inside and not term.member:
        return bool(instances)
    return any(_instance_fits(term, instance) for instance in instances)


def _instance_fits(term: Term, instance: Instance) -> bool:
    values = list(_found(term, instance))
    match term.operator:
        case "exists":
            return bool(values)
        case "!=":
            return not any(_equals(term, value) for value in values)
        case "!~=":
            return not any(_like(term, value) for value in values)
        case "==":
            return any(_equals(term, value) for value in values)
        case "~=":
            return any(_like(term, value) for value in values)
        case _:
            return any(_compares(_ORDER[term.operator], value, term.wanted[0][0]) for value in values)


def _found(term: Term, instance: Instance) -> Iterator[Any]:
    if term.member:
        if term.member in instance:
            yield from _flat(instance[term.member])
        return
    for member in _VALUES:
        if member in instance:
            yield from _inside(instance[member], term.inside)
    names = instance.get("languageMap")
    if isinstance(names, dict):
        yield from _inside(names, term.inside) if term.inside else (one for text in names.values() for one in _flat(text))


def _inside(value: Any, way: tuple[str, ...]) -> Iterator[Any]:
    if not way:
        yield from _flat(value)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                yield from _inside(one, way)
    elif isinstance(value, dict) and way[0] in value:
        yield from _inside(value[way[0]], way[1:])


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    else:
        yield value


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
}


def _equals(term: Term, value: Any) -> bool:
    for low, high in term.wanted:
        if high is None:
            if _compares(_ORDER["=="], value, low):
                return True
        elif _compares(_ORDER[">="], value, low) and _compares(_ORDER["<="], value, high):
            return True
    return value in term.expanded if isinstance(value, str) else False


def _like(term: Term, value: Any) -> bool:
    return isinstance(value, str) and matches_text(str(term.wanted[0][0]), value)


def _compares(test: Callable[[Any, Any], bool], value: Any, wanted: Value) -> bool:
    if isinstance(wanted, dt.datetime):
        if not isinstance(value, str) or not _MOMENT.fullmatch(value):
            return False
        try:
            return test(dt.datetime.fromisoformat(value.replace(",", ".")), wanted)
        except ValueError:
            return False
    if isinstance(value, bool) or isinstance(wanted, bool):
        return isinstance(value, bool) and isinstance(wanted, bool) and test(value, wanted)
    if _is_number(value) and _is_number(wanted):
        return test(value, wanted)
    return isinstance(value, str) and isinstance(wanted, str) and test(value, wanted)
