# SPDX-License-Identifier: Apache-2.0
"""Which entities by their type and scope: `(Vehicle;Electric)|Bike` (clause 4.17), `/Madrid/#;/CompanyA/+` (clause 4.19)."""

from __future__ import annotations

import re

from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.trees import Tree, holds, leaves, read_tree, written

__all__ = [
    "ScopeTree",
    "TypeTree",
    "fits_scopes",
    "fits_types",
    "read_scope_query",
    "read_type_selection",
    "scope_sql",
    "type_sql",
]

TypeTree = Tree[str]
ScopeTree = Tree[str]


def read_type_selection(text: str, terms: Terms) -> TypeTree:
    """Return a type selection; every leaf is the IRI of a type."""
    return read_tree(text, ";", "|,", lambda name: terms.expand(name.strip()), "type")


def fits_types(tree: TypeTree, types: list[str]) -> bool:
    return holds(tree, lambda name: name in types)


def type_sql(tree: TypeTree) -> tuple[str, list[object]]:
    """Return a type selection as SQL over the column `types`, with its parameters."""
    return written(tree, lambda _: "types @> %s", " AND ", " OR "), [[name] for name in leaves(tree)]


def read_scope_query(text: str) -> ScopeTree:
    """Return a scope query; every leaf is the regular expression of a scope."""
    return read_tree(text, ";", "|,", _pattern_of, "scopeQ")


def fits_scopes(tree: ScopeTree, scopes: list[str]) -> bool:
    return holds(tree, lambda pattern: any(re.fullmatch(pattern, scope) for scope in scopes))


def scope_sql(tree: ScopeTree) -> tuple[str, list[object]]:
    """Return a scope query as SQL over the column `scopes`, with its parameters."""
    one = "EXISTS (SELECT FROM unnest(scopes) AS s (scope) WHERE scope ~ %s)"
    return written(tree, lambda _: one, " AND ", " OR "), [f"^(?:{pattern})$" for pattern in leaves(tree)]


def _pattern_of(text: str) -> str:
    levels = text.strip().removeprefix("/").split("/")
    if not all(levels) or "#" in levels[:-1]:
        raise bad(f"scopeQ: {text[:80]!r} is no scope. Write e.g. /Madrid/Gardens, /Madrid/+ or /Madrid/#.")
    found = "".join("/[^/]+" if level == "+" else "" if level == "#" else "/" + re.escape(level) for level in levels)
    return found + ("(?:/.*)?" if levels[-1] == "#" else "")
