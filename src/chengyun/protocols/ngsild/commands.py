# SPDX-License-Identifier: Apache-2.0
"""`chengyun ngsild dead`: notifications that were given up, with the reason; `--retry` puts them back in the line."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_commands"]

_LIST = """
SELECT n.id, n.created_at, n.attempts, s.subscription_id, s.document -> 'notification' -> 'endpoint' ->> 'uri', n.reason
FROM ngsild_notification n JOIN ngsild_subscription s ON s.id = n.subscription_id WHERE n.state = 'dead' ORDER BY n.id LIMIT %s
"""
_RETRY = "UPDATE ngsild_notification SET state = 'waiting', created_at = now() WHERE state = 'dead'"
MOST = 200


def add_commands(subparsers: Any) -> None:
    """Add the word `ngsild`."""
    parser: argparse.ArgumentParser = subparsers.add_parser("ngsild", help="NGSI-LD: notifications that were given up")
    words = parser.add_subparsers(metavar="WORD", required=True)
    dead = words.add_parser("dead", help="list notifications that were given up, oldest first")
    dead.add_argument("--retry", action="store_true", help="send them again")
    dead.set_defaults(func=_dead)


def _dead(args: argparse.Namespace) -> int:
    from chengyun.run.setup import django

    django()
    from django.db import connection

    from chengyun.access import audit  # models: only once Django is there
    from chengyun.access.actors import SYSTEM

    with connection.cursor() as cursor:
        if args.retry:
            cursor.execute(_RETRY)
            audit.record(SYSTEM, "ngsild.retry", "ngsild", detail={"count": cursor.rowcount})
            print(f"{cursor.rowcount} notifications will be sent again.")
            return 0
        cursor.execute(_LIST, [MOST])
        for number, since, attempts, name, uri, reason in cursor.fetchall():
            print(f"{number}\t{since:%Y-%m-%d %H:%M:%S}\t{attempts} tries\t{name}\t{_shown(uri)}\t{reason}")
    return 0


def _shown(uri: str) -> str:
    """Return an address without its user and password."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2] if '@' in rest.partition('/')[0] else rest}"
