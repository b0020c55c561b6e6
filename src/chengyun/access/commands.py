# SPDX-License-Identifier: Apache-2.0
"""`chengyun token create|list|revoke`, `chengyun audit verify`, `chengyun account link`."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from chengyun.errors import Refused, nearest
from chengyun.run import setup

# Django and what needs it is imported inside each command: the list of commands is read by processes that never load it.


def add_commands(subparsers: Any) -> None:
    token = subparsers.add_parser("token", help="keys of machines").add_subparsers(required=True, metavar="ACTION")
    create = token.add_parser("create", help="make a key; it is shown once")
    create.add_argument("scopes", nargs="+", metavar="SCOPE", help="ingest:<pack.stream>, ingest:*, simulate or read")
    create.add_argument("--name", default="", help="what it is for")
    create.add_argument("--organisation", metavar="KEY", help="whom it acts for")
    create.add_argument("--days", type=int, help="expires after so many days (default: never)")
    create.set_defaults(func=_create)
    listing = token.add_parser("list", help="keys there are, without the keys themselves")
    listing.set_defaults(func=_list)
    revoke = token.add_parser("revoke", help="put a key out of use at once")
    revoke.add_argument("prefix", help="the key's first part, e.g. cy_3f9a2c")
    revoke.set_defaults(func=_revoke)

    audit = subparsers.add_parser("audit", help="the audit log").add_subparsers(required=True, metavar="ACTION")
    verify = audit.add_parser("verify", help="walk the chain; name the first record that is not what was written")
    verify.add_argument("--head", metavar="NUMBER:HASH", help="a head printed earlier, which must still be in the chain")
    verify.set_defaults(func=_verify)

    account = subparsers.add_parser("account", help="accounts").add_subparsers(required=True, metavar="ACTION")
    link = account.add_parser("link", help="a one-time link for the first administrator, or for a lost password")
    link.add_argument("username", nargs="?", help="default: the first administrator")
    link.set_defaults(func=_link)


def _create(args: argparse.Namespace) -> int:
    setup.django()
    from django.utils import timezone

    from chengyun.access.models import Organisation
    from chengyun.access.services import issue_token

    organisation = None
    if args.organisation:
        organisation = Organisation.objects.filter(key=args.organisation).first()
        if organisation is None:
            hint = nearest(args.organisation, Organisation.objects.values_list("key", flat=True))
            raise Refused(f"There is no organisation {args.organisation!r}.{hint} The administration lists them all.")
    expires_at = timezone.now() + dt.timedelta(days=args.days) if args.days else None
    print(issue_token(args.scopes, args.name, organisation=organisation, expires_at=expires_at))
    return 0


def _list(args: argparse.Namespace) -> int:  # noqa: ARG001  # as every command
    setup.django()
    from chengyun.access.models import Token

    for token in Token.objects.select_related("organisation"):
        state = "revoked" if token.revoked_at else f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "in use"
        body = token.organisation.key if token.organisation else "-"
        print(f"{token.prefix}  {token.created_at:%Y-%m-%d}  {state:<16}  {body:<20}  {','.join(token.scopes)}  {token.name}")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.services import revoke_token

    print(f"Revoked {revoke_token(args.prefix)} key(s).")
    return 0


def _verify(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access import audit

    known = None
    if args.head:
        number, _, digest = args.head.partition(":")
        if not number.isdigit() or len(digest) != 64:
            raise Refused(f"--head is {args.head!r}, expected NUMBER:HASH as `chengyun audit verify` prints it.")
        known = audit.Head(int(number), digest)
    found = audit.verify(known)
    if isinstance(found, audit.Break):
        print(found.sentence)
        return 1
    print(f"The chain of {found.number} records is whole. Keep its head elsewhere: {found.number}:{found.hash}")
    return 0


def _link(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access import services
    from chengyun.access.actors import SYSTEM
    from chengyun.access.models import Account
    from chengyun.config import config

    if args.username:
        account = Account.objects.filter(username=args.username).first()
        if account is None:
            raise Refused(f"There is no account {args.username!r}.")
        path: str | None = services.invite(SYSTEM, account)
    else:
        path = services.first_sign_in_link()
        if path is None:
            raise Refused("There is an administrator already. For an account: `chengyun account link USERNAME`.")
    print(f"http://{config().host}:{config().port}{path}")
    return 0
