# SPDX-License-Identifier: Apache-2.0
"""A formula's version follows everything its results depend on, and nothing else."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from chengyun.city import load_city

numbers = itertools.count()
FILES = {
    "__init__.py": "",
    "pack.py": """
from chengyun.city import Entity, Pack, Quantity, Ref, Rule, Stream
from . import rules
PACK = Pack(
    key="{key}", name="包", owner="局", answers="问", limits="limits.toml",
    entities=[Entity(key="thing", name="物", model="Thing", one_row_is="a thing")],
    streams=[Stream(key="hour", name="值", one_row_is="one", time="at",
                    fields=[Ref("thing", to="thing"), Quantity("level", "位", unit="m", valid=(0, 9))])],
    rules=[Rule(key="judge", name="判", compute=rules.judge, standard="ours")],
    indicators=["indicators/level.sql"],
)
""",
    "rules.py": "from .arithmetic import half\ndef judge(rows, limits):\n    return [half(row) for row in rows]\n",
    "arithmetic.py": "def half(row):\n    return row\n",
    "unrelated.py": "ANSWER = 1\n",
    "limits.toml": '[[top.level]]\nin_force = 2020-01-01\nsource = "ours"\nvalue = 5\n',
    "indicators/level.sql": """-- name: 位
-- one row: a thing, a day
-- subject: thing
-- period: day
-- value: level
-- unit: m
-- source: ours
-- streams: hour
-- rule: judge
SELECT thing, CAST(at AS DATE) AS day, AVG(level) AS level FROM hour GROUP BY thing, day
""",
}


def version(folder: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str]) -> str:
    key = f"versioned_{next(numbers)}"  # a city is read once by its packs' names
    monkeypatch.syspath_prepend(str(folder))
    for name, text in (FILES | changed).items():
        file = folder / key / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("{key}", key), encoding="utf-8")
    try:
        return load_city([key]).indicators[f"{key}.level"].version
    finally:
        for module in [name for name in sys.modules if name.split(".")[0] == key]:
            del sys.modules[module]


@pytest.mark.parametrize(
    ("file", "text", "moves"),
    [
        ("arithmetic.py", "def half(row):\n    return row, row\n", True),
        ("limits.toml", FILES["limits.toml"].replace("5", "6"), True),
        ("indicators/level.sql", FILES["indicators/level.sql"].replace("AVG", "MAX"), True),
        ("unrelated.py", "ANSWER = 2\n", False),
    ],
)
def test_a_version_moves_with_what_the_results_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, moves: bool
) -> None:
    before = version(tmp_path, monkeypatch, {})
    after = version(tmp_path, monkeypatch, {file: text})
    assert (before != after) is moves
