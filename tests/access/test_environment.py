# SPDX-License-Identifier: Apache-2.0
"""Conditions of time and network: they refuse whatever else allows, and a slip in their file stops the start."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.test import RequestFactory

from chengyun.access import policy, rulebook
from chengyun.access.actors import Actor, address_of
from chengyun.access.environment import read_surroundings
from chengyun.access.models import Grant
from chengyun.access.policy import scope

pytestmark = pytest.mark.django_db
FILE = """
[zones]
government = ["10.0.0.0/8", "fd00::/8"]
[[conditions]]
name = "只在政务网、工作时间"
datasets = ["alerts"]
zones = ["government"]
hours = ["08:30", "18:00"]
working_days = true
"""
OFFICE = dt.datetime(2026, 2, 14, 2, 0, tzinfo=dt.UTC)
"""A Saturday that is worked, 10:00 in Ningbo."""


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "conditions.toml"
    file.write_text(FILE, encoding="utf-8")
    faults: list[str] = []
    read = read_surroundings(rulebook.rulebook().datasets, faults, file)
    assert not faults
    real = rulebook.rulebook()
    words = {name: getattr(real, name) for name in real.__dataclass_fields__} | {"surroundings": read}
    monkeypatch.setattr(policy, "rulebook", lambda: rulebook.Rulebook(**words))


@pytest.mark.parametrize(
    ("zone", "now", "allowed"),
    [
        ("government", OFFICE, True), ("", OFFICE, False), ("other", OFFICE, False),
        ("government", OFFICE - dt.timedelta(minutes=91), False), ("government", OFFICE - dt.timedelta(minutes=90), True),
        ("government", OFFICE + dt.timedelta(hours=8), False), ("government", OFFICE + dt.timedelta(days=1), False),
    ],
)  # fmt: skip
def test_a_condition_refuses_whatever_else_allows(declared: None, zone: str, now: dt.datetime, allowed: bool) -> None:
    Grant.objects.create(dataset="alerts", role="leader", since=OFFICE - dt.timedelta(days=9))
    leader = Actor(1, "某人", None, frozenset({"leader"}), ("",), zone=zone)
    found = scope(leader, "alerts", now=now)
    assert found.allowed is allowed
    assert scope(leader, "cases", now=now).allowed
    if not allowed:
        assert "只在政务网、工作时间" in found.because


def test_an_address_lies_in_a_zone(tmp_path: Path) -> None:
    file = tmp_path / "conditions.toml"
    file.write_text(FILE, encoding="utf-8")
    read = read_surroundings(["alerts"], [], file)
    found = {address: read.zone_of(address) for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "11.0.0.1", "", "x")}
    assert found == {
        "10.1.2.3": "government", "::ffff:10.1.2.3": "government", "fd00::1": "government", "11.0.0.1": "", "": "", "x": "",
    }  # fmt: skip
    asked = RequestFactory().get("/", REMOTE_ADDR="11.0.0.1", HTTP_X_FORWARDED_FOR="10.1.2.3")
    assert address_of(asked) == "11.0.0.1", "without a proxy of ours anybody writes that header"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('datasets = ["alerts"]', 'datasets = ["alert"]', 'Did you mean "alerts"'), ("10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/8"),
        ('zones = ["government"]', 'zones = ["goverment"]', "not declared"),
        ('["08:30", "18:00"]', '["18:00", "08:30"]', "08:30"),
        ("working_days = true", "working_day = true", "working_day"), ('name = "只', 'nam = "只', "nam"),
    ],
)  # fmt: skip
def test_a_slip_in_the_file_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "conditions.toml"
    file.write_text(FILE.replace(old, new), encoding="utf-8")
    faults: list[str] = []
    read_surroundings(["alerts"], faults, file)
    assert says in " ".join(faults)
