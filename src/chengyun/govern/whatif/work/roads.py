# SPDX-License-Identifier: Apache-2.0
"""A road network as a graph, and how far it is along it."""

from __future__ import annotations

import gzip
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from defusedxml.ElementTree import iterparse
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from chengyun.errors import Refused

__all__ = ["NEAR_M", "Roads", "distances", "metres", "read_roads", "snap"]

Floats = NDArray[np.float64]
Mode = Literal["walk", "drive"]
EARTH_M = 6_371_008.8
"""Mean radius (IUGG)."""
NEAR_M = 500.0
ON_FOOT_NEVER = frozenset({"motorway", "motorway_link", "trunk", "trunk_link"})
BY_CAR = frozenset({
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link", "tertiary",
    "tertiary_link", "unclassified", "residential", "living_street", "service", "road",
})  # fmt: skip
MAIN = ("motorway", "trunk", "primary", "secondary", "tertiary")


@dataclass(frozen=True)
class Roads:
    """graph: metres from node to node. lons, lats: by node. lines: what to draw: main or not, and its points."""

    graph: csr_matrix
    lons: Floats
    lats: Floats
    lines: tuple[tuple[bool, tuple[tuple[float, float], ...]], ...]


def read_roads(extract: bytes, mode: Mode) -> Roads:
    """Return the largest connected part of a network that one can move about in. extract: OSM XML, gzip.

    Cut-off parts are left out: a point that snapped onto one would be reached by nobody.
    """
    places: dict[str, tuple[float, float]] = {}
    ways: list[tuple[list[str], dict[str, str]]] = []
    with gzip.open(io.BytesIO(bytes(extract))) as text:
        for _event, element in iterparse(text):
            if element.tag == "node":
                places[element.get("id", "")] = float(element.get("lon", "nan")), float(element.get("lat", "nan"))
                element.clear()
            elif element.tag == "way":
                tags = {one.get("k", ""): one.get("v", "") for one in element.findall("tag")}
                if _open(tags, mode):
                    ways.append(([one.get("ref", "") for one in element.findall("nd")], tags))
                element.clear()
    if not ways:
        raise Refused("The network has no road for this way of moving.", code="network")
    return _largest(places, ways, mode)


def metres(lon: Floats | float, lat: Floats | float, lons: Floats, lats: Floats) -> Floats:
    """Return great-circle distances."""
    a, b, c, d = (np.radians(one) for one in (lon, lat, lons, lats))
    half = np.sin((d - b) / 2) ** 2 + np.cos(b) * np.cos(d) * np.sin((c - a) / 2) ** 2
    return np.asarray(2 * EARTH_M * np.arcsin(np.sqrt(half)))


def snap(roads: Roads, points: Sequence[tuple[str, float, float]]) -> tuple[NDArray[np.intp], Floats]:
    """Return the nearest node of each point and how far it is. Raises Refused for a point with no road near."""
    squeeze = np.cos(np.radians(roads.lats.mean()))
    tree = cKDTree(np.column_stack([roads.lons * squeeze, roads.lats]))
    lons, lats = np.array([one[1] for one in points]), np.array([one[2] for one in points])
    _, nodes = tree.query(np.column_stack([lons * squeeze, lats]))
    away = metres(lons, lats, roads.lons[nodes], roads.lats[nodes])
    far = np.flatnonzero(away > NEAR_M)
    if len(far):
        worst = int(far[np.argmax(away[far])])
        raise Refused(
            f"{points[worst][0]} lies {away[worst]:.0f} m from the nearest road; at most {NEAR_M:.0f} m are bridged. Check its "
            "coordinates (longitude first, WGS-84), or load a larger network.", code="snap",
        )  # fmt: skip
    return nodes, away


def distances(roads: Roads, starts: NDArray[np.intp], ends: NDArray[np.intp], limit_m: float = np.inf) -> Floats:
    """Return metres along the roads from every start to every end, infinity where no road leads."""
    found = dijkstra(roads.graph, directed=True, indices=starts, limit=limit_m)
    return np.asarray(found[:, ends])


def _open(tags: dict[str, str], mode: Mode) -> bool:
    kind = tags.get("highway", "")
    if mode == "walk":
        return kind not in ON_FOOT_NEVER and tags.get("foot") != "no" and tags.get("access") not in ("private", "no")
    return kind in BY_CAR and tags.get("access") not in ("private", "no") and tags.get("motor_vehicle") != "no"


def _largest(places: dict[str, tuple[float, float]], ways: list[tuple[list[str], dict[str, str]]], mode: Mode) -> Roads:
    index: dict[str, int] = {}
    starts: list[int] = []
    ends: list[int] = []
    for refs, tags in ways:
        nodes = [index.setdefault(ref, len(index)) for ref in refs if ref in places]
        onward, back = _directions(tags, mode)
        for one, other in itertools.pairwise(nodes):
            if onward:
                starts.append(one)
                ends.append(other)
            if back:
                starts.append(other)
                ends.append(one)
    lons, lats = np.array([places[ref] for ref in index]).T
    tails, heads = np.array(starts), np.array(ends)
    lengths = np.maximum(metres(lons[tails], lats[tails], lons[heads], lats[heads]), 0.01)  # zero would be no edge at all
    # Of parallel edges the shorter counts; building the matrix would add them up.
    order = np.lexsort((lengths, heads, tails))
    tails, heads, lengths = tails[order], heads[order], lengths[order]
    first = np.ones(len(tails), bool)
    first[1:] = (tails[1:] != tails[:-1]) | (heads[1:] != heads[:-1])
    graph = csr_matrix((lengths[first], (tails[first], heads[first])), shape=(len(index), len(index)))
    _, part = connected_components(graph, connection="strong")
    stay = np.flatnonzero(part == np.bincount(part).argmax())
    inside = np.zeros(len(index), bool)
    inside[stay] = True
    lines = []
    for refs, tags in ways:
        points = tuple(places[ref] for ref in refs if ref in index and inside[index[ref]])
        if len(points) > 1:
            lines.append((tags.get("highway", "").removesuffix("_link") in MAIN, points))
    return Roads(graph[stay][:, stay].tocsr(), lons[stay], lats[stay], tuple(lines))


def _directions(tags: dict[str, str], mode: Mode) -> tuple[bool, bool]:
    """Return whether one may go along a way as it is drawn, and against it."""
    if mode == "walk":
        return True, True
    oneway = tags.get("oneway", "")
    if oneway in ("-1", "reverse"):
        return False, True
    implied = tags.get("highway") in ("motorway", "motorway_link") or tags.get("junction") == "roundabout"
    return True, not (oneway in ("yes", "true", "1") or (implied and oneway != "no"))
