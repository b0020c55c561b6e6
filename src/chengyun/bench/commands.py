# SPDX-License-Identifier: Apache-2.0
"""`chengyun bench`."""

from __future__ import annotations

import argparse
from typing import Any

from chengyun.errors import Refused


def add_commands(subparsers: Any) -> None:
    bench = subparsers.add_parser("bench", help="measure this machine against the targets; the last line is one JSON object")
    bench.add_argument("names", nargs="*", metavar="NAME", help="which; see --list")
    bench.add_argument("--all", action="store_true", help="every measurement, one after the other")
    bench.add_argument("--list", action="store_true", help="name the measurements")
    bench.add_argument("--json", action="store_true", help="print the JSON object only")
    bench.set_defaults(func=_bench)


def _bench(args: argparse.Namespace) -> int:
    from chengyun.bench import frame  # the measurements load what they measure

    if args.list:
        for name, bench in frame.benches().items():
            print(f"{name:<16} {(bench.__doc__ or '').strip().splitlines()[0]}")
        return 0
    if not args.names and not args.all:
        raise Refused(f"Which bench? Name one of {', '.join(frame.benches())}, or --all.")
    results = frame.run([] if args.all else args.names, quiet=args.json)
    print(frame.report(results))
    return 0 if all(result.holds for result in results) else 2
