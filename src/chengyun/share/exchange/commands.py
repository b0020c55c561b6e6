# SPDX-License-Identifier: Apache-2.0
"""`chengyun exchange`: keys of departments' systems, what they follow, databases pushed to, receipts, mutual TLS."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chengyun.errors import Refused

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    exchange = subparsers.add_parser("exchange", help="signed exchange with departments' systems")
    words = exchange.add_subparsers(title="words", metavar="WORD", required=True)

    def word(name: str, help: str, do: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = words.add_parser(name, help=help)
        made.set_defaults(func=_with_django(do))
        return made

    add = word("add", "let a public key speak for an organisation", _add)
    add.add_argument("organisation", help="its key")
    add.add_argument("jwk", help="file with the public key as a JWK; - reads it from standard input")
    add.add_argument("--name", default="")
    word("parties", "show whose keys are registered", _parties)
    end = word("end", "take a key's word no longer", _end)
    end.add_argument("thumbprint")
    word("subscriptions", "show what is followed and whether it gets through", _subscriptions)
    receipt = word("receipt", "write a receipt file, to be checked with `chengyun verify`", _receipt)
    receipt.add_argument("number")
    word("statistics", "show how much was exchanged, as published", _statistics)
    target = word("target", "push a dataset into a department's PostgreSQL from now on", _target)
    for name in ("name", "thumbprint", "dataset", "table"):
        target.add_argument(name)
    target.add_argument("--purpose", default="")
    target.add_argument("--address", default="-", help="SQLAlchemy URL; - reads it from standard input")
    word("push", "push to every target now", _push)
    serve = word("serve", "serve the exchange with mutual TLS", _serve)
    serve.add_argument("--port", type=int, default=8343)
    serve.add_argument("--certificate", required=True, type=Path)
    serve.add_argument("--key", required=True, type=Path)
    serve.add_argument("--clients", required=True, type=Path, metavar="CA", help="whose certificates may connect")


def _with_django(do: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        from chengyun.run.setup import django

        django()
        return do(args)

    return run


def _add(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.access.models import Organisation
    from chengyun.errors import nearest
    from chengyun.share.exchange import parties

    organisation = Organisation.objects.filter(key=args.organisation).first()
    if organisation is None:
        known = Organisation.objects.values_list("key", flat=True)
        raise Refused(f"There is no organisation {args.organisation!r}.{nearest(args.organisation, known)}")
    try:
        jwk = json.loads(sys.stdin.read() if args.jwk == "-" else Path(args.jwk).read_text())
    except (OSError, ValueError) as wrong:
        raise Refused(f"{args.jwk} holds no JWK: {wrong}.") from wrong
    if isinstance(jwk, dict) and "d" in jwk:
        raise Refused(
            f"{args.jwk} holds a private key: whoever sends it is no longer alone with it. Make a new one, and give `x` alone."
        )
    made = parties.register(SYSTEM, jwk, args.name or organisation.name, organisation)
    print(f"{made.key_id} speaks for {organisation.key}.")
    return 0


def _parties(_: argparse.Namespace) -> int:
    from chengyun.share.exchange.models import Party

    for one in Party.objects.select_related("organisation"):
        print(f"{one.key_id}  {'ended' if one.revoked_at else 'in force':<8}  {one.organisation.key}  {one.name}")
    return 0


def _end(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.share.exchange import parties

    parties.end(SYSTEM, args.thumbprint)
    return 0


def _subscriptions(_: argparse.Namespace) -> int:
    from chengyun.share.exchange.models import Subscription

    for one in Subscription.objects.filter(ended_at=None).select_related("party"):
        state = f"failing {one.failures}×: {one.reason}" if one.failures else "there"
        print(f"{one.number}  {one.dataset} → {one.party.name} at {one.version}  {one.url or 'asks by itself'}  {state}")
    return 0


def _receipt(args: argparse.Namespace) -> int:
    from chengyun.share.exchange import receipts

    sys.stdout.buffer.write(receipts.bundle(args.number))
    return 0


def _statistics(_: argparse.Namespace) -> int:
    from chengyun.share.exchange import statistics

    statistics.count_days()
    print(json.dumps(statistics.published(), ensure_ascii=False, indent=1, default=str))
    return 0


def _target(args: argparse.Namespace) -> int:
    from chengyun.access.actors import SYSTEM
    from chengyun.share.exchange import pushing
    from chengyun.share.exchange.models import Party

    party = Party.objects.filter(key_id=args.thumbprint, revoked_at=None).first()
    if party is None:
        raise Refused(f"There is no key {args.thumbprint} in force. `chengyun exchange parties` lists them.")
    # Not an argument by default: arguments stand in the list of processes.
    address = sys.stdin.readline().strip() if args.address == "-" else args.address
    pushing.add(SYSTEM, args.name, party, args.dataset, args.purpose, address, args.table)
    return 0


def _push(_: argparse.Namespace) -> int:
    from chengyun.share.exchange import pushing

    print(f"{pushing.push_all():,} rows pushed.")
    return 0


def _serve(args: argparse.Namespace) -> int:
    """Serve what the protocols process serves, to holders of a client's certificate alone; messages are signed all the same."""
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    from chengyun.config import config
    from chengyun.run.serve import loader

    for path in (args.certificate, args.key, args.clients):
        if not path.is_file():
            raise Refused(f"{path} is no file; expected PEM.")
    target = "chengyun.protocols.server:app"
    print(f"chengyun exchange: https://{config().host}:{args.port}/exchange/v1", flush=True)
    Granian(
        target, address=config().host, port=args.port, workers=1, websockets=False, log_access=False,
        log_level=LogLevels.warning, interface=Interfaces.ASGI, loop=Loops.uvloop, workers_kill_timeout=8,
        ssl_cert=args.certificate, ssl_key=args.key, ssl_ca=args.clients, ssl_client_verify=True,
    ).serve(target_loader=loader(target), wrap_loader=False)  # fmt: skip
    return 0
