# SPDX-License-Identifier: Apache-2.0
"""How the installation itself does: processes, streams, formulas that fail, room on the disk."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.tokens import internal_token
from chengyun.access.views import needs
from chengyun.city import City
from chengyun.collect.queries import shedding
from chengyun.config import config
from chengyun.lake.queries import stream_status
from chengyun.operate.models import DueWindow, IndicatorRun
from chengyun.operate.probation.ruleset import rulebook
from chengyun.operate.troubles import OF_RULE
from chengyun.web.freshness import silent_after
from chengyun.web.tiles import Status

ASK_WITHIN_S = 1.0
PAST_OVERLOADS = 5
FAILED_LATELY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Process:
    """One process. memory_mb: its own share; None: it is gone."""

    name: str
    says: str
    pid: int
    since: dt.datetime
    restarts: int
    memory_mb: int | None


@dataclass(frozen=True, slots=True)
class StreamLine:
    """One stream. waiting: rows received and not yet stored, as the stream process counts them; None: it does not answer.
    fault: why its rows stay hot; empty: they are sealed as they should.
    """

    key: str
    name: str
    hot: int
    sealed: int
    newest: dt.datetime | None
    received: dt.datetime | None
    status: Status
    waiting: int | None
    fault: str


@dataclass(frozen=True, slots=True)
class Failing:
    """A formula whose last evaluation failed, or a rule that could not be judged."""

    indicator: str
    name: str
    at: dt.datetime
    error: str


@dataclass(frozen=True, slots=True)
class Overload:
    """A stretch of time in which requests of a class were turned away. until: None while it goes on."""

    urgency: str
    since: dt.datetime
    until: dt.datetime | None
    requests: int
    megabytes: float


@dataclass(frozen=True)
class StatusPage:
    """answers: whether the stream process does. due: windows of figures waiting to be computed. used: share of the disk."""

    processes: tuple[Process, ...]
    memory_mb: int
    streams: tuple[StreamLine, ...]
    answers: bool
    due: int
    failing: tuple[Failing, ...]
    overloads: tuple[Overload, ...]
    free_gb: float
    total_gb: float
    used: float
    data: str
    as_of: dt.datetime


@require_safe
@never_cache
@needs("status.read")
def status(request: HttpRequest) -> HttpResponse:
    """Show it."""
    return render(request, "desk/status.html", {"page": read_page(timezone.now())})


def read_page(now: dt.datetime) -> StatusPage:
    """Return how things stand."""
    processes = _processes()
    told = _ask_stream()
    disk = shutil.disk_usage(config().data)
    return StatusPage(
        processes=processes,
        memory_mb=sum(one.memory_mb or 0 for one in processes),
        streams=_streams(told or {}, now),
        answers=told is not None,
        due=DueWindow.objects.count(),
        failing=_failing(now),
        overloads=tuple(
            Overload(str(it.get_urgency_display()), it.since, it.until, it.requests, it.bytes / 1e6)
            for it in shedding(ended=PAST_OVERLOADS)
        ),
        free_gb=disk.free / 1e9,
        total_gb=disk.total / 1e9,
        used=1 - disk.free / disk.total,
        data=str(config().data),
        as_of=now,
    )


def _processes() -> tuple[Process, ...]:
    """Return what the supervisor says runs; nothing when there is no supervisor."""
    from chengyun.run.process import is_alive, memory_bytes  # psutil, which only this page needs

    state = config().running()
    if state is None or not is_alive(int(state["pid"])):
        return ()
    says = {
        "up": _("看护"),
        "db": _("数据库"),
        "web": _("页面"),
        "stream": _("接收与实时"),
        "protocols": _("对外接口"),
        "jobs": _("后台任务"),
    }

    def memory(pid: int, alone: bool = False) -> int | None:
        size = memory_bytes(pid, alone=alone) if is_alive(pid) else None
        return None if size is None else round(size / 1e6)

    found = [Process("up", says["up"], state["pid"], _when(state["started"]), 0, memory(state["pid"], alone=True))]
    for name, child in state["children"].items():
        found.append(
            Process(name, says.get(name, name), child["pid"], _when(child["since"]), child["restarts"], memory(child["pid"]))
        )
    return tuple(found)


def _streams(told: Mapping[str, Any], now: dt.datetime) -> tuple[StreamLine, ...]:
    city: City = settings.CITY
    lines = []
    for one in stream_status(now):
        stream = city.streams[one.stream]
        limit = silent_after(stream)
        late = one.age is not None and limit is not None and one.age > limit
        standing: Status = "missing" if one.newest is None else "stale" if late else "fresh"
        waiting = told.get(one.stream, {}).get("waiting")
        ended = stream.end_of(one.newest) if one.newest else None
        lines.append(
            StreamLine(
                one.stream, one.name, one.rows_hot, one.rows_sealed, ended, one.received, standing, waiting, one.fault
            )
        )  # fmt: skip
    return tuple(lines)


def _failing(now: dt.datetime) -> tuple[Failing, ...]:
    """Return the indicators whose newest evaluation, within a day, failed, and the rules that could not be judged."""
    city: City = settings.CITY
    rules = rulebook()
    names = {key: one.name for key, one in city.indicators.items()}
    recent = IndicatorRun.objects.filter(started_at__gt=now - FAILED_LATELY)
    newest = recent.order_by("indicator", "-started_at", "-id").distinct("indicator")
    return tuple(
        Failing(
            row.indicator.removeprefix(OF_RULE),
            rules.name(row.indicator.removeprefix(OF_RULE)) if row.indicator.startswith(OF_RULE)
            else names.get(row.indicator, row.indicator),
            row.started_at, row.error,
        )
        for row in newest if row.error
    )  # fmt: skip


def _ask_stream() -> dict[str, Any] | None:
    """Return what the stream process says of each stream; None when it does not answer."""
    own = config()
    host = "127.0.0.1" if own.host in ("0.0.0.0", "::") else own.host  # noqa: S104  every address includes this one
    shown = {"Authorization": f"Bearer {internal_token(own.secret, 'read')}"}
    try:
        request = urllib.request.Request(f"http://{host}:{own.stream_port}/health", headers=shown)
        with urllib.request.urlopen(request, timeout=ASK_WITHIN_S) as answer:  # noqa: S310
            return dict(json.load(answer).get("streams", {}))
    except (OSError, ValueError):
        return None


def _when(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
