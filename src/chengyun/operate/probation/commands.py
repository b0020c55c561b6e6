# SPDX-License-Identifier: Apache-2.0
"""`chengyun alert-rules`: filed rules in and out as files, and their back-tests."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chengyun.errors import NotFound, Refused

if TYPE_CHECKING:
    from chengyun.access.actors import Actor

ME = "CHENGYUN_ACCOUNT"


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands."""
    rules = subparsers.add_parser("alert-rules", help="alert rules as files").add_subparsers(dest="deed", required=True)
    file = rules.add_parser("file", help="put rules' files down as drafts")
    file.add_argument("files", nargs="+", type=Path)
    _as(file)
    file.set_defaults(func=_file)
    export = rules.add_parser("export", help="write every filed rule to <folder>/<key>.toml")
    export.add_argument("folder", type=Path)
    export.set_defaults(func=_export)
    test = rules.add_parser("test", help="back-test a filed rule over the last year")
    test.add_argument("key")
    test.add_argument("--since", type=dt.date.fromisoformat)
    test.add_argument("--until", type=dt.date.fromisoformat)
    _as(test)
    test.set_defaults(func=_test)
    go = rules.add_parser("run-test", help="do a back-test that waits, by number")
    go.add_argument("number", type=int)
    go.set_defaults(func=_run)
    listed = rules.add_parser("list", help="filed rules and their states")
    listed.set_defaults(func=_list)


def _as(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as", dest="account", default=os.environ.get(ME, ""), metavar="ACCOUNT", help="whose deed it is")


def actor_named(name: str) -> Actor:
    """Return the actor of an account. Raises Refused without a name, NotFound for an unknown one."""
    from chengyun.access.actors import actor_of_account
    from chengyun.access.models import Account

    if not name:
        raise Refused("Say whose deed it is: --as ACCOUNT.")
    account = Account.objects.filter(username=name, is_active=True).first()
    if account is None:
        raise NotFound(f"There is no account {name!r}.")
    return actor_of_account(account)


def _django() -> dt.datetime:
    from chengyun.run import setup

    setup.django()
    from django.utils import timezone

    return timezone.now()


def _file(args: argparse.Namespace) -> int:
    now = _django()
    from chengyun.operate.probation.services import file_rule

    for path in args.files:
        rule = file_rule(path.read_text(encoding="utf-8"), actor_named(args.account), now)
        print(f"{rule.key}  {rule.version}  {rule.state}")
    return 0


def _export(args: argparse.Namespace) -> int:
    _django()
    from chengyun.operate.probation.models import FiledRule

    args.folder.mkdir(parents=True, exist_ok=True)
    rules = list(FiledRule.objects.exclude(state=FiledRule.State.WITHDRAWN))
    for rule in rules:
        (args.folder / f"{rule.key}.toml").write_text(rule.text, encoding="utf-8")
    print(f"{len(rules)} rules written to {args.folder}")
    return 0


def _test(args: argparse.Namespace) -> int:
    now = _django()
    from chengyun.config import config
    from chengyun.operate.probation.testing import ask_test, run

    def start(day: dt.date | None) -> dt.datetime | None:
        return dt.datetime.combine(day, dt.time(), config().zone) if day else None

    test = run(ask_test(args.key, actor_named(args.account), now, start(args.since), start(args.until)).pk)
    if test.error:
        print(test.error, file=sys.stderr)
        return 1
    assert test.started_at is not None and test.finished_at is not None  # noqa: PT018  # for the type checker: it has run
    shares = ""
    if test.true_alerts is not None and test.alerts:
        shares = f", precision {test.true_alerts / test.alerts:.0%}"
        shares += f", recall {test.found / test.truths:.0%}" if test.truths and test.found is not None else ""
    print(
        f"{test.alerts:,} alerts over {test.rows:,} rows of {test.entities:,} entities in "
        f"{(test.finished_at - test.started_at).total_seconds():.1f} s{shares}; most false alarms in a span {test.worst_span}: "
        f"{'inside' if test.inside_budget else 'OVER'} budget"
    )  # fmt: skip
    return 0


def _run(args: argparse.Namespace) -> int:
    _django()
    from chengyun.operate.probation.testing import run

    return 1 if run(args.number).error else 0


def _list(args: argparse.Namespace) -> int:  # noqa: ARG001  # every command is called with its arguments
    _django()
    from chengyun.operate.probation.models import FiledRule

    for rule in FiledRule.objects.order_by("key"):
        print(f"{rule.key:<50} {rule.state:<10} {rule.version}  {rule.name}")
    return 0
