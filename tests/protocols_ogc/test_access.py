# SPDX-License-Identifier: Apache-2.0
"""Who sees which layer and which rows: the same policy as everywhere, seen from outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chengyun.access.actors import SYSTEM
from chengyun.access.policy import scope
from chengyun.access.rulebook import rulebook
from chengyun.bench.place import wait_for
from chengyun.protocols.ogc import layers

OPEN = ["areas.city", "areas.district", "air_quality.station", "air_quality.city", "alerts"]


def names(city, **headers: str) -> list[str]:
    return [one["id"] for one in city.get("/collections", headers=headers).json()["collections"]]


@pytest.fixture(scope="module")
def clerk(city) -> dict[str, str]:
    """Headers of a key that belongs to the department of one district."""
    raw = city.place.django(
        "from chengyun.access.models import Organisation\nfrom chengyun.access.services import issue_token\n"
        "body = Organisation.objects.create(key='haishu_test', name='海曙区某局', area_code='330203')\n"
        "print(issue_token(scopes=['read'], organisation=body))"
    )
    return {"authorization": f"Bearer {raw}"}


def test_anybody_sees_what_is_open_and_nothing_else(city) -> None:
    found = names(city)
    assert set(OPEN) <= set(found)
    assert "cases" not in found
    assert city.get("/collections/cases/items").status_code == 404


def test_a_key_that_is_not_known_is_told_so(city) -> None:
    assert city.get("/collections", headers={"authorization": "Bearer cy_000000_nothing"}).status_code == 401


def test_a_grant_opens_its_rows_alone(city, clerk) -> None:
    assert "cases" not in names(city, **clerk)
    city.place.django(
        "from chengyun.access.models import Organisation\n"
        "from chengyun.cases.models import Case\n"
        "from django.utils.timezone import now\n"
        "for number, area in enumerate(('330203', '330205'), start=1):\n"
        "    Case.objects.create(number=f'T-{number}', type='air_quality.check', state='new', title='T', area_code=area,\n"
        "        owner=Organisation.objects.order_by('id').first(), lon=121.5, lat=29.8, opened_at=now(), due_at=now())"
    )
    city.place.django(
        "import datetime as dt\n"
        "from chengyun.access.models import Grant, Organisation\n"
        "from django.utils.timezone import now\n"
        "body = Organisation.objects.get(key='haishu_test')\n"
        "Grant.objects.create(dataset='cases', organisation=body, since=now() - dt.timedelta(hours=1))"
    )
    wait_for(lambda: "cases" in names(city, **clerk), 10, "the grant was not seen")
    found = city.get("/collections/cases/items", headers=clerk, params={"limit": 1000}).json()
    assert "T-1" in [one["id"] for one in found["features"]]
    assert {one["properties"]["area_code"][:6] for one in found["features"]} == {"330203"}
    assert city.get("/collections/cases/items/T-2", headers=clerk).status_code == 404
    assert (
        city.get("/collections/cases/items", headers=clerk, params={"filter": "area_code = '330205'"}).json()["numberMatched"]
        == 0
    )


def test_what_is_hidden_is_neither_shown_nor_asked_by(city) -> None:
    found, matched = city.all("alerts")
    assert matched == len(found) == 40
    assert not {"acknowledged_by", "closed_because", "events", "evidence"} & found[0]["properties"].keys()
    refused = city.get("/collections/alerts/items", params={"filter": "closed_because = 'x'"})
    assert refused.status_code == 400
    placed = {row["key"] for row in city.rows if row["id"] <= 40 and row["lon"] is not None}
    assert {one["properties"]["subject"] for one in found if one["geometry"]} == placed


def test_answers_kept_for_one_reader_are_not_another_s(city, clerk) -> None:
    of_clerk = city.get("/collections", headers=clerk).json()["collections"]
    assert len(of_clerk) > 0
    assert city.get("/collections/cases").status_code == 404


def test_only_reading_is_answered(city) -> None:
    answer = city.client.post("/collections/air_quality.station/items", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_registers_of_persons_are_no_layers() -> None:
    name = "air_quality.station"
    facts = rulebook().datasets[name]
    try:
        rulebook().datasets[name] = replace(facts, personal=True)
        assert not layers._placed(name, scope(SYSTEM, name))
    finally:
        rulebook().datasets[name] = facts
    assert layers._placed(name, scope(SYSTEM, name))
