# SPDX-License-Identifier: Apache-2.0
"""A database of this folder's own, brought up to date as an installation's is, and the application served on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

from served import Served

NAME = "test_collect"


@pytest.fixture(scope="session")
def collect_url(city_database: Callable[[str], str]) -> str:
    return city_database(NAME)


@pytest.fixture(scope="session")
def served(collect_url: str) -> Iterator[Served]:
    served = Served(collect_url)
    yield served
    served.close()
