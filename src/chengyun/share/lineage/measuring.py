# SPDX-License-Identifier: Apache-2.0
"""One process of the bench: `python -m chengyun.share.lineage.measuring FOLDER PACKS` builds the graph of a made city, answers
for its columns, and prints the milliseconds as JSON. What it keeps stays in the folder for the next process to find.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chengyun.run import setup

if TYPE_CHECKING:
    from chengyun.access.actors import Actor
    from chengyun.share.lineage.shapes import Column, Graph

ASKED = 400


def measure(folder: Path, packs: int) -> dict[str, float]:
    """Return milliseconds: `ready` to build the graph and answer the first column; `worst`, `p95` of columns asked after it."""
    from chengyun.access import policy
    from chengyun.access.actors import ANONYMOUS
    from chengyun.access.rulebook import FILE, read_rulebook
    from chengyun.share.lineage import sight as sights
    from chengyun.share.lineage.building import build
    from chengyun.share.lineage.shapes import Column
    from chengyun.share.lineage.synthetic import DAY_OF_MEASURING, synthetic_city

    city = synthetic_city(packs, folder)
    book = read_rulebook(FILE, city)
    # The made city's permissions are asked as a real one's are; its rulebook is not the installation's.
    for module in (policy, sights):
        vars(module)["rulebook"] = lambda: book
    begun = time.perf_counter()
    graph = build(city, DAY_OF_MEASURING, folder / "formulas.msgpack")
    built = time.perf_counter() - begun
    columns = [Column(key, item.key) for key, place in graph.places.items() for item in place.columns]
    hub = max(columns, key=lambda one: sum(1 for _ in graph.out_of(one)))
    # Looking for the most used column is the measurement's own affair.
    ready = built + _timed(graph, hub, ANONYMOUS)
    chosen = random.Random(7).sample(columns, min(ASKED, len(columns)))  # noqa: S311  nothing secret
    took = sorted(_timed(graph, column, ANONYMOUS) for column in (*chosen, hub))
    return {
        "ready": ready * 1000, "worst": took[-1] * 1000, "p95": took[int(len(took) * 0.95)] * 1000,
        "columns": len(columns), "edges": graph.size, "indicators": len(city.indicators),
    }  # fmt: skip


def _timed(graph: Graph, column: Column, actor: Actor) -> float:
    begun = time.perf_counter()
    _answer(graph, column, actor)
    return time.perf_counter() - begun


def _answer(graph: Graph, column: Column, actor: Actor) -> None:
    """Do what the page of a column does, but for the template: its surroundings as a picture, and who is hit."""
    from chengyun.share.lineage import queries
    from chengyun.share.lineage.sight import Sight

    sight = Sight(actor, graph)
    if sight.sees_column(column):
        queries.around(sight, column, 3, 3)
        [hit for hit in queries.impact(graph, column) if sight.sees(hit.place.key)]


if __name__ == "__main__":
    setup.django()
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
