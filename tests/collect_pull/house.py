# SPDX-License-Identifier: Apache-2.0
"""What tests of this folder do to an installation: register stations, make sources, run them, look at what arrived."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from chengyun.collect.models import DeadLetter
from chengyun.collect.pull.credentials import NONE, Credentials, close
from chengyun.collect.pull.models import Run, Source
from chengyun.collect.pull.runs import run_source
from chengyun.collect.pull.spec import read_spec
from chengyun.config import Config

STREAM = "air_quality.station_5min"
_numbers = itertools.count(1)


class Town:
    def __init__(self, config: Config, env: dict[str, str]) -> None:
        self.config, self.env = config, env

    @property
    def folder(self) -> Path:
        return Path(self.env["CHENGYUN_SOURCE_FOLDERS"])

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.config.dsn(), autocommit=True) as conn:
            cursor = conn.execute(query, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def stations(self, count: int) -> list[str]:
        """Register stations with new keys."""
        keys = [f"P{next(_numbers):05d}" for _ in range(count)]
        self.rows(
            "INSERT INTO air_quality_station (key, name, area_code, simulated, source, kind, code, city_name)"
            " SELECT key, key, '330203', false, '', 'national', '', '' FROM unnest(%s::text[]) AS keys (key)",
            keys,
        )
        return keys

    def source(self, *, credentials: Credentials = NONE, **given: Any) -> Source:
        """Make an active source."""
        spec = {"key": f"s{next(_numbers)}", "name": "交警卡口", "every": "10m", "time_zone": "Asia/Shanghai"} | given
        read_spec(spec, settings.CITY)
        return Source.objects.create(
            key=spec["key"], name=spec["name"], kind=spec["read"]["kind"], spec=spec, state="active",
            credentials=close(self.config.secret, credentials),
        )  # fmt: skip

    def run(self, source: Source, **given: Any) -> Run:
        return run_source(self.config, settings.CITY, source.pk, by="test", **given)

    def run_apart(self, source: Source, die_at: str = "") -> subprocess.CompletedProcess[str]:
        """Run a source in a process of its own, which may be told to die at a step."""
        code = (
            "from chengyun.run.setup import django; django()\n"
            "from django.conf import settings; from chengyun.config import config\n"
            "from chengyun.collect.pull.runs import run_source\n"
            f"run_source(config(), settings.CITY, {source.pk}, by='test')\n"
        )
        env = self.env | ({"CHENGYUN_PULL_DIE_AT": die_at} if die_at else {})
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)

    def stored(self, keys: list[str]) -> list[tuple[str, Any, float | None]]:
        """Return (station, time, pm25) of every observation of these stations, each version once, in order."""
        chunks = self.rows("SELECT chunk FROM lake_chunk WHERE stream = %s ORDER BY chunk", STREAM)
        found = []
        for (chunk,) in chunks:
            table = f"lake.hot_{STREAM.replace('.', '_')}_{chunk}"
            found += self.rows(
                f"SELECT s.key, h.time, h.pm25 FROM {table} h JOIN air_quality_station s ON s.id = h.entity_id"
                " WHERE s.key = ANY(%s) ORDER BY s.key, h.time, h.seq",
                keys,
            )
        return found

    def letters(self, source: Source) -> list[DeadLetter]:
        return list(DeadLetter.objects.filter(actor=f"source:{source.key}").order_by("id"))

    def replaced(self, **given: Any) -> Config:
        return dataclasses.replace(self.config, **given)
