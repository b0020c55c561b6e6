# SPDX-License-Identifier: Apache-2.0
"""A Spark cluster on this machine: one master and two workers of one core, each a process that may be stopped or killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from chengyun.bench.place import free_ports, wait_for
from chengyun.run.process import dies_with_parent


@dataclass
class SparkPlace:
    """url: of the master. workers: the daemons, whose children are the executors."""

    url: str
    workers: list[subprocess.Popen[bytes]]
    folder: Path

    def whole(self, worker: int) -> list[psutil.Process]:
        """A worker with its executor and the executor's Python processes."""
        daemon = psutil.Process(self.workers[worker].pid)
        return [daemon, *daemon.children(recursive=True)]

    def send(self, worker: int, sign: signal.Signals) -> None:
        for process in self.whole(worker):
            process.send_signal(sign)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkPlace]:
    pyspark = pytest.importorskip("pyspark", reason="the extra `cluster` is not installed")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed; .ci/run installs default-jre-headless")
    folder = tmp_path_factory.mktemp("spark")
    port, *_ = free_ports(1)
    home = Path(pyspark.__file__).parent
    # What a machine of a cluster has: the program, a folder of its own, and no way to the database.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CHENGYUN_", "DJANGO_"))}
    env |= {
        "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m", "PYSPARK_PYTHON": sys.executable,
        "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1", "CHENGYUN_DATA": str(folder / "machine"),
    }  # fmt: skip
    run = [str(home / "bin" / "spark-class")]
    with ExitStack() as stack:

        def start(name: str, words: list[str]) -> subprocess.Popen[bytes]:
            out = stack.enter_context(open(folder / f"{name}.log", "wb"))
            process = subprocess.Popen(
                [*run, *words], env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=folder,
                preexec_fn=dies_with_parent(signal.SIGKILL),
            )  # fmt: skip
            stack.callback(_end, process)
            return process

        master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        start("master", master)
        wait_for(lambda: _listens(port), 90, "The master did not listen")
        worker = [
            "org.apache.spark.deploy.worker.Worker",
            "--host",
            "127.0.0.1",
            "--cores",
            "1",
            "--memory",
            "1g",
            "--webui-port",
            "0",
        ]
        workers = [
            start(
                f"worker{number}",
                [
                    *worker,
                    "--cores",
                    "1",
                    "--memory",
                    "1g",
                    "--work-dir",
                    str(folder / f"w{number}"),
                    f"spark://127.0.0.1:{port}",
                ],
            )
            for number in range(2)
        ]
        wait_for(lambda: len(re.findall("Registering worker", (folder / "master.log").read_text())) == 2, 90, "No two workers")
        yield SparkPlace(f"spark://127.0.0.1:{port}", workers, folder)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours with everything it started, stopped or not."""
    try:
        whole = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        whole = []
    for one in whole:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait(10)
