# SPDX-License-Identifier: Apache-2.0
"""The order indicators are computed in: what one uses comes before it. And who must follow when one changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from chengyun.city import City, qualify
from chengyun.errors import Misdeclared

__all__ = ["followers", "indicator_order", "inputs", "levels", "order", "upstream"]


def inputs(city: City, indicator: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the qualified keys of the streams an indicator reads and of the indicators it uses."""
    pack, declared = indicator.split(".")[0], city.indicators[indicator]
    return tuple(qualify(pack, key) for key in declared.streams), tuple(qualify(pack, key) for key in declared.uses)


def upstream(city: City, indicator: str) -> frozenset[str]:
    """Return the indicators that one is made of, near and far."""
    found: set[str] = set()
    wanted = [indicator]
    while wanted:
        fresh = set(inputs(city, wanted.pop())[1]) - found
        found |= fresh
        wanted += fresh
    return frozenset(found)


def indicator_order(city: City) -> list[str]:
    """Return every indicator, each after those it uses. Raises Misdeclared with the path of a circle."""
    return order({key: inputs(city, key)[1] for key in city.indicators})


def levels(city: City) -> list[list[str]]:
    """Return the indicators in levels: what one uses lies in levels before its own. Raises Misdeclared as indicator_order."""
    depth: dict[str, int] = {}
    for key in indicator_order(city):
        depth[key] = 1 + max((depth[used] for used in inputs(city, key)[1]), default=-1)
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key, level in depth.items():
        found[level].append(key)
    return found


def order(uses: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the keys, each after those it uses, otherwise in the order given. Raises Misdeclared with the path of a circle."""
    try:
        return list(TopologicalSorter(uses).static_order())
    except CycleError as circle:
        path = " uses ".join(reversed(circle.args[1]))
        raise Misdeclared([f"indicators go round in a circle: {path}. Take one of these `-- uses:` out."]) from circle


def followers(city: City) -> dict[str, list[str]]:
    """Return for each stream and indicator the indicators that read it."""
    found: dict[str, list[str]] = {}
    for key in city.indicators:
        streams, uses = inputs(city, key)
        for source in (*streams, *uses):
            found.setdefault(source, []).append(key)
    return found
