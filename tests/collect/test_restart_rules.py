# SPDX-License-Identifier: Apache-2.0
"""Open alerts outlive the process that raised them: whoever writes next, and however it began, closes them by their rule."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from served import Served

from chengyun.collect.mirror import Mirror
from chengyun.operate import alert_store
from chengyun.operate.rules import RuleWatch

STREAM = "air_quality.station_hour"
HIGH, LOW = 200.0, 20.0
ALERT = "SELECT state, closed_because FROM operate_alert WHERE rule = 'air_quality.pm25_hour_high' AND subject = %s"
OPEN, CLOSED = [("open", "")], [("closed", "condition cleared")]


def send(served: Served, station: str, hours_ago: int, pm25: float) -> None:
    now = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    at = (now - dt.timedelta(hours=hours_ago)).isoformat()
    answer = served.post({"station": station, "hour_start": at, "pm25": pm25}, stream=STREAM)
    assert answer.status_code == 200, answer.text


def follow(served: Served) -> None:
    served.run(served.app.house.follow_once())


@contextlib.contextmanager
def started(url: str) -> Iterator[Served]:
    """Another process on the same database, as far as the database can tell."""
    other = Served(url)
    try:
        yield other
    finally:
        other.close()


def stream_of(one: Any) -> str | None:
    match one:
        case RuleWatch():
            return one.stream
        case Mirror():
            return one.table.qualified
    return None


def fails_once(patched: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """Let a step of this stream fail once as when the connection is lost; return the list that then names it."""
    whole = getattr(owner, name)
    failed: list[str] = []

    async def broken(*given: Any) -> Any:
        if not failed and STREAM in map(stream_of, given):
            failed.append(name)
            raise psycopg.OperationalError("the connection is lost")
        return await whole(*given)

    patched.setattr(owner, name, broken)
    return failed


def test_an_alert_raised_before_a_restart_closes_when_the_value_falls(served: Served, collect_url: str) -> None:
    (station,) = served.stations(1)
    send(served, station, 3, HIGH)
    assert served.rows(ALERT, station) == OPEN
    with started(collect_url) as again:
        follow(again)
        send(again, station, 2, LOW)
    assert served.rows(ALERT, station) == CLOSED


@pytest.mark.parametrize(("owner", "step"), [(alert_store, "load"), (Mirror, "refresh")])
def test_a_first_reading_that_fails_half_way_forgets_no_alert(
    served: Served, collect_url: str, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str
) -> None:
    (station,) = served.stations(1)
    send(served, station, 3, HIGH)
    with monkeypatch.context() as patched:
        failed = fails_once(patched, owner, step)
        with started(collect_url) as again:
            assert failed == [step]
            follow(again)
            send(again, station, 2, LOW)
    assert served.rows(ALERT, station) == CLOSED


@pytest.mark.parametrize("followed", [True, False])
def test_an_alert_another_process_raised_closes_when_the_value_falls_here(
    served: Served, collect_url: str, followed: bool
) -> None:
    (station,) = served.stations(1)
    send(served, station, 4, LOW)
    with started(collect_url) as other:
        send(other, station, 3, HIGH)
    assert served.rows(ALERT, station) == OPEN
    if followed:
        follow(served)
    send(served, station, 2, LOW)
    assert served.rows(ALERT, station) == CLOSED


def test_a_group_written_again_after_a_deadlock_closes_the_alert_once(
    served: Served, collect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (station,) = served.stations(1)
    with started(collect_url) as other:
        send(other, station, 3, HIGH)
    whole = alert_store.write_run_rows
    refused: list[bool] = []

    async def gives_way_once(*given: Any) -> None:
        await whole(*given)
        if not refused:
            refused.append(True)
            raise psycopg.errors.DeadlockDetected("deadlock detected")

    monkeypatch.setattr(alert_store, "write_run_rows", gives_way_once)
    send(served, station, 2, LOW)
    assert refused == [True]
    assert served.rows(ALERT, station) == CLOSED
    events = (
        "SELECT e.kind FROM operate_alertevent e JOIN operate_alert a ON a.id = e.alert_id WHERE a.subject = %s ORDER BY e.id"
    )
    assert [kind for (kind,) in served.rows(events, station)].count("closed") == 1
