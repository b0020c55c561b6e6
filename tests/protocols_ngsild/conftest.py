# SPDX-License-Identifier: Apache-2.0
"""The protocols process as it runs, on a database and a port of this folder's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

from broker import Broker, Listener

NAME = "test_ngsild"


@pytest.fixture(scope="session")
def ngsild_url(city_database: Callable[[str], str]) -> str:
    return city_database(NAME)


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
