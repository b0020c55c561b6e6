# SPDX-License-Identifier: Apache-2.0
"""Deliveries: nothing is lost when the sender dies in the middle, what does not get through stands where it is seen."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from django.conf import settings
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction

from chengyun.access.models import Account, Assignment
from chengyun.cases.models import Case
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate.alerting import compound, outbox, work
from chengyun.operate.alerting.channels import webhook
from chengyun.operate.alerting.models import Change, Delivery, Group, Notice, Plan
from chengyun.operate.models import Alert
from chengyun.operate.probation.models import FiledRule

from .conftest import NOW, PLAN, RULE, s, turn

SENDER = """
import sys, datetime as dt
from chengyun.run import setup
setup.django()
from django.db import connection
connection.close()
connection.settings_dict["NAME"] = {name!r}
from chengyun.operate.alerting.outbox import send_waiting
send_waiting(dt.datetime.fromisoformat({now!r}))
"""


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent. holding: it has read a body and does not answer yet."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.hold: threading.Event | None = None
        self.holding = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.server.holding.set()
        if self.server.hold is not None:
            self.server.hold.wait(30)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    server = Receiver()
    monkeypatch.setenv("CHENGYUN_WEBHOOK_HOSTS", f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    if server.hold is not None:
        server.hold.set()
    server.shutdown()
    thread.join()
    server.server_close()


def delivery(port: int) -> Delivery:
    Plan.objects.create(text=PLAN.replace("127.0.0.1:9/", f"127.0.0.1:{port}/"), version="x", loaded_at=NOW, loaded_by="t")
    group = Group.objects.create(key="g", route="duty", labels={"rule": RULE}, since=NOW)
    notice = Notice.objects.create(group=group, kind="new", at=NOW, severity="red", title="新预警", body={"alerts": []})
    return Delivery.objects.create(notice=notice, channel="webhook", target="ops", next_at=NOW)


def test_a_notice_is_signed_and_sent_once(db, receiver) -> None:
    one = delivery(receiver.server_port)
    assert outbox.send_waiting(s(-1)) == 0
    assert outbox.send_waiting(NOW) == 1
    assert outbox.send_waiting(NOW) == 0
    [(headers, body)] = receiver.got
    key = webhook.key_of(config().secret, "ops")
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, told, hashlib.sha256)).decode()
    assert json.loads(body)["data"]["title"] == "新预警"
    assert headers["webhook-id"] == one.key


def test_what_does_not_get_through_is_tried_again_and_then_stands(db, receiver) -> None:
    receiver.status = 500
    one = delivery(receiver.server_port)
    now = NOW
    for wait in outbox.RETRY_S:
        assert outbox.send_waiting(now) == 0
        one.refresh_from_db()
        assert (one.state, one.next_at) == ("waiting", now + dt.timedelta(seconds=wait))
        assert "500" in one.error
        now += dt.timedelta(seconds=wait)
    outbox.send_waiting(now)
    one.refresh_from_db()
    assert one.state == "dead"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


def test_what_cannot_be_written_stands_before_no_other(db, receiver) -> None:
    other = delivery(receiver.server_port)
    Plan.objects.update(text=PLAN.replace("127.0.0.1:9/", f"127.0.0.1:{receiver.server_port}/预警/"))
    broken = Delivery.objects.create(
        notice=other.notice, channel="email", target="a@b\nBcc: c@d", next_at=NOW - dt.timedelta(minutes=1)
    )
    assert outbox.send_waiting(NOW, EmailBackend()) == 1
    broken.refresh_from_db()
    assert (broken.state, "newlines" in broken.error) == ("dead", True)
    assert len(receiver.got) == 1


def test_private_addresses_are_refused_unless_allowed(db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHENGYUN_WEBHOOK_HOSTS", raising=False)
    for address in (
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.9",
        "169.254.169.254",
        "::1",
        "::ffff:10.0.0.1",
        "fd00::1",
        "0.0.0.0",
        "224.0.0.1",
    ):
        with pytest.raises(Refused):
            webhook.address_of("x.example", 443, (), lambda _host, _port, one=address: ["93.184.216.34", one])
    assert webhook.address_of("x.example", 443, (), lambda _host, _port: ["93.184.216.34"]) == "93.184.216.34"
    assert webhook.address_of("x.local", 80, ("x.local:80",), lambda _host, _port: ["10.0.0.1"]) == "10.0.0.1"
    one = delivery(9)
    outbox.send_waiting(NOW)
    one.refresh_from_db()
    assert one.state == "dead"
    assert "CHENGYUN_WEBHOOK_HOSTS" in one.error


def test_a_sender_killed_in_the_middle_loses_nothing(transactional_db, receiver) -> None:
    one = delivery(receiver.server_port)
    receiver.hold = threading.Event()
    name = connection.settings_dict["NAME"]
    script = SENDER.format(name=name, now=NOW.isoformat())
    process = subprocess.Popen([sys.executable, "-c", script], env=os.environ.copy())
    assert receiver.holding.wait(60)
    one.refresh_from_db()
    assert (one.state, one.attempts) == ("waiting", 0)
    assert outbox.send_waiting(NOW) == 0  # somebody is at it
    process.send_signal(signal.SIGKILL)
    process.wait()
    receiver.hold.set()
    receiver.hold = None
    end = dt.datetime.now() + dt.timedelta(seconds=20)
    while not outbox.send_waiting(NOW) and dt.datetime.now() < end:  # the dead one's lock goes with its connection
        pass
    one.refresh_from_db()
    assert one.state == "sent"
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [one.key, one.key]


def test_groups_are_sorted_by_one_at_a_time(transactional_db, tell) -> None:
    """A process that dies while sorting leaves the changes where they were; a second one takes them."""
    tell("raise", "A", NOW)
    with psycopg.connect(**_connection()) as other:
        other.execute("SELECT id FROM alerting_change FOR UPDATE")
        turn(s(1))
        assert Change.objects.count() == 1
        other.rollback()
    turn(s(2))
    assert not Change.objects.exists()
    assert Group.objects.count() == 1


def _connection() -> dict[str, object]:
    given = connection.get_connection_params()
    return {name: given[name] for name in ("host", "port", "user", "password", "dbname") if given.get(name)}


def test_what_an_alert_asks_for_is_done_at_once(db, tell) -> None:
    """A case where the rule opens one, and a rule on rules that counts both."""
    from chengyun.access.services import ensure_organisations

    ensure_organisations()
    account = Account.objects.create_user("zhou", password=None)
    Assignment.objects.create(account=account, role="duty_officer", since=NOW - dt.timedelta(days=1))
    text = """
key = "air_quality.both"
name = "两样"
on = "station_hour"
severity = "orange"
meaning = "看"
[when]
kind = "together"
within = "1 h"
every = ["pm25_hour_severe", "pm25_hour_high"]
[budget]
false_alarms = 1
"""
    FiledRule.objects.create(
        key="air_quality.both", name="两样", dataset="air_quality.station_hour", text=text, version="1", state="live",
        state_since=NOW, owner=account, changed_at=NOW,
    )  # fmt: skip
    tell("raise", "A", s(0))
    work.follow(s(1))
    assert Case.objects.get().evidence
    assert not Alert.objects.filter(rule="air_quality.both").exists()
    tell("raise", "A", s(5), rule="air_quality.pm25_hour_high")
    work.follow(s(6))
    both = Alert.objects.get(rule="air_quality.both")
    assert (both.subject, both.holds, both.since) == ("A", True, s(5))
    assert len(both.evidence["alerts"]) == 2
    tell("clear", "A", s(60), rule="air_quality.pm25_hour_high")
    work.follow(s(61))
    both.refresh_from_db()
    assert both.holds
    with transaction.atomic():
        compound.judge_together(settings.CITY, s(60 + 3601))
    both.refresh_from_db()
    assert both.state == "closed"
    work.follow(s(20))
    assert Delivery.objects.filter(channel="app", account=account).count() >= 1
