# SPDX-License-Identifier: Apache-2.0
"""`chengyun simulate`."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from chengyun.errors import Refused

MOST_DAYS = 366


def add_commands(subparsers: Any) -> None:
    simulate = subparsers.add_parser("simulate", help="make up residents' reports and what the staff does about them, up to now")
    simulate.add_argument("--days", type=float, default=30.0, help="how far back to begin where nothing was made up yet; 30")
    simulate.set_defaults(func=_simulate)


def _simulate(args: argparse.Namespace) -> int:
    from chengyun.run import setup  # the words of the command line do not load Django

    if not 0 < args.days <= MOST_DAYS:
        raise Refused(f"--days is {args.days:g}, expected more than 0 and at most {MOST_DAYS}.")
    setup.django()
    from django.conf import settings

    from chengyun.config import config
    from chengyun.simulate.loop import advance, made_up_type

    if made_up_type(settings.CITY) is None:
        raise Refused("No pack of this city says what goes wrong in it: none has a CaseType with habits. See docs/simulate.md.")
    done = advance(config(), settings.CITY, dt.datetime.now(dt.UTC), args.days)
    print(f"{done.reports} reports, {done.deeds} deeds, {done.false} of them false. The truth: {config().data / 'simulation'}")
    return 0
