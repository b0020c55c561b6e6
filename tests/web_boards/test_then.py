# SPDX-License-Identifier: Apache-2.0
"""A board at a second of the past: the same bytes, whatever has happened since."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)


def test_smoke(town, sign_in) -> None:
    client = sign_in("duty_officer")
    at = town.moment()
    page = client.get("/boards/air")
    assert page.status_code == 200, page.content
    told = client.get(f"/boards/air/tiles.json?at={at:%Y-%m-%dT%H:%M:%SZ}")
    assert told.status_code == 200, told.content
    import json

    print(json.dumps(json.loads(told.content), ensure_ascii=False)[:3000])
    for suffix in ("picture.svg", "board.pdf", "board.xlsx", "file.toml", "edit", "tiles"):
        one = client.get(f"/boards/air/{suffix}")
        assert one.status_code == 200, (suffix, one.content[:300])
    assert Client().get("/boards/air").status_code == 200
