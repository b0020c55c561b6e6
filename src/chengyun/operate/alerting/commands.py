# SPDX-License-Identifier: Apache-2.0
"""`chengyun alerting`: the plan by which alerts are told of, and the keys webhooks are signed with."""

from __future__ import annotations

import argparse
import base64
from pathlib import Path


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands."""
    alerting = subparsers.add_parser("alerting", help="who is told of alerts").add_subparsers(dest="deed", required=True)
    show = alerting.add_parser("show", help="print the plan in force")
    show.set_defaults(func=_show)
    load = alerting.add_parser("load", help="put a plan in force")
    load.add_argument("file", type=Path)
    load.add_argument("--as", dest="account", default="", metavar="ACCOUNT", help="whose deed it is")
    load.set_defaults(func=_load)
    key = alerting.add_parser("key", help="print the key a webhook checks our signatures with")
    key.add_argument("webhook")
    key.set_defaults(func=_key)


def _show(args: argparse.Namespace) -> int:  # noqa: ARG001  # every command is called with its arguments
    from chengyun.run import setup

    setup.django()
    from chengyun.operate.alerting.current import text_in_force

    print(text_in_force(), end="")
    return 0


def _load(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from django.utils import timezone

    from chengyun.operate.alerting.current import load
    from chengyun.operate.probation.commands import actor_named

    plan = load(args.file.read_text(encoding="utf-8"), actor_named(args.account), timezone.now())
    print(f"plan {plan.version} is in force")
    return 0


def _key(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from chengyun.config import config
    from chengyun.operate.alerting.channels.webhook import key_of

    print("whsec_" + base64.b64encode(key_of(config().secret, args.webhook)).decode())
    return 0
