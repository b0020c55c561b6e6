# SPDX-License-Identifier: Apache-2.0
"""The truth's files, read. truth.py and loop.py write them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chengyun.config import Config

__all__ = ["folder", "read_planted", "read_told"]


def folder(config: Config) -> Path:
    """Return the folder of the truth."""
    return config.data / "simulation"


def read_planted(config: Config) -> Iterator[Mapping[str, Any]]:
    """Yield what was planted; times as aware datetimes. Nothing where no city was made."""
    for one in _lines(folder(config) / "planted.jsonl"):
        yield {**one, "since": dt.datetime.fromisoformat(one["since"]), "until": dt.datetime.fromisoformat(one["until"])}


def read_told(config: Config) -> Iterator[Mapping[str, Any]]:
    """Yield what went wrong in the streets, who told of it and which deeds were false; each key of a kind once."""
    known = set()
    for one in _lines(folder(config) / "truth.jsonl"):
        told = (one["what"], one["key"], one.get("step"), one["at"])
        if told not in known:
            known.add(told)
            yield {**one, "at": dt.datetime.fromisoformat(one["at"])}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)
