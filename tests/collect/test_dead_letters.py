# SPDX-License-Identifier: Apache-2.0
"""Settling dead letters: retried through the front door, dropped with a reason, by those who may."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.apps import apps

from chengyun.access.actors import Actor
from chengyun.access.models import AuditRecord
from chengyun.collect import front_door, queries, services
from chengyun.collect.models import DeadLetter
from chengyun.errors import NotFound, Refused, Unavailable

pytestmark = pytest.mark.django_db
STEWARD = Actor(None, "steward", None, frozenset({"data_steward"}), ("",))
CLERK = Actor(None, "clerk", None, frozenset({"department_clerk"}), ("",))


@pytest.fixture
def letter() -> DeadLetter:
    return DeadLetter.objects.create(
        stream="air_quality.station_5min", received_at=dt.datetime.now(dt.UTC), actor="account:1", code="unknown_entity",
        reason="station 'x' is not in the register.", row={"station": "x", "start": 0},
    )  # fmt: skip


def answering(monkeypatch: pytest.MonkeyPatch, accepted: int) -> list[Any]:
    asked: list[Any] = []

    def post(_config: Any, stream: str, body: Any, *, purpose: str, key: str | None) -> dict[str, Any]:
        asked.append((stream, body, purpose, key))
        return {"accepted": accepted, "dead": [] if accepted else [{"index": 0, "reason": "still unknown"}]}

    monkeypatch.setattr(front_door, "post", post)
    return asked


def test_a_retry_sends_the_row_again_and_is_on_record(letter: DeadLetter, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, 1)
    assert services.retry(STEWARD, letter.pk).state == "retried"
    assert asked == [(letter.stream, letter.row, "ingest:*", f"dead-letter-{letter.pk}")]
    assert AuditRecord.objects.filter(action="dead_letter.retry", target=str(letter.pk)).count() == 1
    with pytest.raises(Refused):
        services.retry(STEWARD, letter.pk)


def test_a_mended_row_is_sent_instead(letter: DeadLetter, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, 1)
    services.retry(STEWARD, letter.pk, {"station": "y", "start": 0})
    assert asked[0][1] == {"station": "y", "start": 0}


def test_a_mended_row_may_not_name_a_station_of_another_district(letter: DeadLetter, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, area in (("here", "330203"), ("there", "330212")):
        apps.get_model("air_quality", "Station").objects.create(key=key, name=key, area_code=area)
    letter.area_code = "330203"
    letter.save()
    local = Actor(None, "steward", None, frozenset({"data_steward"}), ("330203",))
    asked = answering(monkeypatch, 1)
    with pytest.raises(Refused):
        services.retry(local, letter.pk, {"station": "there", "start": 0})
    assert not asked
    services.retry(local, letter.pk, {"station": "here", "start": 0})
    assert len(asked) == 1


def test_a_row_that_fails_again_says_why(letter: DeadLetter, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, 0)
    assert "still unknown" in services.retry(STEWARD, letter.pk).note


def test_it_waits_on_while_the_stream_process_is_away(letter: DeadLetter, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> dict[str, Any]:
        raise Unavailable("away")

    monkeypatch.setattr(front_door, "post", away)
    with pytest.raises(Unavailable):
        services.retry(STEWARD, letter.pk)
    letter.refresh_from_db()
    assert letter.state == "waiting"


def test_dropping_needs_a_reason_and_keeps_the_row(letter: DeadLetter) -> None:
    with pytest.raises(Refused):
        services.drop(STEWARD, letter.pk, "  ")
    services.drop(STEWARD, letter.pk, "测试设备")
    letter.refresh_from_db()
    assert (letter.state, letter.note) == ("dropped", "测试设备")


def test_who_may_not_sees_nothing_and_settles_nothing(letter: DeadLetter) -> None:
    assert queries.dead_letters(STEWARD).total == 1
    assert queries.waiting_by_stream(STEWARD) == {letter.stream: 1}
    with pytest.raises(NotFound):
        queries.dead_letters(CLERK)
    with pytest.raises(Refused):
        services.drop(CLERK, letter.pk, "no")


def test_old_letters_are_dropped_and_erased_many_at_a_time_and_it_is_on_record(letter: DeadLetter) -> None:
    now = dt.datetime.now(dt.UTC)
    old = [
        DeadLetter.objects.create(
            stream=stream, received_at=now - dt.timedelta(days=100), actor="a", code="type", reason="r", row={}
        )
        for stream in ("air_quality.station_5min", "air_quality.station_5min", "parking.lot_state")
    ]
    before = now - dt.timedelta(days=90)
    with pytest.raises(Refused):
        services.drop_older(STEWARD, before, " ")
    with pytest.raises(Refused):
        services.drop_older(CLERK, before, "old")
    assert services.erase_older(STEWARD, before, "old") == {}, "what waits is not erased"
    assert services.drop_older(STEWARD, before, "old", stream=old[0].stream) == {old[0].stream: 2}
    assert {one.state for one in DeadLetter.objects.filter(note="old")} == {"dropped"}
    assert services.erase_older(STEWARD, before, "older") == {old[0].stream: 2}
    assert set(DeadLetter.objects.values_list("pk", flat=True)) == {letter.pk, old[2].pk}
    kept = AuditRecord.objects.filter(action="dead_letter.erase").order_by("-pk").first()
    assert kept is not None
    assert kept.detail["letters"] == {old[0].stream: 2}
