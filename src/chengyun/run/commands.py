# SPDX-License-Identifier: Apache-2.0
"""`chengyun up · status · migrate · check · explain · reference`."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import unicodedata
from pathlib import Path
from typing import Any

from chengyun.errors import Misdeclared, Refused, nearest


def add_commands(subparsers: Any) -> None:
    up = subparsers.add_parser("up", help="start the city and keep it running")
    up.add_argument("--demo", action="store_true", help="let a made-up city live in it: a small one, or the one `simulate` made")
    up.set_defaults(func=_up)
    status = subparsers.add_parser("status", help="show each process, its memory, and the age of every stream")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(func=_status)
    migrate = subparsers.add_parser("migrate", help="bring the database to this version of the program")
    migrate.set_defaults(func=_migrate)
    check = subparsers.add_parser("check", help="check every declaration of every pack and list all faults")
    check.set_defaults(func=_check)
    explain = subparsers.add_parser("explain", help="show everything that follows from a pack's declarations")
    explain.add_argument("pack", help="key of the pack, e.g. air_quality; or `access`: why somebody may or may not read")
    explain.add_argument("--actor", default="", help="with `access`: a username; the public without it")
    explain.add_argument("--dataset", default="", help="with `access`: key of a dataset")
    explain.add_argument("--field", default="", help="with `access`: one of its fields")
    explain.add_argument("--purpose", default="", help="with `access`: what for")
    explain.set_defaults(func=_explain)
    reference = subparsers.add_parser("reference", help="write docs/reference from the declarations")
    reference.add_argument("folder", type=Path, nargs="?", default=Path("docs/reference"))
    reference.add_argument("--check", action="store_true", help="write nothing; fail when a page is not what it should be")
    reference.set_defaults(func=_reference)


def _up(args: argparse.Namespace) -> int:
    if args.demo:
        os.environ["CHENGYUN_DEMO"] = "1"
    from chengyun.config import config
    from chengyun.run.folder import explained
    from chengyun.run.supervisor import up

    with explained():
        if args.demo:
            from chengyun.simulate.settings import begin_demo  # this process stays for good and loads no more than it needs

            begin_demo(config(), dt.datetime.now(dt.UTC))
        return up(config())


def _status(args: argparse.Namespace) -> int:
    from chengyun.config import config
    from chengyun.run.status import read_status

    status = read_status(config())
    if args.json:
        print(status.as_json())
        return 0 if status.processes else 1
    if not status.processes and not config().data.exists():
        raise Refused(
            f"There is nothing at {status.data}. Start a city there with `chengyun up`, or name another folder with --data."
        )
    if not status.processes:
        raise Refused(f"chengyun is not running on {status.data}. Start it with `chengyun up`.", code="not_running")
    print(f"{status.address}  data {status.data}, {status.free_mb:,} MB free, memory {status.memory_mb} MB")
    rows = [["process", "pid", "memory", "restarts", "up since"]]
    for it in status.processes:
        memory = "gone" if it.memory_mb is None else f"{it.memory_mb} MB"
        rows.append([it.name, str(it.pid), memory, str(it.restarts), f"{it.since:%Y-%m-%d %H:%M:%S} UTC"])
    _print_table(rows)
    if status.streams:
        names = list(status.streams[0])
        _print_table([names, *([_shown(stream[name]) for name in names] for stream in status.streams)])
    for name, lag in status.lag.items():
        print(f"lag of {name}: {_shown(lag)}")
    for sentence in status.trouble:
        print(f"! {sentence}")
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from chengyun.run.migrate import migrate

    applied = migrate()
    print("\n".join(applied) if applied else "Nothing to do: the database is up to date.")
    return 0


def _check(_: argparse.Namespace) -> int:
    from chengyun.city import load_city
    from chengyun.config import config

    city = load_city(config().packs)
    counts = {
        "packs": city.packs, "entities": city.entities, "streams": city.streams, "indicators": city.indicators,
        "alert rules": city.alerts, "case types": city.cases, "pages": city.pages,
    }  # fmt: skip
    print("ok: " + ", ".join(f"{len(found)} {name}" for name, found in counts.items()))
    return 0


def _explain(args: argparse.Namespace) -> int:
    if args.pack == "access":
        return _explain_access(args)
    from chengyun.city import load_city
    from chengyun.config import config
    from chengyun.run.explain import explain

    city = load_city(config().packs)
    if args.pack not in city.packs:
        raise Refused(f"There is no pack {args.pack!r}.{nearest(args.pack, city.packs)} There are {', '.join(city.packs)}.")
    print(explain(city, args.pack))
    return 0


def _explain_access(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.access.explaining import explain_for

    if not args.dataset:
        raise Refused("Name a dataset: `chengyun explain access --dataset air_quality.station --actor USERNAME --purpose duty`.")
    found = explain_for(SYSTEM, args.actor, args.dataset, args.field, args.purpose)
    print(found.sentence)
    for reason in found.reasons:
        print(f"  {reason.because}: {reason.rows}" + (f"; {reason.fields}" if reason.fields else ""))
    for idle in found.refused:
        print(f"  – {idle}")
    return 0 if found.allowed else 1


def _reference(args: argparse.Namespace) -> int:
    from chengyun.city import load_city
    from chengyun.config import config
    from chengyun.run.reference import pages

    stale = []
    for name, text in pages(load_city(config().packs)).items():
        file = args.folder / name
        if args.check:
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                stale.append(f"{file} is not what the declarations say. Run `chengyun reference {args.folder}`.")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(file)
    if stale:
        raise Misdeclared(stale)
    return 0


def _print_table(rows: list[list[str]]) -> None:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Return the columns a text takes in a terminal, where Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _shown(value: object) -> str:
    """Return a value as a person reads it; unknown is a dash, never zero."""
    if value is None:
        return "–"
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, dt.timedelta):
        return str(dt.timedelta(seconds=round(value.total_seconds())))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
