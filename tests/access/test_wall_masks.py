# SPDX-License-Identifier: Apache-2.0
"""What a body reads in the database is, field by field, what the API gives under the same grant: masks and pseudonyms too."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from hypothesis import HealthCheck, example, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from psycopg import sql
from tests.access.oracle import AREAS, DATASET, same

from chengyun.access import masks, wall
from chengyun.access.actors import Actor, Post
from chengyun.access.models import Grant, Organisation
from chengyun.access.policy import scope
from chengyun.access.rulebook import Facts, rulebook
from chengyun.access.sql_masks import masked
from chengyun.share.exchange import reading

pytestmark = pytest.mark.django_db
IN_SQL = ("name", "name_last", "id_number", "id_number_statistical", "phone", "bank_card", "hidden")
TEXTS = st.one_of(
    st.text(max_size=24).filter(lambda it: "\x00" not in it and it.isprintable()),
    st.from_regex(r"[0-9*Xx -]{0,24}", fullmatch=True), st.from_regex(r"0[0-9]{2,3}-?[0-9*]{6,9}", fullmatch=True),
    st.from_regex(r"1[0-9]{2}[0-9*]{4}[0-9]{4}", fullmatch=True), st.from_regex(r"[1-9][0-9]{16}[0-9Xx]", fullmatch=True),
    st.from_regex(r"(欧阳|司马|王|李)[一-龥]{0,3}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{5}(19|20)[0-9]{2}[0-9*]{7}[0-9X*]", fullmatch=True),
)  # fmt: skip


@budget(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=20, max_size=60))
@example(
    texts=[
        "0574-87181234",
        "057487181234",
        "01087181234",
        "0108718123",
        "010-8718*234",
        "",
        "欧阳",
        "１３８１２３４５６７８",
        "张",
    ]
)
def test_a_mask_is_the_same_in_the_database(db: None, texts: list[str]) -> None:
    field: Any = models.CharField(max_length=99)
    for kind in IN_SQL:
        shown = masked(kind, sql.SQL("v"), field)
        assert shown is not None
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT v, {} FROM unnest(%s::text[]) AS t (v)").format(shown), [texts])
            for text, told in cursor.fetchall():
                assert told == masks.mask(kind, text), (kind, text)


@budget(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.floats(-180, 180), min_size=20, max_size=60))
@example(numbers=[121.1235, 0.0005, -0.0005, 1.0005, 2.6745, 1e-9, -0.0, 121.4565])
def test_a_place_is_rounded_the_same_in_the_database(db: None, numbers: list[float]) -> None:
    shown = masked("coordinate", sql.SQL("v"), models.FloatField())
    assert shown is not None
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT v, {} FROM unnest(%s::float8[]) AS t (v)").format(shown), [numbers])
        assert all(told == masks.coordinate(number) for number, told in cursor.fetchall())


def test_a_view_shows_what_the_api_gives(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random grants of random ways, periods, areas and conditions; read as the body's role, and through the exchange."""
    register: Any = apps.get_model("parking", "Lot")
    register.objects.all().delete()
    for n in range(24):
        register.objects.create(
            key=f"w{n:02}", name=["张三", "欧阳娜娜", "13812345678", "宁波市海曙区解放南路1号", ""][n % 5] or "无名",
            area_code=AREAS[n % len(AREAS)], source=["a", "b", "a@b.cn"][n % 3], lon=121.0005 + n, lat=29.8765 if n % 4 else None,
            code="浙B12345" if n % 2 else "", capacity=n,
        )  # fmt: skip
    body = Organisation.objects.create(key="wall_twin", name="对照局")
    compared, kinds = 0, ["name", "phone", "address", "email", "plate", "coordinate", "hidden", "birth_date", "id_number"]
    for seed in range(12):
        dice = random.Random(seed)
        chosen = dice.sample(["name", "source", "lon", "lat", "code", "capacity", "simulated", "valid_from"], 5)
        facts = Facts(
            key=DATASET, name="车场", kind="entity", owner="物主局", sharing="conditional",
            masks={name: dice.choice(kinds) for name in chosen[:4]},
        )  # fmt: skip
        monkeypatch.setitem(rulebook().datasets, DATASET, facts)  # type: ignore[arg-type]
        ways = {name: dice.choice(["clear", "masked", "pseudonym"]) for name in chosen}
        with transaction.atomic():
            given = Grant.objects.create(
                dataset=DATASET, organisation=body, purpose="statistics", shown=ways if seed % 3 else {},
                area_code=dice.choice(["", "330203", "330200"]), rows={"source": ["a", "a@b.cn"]} if seed % 4 == 0 else {},
            )  # fmt: skip
            assert wall.view_of(given.number) in wall.sync().views, wall.sync().left_out
            told = _as_body(given)
            post = Post("integrator", body.key, "", frozenset({body.key}))
            allowed = scope(Actor(None, "系统", body.key, frozenset({"integrator"}), ("",), (post,)), DATASET, "statistics")
            assert allowed.grants == (given.number,)
            page = reading.rows(allowed, DATASET, limit=1000)
            assert {row["key"] for row in told} == {one.key for one in page.rows}
            for row in told:
                api = next(one.values for one in page.rows if one.key == row["key"])
                assert set(row) == set(api)
                assert all(same(row[name], api[name]) for name in row), (facts.masks, ways, row, api)
                compared += len(row)
            if seed == 1:
                register.objects.create(key="later", name="新来的人", area_code="330203", source="a", code="浙C99999")
                hidden = next((row for row in _as_body(given) if row["key"] == "later"), {})
                assert "浙C99999" not in hidden.values() or ways.get("code", "clear") == "clear"
            transaction.set_rollback(True)
    assert compared > 500


def _as_body(given: Grant) -> list[dict[str, Any]]:
    assert given.organisation is not None
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(wall.role_of_body(given.organisation.key))))
        try:
            cursor.execute(sql.SQL("SELECT * FROM exchange.{}").format(sql.Identifier(wall.view_of(given.number))))
            names = [one.name for one in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        finally:
            cursor.execute("RESET ROLE")
