# SPDX-License-Identifier: Apache-2.0
"""Real files through the front door: load, evaluate, and compare the figures with what was published."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from chengyun.collect.load import load_files
from chengyun.config import config
from chengyun.lake import books, database
from chengyun.lake.services import ensure_tables
from chengyun.operate.engine import evaluate
from chengyun.operate.models import Alert, Figure
from chengyun.operate.watch import judge_silence
from chengyun.packs.air_quality.tests import comparison

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


@pytest.fixture
def lake(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        # Its books are tables of Django's; tests before this one may have left what they say of another lake.
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    yield
    books.forget()


def load(feed: str, path: Path) -> int:
    here = dataclasses.replace(config(), database_url=database.url())
    loaded = load_files(here, settings.CITY, f"air_quality.{feed}", [path], lambda rows, position: None)
    assert loaded.read == loaded.stored + sum(loaded.dead.values())
    return loaded.stored


def figures(indicator: str) -> dict[tuple[str, dt.datetime], Figure]:
    found = Figure.objects.filter(indicator=f"air_quality.{indicator}", superseded_at=None)
    return {(figure.subject, figure.period_start): figure for figure in found}


def only(path: Path, city: str, to: Path) -> Path:
    """Copy the header and one city's rows of a CSV file."""
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8-sig", newline="") as file
    ):
        header, *rows = csv.reader(file)
    with to.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *(row for row in rows if city in row)])
    return to


@pytest.mark.shared
def test_hourly_figures_of_a_real_city_are_the_published_ones(lake: None, shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    assert load("stations_snapshot", only(data / comparison.SNAPSHOT, "宁波市", tmp_path / "stations.csv")) == 8
    loaded = load("china_hours", only(data / comparison.HOURS, "宁波", tmp_path / "hours.csv"))
    assert loaded == 1413
    done = evaluate(NOW)
    assert [one.error for one in done.ran if one.error] == []

    found = figures("station_hour_aqi")
    seen: Counter[str] = Counter()
    for values in comparison.observations(data, comparison.feeds.CHINA_HOURS, comparison.HOURS):
        if not values["station"].startswith("宁波-"):
            continue
        figure, published = found[values["station"], values["hour_start"]], values["published_aqi"]
        seen["not published" if published is None else "equal" if figure.value == int(published) else "different"] += 1
    assert seen["different"] == 0
    assert seen["equal"] > 1000
    assert not any(figure.simulated for figure in found.values())
    judge_silence(settings.CITY, NOW)
    assert not Alert.objects.exclude(state="closed").exists(), "history calls nobody"


@pytest.mark.shared
def test_daily_figures_of_a_real_city_differ_from_the_published_as_the_comparison_says(
    lake: None, shared: Path, tmp_path: Path
) -> None:
    assert load("city_reports", only(shared / "data" / comparison.REPORTS, "Ningbo", tmp_path / "reports.csv")) == 1157
    evaluate(NOW)
    found = figures("city_day_aqi")
    differences = [figure.detail["difference"] for figure in found.values()]
    assert len(differences) == 1157
    assert sum(one == 0 for one in differences) == 873
    assert sum(abs(one) <= 1 for one in differences) == 1044
    years = figures("city_good_air_year")
    assert not Figure.objects.exclude(superseded_at=None).exists(), "a year is written once, when its days have settled"
    assert [int(years[key].detail["valid_days"]) for key in sorted(years, key=lambda key: key[1])] == [30, 365, 365, 366, 31]
