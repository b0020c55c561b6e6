# SPDX-License-Identifier: Apache-2.0
"""A network as SUMO sees it: made by netconvert from the roads of an extract, read back as far as demand and maps need it."""

from __future__ import annotations

import gzip
import importlib.util
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from defusedxml.ElementTree import iterparse
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from chengyun.errors import Refused, Unavailable, nearest

__all__ = ["Streets", "build", "edges_of", "program", "reached", "run", "without"]

WITHIN_S = 600


@dataclass(frozen=True)
class Streets:
    """Edges by index: one direction of a road between two junctions.

    names: "" for a road without. ways: number in OpenStreetMap. shapes: points in metres. turns: from which edge onto which.
    begin, end: where a journey may begin and end, so that there is a way between any two. entry, leaving: those of them where one
    comes in from outside the network, and goes out.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    ways: tuple[str, ...]
    lengths: NDArray[np.float64]
    lanes: NDArray[np.intp]
    turns: csr_matrix
    begin: NDArray[np.bool_]
    end: NDArray[np.bool_]
    entry: NDArray[np.bool_]
    leaving: NDArray[np.bool_]
    shapes: tuple[tuple[tuple[float, float], ...], ...]


def program(name: str) -> Path:
    """Return one of SUMO's programs. Raises Refused when the extra is not installed."""
    found = importlib.util.find_spec("sumo")
    if found is None or not found.submodule_search_locations:
        sentence = "This model needs the extra `decide`: pip install 'chengyun[decide]' (eclipse-sumo is missing)."
        raise Refused(sentence, code="missing_extra")
    return Path(next(iter(found.submodule_search_locations))) / "bin" / name


def run(name: str, words: Sequence[str | Path], folder: Path, within_s: float = WITHIN_S) -> None:
    """Run one of SUMO's programs to its end. Raises Unavailable with what it said last."""
    tool = program(name)
    home = str(tool.parent.parent)
    env = {**os.environ, "SUMO_HOME": home, "PROJ_DATA": str(Path(home) / "data" / "proj")}
    command = [str(tool), *(str(one) for one in words)]
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=within_s, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"{name} took more than {within_s:.0f} s; ask for less traffic.", code="time") from late
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if line.startswith("Error")), done.stderr.strip()[-200:])
        raise Unavailable(f"{name} ended with {done.returncode}: {said[:300]}", code="sumo")


def build(extract: bytes, folder: Path) -> Streets:
    """Make net.xml in a folder and read it. extract: OSM XML, gzip. Only what a car may use and what hangs together stays."""
    (folder / "roads.osm").write_bytes(gzip.decompress(extract))
    words = [
        "--osm-files", "roads.osm", "--output-file", "net.xml", "--geometry.remove", "--ramps.guess", "--junctions.join",
        "--tls.guess-signals", "--tls.discard-simple", "--roundabouts.guess", "--output.street-names",
        "--keep-edges.by-vclass", "passenger", "--keep-edges.components", "1", "--no-warnings", "--seed", "1",
    ]  # fmt: skip
    run("netconvert", words, folder)
    return _read(folder / "net.xml")


def edges_of(streets: Streets, road: str) -> list[int]:
    """Return the edges of a road by its name or its number. Raises Refused, naming the nearest name."""
    wanted = road.strip()
    found = [
        index for index, (name, way) in enumerate(zip(streets.names, streets.ways, strict=True))
        if way == wanted or wanted in [part.strip() for part in name.split(";")]
    ]  # fmt: skip
    if not found or not wanted:
        known = {part.strip() for name in streets.names for part in name.split(";") if name}
        raise Refused(f"No road of the network that cars use is called {wanted!r}.{nearest(wanted, known)}", code="closed")
    return found


def _read(file: Path) -> Streets:
    edges: list[tuple[str, str, str, str, float, int, tuple[tuple[float, float], ...]]] = []
    places: dict[str, tuple[float, float]] = {}
    pairs: list[tuple[str, str]] = []
    with file.open("rb") as text:
        for _event, element in iterparse(text):
            if element.tag == "edge":
                if element.get("function") is None:
                    lanes = element.findall("lane")
                    edges.append((
                        element.get("id", ""), element.get("name", ""), element.get("from", ""), element.get("to", ""),
                        float(lanes[0].get("length", "0")), len(lanes), _points(element.get("shape", "")),
                    ))  # fmt: skip
                element.clear()
            elif element.tag == "connection":
                pairs.append((element.get("from", ""), element.get("to", "")))
                element.clear()
            elif element.tag == "junction":
                places[element.get("id", "")] = float(element.get("x", "0")), float(element.get("y", "0"))
                element.clear()
    if not edges:
        raise Refused("The network has no road for cars.", code="network")
    turns = _turns([one[0] for one in edges], pairs)
    begin, end = _usable(turns)
    begins, ends = {one[2] for one in edges}, {one[3] for one in edges}
    came: dict[str, set[str]] = {}
    gone: dict[str, set[str]] = {}
    for one in edges:
        came.setdefault(one[3], set()).add(one[2])
        gone.setdefault(one[2], set()).add(one[3])
    # The rim: a junction that leads on nowhere but back where one came from.
    entry = [one[2] not in ends or came[one[2]] <= {one[3]} for one in edges]
    leaving = [one[3] not in begins or gone[one[3]] <= {one[2]} for one in edges]
    return Streets(
        ids=tuple(one[0] for one in edges), names=tuple(one[1] for one in edges),
        ways=tuple(one[0].lstrip("-").split("#")[0] for one in edges),
        lengths=np.array([one[4] for one in edges]), lanes=np.array([one[5] for one in edges], dtype=np.intp),
        turns=turns, begin=begin, end=end, entry=begin & np.array(entry), leaving=end & np.array(leaving),
        shapes=tuple(one[6] or (places[one[2]], places[one[3]]) for one in edges),
    )  # fmt: skip


def reached(turns: csr_matrix, start: int) -> NDArray[np.bool_]:
    """Return which edges one can come to from an edge, itself among them."""
    found = np.zeros(turns.shape[0], bool)
    found[breadth_first_order(turns, start, directed=True, return_predecessors=False)] = True
    return found


def without(turns: csr_matrix, closed: Sequence[int]) -> csr_matrix:
    """Return the turns that are left when edges are closed."""
    open_ = np.ones(turns.shape[0])
    open_[list(closed)] = 0
    left = turns.multiply(open_[:, None]).multiply(open_[None, :]).tocsr()
    left.eliminate_zeros()
    return left


def _turns(ids: Sequence[str], pairs: Sequence[tuple[str, str]]) -> csr_matrix:
    at = {ident: index for index, ident in enumerate(ids)}
    known = {(at[one], at[other]) for one, other in pairs if one in at and other in at}
    rows, columns = np.array(sorted(known), dtype=np.intp).reshape(-1, 2).T
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(ids), len(ids)))


def _usable(turns: csr_matrix) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the edges from which one comes into the network's core, and those one comes to from it."""
    _, part = connected_components(turns, connection="strong")
    core = int(np.flatnonzero(part == np.bincount(part).argmax())[0])
    return reached(turns.T.tocsr(), core), reached(turns, core)


def _points(text: str) -> tuple[tuple[float, float], ...]:
    found = []
    for pair in text.split():
        x, y = pair.split(",")[:2]
        found.append((float(x), float(y)))
    return tuple(found)
