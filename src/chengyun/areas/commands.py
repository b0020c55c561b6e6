# SPDX-License-Identifier: Apache-2.0
"""`chengyun areas load FILE… --crs …` and `chengyun areas list`."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path

from chengyun.run import setup
from chengyun.standards.coordinates import CRS
from chengyun.standards.divisions import LEVELS


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `areas` and its two sub-commands."""
    words = subparsers.add_parser("areas", help="the area tree: load a city's own, list what is known")
    under = words.add_subparsers(required=True, metavar="COMMAND")

    load = under.add_parser("load", help="load GeoJSON boundaries or CSV codes, all files as one change")
    add_load_arguments(load)
    load.set_defaults(func=load_areas_command)

    shown = under.add_parser("list", help="list the areas valid on a day")
    shown.add_argument("--level", choices=LEVELS, help="one level only")
    shown.add_argument("--on", type=_day, metavar="YYYY-MM-DD", help="the day; today when left out")
    shown.set_defaults(func=_list)


def add_load_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `load_areas_command` reads: files, crs, valid_from, source."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".geojson, .json or .csv")
    parser.add_argument("--crs", help=f"coordinate system of the boundaries, where the file names none: {', '.join(CRS)}")
    parser.add_argument("--valid-from", type=_day, metavar="YYYY-MM-DD", help="first day of the areas, where the file names none")
    parser.add_argument("--source", help="where the areas come from; the file's name when left out")


def load_areas_command(args: argparse.Namespace) -> int:
    """Load files of areas. Reads `files` (or one `file`), and where they are there `crs`, `valid_from`, `source`."""
    setup.django()
    # Inside the function: it imports Django models, which exist only after the line above.
    from chengyun.areas.services import load_areas

    files = getattr(args, "files", None) or [args.file]
    loaded = load_areas(
        files,
        getattr(args, "crs", None),
        valid_from=getattr(args, "valid_from", None),
        source=getattr(args, "source", None),
    )
    print(f"Areas: {loaded.added} added, {loaded.changed} changed, {loaded.unchanged} unchanged, {loaded.removed} removed.")
    for note in loaded.notes:
        print(f"  {note}")
    return 0


def _list(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.areas.queries import areas_on

    rows = areas_on(args.on, args.level)
    for row in rows:
        depth = LEVELS.index(row.level)
        boundary = row.source_crs or "no boundary"
        mark = " demonstration" if row.demonstration else ""
        print(f"{'  ' * depth}{row.code} {row.name}  {row.valid_from}…{row.valid_to or ''}  {boundary}{mark}")
    if not rows:
        print("No areas are known for that day and level.", file=sys.stderr)
        return 1
    return 0


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write YYYY-MM-DD") from None
