# SPDX-License-Identifier: Apache-2.0
"""`chengyun lake seal · status · check`."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from chengyun.run import setup


def add_commands(subparsers: Any) -> None:
    lake = subparsers.add_parser("lake", help="observations at rest: seal them, show how they stand, check them")
    verbs = lake.add_subparsers(title="verbs", metavar="VERB", required=True)
    seal = verbs.add_parser("seal", help="move hot rows into the sealed tables now")
    seal.add_argument("streams", nargs="*", metavar="PACK.STREAM", help="which; none: every stream")
    seal.set_defaults(func=_seal)
    status = verbs.add_parser("status", help="rows and age of every stream")
    status.set_defaults(func=_status)
    check = verbs.add_parser("check", help="compare the books, the sealed tables and the files")
    check.set_defaults(func=_check)
    sweep = verbs.add_parser("sweep", help="remove files that no reader can need any more")
    sweep.set_defaults(func=_sweep)


def _seal(args: argparse.Namespace) -> int:
    setup.django()
    from django.conf import settings  # settings are read when Django starts

    from chengyun.lake import services

    for stream in args.streams or settings.CITY.streams:
        done = services.seal(stream)
        print(
            f"{stream}: {done.rows:,} rows sealed, {done.duplicates:,} repeated, {done.corrected:,} corrected, "
            f"{done.bytes:,} bytes, {done.merged} files merged"
        )
    return 0


def _status(_: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake.queries import stream_status  # Django's connection, which setup makes

    for status in stream_status():
        newest = "nothing yet" if status.newest is None else f"newest {status.newest:%Y-%m-%d %H:%M} UTC"
        print(f"{status.stream}: {status.rows_hot:,} hot, {status.rows_sealed:,} sealed, {newest}")
    return 0


def _check(_: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    wrong = 0
    for found in services.check():
        print(f"{found.stream}: {found.rows:,} rows in {found.files} files, {found.size:,} bytes, {len(found.stray)} stray files")
        for fault in found.faults:
            print(f"  {fault}")
        wrong += len(found.faults)
    return 1 if wrong else 0


def _sweep(_: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    print(f"{services.sweep(dt.datetime.now(dt.UTC))} files removed")
    return 0
