# SPDX-License-Identifier: Apache-2.0
"""`chengyun whatif models`, `run`, `again`; `chengyun whatif network`."""

from __future__ import annotations

import argparse
import resource
from pathlib import Path
from typing import Any

MOST_BYTES = 6 * 2**30
"""Of address space for a run: a model that asks for more fails with a reason instead of taking the machine along."""


def add_commands(subparsers: Any) -> None:
    words = subparsers.add_parser("whatif", help="what-if models (docs/decide.md)").add_subparsers(
        required=True, metavar="ACTION"
    )
    words.add_parser("models", help="list the models").set_defaults(func=_models)
    run = words.add_parser("run", help="work out a run that was asked for")
    run.add_argument("number", type=int)
    run.set_defaults(func=_run)
    again = words.add_parser("again", help="work out a finished run once more and compare")
    again.add_argument("number", type=int)
    again.set_defaults(func=_again)
    network = words.add_parser("network", help="load the roads of an OpenStreetMap extract (.osm, .osm.gz, .osm.pbf)")
    network.add_argument("key", help="a short name, e.g. haishu")
    network.add_argument("file", type=Path)
    network.add_argument("--name", default="", help="as people call it")
    network.add_argument("--source", required=True, help="where the extract came from, and its licence")
    network.set_defaults(func=_network)


def _models(_args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django(unconnected=True)
    from chengyun.govern.whatif.catalogue import MODELS

    for model in MODELS.values():
        print(f"{model.key:12} {model.version:4} {model.name}: {model.answers}")
    return 0


def _run(args: argparse.Namespace) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    from chengyun.run import setup

    setup.django()
    # After Django has started: it reads its models.
    from django.utils import timezone

    from chengyun.govern.whatif.services import work_out

    done = work_out(args.number, timezone.now())
    print(done.reason or f"{done.model} {done.version}: {done.state}")
    return 0 if done.state == "done" else 1


def _again(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from chengyun.govern.whatif.repeating import same_again

    same, why = same_again(args.number)
    print("The same result." if same else f"Not the same: {why}.")
    return 0 if same else 1


def _network(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.govern.whatif.networks import load

    made = load(args.key, args.name or args.key, args.source, args.file, SYSTEM)
    print(f"{made.key}: {made.ways} roads, {made.nodes} nodes.")
    return 0
