# SPDX-License-Identifier: Apache-2.0
"""`chengyun token`, `chengyun audit`, `chengyun wall`, `chengyun account`, `chengyun keys`."""

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

    wall = subparsers.add_parser("wall", help="grants as row-level security, for bodies that read the database itself")
    deeds = wall.add_subparsers(required=True, metavar="ACTION")
    sync = deeds.add_parser("sync", help="bring roles and views in step with the grants in force")
    sync.set_defaults(func=_wall_sync)
    password = deeds.add_parser("password", help="give a body a new password; it is shown once")
    password.add_argument("organisation", metavar="KEY", help="whose")
    password.set_defaults(func=_wall_password)

    account = subparsers.add_parser("account", help="accounts").add_subparsers(required=True, metavar="ACTION")
    link = account.add_parser("link", help="a one-time link for the first administrator, or for a lost password")
    link.add_argument("username", nargs="?", help="default: the first administrator")
    link.set_defaults(func=_link)

    keys = subparsers.add_parser("keys", help="the keystore").add_subparsers(required=True, metavar="ACTION")
    keys.add_parser("list", help="keys there are, without their secrets; fails when the master key is wrong").set_defaults(
        func=_keys
    )
    rotate = keys.add_parser("rotate", help="make a new version of a key; the old ones go on opening what they sealed")
    rotate.add_argument("name")
    rotate.set_defaults(func=_rotate)
    lost = keys.add_parser("lost", help="tell others no longer to believe a key that may be in other hands; it has no successor")
    lost.add_argument("key", metavar="THUMBPRINT")
    lost.set_defaults(func=_lost)
    rewrap = keys.add_parser("rewrap", help="seal every key under another master key")
    rewrap.add_argument("--to-file", metavar="FILE", help="a key file that is to be made")
    rewrap.add_argument("--to-passphrase", action="store_true", help="a passphrase, read from the terminal or standard input")
    rewrap.set_defaults(func=_rewrap)


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


def _wall_sync(args: argparse.Namespace) -> int:  # noqa: ARG001
    setup.django()
    from chengyun.access import wall

    stood = wall.sync()
    print(f"{len(stood.views)} view(s) in schema {wall.SCHEMA}; new: {len(stood.made)}, taken down: {len(stood.dropped)}.")
    for number, why in stood.left_out:
        print(f"  {number} has none: {why}.")
    return 0


def _wall_password(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access import wall

    role, password = wall.let_in(args.organisation)
    print(f"{role} {password}")
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


def _keys(args: argparse.Namespace) -> int:  # noqa: ARG001  # as every command
    from chengyun.access.keystore import keystore

    found = keystore().entries()
    if not found:
        print("There is no key yet; each is made when it is first needed.")
    for key in found:
        print(f"{key.name:<24} version {key.version:<3} {key.use:<7} {key.algorithm:<11} {key.made}  {key.public.get('kid', '')}")
    return 0


def _rotate(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.keystore import keystore
    from chengyun.access.services import rotate_key

    store = keystore()
    version = rotate_key(args.name)
    print(f"{args.name} has version {version} now. Back the keystore up.")
    if public := store.public_keys(args.name):
        print(
            f"What is signed from now on is signed by {public[0]['kid']}; the old key says so at /keys. Neighbours that "
            "follow it need nothing; others refuse what is signed until they pin the new key. Receipts that were given "
            "stay valid."
        )
    return 0


def _lost(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.keystore import public_keys
    from chengyun.access.services import lose_key

    lose_key(args.key)
    print(
        f"{args.key} says of itself at /keys that it was lost: no neighbour follows it. Back the keystore up, and tell "
        f"neighbours and departments the key in use, {public_keys('node')[0]['kid']}, by another way than the network: they pin "
        "it by hand."
    )
    return 0


def _rewrap(args: argparse.Namespace) -> int:
    import getpass
    import sys
    from pathlib import Path

    from chengyun.access.keystore import Master, keystore

    if bool(args.to_file) == args.to_passphrase:
        raise Refused("Say either --to-file FILE or --to-passphrase.")
    store = keystore()
    if args.to_file:
        store.rewrap(Master(Path(args.to_file).expanduser().resolve()))
        print(f"Every key is sealed under {args.to_file}. Set CHENGYUN_KEYSTORE_KEY_FILE to it, then start anew.")
        return 0
    word = getpass.getpass("New passphrase: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(word) < 16:
        raise Refused(f"The passphrase has {len(word)} characters, expected 16 or more.")
    store.rewrap(Master(store.file.parent / "master.key", word))
    print("Every key is sealed under the passphrase. Set CHENGYUN_KEYSTORE_KEY to it, then start anew.")
    return 0
