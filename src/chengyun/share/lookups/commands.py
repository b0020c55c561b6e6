# SPDX-License-Identifier: Apache-2.0
"""`chengyun resident link|unlink`, `chengyun verify-look`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from chengyun.errors import Refused
from chengyun.run import setup

# Django and what needs it is imported inside each command: the list of commands is read by processes that never load it.


def add_commands(subparsers: Any) -> None:
    resident = subparsers.add_parser("resident", help="accounts of residents").add_subparsers(required=True, metavar="ACTION")
    link = resident.add_parser("link", help="say that an account is a person of a register, after that was established")
    link.add_argument("username")
    link.add_argument("register", help="e.g. population.person")
    link.add_argument("key", help="the person's key in the register, not the identity number")
    link.add_argument("--basis", required=True, help="how it was established, e.g. 窗口核验身份证")
    link.set_defaults(func=_link)
    unlink = resident.add_parser("unlink", help="end that")
    unlink.add_argument("username")
    unlink.add_argument("register")
    unlink.set_defaults(func=_unlink)
    check = subparsers.add_parser("verify-look", help="check the proofs of looks at one's record; no installation needed")
    check.add_argument("file", type=Path)
    check.add_argument("--key", action="append", default=[], metavar="THUMBPRINT", help="a key you know to be the city's")
    check.set_defaults(func=_check)


def _link(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.share.lookups.services import link

    link(SYSTEM, _account(args.username), args.register, args.key, args.basis)
    print(f"{args.username} is {args.register} {args.key} now.")
    return 0


def _unlink(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.share.lookups.models import Identity
    from chengyun.share.lookups.services import unlink

    held = Identity.objects.filter(account=_account(args.username), dataset=args.register, until=None).first()
    if held is None:
        raise Refused(f"{args.username} is nobody of {args.register}.")
    unlink(SYSTEM, held)
    print(f"{args.username} is nobody of {args.register} any more.")
    return 0


def _account(username: str) -> Any:
    from chengyun.access.models import Account

    found = Account.objects.filter(username=username).first()
    if found is None:
        raise Refused(f"There is no account {username!r}.")
    return found


def _check(args: argparse.Namespace) -> int:
    from chengyun.share.lookups import verifier

    keys = [word for key in args.key for word in ("--key", key)]
    return verifier.main([str(args.file), *keys])
