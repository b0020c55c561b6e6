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
    answer = word("answer", "grant or refuse what a neighbour asked for", _answer)
    answer.add_argument("number")
    answer.add_argument("--refuse", metavar="REASON", default="")
    revoke = word("revoke", "take back what was granted to a neighbour", _revoke)
    revoke.add_argument("number")
    revoke.add_argument("reason")
    mirror = word("mirror", "keep a neighbour's dataset here", _mirror)
    mirror.add_argument("name")
    mirror.add_argument("dataset")
    mirror.add_argument("--purpose", default="")
    mirror.add_argument("--bulk", action="store_true", help="fill it from a file first: for millions of rows")
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


def _answer(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.share.federation import askings

    made = askings.answer(SYSTEM, _asking(args.number), grant=not args.refuse, reason=args.refuse)
    print(f"{made.number} is {made.state}. {made.grant}".strip())
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.share.federation import askings

    askings.revoke(SYSTEM, _asking(args.number), args.reason)
    return 0


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


def _draw(_: argparse.Namespace) -> int:
    from chengyun.share.federation import mirrors, outbox

    print(f"{outbox.deliver_all()} messages taken, {mirrors.draw_all()} mirrors up to date.")
    return 0
