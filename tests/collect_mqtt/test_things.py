# SPDX-License-Identifier: Apache-2.0
"""Registered devices on a broker that asks for TLS, a user and a password: what they may say, hear, and what becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from brokers import Collecting, Mosquitto, free_port

from chengyun.collect.mqtt.sparkplug import REBIRTH, _payload_class

Rows = Callable[..., list[tuple[Any, ...]]]
STREAM = "air_quality.station_5min"
LATEST = (
    "SELECT pm25, quality FROM lake.latest_air_quality_station_5min t"
    " JOIN air_quality_station s ON s.id = entity_id WHERE key = %s"
)


def django(url: str, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from chengyun.run.setup import django; django()\n" + code],
        env=os.environ | {"CHENGYUN_DATABASE_URL": url}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Town:
    """A broker with TLS and access control, its collector, and two devices bound to a station each."""

    broker: Mosquitto
    collecting: Collecting
    ca: Path
    stations: list[str]
    users: dict[str, tuple[str, str]]

    def command(self, device: str, program: str, *more: str) -> list[str]:
        user, secret = self.users[device]
        return [program, "-h", "localhost", "-p", str(self.broker.port), "--cafile", str(self.ca), "-u", user, "-P", secret,
                "-q", "1", "-V", "mqttv5", *more]  # fmt: skip

    def say(self, device: str, topic: str, payload: str) -> subprocess.CompletedProcess[str]:
        command = self.command(device, "mosquitto_pub", "-t", topic, "-m", payload)
        return subprocess.run(command, capture_output=True, text=True, timeout=20)


@pytest.fixture(scope="module")
def town(url: str, tmp_path_factory: pytest.TempPathFactory, stations: Callable[[int], list[str]], rows: Rows) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    keys = stations(2)
    told = django(
        url,
        "import json\nfrom pathlib import Path\nfrom chengyun.access.actors import SYSTEM\n"
        "from chengyun.collect.things import services\nfrom chengyun.collect.things.broker_files import write_broker_files\n"
        "made = {}\n"
        f"for key, station in (('lamp', {keys[0]!r}), ('other', {keys[1]!r})):\n"
        "    services.register_device(SYSTEM, key, kind='actuator', accepts=['on'])\n"
        f"    services.bind(SYSTEM, key, {STREAM!r}, station)\n"
        "    given = services.credential(SYSTEM, key)\n"
        "    made[key] = (given.username, given.secret)\n"
        "services.register_device(SYSTEM, 'pole', kind='actuator', reach='http', accepts=['on'])\n"
        "given = services.credential(SYSTEM, 'pole')\nmade['pole'] = (given.username, given.secret)\n"
        f"write_broker_files(Path({str(folder)!r}))\nprint(json.dumps(made))",
    )
    _certificate(folder)
    secret = (folder / "collector.secret").read_text().strip()
    lines = [
        f"cafile {folder}/ca.crt", f"certfile {folder}/ca.crt", f"keyfile {folder}/ca.key", "allow_anonymous false",
        f"password_file {folder}/passwords", f"acl_file {folder}/acl",
    ]  # fmt: skip
    with Mosquitto(folder, lines=lines) as broker:
        address = f"mqtts://chengyun:{secret}@localhost:{broker.port}"
        with Collecting(url, folder, address, CHENGYUN_MQTT_CA=str(folder / "ca.crt")) as collecting:
            collecting.wait_connected()
            yield Town(broker, collecting, folder / "ca.crt", keys, {key: tuple(pair) for key, pair in json.loads(told).items()})


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "ca.key"), "-out",
         str(folder / "ca.crt")],
        check=True, capture_output=True,
    )  # fmt: skip


def test_a_device_says_its_own_readings_and_nobody_elses(town: Town, rows: Rows) -> None:
    station, others = town.stations
    moment = (int(time.time()) - 30) * 1000
    assert town.say("lamp", f"things/lamp/data/{STREAM}", json.dumps({"start": moment, "pm25": 21})).returncode == 0
    town.collecting.wait(lambda: rows(LATEST, station), "nothing was stored")
    assert rows(LATEST, station)[0][0] == 21
    # By its own topic of a declared pattern it may speak of its station, of the other's it may not.
    assert town.say("lamp", f"air/{station}/5min", json.dumps({"start": moment + 1000, "pm25": 22})).returncode == 0
    denied = town.say("lamp", f"air/{others}/5min", json.dumps({"start": moment, "pm25": 99}))
    assert "Not authorized" in denied.stderr + denied.stdout
    town.say("lamp", f"things/other/data/{STREAM}", json.dumps({"start": moment, "pm25": 99}))
    town.collecting.wait(lambda: rows(LATEST, station)[0][0] == 22, "the second was not stored")
    assert rows(LATEST, others) == []


def test_a_wrong_password_and_a_stranger_to_the_certificate_are_refused(town: Town, url: str, tmp_path: Path) -> None:
    town.users["thief"] = (town.users["lamp"][0], "guess")
    assert town.say("thief", "things/lamp/state", "online").returncode != 0
    with Collecting(url, tmp_path, f"mqtts://chengyun:x@localhost:{town.broker.port}", CHENGYUN_MQTT_CLIENT="s") as stranger:
        stranger.wait(lambda: "TLS" in stranger.says, "an unknown certificate was taken")
    with Collecting(
        url, tmp_path, f"mqtts://chengyun:x@localhost:{town.broker.port}", CHENGYUN_MQTT_CLIENT="s", CHENGYUN_MQTT_CA=str(town.ca)
    ) as wrong:
        wrong.wait(lambda: "refuses" in wrong.says, "a wrong password was taken")


def test_retained_words_and_the_last_will_say_who_is_alive(town: Town, rows: Rows) -> None:
    said = (
        "SELECT online, battery, firmware FROM things_devicestate s JOIN things_device d ON d.id = device_id WHERE key = 'lamp'"
    )
    will = ["--will-topic", "things/lamp/state", "--will-payload", "offline", "--will-retain", "--will-qos", "1"]
    device = subprocess.Popen(town.command("lamp", "mosquitto_sub", "-t", "things/lamp/cmd", *will), stdout=subprocess.DEVNULL)
    try:
        report = json.dumps({"state": "online", "battery": 87, "firmware": "1.4.2", "signal": -71})
        subprocess.run(
            town.command("lamp", "mosquitto_pub", "-t", "things/lamp/state", "-r", "-m", report), check=True, timeout=20
        )
        town.collecting.wait(lambda: rows(said) == [(True, 0.87, "1.4.2")], "what the device said was not kept")
    finally:
        device.kill()
        device.wait(10)
    town.collecting.wait(lambda: rows(said) == [(False, 0.87, "1.4.2")], "its will was not heard")
    assert rows("SELECT version, source FROM things_firmware") == [("1.4.2", "device")]


def test_a_command_goes_down_and_its_answers_come_back(town: Town, url: str, rows: Rows) -> None:
    # A session that the broker keeps, begun before the command is given: nothing depends on who is quicker.
    listen = ("mosquitto_sub", "-t", "things/lamp/cmd", "-c", "-i", "lamp-commands", "-x", "600")
    subprocess.run(town.command("lamp", *listen, "-E"), check=True, timeout=30)
    device = subprocess.Popen(town.command("lamp", *listen, "-C", "1"), stdout=subprocess.PIPE, text=True)
    number = django(
        url,
        "from chengyun.access.actors import SYSTEM\nfrom chengyun.collect.things.services import send_command\n"
        "print(send_command(SYSTEM, 'lamp', 'on', {'level': 60}, 'inspection').pk)",
    ).strip()
    heard, _ = device.communicate(timeout=60)
    order = json.loads(heard)
    assert (order["id"], order["name"], order["arguments"]) == (int(number), "on", {"level": 60})
    state = "SELECT state, answer FROM things_command WHERE id = %s"
    # Another device cannot answer for this one.
    town.say("other", "things/other/ack", json.dumps({"id": order["id"], "state": "done"}))
    for word, answer in (("acknowledged", None), ("done", {"level": 60})):
        town.say("lamp", "things/lamp/ack", json.dumps({"id": order["id"], "state": word, "answer": answer}))
        town.collecting.wait(lambda word=word: rows(state, order["id"])[0][0] == word, f"it did not become {word}")
    assert rows(state, order["id"]) == [("done", {"level": 60})]
    town.say("lamp", "things/lamp/ack", json.dumps({"id": order["id"], "state": "failed"}))
    town.collecting.wait(lambda: town.collecting.counts["unheard"] >= 2, "the late answer was not noticed")
    assert rows(state, order["id"])[0][0] == "done"


def test_a_device_without_mqtt_asks_over_http(town: Town, url: str, rows: Rows) -> None:
    from chengyun.collect.asgi import App

    app = App()
    app._house = town.collecting.house
    secret = town.users["pole"][1]
    django(
        url,
        "from chengyun.access.actors import SYSTEM\nfrom chengyun.collect.things.services import send_command\n"
        "send_command(SYSTEM, 'pole', 'on', {}, 'inspection')",
    )

    async def ask(method: str, path: str, **given: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://stream") as client:  # type: ignore[arg-type]
            return await client.request(method, path, **{"headers": {"Authorization": f"Bearer {secret}"}, **given})

    run = town.collecting._run
    assert run(ask("GET", "/things/commands", headers={})).status_code == 401
    [order] = run(ask("GET", "/things/commands?wait=5")).json()
    assert run(ask("GET", "/things/commands")).json() == [order]
    assert run(ask("POST", "/things/commands", json={"id": order["id"], "state": "done"})).status_code == 200
    assert run(ask("GET", "/things/commands")).json() == []
    assert run(ask("POST", "/things/commands", json={"id": order["id"], "state": "done"})).status_code == 409
    assert run(ask("POST", "/things/state", json={"battery": 40})).status_code == 200
    assert run(ask("POST", "/things/state", content=b"no")).status_code == 422
    assert rows("SELECT battery FROM things_devicestate s JOIN things_device d ON d.id = device_id WHERE key = 'pole'") == [
        (0.4,)
    ]


def test_readings_of_a_device_in_quarantine_are_kept_and_take_no_part(town: Town, url: str, rows: Rows) -> None:
    from chengyun.collect.things.marks import follow_marks
    from chengyun.lake.rows import Flag

    station = town.stations[1]
    mirror = town.collecting.house.mirrors[STREAM]

    async def follow() -> None:
        async with town.collecting.house.pool.connection() as conn:
            await follow_marks(conn, mirror.watch, mirror.table, mirror.register)

    def quality(deed: str, value: int) -> int:
        django(
            url,
            "from chengyun.access.actors import SYSTEM\nfrom chengyun.collect.things import services\n"
            "from django.utils import timezone\nimport datetime as dt\n" + deed,
        )
        town.collecting._run(follow())
        moment = int(time.time() * 1000)
        town.say("other", f"things/other/data/{STREAM}", json.dumps({"start": moment, "pm25": value}))
        town.collecting.wait(lambda: (rows(LATEST, station) or [(None, 0)])[0][0] == value, "the reading was not stored")
        return int(rows(LATEST, station)[0][1])

    held = quality("services.quarantine(SYSTEM, 'other', 'its neighbours say otherwise')", 31)
    assert held & Flag.DISTRUSTED
    assert (held >> 8) & 0xFFFFFF == 0b111111
    free = quality("services.release(SYSTEM, 'other', 'sensor changed')", 32)
    assert not free & (Flag.DISTRUSTED | Flag.UNCALIBRATED)
    assert (free >> 8) & 0xFFFFFF == 0
    late = quality("services.register_device(SYSTEM, 'other', calibrated_every_d=30)", 33)
    assert late & Flag.UNCALIBRATED
    assert (late >> 8) & 0xFFFFFF == 0
    again = quality("services.calibrate(SYSTEM, 'other', performed_at=timezone.now() - dt.timedelta(days=1))", 34)
    assert not again & Flag.UNCALIBRATED


def test_a_declared_share_of_flagged_readings_puts_a_device_in_quarantine_once(town: Town, url: str, rows: Rows) -> None:
    begin = int(time.time()) - 5000
    columns = {"start": [(begin + number * 300) * 1000 for number in range(14)], "pm25": [9999] * 9 + [20] * 5}
    sent = {"columns": columns | {"station": [town.stations[0]] * 14}}
    town.say("lamp", f"things/lamp/data/{STREAM}", json.dumps(sent))
    newest = f"SELECT max(time) FROM lake.latest_{STREAM.replace('.', '_')} t JOIN air_quality_station s ON s.id = entity_id"
    town.collecting.wait(lambda: rows(f"{newest} WHERE key = %s", town.stations[0])[0][0], "nothing was stored")
    wild = (
        "import datetime as dt\nfrom django.conf import settings\nfrom django.utils import timezone\n"
        "from chengyun.access.actors import SYSTEM\nfrom chengyun.city import Distrust\n"
        "from chengyun.collect.things import services\nfrom chengyun.collect.things.doubts import doubt\n"
        "rule = Distrust('wild', 'station_5min', 'range', 0.5, dt.timedelta(hours=3))\n"
        "settings.CITY.distrusts = {'air_quality.wild': rule}\n"
        "first = doubt(settings.CITY, timezone.now())\nsecond = doubt(settings.CITY, timezone.now())\n"
        "services.release(SYSTEM, 'lamp', 'sensor changed')\nprint(first, second, doubt(settings.CITY, timezone.now()))"
    )
    assert django(url, wild).split() == ["1", "0", "0"]
    [(reason, automatic, evidence)] = rows("SELECT reason, automatic, evidence FROM things_quarantine WHERE automatic")
    assert automatic
    assert "air_quality.wild" in reason
    assert evidence["entity"] == town.stations[0]


def _sparkplug(seq: int, *metrics: tuple[str | None, int, float], at: int) -> bytes:
    message = _payload_class()()
    message.timestamp, message.seq = at, seq
    for name, alias, value in metrics:
        metric = message.metrics.add()
        if name is not None:
            metric.name = name
        metric.alias, metric.datatype, metric.float_value = alias, 9, value
    return bytes(message.SerializeToString())


def test_sparkplug_aliases_are_resolved_gaps_ask_for_a_birth_and_births_outlive_the_collector(
    broker: Mosquitto, url: str, tmp_path: Path, stations: Callable[[int], list[str]], rows: Rows
) -> None:
    [station], at = stations(1), int(time.time() * 1000) - 60_000
    node = f"n{free_port()}"

    def send(kind: str, payload: bytes) -> None:
        (tmp_path / "payload").write_bytes(payload)
        command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-f", str(tmp_path / "payload")]
        levels = "" if kind.startswith("N") else f"/{station}"
        subprocess.run([*command, "-t", f"spBv1.0/air/{kind}/{node}{levels}"], check=True, timeout=20)

    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", f"spBv1.0/air/NCMD/{node}", "-C", "1", "-N"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as listening:
        env = {"CHENGYUN_MQTT_CLIENT": "spark"}
        with Collecting(url, tmp_path, broker.address, **env) as collecting:
            collecting.wait_connected()
            send("NBIRTH", _sparkplug(0, at=at))
            send("DBIRTH", _sparkplug(1, ("Air/PM25", 7, 12.5), ("Battery", 8, 90.0), at=at))
            send("DDATA", _sparkplug(2, (None, 7, 13.25), at=at + 1000))
            collecting.wait(lambda: rows(LATEST, station) == [(13.25, 0)], "the alias was not resolved")
        with Collecting(url, tmp_path, broker.address, **env) as collecting:
            collecting.wait_connected()
            send("DDATA", _sparkplug(3, (None, 7, 14.5), at=at + 2000))
            collecting.wait(lambda: rows(LATEST, station)[0][0] == 14.5, "the birth was forgotten")
            send("DDATA", _sparkplug(9, (None, 7, 15.5), (None, 99, 1.0), at=at + 3000))
            asked, _ = listening.communicate(timeout=20)
            collecting.wait(lambda: rows(LATEST, station)[0][0] == 15.5, "what could be read was not stored")
    assert REBIRTH.encode() in asked
    letters = "SELECT count(*) FROM collect_deadletter WHERE code = 'alias' AND reason LIKE %s"
    assert rows(letters, f"%{node}%")[0][0] >= 1
