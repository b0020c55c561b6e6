# SPDX-License-Identifier: Apache-2.0
"""History loaded straight into the sealed table is what the front door would have made of it, also when it is killed."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.access import audit
from chengyun.access.models import AuditRecord
from chengyun.collect import backload, sealing, tabular
from chengyun.collect.load import load_files
from chengyun.config import config
from chengyun.lake import books, database, places
from chengyun.lake.read import snapshot
from chengyun.lake.services import check, ensure_tables, restore, seal, sealed_for_history, snapshots

from .conftest import new_bucket

STREAM, FEED = "air_quality.station_hour", "air_quality.china_hours"
HEAD = "date,hour,city,station,aqi,level,primary,pm25,pm10,co,no2,o3_1h,o3_8h,so2"
LATEST = """
    SELECT s.key, l.* FROM lake.latest_air_quality_station_hour l JOIN air_quality_station s ON s.id = entity_id ORDER BY 1
"""
ODD = [
    "",
    "-",
    "abc",
    "1e5",
    " 7 ",
    '"8"',
    "+3",
    "NAN",
    "inf",
    "1_000",
    "99999999999",
    '"a,b"',
    "-0",
    "1234.5678",
    "１２",
    "2001",
]


# With the apps named, what refers to their tables is emptied with them at the end of a test.
pytestmark = pytest.mark.django_db(transaction=True, available_apps=[one.name for one in apps.get_app_configs()])


@pytest.fixture
def empty(transactional_db: None) -> Iterator[None]:
    """The tables of a city with nothing in them."""
    _renew()
    yield
    books.forget()
    # Feeds register things from threads, whose connections Django leaves open.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _renew() -> None:
    books.forget()
    shutil.rmtree(config().warehouse, ignore_errors=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched, collect_deadletter RESTART IDENTITY")
        cursor.execute("TRUNCATE air_quality_station, air_quality_stationevent RESTART IDENTITY CASCADE")
    ensure_tables()


def _lines(chance: random.Random, count: int, stations: int = 5) -> list[str]:
    """Hours of some stations in two months, as a source writes them: in order, with repeats, corrections and late rows."""
    lines = []
    for number in range(count):
        hour = number // stations if chance.random() > 0.1 else chance.randrange(max(1, number // stations + 1))
        day, clock = 27 + hour // 24, hour % 24
        date = f"202001{day:02d}" if day <= 31 else f"202002{day - 31:02d}"
        values = [str(chance.choice((20, 21, 35, 80))) for _ in range(8)]
        lines.append(f"{date},{clock},测试,{number % stations}号,{values[0]},良,-," + ",".join(values[1:]))
        if chance.random() < 0.05:
            lines.append(lines[-1])
    return lines


def _garbled(chance: random.Random, lines: list[str]) -> list[str]:
    found = list(lines)
    for _ in range(len(found) // 8):
        at = chance.randrange(len(found))
        cells = found[at].split(",")
        match chance.randrange(6):
            case 0:
                found[at] = ""
            case 1:
                found[at] += ",1"
            case 2:
                found[at] = found[at][:9]
            case _:
                cells[chance.randrange(len(cells))] = chance.choice(ODD)
                found[at] = ",".join(cells)
    return found


def _file(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(("\n".join([HEAD, *lines]) + "\n").encode()))
    return path


def _table(sql: str) -> list[tuple[Any, ...]]:
    with database.connect() as conn:
        return conn.execute(sql).fetchall()


def _everything() -> dict[str, Any]:
    """All that a load leaves behind, but for when it was and how it was cut into transactions."""
    with snapshot([STREAM]) as seen:
        rows = [
            tuple(map(repr, row.values()))
            for row in seen.rows("SELECT * FROM station_hour_raw ORDER BY station, hour_start, seq")
        ]
        current = seen.rows("SELECT count(*) AS n, sum(pm25) AS pm25 FROM station_hour")
    register = apps.get_model("air_quality", "Station")
    return {
        "rows": rows,
        "current": current,
        "latest": _table(LATEST),
        "days": _table("SELECT stream, day FROM lake_touched ORDER BY day"),
        "seq": _table(f"SELECT next_seq FROM lake_stream WHERE stream = '{STREAM}'"),
        "dead": _table("SELECT source, code, reason, row::text FROM collect_deadletter ORDER BY 1, 2, 3, 4"),
        "register": list(register.objects.order_by("key").values_list("key", "name", "city_name", "simulated", "source")),
    }  # fmt: skip


def _as_usual(path: Path) -> Any:
    return load_files(config(), settings.CITY, FEED, [path])


def _as_history(path: Path, **given: Any) -> Any:
    return backload.load_history(config(), settings.CITY, FEED, [path], **given)


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_come_to_the_same(empty: None, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    first = _file(tmp_path, "a.csv.gz", _garbled(chance, _lines(chance, 300)))
    second = _file(tmp_path, "b.csv.gz", _garbled(chance, _lines(chance, 200)))
    told = [(it.read, it.stored, it.flags, it.dead) for it in (_as_usual(first), _as_usual(second))]
    usual = _everything()
    _renew()
    again = [(it.read, it.stored, it.flags, it.dead) for it in (_as_history(first), _as_history(second))]
    history = _everything()
    assert again == told
    for name, found in usual.items():
        assert history[name] == found, name
    assert len(history["dead"]) > 5
    [found, *_] = check()
    assert found.faults == ()
    for path in (first, second):
        assert (_as_history(path).stored, _as_history(path).skipped) == (
            0,
            dict(zip((first, second), told, strict=True))[path][1],
        )
    assert _everything() == history


def test_what_is_hot_is_sealed_with_the_history_and_corrected_by_it(empty: None, tmp_path: Path) -> None:
    chance = random.Random(9)
    lines = _lines(chance, 120)
    parts = [
        _file(tmp_path, f"{number}.csv.gz", [line.replace(",20,", f",{30 + number},", 1) for line in lines])
        for number in range(3)
    ]
    for path in parts:
        _as_usual(path)
        seal(STREAM)
    usual = _everything()
    _renew()
    _as_history(parts[0])
    with sealed_for_history(STREAM, 1.0):
        pass
    _as_usual(parts[1])
    with pytest.MonkeyPatch.context() as patch:
        # What comes in between sealing and the load's first transaction is in the open chunk then.
        patch.setattr("chengyun.lake.services.close_chunk", lambda *_: False)
        _as_history(parts[2])
    assert _everything() == usual
    [found, *_] = check()
    assert found.faults == ()


def test_history_in_an_object_store_is_the_same(empty: None, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(11)
    paths = [_file(tmp_path, name, _garbled(chance, _lines(chance, 120))) for name in ("a.csv.gz", "b.csv.gz")]
    for path in paths:
        _as_history(path)
    in_folder = _everything()
    _renew()
    here, client = new_bucket(store)
    monkeypatch.setattr(places, "config", lambda: here)
    for path in paths:
        _as_history(path)
    assert _everything() == in_folder
    [found, *_] = check(contents=True)
    assert (found.faults, found.files > 0) == ((), True)
    assert client.list_objects_v2(Bucket=here.lake.split("/")[2])["KeyCount"] > found.files


def test_a_load_counts_what_it_sets_aside_beyond_the_dead_letters(empty: None, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sealing, "MOST_DEAD_LETTERS", 3)
    lines = [line.replace(",良,", ",良,x,") for line in _lines(random.Random(1), 20)]
    loaded = _as_history(_file(tmp_path, "a.csv.gz", lines))
    assert loaded.stored == 0
    assert sum(loaded.dead.values()) == len(lines)
    [rejects] = loaded.rejects
    assert len(_table("SELECT FROM collect_deadletter")) + len(rejects.read_text().splitlines()) == len(lines)
    assert '"line"' in rejects.read_text()


def test_simulated_things_become_real_and_rules_see_what_is_new(empty: None, tmp_path: Path) -> None:
    path = _file(tmp_path, "a.csv.gz", _lines(random.Random(2), 50))
    _as_history(path)
    connection.cursor().execute("UPDATE air_quality_station SET simulated = true")
    assert _as_history(path, again=True).flags["duplicate"] > 0
    assert _table("SELECT count(*) FROM air_quality_station WHERE simulated") == [(0,)]


def test_a_restore_takes_history_back_and_stands_in_the_audits_chain(empty: None, tmp_path: Path) -> None:
    chance = random.Random(5)
    _as_history(_file(tmp_path, "a.csv.gz", _lines(chance, 60)))
    before = _everything()
    _as_history(_file(tmp_path, "b.csv.gz", _lines(chance, 90)))
    done = restore(STREAM, snapshots(STREAM)[0].id, "tester")
    after = _everything()
    assert done.rows > 0
    assert (after["rows"], after["current"]) == (before["rows"], before["current"])
    assert [row[:1] + row[3:] for row in after["latest"]] == [row[:1] + row[3:] for row in before["latest"]]
    assert isinstance(audit.verify(), audit.Head)
    assert AuditRecord.objects.latest("id").action == "lake.restored"


@pytest.mark.fault
@pytest.mark.parametrize("step", ["file-written", "metadata-written", "history-staged", "history-committed:2", "file-written:4"])
def test_killed_while_loading(empty: None, tmp_path: Path, step: str) -> None:
    chance = random.Random(4)
    path = _file(tmp_path, "a.csv.gz", _garbled(chance, _lines(chance, 300)))
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "chengyun.settings", "CHENGYUN_DATABASE_URL": database.url(),
        "CHENGYUN_DATA": str(config().data), "CHENGYUN_LAKE_DIE_AT": step,
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).parent / "loader.py"), "6000", str(path)]
    died = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert died.returncode == -signal.SIGKILL, died.stderr
    environment.pop("CHENGYUN_LAKE_DIE_AT")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    stored, skipped = map(int, done.stdout.split())
    assert (skipped > 0) == (":" in step)
    interrupted = _everything()
    [found, *_] = check()
    assert found.faults == ()
    _renew()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular, "PART_BYTES", 6000)
        patch.setattr(backload, "PART_BYTES", 6000)
        assert _as_history(path).stored == stored + skipped
    assert _everything() == interrupted
