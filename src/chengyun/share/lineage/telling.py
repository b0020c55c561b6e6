# SPDX-License-Identifier: Apache-2.0
"""Tells others what ran, as OpenLineage events, where CHENGYUN_OPENLINEAGE says to whom.

    CHENGYUN_OPENLINEAGE = https://host/api/v1/lineage     each event is posted; `#key` at its end is sent as a Bearer key
                         = /folder/events.jsonl            each event is a line at the end of the file
    unset                                                  nothing is told, and nothing runs

Telling never holds up or fails what is told of. Of runs of ours events wait in a short queue of the process, and one that cannot
be handed over is dropped, with a line in the log when that begins and when it ends. Of rows that go to others or come from them
events wait in the database until somebody takes them (outbox.py).
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import queue
import re
import threading
import urllib.parse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from chengyun.city import City, qualify
from chengyun.collect import hooks as collect_hooks
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.lake import hooks as lake_hooks
from chengyun.operate import hooks as operate_hooks
from chengyun.share.exchange import hooks as exchange_hooks
from chengyun.share.exchange.hooks import Flow

__all__ = ["Teller", "listen", "teller"]

SETTING = "CHENGYUN_OPENLINEAGE"
WAITING = 500
TIMEOUT_S = 5.0
_OF_NAMES = re.compile(r"\w+: (Binder|Catalog|Parser) Error: ")
"""What DuckDB says of a formula itself, as the engine notes it."""

log = logging.getLogger("chengyun.lineage")


class Teller:
    """Hands events over, in a thread of its own that begins with the first. target: as the setting says."""

    def __init__(self, target: str) -> None:
        parts = urllib.parse.urlsplit(target)
        self._key = parts.fragment
        self._url = urllib.parse.urlunsplit(parts._replace(fragment="")) if parts.scheme in ("http", "https") else ""
        self._file = None if self._url else Path(target)
        if self._file is not None and not self._file.is_absolute():
            raise Refused(f"{SETTING} is {target[:80]!r}, expected http(s)://… or the full path of a file.")
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(WAITING)
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._away = False

    def tell(self, event: dict[str, Any]) -> None:
        """Put an event into the queue; one for which there is no room is dropped."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._note(f"more than {WAITING} events wait")
            return
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._hand_over, name="openlineage", daemon=True)
                self._thread.start()

    def settle(self, wait_s: float = 10.0) -> None:
        """Wait until what was put is handed over or dropped: for a command that ends."""
        done = threading.Event()

        def join() -> None:
            self._waiting.join()
            done.set()

        threading.Thread(target=join, daemon=True).start()
        done.wait(wait_s)

    def hand_over(self, event: dict[str, Any]) -> bool:
        """Hand an event over now; return whether it need not be tried again: taken, or refused for what it is."""
        try:
            self._send(json.dumps(event, ensure_ascii=False).encode())
        except Exception as wrong:  # whatever the other side does, what is told of goes on
            self._note(f"{type(wrong).__name__}: {wrong}")
            return _is_final(wrong)
        if self._away:
            self._away = False
            log.warning("OpenLineage events are handed over again")
        return True

    def _hand_over(self) -> None:
        while True:
            event = self._waiting.get()
            try:
                self.hand_over(event)
            finally:
                self._waiting.task_done()

    def _send(self, body: bytes) -> None:
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(body + b"\n")
            return
        from chengyun.collect.pull import outside  # only where events are sent

        head = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self._key}"} if self._key else {})}
        # What it says beyond its status is not read.
        with outside.client(TIMEOUT_S, TIMEOUT_S) as http, http.stream("POST", self._url, content=body, headers=head) as told:
            told.raise_for_status()

    def _note(self, why: str) -> None:
        if not self._away:
            self._away = True
            log.warning("OpenLineage events cannot be handed over: %s", why[:300])


def _is_final(wrong: Exception) -> bool:
    """Say whether the other side refused this very event; anything else may pass."""
    import httpx

    return isinstance(wrong, httpx.HTTPStatusError) and wrong.response.status_code in (400, 413, 422)


_teller: Teller | None = None


def teller() -> Teller | None:
    """Return who hands events over in this process; None where nobody is to be told."""
    return _teller


def listen() -> None:
    """Take part in what happens below, when somebody is to be told."""
    global _teller
    target = os.environ.get(SETTING, "").strip()
    _teller = Teller(target) if target else None
    if _teller is None:
        return
    teller = _teller

    def ran(
        indicator: str, since: dt.datetime, until: dt.datetime, began: dt.datetime, seconds: float, rows: int, error: str
    ) -> None:
        declared = settings.CITY.indicators[indicator]
        pack = indicator.split(".")[0]
        inputs = [qualify(pack, one) for one in (*declared.streams, *declared.uses)]
        if declared.streams:
            inputs += [key for key in settings.CITY.entities if key in _graph().beside(indicator, up=True)]
        _told(
            teller, indicator, "indicator", inputs=inputs, output=indicator, began=began,
            ended=began + dt.timedelta(seconds=seconds), nominal=(since, until), rows=rows, sql=declared.sql,
            error=_without_values(error),
        )  # fmt: skip

    def loaded(feed: str, began: dt.datetime, rows: int) -> None:
        city: City = settings.CITY
        filled = city.feeds[feed].stream if feed in city.feeds else city.register_feeds[feed].entity
        output = qualify(feed.split(".")[0], filled)
        _told(teller, feed, "feed", inputs=[f"feed:{feed}"], output=output, began=began, ended=timezone.now(), rows=rows)
        teller.settle()

    def sealed(stream: str, rows: int) -> None:
        now = timezone.now()
        _told(teller, stream, "seal", inputs=[stream], output=f"lake:{stream}", began=now, ended=now, rows=rows)

    def went(flow: Flow) -> None:
        from chengyun.share.lineage import flows  # models, which are not there yet when this is loaded

        flows.heard(flow)

    operate_hooks.after_run.append(ran)
    collect_hooks.after_load.append(loaded)
    lake_hooks.after_seal.append(sealed)
    exchange_hooks.after_flow.append(went)


def _without_values(error: str) -> str:
    """Return a run's error where it speaks of names in the SQL alone; of any other its kind: it may quote what stood in a row."""
    if not error or _OF_NAMES.match(error):
        return error
    kind = error.partition(":")[0]
    return kind if kind.isidentifier() else "Problem"


def _graph() -> Any:
    from chengyun.share.lineage.building import declared_graph  # the graph is built when there is something to tell

    return declared_graph(settings.CITY, timezone.localdate())


def _told(teller: Teller, job: str, kind: Any, **said: Any) -> None:
    from chengyun.share.lineage.openlineage import run_event

    try:
        teller.tell(run_event(_graph(), f"chengyun://{config().city}", job, kind, **said))
    except Exception:  # a fault of ours in telling must not fail the run that is told of
        log.exception("an OpenLineage event of %s could not be made", job)
