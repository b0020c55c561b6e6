# SPDX-License-Identifier: Apache-2.0
"""`chengyun why` and `chengyun evaluate`."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import TYPE_CHECKING

from chengyun.errors import Refused

if TYPE_CHECKING:
    from chengyun.operate.why import Why


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands."""
    why = subparsers.add_parser("why", help="show what a figure was computed from, and compute it again")
    why.add_argument("figure", help="id of a figure, or a qualified indicator, e.g. air_quality.station_day_aqi")
    why.add_argument("subject", nargs="?", help="area code or entity key, with an indicator")
    why.add_argument("day", nargs="?", help="local date YYYY-MM-DD, or YYYY-MM-DDTHH:MM for hours, with an indicator")
    why.set_defaults(func=_why)
    evaluate = subparsers.add_parser("evaluate", help="bring indicators up to date now")
    evaluate.add_argument("--again", metavar="INDICATOR", action="append", default=[], help="compute an indicator anew")
    evaluate.add_argument("--since", type=dt.date.fromisoformat, help="with --again: first local day")
    evaluate.add_argument("--until", type=dt.date.fromisoformat, help="with --again: the day after the last")
    evaluate.set_defaults(func=_evaluate)


def _why(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    # After Django has started: these read its models.
    from chengyun.access.actors import SYSTEM
    from chengyun.config import config
    from chengyun.operate.queries import find_figure
    from chengyun.operate.why import explain

    if args.figure.isdigit():
        figure_id = int(args.figure)
    else:
        if not args.subject or not args.day:
            raise Refused("Give a figure's id, or an indicator, a subject and a day: chengyun why INDICATOR SUBJECT YYYY-MM-DD")
        try:
            moment = dt.datetime.fromisoformat(args.day)
        except ValueError as wrong:
            raise Refused(f"{args.day!r} is not a day. Write YYYY-MM-DD, or YYYY-MM-DDTHH:MM for an hour.") from wrong
        found = find_figure(args.figure, args.subject, moment.replace(tzinfo=moment.tzinfo or config().zone), SYSTEM)
        figure_id = found.id or 0
    why = explain(figure_id, SYSTEM)
    print("\n".join(_lines(why)))
    return 0 if why.again.equal or why.formula_changed else 1


def _lines(why: Why) -> list[str]:
    """Return a Why as text for a terminal."""
    figure, again = why.figure, why.again
    lines = [
        f"{figure.name} ({figure.indicator}) of {figure.subject_name} ({figure.subject})",
        f"  period      {figure.period_start} to {figure.period_end} ({figure.period})",
        f"  value       {'unknown' if figure.value is None else f'{figure.value:g} {figure.unit}'}  [{figure.status}]"
        + ("  simulated" if figure.simulated else "")
        + ("" if figure.coverage is None else f"  coverage {figure.coverage:.0%}"),
        f"  computed    {figure.computed_at}, formula version {why.version}, after {figure.source}",
    ]
    if why.replaced_by:
        lines.append(f"  replaced by figure {why.replaced_by}")
    lines += [f"  as of       {name}: {seq}" for name, seq in sorted(why.as_of.items())]
    lines += [
        f"  parameter   {one.name} = {one.value} {one.unit or ''} ({one.source}, in force {one.in_force})"
        for one in why.parameters
    ]
    rule = why.formula.get("rule")
    if rule:
        lines.append(f"  rule        {rule['name']} ({rule['key']}), {rule['standard']}")
    lines += [f"  detail      {name}: {value}" for name, value in figure.detail.items()]
    for one in why.inputs:
        lines.append(f"  input       {one.stream}: {one.total} rows, as of {one.as_of}")
    lines += [f"  {'  ' * link.depth}uses        {link.indicator} {link.period_start}: {link.value}" for link in why.downwards]
    lines += [f"  cited by    alert {one.alert} ({one.rule}){f', case {one.case}' if one.case else ''}" for one in why.upwards]
    lines += ["  formula"] + [f"    {line}" for line in str(why.formula["sql"]).splitlines()]
    if not again.done:
        lines.append(f"  again       could not be computed: {again.error}")
    elif why.formula_changed:
        lines.append(f"  again       {again.value} by another version of the formula ({again.version}), the one installed now")
    else:
        lines.append(f"  again       {again.value}: {'equal bit for bit' if again.equal else 'NOT EQUAL'}")
    return lines


def _evaluate(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from django.conf import settings
    from django.utils import timezone

    from chengyun.errors import nearest
    from chengyun.operate import formulas
    from chengyun.operate.engine import evaluate

    for indicator in args.again:
        if indicator not in settings.CITY.indicators:
            raise Refused(f"There is no indicator {indicator!r}.{nearest(indicator, settings.CITY.indicators)}")
        formulas.recompute(settings.CITY, indicator, args.since, args.until)
    done = evaluate(timezone.now())
    if done.busy:
        raise Refused("Another evaluation is running; what was asked for is noted and it will come to it.")
    for one in done.ran:
        failed = f"  FAILED: {one.error}" if one.error else ""
        print(f"{one.indicator}  {one.since} to {one.until}  {one.rows} rows, {one.changed} changed{failed}")
    print(f"{done.changed} figures changed")
    return 1 if any(one.error for one in done.ran) else 0
