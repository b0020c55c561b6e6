# SPDX-License-Identifier: Apache-2.0
"""A board's file: every fault at once, and out and in again without loss."""

from __future__ import annotations

import json

import pytest
from django.conf import settings

from chengyun.errors import Refused
from chengyun.operate.boards import spec
from chengyun.operate.boards.definitions import layers_of
from chengyun.operate.boards.spec import BoardSpec

AIR = settings.CITY.packs["air_quality"].folder / "boards" / "air.toml"

ONE = 'key = "a"\nname = "A"\n[[tiles]]\nid = "t"\nkind = "text"\ny = 0\nw = 1\nh = 1\n'


def read(body: str, name: str = "b.toml") -> BoardSpec:
    return spec.read(body, name, settings.CITY, list(layers_of(settings.CITY)))


def faults(body: str, name: str = "b.toml") -> list[str]:
    with pytest.raises(Refused) as refused:
        read(body, name)
    return refused.value.sentence.splitlines()


def test_out_and_in_again() -> None:
    board = read(AIR.read_text(encoding="utf-8"))
    assert {tile.kind for tile in board.tiles} == set(spec.KINDS) - {"text", "vitals", "streams", "targets"}
    assert read(spec.as_toml(board)) == board
    assert read(json.dumps(spec.as_json(board)), "b.json") == board
    assert spec.kept(spec.as_json(board)) == board


def test_hostile_texts_survive_the_file() -> None:
    board = read(AIR.read_text(encoding="utf-8"))
    odd = spec.as_json(board)
    odd["name"] = '引号" \\ \x7f {{ }} <script>'
    odd["tiles"][0]["title"] = "'''\"\"\" = [x]"
    again = read(json.dumps(odd), "b.json")
    assert read(spec.as_toml(again)) == again
    assert again.name == odd["name"]


def test_every_fault_is_named_at_once() -> None:
    body = AIR.read_text(encoding="utf-8")
    wrong = (
        body.replace('level = "theme"', 'level = "planet"\ncolour = "red"')
        .replace('id = "aqi_day"', 'id = "aqi"')
        .replace("air_quality.good_air_year", "air_quality.good_air_yaer")
        .replace('layer = "air_quality.air.1"', 'layer = "air_quality.air.99"')
        .replace("x = 9\ny = 0", "x = 10\ny = 0")
        .replace('kind = "league"', 'kind = "leage"')
    )
    found = faults(wrong, "air.toml")
    assert all(one.startswith("air.toml: ") for one in found)
    for part in (
        "level 'planet' is not one of city, district, department, theme.",
        "'colour' is not known here.",
        "two tiles have the id 'aqi'.",
        "there is no indicator 'air_quality.good_air_yaer'. Did you mean \"air_quality.good_air_year\"?",
        "there is no map layer 'air_quality.air.99'.",
        "x 10 and w 3 do not fit 12 columns.",
        "kind 'leage' is not one of figure, index, chart, map, vitals, alerts, cases, streams, targets, league, text."
        ' Did you mean "league"?',
    ):
        assert any(part in one for one in found), part


@pytest.mark.parametrize(
    ("body", "name", "says"),
    [
        ("key = ", "b.toml", "cannot be read"),
        ("[1, 2]", "b.json", "is not a board"),
        ('key = "a"\nname = "A"\ntiles = 3', "b.toml", "tiles is not a list"),
        ('key = "a"\nname = "A"', "b.toml", "at least one tile"),
        ('key = "A b"\nname = ""', "b.toml", "lower_snake"),
        (ONE + 'text = "x"\nx = 0.5', "b.toml", "a whole number"),
        (ONE + "x = 0", "b.toml", "text is missing"),
        ('key = "a"\nname = "A"\nlevel = "district"', "b.toml", "needs area"),
        ("[" * 5000, "b.json", "cannot be read"),
        ('{"key": "a", "name": "A", "tiles": [3, {"id": 3}]}', "b.json", "tiles[0] is not a table"),
    ],
)  # fmt: skip
def test_what_is_no_board_says_so(body: str, name: str, says: str) -> None:
    assert any(says in one for one in faults(body, name))


def test_tiles_do_not_lie_upon_each_other() -> None:
    tile = '[[tiles]]\nid = "{id}"\nkind = "text"\ntext = "x"\nx = {x}\ny = 0\nw = 4\nh = 2\n'
    head = 'key = "a"\nname = "A"\n'
    assert read(head + tile.format(id="one", x=0) + tile.format(id="two", x=4)).rows == 2
    assert "lie upon each other" in faults(head + tile.format(id="one", x=0) + tile.format(id="two", x=3))[0]
