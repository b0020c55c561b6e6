# SPDX-License-Identifier: Apache-2.0
"""The boards that come with the program and its packs: one for the city, each district, each department and each theme."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from tests.web_boards.conftest import AQI, Town

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Organisation
from chengyun.areas.models import Area, TreeVersion
from chengyun.cases.services import open_case
from chengyun.operate import store
from chengyun.operate.boards.models import Board
from chengyun.operate.boards.queries import boards_for
from chengyun.operate.boards.services import ensure_boards, save
from chengyun.operate.compute import Computed
from chengyun.web import cache

pytestmark = pytest.mark.django_db
INDEX = "city_evaluation.air_day"
HAISHU, YINZHOU = "330203", "330212"
SAYS = ("lines", "parts", "mapped", "chart", "paragraphs", "empty")


def told(client: Client, key: str) -> dict[str, dict[str, object]]:
    answer = client.get(f"/boards/{key}/tiles.json")
    assert answer.status_code == 200, key
    return {tile["id"]: tile for tile in json.loads(answer.content)["tiles"]}


def test_there_is_a_board_for_each_and_every_tile_says_something(calm: Town, sign_in: Callable[..., Client]) -> None:
    client = sign_in("duty_officer")
    known = {one.spec.key: one for one in boards_for(SYSTEM)}
    assert {"city", "district_330203", "district_330212", "department_environment", "department_emergency"} <= known.keys()
    assert {"air", "parking", "bikes", "transit", "water", "typhoon", "warnings", "urban", "indices"} <= known.keys()
    for key, one in known.items():
        assert one.spec.name_en, f"{key} has no English name"
        assert "{" not in json.dumps([one.spec.name, one.spec.note, one.spec.note_en]), key
        for tile in told(client, key).values():
            assert tile.get("status") or any(tile.get(word) for word in SAYS), f"{key}: {tile['id']} says nothing"
    chinese = client.get("/boards/district_330203").content.decode()
    assert "<h1>海曙区看板</h1>" in chinese
    # From each board to all others: the city, the other districts, departments, themes.
    assert all(f'href="/boards/{key}"' in chinese for key in ("city", "district_330212", "department_environment", "air"))
    english = client.get("/boards/district_330203?lang=en", follow=True, headers={"accept-language": "en"}).content.decode()
    assert "<h1>Haishu</h1>" in english
    everyone = Client().get("/boards/city").content.decode()
    assert "/boards/district_330203" in everyone
    assert "/boards/department_environment" not in everyone, "departments' boards are for staff"
    assert Client().get("/boards/department_environment").status_code == 404


def test_a_district_stands_beside_its_peers_and_sees_its_own(calm: Town, sign_in: Callable[..., Client]) -> None:
    open_case("air_quality.air_check", "鄞州的", SYSTEM, timezone.now(), area_code=YINZHOU)
    tiles = told(sign_in("duty_officer"), "district_330203")
    aqi = next(line for line in tiles["vitals"]["lines"] if line["why"])
    assert (aqi["value"], aqi["href"]) == ("61", f"/indicators/{AQI}?area={HAISHU}")
    # Yinzhou has 71: of two, Haishu is the second from the top, and between them lies 66.
    assert "同级由高到低第 2 / 2，中位数 66" in aqi["about"]
    assert "目标 ≤ 100，达到" in aqi["about"]
    assert len(tiles["alerts"]["lines"]) == 1
    assert "lines" not in tiles["cases"]


def test_a_department_sees_its_streams_alerts_cases_and_indicators(calm: Town, sign_in: Callable[..., Client]) -> None:
    open_case("air_quality.air_check", "核查", SYSTEM, timezone.now(), area_code=HAISHU)
    client = sign_in("duty_officer")
    own, other = told(client, "department_environment"), told(client, "department_transport")
    assert [line["text"] for line in own["cases"]["lines"]] == ["核查"]
    assert len(own["alerts"]["lines"]) == 1
    assert {line["href"].split("?")[0] for line in own["vitals"]["lines"]} >= {f"/indicators/{AQI}"}
    assert "lines" not in other["cases"]
    assert "lines" not in other["alerts"]
    assert all("air_quality" not in line["href"] for line in other["vitals"].get("lines", ()))
    assert told(client, "department_justice")["streams"]["empty"]


def test_a_board_of_what_is_gone_is_offered_no_more(calm: Town, sign_in: Callable[..., Client]) -> None:
    client = sign_in("duty_officer")
    Organisation.objects.create(key="Ma-Tou", name="码头管理处" * 8, kind="department")
    Area.objects.filter(code=YINZHOU).update(valid_to=dt.date(2020, 1, 1))
    TreeVersion.objects.all().delete()
    TreeVersion.objects.create()
    ensure_boards()
    cache.forget_all()
    assert client.get("/boards/district_330212").status_code == 404
    assert Board.objects.get(key="district_330212").retired_at is not None
    assert client.get("/boards/district_330203").status_code == 200
    assert client.get("/boards/department_ma_tou").status_code == 200, "a body made by people has its board, whatever its key"


def write_index(town: Town, days_ago: int, value: float, parts: dict[str, tuple[float, float]]) -> None:
    day = (timezone.localtime(town.now) - dt.timedelta(days=days_ago)).replace(hour=0)
    detail = {"parts": {key: {"value": 1.0, "score": score, "weight": weight} for key, (weight, score) in parts.items()}}
    store.write(
        [store.Fresh(indicator=INDEX, figures=[Computed(HAISHU, day, value, detail, 1.0, False)], areas={HAISHU: HAISHU},
                     as_of={}, version="v")], [], town.now,
    )  # fmt: skip


def test_an_index_says_what_each_part_costs_it_and_did_to_it(calm: Town, sign_in: Callable[..., Client]) -> None:
    keys = [part.key for part in settings.CITY.indices[INDEX].parts]
    weights = [1 / len(keys)] * len(keys)
    first, second = [80.0] * len(keys), [80.0] * (len(keys) - 1) + [40.0]
    level = [1.0, 1.0]
    for at, scores in enumerate((first, second)):
        for weight, score in zip(weights, scores, strict=True):
            level[at] *= score**weight
    write_index(calm, 2, level[0], dict(zip(keys, zip(weights, first, strict=True), strict=True)))
    write_index(calm, 1, level[1], dict(zip(keys, zip(weights, second, strict=True), strict=True)))
    tile = {"id": "i", "kind": "index", "indicator": INDEX, "subject": HAISHU, "x": 0, "y": 0, "w": 4, "h": 4}
    save({"key": "parts", "name": "分项", "tiles": [tile]}, SYSTEM)
    client = sign_in("duty_officer")
    shown = told(client, "parts")["i"]
    assert len(shown["parts"]) == len(keys)
    number = lambda text: float(text.replace("\u2212", "-"))  # noqa: E731
    lacks = sum(number(part["lacks"]) for part in shown["parts"])
    moved = sum(number(part["moved"]) for part in shown["parts"])
    assert lacks == pytest.approx(round(level[1], 1) - 100, abs=1e-9)
    assert moved == pytest.approx(number(shown["change"]), abs=1e-9)
    assert number(shown["change"]) == pytest.approx(round(level[1], 1) - round(level[0], 1), abs=1e-9)
    assert shown["parts"][0]["score"] == 40.0, "what costs most stands first"
    assert "\u2212" in client.get("/boards/parts/picture.svg").content.decode(), "a picture says the same"
    page = client.get("/boards/parts").content.decode()
    used = next(part for part in settings.CITY.indices[INDEX].parts if part.key == keys[-1]).indicator
    assert f"/indicators/{used}?area={HAISHU}" in page
    assert client.get(f"/indicators/{used}?area={HAISHU}").status_code == 200
    # The way on: from the indicator to the page with its map.
    assert 'href="/p/air_quality/air"' in client.get(f"/indicators/{AQI}?area={HAISHU}").content.decode()


def test_a_league_of_things_leads_to_each(calm: Town, sign_in: Callable[..., Client]) -> None:
    tile = {"id": "l", "kind": "league", "indicator": "air_quality.station_hour_aqi", "level": "subject", "lowest_first": True,
            "x": 0, "y": 0, "w": 4, "h": 4}  # fmt: skip
    save({"key": "things", "name": "站点", "tiles": [tile]}, SYSTEM)
    lines = told(sign_in("duty_officer"), "things")["l"]["lines"]
    assert [(line["text"], line["value"], line["href"]) for line in lines] == [
        ("站 0", "40", "/e/air_quality.station/S0"), ("站 1", "41", "/e/air_quality.station/S1"),
    ]  # fmt: skip


def test_the_page_of_an_indicator_names_goals_peers_and_years(calm: Town, sign_in: Callable[..., Client]) -> None:
    client = sign_in("duty_officer")
    assert f"/indicators/{AQI}" in client.get("/indicators").content.decode()
    page = client.get(f"/indicators/{AQI}?area={HAISHU}").content.decode()
    assert all(word in page for word in ("上一时段（环比）", "同级区域中位数", "≤ 100", "HJ 663-2013", "鄞州区"))
    day = client.get("/indicators/air_quality.pm25_daily").content.decode()
    assert all(word in day for word in ("≤ 60", "≤ 75", "GB 3095-2012")), "each edition of a limit, with its clause"
    assert client.get(f"/indicators/{INDEX}?area={HAISHU}").headers["Location"] == f"/indices/{INDEX}?area={HAISHU}"
    assert client.get("/indicators/air_quality.none").status_code == 404
    assert Client().get("/indicators/water_supply.tank_level_day").status_code == 404, "it is closed data"
