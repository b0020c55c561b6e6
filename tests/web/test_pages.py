# SPDX-License-Identifier: Apache-2.0
"""Every page as a reader gets it: what it says, what it keeps back, how many questions it asks."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from chengyun.access.actors import ANONYMOUS
from chengyun.access.policy import scope
from chengyun.access.rulebook import rulebook
from chengyun.access.services import ensure_organisations
from chengyun.cases.models import Case
from chengyun.city import MapLayer
from chengyun.city.models import ComponentRegister
from chengyun.collect.things.models import Channel
from chengyun.operate.models import Alert, Figure
from chengyun.web import cache, places
from chengyun.web.titles import titled

PAGES = [
    "/",
    "/?wall=1",
    "/map",
    "/p/air_quality/air",
    "/p/air_quality/report",
    "/e/air_quality.station/S0",
    "/about",
    "/patterns",
]
CHINESE = re.compile(r"[\u3400-\u9fff]")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_renders_in_both_languages(city, client: Client, path: str) -> None:
    chinese = client.get(path, headers={"accept-language": "zh-CN"})
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    english = client.get(path)
    assert (chinese.status_code, english.status_code) == (200, 200)
    assert '<html lang="zh-CN"' in chinese.content.decode()
    assert '<html lang="en"' in english.content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_a_strict_policy_and_nothing_inline(city, client: Client, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    html = answer.content.decode()
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)
    assert not re.search(r"\son[a-z]+=", html)
    assert "<style" not in html


@pytest.mark.parametrize("path", PAGES[:6])
def test_a_page_asks_as_many_questions_for_twenty_stations_as_for_two(city, client: Client, path: str) -> None:
    def questions() -> int:
        cache.forget_all()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get(path).status_code == 200
        return len(asked)

    questions()  # the first request of a process also asks the city's name
    few = questions()
    city.grow(18)
    assert questions() == few


def test_the_board_asks_little_and_nothing_twice_within_a_second(city, client: Client, monkeypatch) -> None:
    client.get("/")
    with CaptureQueriesContext(connection) as again:
        client.get("/")
    monkeypatch.setattr(cache, "KEPT_FOR_S", 0.0)
    with CaptureQueriesContext(connection) as anew:
        client.get("/")
    assert len(again) == 0
    pages = [page for pack in settings.CITY.packs.values() for page in pack.pack.pages]
    layers = sum(isinstance(panel, MapLayer) for page in pages for panel in page.panels)
    assert 0 < len(anew) <= 12 + 3 * layers


def test_a_figure_shows_value_class_period_status_and_the_way_to_why(city, client: Client) -> None:
    html = client.get("/", headers={"accept-language": "zh-CN"}).content.decode()
    newest = Figure.objects.get(indicator="air_quality.area_hour_aqi", subject="330200", value=61)
    tile = next(part for part in html.split("<li ") if "区域小时 AQI" in part and 'class="tile"' in part)
    assert ">61<" in tile
    assert "良" in tile
    assert "#ffff00" in tile
    assert "及时" in tile
    assert "HJ 633" in tile
    assert f'href="/why/{newest.pk}"' in tile


def test_the_board_lists_streams_that_spoke_or_are_expected_to_and_counts_the_others(city, client: Client) -> None:
    def listed() -> list[str]:
        cache.forget_all()
        html = client.get("/", headers={"accept-language": "zh-CN"}).content.decode()
        return re.findall(r'class="streams-name">([^<]+)<', html) + re.findall(r"(\d+) 个数据流尚无数据", html)

    seen = {name: one.name for name, one in settings.CITY.streams.items() if scope(ANONYMOUS, name).allowed}
    *spoke, quiet = listed()
    assert settings.CITY.streams["air_quality.station_5min"].name in spoke
    assert int(quiet) == len(seen) - len(spoke) > 0
    silent = next(key for key, name in seen.items() if name not in spoke)
    Channel.objects.create(key="expected", pattern="x/{station}", stream=silent)
    *now, fewer = listed()
    assert seen[silent] in now
    assert int(fewer) == int(quiet) - 1


def test_what_is_unknown_is_a_dash_and_never_zero(city, client: Client) -> None:
    html = client.get("/", headers={"accept-language": "zh-CN"}).content.decode()
    tile = next(part for part in html.split("<li ") if "年优良天数比例" in part and 'class="tile"' in part)
    assert 'data-status="missing"' in tile
    assert re.search(r'class="tile-value">—<', tile)


def test_an_invalid_value_says_why_on_its_station(city, client: Client) -> None:
    html = client.get("/e/air_quality.station/S1", headers={"accept-language": "zh-CN"}).content.decode()
    assert "超出可能的范围，不参与计算 (0–2000)" in html
    assert re.search(r"一氧化碳</span>\s*<span class=\"values-figure\">—", html)


def test_an_alert_of_open_data_is_on_the_board_for_everyone(city, client: Client) -> None:
    html = client.get("/", headers={"accept-language": "zh-CN"}).content.decode()
    assert "站 0：PM2.5 五分钟值持续偏高" in html
    assert "163 µg/m³" in html


def test_a_closed_register_is_nowhere_for_those_without_a_post(city, client: Client, monkeypatch) -> None:
    _close(monkeypatch, "air_quality.station")
    assert client.get("/e/air_quality.station/S0").status_code == 404
    assert client.get("/map/layers/air_quality.air.1.json").status_code == 404
    for path in ("/", "/map", "/p/air_quality/air", "/p/air_quality/report"):
        assert "站 0<" not in client.get(path).content.decode()


def test_a_closed_stream_and_a_closed_indicator_are_left_out(city, client: Client, monkeypatch) -> None:
    _close(monkeypatch, "air_quality.station_5min", "air_quality.area_hour_aqi")
    asked = {"stream": "air_quality.station_5min", "subject": "S0"}
    assert client.get("/series.json", asked).status_code == 404
    html = client.get("/", headers={"accept-language": "zh-CN"}).content.decode()
    assert "站点五分钟值" not in html
    assert "区域小时 AQI" not in html
    assert client.get("/map/layers/air_quality.air.2.json").status_code == 404


def test_an_officer_sees_what_the_public_does_not(city, officer: Client, monkeypatch) -> None:
    _close(monkeypatch, "air_quality.station")
    assert officer.get("/e/air_quality.station/S0").status_code == 200


def test_shapes_come_once_and_then_not_modified(city, client: Client) -> None:
    first = client.get("/map/areas/district.json")
    again = client.get("/map/areas/district.json", headers={"if-none-match": first.headers["ETag"]})
    names = {feature["properties"]["name"] for feature in json.loads(first.content)["features"]}
    assert first.status_code == 200
    assert len(names) == 2
    assert again.status_code == 304


def test_points_carry_value_class_time_and_the_way_on(city, client: Client) -> None:
    points = json.loads(client.get("/map/layers/air_quality.air.1.json", headers={"accept-language": "zh-CN"}).content)
    first = points["features"][0]["properties"]
    assert first["text"] == "41"
    assert first["band"] == "优"
    assert first["status"] == "fresh"
    assert first["href"] == "/e/air_quality.station/S0"
    assert first["why"].startswith("/why/")
    assert points["features"][1]["properties"]["simulated"] is True


def test_choices_are_kept_and_lead_back(city, client: Client) -> None:
    answer = client.get("/map?lang=en&theme=dark&x=1")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/map?x=1")
    html = client.get("/map").content.decode()
    assert '<html lang="en" data-theme="dark"' in html


def test_an_unknown_language_or_theme_is_not_kept(city, client: Client) -> None:
    client.get("/map?lang=xx&theme=pink")
    assert not client.cookies


@pytest.mark.parametrize(
    "path", ["/p/air_quality/nothing", "/p/air_quality/station", "/e/air_quality.station/none", "/e/a.b/c", "/nowhere"]
)
def test_what_is_not_there_is_a_calm_404(city, client: Client, path: str) -> None:
    answer = client.get(path, headers={"accept-language": "zh-CN"})
    assert answer.status_code == 404
    assert "没有找到" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({}, 400, "序列需要写明 stream 或 indicators"),
        ({"indicators": "air_quality.nothing"}, 404, "没有找到"),
        ({"indicators": "air_quality.area_hour_aqi", "span": "century"}, 400, "时段是 century"),
        ({"stream": "air_quality.station_5min", "fields": "pm99", "subject": "S0"}, 400, "没有量 pm99"),
        ({"stream": "air_quality.station_5min", "fields": "pm25", "subject": "none"}, 404, "没有找到"),
    ],
)
def test_a_wrong_series_is_refused_in_words(city, client: Client, query: dict[str, str], status: int, says: str) -> None:
    answer = client.get("/series.json", query, headers={"accept-language": "zh-CN"})
    assert answer.status_code == status
    assert says in answer.json()["message"]


def test_a_series_of_figures_is_the_same_as_picture_and_as_table(city, client: Client) -> None:
    asked = {"indicators": "air_quality.area_hour_aqi", "subject": "330200", "districts": "1", "span": "24h"}
    data = client.get("/series.json", asked).json()
    table = client.get("/series/table", asked, headers={"accept-language": "zh-CN"}).content.decode()
    values = {series["name"]: [value for _moment, value in series["points"]] for series in data["series"]}
    assert values == {"Ningbo": [62, 61], "Haishu": [62, 61], "Yinzhou": [62, 61]} or values["宁波市"] == [62, 61]
    assert sum(data["selected"].values()) == 1
    assert table.count('<td class="number">61</td>') == 3


def test_a_strange_year_is_refused(city, client: Client) -> None:
    assert client.get("/p/air_quality/air?year=99999").status_code == 400
    assert client.get("/p/air_quality/air?year=2024").status_code == 200


FAR = ("0001-01-01", "9999-12-31")
FAR_ASKED = [
    "/alerts/history?until={}", "/alerts/history.xlsx?until={}", "/statistics?last={}", "/statistics.xlsx?last={}",
    "/statistics?first={0}&last={0}&compare=year&grain=week", "/cases?opened_to={}", "/cases?closed_from={}",
    "/indices/city_evaluation.city_index?at={}", "/crews/plan?day={}", "/requests/new?until={}",
]  # fmt: skip


@pytest.mark.parametrize("path", FAR_ASKED)
def test_a_day_at_the_end_of_the_calendar_is_no_fault_of_the_program(city, officer: Client, path: str) -> None:
    assert all(officer.get(path.format(day)).status_code < 500 for day in FAR)


@pytest.mark.parametrize(
    "path", ["/alert-rules/%00", "/boards/wall?wall=1&boards=%00", "/alerts/plan?version=%00", "/indices/%00?area=%00"]
)
def test_a_character_no_text_holds_is_left_out_of_an_address(city, officer: Client, path: str) -> None:
    assert officer.get(path).status_code < 500


def test_a_fault_of_the_program_says_sorry_in_both_languages(city, monkeypatch) -> None:
    def break_(*_args: object, **_named: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("chengyun.web.views.JsonResponse", break_)
    answer = Client(raise_request_exception=False).get("/health")
    assert answer.status_code == 500
    assert "出错了" in answer.content.decode()
    assert "Something went wrong" in answer.content.decode()


def test_a_ticket_speaks_of_what_the_reader_may_see(city, client: Client) -> None:
    from django.utils import timezone

    from chengyun.access.tickets import verify
    from chengyun.config import config

    given = client.get("/live-ticket").json()
    ticket = verify(config().secret, given["ticket"], timezone.now())
    assert "air_quality.station_5min" in ticket.datasets
    assert "air_quality.air_check" not in ticket.datasets
    assert ticket.actor == "anonymous"


def _close(monkeypatch: pytest.MonkeyPatch, *datasets: str) -> None:
    """Make datasets readable only by the operations centre."""
    book = rulebook()
    closed = {name: dataclasses.replace(book.datasets[name], open=False, sharing="conditional") for name in datasets}
    changed = dataclasses.replace(book, datasets={**book.datasets, **closed})
    monkeypatch.setattr("chengyun.access.policy.rulebook", lambda: changed)


def test_a_person_opens_a_case_from_an_alert_that_has_none(city, officer: Client) -> None:
    alert = Alert.objects.get()
    ensure_organisations()
    assert "alert-case" in officer.get(f"/alerts/{alert.pk}").content.decode().replace(f"/alerts/{alert.pk}/case", "alert-case")
    answer = officer.post(f"/alerts/{alert.pk}/case", {"type": "air_quality.air_check"})
    case = Case.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/cases/{case.number}")
    again = officer.post(f"/alerts/{alert.pk}/case", {"type": "air_quality.air_check"})
    assert (again.status_code, Case.objects.count()) == (400, 1)


def test_a_branch_is_named_in_the_language_of_the_page(city) -> None:
    names = ("生态环境局", "生态环境局海曙区分局", "生态环境局外星分局")
    with translation.override("en"):
        bureau, branch, unknown = map(places.said, names)
    assert (bureau, branch, unknown) == ("Ecology and Environment Bureau", "Ecology and Environment Bureau, Haishu", names[2])
    with translation.override("zh-hans"):
        assert tuple(map(places.said, names)) == names


def test_a_title_the_program_made_is_said_in_the_readers_language(city, officer: Client) -> None:
    alert = Alert.objects.get()
    ensure_organisations()
    officer.post(f"/alerts/{alert.pk}/case", {"type": "air_quality.air_check"})
    case = Case.objects.get()
    rule = settings.CITY.alerts[alert.rule].name
    assert case.title == f"{alert.subject_name}：{rule}"
    with translation.override("en"):
        english = f"{alert.subject_name}: {translation.gettext(rule)}"
    assert rule not in english
    for path in ("/", "/cases", f"/cases/{case.number}"):
        assert english in officer.get(path, headers={"Accept-Language": "en"}).content.decode()
        assert case.title in officer.get(path, headers={"Accept-Language": "zh-CN"}).content.decode()
    with translation.override("en"):
        assert titled("店招：掉了一半") == "店招：掉了一半"
        assert titled("某路 3 号井盖：破损") == f"某路 3 号井盖: {ComponentRegister.State.DAMAGED.label}"
