# SPDX-License-Identifier: Apache-2.0
"""A board at a moment of the past: the same bytes, whatever has happened since; and what it says is what was seen then."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
import threading
from collections.abc import Callable

import msgspec
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone, translation
from tests.web_boards.conftest import AQI, STATION_AQI, Town

from chengyun.access.actors import ANONYMOUS, SYSTEM, Actor
from chengyun.cases.services import open_case
from chengyun.errors import NotFound, Refused, Unavailable
from chengyun.operate import services as alerts
from chengyun.operate.boards import definitions, memory, queries, services, spec
from chengyun.operate.models import Alert
from chengyun.web.boards import tiles
from chengyun.web.boards.pages import _tiles

pytestmark = pytest.mark.django_db(transaction=True)
HAISHU = Actor(None, "clerk", None, frozenset({"grid_worker"}), ("330203",))
READERS = (SYSTEM, ANONYMOUS, HAISHU)


def drawn(at: dt.datetime | None, actor: Actor, language: str) -> bytes:
    """Return all that is said of a board at a moment: the JSON and the page's tiles."""
    with translation.override(language):
        saved = queries.access_board("air", actor, at)
        view = tiles.view(saved, actor, at, timezone.now())
        return msgspec.json.encode(view.as_json(), order="deterministic") + _tiles(view).encode()


def all_drawn(at: dt.datetime) -> list[bytes]:
    return [drawn(at, actor, language) for actor in READERS for language in ("zh-hans", "en")]


def clock() -> dt.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: dt.datetime = cursor.fetchone()[0]
    return found


def _rename(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an upgrade does: another name, another scale, another measure of freshness."""
    city = settings.CITY
    old = city.indicators[AQI]
    named = dataclasses.replace(
        old, name=f"{old.name}（{len(old.name)}）", decimals=1 - old.decimals, fresh_for=dt.timedelta(hours=9)
    )
    monkeypatch.setitem(city.indicators, AQI, named)
    rule = city.alerts["air_quality.pm25_rising"]
    monkeypatch.setitem(city.alerts, "air_quality.pm25_rising", dataclasses.replace(rule, name=rule.name + "*"))
    definitions.meet(city, again=True)


def _move_station(town: Town, luck: random.Random) -> None:
    station = apps.get_model("air_quality", "Station").objects.get(key=luck.choice(["S0", "S1"]))
    station.lon, station.name = round(121.4 + luck.random() / 5, 4), f"站 {luck.randrange(99)}"
    station.save()


def _alert_step(town: Town, luck: random.Random) -> None:
    held = [one for one in Alert.objects.exclude(state="closed").order_by("id") if not one.in_case]
    if not held or luck.random() < 0.4:
        town.alert(f"S{luck.randrange(2, 999_999)}", luck.choice(["blue", "yellow", "orange", "red"]), luck.uniform(150, 400))
    elif held[0].state == "open" and luck.random() < 0.5:
        alerts.acknowledge(held[0].pk, SYSTEM, timezone.now())
    else:
        alerts.close(held[0].pk, SYSTEM, timezone.now(), "核实")


def _save_board(town: Town, luck: random.Random) -> None:
    saved = queries.access_board("air", SYSTEM)
    told = spec.as_json(saved.spec)
    told["tiles"][0]["title"] = f"空气 {luck.randrange(99)}"
    services.save(told, SYSTEM)


def test_the_past_is_the_same_bytes_whatever_happens(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    luck = random.Random(20261122)
    deeds: list[Callable[[], object]] = [
        lambda: town.write(
            AQI, luck.choice(["330200", "330203"]), luck.randrange(0, 24), luck.choice([None, luck.uniform(0, 300)])
        ),
        lambda: town.write(AQI, "330212", 0, luck.uniform(0, 300)),
        lambda: town.write(STATION_AQI, "S0", luck.randrange(0, 3), luck.uniform(0, 300), "330203"),
        lambda: _alert_step(town, luck),
        lambda: open_case("air_quality.air_check", f"核查 {luck.randrange(99)}", SYSTEM, timezone.now(), area_code="330203"),
        lambda: _move_station(town, luck),
        lambda: _save_board(town, luck),
        lambda: services.annotate("air", "", clock(), f"说明 {luck.randrange(99)}", SYSTEM, timezone.now()),
        lambda: _rename(town, monkeypatch),
    ]
    seen: dict[dt.datetime, list[bytes]] = {}
    for step in range(18):
        deeds[step % len(deeds) if step < len(deeds) else luck.randrange(len(deeds) - 1)]()
        at = clock()
        seen[at] = all_drawn(at)
        assert step % 3 or all_drawn(at) == seen[at]
    again = {at: all_drawn(at) for at in seen}
    assert again == seen
    assert len({found[0] for found in seen.values()}) == len(seen), "each deed changes what a board says"
    assert all(found[0] != found[2] for found in seen.values()), "rights differ, so the bytes do"


def test_then_is_what_was_seen_then(town: Town) -> None:
    """The present as it was read at a moment, and that moment's past read later, say the same figures and lists."""
    saved = queries.access_board("air", SYSTEM)
    town.write(AQI, "330203", 0, None)
    town.write(AQI, "330200", 1, 222.0)
    open_case("air_quality.air_check", "核查", SYSTEM, timezone.now(), area_code="330203")
    now = clock()
    live = tiles.view(saved, SYSTEM, None, now)
    town.write(AQI, "330200", 1, 7.0)
    town.write(AQI, "330200", 0, 8.0)
    alerts.close(town.alerts[0].pk, SYSTEM, timezone.now(), "核实")
    then = tiles.view(saved, SYSTEM, now, timezone.now())
    assert then.tiles == live.tiles
    assert next(tile for tile in then.tiles if tile.id == "aqi").value == "222"
    changed = tiles.view(saved, SYSTEM, None, timezone.now())
    assert next(tile for tile in changed.tiles if tile.id == "aqi").value == "8"
    assert [tile.count for tile in changed.tiles if tile.kind == "alerts"] == ["0"]


def test_a_moment_waits_for_what_is_being_written(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "WAIT_S", 0.3)
    written, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            town.write(AQI, "330200", 0, 99.0)
            written.set()
            go_on.wait(20)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert written.wait(20)
    at = clock()
    try:
        with pytest.raises(Unavailable):
            all_drawn(at)
        # What was known before that transaction began is settled and does not wait.
        earlier = at - dt.timedelta(minutes=1)
        assert memory.known_at(earlier, at).mark is not None
    finally:
        go_on.set()
        thread.join(20)
    once = all_drawn(at)
    assert b'"99"' in once[0], "it was being written, so it is known"
    town.write(AQI, "330200", 0, 100.0)
    assert all_drawn(at) == once


def test_moments_are_read_strictly(town: Town, sign_in: Callable[..., Client]) -> None:
    client = sign_in("duty_officer")
    at = town.moment()
    address = f"/boards/air/tiles.json?at={at:%Y-%m-%dT%H:%M:%SZ}"
    first = client.get(address).content
    town.write(AQI, "330200", 1, 5.0)
    assert client.get(address).content == first
    local = at.astimezone(timezone.get_default_timezone())
    assert client.get(f"/boards/air/tiles.json?at={local:%Y-%m-%dT%H:%M:%S}").content == first, (
        "without an offset: the city's time"
    )
    assert client.get("/boards/air?at=gestern").status_code == 400
    ahead = timezone.now() + dt.timedelta(hours=1)
    with pytest.raises(Refused):
        memory.known_at(ahead, ahead)
    early = client.get("/boards/air?at=2001-01-01T00:00:00").content.decode()
    assert "那时还没有这个看板" in early, "its first version is shown, and says so"
    assert "那时还没有这个看板" not in client.get(f"/boards/air?at={at:%Y-%m-%dT%H:%M:%S}Z").content.decode()


def test_cases_and_notes_are_known_from_when_to_when(town: Town) -> None:
    officer = READERS[0]
    before = clock()
    case = open_case("air_quality.air_check", "核查", SYSTEM, timezone.now(), area_code="330203")
    note = services.annotate("air", "aqi", clock(), "沙尘", SYSTEM, timezone.now())
    between = clock()
    services.withdraw("air", note.pk, SYSTEM)
    case.title = "改名"
    case.save()
    after = clock()

    def told(at: dt.datetime) -> tuple[list[str], list[str]]:
        view = tiles.view(queries.access_board("air", officer, at), officer, at, timezone.now())
        cases = next(tile for tile in view.tiles if tile.kind == "cases")
        notes = queries.notes_of(queries.access_board("air", officer).board_id, dataclasses.replace(HAISHU), at, at, at)
        return [line.text for line in cases.lines], [one.text for one in notes]

    assert told(before)[0] == []
    assert told(between)[0] == ["核查"]
    assert told(after)[0] == ["改名"]
    with pytest.raises(NotFound):
        services.withdraw("air", note.pk, SYSTEM)


def test_each_line_starts_at_a_moment_of_its_own_and_is_read_as_known_then(town: Town) -> None:
    day, half = dt.timedelta(hours=24), dt.timedelta(hours=3)
    wanted = {(AQI, "330203"): town.now - half, (AQI, "330212"): town.now - day, (AQI, "999999"): town.now - day}

    def values(at: dt.datetime | None) -> dict[str, list[tuple[int, float | None]]]:
        found = memory.courses(wanted, memory.known_at(at, timezone.now()))
        assert found.keys() == wanted.keys()
        return {
            subject: [((town.now - one.period_start) // dt.timedelta(hours=1), one.value) for one in steps]
            for (_, subject), steps in found.items()
        }

    before = values(None)
    assert before["330203"] == [(3, 63.0), (2, 62.0), (1, 61.0)]
    assert before["330212"] == [(hours, 70.0 + hours % 5) for hours in range(12, 0, -1)]
    assert before["999999"] == []
    then = town.moment()
    town.write(AQI, "330203", 2, 99.0)
    assert values(None)["330203"] == [(3, 63.0), (2, 99.0), (1, 61.0)]
    assert values(then) == before
