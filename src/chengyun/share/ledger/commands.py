# SPDX-License-Identifier: Apache-2.0
"""`chengyun verify` and `chengyun ledger`."""

from __future__ import annotations

import argparse
from typing import Any

from chengyun.share.ledger import verifier

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    verify = subparsers.add_parser(
        "verify", help="check a receipt of an exchange",
        description="Check a receipt file, and the rows it was given for; needs no database and no network.",
    )  # fmt: skip
    verifier.add_arguments(verify)
    verify.set_defaults(func=verifier.run)
    ledger = subparsers.add_parser("ledger", help="show a log's newest signed head, or check the whole log")
    ledger.add_argument("log", choices=("exchange", "audit"))
    ledger.add_argument("--check", action="store_true", help="compute every hash again from the entries as they are")
    ledger.set_defaults(func=_ledger)


def _ledger(args: argparse.Namespace) -> int:
    from chengyun.run.setup import django

    django()
    from chengyun.share.ledger import sequence
    from chengyun.share.ledger.checks import check

    print(sequence(args.log).note, end="")
    if not args.check:
        return 0
    found = check(args.log)
    print(found.sentence)
    return 0 if found.holds else 1
