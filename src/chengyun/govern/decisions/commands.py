# SPDX-License-Identifier: Apache-2.0
"""`chengyun decisions evaluate` and `why`."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(subparsers: Any) -> None:
    words = subparsers.add_parser("decisions", help="whether what was decided worked (docs/decide.md)").add_subparsers(
        required=True, metavar="ACTION"
    )
    evaluate = words.add_parser("evaluate", help="judge an expectation that was asked about")
    evaluate.add_argument("number", type=int, help="of the evaluation")
    evaluate.set_defaults(func=_evaluate)
    why = words.add_parser("why", help="judge again from the figures known then, and compare")
    why.add_argument("number", type=int, help="of the evaluation")
    why.set_defaults(func=_why)


def _evaluate(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    # After Django has started: it reads its models.
    from django.utils import timezone

    from chengyun.govern.decisions.evaluating import evaluate

    done = evaluate(args.number, timezone.now())
    print(done.reason or done.result.get("state", done.state))
    return 0 if done.state == "done" else 1


def _why(args: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from chengyun.govern.decisions.evaluating import evaluate_again

    again = evaluate_again(args.number)
    print("The same judgement, to the last bit." if again.equal else f"Not the same: {again.why}.")
    return 0 if again.equal else 1
