# SPDX-License-Identifier: Apache-2.0
"""What needs no broker: packets however they are cut, patterns, and the times kept for messages without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chengyun.city import Topic, load_city
from chengyun.collect.mqtt import packets
from chengyun.collect.mqtt.arrivals import Arrivals
from chengyun.collect.mqtt.packets import Message
from chengyun.collect.mqtt.settings import read_broker
from chengyun.collect.mqtt.topics import Route, Routes
from chengyun.errors import Malformed, Misdeclared, Refused

STREAM = "air_quality.station_5min"
CITY = load_city()


def routes(*topics: Topic) -> Routes:
    made = [Route(topic, STREAM, CITY.streams[STREAM]) for topic in topics]
    return Routes(made, CITY.streams, {("d1", STREAM): "S9"})


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_packets_are_read_the_same_however_the_network_cuts_them(version: packets.Version) -> None:
    sent = [("a/b", b"1"), ("空气/站", b"x" * 300), ("c", b"")]
    stream = b"".join(packets.publish(topic, body, version, packet=number) for number, (topic, body) in enumerate(sent, 1))
    for cut in range(1, 40):
        rest, found = b"", []
        for at in range(0, len(stream), cut):
            rest += stream[at : at + cut]
            some, used = packets.read_packets(rest, version)
            found += some
            rest = rest[used:]
        assert found == [Message(topic.encode(), body, number, False, False) for number, (topic, body) in enumerate(sent, 1)]
        assert rest == b""


def test_what_is_no_mqtt_is_refused() -> None:
    for wrong in (b"\x30\xff\xff\xff\xff\xff", b"\xf1\x02ab", b"\x32\x05\x00\x09abc"):
        with pytest.raises((Malformed, IndexError)):
            packets.read_packets(wrong, "5")


def test_a_pattern_says_what_a_level_means() -> None:
    found = routes(
        Topic("values", "air/{station}/now/{quantity}", STREAM, "plain", {"PM2.5": "pm25"}),
        Topic("devices", "dev/{device}", STREAM, "json"),
    )
    way = found.find(b"air/S1/now/PM2.5")
    assert (way.given, way.quantity) == ({"station": "S1"}, "pm25")
    assert found.find(b"dev/d1").given == {"station": "S9"}
    assert found.find(f"things/d1/data/{STREAM}".encode()).given == {"station": "S9"}
    for unknown in (b"air/S1/now/radon", b"dev/d2", b"air/S1", b"things/d1/data/none", b"\xff\xfe"):
        with pytest.raises(Malformed):
            found.find(unknown)


def test_no_subscription_lies_within_another() -> None:
    found = routes(Topic("wide", "air/#", STREAM), Topic("narrow", "air/{station}/5min", STREAM), Topic("own", "b/+/c", STREAM))
    assert set(found.filters(sparkplug=False)) == {"air/#", "b/+/c", "things/+/ack", "things/+/data/+"}


@pytest.mark.parametrize(
    ("pattern", "payload", "fields", "says"),
    [
        ("air/{station", "json", {}, "neither a word"),
        ("air/#/x", "json", {}, "neither a word"),
        ("air/{station}", "plain", {}, "quantity"),
        ("air/{station}/{station}", "json", {}, "twice"),
        ("air/{station}", "xml", {}, "payload"),
    ],
)
def test_a_pattern_that_cannot_be_is_told(pattern: str, payload: str, fields: dict[str, str], says: str) -> None:
    with pytest.raises(Misdeclared, match=says):
        Topic("t", pattern, STREAM, payload, fields)  # type: ignore[arg-type]


def test_a_pattern_that_does_not_fit_its_stream_is_told() -> None:
    declared = CITY.streams[STREAM]
    for topic in (Topic("t", "x/{city}", STREAM), Topic("t", "x/{station}", STREAM, "json", {"a": "radon"})):
        assert list(topic.faults_for(declared))
    assert not list(Topic("t", "x/{station}", STREAM, "json", {"a": "pm25"}).faults_for(declared))


def test_the_time_of_a_message_outlives_the_process_and_is_its_alone(tmp_path: Path) -> None:
    kept = Arrivals(tmp_path / "a")
    kept.keep(7, 99, 1_795_000_000_000)
    kept.close()
    again = Arrivals(tmp_path / "a")
    assert again.recall(7, 99) == 1_795_000_000_000
    assert again.recall(7, 98) is None
    assert again.recall(8, 99) is None
    again.close()


def test_settings_that_cannot_be_are_refused_by_name_and_passwords_are_not_shown() -> None:
    for env in (
        {"CHENGYUN_MQTT_URL": "http://x"}, {"CHENGYUN_MQTT_URL": "mqtt://h:99999"},
        {"CHENGYUN_MQTT_URL": "mqtt://h", "CHENGYUN_MQTT_VERSION": "4"},
        {"CHENGYUN_MQTT_URL": "mqtt://h", "CHENGYUN_MQTT_SHARE": "a/b"},
        {"CHENGYUN_MQTT_URL": "mqtt://h", "CHENGYUN_MQTT_IN_FLIGHT": "0"},
    ):  # fmt: skip
        with pytest.raises(Refused, match="CHENGYUN_MQTT"):
            read_broker("330200", env)
    broker = read_broker("330200", {"CHENGYUN_MQTT_URL": "mqtts://u:p%40ss@h"})
    assert broker is not None
    assert (broker.password, broker.port, broker.address) == ("p@ss", 8883, "mqtts://h:8883")
    assert read_broker("330200", {}) is None
