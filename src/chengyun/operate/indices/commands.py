# SPDX-License-Identifier: Apache-2.0
"""`chengyun indicators list, backfill, versions`: what there is, bringing history up, versions of a formula side by side.

The word itself is offered beside `chengyun indicators run`, in operate/cluster/commands.py.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Sequence

from chengyun.errors import Refused, nearest

PAUSE_S = 0.5
PATIENCE_S = 600.0
"""So long may another evaluation hold the pen before a back-fill gives up; what it asked for stays due."""


def add_words(deeds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what may follow `chengyun indicators`."""
    deeds.add_parser("list", help="every indicator with its period, version and newest figure").set_defaults(func=_list)
    fill = deeds.add_parser("backfill", help="compute indicators anew over a span of days, with what uses them")
    fill.add_argument("indicator", nargs="+", help="qualified key, e.g. air_quality.station_day_aqi")
    fill.add_argument("--from", dest="since", type=dt.date.fromisoformat, required=True, help="first local day, YYYY-MM-DD")
    fill.add_argument("--to", dest="until", type=dt.date.fromisoformat, help="the day after the last; default: tomorrow")
    fill.add_argument("--with-inputs", action="store_true", help="the indicators they are made of, too")
    fill.set_defaults(func=_backfill)
    beside = deeds.add_parser("versions", help="what each version of a formula says, side by side")
    beside.add_argument("indicator")
    beside.add_argument("subject", help="area code or entity key")
    beside.add_argument("--from", dest="since", type=dt.date.fromisoformat, required=True)
    beside.add_argument("--to", dest="until", type=dt.date.fromisoformat, required=True, help="the day after the last")
    beside.set_defaults(func=_versions)


def _list(args: argparse.Namespace) -> int:  # noqa: ARG001
    from chengyun.run import setup

    setup.django()
    # After Django has started: these read its models.
    from django.conf import settings

    from chengyun.operate.models import Figure
    from chengyun.operate.order import indicator_order

    for key in indicator_order(settings.CITY):
        one = settings.CITY.indicators[key]
        rows = Figure.objects.filter(indicator=key, superseded_at=None)
        newest = rows.order_by("-period_start").values_list("period_start", flat=True).first()
        kind = "index" if key in settings.CITY.indices else "indicator"
        print(f"{key}  {kind} by {one.period}  version {one.version}  newest {newest or 'none'}  {one.name}")
    return 0


def _backfill(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from django.conf import settings
    from django.utils import timezone

    from chengyun.operate import formulas
    from chengyun.operate.engine import evaluate
    from chengyun.operate.order import indicator_order, upstream

    city = settings.CITY
    _known(args.indicator)
    until = args.until or timezone.localdate() + dt.timedelta(days=1)
    if until <= args.since:
        raise Refused(f"--to {until} is not after --from {args.since}; it is the day after the last.")
    wanted = set(args.indicator)
    if args.with_inputs:
        wanted |= {used for key in args.indicator for used in upstream(city, key)}
    count = sum(formulas.recompute(city, key, args.since, until) for key in indicator_order(city) if key in wanted)
    print(f"{count} windows of {len(wanted)} indicators are due", flush=True)
    begun, busy_since = time.monotonic(), time.monotonic()
    while True:
        done = evaluate(timezone.now())
        if not done.busy:
            break
        if time.monotonic() - busy_since > PATIENCE_S:
            raise Refused("Another evaluation keeps running; what was asked for is noted and it will come to it.")
        time.sleep(PAUSE_S)
    for one in done.ran:
        if one.error:
            print(f"{one.indicator}  {one.since} to {one.until}  FAILED: {one.error}")
    rows = sum(one.rows for one in done.ran)
    print(f"{rows} figures computed, {done.changed} changed, in {time.monotonic() - begun:.1f} s")
    return 1 if any(one.error for one in done.ran) else 0


def _versions(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.config import config
    from chengyun.operate.indices.comparing import versions
    from chengyun.standards.times import day_bounds

    _known([args.indicator])
    zone = config().zone
    found = versions(args.indicator, args.subject, day_bounds(args.since, zone)[0], day_bounds(args.until, zone)[0], SYSTEM)
    names = [f"{one.key}@{one.version}{'' if one.current else ' (former)'}" for one in found.versions]
    print("  ".join(["period", *names]))
    for start, values in found.rows:
        shown = ("–" if value is None else f"{value:g}" for value in values)
        print("  ".join([start.astimezone(zone).isoformat(timespec="minutes"), *shown]))
    return 0


def _known(keys: Sequence[str]) -> None:
    from django.conf import settings

    for key in keys:
        if key not in settings.CITY.indicators:
            raise Refused(f"There is no indicator {key!r}.{nearest(key, settings.CITY.indicators)}")
