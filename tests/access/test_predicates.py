# SPDX-License-Identifier: Apache-2.0
"""Three readings of one predicate agree: Python's on a row, DuckDB's and PostgreSQL's as SQL, Django's as a query."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import duckdb
import pytest
from django.db import connection, models
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chengyun.access.predicates import (
    And,
    AreaIn,
    During,
    Everything,
    FieldIn,
    Nothing,
    Or,
    Predicate,
    ValidIn,
    all_of,
    any_of,
    area_in,
    as_expression,
    as_q,
    as_sql,
    matches,
    prefix_of,
)  # fmt: skip

AREAS = ["330200", "330203", "330203001", "330203001002", "330204", "3302", "310000", "", None]
KINDS = ["a", "b", "%", "_", "O'Neill", "", None]
DAYS = [dt.date(2025, 1, 1), dt.date(2026, 1, 1), dt.date(2026, 7, 1), None]
TIMES = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC), None]
ROWS = [
    {
        "id": i, "area_code": area, "kind": kind, "since": TIMES[i % 3], "valid_from": DAYS[i % 4],
        "valid_to": DAYS[(i // 4) % 4],
    }
    for i, (area, kind) in enumerate((a, k) for a in AREAS for k in KINDS)
]  # fmt: skip
COLUMNS = "id bigint, area_code varchar, kind varchar, since timestamptz, valid_from date, valid_to date"

prefixes = st.lists(st.sampled_from(["33", "3302", "330203", "330203001", "31", "9"]), max_size=3).map(tuple)
leaves = st.one_of(
    st.just(Everything()),
    st.just(Nothing()),
    prefixes.map(AreaIn),
    st.lists(st.sampled_from(["a", "b", "%", "_", "O'Neill", ""]), max_size=3).map(lambda values: FieldIn("kind", tuple(values))),
    st.tuples(st.sampled_from(TIMES), st.sampled_from(TIMES)).map(lambda bounds: During(*bounds)),
    st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(lambda bounds: ValidIn(*bounds)),
)
trees: st.SearchStrategy[Predicate] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)


class Thing(models.Model):
    """A table for this test alone."""

    area_code = models.CharField(max_length=12, null=True)
    kind = models.CharField(max_length=20, null=True)
    since = models.DateTimeField(null=True)
    valid_from = models.DateField(null=True)
    valid_to = models.DateField(null=True)

    class Meta:
        app_label = "access_tests"
        managed = False
        db_table = "access_tests_thing"


@pytest.fixture
def postgres(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE access_tests_thing ({COLUMNS}) ON COMMIT DROP")
        values = ", ".join(f"%({name})s" for name in ROWS[0])
        for row in ROWS:
            cursor.execute(f"INSERT INTO access_tests_thing VALUES ({values})", row)


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute(f"CREATE TABLE thing ({COLUMNS})")
        made.executemany(f"INSERT INTO thing VALUES ({', '.join(f'${name}' for name in ROWS[0])})", ROWS)
        yield made


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(predicate=Or((Everything(), Nothing())))
@example(predicate=Or((And(()), FieldIn("kind", ("a",)))))
@example(predicate=And((Or(()), Everything())))
@example(predicate=During())
@example(predicate=ValidIn())
@given(predicate=trees)
def test_python_duckdb_postgres_and_django_agree(postgres: None, duck: duckdb.DuckDBPyConnection, predicate: Predicate) -> None:
    expected = [row["id"] for row in ROWS if matches(predicate, row, time_field="since")]
    text, params = as_sql(predicate, "t.area_code", "duckdb", "t.since")
    assert [one for (one,) in duck.execute(f"SELECT id FROM thing AS t WHERE {text} ORDER BY id", params).fetchall()] == expected
    text, params = as_sql(predicate, "t.area_code", "postgres", "t.since")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM access_tests_thing AS t WHERE {text} ORDER BY id", params)
        assert [one for (one,) in cursor.fetchall()] == expected
    assert list(Thing.objects.filter(as_q(predicate, time_field="since")).order_by("id").values_list("id", flat=True)) == expected


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(trees, max_size=4))
def test_simplifying_changes_no_row(parts: list[Predicate]) -> None:
    for row in ROWS:
        assert matches(any_of(*parts), row) == any(matches(part, row) for part in parts)
        assert matches(all_of(*parts), row) == all(matches(part, row) for part in parts)


def test_a_period_reaches_no_row_of_a_reader_that_has_no_time() -> None:
    period = Or((During(TIMES[0], None), AreaIn(("330204",))))
    assert [row["id"] for row in ROWS if matches(period, row)] == [
        row["id"] for row in ROWS if (row["area_code"] or "") == "330204"
    ]
    assert as_sql(During(TIMES[0], None)).text == "FALSE"
    assert not matches(ValidIn(DAYS[0], None), {"area_code": "330203"}), "a row without its days is not known to be valid"


def test_the_expression_fits_into_a_larger_query(duck: duckdb.DuckDBPyConnection) -> None:
    from sqlglot import parse_one

    expression, params = as_expression(Or((AreaIn(("330203",)), FieldIn("kind", ("b",)))), "t.area_code")
    query = parse_one("SELECT COUNT(*) FROM thing AS t WHERE t.kind <> 'a'", dialect="duckdb").where(expression)
    assert duck.execute(query.sql("duckdb"), params).fetchall() == [(3 * 5 + 6,)]


@pytest.mark.parametrize(
    ("code", "prefix"),
    [
        ("330200", "3302"), ("330000", "33"), ("330203", "330203"), ("330203000000", "330203"), ("330203001000", "330203001"),
        ("330203001", "330203001"), ("330203001002", "330203001002"), ("", ""), ("3302", "3302"), ("330200000000", "3302"),
    ],
)  # fmt: skip
def test_an_area_becomes_the_prefix_of_what_lies_inside(code: str, prefix: str) -> None:
    assert prefix_of(code) == prefix


@pytest.mark.parametrize("hostile", ["3302%", "33' OR 1=1", "_", "３３"])
def test_a_prefix_is_digits_alone(hostile: str) -> None:
    with pytest.raises(ValueError, match="expected digits"):
        area_in(hostile)


def test_a_field_is_a_plain_name() -> None:
    with pytest.raises(ValueError, match="lower_snake"):
        FieldIn("kind; DROP TABLE x", ("a",))
