# SPDX-License-Identifier: Apache-2.0
"""`chengyun evaluation`: count a month of cases, publish it, show where units stand."""

from __future__ import annotations

import argparse
import datetime as dt


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's command."""
    found = subparsers.add_parser("evaluation", help="count a month of cases for regions, departments and posts; publish it")
    found.add_argument("--period", metavar="YYYY-MM", help="the month; without it, the last one that has ended")
    found.add_argument("--type", metavar="TYPE", help="case type, where several are evaluated")
    found.add_argument("--profile", metavar="PROFILE", help="show only this profile's table")
    found.add_argument("--publish", action="store_true", help="freeze what was counted; it is then never changed")
    found.add_argument("--note", default="", metavar="TEXT", help="why it follows an edition that was published")
    found.set_defaults(func=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
    from chengyun.run.setup import django

    django()
    from chengyun.access.actors import SYSTEM
    from chengyun.cases.evaluation import services
    from chengyun.cases.evaluation.declared import evaluated_types
    from chengyun.cases.evaluation.models import Standing
    from chengyun.errors import Refused, nearest

    now = dt.datetime.now(dt.UTC)
    types = evaluated_types()
    wanted = args.type or next(iter(types), "")
    if wanted not in types:
        raise Refused(f"Case type {wanted!r} has no evaluation.{nearest(wanted, types)} There are {', '.join(types) or 'none'}.")
    first, last = services.month_of(args.period or services.last_month(now))
    edition = services.count(wanted, first, last, SYSTEM, now, note=args.note)
    print(f"{edition.type} {first} to {last}, edition {edition.number}: {edition.cases:,} cases.")
    rows = Standing.objects.filter(edition=edition).order_by("profile", "level", "order", "name")
    shown = ""
    for row in rows.filter(profile=args.profile) if args.profile else rows:
        if (table := f"{row.profile} {row.level}".strip()) != shown:
            shown = table
            print(f"\n{table}\n  place  fair   plain  limits        unit")
        limits = f"{_score(row.low):>5} – {_score(row.high):>5}"
        print(f"  {row.place or '-':>5}  {_score(row.fair):>5}  {_score(row.value):>5}  {limits} {row.name}")
    if args.publish:
        published = services.publish(edition.pk, SYSTEM, now, note=args.note)
        print(f"\nPublished and frozen: SHA-256 {published.digest}")
    return 0


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
