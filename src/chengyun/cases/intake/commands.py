# SPDX-License-Identifier: Apache-2.0
"""`chengyun intake`: embargoes, and the mailbox by hand."""

from __future__ import annotations

import argparse


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `intake`."""
    parser = subparsers.add_parser("intake", help="reports of residents: embargoes, the mailbox")
    deeds = parser.add_subparsers(metavar="DEED", required=True)
    embargo = deeds.add_parser("embargo", help="keep categories off the public map")
    embargo.add_argument("category", help="a category's code, or how codes begin")
    embargo.add_argument("--days", type=int, help="how long after acceptance; without it for good")
    embargo.add_argument("--reason", required=True)
    embargo.add_argument("--end", action="store_true", help="end the embargo instead")
    embargo.set_defaults(func=_embargo)
    post = deeds.add_parser("post", help="read the mailbox and send what waits, now")
    post.set_defaults(func=_post)


def _embargo(args: argparse.Namespace) -> int:
    from chengyun.run.setup import django

    django()
    from django.utils import timezone

    from chengyun.cases.intake.embargo import end, impose

    if args.end:
        print(f"Ended: {end(args.category, args.reason, timezone.now())}.")
    else:
        impose(args.category, args.days, args.reason, timezone.now())
        print(f"Reports of {args.category} stay off the map{f' for {args.days} days' if args.days is not None else ''}.")
    return 0


def _post(_args: argparse.Namespace) -> int:
    from chengyun.run.setup import django

    django()
    from django.utils import timezone

    from chengyun.cases.intake.mailbox import read_mailbox
    from chengyun.cases.intake.mailing import send_waiting

    read, sent = read_mailbox(timezone.now()), send_waiting(timezone.now())
    print(f"Letters read: {read}; sent: {sent}.")
    return 0
