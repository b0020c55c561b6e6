# SPDX-License-Identifier: Apache-2.0
"""A day judged, a mistake found, repaired through the front door, and undone: on a whole installation."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from chengyun.bench.place import Place, open_place

STREAM = "air_quality.station_5min"
BEGIN = dt.datetime(2026, 11, 20, 2, tzinfo=dt.UTC)
STEWARD = """
from chengyun.access.actors import Actor
from chengyun.collect.quality import queries, services
from chengyun.collect.quality.models import Finding, Score
import json, datetime as dt
steward = Actor(None, "steward", None, frozenset({"data_steward"}), ("",))
clerk = Actor(None, "clerk", None, frozenset({"handler"}), ("",))
"""
SIGN_IN = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from chengyun.access.models import Account, Assignment
account = Account.objects.create_user("steward", password="Tower-Bridge-1894")
Assignment.objects.create(account=account, role="data_steward")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(account.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = account.get_session_auth_hash()
session.create()
print(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
"""
JUDGE = """
from chengyun.collect.quality import services
import datetime as dt
services.judge_due(dt.datetime.now(dt.UTC))
services.judge_registers(dt.datetime.now(dt.UTC))
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        place.django(
            "from chengyun.packs.air_quality.models import Station\n"
            "for n in range(8):\n"
            "    Station.objects.create(key=f'Q{n}', name=f'Q{n}', area_code='330203', lon=121.45 + n / 100, lat=29.87)\n"
            "Station.objects.create(key='SWAP', name='SWAP', area_code='330203', lon=29.87, lat=121.45)\n"
        )
        rows = [
            [f"Q{station}", (BEGIN + dt.timedelta(minutes=5 * step)).isoformat(), value / 1000 if station == 7 else value]
            for step in range(24)
            for station in range(8)
            for value in [40.0 + station + step % 7]
        ]
        sent = httpx.post(
            f"{place.stream_url}/ingest/{STREAM}",
            json={"columns": ["station", "start", "pm25"], "rows": rows},
            headers={"authorization": f"Bearer {place.token('ingest:*')}"},
        )
        assert sent.json()["accepted"] == len(rows), sent.text
        place.django(JUDGE)
        yield place


def newest(place: Place) -> list[float]:
    told = place.django(
        "from chengyun.collect.quality.reading import current_rows\nimport datetime as dt, json\n"
        f"print(json.dumps([row['pm25'] for row in current_rows({STREAM!r}, dt.date(2026, 11, 20), 'Q7')]))"
    )
    return json.loads(told)


def run(place: Place, code: str) -> object:
    return json.loads(place.django(STEWARD + code))


def test_a_day_is_judged_by_every_dimension_that_applies(place: Place) -> None:
    found = run(
        place,
        f"one = next(one for one in queries.overview(steward) if one.dataset == {STREAM!r})\n"
        "print(json.dumps([one.day.isoformat(), one.by, one.offers]))",
    )
    day, by, offers = found  # type: ignore[misc]
    assert day == "2026-11-20"
    assert offers == 1
    assert by["conformity"] < 100
    assert by["completeness"] < 100  # two hours of a whole day
    assert by["accuracy"] == 100


def test_a_unit_mistake_is_repaired_by_new_versions_and_undone(place: Place) -> None:
    before = newest(place)
    assert max(before) < 1
    pk = run(place, f"print(Finding.objects.get(dataset={STREAM!r}, rule='unit').pk)")
    refused = run(
        place,
        f"from chengyun.errors import Problem\ntry:\n    services.accept(clerk, {pk})\n    print('1')\n"
        "except Problem as wrong:\n    print(json.dumps(type(wrong).__name__))",
    )
    assert refused in ("Refused", "NotFound")
    run(place, f"services.accept(steward, {pk})\nprint(1)")
    after = newest(place)
    assert after == pytest.approx([value * 1000 for value in before])
    place.django(JUDGE)
    state = run(
        place,
        f"one = Finding.objects.get(pk={pk})\nscore = Score.objects.get(dataset={STREAM!r}, rule='unit')\n"
        "print(json.dumps([one.state, score.failed]))",
    )
    assert state == ["repaired", 0]
    run(place, f"services.undo(steward, {pk})\nprint(1)")
    assert newest(place) == pytest.approx(before)
    audited = run(
        place,
        "from chengyun.access.models import AuditRecord\n"
        "print(json.dumps(list(AuditRecord.objects.filter(action__startswith='quality.').order_by('id')"
        ".values_list('action', flat=True))))",
    )
    assert audited[:2] == ["quality.repair", "quality.undo"]


def test_swapped_coordinates_are_turned_and_turned_back(place: Place) -> None:
    told = run(
        place,
        "from chengyun.packs.air_quality.models import Station\n"
        "def at():\n    row = Station.objects.get(key='SWAP')\n    return [row.lon, row.lat]\n"
        "pk = Finding.objects.get(dataset='air_quality.station', rule='order', subject='SWAP').pk\n"
        "services.accept(steward, pk)\nturned = at()\nservices.undo(steward, pk)\nprint(json.dumps([turned, at()]))",
    )
    assert told == [[121.45, 29.87], [29.87, 121.45]]


def test_what_an_actor_may_not_read_is_not_judged_before_it(place: Place) -> None:
    seen = run(
        place,
        "from chengyun.access.actors import ANONYMOUS\n"
        "print(json.dumps([len(queries.overview(ANONYMOUS)), len(queries.overview(steward)) > 0]))",
    )
    assert seen == [0, True]


def test_pages_show_it_and_a_press_repairs(place: Place) -> None:
    cookie = place.django(SIGN_IN)
    with httpx.Client(base_url=place.url, headers={"cookie": cookie, "accept-language": "zh-CN"}, timeout=60) as client:
        overview = client.get("/quality")
        assert overview.status_code == 200
        assert f"/quality/{STREAM}" in overview.text
        page = client.get(f"/quality/{STREAM}")
        assert "单位差一千倍" in page.text
        deed = re.search(r'action="(/quality/findings/\d+/accept)"', page.text)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert deed
        assert token
        client.headers["cookie"] = f"{cookie}; csrftoken={page.cookies['csrftoken']}"
        given = {"csrfmiddlewaretoken": token[1]}
        assert client.post(deed[1], data=given, headers={"referer": place.url}).status_code == 303
        after = client.get(f"/quality/{STREAM}").text
        assert "撤销修正" in after
        assert "处数据可以修正" in client.get("/desk").text
        entity = client.get("/e/air_quality.station/Q1").text
        assert f'href="/quality/{STREAM}"' in entity
        assert client.post(deed[1].replace("accept", "undo"), data=given, headers={"referer": place.url}).status_code == 303
    assert httpx.get(f"{place.url}/quality").status_code in (302, 403, 404)
