# SPDX-License-Identifier: Apache-2.0
"""A wrong declaration fails at start: every fault at once, each with its file, its line and a hint."""

from __future__ import annotations

import dataclasses
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chengyun.city import Code, Entity, Quantity, Ref, Stream, Text, load_city
from chengyun.city.declare import collecting
from chengyun.errors import Misdeclared

SOUND = {
    "pack.py": """
from chengyun.city import AlertRule, Above, Budget, Chart, Entity, Pack, Quantity, Ref, Stream, Page, Table
PACK = Pack(
    key="{key}", name="泵站", owner="水务局", answers="哪里要淹", limits="limits.toml",
    entities=[Entity("pump", "泵", model="Pump", one_row_is="one pump")],
    streams=[
        Stream("level", "水位", one_row_is="one pump, one minute", time="at", fields=[
            Ref("pump", to="pump"),
            Quantity("depth", "水深", unit="m", valid=(0, 20)),
        ]),
    ],
    indicators=["indicators/deep.sql"],
    alerts=[AlertRule("flood", "内涝", on="level", field="depth", when=Above("flood:depth"), severity="red", meaning="水深过大")],
    pages=[Page("pumps", "泵站", panels=[Table("水深", indicators=["deep"]), Chart("水深", stream="level", fields=["depth"])])],
)
""",
    "limits.toml": """
[[flood]]
in_force = 2020-01-01
source = "local rule, table 1"
depth = 3
""",
    "indicators/deep.sql": """-- name:    最大水深
-- one row: one pump, one day
-- subject: pump
-- period:  day
-- value:   depth
-- unit:    m
-- streams: level
-- source:  local rule, table 2
SELECT pump, CAST(at AS DATE) AS day, MAX(depth) AS depth FROM level WHERE at >= $since AND at < $until GROUP BY pump, day
""",
}

_number = itertools.count()
Write = Callable[..., list[str]]


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a sound pack with some words replaced, load it, and return the faults."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(*replaced: tuple[str, str], file: str = "pack.py") -> list[str]:
        key = f"pumps_{next(_number)}"
        for name, text in SOUND.items():
            text = text.replace("{key}", key)
            for old, new in replaced if name == file else ():
                assert old in text
                text = text.replace(old, new)
            (tmp_path / key / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / key / name).write_text(text)
        (tmp_path / key / "__init__.py").write_text("")
        try:
            load_city([key])
        except Misdeclared as wrong:
            return [fault.replace(key, "pumps") for fault in wrong.faults]
        finally:
            for module in [name for name in sys.modules if name.startswith(key)]:
                del sys.modules[module]
        return []

    return write


def test_a_sound_pack_has_no_faults(faults: Write) -> None:
    assert faults() == []


def test_an_unknown_attribute_is_named_with_its_file_its_line_and_the_nearest_known(faults: Write) -> None:
    [fault] = faults(("valid=(0, 20)", "valid=(0, 20), spik=3"))
    assert fault.startswith("pumps/pack.py:9 Quantity('depth'): unknown attribute 'spik'. Did you mean \"spike\"?")


def test_all_faults_are_told_at_once(faults: Write) -> None:
    found = faults(
        ('unit="m"', 'unit="metre"'),
        ('field="depth"', 'field="deep"'),
        ('severity="red"', 'severity="rot"'),
        ('"flood:depth"', '"flod:depth"'),
        ('indicators=["deep"]', 'indicators=["deeep"]'),
        ('meaning="水深过大"', 'meaning="水深过大", opens="flod", budget=Budget(3, cases=["drwning"], before_h=-1, because="")'),
        ('fields=["depth"]', 'fields=["dept"]'),
        ('to="pump"', 'to="pumb"'),
        ('model="Pump", ', ""),
    )
    said = "\n".join(found)
    for words in (
        "unit 'metre' is not known.",
        "severity 'rot' is not one of blue, yellow, orange, red.",
        "field 'deep' is not a quantity of level.",
        "limit reads table 'flod', which is not in limits.toml. Did you mean \"flood\"?",
        "field 'dept' is not a quantity of level. Did you mean \"depth\"?",
        "indicator 'deeep' does not exist. Did you mean \"deep\"?",
        "case type 'flod' does not exist.",
        "case type 'drwning' does not exist.",
        "before_h and after_h are hours, 0 or more.",
        "because is empty.",
        "entity 'pumb' does not exist. Did you mean \"pump\"?",
        "Entity('pump'): 'model' is missing.",
    ):
        assert words in said
    assert all(re.match(r"pumps/[\w./]+:\d+:? ", fault) for fault in found), said


def test_a_key_that_stands_twice_is_a_fault(faults: Write) -> None:
    twice = 'entities=[Entity("pump", "另一种泵", model="Other", one_row_is="another"), '
    [fault] = faults(("entities=[", twice))
    assert "key 'pump' stands twice" in fault


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("-- unit:    m", "-- unit:    metre", "unit 'metre' is not known."),
        ("-- unit:    m", "-- unti:    m", "unknown header 'unti'. Did you mean \"unit\"?"),
        ("-- unit:    m\n", "", "header unit missing."),
        ("-- period:  day", "-- period:  week", "period 'week' is not one of hour, day, month, year."),
        ("-- streams: level", "-- streams: levl", "stream 'levl' does not exist. Did you mean \"level\"?"),
        ("-- streams: level\n", "", "it reads no stream and uses no indicator"),
        ("-- streams: level", "-- streams: level\n-- rule: none_such", "rule 'none_such' does not exist."),
        (
            "-- streams: level",
            "-- streams: level\n-- parameter: a = flod:depth",
            "reads table 'flod', which is not in limits.toml.",
        ),
        (
            "-- streams: level",
            "-- streams: level\n-- parameter: a = flood:deph",
            "reads 'deph' of flood, which the edition of 2020-01-01",
        ),
        ("-- streams: level", "-- streams: level\n-- parameter: a is flood", "expected `name = table.of.limits:entry`"),
        ("-- streams: level", "-- streams: level\n-- fresh for: soon", "fresh for 'soon', expected e.g. `36 h`"),
        ("SELECT pump", "SELEKT pump", "the SQL cannot be read"),
    ],
)
def test_a_wrong_header_of_an_indicator_is_a_fault(faults: Write, old: str, new: str, words: str) -> None:
    found = faults((old, new), file="indicators/deep.sql")
    assert any(words in fault for fault in found), found
    assert all("pumps/indicators/deep.sql" in fault or "SELEKT" in new for fault in found if words in fault)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2020-01-01", '"2020-13-01"', "flood[0]: in_force '2020-13-01' is not a date. Write YYYY-MM-DD."),
        ('source = "local rule, table 1"', "", "flood[0]: source is missing. Name the edition and the table or clause."),
        ("depth = 3", "depth = 3\n[[flood]]\nin_force = 2019-01-01\nsource = 'x'", "in_force must rise from entry to entry"),
        ("depth = 3", "depth =", "limits.toml: "),
    ],
)
def test_a_wrong_table_of_limits_is_a_fault(faults: Write, old: str, new: str, words: str) -> None:
    assert any(words in fault for fault in faults((old, new), file="limits.toml"))


def test_a_pack_that_is_not_there_is_a_fault_not_a_trace() -> None:
    with pytest.raises(Misdeclared, match="CHENGYUN_PACKS"):
        load_city(["no_such_pack"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stream("level", "水位", one_row_is="x", time="at", fields=[Ref("pump", to="pump")]),
        lambda: Stream("level", "水位", one_row_is="x", time="at", fields=[Quantity("depth", "水深", unit="m", valid=(0, 1))]),
        lambda: Stream(
            "level",
            "水位",
            one_row_is="x",
            time="seq",
            fields=[Ref("pump", to="pump"), Quantity("d", "深", unit="m", valid=(0, 1))],
        ),
        lambda: Quantity("Depth", "水深", unit="m", valid=(0, 1)),
        lambda: Quantity("depth", "水深", unit="m", valid=(1, 0)),
        lambda: Quantity("depth", "水深", unit="m", valid=(0, 1), stuck=1),
        lambda: Code("kind", "种类", codes={}),
        lambda: Text("not a key", "说明"),
        lambda: Entity("elder", "老人", model="Elder", one_row_is="a person", personal=True, open=True),
    ],
)
def test_a_declaration_that_contradicts_itself_raises_where_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(Misdeclared, match=r"city/test_declarations\.py:\d+ "):
        make()


def test_a_declaration_is_frozen() -> None:
    text = Text("note", "说明")
    with pytest.raises(dataclasses.FrozenInstanceError):
        text.key = "other"  # type: ignore[misc]


def test_gathering_faults_ends_with_its_block() -> None:
    with collecting() as gathered:
        Quantity("depth", "水深", unit="metre", valid=(0, 1))
    assert len(gathered) == 1
    with pytest.raises(Misdeclared):
        Quantity("depth", "水深", unit="metre", valid=(0, 1))
