# SPDX-License-Identifier: Apache-2.0
"""Who sends is known however long ago it was, without looking through years of receipts."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection

from chengyun.access.actors import Actor
from chengyun.collect import services
from chengyun.collect.models import Sender
from chengyun.web.sources import ways

pytestmark = pytest.mark.django_db
STREAM = "air_quality.station_5min"
STEWARD = Actor(None, "steward", None, frozenset({"data_steward"}), ("",))
NOW = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)


def receipt(actor: str, source: str, seqs: tuple[int, int], minutes_ago: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lake_stream (stream, next_seq, chunk) VALUES (%s, 1, 1) ON CONFLICT DO NOTHING", [STREAM]
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO lake_receipt (stream, seq_from, seq_to, received_at, actor, source, response)"
            " VALUES (%s, %s, %s, %s, %s, %s, '')",
            [STREAM, *seqs, NOW - dt.timedelta(minutes=minutes_ago), actor, source],
        )


def test_a_sender_that_fell_silent_long_ago_is_still_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "NEWEST", 3)
    monkeypatch.setattr(services, "RECEIPTS_AT_ONCE", 2)
    receipt("account:1:environment", "cyt_old", (1, 10), 60 * 24 * 400)
    for number in range(4):
        receipt("account:2:environment", "cyt_new", (11 + number, 11 + number), 30 - number)
    assert [way.kind for way in ways.ways_in(STEWARD, NOW)] == ["HTTP"], "beyond what is looked at"
    for _ in range(5):
        services.note_senders()
    found = ways.ways_in(STEWARD, NOW)
    assert [(way.newest, way.rows) for way in found] == [
        (NOW - dt.timedelta(minutes=27), 3), (NOW - dt.timedelta(days=400), 0),
    ]  # fmt: skip
    receipt("account:1:environment", "cyt_old", (15, 14), 5)  # heard of again, with nothing that could be kept
    services.note_senders()
    assert Sender.objects.get(source="cyt_old").newest == NOW - dt.timedelta(minutes=5)
    assert Sender.objects.count() == 2
