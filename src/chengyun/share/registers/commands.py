# SPDX-License-Identifier: Apache-2.0
"""`chengyun registers`: load files, ask what a thing was on a day as known at an instant, and decide about identities."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import time
from pathlib import Path
from typing import Any

from chengyun.errors import NotFound, Problem, Refused
from chengyun.run import setup

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    registers = subparsers.add_parser("registers", help="base registers: load, as-of, history, merge, split, succeed, undo")
    verbs = registers.add_subparsers(title="verbs", metavar="VERB", required=True)

    load = verbs.add_parser("load", help="load files through a pack's feed, e.g. `registers load population.persons people.csv`")
    load.add_argument("feed", metavar="PACK.FEED")
    load.add_argument("files", nargs="+", type=Path, metavar="FILE")
    load.set_defaults(func=_load)

    asked = verbs.add_parser("as-of", help="show a thing as it was on a day, as it was known at an instant")
    asked.add_argument("register", metavar="PACK.REGISTER")
    asked.add_argument("key")
    asked.add_argument("--day", help="YYYY-MM-DD; default: today")
    asked.add_argument("--known", help="ISO 8601 with offset, or YYYY-MM-DD (its end); default: now")
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--purpose", help="of policy.toml; a register of persons is not read without")
    asked.set_defaults(func=_as_of)

    told = verbs.add_parser("history", help="show everything that was ever stated of a thing")
    told.add_argument("register", metavar="PACK.REGISTER")
    told.add_argument("key")
    told.add_argument("--purpose", help="of policy.toml; a register of persons is not read without")
    told.set_defaults(func=_history)

    for verb, helped in {
        "merge": "say that keys are one thing: the last named stays",
        "succeed": "say that things go on as others: --into names those",
        "split": "say that statements are of another thing: --into KEY=NUMBER,NUMBER",
    }.items():
        word = verbs.add_parser(verb, help=helped)
        word.add_argument("register", metavar="PACK.REGISTER")
        word.add_argument("keys", nargs="+", metavar="KEY")
        word.add_argument("--because", required=True, metavar="REASON")
        if verb != "merge":
            word.add_argument("--into", action="append", required=True)
        if verb == "succeed":
            word.add_argument("--on", required=True, metavar="YYYY-MM-DD")
        word.set_defaults(func=_decide, verb=verb)
    compared = verbs.add_parser("match", help="compare what two authorities state; certain pairs are proposed, others wait")
    compared.add_argument("register", metavar="PACK.REGISTER")
    compared.add_argument("--left", required=True, metavar="AUTHORITY", help="whose keys stay")
    compared.add_argument("--right", required=True, metavar="AUTHORITY")
    compared.add_argument(
        "--threshold", type=float, default=0.98, help="probability from which a pair is proposed (default: 0.98)"
    )
    compared.add_argument("--account", type=int, default=0, help=argparse.SUPPRESS)
    compared.set_defaults(func=_match)
    verbs.add_parser("seasons", help="take the season out of series whose figures have changed").set_defaults(func=_seasons)
    undo = verbs.add_parser("undo", help="take a decision back")
    undo.add_argument("number", type=int)
    undo.set_defaults(func=_undo)


def _actor() -> Any:
    from chengyun.access.actors import SYSTEM

    return dataclasses.replace(SYSTEM, name=f"{SYSTEM.name}:{getpass.getuser()}")


def _load(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.share.registers.loading import load_register

    for path in args.files:
        if not path.is_file():
            raise Refused(f"{path} is not a file.", code="no_file")
    begun = time.monotonic()
    loaded = load_register(_actor(), args.feed, args.files)
    seconds = time.monotonic() - begun
    print(
        f"Read {loaded.read:,} statements in {seconds:.1f} s: {loaded.stated:,} taken in, {loaded.unchanged:,} known already, "
        f"{loaded.changed:,} rows changed."
    )
    for code, count in loaded.dead.most_common():
        print(f"  refused, {code}: {count:,}, e.g. {loaded.example[code]}")
    return 0


def _as_of(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.share.registers import asked
    from chengyun.share.registers.declared import authority_name
    from chengyun.share.registers.queries import as_of

    _recorded(args)
    found = as_of(args.register, args.key, asked.day(args.day), asked.instant(args.known))
    if found is None:
        raise NotFound(f"{args.register} had no {args.key!r} on that day, as far as was known then.")
    if args.json:
        print(json.dumps({name: str(value) for name, value in found.values.items()}, ensure_ascii=False))
        return 0
    if found.asked:
        print(f"{found.asked} is {found.key} now.")
    print(f"{args.register} {found.key} on {found.day}, as known {found.known.isoformat() if found.known else 'now'}")
    for name, value in found.values.items():
        said = found.said.get(name)
        if value in (None, "") and said is None:
            continue
        source = f"  ← {authority_name(args.register, said.chosen.authority)}, load {said.chosen.load}" if said else ""
        print(f"  {name:<20} {value}{source}")
        for other in said.others if said else ():
            print(f"  {'':<20} also: {other.value}  ← {authority_name(args.register, other.authority)}")
    return 0


def _history(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.share.registers.queries import statements_of

    _recorded(args)
    found = statements_of(args.register, args.key)
    if not found:
        raise NotFound(f"Nothing was ever stated of {args.register} {args.key!r}.")
    for one in found:
        until = f", superseded {one.known_until:%Y-%m-%d %H:%M}" if one.known_until else ""
        print(
            f"{one.pk}  {one.key}  {one.authority}  {one.valid_from or '…'} – {one.valid_to or '…'}  "
            f"received {one.received_at:%Y-%m-%d %H:%M} (load {one.load_id}){until}"
        )
        print(f"    {json.dumps(one.values, ensure_ascii=False)}")
    return 0


def _recorded(args: argparse.Namespace) -> None:
    """Write down that a register of persons is read here, and for what."""
    from chengyun.access import audit
    from chengyun.access.rulebook import rulebook
    from chengyun.share.registers.declared import entity_of, fields_of, table_of

    if not entity_of(args.register).personal:
        return
    if args.purpose not in rulebook().purposes:
        known = ", ".join(rulebook().purposes)
        raise Refused(f"{args.register} is about persons: say for what it is read with --purpose, one of {known}.")
    # Nothing is masked here, so all of it is told to the person.
    fields = ["name", *fields_of(table_of(args.register))]
    audit.record(_actor(), "read", args.register, args.key, args.purpose, subjects=[(args.register, args.key)], fields=fields)


def _decide(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.share.registers import asked, identity

    actor = _actor()
    if args.verb == "merge":
        if len(args.keys) < 2:
            raise Refused("Name the keys to be merged, and last the one that stays.")
        decision = identity.merge(actor, args.register, args.keys[:-1], args.keys[-1], args.because)
    elif args.verb == "succeed":
        on = asked.day(args.on)
        if on is None:
            raise Refused("--on is empty; write the day as YYYY-MM-DD.")
        decision = identity.succeed(actor, args.register, args.keys, args.into, on, args.because)
    else:
        if len(args.keys) != 1:
            raise Refused("Name the one key to be split.")
        decision = identity.split(actor, args.register, args.keys[0], dict(map(_part, args.into)), args.because)
    print(f"Decision {decision.pk}; `chengyun registers undo {decision.pk}` takes it back.")
    return 0


def _part(text: str) -> tuple[str, list[int]]:
    key, _, numbers = text.partition("=")
    parts = numbers.split(",")
    if not key or not all(one.isdigit() for one in parts):
        raise Refused(f"--into is {text!r}, expected KEY=NUMBER,NUMBER with numbers of `registers history`.")
    return key, [int(one) for one in parts]


def _match(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import actor_of_account
    from chengyun.access.models import Account
    from chengyun.share.registers.review import came_to_nothing, compare

    account = Account.objects.filter(pk=args.account, is_active=True).first() if args.account else None
    if args.account and account is None:
        raise NotFound(f"There is no account {args.account}.")
    actor = actor_of_account(account) if account else _actor()
    try:
        run = compare(actor, args.register, args.left, args.right, threshold=args.threshold)
    except Exception as wrong:
        if account:
            came_to_nothing(actor, args.register, args.left, args.right, wrong.code if isinstance(wrong, Problem) else "")
        raise
    waiting = run.candidates.filter(state="waiting").count()
    print(f"Run {run.pk}: {run.compared:,} pairs compared, {run.matched:,} proposed, {waiting:,} to be looked at.")
    return 0


def _seasons(_args: argparse.Namespace) -> int:
    setup.django()
    from django.conf import settings

    from chengyun.share.registers.seasons import make

    print(f"Took the season out of {make(settings.CITY):,} series.")
    return 0


def _undo(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.share.registers import identity

    decision = identity.undo(_actor(), args.number)
    print(f"Decision {decision.pk} ({decision.kind}) undone.")
    return 0
