# SPDX-License-Identifier: Apache-2.0
"""The `web`, `stream` and `protocols` processes: granian with this program's options: `python -m chengyun.run.serve web`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

from chengyun.config import config
from chengyun.run.process import dies_with_parent

WEB_THREADS = 4
"""Requests rendered at a time; more only wait for each other, because Python runs one thread at a time."""
STOP_WITHIN_S = 8


def serve(name: str) -> None:
    """Serve pages ("web"), observations and live updates ("stream") or neighbours' systems ("protocols") until SIGTERM."""
    settings = config()
    if name == "web":
        target, port = "chengyun.web.wsgi:application", settings.port
        options: dict[str, Any] = {
            "interface": Interfaces.WSGI,
            "blocking_threads": WEB_THREADS,
            "workers": settings.web_processes,
            # One of several that dies takes only its own requests with it; the only one ends us, and we are started again.
            "respawn_failed_workers": settings.web_processes > 1,
            "blocking_threads_idle_timeout": 600,
        }
    else:
        served = {
            "stream": ("chengyun.collect.asgi:app", settings.stream_port),
            "protocols": ("chengyun.protocols.server:app", settings.protocols_port),
        }
        target, port = served[name]
        options = {"interface": Interfaces.ASGI, "loop": Loops.uvloop, "workers": 1}
    Granian(
        target,
        address=settings.host,
        port=port,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=STOP_WITHIN_S,
        **options,
    ).serve(target_loader=loader(target), wrap_loader=False)


def loader(target: str) -> Callable[[], Any]:
    """Return what granian's worker calls to get the application.

    Granian keeps a parent process that only watches its worker. When that parent is killed the worker must go too,
    otherwise it would keep the port and serve beside its successor.
    """
    bound = dies_with_parent(signal.SIGKILL)
    module, _, attribute = target.partition(":")

    def load() -> Any:
        bound()
        return getattr(import_module(module), attribute)

    return load


if __name__ == "__main__":
    serve(sys.argv[1])
