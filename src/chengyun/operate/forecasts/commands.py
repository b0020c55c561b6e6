# SPDX-License-Identifier: Apache-2.0
"""`chengyun forecast`."""

from __future__ import annotations

import argparse
import datetime as dt
import os

from chengyun.errors import Refused


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands."""
    words = subparsers.add_parser("forecast", help="review, make and score a declared forecast now (docs/forecasts.md)")
    words.add_argument("forecast", help="qualified key, e.g. air_quality.pm25_ahead")
    words.add_argument("--review", action="store_true", help="try the methods anew, though the last review is young")
    words.add_argument("--at", type=dt.datetime.fromisoformat, help="as of a past moment, ISO 8601 with an offset")
    words.add_argument("--background", action="store_true", help="give way to everything else on the machine")
    words.set_defaults(func=_forecast)


def _forecast(args: argparse.Namespace) -> int:
    if args.at is not None and args.at.tzinfo is None:
        raise Refused(f"--at is {args.at}, without an offset. Write e.g. {args.at.isoformat()}+08:00.")
    if args.background:
        os.nice(10)
    from chengyun.run import setup

    setup.django()
    # After Django has started: these read its models.
    from django.utils import timezone

    from chengyun.operate.forecasts import services
    from chengyun.operate.forecasts.models import Review

    now = timezone.now()
    moment = args.at or now
    services.declared_as(args.forecast)
    scored = services.score(args.forecast, now)
    newest = Review.objects.filter(forecast=args.forecast, until__lte=moment).order_by("-until").first()
    if args.review or newest is None or moment - newest.until > services.REVIEWED_FOR + dt.timedelta(days=1):
        done = services.review(args.forecast, now, until=moment)
        print(
            f"reviewed {done.made} subjects: the forecast is better than the season before and the last value for {done.useful}"
        )
    made = services.issue(args.forecast, now, until=moment)
    if args.at is not None:
        scored += services.score(args.forecast, now)
    print(f"made for {made.made} subjects, {made.useful} of them shown as forecasts; {scored} scored")
    return 0
