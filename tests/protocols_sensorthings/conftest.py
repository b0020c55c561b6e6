# SPDX-License-Identifier: Apache-2.0
"""A database of this folder's own, brought up to date as an installation's is, and the applications on it."""

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

from spoken import Spoken

NAME = "test_sensorthings"


@pytest.fixture(scope="session")
def own_url() -> Iterator[str]:
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
def city(own_url: str) -> Iterator[Spoken]:
    spoken = Spoken(own_url)
    yield spoken
    spoken.close()
