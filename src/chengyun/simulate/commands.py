# SPDX-License-Identifier: Apache-2.0
"""`chengyun simulate`: a made-up city's past, its score, and how it lives on."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import sys
from collections.abc import Iterator
from typing import Any

from chengyun.errors import Refused

MOST_DAYS = 366
MOST_PEOPLE, MOST_SENSORS = 3_000_000, 500_000
HOUR = dt.timedelta(hours=1)


def add_commands(subparsers: Any) -> None:
    simulate = subparsers.add_parser(
        "simulate", help="make up a city's past: people, sensors, what goes wrong, who tells and what is done about it",
        description="`chengyun simulate` makes the past, in an installation that does not run; `chengyun up` lets the city live "
        "on. `chengyun simulate foretell` makes the forecasts that past would have had; `chengyun simulate score` compares what "
        "was noticed, foretold and judged with what really was. See docs/simulate.md.",
    )  # fmt: skip
    simulate.add_argument(
        "what", nargs="?", choices=("make", "foretell", "score", "go-on"), default="make", help="make; the default"
    )
    simulate.add_argument("--days", type=float, default=30.0, help="how far back to begin; 30")
    simulate.add_argument("--until", type=dt.datetime.fromisoformat, help="when the past ends, with an offset; now")
    simulate.add_argument("--people", type=int, default=20_000, help="who live in the city; 20000")
    simulate.add_argument("--registered", type=int, default=2_000, help="of them, told to the registers; 2000")
    simulate.add_argument("--sensors", type=int, default=300, help="of all packs together; 300")
    simulate.add_argument("--seed", type=int, help="what all of it follows from; the city's code")
    simulate.add_argument("--trouble", type=float, default=1.0, help="how many times what packs tell befalls sensors; 1")
    simulate.add_argument("--tick", type=float, default=6.0, help="hours between two looks at the clock of the past; 6")
    simulate.add_argument("--truth-only", action="store_true", help="write the truth and the digest, send nothing")
    simulate.add_argument(
        "--placebos", type=int, default=40, help="score: decisions nobody took, of each indicator and method; 40"
    )
    simulate.add_argument("--every", type=float, default=24.0, help="foretell: hours between two forecasts; 24")
    simulate.set_defaults(func=_simulate)


def _simulate(args: argparse.Namespace) -> int:
    return {"make": _make, "foretell": _foretell, "score": _score, "go-on": _go_on}[args.what](args)


def _make(args: argparse.Namespace) -> int:
    for name, most in (("days", MOST_DAYS), ("people", MOST_PEOPLE), ("sensors", MOST_SENSORS), ("tick", 240.0)):
        if not 0 < getattr(args, name) <= most:
            raise Refused(f"--{name} is {getattr(args, name):g}, expected more than 0 and at most {most:,}.")
    if args.registered < 0 or args.trouble < 0:
        raise Refused("--registered and --trouble are expected to be 0 or more.")
    if args.until is not None and args.until.tzinfo is None:
        raise Refused(f"--until is {args.until.isoformat()}, without an offset. Write e.g. 2026-10-01T00:00+08:00.")
    with _database():
        return _make_past(args)


def _make_past(args: argparse.Namespace) -> int:
    from django.conf import settings  # inside: Django exists only once a database does

    from chengyun.cases.intake.models import Report
    from chengyun.config import config
    from chengyun.simulate.history import make
    from chengyun.simulate.settings import Settings, settings_file
    from chengyun.simulate.world.whole import World

    there = Settings.load(settings_file(config()))
    if there is not None and there.until is not None:
        raise Refused(
            f"A city was made here already, up to {there.until:%Y-%m-%d %H:%M} UTC; it goes on with `chengyun up`. "
            "For another one, name another folder with --data."
        )
    if not args.truth_only and Report.objects.filter(simulated=True).exists():
        raise Refused(
            "Residents' reports were made up here already, by `chengyun up`. A past is made before the first start; name another "
            "folder with --data."
        )
    now = (args.until or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    until = now.replace(minute=0, second=0, microsecond=0)
    if until > dt.datetime.now(dt.UTC):
        raise Refused(f"--until is {until:%Y-%m-%d %H:%M} UTC, which is still to come; a past ends now at the latest.")
    chosen = Settings(
        seed=int(config().city) if args.seed is None else args.seed, people=args.people, sensors=args.sensors,
        begins=until - HOUR * round(args.days * 24), registered=args.registered, trouble=args.trouble,
    )  # fmt: skip
    world = World(config(), settings.CITY, chosen)
    made = make(world, until, tick=args.tick * HOUR, truth_only=args.truth_only, said=_say)
    print(file=sys.stderr)
    print(f"{made.people:,} people in {made.households:,} households and {made.buildings:,} buildings")
    print(f"{made.sensors:,} sensors, {made.steps:,} steps, {made.rows:,} observations, {made.stored:,} stored")
    print(f"{made.incidents:,} mishaps and {made.faults:,} sensor faults planted; {made.reported:,} reports told")
    print(f"{made.done.reports:,} reports filed, {made.done.deeds:,} deeds, {made.done.false:,} of them false")
    for register, count in sorted(made.told.items()):
        print(f"  {register}: {count:,} statements")
    print("seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in made.spent.items()))
    print(f"digest of all that was sent: {made.digest}")
    print(f"The truth: {config().data / 'simulation'}")
    return 0


def _foretell(args: argparse.Namespace) -> int:
    if not 1 <= args.every <= 24 * 7:
        raise Refused(f"--every is {args.every:g}, expected hours from 1 to 168.")
    with _database():
        from django.conf import settings  # inside: Django exists only once a database does

        from chengyun.config import config
        from chengyun.simulate.foretelling import foretell
        from chengyun.simulate.settings import Settings, settings_file

        made = Settings.load(settings_file(config()))
        if made is None or made.until is None:
            raise Refused("No past was made here yet: run `chengyun simulate --days 30` first.", code="no_simulation")
        found = foretell(settings.CITY, made.begins, made.until, args.every * HOUR, _say)
        print(file=sys.stderr)
        for key, count in found.items():
            print(f"{key}: {count:,} forecasts")
        return 0


def _score(args: argparse.Namespace) -> int:
    with _database(running=True):
        from django.conf import settings  # inside: Django exists only once a database does

        from chengyun.config import config
        from chengyun.simulate.score.report import score, text, write
        from chengyun.simulate.settings import Settings, settings_file

        made = Settings.load(settings_file(config()))
        until = made.until if made is not None and made.until is not None else dt.datetime.now(dt.UTC)
        result = score(config(), settings.CITY, until, placebos=args.placebos)
        write(config(), result)
        print("\n".join(text(result)))
        return 0


def _go_on(_: argparse.Namespace) -> int:
    from chengyun.run import setup

    setup.django()
    from django.conf import settings

    from chengyun.config import config
    from chengyun.simulate.live import go_on

    print(f"{go_on(config(), settings.CITY, dt.datetime.now(dt.UTC)):,} observations")
    return 0


@contextlib.contextmanager
def _database(*, running: bool = False) -> Iterator[None]:
    """Have a database and Django while it lasts: the server that is set, or the embedded one, started for it.

    running: whether an installation that runs may be asked. Making the past needs one that does not: jobs live in the present.
    """
    from chengyun.config import config
    from chengyun.run import db, migrate, setup
    from chengyun.run.process import is_alive

    state = config().running()
    if state and is_alive(int(state["pid"])):
        if not running:
            raise Refused(f"chengyun runs on {config().data}. Stop it first: what runs lives in the present.", code="running")
        setup.django()
        yield
        return
    if config().database_url:
        migrate.migrate()
        yield
        return
    pgdata, log = config().data / "db", config().data / "log"
    log.mkdir(parents=True, exist_ok=True)
    db.prepare(pgdata)
    server = db.child(pgdata, log)
    server.start()
    try:
        db.wait_ready(pgdata, server)
        os.environ["CHENGYUN_DATABASE_URL"] = db.url(pgdata)
        config.cache_clear()
        migrate.migrate()
        yield
    finally:
        server.ask_to_stop()
        server.wait_stopped(20)


def _say(sentence: str) -> None:
    print(f"\r{sentence}", end="", file=sys.stderr, flush=True)
