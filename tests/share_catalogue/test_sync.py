# SPDX-License-Identifier: Apache-2.0
"""What is declared is in the catalogue by itself; what a person set stays; what vanished is withdrawn, never deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chengyun.access.actors import ANONYMOUS
from chengyun.access.models import Organisation
from chengyun.access.rulebook import rulebook
from chengyun.share.catalogue import sync
from chengyun.share.catalogue.declared import described
from chengyun.share.catalogue.models import DataElement, Item, Resource, Revision
from chengyun.share.catalogue.search import counts, search
from chengyun.share.catalogue.sync import ensure_catalogue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]


def test_every_dataset_of_the_city_is_there_with_its_items_owner_and_code() -> None:
    there = {one.key: one for one in Resource.objects.all()}
    assert set(there) == set(rulebook().datasets)
    hours = there["air_quality.station_hour"]
    assert (hours.kind, hours.sharing, hours.cycle, hours.state) == ("stream", "unconditional", "day", "published")
    assert hours.provider == Organisation.objects.get(key="environment")
    assert hours.name_en
    assert hours.code == f"{hours.class_code}/{hours.pk:06d}"
    assert [one.key for one in hours.items.all()][:2] == ["station", "hour_start"]
    assert hours.items.get(key="pm25").type == "B"
    station = there["air_quality.station"]
    assert station.items.get(key="lon").element_id == "place.longitude"
    assert there["areas"].items.get(key="code").name
    assert DataElement.objects.get(key="area.code").declared


def test_a_second_time_changes_and_asks_little() -> None:
    revisions = Revision.objects.count()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert ensure_catalogue() == sync.Synced(0, 0, 0)
    assert len(asked) < 15
    assert Revision.objects.count() == revisions


def test_a_changed_declaration_is_a_new_version_and_what_a_person_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    Resource.objects.filter(key="parking.lot").update(summary="城区停车场名录", edited=["summary"])
    Item.objects.filter(resource__key="parking.lot", key="name").update(name="停车场全称", edited=["name"])
    changed = [
        replace(one, name="公共停车场", summary="别的", items=[replace(it, length=99) for it in one.items])
        if one.key == "parking.lot" else one
        for one in described()
    ]  # fmt: skip
    monkeypatch.setattr(sync, "described", lambda: changed)
    assert ensure_catalogue() == sync.Synced(0, 1, 0)
    lot = Resource.objects.get(key="parking.lot")
    assert (lot.name, lot.summary, lot.version) == ("公共停车场", "城区停车场名录", 2)
    item = lot.items.get(key="name")
    assert (item.name, item.length) == ("停车场全称", 99)
    newest = lot.revisions.get(number=2)
    assert newest.changes["name"] == ["停车场", "公共停车场"]
    assert newest.author is None
    assert search(ANONYMOUS, "公共停车场").hits[0].key == "parking.lot"


def test_what_vanished_is_withdrawn_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = [one for one in described() if one.key != "parking.lot"]
    monkeypatch.setattr(sync, "described", lambda: fewer)
    assert ensure_catalogue().withdrawn == 1
    lot = Resource.objects.get(key="parking.lot")
    assert lot.state == "withdrawn"
    assert lot.withdrawn_because
    assert "parking.lot" not in [hit.key for hit in search(ANONYMOUS, "停车场").hits]
    assert "parking.lot" in [hit.key for hit in search(ANONYMOUS, "停车场", choices={"state": ["withdrawn"]}).hits]
    assert ensure_catalogue() == sync.Synced(0, 0, 0)
    monkeypatch.setattr(sync, "described", described)
    assert ensure_catalogue().changed == 1
    assert Resource.objects.get(key="parking.lot").state == "published"


def test_search_counts_what_it_shows() -> None:
    found = counts(ANONYMOUS, "")
    assert found.total == Resource.objects.filter(state="published").count()
    assert sum(found.by["kind"].values()) == found.total
