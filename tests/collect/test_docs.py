# SPDX-License-Identifier: Apache-2.0
"""Every example of docs/ingest.md is run as it stands, in its order, and answered as it says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from chengyun.bench.place import open_place

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ingest.md"
EXAMPLE = re.compile(r"```sh\n(.*?)```\n```(json|text)\n(.*?)```", re.DOTALL)
STATIONS = ["example-1", "example-2", "example-3"]


def test_every_example_of_the_page_is_answered_as_it_says(tmp_path: Path) -> None:
    examples = EXAMPLE.findall(PAGE.read_text())
    assert len(examples) == PAGE.read_text().count("```sh")
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        with psycopg.connect(str(place.state()["database_url"])) as conn:
            conn.execute(
                "INSERT INTO air_quality_station (key, name, area_code, simulated, source, kind, code, city_name)"
                " SELECT key, key, '330203', false, '', 'national', '', '' FROM unnest(%s::text[]) AS keys (key)", [STATIONS],
            )  # fmt: skip
        token = place.token("ingest:air_quality.station_5min")
        env = place.env | {"STREAM": place.stream_url, "CITY": place.url, "TOKEN": token}
        for command, kind, answer in examples:
            done = subprocess.run(["bash", "-euc", command], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            assert _read(kind, done.stdout) == _read(kind, answer), command


def _read(kind: str, text: str) -> Any:
    return json.loads(text) if kind == "json" else text.strip()
