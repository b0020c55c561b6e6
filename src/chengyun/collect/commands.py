# SPDX-License-Identifier: Apache-2.0
"""`chengyun load`, `chengyun replay` and `chengyun dead-letters`."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import getpass
import os
import time
from pathlib import Path
from typing import Any

from chengyun.areas.commands import add_load_arguments, load_areas_command
from chengyun.errors import NotFound, Refused, nearest
from chengyun.run import setup

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    load = subparsers.add_parser(
        "load", help="load files through a pack's feed, or areas",
        description="chengyun load <pack.feed> FILE…, e.g. `chengyun load air_quality.china_hours 2024.csv.gz`; "
        "chengyun load areas FILE… --crs GCJ-02",
    )  # fmt: skip
    load.add_argument("feed", metavar="PACK.FEED", help="a feed, or `areas`")
    add_load_arguments(load)
    way = load.add_mutually_exclusive_group()
    way.add_argument(
        "--sealed", action="store_true", default=None,
        help="write history straight into the sealed table; the default for files that begin long ago and can be read by column",
    )  # fmt: skip
    way.add_argument("--hot", dest="sealed", action="store_false", help="take the way that observations of today take")
    load.add_argument("--again", action="store_true", help="with --sealed: also what was loaded from the same file before")
    load.set_defaults(func=_load)

    replay = subparsers.add_parser("replay", help="play a file's history through the front door as if it were live")
    replay.add_argument("feed", metavar="PACK.FEED")
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--speed", type=float, default=3600.0, help="seconds of the file per second (default: 3600)")
    replay.add_argument("--shift-to-now", action="store_true", help="move all times so that the last observation is now's")
    replay.add_argument("--simulated", action="store_true", help="mark everything as simulated")
    replay.set_defaults(func=_replay)

    letters = subparsers.add_parser("dead-letters", help="rows that could not be stored: kept until one of these words is said")
    verbs = letters.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb, helped in {
        "drop": "give up those that wait and are old; they stay, marked as dropped",
        "erase": "remove those that are settled and old; those that wait stay",
    }.items():
        word = verbs.add_parser(verb, help=helped)
        word.add_argument("--older-than", type=int, required=True, metavar="DAYS")
        word.add_argument("--because", required=True, metavar="REASON", help="stands in the audit log")
        word.add_argument("--stream", metavar="PACK.STREAM", help="only of one stream")
        word.set_defaults(func=_settle, verb=verb)


def _load(args: argparse.Namespace) -> int:
    if args.feed == "areas":
        return load_areas_command(args)
    setup.django()
    # Inside the function: these import Django models, which exist only after the line above.
    from django.conf import settings
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from chengyun.collect.backload import is_history, load_history
    from chengyun.collect.load import load_files
    from chengyun.config import config

    for path in args.files:
        if not path.is_file():
            raise Refused(f"{path} is not a file.", code="no_file")
    begun = time.monotonic()
    total = sum(path.stat().st_size for path in args.files)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]:,} rows"), TimeElapsedColumn()
    ) as shown:
        bar = shown.add_task("loading", total=total, rows=0)

        def told(rows: int, position: int) -> None:
            shown.update(bar, completed=position, rows=rows)

        now = dt.datetime.now(dt.UTC)
        if args.sealed or (args.sealed is None and all(is_history(settings.CITY, args.feed, path, now) for path in args.files)):
            # Whoever looks at a page meanwhile goes first.
            os.nice(10)
            loaded = load_history(config(), settings.CITY, args.feed, args.files, told, again=args.again)
        else:
            loaded = load_files(config(), settings.CITY, args.feed, args.files, told)
        shown.update(bar, completed=total, rows=loaded.read)
    seconds = time.monotonic() - begun
    print(f"Read {loaded.read:,} observations in {seconds:.1f} s, stored {loaded.stored:,}.")
    if loaded.skipped:
        print(f"  kept by an earlier load of the same file: {loaded.skipped:,}; --again loads them once more")
    if loaded.waited_s >= 1:
        print(f"  waited {loaded.waited_s:.0f} s while senders were turned away: they go first")
    if loaded.registered:
        print(f"  registered or changed: {loaded.registered:,}")
    for name, count in sorted(loaded.flags.items()):
        print(f"  flagged {name}: {count:,}")
    for code, count in loaded.dead.most_common():
        print(f"  set aside, {code}: {count:,}, e.g. {loaded.example[code]}")
    for rejects in loaded.rejects:
        print(f"  more rows were set aside than are shown as dead letters; the rest are in {rejects}")
    for hint in loaded.hints:
        print(f"  {hint}")
    return 0


def _settle(args: argparse.Namespace) -> int:
    if args.older_than < 0:
        raise Refused(f"--older-than is {args.older_than}, expected a number of days.", code="days")
    setup.django()
    from django.conf import settings

    from chengyun.access.actors import SYSTEM
    from chengyun.collect import services

    if args.stream is not None and args.stream not in settings.CITY.streams:
        raise NotFound(f"There is no stream {args.stream!r}.{nearest(args.stream, settings.CITY.streams)}")
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=args.older_than)
    settle = services.drop_older if args.verb == "drop" else services.erase_older
    actor = dataclasses.replace(SYSTEM, name=f"{SYSTEM.name}:{getpass.getuser()}")
    counts = settle(actor, before, args.because, stream=args.stream)
    for stream, count in counts.items():
        print(f"{stream or 'no stream'}: {count:,}")
    done = "dropped" if args.verb == "drop" else "erased"
    print(f"{sum(counts.values()):,} dead letters {done}, received before {before:%Y-%m-%d %H:%M} UTC.")
    return 0


def _replay(args: argparse.Namespace) -> int:
    if args.speed <= 0:
        raise Refused(f"--speed is {args.speed:g}, expected a number above zero.", code="speed")
    setup.django()
    from django.conf import settings
    from rich.progress import Progress, TextColumn

    from chengyun.collect.replay import replay
    from chengyun.config import config

    with Progress(TextColumn("{task.description}")) as shown:
        task = shown.add_task("reading")
        accepted = replay(
            config(), settings.CITY, args.feed, args.file, speed=args.speed, shift_to_now=args.shift_to_now,
            purpose="simulate" if args.simulated else "ingest:*",
            told=lambda moment, count: shown.update(task, description=f"{moment:%Y-%m-%d %H:%M} UTC, {count:,} observations"),
        )  # fmt: skip
    print(f"{accepted:,} observations accepted.")
    return 0
