# SPDX-License-Identifier: Apache-2.0
"""Messages in, rows out: every form of payload, what is unreadable, what comes twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from brokers import Collecting, Mosquitto

TABLE = "lake.latest_air_quality_station_5min"
LATEST = (
    f"SELECT round(extract(epoch FROM t.time)), pm25, pm10 FROM {TABLE} t"
    " JOIN air_quality_station s ON s.id = entity_id WHERE key = %s"
)
KEPT = (
    "SELECT count(*) FILTER (WHERE quality & 32 = 0), count(*) FROM lake.hot_air_quality_station_5min_1 h"
    " JOIN air_quality_station s ON s.id = entity_id WHERE s.key = ANY(%s)"
)
Rows = Callable[..., list[tuple[Any, ...]]]


def now() -> int:
    return int(time.time()) - 60


def test_an_object_is_an_observation_of_the_entity_its_topic_names(
    broker: Mosquitto, collecting: Collecting, stations: Callable[[int], list[str]], rows: Rows
) -> None:
    [key], moment = stations(1), now()
    broker.publish(f"air/{key}/5min", json.dumps({"start": moment * 1000, "pm25": 35.5}))
    collecting.wait(lambda: rows(LATEST, key), "nothing was stored")
    assert rows(LATEST, key) == [(moment, 35.5, None)]


def test_arrays_and_lists_carry_many_entities_under_the_senders_own_names(
    broker: Mosquitto, collecting: Collecting, stations: Callable[[int], list[str]], rows: Rows
) -> None:
    keys, moment = stations(4), now()
    broker.publish("air/batch", json.dumps({"columns": {"id": keys[:2], "ts": [moment * 1000] * 2, "pm2_5": [1, 2]}}))
    broker.publish("air/batch", json.dumps([{"id": keys[2], "ts": moment * 1000, "pm2_5": 3}]))
    broker.publish("air/batch", json.dumps({"columns": ["id", "ts", "pm2_5"], "rows": [[keys[3], moment * 1000, 4]]}))
    collecting.wait(lambda: rows(LATEST, keys[3]), "nothing was stored")
    assert [rows(LATEST, key)[0][1] for key in keys] == [1, 2, 3, 4]


def test_plain_values_that_come_together_are_one_observation(
    broker: Mosquitto, collecting: Collecting, stations: Callable[[int], list[str]], rows: Rows
) -> None:
    [key] = stations(1)
    script = "".join(f"air/{key}/now/{name} {value}\n" for name, value in [("PM2.5", 12.5), ("pm10", 40)])
    for line in script.splitlines():
        topic, value = line.split()
        broker.publish(topic, value)
    collecting.wait(lambda: rows(LATEST, key), "nothing was stored")
    assert abs(float(rows(LATEST, key)[0][0]) - time.time()) < 30


def test_what_cannot_be_read_becomes_a_dead_letter_with_its_topic_and_spoils_nothing_beside_it(
    broker: Mosquitto, collecting: Collecting, stations: Callable[[int], list[str]], rows: Rows
) -> None:
    [key], moment = stations(1), now()
    bad = {
        "json": (f"air/{key}/5min", "{no json"),
        "unknown_column": (f"air/{key}/5min", json.dumps({"start": moment * 1000, "pm_25": 1})),
        "type": (f"air/{key}/now/pm25", "high"),
        "unknown_entity": ("air/nobody/5min", json.dumps({"start": moment * 1000, "pm25": 1})),
        "time": (f"air/{key}/5min", json.dumps({"start": "yesterday", "pm25": 1})),
        "unbound_device": ("things/stranger/data/air_quality.station_5min", json.dumps({"pm25": 1})),
        "topic": ("things/stranger/data/air_quality.nothing", "{}"),
    }
    before = rows("SELECT coalesce(max(id), 0) FROM collect_deadletter")[0][0]
    for topic, payload in bad.values():
        broker.publish(topic, payload)
    broker.publish(f"air/{key}/5min", json.dumps({"start": moment * 1000, "pm25": 7}))
    letters = "SELECT code, stream, reason, source FROM collect_deadletter WHERE id > %s"
    collecting.wait(lambda: len(rows(letters, before)) == len(bad) and rows(LATEST, key), "not all was set aside or stored")
    kept = {code: (stream, reason, source) for code, stream, reason, source in rows(letters, before)}
    assert kept.keys() == bad.keys()
    assert all(bad[code][0] in reason for code, (_, reason, _) in kept.items())
    assert all(stream == ("" if code == "topic" else "air_quality.station_5min") for code, (stream, _, _) in kept.items())
    assert rows(LATEST, key)[0][1] == 7


def test_a_new_pattern_is_heard_without_a_restart(
    broker: Mosquitto, collecting: Collecting, stations: Callable[[int], list[str]], rows: Rows
) -> None:
    [key] = stations(1)
    rows(
        "INSERT INTO things_channel (key, pattern, stream, payload, fields, enabled) VALUES ('late', 'late/{station}',"
        " 'air_quality.station_5min', 'plain', '{\"value\": \"o3\"}', true)"
    )

    def heard() -> bool:
        broker.publish(f"late/{key}", "80")
        return bool(rows(LATEST, key))

    collecting.wait(heard, "the new pattern was not heard")
    rows("UPDATE things_channel SET enabled = false WHERE key = 'late'")


def test_every_message_of_a_burst_is_stored_once(
    broker: Mosquitto, collecting: Collecting, stations: Callable[[int], list[str]], rows: Rows
) -> None:
    keys, moment = stations(20), now() - 3600
    sent = [
        (f"air/{key}/5min", json.dumps({"start": (moment + number) * 1000, "pm25": number % 50}))
        for number in range(100)
        for key in keys
    ]
    broker.flood(sent)
    collecting.wait(lambda: rows(KEPT, keys)[0][1] >= 2000, "not all was stored")
    assert rows(KEPT, keys)[0] == (2000, 2000)
