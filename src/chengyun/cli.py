# SPDX-License-Identifier: Apache-2.0
"""The `chengyun` command: gathers what each part of the program offers and runs one.

A part offers commands in `commands.py`: `add_commands(subparsers)`, each command setting `func(args) -> int`. Parts
are asked in order until one offers the word typed, so that `chengyun up`, which stays for good, loads only its own.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence

import psycopg

from chengyun import __version__
from chengyun.errors import Problem, Refused

PARTS = (
    "run", "collect.edge", "city", "areas", "access", "lake", "collect", "collect.things", "collect.pull", "collect.forms",
    "collect.quality", "collect.queue", "operate", "operate.cluster", "operate.forecasts", "operate.alerting",
    "operate.probation", "cases",
    "cases.intake", "cases.duties", "cases.category", "cases.evaluation", "cases.statistics", "govern", "govern.whatif",
    "govern.decisions", "share.lineage", "share.registers", "share.ledger", "share.exchange", "share.federation",
    "share.lookups", "protocols", "protocols.dcat", "protocols.ngsild", "protocols.open311", "simulate", "web", "web.boards",
    "bench",
)  # fmt: skip
"""Where commands come from, in the order of the help page."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. A Problem becomes one sentence on stderr and exit code 1; anything else is our bug."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        words = _take_data_folder(words)
        args = _parser(next((word for word in words if not word.startswith("-")), None)).parse_args(words)
        return int(args.func(args) or 0)
    except Problem as problem:
        print(problem.sentence, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as wrong:
        # Django and ADBC wrap what the driver says; at the front door a database that is away is no bug of ours.
        away = next((it for it in (wrong, wrong.__cause__) if isinstance(it, psycopg.OperationalError)), None)
        if away is None:
            raise
        print(f"The database went away: {str(away).strip().splitlines()[0]}. See `chengyun status`.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _take_data_folder(words: list[str]) -> list[str]:
    """Put --data into the environment wherever it stands, for this process and its children; return the rest."""
    early = argparse.ArgumentParser(prog="chengyun", add_help=False, allow_abbrev=False)
    early.add_argument("--data")
    found, rest = early.parse_known_args(words)
    if found.data == "":
        raise Refused("--data is empty; name a folder, e.g. `chengyun --data ~/city up`.")
    if found.data:
        os.environ["CHENGYUN_DATA"] = found.data
    return rest


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    """Return the parser, with every part's commands or only as many parts as it takes to find the wanted one."""
    parser = argparse.ArgumentParser(
        prog="chengyun", description="chengyun (城运) runs the operations of a city.", allow_abbrev=False,
        epilog="Every setting is an environment variable; chengyun/config.py lists them.",
    )  # fmt: skip
    parser.add_argument("--data", metavar="FOLDER", help="data folder (default: CHENGYUN_DATA, or the platform's own)")
    parser.add_argument("--version", action="version", version=f"chengyun {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for part in PARTS:
        if importlib.util.find_spec(f"chengyun.{part}.commands"):
            importlib.import_module(f"chengyun.{part}.commands").add_commands(commands)
        if wanted in commands.choices:
            break
    return parser


if __name__ == "__main__":
    sys.exit(main())
