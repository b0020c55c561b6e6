# SPDX-License-Identifier: Apache-2.0
"""`chengyun edge`: the agent beside the devices. It needs neither Django nor PostgreSQL."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chengyun.collect.edge.agent import STREAM, Agent, Orders
from chengyun.collect.edge.forward import City
from chengyun.collect.mqtt.settings import read_broker
from chengyun.errors import Refused

__all__ = ["add_commands"]

_SIZES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


def add_commands(subparsers: Any) -> None:
    edge = subparsers.add_parser(
        "edge", help="keep what devices say on disk and forward it to the city, in order, whenever there is a network",
        description="Takes observations in over HTTP and from an MQTT broker beside it (CHENGYUN_MQTT_URL), and forwards them to "
        "the city's stream process. CHENGYUN_EDGE_TOKEN: token at the city; CHENGYUN_EDGE_LOCAL_TOKEN: asked of local senders.",
    )  # fmt: skip
    edge.add_argument("city", metavar="URL", help="the city's stream process, e.g. https://stream.city.example/")
    edge.add_argument("--folder", type=Path, default=Path("edge"), help="where records are kept (default: edge)")
    edge.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1)")
    edge.add_argument("--port", type=int, default=8340, help="where to listen; 0: any free port (default: 8340)")
    edge.add_argument("--most", type=_size, default="1G", help="bytes on disk, e.g. 500M (default: 1G)")
    edge.add_argument(
        "--when-full", choices=["refuse", "drop-oldest"], default="refuse", help="what gives way (default: refuse what is new)"
    )
    edge.add_argument("--ca", type=Path, help="certificates that sign the city's, PEM (default: the system's)")
    edge.add_argument(
        "--topic",
        action="append",
        default=[],
        type=_topic,
        metavar="FILTER=PACK.STREAM",
        help="MQTT topics to take in; repeatable",
    )
    edge.set_defaults(func=_edge)


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([kMG]?)", text)
    if found is None or int(found[1]) * _SIZES[found[2]] < 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no size of at least 1M; write e.g. 500M or 2G")
    return int(found[1]) * _SIZES[found[2]]


def _topic(text: str) -> tuple[str, str]:
    name, _, stream = text.partition("=")
    if not name or not STREAM.fullmatch(stream):
        raise argparse.ArgumentTypeError(f"{text!r} is not FILTER=PACK.STREAM, e.g. air/+/hour=air_quality.station_hour")
    return name, stream


def _edge(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    parts = urlsplit(args.city)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{args.city!r} is no address; write e.g. https://stream.city.example/.")
    token = os.environ.get("CHENGYUN_EDGE_TOKEN", "")
    if not token:
        raise Refused(
            "CHENGYUN_EDGE_TOKEN is not set. Make a key with the scope ingest:<pack.stream> at the city and set it here."
        )
    local = os.environ.get("CHENGYUN_EDGE_LOCAL_TOKEN") or None
    if local is None and args.host not in ("127.0.0.1", "::1", "localhost"):
        raise Refused("CHENGYUN_EDGE_LOCAL_TOKEN is not set, and others can reach the agent. Set it, or listen on 127.0.0.1.")
    broker = read_broker("edge") if args.topic else None
    if args.topic and broker is None:
        raise Refused("--topic is given, and CHENGYUN_MQTT_URL names no broker. Set it, e.g. mqtt://127.0.0.1:1883.")
    orders = Orders(
        folder=args.folder, city=City(args.city, token, args.ca), host=args.host, port=args.port, most=args.most,
        policy=args.when_full, token=local, broker=broker, topics=args.topic,
    )  # fmt: skip
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_stopped(orders))
    return 0


async def _until_stopped(orders: Orders) -> None:
    agent = Agent(orders)
    running = asyncio.ensure_future(agent.run())
    for sig in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sig, running.cancel)
    ready = asyncio.ensure_future(agent.ready.wait())
    await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        print(f"chengyun edge listens on http://{orders.host}:{agent.port}", flush=True)
    await running
