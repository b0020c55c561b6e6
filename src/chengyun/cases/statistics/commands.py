# SPDX-License-Identifier: Apache-2.0
"""`chengyun statistics`: count all cases anew, or prove that the counts are right."""

from __future__ import annotations

import argparse


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands."""
    found = subparsers.add_parser("statistics", help="the counts of cases: prove that they are right, or count anew")
    words = found.add_subparsers(metavar="COMMAND", required=True)
    check = words.add_parser("check", help="count all cases and compare; exit code 1 where a count is wrong")
    check.set_defaults(func=_check)
    rebuild = words.add_parser("rebuild", help="count all cases anew, e.g. after the city's time zone was set; work goes on")
    rebuild.set_defaults(func=_rebuild)


def _check(_args: argparse.Namespace) -> int:
    from chengyun.run.setup import django

    django()
    from chengyun.cases.statistics.folding import check

    found = check()
    for one in found:
        print(f"sheet {one.cell[0]} {' '.join(map(str, one.cell[1:]))}: too many {one.off}")
    print("The counts are wrong. Run `chengyun statistics rebuild`." if found else "Every count is what the cases say.")
    return 1 if found else 0


def _rebuild(_args: argparse.Namespace) -> int:
    from chengyun.run.setup import django

    django()
    from chengyun.cases.statistics.folding import rebuild

    print(f"{rebuild():,} cases are counted.")
    return 0
