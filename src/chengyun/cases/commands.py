# SPDX-License-Identifier: Apache-2.0
"""`chengyun cases replay` and `chengyun cases picture`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands."""
    cases = subparsers.add_parser("cases", help="work with cases in bulk").add_subparsers(required=True)
    replay = cases.add_parser("replay", help="read recorded history: every line a deed of a case (docs/cases.md)")
    replay.add_argument("file", type=Path, help="CSV, plain, .gz or .zst")
    replay.add_argument("--type", required=True, help="kind of case, e.g. urban_management.case")
    replay.add_argument("--as", dest="name", default="", help="name of the history; the file's without it")
    replay.set_defaults(func=_replay)
    picture = cases.add_parser("picture", help="print the picture of a kind of case, as SVG")
    picture.add_argument("type", help="kind of case, e.g. urban_management.case")
    picture.set_defaults(func=_picture)


def _picture(args: argparse.Namespace) -> int:
    from chengyun.city import load_city
    from chengyun.city.drawing import draw
    from chengyun.config import config
    from chengyun.errors import NotFound, nearest

    known = load_city(config().packs).cases
    if args.type not in known:
        raise NotFound(f"There is no kind of case {args.type!r}.{nearest(args.type, known)}")
    print(draw(known[args.type], alone=True))
    return 0


def _replay(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    # After Django has started: it reads its models.
    from chengyun.cases.models import ReplayReject
    from chengyun.cases.replay import load

    started = time.monotonic()
    loaded = load(args.file, args.type, name=args.name)
    seconds = time.monotonic() - started
    print(f"{loaded.cases:,} cases with {loaded.steps:,} steps are in; {loaded.rejected:,} were left out. {seconds:,.0f} s.")
    for reject in ReplayReject.objects.filter(replay__name=args.name or args.file.name)[:20]:
        print(f"  line {reject.line}, case {reject.case}: {reject.reason}")
    return 1 if loaded.rejected else 0
