# SPDX-License-Identifier: Apache-2.0
"""`chengyun federation`: neighbours, requests between nodes, mirrors."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from chengyun.errors import NotFound

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    federation = subparsers.add_parser("federation", help="neighbouring nodes, requests between nodes, mirrors")
    words = federation.add_subparsers(title="words", metavar="WORD", required=True)

    def word(name: str, help: str, do: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = words.add_parser(name, help=help)
        made.set_defaults(func=_with_django(do))
        return made

    word("key", "show this node's name and the thumbprint others pin", _key)
    add = word("add", "pin a neighbour's key, compared by another way than the network", _add)
    add.add_argument("name")
    add.add_argument("address", help="of its exchange, e.g. https://haishu.example/exchange/v1")
    add.add_argument("--key", action="append", default=[], metavar="THUMBPRINT", help="may be repeated")
    add.add_argument("--title", default="", help="what people read")
    add.add_argument("--area", default="", help="area code it is competent for; none: the whole city")
    word("list", "show neighbours, when they last answered and what waits for them", _list)
    for name, active in (("pause", False), ("resume", True)):
        one = word(name, "stop speaking with a neighbour" if name == "pause" else "take it up again", _pause(active))
        one.add_argument("name")
    statistics = word("statistics", "show what a neighbour publishes of its exchanges, summed by who asked for what", _statistics)
    statistics.add_argument("name")
    word("harvest", "read the neighbours' catalogues now", _harvest)
    ask = word("ask", "ask a neighbour for a dataset", _ask)
    ask.add_argument("name")
    ask.add_argument("dataset")
    ask.add_argument("--purpose", required=True)
    ask.add_argument("--basis", default="")
    ask.add_argument("--field", action="append", default=[], metavar="NAME=clear|pseudonym|masked")
    ask.add_argument("--area", default="")
    ask.add_argument("--days", type=int, default=365)
    word("requests", "show requests between nodes", _requests)
    complete = word("complete", "send a request of ours that was returned again", _complete)
    complete.add_argument("number")
    complete.add_argument("--purpose")
    complete.add_argument("--basis")
    complete.add_argument("--field", action="append", metavar="NAME=clear|pseudonym|masked")
    complete.add_argument("--area", dest="area_code")
    complete.add_argument("--days", type=int)
    answer = word("answer", "agree to what a neighbour asked for, or refuse it, as a steward", _answer)
    answer.add_argument("number")
    answer.add_argument("--as", dest="username", metavar="USERNAME", required=True, help="who answers")
    answer.add_argument("--refuse", metavar="REASON", default="")
    revoke = word("revoke", "take back what was granted to a neighbour, as a steward", _revoke)
    revoke.add_argument("number")
    revoke.add_argument("reason")
    revoke.add_argument("--as", dest="username", metavar="USERNAME", required=True, help="who takes it back")
    mirror = word("mirror", "keep a neighbour's dataset here", _mirror)
    mirror.add_argument("name")
    mirror.add_argument("dataset")
    mirror.add_argument("--purpose", default="")
    mirror.add_argument("--bulk", action="store_true", help="fill it from a file first: for millions of rows")
    check = word("check", "compare mirrors with their neighbours, row by row in digests, and mend what differs", _check)
    check.add_argument("name", nargs="?", default="", help="the neighbour; default all of them")
    word("draw", "send what waits and bring every mirror up to date now", _draw)


def _with_django(do: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        from chengyun.run.setup import django

        django()
        return do(args)

    return run


def _key(_: argparse.Namespace) -> int:
    from chengyun.access.keystore import signing_key
    from chengyun.config import config

    print(f"{config().node}  {signing_key('node').key_id}")
    return 0


def _add(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.share.federation import neighbours

    made = neighbours.add(SYSTEM, args.name, args.address, args.key, args.title, args.area)
    print(f"{made.name} is a neighbour; {len(made.keys)} key pinned. To the policy it is {made.organisation.key}.")
    return 0


def _list(_: argparse.Namespace) -> int:
    from chengyun.share.federation.models import Neighbour

    for one in Neighbour.objects.all():
        waiting = one.sent.filter(taken_at=None).count()
        state = "paused" if not one.active else f"away since {one.failing_since:%Y-%m-%d %H:%M}" if one.failing_since else "there"
        print(f"{one.name:<24} {state:<28} {waiting} messages wait  {one.address}")
    return 0


def _pause(active: bool) -> Callable[[argparse.Namespace], int]:
    def do(args: argparse.Namespace) -> int:
        from chengyun.access.actors import SYSTEM
        from chengyun.share.federation import neighbours

        neighbours.pause(SYSTEM, args.name, active=active)
        return 0

    return do


def _statistics(args: argparse.Namespace) -> int:
    from collections import Counter

    from chengyun.share.federation import neighbours

    told = neighbours.statistics_of(neighbours.access_neighbour(args.name))
    exchanges, rows = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in told.lines:
        exchanges[one.consumer, one.dataset] += one.exchanges
        rows[one.consumer, one.dataset] += one.rows
    print(f"{told.since} to {told.until}: {exchanges.total():,} exchanges, {rows.total():,} rows")
    for at in sorted(exchanges):
        print(f"{at[0]:<24} {at[1]:<40} {exchanges[at]:>12,} exchanges {rows[at]:>14,} rows")
    return 0


def _harvest(_: argparse.Namespace) -> int:
    from chengyun.share.federation import offering

    print(f"{offering.harvest_all()} neighbours answered.")
    return 0


def _ask(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.share.federation import askings, neighbours

    fields = dict(one.partition("=")[::2] for one in args.field)
    made = askings.ask(
        SYSTEM, neighbours.access_neighbour(args.name), args.dataset, args.purpose, basis=args.basis,
        fields={name: way or "clear" for name, way in fields.items()}, area_code=args.area, days=args.days,
    )  # fmt: skip
    print(f"Request {made.number} goes out with the next delivery.")
    return 0


def _requests(_: argparse.Namespace) -> int:
    from chengyun.share.federation.models import Asking

    for one in Asking.objects.select_related("neighbour"):
        way = "to" if one.ours else "from"
        print(
            f"{one.number}  {one.state:<8} {way} {one.neighbour.name}: {one.dataset} for {one.purpose} {one.grant} {one.reason}"
        )
    return 0


def _complete(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.share.federation import askings

    given = {name: getattr(args, name) for name in ("purpose", "basis", "area_code", "days")}
    changed = {name: value for name, value in given.items() if value is not None}
    if args.field:
        changed["fields"] = {name: way or "clear" for name, way in (one.partition("=")[::2] for one in args.field)}
    made = askings.complete(SYSTEM, _asking(args.number), **changed)
    print(f"Request {made.number} goes out again with the next delivery.")
    return 0


def _answer(args: argparse.Namespace) -> int:
    from chengyun.share.requests import services

    actor, number = _steward(args.username), _theirs(args.number)
    made = services.refuse(actor, number, args.refuse) if args.refuse else services.agree(actor, number)
    waits = " It waits for the second person." if made.agreed_by_id and made.state == "submitted" else ""
    print(f"{made.number} is {made.state}.{waits}")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from chengyun.share.requests import services

    services.revoke(_steward(args.username), _theirs(args.number), args.reason)
    return 0


def _steward(username: str) -> Any:
    from chengyun.access.actors import actor_of_account
    from chengyun.access.models import Account

    found = Account.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise NotFound(f"There is no account {username!r}.")
    return actor_of_account(found)


def _theirs(number: str) -> str:
    held = _asking(number)
    if held.request is None:
        raise NotFound(f"The request {number} is ours; its neighbour answers it.")
    return str(held.request.number)


def _asking(number: str) -> Any:
    import uuid

    from chengyun.share.federation.models import Asking

    try:
        return Asking.objects.get(number=uuid.UUID(number))
    except (ValueError, Asking.DoesNotExist):
        raise NotFound(f"There is no request {number!r}. `chengyun federation requests` lists them.") from None


def _mirror(args: argparse.Namespace) -> int:
    from chengyun.share.federation import mirrors, neighbours

    made = mirrors.start(neighbours.access_neighbour(args.name), args.dataset, args.purpose)
    if args.bulk:
        from chengyun.share.federation import filling

        print(f"{filling.fill(made):,} rows.")
    print(f"Rows come into mirror.{made.table}.")
    return 0


def _check(args: argparse.Namespace) -> int:
    from chengyun.share.federation import checking, neighbours

    if args.name:
        neighbours.access_neighbour(args.name)
    found = checking.check_all(args.name)
    for mirror, said in found.items():
        match said:
            case None:
                what = "not compared: it is not whole, or its neighbour tells no digests of it"
            case 0:
                what = f"{mirror.rows:,} rows are what they should be"
            case int():
                what = f"differed in {said} ranges of rows, which were read anew"
            case _:
                what = f"could not be compared or mended: {said}"
        print(f"{mirror.neighbour.name}  {mirror.dataset}  {mirror.purpose}  {what}")
    return 1 if any(isinstance(said, str) for said in found.values()) else 0


def _draw(_: argparse.Namespace) -> int:
    from chengyun.share.federation import mirrors, outbox

    print(f"{outbox.deliver_all()} messages taken, {mirrors.draw_all()} mirrors up to date.")
    return 0
