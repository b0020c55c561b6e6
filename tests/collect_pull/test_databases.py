# SPDX-License-Identifier: Apache-2.0
"""Databases of others, by watermark and by comparison: nothing is lost at a tie or sent twice, and what is gone is seen."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from house import STREAM, Town

from chengyun.access.actors import SYSTEM
from chengyun.city.sources import Source as Declared
from chengyun.collect.pull import services
from chengyun.collect.pull.credentials import Credentials, close
from chengyun.collect.pull.databases import one_select, select_after
from chengyun.collect.pull.models import Source
from chengyun.collect.pull.runs import run_source
from chengyun.errors import Refused

CHINA = dt.timezone(dt.timedelta(hours=8))
COLUMNS = {"station": "zd", "start": "sj", "pm25": "pm25"}


def counts(town: Town, database, table: str, **given) -> Source:
    read = {"kind": "database", "table": table, "watermark": "updated"} | given.pop("read", {})
    return town.source(
        address=database.address, read=read, stream={"to": STREAM, "columns": given.pop("columns", COLUMNS)},
        credentials=Credentials(user=database.user, password=database.password), **given,
    )  # fmt: skip


def table(database, name: str) -> str:
    database.execute(f"CREATE TABLE {name} (zd varchar(20), sj timestamp, pm25 float, updated timestamp NULL)")
    return name


def put(database, name: str, *rows) -> None:
    for row in rows:
        database.execute(f"INSERT INTO {name} VALUES (%s, %s, %s, %s)", *row)


def at(minute: int, hour: int = 8) -> str:
    return f"2026-11-20 {hour:02d}:{minute:02d}:00"


@pytest.fixture(params=["postgres", "mariadb"])
def database(request):
    return request.getfixturevalue(request.param)


def test_rows_with_equal_and_late_watermarks_are_read_once_each(town, database):
    a, b = town.stations(2)
    name = table(database, f"t_ties_{a.lower()}")
    put(database, name, (a, at(0), 1, at(0)), (a, at(5), 2, at(5)), (b, at(5), 3, at(5)))
    source = counts(town, database, name)
    first = town.run(source)
    assert (first.state, first.error, first.read, first.kept, first.dead) == ("done", "", 3, 3, 0)
    again = town.run(source)
    assert (again.read, again.same, again.kept) == (3, 3, 0)  # the overlap is read again and nothing of it sent
    # One with the highest watermark, one committed late with a lower one, one without any.
    put(database, name, (b, at(10), 4, at(5)), (a, at(10), 5, at(3)), (a, at(15), 6, None))
    third = town.run(source)
    assert (third.kept, third.dead) == (3, 0)
    assert town.run(source).kept == 0
    expected = [(a, 0, 1), (a, 5, 2), (a, 10, 5), (a, 15, 6), (b, 5, 3), (b, 10, 4)]
    assert town.stored([a, b]) == [
        (key, dt.datetime(2026, 11, 20, 8, minute, tzinfo=CHINA), value) for key, minute, value in expected
    ]


def test_what_is_gone_ends_the_entity_and_what_comes_back_is_in_force_again(town, database):
    keys = [f"R{town.stations(1)[0]}{n}" for n in range(4)]
    name = f"reg_{keys[0].lower()}"
    database.execute(f"CREATE TABLE {name} (bm varchar(20), mc varchar(50), jd float, wd float)")
    for key in keys:
        database.execute(f"INSERT INTO {name} VALUES (%s, %s, 121.5, 29.8)", key, f"站 {key}")
    source = town.source(
        address=database.address, read={"kind": "database", "table": name}, deletions=True,
        register={"to": "air_quality.station", "key": "bm", "columns": {"name": "mc", "lon": "jd", "lat": "wd"}},
        credentials=Credentials(user=database.user, password=database.password),
    )  # fmt: skip
    first = town.run(source)
    assert (first.error, first.registered, first.vanished) == ("", 4, 0)
    database.execute(f"DELETE FROM {name} WHERE bm = %s", keys[0])
    second = town.run(source)
    assert (second.registered, second.same, second.vanished) == (0, 3, 1)
    ended = "SELECT valid_to IS NOT NULL FROM air_quality_station WHERE key = ANY(%s) ORDER BY key"
    assert town.rows(ended, keys) == [(True,), (False,), (False,), (False,)]
    database.execute(f"INSERT INTO {name} VALUES (%s, %s, 121.5, 29.8)", keys[0], "又开")
    town.run(source)
    assert town.rows(ended, keys) == [(False,)] * 4


def test_a_table_that_shrank_at_once_waits_for_a_person(town, postgres):
    mark = town.stations(1)[0]
    name = f"shrank_{mark.lower()}"
    postgres.execute(f"CREATE TABLE {name} AS SELECT '{mark}-' || n AS bm FROM generate_series(1, 100) n")
    source = town.source(
        address=postgres.address, read={"kind": "database", "table": name}, deletions=True,
        register={"to": "air_quality.station", "key": "bm"}, credentials=Credentials(user="postgres"),
    )  # fmt: skip
    assert town.run(source).registered == 100
    postgres.execute(f"DELETE FROM {name} WHERE bm > '{mark}-5'")
    run = town.run(source)
    assert (run.state, run.vanished) == ("done", 0)
    drift = source.drifts.get()
    assert (drift.kind, drift.decision) == ("emptied", "waiting")
    services.decide(SYSTEM, drift.pk, "accepted")
    assert town.run(source).vanished == int(drift.after)


@pytest.mark.parametrize(("policy", "state"), [("stop", "stopped"), ("go_on", "done")])
def test_a_column_that_changed_is_decided_by_a_person(town, postgres, policy, state):
    (key,) = town.stations(1)
    name = table(postgres, f"t_drift_{key.lower()}")
    put(postgres, name, (key, at(0), 1, at(0)))
    source = counts(town, postgres, name, drift=policy)
    assert town.run(source).kept == 1
    postgres.execute(f'ALTER TABLE {name} RENAME pm25 TO "pm25(mg/m3)"')
    put(postgres, name, (key, at(5), 2, at(5)))
    run = town.run(source)
    assert run.state == state
    drift = source.drifts.get()
    assert (drift.kind, drift.column, drift.after, drift.used) == ("renamed", "pm25", "pm25(mg/m3)", True)
    assert [row[2] for row in town.stored([key])] == ([1] if policy == "stop" else [1, None])
    services.decide(SYSTEM, drift.pk, "mapped")
    source.refresh_from_db()
    assert source.state == "active"
    assert town.run(source).state == "done"
    assert town.stored([key])[-1][2] == 2


def test_a_row_that_cannot_be_stored_becomes_a_dead_letter_once(town, postgres):
    (key,) = town.stations(1)
    name = f"t_dead_{key.lower()}"
    postgres.execute(f"CREATE TABLE {name} (zd text, sj timestamp, pm25 text, updated timestamp)")
    put(postgres, name, (key, at(0), "12", at(0)), (key, at(5), "十二", at(0)), ("nobody", at(5), "12", at(0)))
    source = counts(town, postgres, name)
    assert (run := town.run(source)).dead == 2, run.error
    assert (run.kept, run.read) == (1, 3)
    assert town.run(source).dead == 0
    assert len(town.letters(source)) == 2


def test_a_table_that_is_not_there_is_told_with_the_nearest(town, postgres):
    (key,) = town.stations(1)
    table(postgres, f"counts_{key.lower()}")
    run = town.run(counts(town, postgres, f"count_{key.lower()}"))
    assert run.state == "failed"
    assert f'Did you mean "counts_{key.lower()}"?' in run.error


def test_credentials_are_kept_encrypted_and_never_told(town, mariadb):
    source = counts(town, mariadb, "nowhere")
    Source.objects.filter(pk=source.pk).update(
        credentials=close(town.config.secret, Credentials(user="reader", password="wrong-pass"))
    )
    run = town.run(source)
    kept = town.rows("SELECT credentials FROM pull_source WHERE id = %s", source.pk)[0][0]
    assert b"wrong-pass" not in bytes(kept)
    assert run.state == "failed"
    assert "wrong-pass" not in run.error


@pytest.mark.parametrize("scheme", ["mssql", "oracle", "mysql", "postgresql"])
def test_every_dialect_asks_for_the_same(scheme):
    from sqlalchemy import Column, DateTime, MetaData, String, Table, create_mock_engine

    names = {"mssql": "mssql+pymssql", "oracle": "oracle+oracledb", "mysql": "mysql+pymysql", "postgresql": "postgresql+psycopg"}
    dialect = create_mock_engine(f"{names[scheme]}://", lambda *_: None).dialect
    source = Table("counts", MetaData(), Column("zd", String(20)), Column("updated", DateTime), schema="traffic")
    told = select_after(source, source.c.updated, dt.datetime(2026, 1, 1), ["zd"]).compile(dialect=dialect)
    text = " ".join(str(told).replace("[", "").replace("]", "").replace('"', "").replace("`", "").split())
    assert text.startswith(
        "SELECT traffic.counts.zd, traffic.counts.updated FROM traffic.counts WHERE traffic.counts.updated >= "
    )
    assert text.endswith("ORDER BY traffic.counts.updated, traffic.counts.zd")


@pytest.mark.parametrize(
    "query", ["DELETE FROM counts", "SELECT 1; DROP TABLE counts", "SELECT * INTO other FROM counts", "nonsense ("]
)
def test_a_query_is_one_select(query):
    with pytest.raises(Refused):
        one_select(query, "mssql")


def test_a_source_does_not_lead_into_this_machine(town, postgres):
    (key,) = town.stations(1)
    source = counts(town, postgres, table(postgres, f"t_own_{key.lower()}"))
    run = run_source(town.replaced(source_hosts=()), settings.CITY, source.pk, by="test")
    assert (run.state, "CHENGYUN_SOURCE_HOSTS" in run.error) == ("failed", True)


def test_a_query_is_read_as_a_table_is(town, postgres):
    (key,) = town.stations(1)
    name = table(postgres, f"t_query_{key.lower()}")
    put(postgres, name, (key, at(0), 1, at(0)), (key, at(5), 2, at(5)))
    query = f"SELECT zd, sj, pm25::numeric AS pm25, updated, 'a :b' AS note FROM {name};"
    source = counts(town, postgres, name, read={"table": None, "query": query})
    run = town.run(source)
    assert (run.error, run.kept) == ("", 2)
    put(postgres, name, (key, at(10), 3, at(10)))
    assert town.run(source).kept == 1


def test_a_source_a_pack_declares_waits_for_a_person(town, monkeypatch):
    declared = Declared(
        key="loops", name="线圈", address="mysql://10.1.2.3/traffic", read={"kind": "database", "table": "t"},
        stream="station_5min", columns={"station": "zd", "start": "sj"}, every="10m",
    )  # fmt: skip
    monkeypatch.setitem(settings.CITY.sources, "air_quality.loops", declared)
    services.ensure_sources()
    services.ensure_sources()
    source = Source.objects.get(key="air_quality_loops")
    assert (source.state, source.pack, source.spec["stream"]["to"]) == ("paused", "air_quality", STREAM)
    with pytest.raises(Refused):
        services.remove(SYSTEM, source.key)
