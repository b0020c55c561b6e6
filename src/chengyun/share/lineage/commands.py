# SPDX-License-Identifier: Apache-2.0
"""`chengyun lineage`: where a column comes from and goes, why, and who is hit when it ends."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from chengyun.run import setup

if TYPE_CHECKING:
    from chengyun.share.lineage.queries import Around, Hit

__all__ = ["add_commands"]

GRADES = {
    "writes": "writes it",
    "breaks": "names it: cannot go on",
    "loses": "passes it on: its readers lose it",
    "starves": "gets nothing new",
}


def add_commands(subparsers: Any) -> None:
    lineage = subparsers.add_parser(
        "lineage", help="where a column comes from, where it goes, who is hit when it ends",
        description="A column is written pack.dataset.column (air_quality.station_hour.pm25), or kind:key/column.",
    )  # fmt: skip
    words = lineage.add_subparsers(metavar="WORD", required=True)
    show = words.add_parser("show", help="what a column is made of and what is made of it")
    show.add_argument("column")
    show.add_argument("--up", type=int, default=2, help="places towards the source (default 2)")
    show.add_argument("--down", type=int, default=2, help="places towards the use (default 2)")
    show.add_argument("--json", action="store_true")
    show.set_defaults(func=_show)
    why = words.add_parser("why", help="the expressions by which a column depends on another")
    why.add_argument("column")
    why.add_argument("source")
    why.set_defaults(func=_why)
    hit = words.add_parser("impact", help="who is hit when a column, or a whole dataset, is dropped")
    hit.add_argument("column")
    hit.add_argument("--json", action="store_true")
    hit.add_argument("--strict", action="store_true", help="exit with 1 when something would break: for checks before a change")
    hit.set_defaults(func=_impact)
    words.add_parser("check", help="name every column of a formula that leads nowhere").set_defaults(func=_check)


def _show(args: argparse.Namespace) -> int:
    setup.django()
    # Inside the functions: Django models, which exist only after the line above.
    from chengyun.access.actors import SYSTEM
    from chengyun.share.lineage import queries

    sight = queries.sight_of(SYSTEM)
    found = queries.around(sight, queries.named(sight.graph, args.column), args.up, args.down)
    print(json.dumps(_plain(found), ensure_ascii=False, indent=1) if args.json else _text(found))
    return 0


def _text(found: Around) -> str:
    lines = []
    for head, boxes in (("made of", found.sources), ("used by", found.uses)):
        lines.append(f"{head}:")
        lines += [f"  {'  ' * (abs(box.side) - 1)}{box.place.key}  {', '.join(box.columns)}" for box in boxes] or ["  nothing"]
    return "\n".join(lines)


def _plain(found: Around) -> dict[str, Any]:
    return {
        "start": ".".join(found.start),
        "places": [
            {"key": box.place.key, "kind": box.place.kind, "side": box.side, "columns": list(box.columns)}
            for box in found.boxes.values()
        ],
        "edges": [
            {"source": list(one.source), "target": list(one.target), "how": one.how, "said": one.said, "at": one.at}
            for one in found.links
        ],
    }  # fmt: skip


def _why(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.share.lineage import queries

    sight = queries.sight_of(SYSTEM)
    for one in queries.path(sight, queries.named(sight.graph, args.source), queries.named(sight.graph, args.column)):
        print(f"{'.'.join(one.source)} → {'.'.join(one.target)}  [{one.how}]\n    {one.said}\n    {one.at}")
    return 0


def _impact(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.share.lineage.building import graph
    from chengyun.share.lineage.queries import impact, named

    whole = graph()
    hits = impact(whole, named(whole, args.column))
    if args.json:
        rows = [
            {"place": it.place.key, "kind": it.place.kind, "columns": it.columns, "grade": it.grade, "at": it.at} for it in hits
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        print("\n".join(map(_line, hits)) or f"Nobody uses {args.column}.")
    return int(args.strict and any(it.grade == "breaks" for it in hits))


def _line(hit: Hit) -> str:
    return f"{GRADES[hit.grade]:<34} {hit.place.key:<48} {hit.at or hit.place.at}"


def _check(args: argparse.Namespace) -> int:  # noqa: ARG001
    setup.django()
    from django.conf import settings

    from chengyun.share.lineage.formulas import unresolved

    found = unresolved(settings.CITY, {})
    print("\n".join(found) or "Every column of every formula is followed to where it is read from.")
    return int(bool(found))
