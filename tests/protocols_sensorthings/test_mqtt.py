# SPDX-License-Identifier: Apache-2.0
"""The MQTT extension with a real broker and its own command-line clients."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from spoken import Spoken

from chengyun.bench.place import wait_for

PROGRAM = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not there")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = tmp_path_factory.mktemp("broker") / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([str(PROGRAM), "-c", str(config)], stderr=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def told(own_url: str, broker: int) -> Iterator[Spoken]:
    spoken = Spoken(own_url, {"CHENGYUN_MQTT_URL": f"mqtt://127.0.0.1:{broker}"})
    yield spoken
    spoken.close()


def heard(broker: int, topic: str, count: int, out: Path) -> subprocess.Popen[bytes]:
    """Start a subscriber that ends after so many messages."""
    words = [
        "stdbuf",
        "-oL",
        "mosquitto_sub",
        "-p",
        str(broker),
        "-q",
        "1",
        "-C",
        str(count),
        "-W",
        "20",
        "-v",
        "-t",
        topic,
        "-d",
    ]
    process = subprocess.Popen(words, stdout=out.open("wb"), stderr=subprocess.STDOUT)
    wait_for(lambda: b"Subscribed" in out.read_bytes(), 10, "mosquitto_sub did not subscribe")
    return process


def messages(out: Path) -> list[tuple[str, dict[str, object]]]:
    lines = [line for line in out.read_text().splitlines() if line.startswith("v1.1/")]
    return [(line.partition(" ")[0], json.loads(line.partition(" ")[2])) for line in lines]


def test_an_observation_posted_by_http_is_told_by_mqtt(told: Spoken, broker: int, tmp_path: Path) -> None:
    stream = told.datastream()
    listening = heard(broker, f"v1.1/Datastreams({stream})/Observations", 3, tmp_path / "out")
    number = told.observe(stream, 21.5)
    array = [{"Datastream": {"@iot.id": stream}, "components": ["result"], "dataArray": [[1], [2]]}]
    assert told.ask("POST", "CreateObservations", array).status_code == 201
    assert listening.wait(25) == 0
    found = messages(tmp_path / "out")
    assert sorted(it["result"] for _, it in found) == [1, 2, 21.5]  # type: ignore[type-var]
    assert number in [it["@iot.id"] for _, it in found]
    wait_for(lambda: told.rows("SELECT count(*) FROM sensorthings_outbox") == [(0,)], 10, "the outbox was not emptied")


def test_a_change_is_told_whole_and_by_property(told: Spoken, broker: int, tmp_path: Path) -> None:
    thing = told.thing()
    listening = heard(broker, f"v1.1/Things({thing})/#", 1, tmp_path / "part")
    whole = heard(broker, f"v1.1/Things({thing})", 1, tmp_path / "whole")
    told.ask("PATCH", f"Things({thing})", {"description": "new"})
    assert (listening.wait(25), whole.wait(25)) == (0, 0)
    assert messages(tmp_path / "whole")[0][1]["description"] == "new"


def test_an_observation_published_by_mqtt_is_kept(told: Spoken, broker: int) -> None:
    stream = told.datastream()
    path = f"Datastreams({stream})/Observations"
    wait_for(lambda: _published(told, broker, f"v1.1/{path}", {"result": 7}, path), 20, "the Observation was not kept")
    named = {"result": 8, "phenomenonTime": "2026-01-01T00:00:00Z", "Datastream": {"@iot.id": stream}}
    before = len(told.values(path))
    assert _published(told, broker, "v1.1/Observations", named, f"{path}?$filter=result eq 8")
    kept = told.values(path)
    assert len(kept) == before + 1, "what we tell ourselves is not taken for news"
    assert kept[0]["phenomenonTime"] == "2026-01-01T00:00:00Z"


def _published(told: Spoken, broker: int, topic: str, body: object, path: str) -> bool:
    words = ["mosquitto_pub", "-p", str(broker), "-q", "1", "-t", topic, "-m", json.dumps(body)]
    subprocess.run(words, check=True, timeout=10)
    return any(told.values(path) for _ in range(40))
