# SPDX-License-Identifier: Apache-2.0
"""`chengyun indicators run`: bring figures up to date, here or on a cluster."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from chengyun.errors import Refused, nearest
from chengyun.operate.indices.commands import add_words

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    """Add this module's commands."""
    indicators = subparsers.add_parser("indicators", help="list, compute, back-fill and compare indicators")
    words = indicators.add_subparsers(metavar="WHAT", required=True)
    run = words.add_parser(
        "run", help="compute what is due",
        description="Compute what is due, and these indicators anew if any are named; the figures are the same wherever it is.",
    )  # fmt: skip
    run.add_argument("indicator", nargs="*", help="compute anew, e.g. air_quality.station_day_aqi")
    run.add_argument("--since", type=dt.date.fromisoformat, help="with indicators: first local day")
    run.add_argument("--until", type=dt.date.fromisoformat, help="with indicators: the day after the last")
    run.add_argument(
        "--on", metavar="MASTER", help="of an Apache Spark cluster, e.g. spark://10.0.0.1:7077 (default: this machine)"
    )
    run.add_argument("--conf", metavar="NAME=VALUE", action="append", default=[], help="a setting of Spark's")
    run.set_defaults(func=_run)
    add_words(words)


def _run(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    options = dict(_option(text) for text in args.conf)
    setup.django()
    # After Django has started: these read its models.
    from django.conf import settings
    from django.utils import timezone

    from chengyun.operate import engine, formulas

    for indicator in args.indicator:
        if indicator not in settings.CITY.indicators:
            raise Refused(f"There is no indicator {indicator!r}.{nearest(indicator, settings.CITY.indicators)}")
    for indicator in args.indicator:
        formulas.recompute(settings.CITY, indicator, args.since, args.until)
    if args.on:
        from chengyun.operate.cluster.runner import evaluate_on
        from chengyun.operate.cluster.spark import on_spark

        with on_spark(args.on, options) as cluster:
            done = evaluate_on(cluster, timezone.now())
    else:
        done = engine.evaluate(timezone.now())
    if done.busy:
        raise Refused("Another evaluation is running; what was asked for is noted and it will come to it.")
    wrong = [one for one in done.ran if one.error]
    for one in wrong:
        print(f"{one.indicator}  {one.since} to {one.until}  FAILED: {one.error}")
    print(f"{len(done.ran)} computations, {sum(one.rows for one in done.ran):,} figures, {done.changed:,} changed")
    return 1 if wrong else 0


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.startswith("spark."):
        raise Refused(f"--conf is {text!r}, expected NAME=VALUE of a setting of Spark's, e.g. spark.executor.memory=4g.")
    return name, value
