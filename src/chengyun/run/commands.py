# SPDX-License-Identifier: Apache-2.0
"""`chengyun up · migrate · status`."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(subparsers: Any) -> None:
    up = subparsers.add_parser("up", help="start the city and keep it running")
    up.set_defaults(func=_up)
    migrate = subparsers.add_parser("migrate", help="bring the database to this version of the program")
    migrate.set_defaults(func=_migrate)


def _up(_: argparse.Namespace) -> int:
    from chengyun.config import config
    from chengyun.run.folder import explained
    from chengyun.run.supervisor import up

    with explained():
        return up(config())


def _migrate(_: argparse.Namespace) -> int:
    from chengyun.run.migrate import migrate

    applied = migrate()
    print("\n".join(applied) if applied else "Nothing to do: the database is up to date.")
    return 0
