# SPDX-License-Identifier: Apache-2.0
"""Messages in, rows out: every form of payload, what is unreadable, what comes twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from brokers import Collecting, Mosquitto

TABLE = "lake.latest_air_quality_station_5min"
LATEST = f"SELECT round(extract(epoch FROM t.time)), pm25, pm10 FROM {TABLE} t JOIN air_quality_station s ON s.id = entity_id WHERE key = %s"
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
