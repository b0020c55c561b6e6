# SPDX-License-Identifier: Apache-2.0
"""Conditions joined by and, or and brackets: the shape that q, type selections and scope queries have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from chengyun.protocols.ngsild.problems import bad, too_complex

__all__ = ["All", "AnyOf", "Leaf", "Tree", "holds", "leaves", "read_tree", "written"]

A = TypeVar("A")
B = TypeVar("B")

LONGEST = 8_000
MOST_PARTS = 200
DEEPEST = 20
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Leaf(Generic[A]):
    """One condition."""

    of: A


@dataclass(frozen=True, slots=True)
class All(Generic[A]):
    """Every part holds."""

    parts: tuple[Tree[A], ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Generic[A]):
    """At least one part holds."""

    parts: tuple[Tree[A], ...]


Tree = Leaf[A] | All[A] | AnyOf[A]


def read_tree(text: str, ands: str, ors: str, atom: Callable[[str], A], what: str) -> Tree[A]:
    """Return the tree a text describes; `and` binds tighter than `or`. what: its name, for the sentence of a refusal."""
    if len(text) > LONGEST:
        raise too_complex(f"{what} is longer than {LONGEST} characters.")
    left = [MOST_PARTS]

    def read(part: str, depth: int) -> Tree[A]:
        if depth > DEEPEST:
            raise too_complex(f"{what} has brackets more than {DEEPEST} deep.")
        for separators, join in ((ors, AnyOf), (ands, All)):
            pieces = _split(part, separators, what)
            if len(pieces) > 1:
                return join(tuple(read(piece, depth + 1) for piece in pieces))
        part = part.strip()
        if part.startswith("(") and part.endswith(")"):
            return read(part[1:-1], depth + 1)
        left[0] -= 1
        if left[0] < 0:
            raise too_complex(f"{what} has more than {MOST_PARTS} conditions.")
        if not part:
            raise bad(f"{what} is {text[:80]!r}: a condition is missing.")
        return Leaf(atom(part))

    return read(text, 0)


def holds(tree: Tree[A], test: Callable[[A], bool]) -> bool:
    """Say whether a tree holds when `test` says which conditions do."""
    match tree:
        case Leaf(of):
            return test(of)
        case All(parts):
            return all(holds(part, test) for part in parts)
        case AnyOf(parts):
            return any(holds(part, test) for part in parts)


def leaves(tree: Tree[A]) -> Iterator[A]:
    """Yield every condition."""
    if isinstance(tree, Leaf):
        yield tree.of
    else:
        for part in tree.parts:
            yield from leaves(part)


def written(tree: Tree[A], write: Callable[[A], str], both: str, either: str) -> str:
    """Return a tree as text of another language, in brackets throughout."""
    match tree:
        case Leaf(of):
            return write(of)
        case All(parts):
            return "(" + both.join(written(part, write, both, either) for part in parts) + ")"
        case AnyOf(parts):
            return "(" + either.join(written(part, write, both, either) for part in parts) + ")"


def _split(text: str, separators: str, what: str) -> list[str]:
    """Split at separators that stand outside quotes and brackets."""
    pieces: list[str] = []
    waiting: list[str] = []
    start, quoted, at = 0, False, 0
    while at < len(text):
        char = text[at]
        if quoted:
            if char == "\\":
                at += 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in _CLOSING:
            waiting.append(_CLOSING[char])
        elif waiting and char == waiting[-1]:
            waiting.pop()
        elif char in ")]}":
            raise bad(f"{what} is {text[:80]!r}: a bracket closes that was never opened.")
        elif char in separators and not waiting:
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    if quoted or waiting:
        raise bad(f"{what} is {text[:80]!r}: a {'quote' if quoted else 'bracket'} is not closed.")
    return [*pieces, text[start:]]
