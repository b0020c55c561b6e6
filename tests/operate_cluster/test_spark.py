# SPDX-License-Identifier: Apache-2.0
"""Figures computed by a cluster of two workers are those of the single machine, to the last bit, also when one is killed."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import pickle
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.bench.place import wait_for
from chengyun.errors import Unavailable
from chengyun.lake import books, database, hot
from chengyun.lake.rows import Rows
from chengyun.lake.services import ensure_tables, seal
from chengyun.lake.tables import stream_table
from chengyun.operate import due
from chengyun.operate.cluster import runner
from chengyun.operate.cluster.runner import evaluate_on
from chengyun.operate.cluster.spark import Cluster, on_spark
from chengyun.operate.cluster.work import Answer, Registers, Task, work
from chengyun.operate.engine import evaluate
from chengyun.operate.models import DueWindow, Figure, IndicatorRun
from chengyun.operate.order import inputs
from chengyun.operate.periods import window_of

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 5, 1, 4, tzinfo=dt.UTC)
FIRST = dt.datetime(2026, 1, 25, tzinfo=ZONE)
AIR, ASSETS = "air_quality.station_hour", "water_supply.asset_hour"
HOURS = 24 * 40

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]


@pytest.fixture
def two_packs(transactional_db) -> Iterator[None]:
    """Forty days of two packs, over two editions of the air standard: sealed, corrected since, and hot."""
    chance = random.Random(20261122)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    stations = [
        apps.get_model("air_quality", "Station").objects.create(key=key, name=key, area_code=area, lon=121.5, lat=29.9).pk
        for key, area in (("A", "330203001"), ("B", "330203002"), ("C", "330212002"))
    ]
    assets = [
        apps.get_model("water_supply", "Asset").objects.create(key=key, name=key, area_code="330203").pk for key in ("T1", "T2")
    ]

    def hours(first: int, last: int) -> list[dt.datetime]:
        return [FIRST + dt.timedelta(hours=hour) for hour in range(first, last)]

    for stream, entities in ((AIR, stations), (ASSETS, assets)):
        put(stream, entities, hours(0, HOURS - 200), chance)
        seal(stream)
        put(stream, entities, hours(HOURS - 200, HOURS), chance)
        put(stream, entities[:1], hours(300, 340), chance)  # corrections of what is sealed
    yield
    books.forget()


def put(stream: str, entities: list[int], times: list[dt.datetime], chance: random.Random) -> None:
    """Write observations as ingest does, one transaction; their sums depend on the order they are added in."""
    table = stream_table(settings.CITY, stream)
    pairs = [(entity, time) for time in times for entity in entities]
    chance.shuffle(pairs)
    count = len(pairs)
    rows = Rows(
        np.array([entity for entity, _ in pairs], np.int32),
        np.array([int(time.timestamp()) * 1_000_000 for _, time in pairs], np.int64),
        np.zeros(count, np.int64),
        {key: np.array([chance.lognormvariate(2, 1.5) for _ in pairs]) for key in table.quantities},
        {key: [None] * count for key in table.words},
    )

    async def write() -> None:
        async with await psycopg.AsyncConnection.connect(database.url()) as conn:
            opened = await hot.lock_stream(conn, table, count)
            await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
            await hot.keep_latest(conn, table, rows, opened.next_seq)
            await hot.touch(conn, table, sorted({time.date() for time in times}))
            await conn.commit()

    asyncio.run(write())


def current() -> list[tuple[object, ...]]:
    """Everything a reader sees and what it was computed from, floats by their bits."""
    rows = Figure.objects.filter(superseded_at=None).order_by("indicator", "subject", "period_start")
    names = ("indicator", "subject", "area_code", "period_start", "value", "detail", "coverage", "simulated", "version")
    return [
        tuple(item.hex() if isinstance(item, float) else str(item) for item in row[:-1])
        + tuple(sorted((key, seq) for key, seq in row[-1].items() if key != "figures"))
        for row in rows.values_list(*names, "as_of")
    ]


def forget_figures() -> None:
    """Be as before anything was computed, all of it due."""
    for model in (Figure, DueWindow, IndicatorRun):
        model.objects.all().delete()
    days = sorted({(FIRST + dt.timedelta(hours=hour)).date() for hour in range(HOURS)})
    due.add(
        (indicator, window_of(declared.period, day))
        for indicator, declared in settings.CITY.indicators.items()
        if {AIR, ASSETS}.intersection(inputs(settings.CITY, indicator)[0])
        for day in days
    )


def frozen_then_killed(cluster: Cluster, spark: object, seen: list[int]) -> Callable[[], None]:
    """Return what kills a worker once it holds a task it cannot finish, and the other worker has finished some."""

    def run() -> None:
        tracker = cluster._context.statusTracker()

        def halfway() -> bool:
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            return any(it and it.numCompletedTasks > 0 and it.numActiveTasks > 0 for it in stages)

        wait_for(halfway, 60, "No task was under way")
        seen.extend(process.pid for process in spark.whole(0))  # type: ignore[attr-defined]
        spark.send(0, signal.SIGKILL)  # type: ignore[attr-defined]

    return run


def test_a_cluster_gives_the_figures_of_one_machine_also_when_a_worker_dies(two_packs, spark) -> None:
    evaluate(NOW)
    alone = current()
    assert {str(row[0]).split(".")[0] for row in alone} >= {"air_quality", "water_supply"}
    assert len(alone) > 1000
    assert all(one.error == "" for one in IndicatorRun.objects.all())
    options = {"spark.executor.memory": "512m", "spark.executorEnv.JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"}
    with on_spark(spark.url, options) as cluster:
        # Both workers have begun, so that the one to be killed is given tasks.
        wait_for(lambda: all(len(spark.whole(number)) > 1 for number in (0, 1)), 90, "No executor on each worker")
        wait_for(lambda: cluster.cores == 2, 30, "Not two cores")

        forget_figures()
        done = evaluate_on(cluster, NOW)
        assert [one.error for one in done.ran if one.error] == []
        assert current() == alone
        assert DueWindow.objects.count() == 0

        forget_figures()
        spark.send(0, signal.SIGSTOP)  # it is still given tasks, and never answers
        killed: list[int] = []
        killer = threading.Thread(target=frozen_then_killed(cluster, spark, killed))
        killer.start()
        done = evaluate_on(cluster, NOW)
        killer.join(60)
        assert len(killed) > 1
        assert [one.error for one in done.ran if one.error] == []
        assert current() == alone


class Elsewhere:
    """Works off tasks as another process would: what goes there and comes back is bytes. shares: tasks of some entities only."""

    shares = 0

    def answers(self, tasks: Iterable[Task], registers: Registers) -> Iterator[tuple[Task, list[Answer]]]:
        for task in tasks:
            self.shares += any(part.window.keys != (None, None) for part in task.parts)
            sent, known = pickle.loads(pickle.dumps((task, registers)))
            yield task, pickle.loads(pickle.dumps(work(sent, known)))


def test_tasks_carry_all_that_is_needed(two_packs, monkeypatch) -> None:
    evaluate(NOW)
    alone = current()
    assert {str(row[0]).split(".")[0] for row in alone} >= {"air_quality", "water_supply"}
    assert len(alone) > 1000

    # Divided by entity, where the formulas allow it, the figures are the same.
    monkeypatch.setattr(runner, "ROWS", 300)
    forget_figures()
    divided = Elsewhere()
    done = evaluate_on(divided, NOW)
    assert [one.error for one in done.ran if one.error] == []
    assert done.changed == len(alone)
    assert current() == alone
    assert divided.shares > 8
    assert evaluate_on(divided, NOW).ran == []

    # A machine with other packs says so.
    city = copy.copy(settings.CITY)
    changed = copy.copy(city.indicators["water_supply.tank_level_day"])
    object.__setattr__(changed, "version", "another")
    city.indicators = {**city.indicators, "water_supply.tank_level_day": changed}
    done = evaluate_on(Elsewhere(), NOW, city)
    assert {one.indicator for one in done.ran if "another version" in one.error} == {"water_supply.tank_level_day"}


def test_a_master_that_is_not_there_is_named() -> None:
    pytest.importorskip("pyspark")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"), on_spark("spark://127.0.0.1:1"):
        pass
