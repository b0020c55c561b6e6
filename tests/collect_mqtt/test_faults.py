# SPDX-License-Identifier: Apache-2.0
"""A broker killed, a collector killed, two that share: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from brokers import Collecting, Mosquitto

from chengyun.bench.place import open_place, wait_for

STREAM = "air_quality.station_5min"
# Of one entity and time the last version counts, so what came twice has no effect; the second count would show another value.
STORED = (
    "SELECT count(DISTINCT (entity_id, time)), count(DISTINCT (entity_id, time, pm25))"
    " FROM lake.hot_air_quality_station_5min_1 h JOIN air_quality_station s ON s.id = entity_id WHERE s.key = ANY(%s)"
)


def _sent(key: str, count: int, begin: int) -> list[tuple[str, str]]:
    return [(f"air/{key}/5min", json.dumps({"start": (begin + number) * 1000, "pm25": number % 50})) for number in range(count)]


@pytest.mark.fault
def test_a_broker_killed_or_stopped_is_found_again_and_what_waited_there_is_taken(
    url: str, tmp_path: Path, stations: Callable[[int], list[str]], rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    keys, begin = stations(3), int(time.time()) - 7200
    with Mosquitto(tmp_path) as broker, Collecting(url, tmp_path, broker.address) as collecting:
        collecting.wait_connected()
        broker.flood(_sent(keys[0], 200, begin))
        # Mosquitto writes what it holds now and then, so only what reached us outlives its being killed.
        collecting.wait(lambda: rows(STORED, keys[:1])[0][0] == 200, "not all was stored")
        broker.stop(signal.SIGKILL)
        collecting.wait(lambda: not collecting.collector.connected, "the loss was not noticed")
        assert "127.0.0.1" in collecting.says or "lost" in collecting.says
        broker.start()
        collecting.wait_connected()
        broker.flood(_sent(keys[1], 200, begin))
        collecting.wait(lambda: rows(STORED, keys[:2])[0][0] == 400, "not all came back")
        # What is published while nobody collects waits in the session.
    with Mosquitto(tmp_path) as broker:
        broker.flood(_sent(keys[2], 100, begin))
        with Collecting(url, tmp_path, broker.address) as collecting:
            collecting.wait(lambda: rows(STORED, [keys[2]])[0][0] == 100, "what waited was not taken")
    assert rows(STORED, keys)[0] == (500, 500)


@pytest.mark.fault
def test_a_collector_killed_under_load_stores_everything_once(tmp_path: Path) -> None:
    keys, count, values = ["K1", "K2", "K3", "K4"], 3000, 400
    with (
        Mosquitto(tmp_path) as broker,
        open_place(first=False, env={"CHENGYUN_DEMO": "0", "CHENGYUN_MQTT_URL": broker.address}) as place,
    ):
        place.django(
            "from chengyun.city import Registered\nfrom chengyun.collect.registering import register\n"
            "from chengyun.collect.things.models import Channel\nfrom django.conf import settings\n"
            f"found = [Registered('station', key, {{'area_code': '330203'}}) for key in {keys!r}]\n"
            "register(settings.CITY, 'air_quality', found)\n"
            f"Channel.objects.create(key='j', pattern='air/{{station}}/5min', stream={STREAM!r}, payload='json')\n"
            f"Channel.objects.create(key='p', pattern='air/{{station}}/now/{{quantity}}', stream={STREAM!r}, payload='plain')\n"
        )

        def rows(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
            with psycopg.connect(str(place.state()["database_url"]), autocommit=True) as conn:
                return conn.execute(query, parameters).fetchall()  # type: ignore[arg-type]

        subscribed = "SELECT 1 FROM things_listener WHERE connected AND says = 'connected'"
        wait_for(lambda: rows(subscribed), 30, "the collector did not connect")
        wait_for(lambda: _heard(broker, rows), 30, "the patterns were not heard")
        begin = int(time.time()) - 7200
        for round_ in range(2):
            broker.flood(_sent(keys[0], count, begin + round_ * count))
            broker.flood([(f"air/{keys[1]}/now/pm25", str(number % 50)) for number in range(values)])
            former = place.kill("stream")
            broker.flood(_sent(keys[2], count, begin + round_ * count))
            place.wait_restarted("stream", former)
        wanted = 4 * count
        wait_for(lambda: rows(STORED, [keys[0], keys[2]])[0][0] >= wanted, 30, "not everything was stored again")
        wait_for(lambda: rows(STORED, [keys[1]])[0][0] >= 2 * values, 30, "not every plain value was stored")
        assert rows(STORED, [keys[0], keys[2]])[0] == (wanted, wanted)
        # Plain values have no time of their own: what was sent again has the time it came with first.
        assert rows(STORED, [keys[1]])[0] == (2 * values, 2 * values)
        assert rows("SELECT count(*) FROM collect_deadletter")[0][0] == 0


def _heard(broker: Mosquitto, rows: Callable[..., list[tuple[Any, ...]]]) -> bool:
    """Say whether a probe, of a station nothing else is about, has been stored."""
    broker.publish("air/K4/5min", json.dumps({"start": int(time.time() * 1000) - 8_000_000, "pm25": 1}))
    broker.publish("air/K4/now/pm25", "1")
    return rows(STORED, ["K4"])[0][0] >= 2


def test_two_collectors_share_the_messages_and_one_takes_over_when_the_other_goes(
    url: str, tmp_path: Path, stations: Callable[[int], list[str]], rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    keys, begin = stations(4), int(time.time()) - 7200
    share = {"CHENGYUN_MQTT_SHARE": "city"}
    with Mosquitto(tmp_path) as broker:
        with Collecting(url, tmp_path, broker.address, CHENGYUN_MQTT_CLIENT="two", **share) as two:
            with Collecting(url, tmp_path, broker.address, CHENGYUN_MQTT_CLIENT="one", **share) as one:
                one.wait_connected()
                two.wait_connected()
                for key in keys[:2]:
                    broker.flood(_sent(key, 300, begin))
                two.wait(lambda: rows(STORED, keys[:2])[0][0] == 600, "not all was stored")
                assert one.counts["rows"] > 0 < two.counts["rows"]
            broker.flood(_sent(keys[2], 300, begin))
            two.wait(lambda: rows(STORED, keys[2:])[0][0] >= 150, "the other did not go on")
        with Collecting(url, tmp_path, broker.address, CHENGYUN_MQTT_CLIENT="one", **share) as one:
            one.wait(lambda: rows(STORED, keys[:3])[0][0] == 900, "what waited for the first was lost")
    assert rows(STORED, keys)[0] == (900, 900)
