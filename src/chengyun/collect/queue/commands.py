# SPDX-License-Identifier: Apache-2.0
"""`chengyun front`, `chengyun collector`, `chengyun rules` and `chengyun queue`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from typing import Any

from chengyun.errors import Refused

__all__ = ["add_commands"]


def add_commands(subparsers: Any) -> None:
    front = subparsers.add_parser(
        "front", help="take observations into the queue (CHENGYUN_NATS_URL)",
        description="A front end beside others: answers a sender when a majority of the queue's nodes holds the body.",
    )  # fmt: skip
    front.add_argument("--port", type=int, default=8340)
    front.set_defaults(func=_front)
    collector = subparsers.add_parser(
        "collector", help="write what is queued (CHENGYUN_NATS_URL)",
        description="A collector beside others: takes streams that no other has, and writes their bodies in order.",
    )  # fmt: skip
    collector.set_defaults(func=_collector)
    rules = subparsers.add_parser(
        "rules", help="judge alert rules beside the writing (CHENGYUN_RULES=apart)",
        description="A process beside others that judges alert rules: takes parts of the entities that no other has.",
    )  # fmt: skip
    rules.set_defaults(func=_rules)
    queue = subparsers.add_parser("queue", help="show how far each stream's queue has been written")
    queue.set_defaults(func=_queue)


def _front(args: argparse.Namespace) -> int:
    _needs_nats()
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    from chengyun.collect.queue.settings import read_queue
    from chengyun.config import config
    from chengyun.run.serve import loader

    read_queue()
    target = "chengyun.collect.queue.server:app"
    print(f"chengyun front: http://{config().host}:{args.port}", flush=True)
    Granian(
        target, address=config().host, port=args.port, workers=1, websockets=False, log_access=False,
        log_level=LogLevels.warning, interface=Interfaces.ASGI, loop=Loops.uvloop, workers_kill_timeout=8,
    ).serve(target_loader=loader(target), wrap_loader=False)  # fmt: skip
    return 0


def _collector(_args: argparse.Namespace) -> int:
    _needs_nats()
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_collect())
    return 0


async def _collect() -> None:
    from chengyun.city import load_city
    from chengyun.collect.house import House
    from chengyun.collect.queue.drain import Drain
    from chengyun.collect.queue.jet import Jet
    from chengyun.collect.queue.settings import read_queue
    from chengyun.config import config

    settings = config()
    task = asyncio.current_task()
    assert task is not None
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, task.cancel)
    jet = Jet(read_queue(), "collector")
    await jet.open_when_there()
    house = House(load_city(settings.packs), settings.dsn(), settings.zone, settings.secret)
    await house.open()
    print("chengyun collector is ready", flush=True)
    try:
        await Drain(house, jet, settings.data / "queue").run()
    finally:
        await house.close()
        await jet.close()


def _rules(_args: argparse.Namespace) -> int:
    from chengyun.collect.queue.settings import rules_apart

    if not rules_apart():
        raise Refused("Rules are judged with the writing here. Set CHENGYUN_RULES=apart for every process of the installation.")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_judge())
    return 0


async def _judge() -> None:
    from chengyun.city import load_city
    from chengyun.collect.queue.rules import Judges
    from chengyun.config import config

    settings = config()
    task = asyncio.current_task()
    assert task is not None
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, task.cancel)
    print("chengyun rules is ready", flush=True)
    await Judges(load_city(settings.packs), settings.dsn(), settings.zone).run()


def _queue(_args: argparse.Namespace) -> int:
    _needs_nats()
    for stream, waiting, place in asyncio.run(_status()):
        print(f"{stream:<40} {waiting:>12,} bodies kept  written to {place:,}")
    return 0


async def _status() -> list[tuple[str, int, int]]:
    import psycopg

    from chengyun.collect.queue.jet import Jet
    from chengyun.collect.queue.settings import read_queue
    from chengyun.config import config

    jet = Jet(read_queue(), "status")
    await jet.open()
    try:
        waiting = await jet.waiting()
    finally:
        await jet.close()
    async with await psycopg.AsyncConnection.connect(config().dsn()) as conn:
        marks: dict[str, int] = dict(await (await conn.execute("SELECT stream, place FROM queue_mark")).fetchall())
    return [(stream, waiting.get(stream, 0), int(marks.get(stream, 0))) for stream in sorted({*waiting, *marks})]


def _needs_nats() -> None:
    try:
        import nats  # noqa: F401
    except ImportError:
        raise Refused("The queue needs the extra `nats`: pip install 'chengyun[nats]'.", code="missing_extra") from None
