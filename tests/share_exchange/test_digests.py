# SPDX-License-Identifier: Apache-2.0
"""A copy is compared with what it should hold by digests of ranges, and only what differs is read again."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import random
import struct
from collections.abc import Callable
from decimal import Decimal
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from chengyun.access.models import AuditRecord
from chengyun.errors import NotFound, Refused
from chengyun.packs.water_supply.models import Asset
from chengyun.share.exchange import digests, reading
from chengyun.share.exchange.digests import Ranges
from chengyun.share.exchange.sources import Column
from chengyun.share.federation import checking, mirrors, neighbours
from chengyun.share.federation.commands import add_commands
from chengyun.share.federation.models import Mirror, Neighbour

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

DATASET, PERSON = "water_supply.asset", "population.person"
ROWS = 40


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges of a few rows, and pages of fewer than there are."""
    monkeypatch.setattr(checking, "ROWS_IN_RANGE", 2)
    monkeypatch.setattr(mirrors, "PAGE", 3)
    monkeypatch.setattr(reading, "SCANNED", 7)
    monkeypatch.setattr(reading, "LOOKED_THROUGH", 20)


def mirror_of(department: Any, dataset: str, purpose: str) -> Mirror:
    neighbour = Neighbour.objects.create(name="node-b", address=given.ADDRESS, organisation=department.organisation)
    made = mirrors.start(neighbour, dataset, purpose)
    mirrors.draw(made, department.client)
    made.refresh_from_db()
    return made


def contents(mirror: Mirror) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(m) - '_version' - '_receipt' FROM mirror.{mirror.table} AS m ORDER BY _key")
        return [json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in cursor.fetchall()]


def run(text: str) -> Callable[[Mirror], None]:
    def spoil(mirror: Mirror) -> None:
        with connection.cursor() as cursor:
            cursor.execute(text.replace("TABLE", f"mirror.{mirror.table}"))
            assert cursor.rowcount == 1

    return spoil


ONE = "(SELECT min(_key) FROM TABLE)"
SPOILT = {
    "a byte is flipped": run(f"UPDATE TABLE SET name = overlay(name placing 'X' from 1) WHERE _key = {ONE}"),
    "a number is off by its last bit": run(f"UPDATE TABLE SET lon = lon + 1.5e-14 WHERE _key = {ONE}"),
    "a value is gone": run(f"UPDATE TABLE SET name = NULL WHERE _key = {ONE}"),
    "a row is gone": run(f"DELETE FROM TABLE WHERE _key = {ONE}"),
    "a row has another key": run(f"UPDATE TABLE SET _key = _key || 'x' WHERE _key = {ONE}"),
    "a row is there that never was": run(
        "INSERT INTO TABLE (_key, _version, _receipt, name) VALUES ('new', 1, 'none', 'none')"
    ),
    "a row passes for newer than it is": run(f"UPDATE TABLE SET _version = _version + 1000000 WHERE _key = {ONE}"),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
@pytest.mark.usefixtures("small")
def test_what_is_damaged_is_found_and_read_anew_alone(department, spoil: Callable[[Mirror], None]) -> None:
    given.assets(ROWS)
    Asset.objects.filter(key="s0003").update(lon=121.123456789, elevation_m=-0.1, name='泵\n"')
    department.grant(DATASET)
    mirror = mirror_of(department, DATASET, "")
    good = contents(mirror)
    assert checking.check(mirror, department.client) == 0
    # What the provider has written since is no damage: a copy is of its version.
    Asset.objects.filter(key="s0005").update(name="后改")
    assert checking.check(mirror, department.client) == 0
    spoil(mirror)
    differing = checking.check(mirror, department.client)
    assert differing in (1, 2)
    assert (mirror.checked_at is not None, mirror.differing) == (True, differing)
    asked = len(department.wire.sent)
    mirrors.draw(mirror, department.client)
    rows = [one for one in department.wire.sent[asked:] if one.url.path.endswith("/rows")]
    assert len(rows) <= 6, "of 14 pages there are"
    assert all("ranges=" in str(one.url) for one in rows)
    mirrors.draw(mirror, department.client)
    assert checking.check(mirror, department.client) == 0
    for one in good:
        if one["_key"] == "s0005":
            one["name"] = "后改"
    assert contents(mirror) == good
    mirror.refresh_from_db()
    assert (mirror.rows, mirror.redraw) == (ROWS, "")


@pytest.mark.usefixtures("small")
def test_a_copy_under_masks_and_pseudonyms_is_compared_as_it_is_shown(department) -> None:
    given.people(ROWS)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym", "name": "masked", "birth_date": "masked"})
    mirror = mirror_of(department, PERSON, "statistics")
    good, records = contents(mirror), AuditRecord.objects.filter(action="read").count()
    assert checking.check(mirror, department.client) == 0
    assert AuditRecord.objects.filter(action="read").count() == records + 1
    run(f"UPDATE TABLE SET id_number = 'x' WHERE _key = {ONE}")(mirror)
    run("DELETE FROM TABLE WHERE _key = (SELECT max(_key) FROM TABLE)")(mirror)
    assert checking.check(mirror, department.client) in (1, 2)
    mirrors.draw(mirror, department.client)
    assert contents(mirror) == good
    assert checking.check(mirror, department.client) == 0


@pytest.mark.usefixtures("small")
def test_much_that_differs_is_read_anew_as_a_whole_and_what_is_gone_outright_too(department) -> None:
    given.assets(ROWS)
    department.grant(DATASET)
    mirror = mirror_of(department, DATASET, "")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE mirror.{mirror.table} SET name = 'x'")
        # Past the history: no version tells of it.
        cursor.execute("ALTER TABLE water_supply_asset DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM water_supply_asset WHERE key = 's0000'")
        cursor.execute("ALTER TABLE water_supply_asset ENABLE TRIGGER USER")
    assert (checking.check(mirror, department.client) or 0) > 8
    mirror.refresh_from_db()
    assert mirror.redraw == mirrors.ALL
    mirrors.draw(mirror, department.client)
    assert checking.check(mirror, department.client) == 0
    assert len(contents(mirror)) == ROWS - 1


def test_a_neighbour_of_an_older_version_is_not_compared(department, monkeypatch) -> None:
    given.assets(3)
    department.grant(DATASET)
    mirror = mirror_of(department, DATASET, "")
    usual = department.client.get

    def get(path: str, **params: object) -> Any:
        if path == "/digests":
            raise NotFound("There is nothing here.")
        return usual(path, **params)

    monkeypatch.setattr(department.client, "get", get)
    run(f"DELETE FROM TABLE WHERE _key = {ONE}")(mirror)
    assert checking.check(mirror, department.client) is None
    assert mirrors.draw(mirror, department.client) == 0
    assert (mirror.checked_at, mirror.redraw, len(contents(mirror))) == (None, "", 2)


def test_the_command_compares_mends_and_says_so(department, monkeypatch, capsys) -> None:
    given.assets(3)
    department.grant(DATASET)
    mirror = mirror_of(department, DATASET, "")
    monkeypatch.setattr(neighbours, "client_of", lambda neighbour: department.client)
    monkeypatch.setattr(department.client, "close", lambda: None)
    monkeypatch.setattr("chengyun.run.setup.django", lambda: None)
    run(f"DELETE FROM TABLE WHERE _key = {ONE}")(mirror)
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    for says in ("differed in 1 ranges", "3 rows are what they should be"):
        args = parser.parse_args(["federation", "check", "node-b"])
        assert args.func(args) == 0
        assert says in capsys.readouterr().out
    department.wire.changed = lambda answer: type(answer)(200, content=b"{}")
    assert args.func(args) == 1
    assert "could not be compared" in capsys.readouterr().out


def test_digests_are_of_what_is_granted_and_slices_add_up(department, monkeypatch) -> None:
    given.assets(9)
    Asset.objects.filter(key="s0004").update(area_code="330205000000")
    department.grant(DATASET, area_code="330203000000")
    client = department.client
    whole = client.get("/digests", dataset=DATASET, depth=2).json()
    rows = client.get("/rows", dataset=DATASET).json()
    assert (whole["count"], whole["as_of"], whole["terms"], whole["next"]) == (8, rows["as_of"], rows["terms"], None)
    added, after, slices = [0] * 4, None, 0
    while True:
        part = client.get("/digests", dataset=DATASET, depth=2, limit=3, after=after, as_of=whole["as_of"]).json()
        added = [one + int(other, 16) for one, other in zip(added, part["sums"], strict=True)]
        after, slices = part["next"], slices + 1
        if after is None:
            break
    assert ([one % (1 << 128) for one in added], slices) == ([int(one, 16) for one in whole["sums"]], 3)
    in_ranges = [client.get("/rows", dataset=DATASET, ranges=f"2:{at}").json()["rows"] for at in range(4)]
    assert sorted(row["key"] for part in in_ranges for row in part) == [row["key"] for row in rows["rows"]]
    monkeypatch.setattr(reading, "LOOKED_THROUGH", 2)
    found, after = [], None
    while True:
        part = client.get("/rows", dataset=DATASET, ranges="2:0,1,2,3", limit=2, after=after).json()
        found, after = found + part["rows"], part["next"]
        if after is None:
            break
    assert found == rows["rows"]
    for path, wrong in (
        ("/digests", {"depth": 13}), ("/digests", {"limit": 0}), ("/digests", {"dataset": "air_quality.station_hour"}),
        ("/rows", {"ranges": "2:4"}), ("/rows", {"ranges": "13:0"}), ("/rows", {"ranges": "0"}), ("/digests", {"terms": "other"}),
    ):  # fmt: skip
        with pytest.raises(Refused):
            client.get(path, **{"dataset": DATASET, **wrong})
    with pytest.raises(NotFound):
        client.get("/digests", dataset=PERSON, purpose="statistics")


def test_a_digest_is_what_the_protocol_says() -> None:
    """Written once more by hand, from the table in digests.py."""
    kinds = ("text", "integer", "number", "decimal", "boolean", "date", "instant", "json", "text")
    columns = [Column(f"f{at}", kind) for at, kind in enumerate(kinds)]  # type: ignore[arg-type]
    at = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    value = ['泵"\n', 7, 0.1, Decimal("1.50"), True, dt.date(2026, 11, 23), at, {"b": 1, "a": [None]}, None]
    said = ["k", "泵\"\n", 7, "3fb999999999999a", "1.50", True, "2026-11-23", "2026-11-23T02:00:00.000000Z",
            '{"a":[null],"b":1}', None]  # fmt: skip
    assert struct.pack(">d", 0.1).hex() == said[3]
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    one = int.from_bytes(hashlib.sha256(body).digest()[:16])
    place = hashlib.sha256(b"k").digest()[0] >> 5
    expected = [0] * 8
    expected[place] = one
    assert digests.sums(columns, 3, [("k", value)]) == expected
    assert "k" in Ranges.read(f"3:{place:x}")
    dice = random.Random(3)
    some = [(f"k{dice.randrange(10**9)}", value) for _ in range(50)]
    turned = dice.sample(some, len(some))
    assert digests.sums(columns, 4, some) == digests.sums(columns, 4, turned)
    assert digests.sums(columns, 4, some[:-1]) != digests.sums(columns, 4, some)
