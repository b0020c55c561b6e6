# SPDX-License-Identifier: Apache-2.0
"""`chengyun open311 load`: recorded requests of another 311 centre as history here."""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chengyun.errors import Refused
from chengyun.run import setup

# Django and what needs it is imported inside each command: the list of commands is read by processes that never load it.

TYPE = "urban_management.request"


def add_commands(subparsers: Any) -> None:
    actions = subparsers.add_parser("open311", help="other 311 centres").add_subparsers(required=True, metavar="ACTION")
    load = actions.add_parser("load", help="read recorded requests as history (docs/open311.md)")
    load.add_argument("file", type=Path, help="Boston's open data (.csv.gz), or GeoReport requests with notes (.json)")
    load.add_argument("--from", dest="prefix", required=True, metavar="NAME", help="whose they are, e.g. boston: lower case")
    load.add_argument("--type", default=TYPE, help=f"kind of case they become (default: {TYPE})")
    load.add_argument(
        "--areas", type=Path, metavar="FILE", help="codes of its neighbourhoods: CSV with the columns name and code"
    )
    load.set_defaults(func=_load)


def _load(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.cases import replay
    from chengyun.cases.models import ReplayReject
    from chengyun.protocols.open311 import history

    if not args.prefix.isidentifier():
        raise Refused(f"--from is {args.prefix!r}, expected a word in lower case, e.g. boston.")
    if args.file.name.endswith(".csv.gz"):
        said = history.verdicts(history.boston_rows(args.file))
        print(f"{said.rows:,} requests; of {said.closed:,} closed ones with a due time {said.same:,} are judged as there.")
    bodies: dict[str, str] = {}
    refused: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deeds.csv.gz"
        history.write(_noted(_deeds(args.file, args.prefix, _areas(args.areas), refused), bodies), path)
        _departments(bodies)
        name = f"{args.prefix}/{args.file.name}"
        loaded = replay.load(path, args.type, name=name)
    print(f"{loaded.cases:,} cases with {loaded.steps:,} steps are in; {loaded.rejected + len(refused):,} were left out.")
    refused += [f"{one.case}: {one.reason}" for one in ReplayReject.objects.filter(replay__name=name)]
    for line in refused:
        print(f"  {line}")
    return 0


def _areas(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if not {"name", "code"} <= set(rows.fieldnames or ()):
            raise Refused(f"{path.name} has no columns name and code. Its first line must name them.")
        return {row["name"]: row["code"] for row in rows}


def _deeds(path: Path, prefix: str, areas: dict[str, str], refused: list[str]) -> Iterator[dict[str, Any]]:
    from chengyun.protocols.open311 import history

    if path.name.endswith(".csv.gz"):
        for row in history.boston_rows(path):
            if why := history.impossible(row):
                refused.append(f"{row['case_id']}: {why}")
            else:
                yield from history.boston_deeds(row, prefix, areas)
    elif path.suffix == ".json":
        for request in json.loads(path.read_text(encoding="utf-8")):
            yield from history.request_deeds(request, prefix)
    else:
        raise Refused(f"{path.name} is neither .csv.gz nor .json: what it holds is not known.")


def _noted(deeds: Iterator[dict[str, Any]], bodies: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the deeds and note which departments they name."""
    for deed in deeds:
        if owner := deed.get("owner"):
            bodies[owner] = owner
        yield deed


def _departments(bodies: dict[str, str]) -> None:
    """Make the departments the history names, where they are not known yet."""
    from chengyun.access.models import Organisation

    known = set(Organisation.objects.filter(key__in=bodies).values_list("key", flat=True))
    Organisation.objects.bulk_create(Organisation(key=key, name=key) for key in sorted(set(bodies) - known))
