# SPDX-License-Identifier: Apache-2.0
"""q is said twice, as jsonpath and as a test of one entity: both answer alike."""

from __future__ import annotations

import itertools
import random
from typing import Any

import psycopg
import pytest
from broker import Broker
from psycopg.types.json import Jsonb

from chengyun.errors import Refused
from chengyun.protocols.ngsild.documents import Entity, read_entity
from chengyun.protocols.ngsild.questions import read_question
from chengyun.protocols.ngsild.selections import fits_scopes, fits_types, read_scope_query, read_type_selection
from chengyun.protocols.ngsild.terms import CORE

VALUES: list[Any] = [
    0, 5, 7.5, -3, True, False, "red", "Red car", "", "5", {"x": {"y": 5}}, {"x": "red"}, [5, "red"], [], [{"x": 5}], 10**12,
]  # fmt: skip
ATOMS = [
    "{a}", "!{a}", "{a}==5", "{a}!=5", "{a}>5", "{a}<=7.5", '{a}=="red"', '{a}!="red"', "{a}==true", "{a}==3..6", '{a}==5,"red"',
    '{a}~="^R"', '{a}!~="^R"', "{a}[x.y]==5", '{a}[x]=="red"', "{a}.s==5", "{a}.s", "{a}.observedAt>=2026-01-02T00:00:00Z",
    '{a}.unitCode=="KMH"', "{a}!=5,7.5", '{a}=="urn:x:y"', "{a}==urn:x:y", '{a}[fr]=="rouge"',
]  # fmt: skip


def entities(chance: random.Random, count: int) -> list[Entity]:
    made = []
    for number in range(count):
        attributes: dict[str, Any] = {}
        for name in "abc":
            kind = chance.randrange(6)
            if kind < 3:
                attributes[name] = {"type": "Property", "value": chance.choice(VALUES)}
                if chance.random() < 0.5:
                    attributes[name] |= {"s": chance.choice([5, "red"]), "unitCode": chance.choice(["KMH", "C62"])}
                if chance.random() < 0.5:
                    attributes[name]["observedAt"] = f"2026-01-0{chance.randrange(1, 5)}T00:00:00Z"
            elif kind == 3:
                attributes[name] = {"type": "Relationship", "object": chance.choice(["urn:x:y", "urn:x:z"])}
            elif kind == 4:
                attributes[name] = {
                    "type": "LanguageProperty",
                    "languageMap": {"fr": "rouge", "en": chance.choice(["red", "Red car"])},
                }
        made.append(read_entity({"id": f"urn:q:{number}", "type": "T", **attributes}, CORE))
    return made


def test_the_database_and_the_test_of_one_entity_agree(broker: Broker) -> None:
    chance = random.Random(20261122)
    made = entities(chance, 150)
    atoms = [atom.format(a=name) for atom, name in itertools.product(ATOMS, "ab")]
    joined = [
        f"({chance.choice(atoms)}{chance.choice(';|')}{chance.choice(atoms)}){chance.choice(';|')}{chance.choice(atoms)}"
        for _ in range(60)
    ]
    with psycopg.connect(broker.dsn) as conn:
        conn.execute("CREATE TEMP TABLE held (number int, attributes jsonb)")
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO held VALUES (%s, %s)", [(at, Jsonb(one.attributes)) for at, one in enumerate(made)])
        hits = 0
        for text in [*atoms, *joined]:
            question = read_question(text, CORE)
            rows = conn.execute("SELECT number FROM held WHERE attributes @@ %s::jsonpath", [question.jsonpath]).fetchall()
            found = {row[0] for row in rows}
            wanted = {at for at, one in enumerate(made) if question.fits(one)}
            assert found == wanted, (text, question.jsonpath, [made[at].attributes for at in sorted(found ^ wanted)][:2])
            hits += bool(wanted)
    assert hits > 80


@pytest.mark.parametrize(
    ("text", "types", "fits"),
    [
        ("A,B", ["B"], True),
        ("A;B", ["B"], False),
        ("(A;B)|C", ["C"], True),
        ("(A;B)|C", ["A", "B"], True),
        ("A;(B|C)", ["C"], False),
    ],
)
def test_types_are_chosen(text: str, types: list[str], fits: bool) -> None:
    tree = read_type_selection(text, CORE)
    assert fits_types(tree, [CORE.expand(one) for one in types]) is fits


@pytest.mark.parametrize(
    ("text", "scope", "fits"),
    [("/A/B", "/A/B", True), ("/A", "/A/B", False), ("/A/+", "/A/B", True), ("/A/+", "/A/B/C", False), ("/A/#", "/A/B/C", True),
     ("/#", "/x", True), ("/A;/B", "/A", False), ("/A,/B", "/B", True), ("/A.", "/Ax", False)],
)  # fmt: skip
def test_scopes_are_chosen(text: str, scope: str, fits: bool) -> None:
    assert fits_scopes(read_scope_query(text), [scope]) is fits


@pytest.mark.parametrize(
    "text", ["a==", "(a", "a))", 'a=="', "a==1..x", "a<1,2", ";", "a[]==1", "a..b", "a~=(", "a==2026-02-30T00:00:00Z"]
)
def test_what_is_no_question_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_question(text, CORE)
