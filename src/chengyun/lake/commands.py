# SPDX-License-Identifier: Apache-2.0
"""`chengyun lake seal · status · check · compact · snapshots · restore · retire · move · repair · sweep`."""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
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
    check.add_argument("--contents", action="store_true", help="also read every file and compare it with the digest in its name")
    check.set_defaults(func=_check)
    compact = verbs.add_parser("compact", help="merge the small files of every month")
    compact.add_argument("streams", nargs="*", metavar="PACK.STREAM", help="which; none: every stream")
    compact.set_defaults(func=_compact)
    snapshots = verbs.add_parser("snapshots", help="list what a sealed table can be restored to")
    snapshots.add_argument("stream", metavar="PACK.STREAM")
    snapshots.set_defaults(func=_snapshots)
    restore = verbs.add_parser("restore", help="bring a sealed table back to an earlier snapshot, as a new one")
    restore.add_argument("stream", metavar="PACK.STREAM")
    restore.add_argument("snapshot", type=int)
    restore.set_defaults(func=_restore)
    retire = verbs.add_parser("retire", help="take out the months that are older than their stream is kept")
    retire.set_defaults(func=_retire)
    move = verbs.add_parser("move", help="move files to where they are to lie: old months to the archive, the rest home")
    move.set_defaults(func=_move)
    repair = verbs.add_parser("repair", help="finish what a process left undone, remove what it left behind")
    repair.set_defaults(func=_repair)
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
        if status.fault:
            print(f"  not sealed: {status.fault}")
    return 0


def _check(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    wrong = 0
    for found in services.check(contents=args.contents):
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


def _compact(args: argparse.Namespace) -> int:
    setup.django()
    from django.conf import settings  # settings are read when Django starts

    from chengyun.lake import services

    for stream in args.streams or settings.CITY.streams:
        print(f"{stream}: {services.compact(stream)} files merged")
    return 0


def _snapshots(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    for one in services.snapshots(args.stream):
        print(
            f"{one.id}  {one.at:%Y-%m-%d %H:%M:%S} UTC  to seq {one.seq:,}, {one.rows:,} rows{'  current' if one.current else ''}"
        )
    return 0


def _restore(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    done = services.restore(args.stream, args.snapshot, getpass.getuser())
    if done.snapshot is None:
        print(f"{args.stream} is as snapshot {args.snapshot} has it; nothing was done.")
        return 0
    change = f"{done.rows:,} rows went" if done.rows >= 0 else f"{-done.rows:,} rows came back"
    print(f"{args.stream} is as it was; {change}. Snapshot {done.snapshot}.")
    return 0


def _retire(_: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    for one in services.retire(dt.datetime.now(dt.UTC), getpass.getuser()):
        print(f"{one.stream}: {one.rows:,} rows in {one.files} files taken out")
    return 0


def _move(_: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    for one in services.move(dt.datetime.now(dt.UTC), getpass.getuser()):
        print(f"{one.stream}: {one.files} files with {one.rows:,} rows moved")
    return 0


def _repair(_: argparse.Namespace) -> int:
    setup.django()
    from chengyun.lake import services

    for sentence in services.repair(dt.datetime.now(dt.UTC)) or ["There was nothing to repair."]:
        print(sentence)
    return 0
