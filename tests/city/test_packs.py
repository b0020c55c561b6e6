# SPDX-License-Identifier: Apache-2.0
"""What every pack owes the city, whatever it is about. A new pack is tested here without a line being written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from django.apps import apps
from django.conf import settings
from sqlglot import exp

from chengyun.access.rulebook import ROLES, rulebook
from chengyun.city.models import Register
from chengyun.city.packs import LoadedPack
from chengyun.run.explain import explain
from chengyun.run.reference import pages

PACKS = list(settings.CITY.packs.values())
every_pack = pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.key)


@every_pack
def test_the_manifest_names_whose_it_is_and_what_it_answers(pack: LoadedPack) -> None:
    assert pack.pack.name
    assert pack.pack.owner
    assert pack.pack.answers
    assert pack.folder.name == pack.key


@every_pack
def test_its_readme_says_what_it_answers_and_whose_data(pack: LoadedPack) -> None:
    assert len((pack.folder / "README.md").read_text(encoding="utf-8")) > 200


@every_pack
def test_every_register_is_a_tracked_model_with_the_columns_of_a_register(pack: LoadedPack) -> None:
    for entity in pack.pack.entities:
        model = apps.get_model(pack.key, entity.model)
        assert issubclass(model, Register)
        assert model._meta.db_table == f"{pack.key}_{entity.model.lower()}"
        assert apps.get_model(pack.key, f"{entity.model}Event") is not None, "its history table"


@every_pack
def test_every_column_an_indicator_names_is_one_its_query_returns(pack: LoadedPack) -> None:
    """The first two columns are the subject and the period; the value may instead be made by the rule."""
    for indicator in pack.indicators:
        tree = sqlglot.parse_one(indicator.sql, dialect="duckdb")
        assert isinstance(tree, exp.Query)
        names = tree.named_selects
        assert len(names) >= 2, indicator.key
        assert indicator.rule or indicator.value in names, f"{indicator.key} returns {names}, not {indicator.value!r}"


@every_pack
def test_every_figure_says_whether_it_is_simulated_and_how_complete_it_is(pack: LoadedPack) -> None:
    """`simulated` comes out of the query even where a rule finishes the rows; `coverage` may be the rule's to give."""
    for indicator in pack.indicators:
        names = sqlglot.parse_one(indicator.sql, dialect="duckdb").named_selects
        assert "simulated" in names, indicator.key
        assert "coverage" in names or indicator.rule, indicator.key


@every_pack
def test_every_parameter_is_used_and_every_used_one_is_declared(pack: LoadedPack) -> None:
    for indicator in pack.indicators:
        used = set(re.findall(r"\$(\w+)", indicator.sql)) - {"since", "until", "earliest", "zone"}
        declared = set(indicator.parameters)
        assert used == declared or (indicator.rule and used <= declared), indicator.key


@every_pack
def test_every_parameter_stands_in_every_edition_of_its_table(pack: LoadedPack) -> None:
    for indicator in pack.indicators:
        for table, name in indicator.parameters.values():
            for entry in pack.limits.editions(table):
                assert name in entry.values, f"{indicator.key}: {table} of {entry.in_force} has no {name!r}"


@every_pack
def test_indicators_do_not_wait_for_each_other_in_a_circle(pack: LoadedPack) -> None:
    uses = {indicator.key: {key.split(".")[-1] for key in indicator.uses} for indicator in pack.indicators}
    while ready := {key for key, needed in uses.items() if not needed & set(uses)}:
        for key in ready:
            del uses[key]
    assert uses == {}


@every_pack
def test_an_alert_that_opens_a_case_opens_one_that_somebody_must_act_in(pack: LoadedPack) -> None:
    cases = {case.key: case for case in pack.pack.cases}
    for rule in pack.pack.alerts:
        if rule.opens:
            assert cases[rule.opens].states[0].owner


@every_pack
def test_every_step_of_a_case_is_taken_by_a_known_role(pack: LoadedPack) -> None:
    for case in pack.pack.cases:
        assert {state.owner for state in case.states} | {role for step in case.transitions for role in step.by} <= ROLES


@every_pack
def test_what_follows_from_it_can_be_explained(pack: LoadedPack) -> None:
    assert f"lake.latest_{pack.key}" in explain(settings.CITY, pack.key) or not pack.pack.streams


def test_the_reference_is_what_the_declarations_say() -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "reference"
    wanted = pages(settings.CITY)
    written = {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in folder.rglob("*.md")}
    assert sorted(written) == sorted(wanted)
    assert [name for name in wanted if written[name] != wanted[name]] == [], "stale; run `chengyun reference`"


def test_every_dataset_and_every_action_stands_in_the_reference() -> None:
    page = pages(settings.CITY)["access.md"]
    rules = rulebook()
    assert [key for key in (*rules.datasets, *rules.actions) if f"`{key}`" not in page] == []
