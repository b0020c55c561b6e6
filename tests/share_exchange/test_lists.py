# SPDX-License-Identifier: Apache-2.0
"""A register's lists go out as JSON, by whichever way: what a reader of files knows, and what a page says."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.apps import apps
from django.db import connection

from chengyun.packs.water_supply.models import Asset
from chengyun.share.exchange import bulk, digests, reading
from chengyun.share.exchange.models import BulkFile
from chengyun.share.exchange.sources import Column, source_of
from chengyun.share.federation import checking, filling, mirrors
from chengyun.share.federation.models import Mirror, Neighbour

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

DATASET = "water_supply.asset"
LISTS: dict[str, Any] = {
    "tags": ["阀门", 'a,"b"', "{c}", "NULL", None, ""], "levels": [1, 2], "sizes": [1.5, 0.1], "days": ["2026-11-23"],
    "more": {"a": [1]},
}  # fmt: skip
TYPES = {"tags": "text[]", "levels": "int4[]", "sizes": "numeric[]", "days": "date[]", "more": "jsonb"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listed(department: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """A register with lists, as a pack may declare one: what its three rows hold."""
    tables = [Asset._meta.db_table, apps.get_model("water_supply", "AssetEvent")._meta.db_table]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} {', '.join(f'ADD COLUMN {name} {kind}' for name, kind in TYPES.items())}")
        given.assets(3)
        values = [LISTS, dict.fromkeys(TYPES), {**{name: [] for name in TYPES}, "more": {}}]
        for at, one in enumerate(values):
            told = {**one, "more": None if one["more"] is None else json.dumps(one["more"])}
            for table, key in zip(tables, ("key", "key"), strict=True):
                places = ", ".join(f"{name} = %({name})s::{kind}" for name, kind in TYPES.items())
                cursor.execute(f"UPDATE {table} SET {places} WHERE {key} = %(key)s", {**told, "key": f"s{at:04}"})
    usual = source_of(DATASET)
    made = replace(usual, columns=(*usual.columns, *(Column(name, "json", name) for name in TYPES)))
    for module in (reading, bulk):
        monkeypatch.setattr(module, "source_of", lambda _: made)
    department.grant(DATASET)
    yield values
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} {', '.join(f'DROP COLUMN {name}' for name in TYPES)}")


def of(row: Any) -> dict[str, Any]:
    return {name: json.loads(row[name]) if row[name] else None for name in TYPES}


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("is_whole", [True, False])
def test_files_hold_lists_as_pages_tell_them(department, listed, monkeypatch, format: str, is_whole: bool) -> None:
    page = department.client.get("/rows", dataset=DATASET).json()
    assert [{name: row["values"][name] for name in TYPES} for row in page["rows"]] == listed
    if not is_whole:
        monkeypatch.setattr(bulk, "_whole", lambda scope, source, shown, at: bulk._paged(
            scope, DATASET, 0, at, (*bulk._OURS, *shown)
        ))  # fmt: skip
    number = department.client.post("/files", {"dataset": DATASET, "format": format}).json()["file"]
    assert bulk.make_waiting() == 1
    path = bulk.part_path(department.party, number, 0)
    read = {
        "csv": lambda: list(csv.DictReader(path.open(encoding="utf-8", newline=""))),
        "parquet": lambda: pq.read_table(path).to_pylist(),
    }  # fmt: skip
    rows = sorted(read[format](), key=lambda row: row["_key"])
    assert [of(row) for row in rows] == listed
    assert rows[0]["tags"].startswith('["阀门", ')
    assert BulkFile.objects.get(number=number).manifest["fields"][-1] == {"name": "more", "type": "json"}


def test_a_mirror_filled_by_file_holds_what_one_read_by_pages_holds(department, listed, monkeypatch) -> None:
    monkeypatch.setattr(filling, "ASK_EVERY_S", 0)
    neighbour = Neighbour.objects.create(name="node-b", address=given.ADDRESS, organisation=department.organisation)
    mirror = mirrors.start(neighbour, DATASET)
    client, usual = department.client, department.client.get

    def get(path: str, **params: object) -> Any:
        bulk.make_waiting()
        return usual(path, **params)

    def part(path: str, start: int, end: int) -> bytes:
        number, _, at = path.removeprefix("/files/").partition("/parts/")
        return bulk.part_path(department.party, number, int(at)).read_bytes()[start : end + 1]

    monkeypatch.setattr(client, "get", get)
    monkeypatch.setattr(client, "part", part)
    assert filling.fill(mirror, client) == 3
    assert checking.check(Mirror.objects.get(), client) == 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(TYPES)} FROM mirror.{mirror.table} ORDER BY _key")
        assert [of(dict(zip(TYPES, row, strict=True))) for row in cursor.fetchall()] == listed


def test_digests_are_of_lists_as_they_are_told(department, listed) -> None:
    page = department.client.get("/rows", dataset=DATASET, fields=",".join(TYPES)).json()
    columns = [Column(one["name"], one["type"]) for one in page["fields"]]
    sums = digests.sums(columns, 2, ((row["key"], [row["values"][one.name] for one in columns]) for row in page["rows"]))
    told = department.client.get("/digests", dataset=DATASET, fields=",".join(TYPES), depth=2).json()
    assert told["sums"] == list(digests.told(sums))
