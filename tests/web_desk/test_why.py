# SPDX-License-Identifier: Apache-2.0
"""The page that answers why: the verdict of computing again, what a reader may not see, and the same as JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
from collections.abc import Iterator

import httpx
import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone

from chengyun.access.actors import ANONYMOUS
from chengyun.bench.place import Place, wait_for
from chengyun.lake import books
from chengyun.lake.services import ensure_tables
from chengyun.operate.models import Figure
from chengyun.operate.why import InputRows, Link, explain
from chengyun.web.desk.why import as_json, read_page

STREAM = "air_quality.station_hour"


@pytest.fixture
def empty_lake(transactional_db) -> Iterator[None]:
    """No tables of a test before this one, whose files are gone."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    yield
    books.forget()


@pytest.fixture
def figure(empty_lake, bodies) -> Figure:
    """A figure whose inputs are not there, so that computing again cannot give it."""
    start = dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
    return Figure.objects.create(
        indicator="air_quality.area_day_aqi", subject="330203", area_code="330203", period_start=start, value=81.0,
        detail={"primary": "PM2.5"}, coverage=0.75, quality={}, simulated=False, as_of={STREAM: 0}, version="0" * 16,
        computed_at=start + dt.timedelta(days=1),
    )  # fmt: skip


def rendered(why) -> str:
    request = RequestFactory().get("/why/1")
    request.user = None
    return html.unescape(render_to_string("desk/why.html", {"page": read_page(why, timezone.now(), ANONYMOUS)}, request))


def test_a_figure_that_does_not_come_out_again_is_said_to_differ(figure):
    page = html.unescape(Client().get(f"/why/{figure.pk}").content.decode())
    assert "现在重新计算：不同" in page, explain(figure.pk, ANONYMOUS).again
    assert "每一位都相同" not in page
    assert "公式已经改版" in page
    assert "75 %" in page


def test_json_and_page_say_the_same(figure):
    told = Client().get(f"/why/{figure.pk}?format=json").json()
    assert told == Client().get(f"/api/v1/why/{figure.pk}").json()
    assert (told["figure"]["value"], told["again"]["equal"], told["version"]) == (81.0, False, "0" * 16)


def test_rows_and_figures_a_reader_may_not_see_are_masked(figure):
    found = explain(figure.pk, ANONYMOUS)
    hidden = InputRows(STREAM, "站点小时值", 9, (), {}, (), 0, 0, True, "未向此岗位开放。")
    secret = Link(1, "air_quality.station_day_aqi", "站点日 AQI", None, "S-secret", figure.period_start, None, (STREAM,))
    less = dataclasses.replace(found, inputs=(hidden,), downwards=(secret,))
    page = rendered(less)
    assert "有您不能看的数据行" in page
    assert "未向此岗位开放。" in page
    assert "***" in page
    assert "S-secret" not in page
    assert "S-secret" not in str(as_json(less))


def test_quality_is_told_in_words_and_doubtful_values_are_marked(figure):
    found = explain(figure.pk, ANONYMOUS)
    columns = ("station", "hour_start", "so2", "pm25", "quality", "seq")
    # pm25 is the sixth quantity: its invalid bit, LATE and RANGE.
    row = {"station": "A", "hour_start": figure.period_start, "so2": 8.0, "pm25": None, "quality": 1 | 16 | 1 << 13, "seq": 3}
    units = {"so2": "µg/m³", "pm25": "µg/m³"}
    page = rendered(
        dataclasses.replace(found, inputs=(InputRows(STREAM, "站点小时值", 9, columns, units, (row,), 1, 1, False, ""),))
    )
    assert page.count('class="doubted"') == 1
    assert "超出可能的范围，不参与计算" in page
    assert "迟到" in page
    # From a row to the thing that was observed and its readings.
    assert '<a href="/e/air_quality.station/A">A</a>' in page


def test_a_figure_that_is_not_there_is_not_found(bodies):
    assert Client().get("/why/1").status_code == 404


def test_a_computed_figure_comes_out_again_bit_for_bit_within_a_second(running: Place):
    def some() -> str:
        return running.django(
            "from chengyun.operate.models import Figure\n"
            "print(Figure.objects.filter(superseded_at=None, value__isnull=False, indicator='air_quality.area_day_aqi')"
            ".values_list('pk', flat=True).first() or '')"
        )

    wait_for(some, 120, "No figure was computed")
    httpx.get(f"{running.url}/why/{some()}", timeout=30)
    answer = httpx.get(f"{running.url}/why/{some()}?format=json", timeout=30)
    told = answer.json()
    assert told["again"]["done"]
    assert told["again"]["equal"]
    assert told["inputs"][0]["rows"]
    assert answer.elapsed < dt.timedelta(seconds=2), "a second is the aim; tests share their machine"
