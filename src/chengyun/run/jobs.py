# SPDX-License-Identifier: Apache-2.0
"""The `jobs` process: everything that happens by the clock or in the background (sealing, indicators, escalation).

A job that was running when its process died is put back in the queue at the next start, so tasks must be safe to
run again. That is only right while one `jobs` process works on a database, which an advisory lock makes sure of.

    the database goes away → this process ends at once → the supervisor starts it again → it waits for the database → requeue

A worker that lived on could not say how its jobs ended: they would count as running, and hold their locks, for good.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import sys
import time
from typing import Any

import psycopg
import psycopg.sql
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from chengyun.config import config
from chengyun.errors import Problem, Unavailable
from chengyun.run import setup
from chengyun.run.preload import arrow_without_pandas
from chengyun.run.process import give_back

CONCURRENCY = 3
STOP_WITHIN_S = 8.0
"""A job still running this long after we are asked to stop is aborted; it runs again after the next start."""
DATABASE_WITHIN_S = 30.0
GIVE_BACK_EVERY_S = 30.0
HEAR_AGAIN_S = 2.0
ONE_WORKER = 0x6A6F6273
"""Key of the advisory lock ("jobs" in ASCII)."""

log = logging.getLogger("chengyun.jobs")


def main() -> None:
    """Work until SIGTERM or SIGINT. Raises Unavailable when another jobs process works on this database."""
    arrow_without_pandas()
    setup.django()
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    # Its pool says so every quarter of a second while the database is away; the worker says it once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    with _connect(config().dsn()) as guard:
        row = guard.execute("SELECT pg_try_advisory_lock(%s)", [ONE_WORKER]).fetchone()
        if not row or not row[0]:
            raise Unavailable("Another jobs process works on this database. Stop it first; one is enough for a database.")
        asyncio.run(_work(guard))


def _connect(dsn: str) -> psycopg.Connection[Any]:
    """Return a connection as soon as the database answers; it may be starting again after what ended our former life."""
    end = time.monotonic() + DATABASE_WITHIN_S
    while True:
        try:
            return psycopg.connect(dsn, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as wrong:
            if time.monotonic() > end:
                raise Unavailable(f"The database does not answer: {str(wrong).strip().splitlines()[-1].strip()}") from wrong
        time.sleep(0.2)


def _end_without(guard: psycopg.Connection[Any]) -> None:
    """End this process when its connection is lost. Nothing is left to save: what was under way runs again."""
    try:
        guard.execute("SELECT 1")
    except psycopg.Error:
        log.warning("the database went away; jobs ends and goes on when it is back")
        os._exit(1)


async def _work(guard: psycopg.Connection[Any]) -> None:
    from procrastinate.contrib.django import app

    # Nothing is ever sent to this connection unasked, so it has something to read when it is lost.
    asyncio.get_running_loop().add_reader(guard.fileno(), _end_without, guard)
    listener = asyncio.create_task(_follow_alerts(config().dsn()))
    giver = asyncio.create_task(_give_back())

    with app.replace_connector(app.connector.get_worker_connector()) as worker:  # type: ignore[attr-defined]
        async with worker.open_async():
            await _requeue(worker.job_manager)
            await worker.run_worker_async(
                concurrency=CONCURRENCY,
                delete_jobs="successful",
                shutdown_graceful_timeout=STOP_WITHIN_S,
                install_signal_handlers=True,
            )
    listener.cancel()
    giver.cancel()
    await asyncio.gather(listener, giver, return_exceptions=True)


async def _give_back() -> None:
    """Give memory back to the system now and then: this process has moments of much between hours of little."""
    while True:
        await asyncio.sleep(GIVE_BACK_EVERY_S)
        await asyncio.to_thread(give_back)


async def _follow_alerts(dsn: str) -> None:
    """Do what an alert asks for in the moment it commits, in a thread of its own: the worker's places may all be taken.

    One at a time; alerts that come meanwhile are one more turn. What fails here is done by the clock a few seconds later. A lost
    connection is made again, and begins with a turn for what was not heard meanwhile.
    """
    # They read models, so Django must have started.
    from django.db import close_old_connections
    from django.utils import timezone

    from chengyun.operate.alerting.work import CHANNEL, follow

    def turn() -> None:
        close_old_connections()
        try:
            follow(timezone.now())
        except Exception:
            log.exception("what an alert asks for failed; the clock comes to it")

    async def hear() -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
            await conn.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(CHANNEL)))
            if missed:
                await asyncio.to_thread(turn)
            while True:
                async for _notice in conn.notifies(stop_after=1):
                    pass
                async for _notice in conn.notifies(timeout=0):
                    pass
                await asyncio.to_thread(turn)

    missed = False
    while True:
        try:
            await hear()
        except psycopg.OperationalError as lost:
            log.warning("alerts are not heard of until the database answers again: %s", lost)
            missed = True
            await asyncio.sleep(HEAR_AGAIN_S)


async def _requeue(jobs: JobManager) -> None:
    """Put jobs back that were cut off when this process ended last."""
    for job in await jobs.list_jobs_async(status="doing"):
        if job.id is None:
            continue
        try:
            await jobs.retry_job_by_id_async(job.id, retry_at=dt.datetime.now(dt.UTC))
            log.warning("job %d, %s, was cut off when this process ended last; it runs again", job.id, job.task_name)
        except UniqueViolation:
            # Its queueing lock is taken: the same work already waits in the queue, so this one is not needed.
            await jobs.finish_job_by_id_async(job.id, status=Status.ABORTED, delete_job=True)


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        print(problem.sentence, file=sys.stderr)
        sys.exit(1)
