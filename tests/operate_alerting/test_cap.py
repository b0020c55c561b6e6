# SPDX-License-Identifier: Apache-2.0
"""The CAP feed against both schemas of the standard, with the chain of references from alert to cancelling."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.apps import apps
from django.test import Client
from lxml import etree

from chengyun.operate.models import Alert

from .conftest import NOW, s

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
SCHEMAS = ("cap12.xsd", "cap12_extended.xsd")


@pytest.fixture(scope="module")
def schemas(shared: Path) -> dict[str, etree.XMLSchema]:
    return {name: etree.XMLSchema(etree.parse(shared / "standards" / "cap" / name)) for name in SCHEMAS}


def valid(schemas: dict[str, etree.XMLSchema], body: bytes) -> etree._Element:
    tree = etree.fromstring(body)
    for name, schema in schemas.items():
        assert schema.validate(tree), (name, schema.error_log)
    return tree


def test_the_schemas_tell_good_from_bad(schemas, shared: Path) -> None:
    folder = shared / "standards" / "cap" / "testdata"
    judged = {path.name: [schemas[name].validate(etree.parse(path)) for name in SCHEMAS] for path in sorted(folder.glob("*.cap"))}
    assert judged == {
        "australia.cap": [True, True], "canada.cap": [True, True], "canada_errors.cap": [True, False],
        "invalid.cap": [False, False], "wcatwc-warning.cap": [True, True],
    }  # fmt: skip


def test_an_alert_is_told_updated_and_cancelled(schemas, tell, client: Client) -> None:
    station = apps.get_model("air_quality", "Station")
    station.objects.create(key="A", name="A 站", area_code="330203001", lon=121.54, lat=29.87)
    now = dt.datetime.now(dt.UTC)
    one = tell("raise", "A", now - dt.timedelta(minutes=9))
    Alert.objects.update(state="acknowledged", in_case=True)
    tell("clear", "A", now - dt.timedelta(minutes=7))
    tell("raise", "A", now - dt.timedelta(minutes=5))
    Alert.objects.update(state="open", in_case=False)
    tell("clear", "A", now - dt.timedelta(minutes=1))
    tell("raise", "<&, ,]]>\x01😀", now - dt.timedelta(minutes=3), simulated=True, area="")
    tell("raise", "old", now - dt.timedelta(days=9), historic=True)

    feed = etree.fromstring(client.get("/cap/alerts.atom").content)
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title").split(" · ")[0] for entry in entries] == ["Cancel", "Alert"]
    moments = [entry.findtext(f"{ATOM}updated") for entry in entries]
    assert moments == sorted(moments, reverse=True)

    chain = []
    for event in one.events.order_by("id"):
        answer = client.get(f"/cap/{one.pk}.{event.pk}.xml")
        assert answer["Content-Type"].startswith("application/cap+xml")
        tree = valid(schemas, answer.content)
        assert answer.content == client.get(f"/cap/{one.pk}.{event.pk}.xml").content
        before = (tree.findtext(f"{CAP}references") or "").split()
        assert before == chain
        chain.append(",".join(tree.findtext(f"{CAP}{name}") for name in ("sender", "identifier", "sent")))
        assert tree.findtext(f"{CAP}info/{CAP}severity") == "Extreme"
        assert tree.findtext(f"{CAP}info/{CAP}area/{CAP}circle") == "29.87000,121.54000 0"
        assert tree.findtext(f"{CAP}scope") == "Public"
    kinds = [
        etree.fromstring(client.get(f"/cap/{one.pk}.{event.pk}.xml").content).findtext(f"{CAP}msgType")
        for event in one.events.order_by("id")
    ]
    assert kinds == ["Alert", "Update", "Update", "Cancel"]

    odd = Alert.objects.exclude(pk=one.pk).get(simulated=True)
    tree = valid(schemas, client.get(f"/cap/{odd.pk}.{odd.events.get().pk}.xml").content)
    assert tree.findtext(f"{CAP}status") == "Exercise"
    assert client.get(f"/cap/{odd.pk}.{one.events.first().pk}.xml").status_code == 404


def test_the_feed_shows_what_its_reader_may_read_and_says_when_nothing_is_new(tell, client: Client) -> None:
    tell("raise", "A", NOW)
    first = client.get("/cap/alerts.atom")
    assert b"<entry>" in first.content
    assert client.get("/cap/alerts.atom", headers={"If-None-Match": first["ETag"]}).status_code == 304
    hidden = Alert.objects.get()
    Alert.objects.update(dataset="urban_management.case")
    assert b"<entry>" not in client.get("/cap/alerts.atom").content
    assert client.get(f"/cap/{hidden.pk}.{hidden.events.get().pk}.xml").status_code == 404
    tell("clear", "A", s(1))
