# SPDX-License-Identifier: Apache-2.0
"""The graph of the city: what a column is made of, who is hit, who may see what, as pages and on the command line."""

from __future__ import annotations

import datetime as dt
import json
import re
import time

import pytest
from django.conf import settings
from django.test import Client

from chengyun import cli
from chengyun.access.actors import ANONYMOUS, SYSTEM, actor_of_account
from chengyun.access.models import Account, Assignment, Grant, Organisation
from chengyun.city import qualify
from chengyun.collect.forms import services as forms
from chengyun.collect.forms.commands import EXAMPLES
from chengyun.errors import NotFound
from chengyun.share.lineage import building, queries
from chengyun.share.lineage.shapes import EVERY, Column, Edge, Graph, Item, Place
from chengyun.share.lineage.sight import Sight

PM25 = Column("air_quality.station_hour", "pm25")


@pytest.fixture
def centre(db: None) -> Organisation:
    return Organisation.objects.get_or_create(key="operations_centre", defaults={"name": "市城市运行中心", "kind": "centre"})[0]


@pytest.fixture
def clerk(centre: Organisation) -> Client:
    client = Client()
    client.force_login(account("clerk", "data_steward", centre))
    return client


def account(name: str, role: str, body: Organisation) -> Account:
    made = Account.objects.create_user(name, password="Tower-Bridge-1894", name=name, organisation=body)
    Assignment.objects.create(account=made, role=role, organisation=body)
    return made


def test_every_edge_ends_at_columns_that_are_there() -> None:
    graph = building.build(settings.CITY, dt.date(2026, 11, 22), None)
    assert [edge for edge in graph.edges() if not (graph.has(edge.source) and graph.has(edge.target))] == []
    for key in settings.CITY.indicators:
        assert graph.beside(key, up=True), key


def test_what_is_kept_gives_the_same_graph_and_a_broken_file_is_made_anew(tmp_path) -> None:
    day, file = dt.date(2026, 11, 22), tmp_path / "kept" / "formulas.msgpack"
    first = set(building.build(settings.CITY, day, file).edges())
    assert file.stat().st_size > 1000
    assert set(building.build(settings.CITY, day, file).edges()) == first
    file.write_bytes(b"\x93broken")
    assert set(building.build(settings.CITY, day, file).edges()) == first
    assert building.kept(file)


def test_a_figure_is_made_of_the_very_columns_its_rule_says(db: None) -> None:
    sight = queries.sight_of(SYSTEM)
    around = queries.around(sight, Column("air_quality.area_day_aqi", "iaqi_pm25"), 1, 0, indirect=False)
    direct = {link.source.key for link in around.links if link.target.key == "iaqi_pm25" and link.source.place == PM25.place}
    assert direct == {"pm25", "quality"}
    way = queries.path(sight, PM25, Column("air_quality.composite_index_month", "pm25_mean"))
    assert [one.target.place for one in way] == ["air_quality.area_day_aqi", "air_quality.composite_index_month"]
    assert "SUM(CAST(h.pm25" in way[0].said
    assert re.search(r"area_day_aqi\.sql:\d+ → air_quality/figures\.py:\d+", way[0].at)
    with pytest.raises(NotFound, match="does not depend"):
        queries.path(sight, Column("air_quality.station_hour", "so2"), Column("air_quality.pm25_daily", "pm25_24h"))


def test_the_line_named_is_the_line_of_the_file(db: None) -> None:
    sight = queries.sight_of(SYSTEM)
    way = queries.path(sight, PM25, Column("air_quality.pm25_daily", "pm25_24h"))
    file, _colon, line = way[0].at.split(" ")[0].rpartition(":")
    text = (settings.CITY.packs["air_quality"].folder / "indicators" / file.rsplit("/", 1)[1]).read_text(encoding="utf-8")
    assert "pm25" in text.splitlines()[int(line) - 1]


def test_dropping_a_column_names_who_writes_it_who_breaks_and_who_starves(db: None) -> None:
    hits = {hit.place.key: hit.grade for hit in queries.impact(building.graph(), PM25)}
    assert hits["feed:air_quality.china_hours"] == "writes"
    assert hits["air_quality.station_hour_aqi"] == hits["alert:air_quality.pm25_hour_high"] == "breaks"
    assert hits["door:air_quality.station_hour"] == "loses"
    assert hits["air_quality.composite_index_month"] == hits["alert:air_quality.area_day_polluted"] == "starves"
    assert "air_quality.city_day_aqi" not in hits
    # What reads a stream by its declaration is exactly what names one of its columns.
    named = {hit.place.key for hit in queries.impact(building.graph(), Column(PM25.place, EVERY)) if hit.grade == "breaks"}
    reading = {
        key
        for key, it in settings.CITY.indicators.items()
        if PM25.place in {qualify(key.split(".")[0], one) for one in it.streams}
    }
    assert reading == {key for key in named if key in settings.CITY.indicators}


def test_forms_sources_and_grants_in_use_are_in_the_graph(centre: Organisation) -> None:
    for file in EXAMPLES.glob("*.md"):
        forms.publish(forms.make_version(file.read_bytes(), file.name, SYSTEM), SYSTEM)
    Grant.objects.create(
        dataset="air_quality.station_hour", organisation=centre, fields=["pm25"], purpose="statistics", basis="试用"
    )
    graph = building.graph()
    assert [key for key in graph.places if key.startswith("form:")]
    granted = next(key for key in graph.places if key.startswith("grant:"))
    assert graph.beside(granted, up=True) == {"air_quality.station_hour"}


def _hiding() -> Graph:
    """open ← secret ← open2, and a formula that reads both an open and a hidden place."""
    item = (Item("a", "甲"),)
    places = [
        Place("air_quality.station_hour", "stream", "公开", item, "air_quality.station_hour"),
        Place("hush", "entity", "绝密名册", item, "submissions"),
        Place("hush2", "entity", "绝密名册二", item, "submissions"),
        Place("air_quality.pm25_daily", "indicator", "结果", item, "air_quality.pm25_daily", "x.sql"),
    ]
    result = Column("air_quality.pm25_daily", "a")
    edges = [Edge(Column(one.key, "a"), result, "transformation", "open.a + hush.a", "x.sql:1") for one in places[:3]]
    return Graph(places, [*edges, Edge(Column("air_quality.station_hour", "a"), Column("hush", "a"), "identity")])


def test_a_hidden_neighbour_is_said_to_be_there_and_nothing_else(centre: Organisation) -> None:
    staff = actor_of_account(account("anna", "handler", centre))
    for who in (ANONYMOUS, staff):
        sight = Sight(who, _hiding())
        found = queries.around(sight, Column("air_quality.pm25_daily", "a"), 3, 3)
        assert found.boxes["air_quality.pm25_daily"].hidden_up
        assert set(found.boxes) == {
            "air_quality.pm25_daily",
            "air_quality.station_hour",
        }
        assert "hush" not in repr(found), "neither name, nor number, nor the expression that names it"
        with pytest.raises(NotFound):
            queries.access_place(sight, "hush")
        with pytest.raises(NotFound):
            queries.path(sight, Column("hush", "a"), Column("air_quality.pm25_daily", "a"))
    assert "hush" in repr(queries.around(Sight(SYSTEM, _hiding()), Column("air_quality.pm25_daily", "a"), 3, 3))


def test_pages_show_the_picture_the_path_and_the_hits(clerk: Client) -> None:
    page = clerk.get("/lineage/air_quality.area_day_aqi/iaqi_pm25?why=air_quality.station_hour/pm25")
    text = page.content.decode()
    assert page.status_code == 200
    assert '<svg class="lineage"' in text
    assert 'href="/lineage/air_quality.station_hour/pm25"' in text
    assert "SUM(CAST(h.pm25 AS DECIMAL(14, 4)))" in text
    assert "area_day_aqi.sql:" in text
    assert "如果去掉它" in text
    assert clerk.get("/lineage").status_code == 200
    assert "air_quality.station_hour" in clerk.get("/lineage?q=小时值").content.decode()
    for gone in ("/lineage/air_quality.nothing", "/lineage/air_quality.station_hour/nothing", "/lineage/hush"):
        assert clerk.get(gone).status_code == 404


def test_the_public_sees_open_data_without_code_or_sources(db: None) -> None:
    text = Client().get("/lineage/air_quality.area_day_aqi/iaqi_pm25").content.decode()
    assert "PM2.5" in text
    assert "SUM(" not in text
    assert ".sql:" not in text
    assert ".py:" not in text
    text = Client().get("/lineage/air_quality.station_hour/pm25").content.decode()
    assert "有一处不可见的来源" in text
    assert "feed:" not in text
    assert "beijing" not in text
    assert Client().get("/lineage/feed:air_quality.china_hours").status_code == 404


def test_what_is_opened_is_added_and_nonsense_is_not_an_error(clerk: Client) -> None:
    start = "/lineage/air_quality.composite_index_month"
    near = clerk.get(f"{start}?up=1&down=0").context["page"].picture
    more = clerk.get(f"{start}?up=1&down=0&open=air_quality.area_day_aqi").context["page"].picture
    assert len(more.boxes) > len(near.boxes)
    assert any(box.more for box in near.boxes)
    for odd in ("?up=-1&down=x&open=%00&why=%2F%2F", "?up=99999999&rows=7"):
        assert clerk.get(start + odd).status_code == 200


def test_boxes_do_not_lie_on_each_other(clerk: Client) -> None:
    picture = clerk.get("/lineage/air_quality.station_hour?up=3&down=3").context["page"].picture
    for a in picture.boxes:
        assert a.x >= 0
        assert a.x + picture.box_width <= picture.width
        assert a.y + a.height <= picture.height
        assert not [b for b in picture.boxes if a is not b and a.x == b.x and a.y < b.y + b.height and b.y < a.y + a.height]


def test_a_page_is_quick(clerk: Client) -> None:
    clerk.get("/lineage/air_quality.station_hour/pm25")
    begun = time.monotonic()
    clerk.get("/lineage/air_quality.station_hour/pm25")
    assert time.monotonic() - begun < 1.0  # the target is 300 ms on a quiet machine: the bench holds it


def test_the_command_line_answers(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lineage", "check"]) == 0
    capsys.readouterr()
    assert cli.main(["lineage", "impact", "air_quality.station_hour.pm25", "--json", "--strict"]) == 1
    assert any(row["grade"] == "breaks" for row in json.loads(capsys.readouterr().out))
    assert cli.main(["lineage", "show", "air_quality.pm25_daily.pm25_24h"]) == 0
    assert "air_quality.station_hour" in capsys.readouterr().out
    assert cli.main(["lineage", "why", "air_quality.pm25_daily.pm25_24h", "air_quality.station_hour.pm25"]) == 0
    assert cli.main(["lineage", "impact", "air_quality.station_hour.pm26"]) == 1
    assert 'Did you mean "pm25"?' in capsys.readouterr().err
