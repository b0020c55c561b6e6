# SPDX-License-Identifier: Apache-2.0
"""Figures about persons that give nobody away: small cells, and rows that are too few alike.

    suppress(counts)              counts with their sums; cells below five are withheld, and as many others as it takes
    k_anonymity(rows, quasi)      groups of rows alike in their quasi-identifiers that are smaller than k
    l_diversity(rows, …)          groups whose sensitive values are fewer than l

Pure. Standard: GB/T 37964-2019, B.2 (k-anonymity, l-diversity); five is common practice, no table of it.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ALL", "SMALLEST", "Group", "k_anonymity", "l_diversity", "suppress"]

SMALLEST = 5
ALL = "*"
"""The place of a sum in a cell's key."""
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows alike in their quasi-identifiers. values: the quasi-identifiers'. distinct: of the sensitive value, when asked."""

    values: tuple[Any, ...]
    rows: int
    distinct: int | None = None


def suppress(counts: Mapping[Key, int], smallest: int = SMALLEST) -> dict[Key, int | None]:
    """Return every cell and every sum, None for what is withheld.

    counts: the cells, each key naming one value of every dimension; absent cells are zero. Withheld is each cell from 1 to
    below `smallest`, then, in each line that could be solved for it, the smallest other: no line with a published sum has a
    single withheld cell, nor withheld cells that together are fewer than `smallest`.
    """
    cube = _cube(counts)
    hidden = {key for key, count in cube.items() if 0 < count < smallest}
    lines = list(_lines(cube))
    while chosen := next((one for line in lines if (one := _also(line, cube, hidden, smallest)) is not None), None):
        hidden.add(chosen)
    return {key: None if key in hidden else count for key, count in cube.items()}


def k_anonymity(rows: Iterable[Mapping[str, Any]], quasi: Sequence[str], k: int = SMALLEST) -> list[Group]:
    """Return the groups with fewer than k rows, the smallest first; none: the rows are k-anonymous."""
    sizes = Counter(tuple(row.get(name) for name in quasi) for row in rows)
    return sorted(
        (Group(values, size) for values, size in sizes.items() if size < k), key=lambda one: (one.rows, str(one.values))
    )


def l_diversity(rows: Iterable[Mapping[str, Any]], quasi: Sequence[str], sensitive: str, l: int = 2) -> list[Group]:  # noqa: E741
    """Return the groups in which a sensitive field has fewer than l values: whoever is known to be in one, is known."""
    found: dict[tuple[Any, ...], Counter[Any]] = defaultdict(Counter)
    for row in rows:
        found[tuple(row.get(name) for name in quasi)][row.get(sensitive)] += 1
    groups = (Group(values, seen.total(), len(seen)) for values, seen in found.items() if len(seen) < l)
    return sorted(groups, key=lambda one: (one.distinct or 0, one.rows, str(one.values)))


def _cube(counts: Mapping[Key, int]) -> dict[Key, int]:
    """Return the cells of every combination of values, and the sums over every set of dimensions."""
    if not counts:
        return {}
    depth = len(next(iter(counts)))
    if any(len(key) != depth or ALL in key for key in counts):
        raise ValueError(f"every key must name {depth} values, none of them {ALL!r}.")
    if any(count < 0 for count in counts.values()):
        raise ValueError("a count is below zero.")
    dimensions = [sorted({key[at] for key in counts}) for at in range(depth)]
    cube = dict.fromkeys(itertools.product(*([*values, ALL] for values in dimensions)), 0)
    for key, count in counts.items():
        for summed in itertools.product((False, True), repeat=depth):
            cube[tuple(ALL if out else part for part, out in zip(key, summed, strict=True))] += count
    return cube


def _lines(cube: Mapping[Key, int]) -> Iterator[tuple[Key, ...]]:
    """Yield the cells that one sum is over, the sum last."""
    found: dict[tuple[int, Key], list[Key]] = defaultdict(list)
    for key in cube:
        for at in range(len(key)):
            found[at, (*key[:at], *key[at + 1 :])].append(key)
    for (at, _rest), keys in sorted(found.items()):
        yield tuple(sorted(keys, key=lambda key: (key[at] == ALL, key)))


def _also(line: Sequence[Key], cube: Mapping[Key, int], hidden: set[Key], smallest: int) -> Key | None:
    """Return the cell that must be withheld too, or None."""
    total = line[-1]
    out = [key for key in line if key in hidden]
    few = total not in hidden and 0 < sum(cube[key] for key in out) < smallest
    if not out or (len(out) > 1 and not few):
        return None
    left = [key for key in line if key not in hidden]
    # A sum is worth more than a cell, and a zero protects little: everybody guesses it.
    return min(left, key=lambda key: (cube[key] == 0, key == total, cube[key], key), default=None)
