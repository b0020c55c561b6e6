# SPDX-License-Identifier: Apache-2.0
"""Jobs hears of alerts as they commit, and again after its connection was lost."""

from __future__ import annotations

import asyncio
import threading

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from chengyun.operate.alerting import work
from chengyun.run import jobs

NAME = "hears_of_alerts"
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_lost_connection_is_made_again_and_what_was_missed_is_done(monkeypatch):
    done = threading.Semaphore(0)
    monkeypatch.setattr(work, "follow", lambda _now: done.release())
    monkeypatch.setattr(jobs, "HEAR_AGAIN_S", 0.01)
    given = connection.get_connection_params()
    dsn = make_conninfo(**{name: given[name] for name in ("dbname", "user", "host", "port", "password") if given.get(name)})

    async def turn() -> None:
        assert await asyncio.to_thread(done.acquire, timeout=20)

    async def listen() -> None:
        hearing = asyncio.create_task(jobs._follow_alerts(make_conninfo(dsn, application_name=NAME)))
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
            held = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND query LIKE 'LISTEN%%' AND state = 'idle'"
            while not await (await other.execute(held, [NAME])).fetchone():
                await asyncio.sleep(0.01)
            await other.execute(f"NOTIFY {work.CHANNEL}")
            await turn()
            await other.execute(f"SELECT pg_terminate_backend(pid) FROM ({held}) AS hearing", [NAME])
            await turn()
            await other.execute(f"NOTIFY {work.CHANNEL}")
            await turn()
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)

    asyncio.run(listen())
