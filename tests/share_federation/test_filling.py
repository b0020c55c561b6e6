# SPDX-License-Identifier: Apache-2.0
"""Who fills a mirror from a file is alone with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from chengyun.access.models import Organisation
from chengyun.share.federation import mirrors
from chengyun.share.federation.models import Mirror, Neighbour


class Asked(Exception):
    """A page was asked for."""


class Client:
    def get(self, path: str, **params: object) -> Any:
        raise Asked(path)


def drawn(mirror: Mirror) -> int | str:
    try:
        return mirrors.draw(mirror, Client())  # type: ignore[arg-type]
    except Asked as asked:
        return str(asked)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_no_page_is_drawn_while_a_file_is_brought_in() -> None:
    body = Organisation.objects.create(key="node-haishu", name="海曙")
    neighbour = Neighbour.objects.create(name="haishu", address="http://127.0.0.1:1/exchange/v1", organisation=body)
    mirror = mirrors.start(neighbour, "water_supply.asset", "statistics")
    with ThreadPoolExecutor(1) as another:
        assert another.submit(drawn, mirror).result(30) == "/rows"
        with mirrors.alone(mirror):
            assert another.submit(drawn, mirror).result(30) == 0
        with mirrors._lock("fill", mirror):  # a file that waits for the round under way
            assert another.submit(drawn, mirror).result(30) == 0
        assert another.submit(drawn, mirror).result(30) == "/rows"
