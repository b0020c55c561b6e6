# SPDX-License-Identifier: Apache-2.0
"""Schools, hospitals and commercial areas of OpenStreetMap in the register, on the map and as tiles."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from django.test import Client

from chengyun.access.actors import SYSTEM
from chengyun.city import Malformed
from chengyun.packs.urban_management.feeds import read_facilities
from chengyun.packs.urban_management.models import Facility


def test_a_feature_is_a_place_with_a_key_that_stays() -> None:
    one = {"name": "效实中学", "centroid": [121.5301, 29.8701], "polylines": []}
    body = {
        "features": [
            one,
            {"name": None, "centroid": [121.54, 29.88]},
            {"name": "x", "centroid": None},
            one | {"centroid": [999, 1]},
        ]
    }

    def read(tree: object, name: str = "ningbo_school_boundaries.json") -> list:
        return list(read_facilities(io.BytesIO(json.dumps(tree).encode()), name))

    first, second, wrong, far = read(body)
    assert first.values == {"name": "效实中学", "kind": "school", "lon": 121.5301, "lat": 29.8701}
    assert second.values["name"] == "学校"
    assert isinstance(wrong, Malformed)
    assert "features[2]" in wrong.sentence
    assert isinstance(far, Malformed)
    assert read(body)[0].key == first.key
    assert isinstance(read({"x": 1})[0], Malformed)
    assert isinstance(read(body, "parks.json")[0], Malformed)


@pytest.mark.django_db
@pytest.mark.shared
def test_the_real_files_are_a_layer_of_the_map(shared: Path) -> None:
    from chengyun.lake.services import ensure_tables
    from chengyun.share.registers.loading import load_register
    from chengyun.web import cache

    cache.forget_all()
    ensure_tables()
    folder = shared / "data" / "osm-ningbo"
    files = sorted(folder.glob("ningbo_*.json"))
    loaded = load_register(SYSTEM, "urban_management.facilities", files)
    assert 1_000 <= loaded.read <= 560 + 95 + 353
    assert not loaded.dead
    found = Counter(Facility.objects.values_list("kind", flat=True))
    assert 550 <= found["school"] <= 560
    assert 90 <= found["hospital"] <= 95
    assert 340 <= found["cbd"] <= 353
    shown = json.loads(Client().get("/map/layers/urban_management.facilities.0.json").content)
    assert len(shown["features"]) == sum(found.values())
    again = load_register(SYSTEM, "urban_management.facilities", files)
    assert again.changed == 0
    assert Counter(Facility.objects.values_list("kind", flat=True)) == found
