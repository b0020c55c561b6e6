# SPDX-License-Identifier: Apache-2.0
"""Subscribers hear of every change, in order, whatever is killed or refused in between."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from typing import Any

import pytest
from broker import Broker, Listener, free_port


def subscribe(broker: Broker, uri: str, **more: Any) -> str:
    notification = {"endpoint": {"uri": uri}, **more.pop("notification", {})}
    body = {"type": "Subscription", "notification": notification, **more}
    answer = broker.call("POST", "/subscriptions", body)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rpartition("/")[2]


def eventually(check: Any, within_s: float = 20.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)
    return found


def test_changes_arrive_in_order_and_are_counted(broker: Broker, listener: Listener) -> None:
    name = subscribe(broker, listener.url, entities=[{"type": "Tram"}], watchedAttributes=["stop"], q="stop>=0")
    tram = broker.make("Tram", stop=0)
    for stop in range(1, 20):
        assert broker.call("PATCH", f"/entities/{tram}/attrs", {"stop": stop, "driver": "someone"}).status_code == 204
    heard = [listener.next() for _ in range(20)]
    assert [one["data"][0]["stop"]["value"] for one in heard] == list(range(20))
    assert {one["subscriptionId"] for one in heard} == {name}
    assert len({one["id"] for one in heard}) == 20
    assert broker.call("PATCH", f"/entities/{tram}/attrs", {"driver": "another"}).status_code == 204
    assert broker.call("PATCH", f"/entities/{tram}/attrs", {"stop": -1}).status_code == 204
    kept = eventually(lambda: (it := broker.get(f"/subscriptions/{name}"))["notification"].get("timesSent") == 20 and it)
    assert kept["notification"]["status"] == "ok"
    assert listener.heard.empty()


@pytest.mark.fault
def test_a_process_killed_between_change_and_notification_loses_none(broker: Broker) -> None:
    port = free_port()
    subscribe(broker, f"http://127.0.0.1:{port}/hear", entities=[{"type": "Ferry"}])
    ferry = broker.make("Ferry", trip=0)
    for trip in range(1, 6):
        assert broker.call("PATCH", f"/entities/{ferry}/attrs", {"trip": trip}).status_code == 204
    broker.kill()
    waiting = """
    SELECT count(*) FROM ngsild_notification n JOIN ngsild_subscription s ON s.id = n.subscription_id
    WHERE s.document::text LIKE %s
    """
    assert broker.rows(waiting, "%Ferry%") == [(6,)]
    listener = Listener(port)
    broker.start()
    heard = [listener.next(60) for _ in range(6)]
    listener.close()
    assert [one["data"][0]["trip"]["value"] for one in heard] == list(range(6))
    assert len({one["id"] for one in heard}) == 6
    eventually(lambda: broker.rows(waiting, "%Ferry%") == [(0,)])


def test_a_refusing_endpoint_is_tried_again_and_its_subscription_says_so(broker: Broker, listener: Listener) -> None:
    listener.refusing = True
    name = subscribe(broker, listener.url, entities=[{"type": "Bus"}])
    broker.make("Bus", line=1)
    kept = eventually(lambda: (it := broker.get(f"/subscriptions/{name}"))["notification"].get("timesFailed") and it)
    assert kept["notification"]["status"] == "failed"
    assert kept["notification"]["lastFailure"]
    listener.refusing = False
    assert listener.next()["data"][0]["line"]["value"] == 1


def test_throttled_changes_come_late_together_and_the_newest_counts(broker: Broker, listener: Listener) -> None:
    subscribe(broker, listener.url, entities=[{"type": "Lift"}], throttling=1)
    lift = broker.make("Lift", floor=0)
    assert listener.next()["data"][0]["floor"]["value"] == 0
    for floor in (1, 2, 3):
        broker.call("PATCH", f"/entities/{lift}/attrs", {"floor": floor})
    seen = [listener.next()["data"][0]["floor"]["value"]]
    while seen[-1] != 3:
        seen.append(listener.next()["data"][0]["floor"]["value"])
    assert len(seen) <= 3


def test_an_endpoint_that_is_not_listed_is_refused_when_asked_for(broker: Broker) -> None:
    for uri in ("http://169.254.169.254/latest", "http://localhost:1/x", "ftp://127.0.0.1/x", "http://127.0.0.1.nip.example/x"):
        body = {"type": "Subscription", "entities": [{"type": "Car"}], "notification": {"endpoint": {"uri": uri}}}
        assert broker.call("POST", "/subscriptions", body).status_code == 400, uri


def test_a_revoked_token_ends_its_subscriptions(broker: Broker, listener: Listener) -> None:
    token = broker.issue("ingest:ngsild", "read")
    body = {"type": "Subscription", "entities": [{"type": "Gate"}], "notification": {"endpoint": {"uri": listener.url}}}
    assert broker.call("POST", "/subscriptions", body, token=token).status_code == 201
    broker.rows("UPDATE access_token SET revoked_at = now() WHERE prefix = %s", "_".join(token.split("_")[:2]))
    broker.make("Gate", open=True)
    eventually(lambda: broker.rows("SELECT active FROM ngsild_subscription WHERE document::text LIKE '%%Gate%%'") == [(False,)])
    assert listener.heard.empty()


def test_a_broker_of_messages_hears_too(broker: Broker) -> None:
    if not shutil.which("mosquitto"):
        pytest.skip("mosquitto is not installed")
    port = free_port()
    server = subprocess.Popen(["mosquitto", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:

        def up() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        eventually(up)
        hears = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-p", str(port), "-t", "city/trees", "-q", "1", "-C", "1", "-W", "20", "-d"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert hears.stdout is not None
        while "SUBACK" not in (line := hears.stdout.readline()):
            assert line, "mosquitto_sub ended"
        subscribe(broker, f"mqtt://127.0.0.1:{port}/city/trees", entities=[{"type": "Tree"}])
        broker.make("Tree", height=12)
        said, _ = hears.communicate(timeout=25)
        assert '"height":{"type":"Property","value":12}' in said
        assert '"Content-Type":"application/json"' in said
    finally:
        server.terminate()
        server.wait(10)
