# SPDX-License-Identifier: Apache-2.0
"""A database of this folder's own, brought up to date as an installation's is, and the applications on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

from spoken import Spoken

NAME = "test_sensorthings"


@pytest.fixture(scope="session")
def own_url(city_database: Callable[[str], str]) -> str:
    return city_database(NAME)


@pytest.fixture(scope="session")
def city(own_url: str) -> Iterator[Spoken]:
    spoken = Spoken(own_url)
    yield spoken
    spoken.close()
