# SPDX-License-Identifier: Apache-2.0
"""A session of Apache Spark that works off tasks: a wave at a time, so that what is on its way stays bounded.

Spark gives what a cluster needs and a city should not write itself: machines that come and go, tasks that are done again
when a worker dies, and the way to every machine. It is not asked to compute: see docs/decisions/0307.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from chengyun.config import config
from chengyun.errors import Refused, Unavailable
from chengyun.operate.cluster.work import Answer, Registers, Task, work

if TYPE_CHECKING:
    from pyspark import SparkContext

__all__ = ["Cluster", "on_spark"]

WAVES = 4
"""Tasks of a wave for each core: enough that a core that has finished finds another one."""
TOLD = tuple(f"CHENGYUN_{name}" for name in ("TIME_ZONE", "CITY", "PACKS", "HOLIDAYS", "LAKE_ENDPOINT", "LAKE_REGION"))
"""Settings workers take from here. Secrets and the way to the database are not among them; a bucket's key is given to each
machine as to any other."""


class Cluster:
    """A cluster to which tasks can be given."""

    def __init__(self, context: SparkContext) -> None:
        self._context = context

    @property
    def cores(self) -> int:
        return max(int(self._context.defaultParallelism), 1)

    def answers(self, tasks: Iterable[Task], registers: Registers) -> Iterator[tuple[Task, list[Answer]]]:
        """Yield each task with its answers, in the order given; one wave is computed while the one before is being used.

        Raises Unavailable when the cluster is lost, or a task fails on every machine it is given to.
        """
        shared = self._context.broadcast(dict(registers))
        remaining = iter(tasks)
        with ThreadPoolExecutor(1) as one:
            under_way: tuple[list[Task], Future[list[list[Answer]]]] | None = None
            while True:
                wave = list(islice(remaining, WAVES * self.cores))
                ahead = (wave, one.submit(self._computed, wave, shared)) if wave else None
                if under_way is not None:
                    yield from zip(under_way[0], under_way[1].result(), strict=True)
                if ahead is None:
                    break
                under_way = ahead
        shared.unpersist()

    def _computed(self, wave: list[Task], shared: Any) -> list[list[Answer]]:
        try:
            return self._context.parallelize(wave, len(wave)).map(lambda task: work(task, shared.value)).collect()
        except Exception as wrong:  # what comes out of the JVM has no common type
            lines = [line for line in str(wrong).splitlines() if "Error" in line or "Exception" in line]
            told = lines[-1] if lines else str(wrong)
            raise Unavailable(f"The cluster could not compute {len(wave)} tasks: {told.strip()[:500]}") from wrong


@contextmanager
def on_spark(master: str, options: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Open a session with a master (spark://host:7077, local[2]). options: Spark's own, before ours.

    Raises Refused where PySpark or Java is missing, Unavailable when the master does not answer.
    """
    context = _context(master, dict(options or {}))
    try:
        yield Cluster(context)
    finally:
        context.stop()


def _context(master: str, options: dict[str, str]) -> SparkContext:
    try:
        from pyspark import SparkConf, SparkContext
    except ImportError:
        raise Refused("A cluster needs the extra `cluster`: pip install 'chengyun[cluster]'.", code="missing_extra") from None
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise Refused("Spark needs Java 17 or newer. Install e.g. Debian's default-jre-headless.", code="missing_program")
    _check_answers(master)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    home = config()
    settings = {
        "spark.app.name": "chengyun indicators", "spark.ui.enabled": "false", "spark.log.level": "ERROR",
        # A machine that dies takes a task or two of each core with it, and may not be the last one to.
        "spark.task.maxFailures": "8",
        "spark.executorEnv.CHENGYUN_LAKE": home.lake,
        **({"spark.executorEnv.CHENGYUN_LAKE_ARCHIVE": home.lake_archive} if home.lake_archive else {}),
        **{f"spark.executorEnv.{name}": os.environ[name] for name in TOLD if os.environ.get(name)},
        **({"spark.driver.host": "127.0.0.1"} if "//127.0.0.1:" in master else {}),
        **options,
    }  # fmt: skip
    try:
        return SparkContext(conf=SparkConf().setMaster(master).setAll(list(settings.items())))
    except Exception as wrong:  # Py4JJavaError, PySparkRuntimeError and others
        raise Unavailable(f"Spark at {master} could not be reached: {str(wrong).strip().splitlines()[-1][:300]}") from wrong


def _check_answers(master: str) -> None:
    """Raise Unavailable when no standalone master listens: Spark itself gives up after a minute."""
    if not master.startswith("spark://"):
        return
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise Refused(f"{master!r} is no master. Write spark://host:7077, with commas between several.")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
            return
        except OSError:
            continue
    raise Unavailable(f"No Spark master answers at {master}. Start one, or mend the address.")
