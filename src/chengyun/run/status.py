# SPDX-License-Identifier: Apache-2.0
"""What runs, what it holds, and how fresh every stream is."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import importlib.util
import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from chengyun.access.tokens import internal_token
from chengyun.config import Config
from chengyun.errors import Problem
from chengyun.run import folder, setup
from chengyun.run.process import is_alive, memory_bytes


@dataclass(frozen=True)
class Process:
    """One process of the city. memory_mb: with everything it started, shared pages by their share; None: it is gone."""

    name: str
    pid: int
    memory_mb: int | None
    restarts: int
    since: dt.datetime

    @property
    def alive(self) -> bool:
        return self.memory_mb is not None


@dataclass(frozen=True)
class Status:
    """An installation at a moment. streams: as lake.queries.stream_status gives them; lag: as the stream process says.

    trouble: what could not be read, one sentence each.
    """

    data: str
    address: str | None
    free_mb: int
    processes: Sequence[Process]
    streams: Sequence[Mapping[str, Any]]
    lag: Mapping[str, Any]
    trouble: Sequence[str]

    @property
    def memory_mb(self) -> int:
        return sum(process.memory_mb or 0 for process in self.processes)

    def as_json(self) -> str:
        return json.dumps({**dataclasses.asdict(self), "memory_mb": self.memory_mb}, default=_plain, ensure_ascii=False, indent=1)


def read_status(config: Config) -> Status:
    """Return what runs on a data folder; an installation that does not run has no processes and no address."""
    state = config.running()
    if state is None or not is_alive(int(state["pid"])):
        return Status(str(config.data), None, _free_mb(config), [], [], {}, [])
    trouble: list[str] = []
    own = memory_bytes(int(state["pid"]), alone=True)
    processes = [Process("up", int(state["pid"]), _mb(own), 0, dt.datetime.fromisoformat(state["started"]))]
    for name, child in state["children"].items():
        alive = is_alive(child["pid"])
        processes.append(
            Process(
                name,
                child["pid"],
                _mb(memory_bytes(child["pid"])) if alive else None,
                child["restarts"],
                dt.datetime.fromisoformat(child["since"]),
            )
        )
        if not alive:
            trouble.append(f"{name} is not running; it will be started again. See {config.data / 'log' / name}.log.")
    host = "127.0.0.1" if state["host"] in ("0.0.0.0", "::") else state["host"]  # noqa: S104
    return Status(
        str(config.data),
        f"http://{host}:{state['port']}",
        _free_mb(config),
        processes,
        _streams(trouble),
        _lag(config, f"http://{host}:{state['stream_port']}/health", trouble),
        trouble,
    )


def _streams(trouble: list[str]) -> list[Mapping[str, Any]]:
    if not importlib.util.find_spec("chengyun.lake.queries"):
        return []
    setup.django()
    from django.db import Error  # after Django has started

    try:
        found = importlib.import_module("chengyun.lake.queries").stream_status()
    except (Problem, psycopg.Error, Error) as wrong:
        trouble.append(f"The streams could not be read: {wrong}")
        return []
    return [item if isinstance(item, Mapping) else dataclasses.asdict(item) for item in found]


def _lag(config: Config, address: str, trouble: list[str]) -> Mapping[str, Any]:
    shown = {"Authorization": f"Bearer {internal_token(config.secret, 'read')}"}
    try:
        request = urllib.request.Request(address, headers=shown)  # noqa: S310  our own address
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            told = json.load(answer)
    except (OSError, ValueError) as wrong:
        trouble.append(f"The stream process does not answer at {address}: {wrong}")
        return {}
    trouble += [
        f"More comes in than can be written: observations of class {it['urgency']} are turned away since {it['since']}, "
        f"{it['requests']} requests so far. What was acknowledged is kept; senders are asked to come back."
        for it in told.get("admission", {}).get("shedding", [])
    ]
    return dict(told.get("streams", {}))


def _free_mb(config: Config) -> int:
    return folder.free_bytes(config.data) // 1_000_000 if config.data.exists() else 0


def _mb(size: int | None) -> int | None:
    return None if size is None else round(size / 1e6)


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return str(value)
