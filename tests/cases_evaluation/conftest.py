# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import chengyun.packs
from chengyun.cases.evaluation.declared import Book, read_book

FILE = Path(chengyun.packs.__file__).parent / "urban_management" / "evaluation.toml"


@pytest.fixture(scope="session")
def declared() -> Book:
    """What is in force in October 2026."""
    return read_book(FILE, dt.date(2026, 10, 1))
