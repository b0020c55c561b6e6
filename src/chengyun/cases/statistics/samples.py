# SPDX-License-Identifier: Apache-2.0
"""A city's cases for measuring, written as plain rows, and what people ask of them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from chengyun.access.models import Organisation
from chengyun.cases.bare import bare

__all__ = ["BODIES", "fill", "questions"]

BODIES = 40
CHUNK = 500_000
YEARS = 5


def fill(cases: int) -> None:
    """Write so many cases into an installation that has none, and was made for measuring: see bare.py."""
    centre = Organisation.objects.get(key="operations_centre")
    bodies = [
        Organisation.objects.get_or_create(key=f"bench_{at}", defaults={"name": f"部门 {at:02d}", "parent": centre})[0].pk
        for at in range(BODIES)
    ]
    text = Path(__file__).with_name("fill.sql").read_text(encoding="utf-8")
    with bare("cases_case"), connection.cursor() as cursor:
        for first in range(1, cases + 1, CHUNK):
            last = min(cases, first + CHUNK - 1)
            given: dict[str, Any] = {"first": first, "last": last, "cases": cases, "years": YEARS, "bodies": bodies}
            cursor.execute(text, given)
        cursor.execute("SELECT setval(pg_get_serial_sequence('cases_case', 'id'), %s)", [cases])


def questions(bodies: list[int], today: dt.date, seed: int = 311) -> Iterator[str]:
    """Yield addresses as people ask them: mostly the usual year by month, often narrowed by one thing, sometimes by three."""
    dice = random.Random(seed)  # noqa: S311  # reproducible, not secret
    while True:
        grain = dice.choice(["month", "month", "week", "day"])
        days = {"month": dice.choice([365, 365, 730, 1824]), "week": dice.choice([180, 360]), "day": dice.choice([30, 90])}[grain]
        last = today - dt.timedelta(days=dice.choice([0, 0, 30, 400]))
        asked: dict[str, object] = {
            "grain": grain, "first": last - dt.timedelta(days=days), "last": last,
            "compare": dice.choice(["prior", "year", "none"]), "by": dice.choice(["area", "category", "department", "source"]),
        }  # fmt: skip
        narrowed = dice.choice([0, 0, 1, 1, 1, 2, 3])
        for name in dice.sample(["area", "category", "department", "source"], narrowed):
            asked[name] = {
                "area": dice.choice(["330201", "330203", "330201001", "330202003", "330201001002"]),
                "category": dice.choice(["event/0100", "event/0101", "event/0107", "event/0140"]),
                "department": dice.choice(bodies), "source": dice.choice(["patrol", "hotline", "app"]),
            }[name]  # fmt: skip
        yield urlencode(asked)
