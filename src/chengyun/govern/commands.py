# SPDX-License-Identifier: Apache-2.0
"""`chengyun targets load`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_commands(subparsers: Any) -> None:
    targets = subparsers.add_parser("targets", help="what the city's plans promise").add_subparsers(
        required=True, metavar="ACTION"
    )
    load = targets.add_parser("load", help="load a list of targets (tab-separated), all of it or none (docs/targets.md)")
    load.add_argument("file", type=Path)
    load.add_argument("--documents", type=Path, help="folder of the plans' texts, to find the sections in")
    load.set_defaults(func=_load)


def _load(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    # After Django has started: it reads its models.
    from chengyun.access.actors import SYSTEM
    from chengyun.govern.reading import read_targets
    from chengyun.govern.services import load_targets

    done = load_targets(read_targets(args.file, args.documents), SYSTEM)
    print(
        f"{done.added} targets are new, {done.changed} changed, {done.same} stay as they were, {done.withdrawn} were withdrawn."
    )
    return 0
