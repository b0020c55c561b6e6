# SPDX-License-Identifier: Apache-2.0
"""`chengyun duties load`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands."""
    duties = subparsers.add_parser("duties", help="duty lists: who is charged with what").add_subparsers(required=True)
    load = duties.add_parser("load", help="put a list (CSV) into force, all of it or none (docs/dispatch.md)")
    load.add_argument("file", type=Path)
    load.add_argument("--type", required=True, help="kind of case, e.g. urban_management.case")
    load.set_defaults(func=_load)


def _load(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    # After Django has started: it reads its models.
    from chengyun.access.actors import SYSTEM
    from chengyun.cases.duties.services import load_list

    loaded = load_list(args.file, args.type, SYSTEM)
    print(f"{loaded.added} entries are in force, {loaded.known} were already; {loaded.ended} ended where a new one begins.")
    return 0
