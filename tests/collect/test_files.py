# SPDX-License-Identifier: Apache-2.0
"""Files and simulations: loaded by commands in processes of their own, as a person would run them."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

from served import Served

HEAD = "date,hour,city,station,aqi,pm25,pm10,co,no2,o3_1h,o3_8h,so2\n"
OBSERVED = "SELECT count(*) FROM lake.hot_air_quality_station_hour_1"
LATEST = (
    "SELECT s.key, pm25, s.simulated, s.area_code FROM lake.latest_air_quality_station_hour l"
    " JOIN air_quality_station s ON s.id = l.entity_id WHERE s.city_name = '测试' ORDER BY s.key"
)


def chengyun(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"CHENGYUN_DATABASE_URL": url}
    return subprocess.run([sys.executable, "-m", "chengyun.cli", *words], env=env, capture_output=True, text=True, timeout=120)


def test_a_file_is_loaded_and_loading_it_again_changes_nothing(served: Served, collect_url: str, tmp_path: Path) -> None:
    rows = [f"20200301,{hour},测试,一号,50,{20 + hour},40,0.5,20,60,55,5\n" for hour in range(5)]
    rows += ["20200301,99,测试,一号,50,20,40,0.5,20,60,55,5\n"]
    file = tmp_path / "hours.csv.gz"
    file.write_bytes(gzip.compress((HEAD + "".join(rows)).encode()))
    first = chengyun(collect_url, "load", "air_quality.china_hours", str(file))
    assert first.returncode == 0, first.stderr
    assert "stored 5" in first.stdout
    assert "set aside" in first.stdout
    newest = served.rows(LATEST)
    assert [(pm25, simulated) for _, pm25, simulated, _ in newest] == [(24, False)]
    again = chengyun(collect_url, "load", "air_quality.china_hours", str(file))
    assert "flagged duplicate: 1" in again.stdout
    assert served.rows(LATEST) == newest
    assert served.rows("SELECT count(*) FROM collect_deadletter WHERE source = 'hours.csv.gz'")[0][0] == 2


def test_a_feed_that_is_not_there_names_the_nearest(collect_url: str, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("")
    told = chengyun(collect_url, "load", "air_quality.china_hour", str(file))
    assert told.returncode == 1
    assert 'Did you mean "air_quality.china_hours"' in told.stderr


def test_a_missing_file_is_one_sentence(collect_url: str) -> None:
    told = chengyun(collect_url, "load", "air_quality.china_hours", "/nowhere/at.all")
    assert (told.returncode, told.stderr.strip()) == (1, "/nowhere/at.all is not a file.")
