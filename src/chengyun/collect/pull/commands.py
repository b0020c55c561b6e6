# SPDX-License-Identifier: Apache-2.0
"""`chengyun source list · add · change · credentials · test · run · pause · resume · decide · remove`."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from chengyun.errors import Refused
from chengyun.run import setup

__all__ = ["add_commands"]

DECISIONS = ("accepted", "mapped", "ignored", "stopped")


def add_commands(subparsers: Any) -> None:
    source = subparsers.add_parser("source", help="data fetched from databases, HTTP services and folders")
    deeds = source.add_subparsers(title="commands", metavar="COMMAND", required=True)

    deeds.add_parser("list", help="every source and how it does").set_defaults(func=_list)

    for name, says, func in (
        ("add", "make a source from a file", _add),
        ("change", "change a source to what a file says", _change),
    ):
        parser = deeds.add_parser(name, help=says)
        parser.add_argument("file", type=Path, metavar="FILE.toml")
        parser.add_argument("--credentials", type=Path, metavar="FILE.toml", help="user, password, secret, private_key")
        parser.add_argument("--paused", action="store_true", help="do not read it yet")
        parser.set_defaults(func=func)

    parser = deeds.add_parser("credentials", help="give a source new credentials")
    parser.add_argument("key")
    parser.add_argument("file", type=Path, metavar="FILE.toml")
    parser.set_defaults(func=_credentials)

    parser = deeds.add_parser("test", help="read the first rows and say what would become of them; nothing is kept")
    parser.add_argument("key")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=_test)

    for name, says in (
        ("run", "read a source now"),
        ("pause", "read it no more"),
        ("resume", "read it again"),
        ("remove", "forget it"),
    ):
        parser = deeds.add_parser(name, help=says)
        parser.add_argument("key")
        parser.set_defaults(func=_DEEDS[name])

    parser = deeds.add_parser("decide", help="say what a change in a source's columns means")
    parser.add_argument("key")
    parser.add_argument("number", type=int, help="of the change, as `chengyun source list` shows it")
    parser.add_argument("decision", choices=DECISIONS)
    parser.set_defaults(func=_decide)


def _list(_: argparse.Namespace) -> int:
    setup.django()
    # Inside the functions from here on: Django models exist only after the line above.
    from django.utils import timezone

    from chengyun.access.actors import SYSTEM
    from chengyun.collect.pull.models import Drift
    from chengyun.collect.pull.queries import source_health

    found = source_health(SYSTEM, timezone.now())
    if not found:
        print("There are no sources. Make one with `chengyun source add FILE.toml`; docs/sources.md has examples.")
    for one in found:
        source, run = one.source, one.run
        last = f"last {run.started_at:%Y-%m-%d %H:%M} {run.state}" if run else "never read"
        due = f", next {source.next_at:%Y-%m-%d %H:%M} UTC" if source.next_at else ""
        print(f"{source.key}  {source.name}  {source.kind}, {source.state}, {last}{due}")
        print(f"    within a day: kept {one.kept:,}, set aside {one.dead:,}")
        if run and run.error:
            print(f"    ! {run.error}")
        if source.late_since:
            print(f"    ! late since {source.late_since:%Y-%m-%d %H:%M} UTC")
        for drift in source.drifts.filter(decision=Drift.Decision.WAITING):
            print(f"    ? change {drift.pk}: {drift.kind} {drift.column} {drift.before} → {drift.after}")
    return 0


def _add(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.collect.pull import services

    made = services.add(SYSTEM, _toml(args.file), _read_credentials(args.credentials), active=not args.paused)
    print(f"Source {made.key} is made{' and paused' if args.paused else ''}. Try it with `chengyun source test {made.key}`.")
    return 0


def _change(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.collect.pull import services

    given = _toml(args.file)
    changed = services.change(SYSTEM, str(given.get("key", "")), given)
    if args.credentials:
        services.set_credentials(SYSTEM, changed.key, _read_credentials(args.credentials))
    print(f"Source {changed.key} is changed.")
    return 0


def _credentials(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.collect.pull import services

    services.set_credentials(SYSTEM, args.key, _read_credentials(args.file))
    print(f"Source {args.key} has new credentials.")
    return 0


def _test(args: argparse.Namespace) -> int:
    setup.django()
    import msgspec
    from django.conf import settings

    from chengyun.collect.pull.credentials import open_
    from chengyun.collect.pull.preview import preview
    from chengyun.collect.pull.services import get_source
    from chengyun.collect.pull.spec import read_spec
    from chengyun.config import config

    source = get_source(args.key)
    found = preview(config(), settings.CITY, read_spec(source.spec, settings.CITY), open_(config().secret, source.credentials))
    if args.json:
        print(msgspec.json.encode(found, enc_hook=str).decode())
        return 0
    print(f"{found.at or 'There are no rows.'}")
    print("  " + ", ".join(f"{name} {kind or '?'}" for name, kind in found.columns.items()))
    for name in found.missing:
        print(f"  ! the mapping needs {name}, which is not there")
    for row in found.rows:
        print(f"  {row.verdict:10} {row.as_sent}{f'  ({row.why})' if row.why else ''}")
    for hint in found.hints:
        print(f"  {hint}")
    return 1 if found.missing else 0


def _run(args: argparse.Namespace) -> int:
    setup.django()
    from django.conf import settings

    from chengyun.collect.pull.runs import run_source
    from chengyun.collect.pull.services import get_source
    from chengyun.config import config

    run = run_source(config(), settings.CITY, get_source(args.key).pk, by="command line")
    print(
        f"{run.state}: read {run.read:,}, unchanged {run.same:,}, kept {run.kept:,}, flagged {run.flagged:,}, "
        f"set aside {run.dead:,}, registered {run.registered:,}, gone {run.vanished:,}."
    )
    if run.error:
        raise Refused(run.error, code="run_failed")
    return 0


def _deed(name: str) -> Any:
    def do(args: argparse.Namespace) -> int:
        setup.django()
        from chengyun.access.actors import SYSTEM
        from chengyun.collect.pull import services

        getattr(services, name)(SYSTEM, args.key)
        print(f"Source {args.key}: {name} done.")
        return 0

    return do


def _decide(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.collect.pull.services import decide, get_source

    if not get_source(args.key).drifts.filter(pk=args.number).exists():
        raise Refused(f"Source {args.key} has no change {args.number}. See `chengyun source list`.", code="no_change")
    source = decide(SYSTEM, args.number, args.decision)
    print(f"Source {source.key} is {source.state}.")
    return 0


_DEEDS = {"run": _run, "pause": _deed("pause"), "resume": _deed("resume"), "remove": _deed("remove")}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as wrong:
        raise Refused(f"{path} cannot be read: {wrong.strerror}.", code="no_file") from wrong
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise Refused(f"{path} is not TOML: {wrong}.", code="source_invalid") from wrong


def _read_credentials(path: Path | None) -> Any:
    import msgspec

    from chengyun.collect.pull.credentials import Credentials

    if path is None:
        return None
    try:
        return msgspec.convert(_toml(path), Credentials)
    except msgspec.ValidationError as wrong:
        raise Refused(f"{path}: {wrong}. It takes user, password, secret and private_key.", code="credentials") from wrong
