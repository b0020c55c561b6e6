# SPDX-License-Identifier: Apache-2.0
"""The protocols process as it runs, on a database and a port of this folder's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

from broker import Broker, Listener

NAME = "test_ngsild"


@pytest.fixture(scope="session")
def ngsild_url() -> Iterator[str]:
    above = os.environ["CHENGYUN_DATABASE_URL"]
    own = urlsplit(above)._replace(path=f"/{NAME}").geturl()
    with psycopg.connect(above, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        conn.execute(f"CREATE DATABASE {NAME}")
    env = os.environ | {"CHENGYUN_DATABASE_URL": own}
    done = subprocess.run([sys.executable, "-m", "chengyun.run.migrate"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield own
    with psycopg.connect(above, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture(scope="session")
def broker(ngsild_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(ngsild_url, tmp_path_factory.mktemp("contexts"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()
