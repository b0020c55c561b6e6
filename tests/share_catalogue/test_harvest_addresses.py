# SPDX-License-Identifier: Apache-2.0
"""Foreign catalogues read over HTTP by the clock: whole, only when changed, patiently, and nowhere they must not lead."""

from __future__ import annotations

import datetime as dt
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from chengyun import config as configuration
from chengyun.access.actors import ANONYMOUS, SYSTEM, Actor
from chengyun.access.models import Account
from chengyun.errors import NotFound, Refused
from chengyun.share.catalogue.harvest import addresses
from chengyun.share.catalogue.models import Harvest, HarvestAddress, Resource

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Portal:
    """A neighbour's web server. answer: what it says to a path with its query; asked: path, query and headers so far."""

    host: str = ""
    answer: Callable[[str, dict[str, str], Any], Answer] = lambda *_: (404, {}, b"")
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    one = Portal()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            words = dict(parse_qsl(parts.query))
            one.asked.append((parts.path, words, self.headers))
            status, headers, body = one.answer(parts.path, words, self.headers)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    one.host = f"127.0.0.1:{server.server_port}"
    opened = replace(configuration.config(), source_hosts=(one.host,))
    monkeypatch.setattr(addresses, "config", lambda: opened)
    yield one
    server.shutdown()
    server.server_close()


def read(origin: str, at: dt.datetime = NOW) -> Harvest:
    return addresses.read(origin, now=at, wait=lambda _seconds: None)


def data_json(*titles: str) -> bytes:
    return json.dumps({"dataset": [{"title": it, "identifier": it} for it in titles]}).encode()


def test_a_catalogue_is_read_again_only_when_it_changed(portal: Portal) -> None:
    held = {"body": data_json("一", "二"), "etag": '"1"'}

    def answer(_path: str, _words: dict[str, str], headers: Any) -> Answer:
        tag = {"ETag": str(held["etag"])}
        return (304, tag, b"") if headers.get("If-None-Match") == held["etag"] else (200, tag, bytes(held["body"]))  # type: ignore[arg-type]

    portal.answer = answer
    addresses.keep(SYSTEM, "near", portal.url("/data.json"), 6, now=NOW)
    assert addresses.due(NOW) == ["near"]
    first = read("near")
    assert (first.outcome, first.standard, first.added) == ("taken", "dcat-us", 2)
    assert addresses.due(NOW + dt.timedelta(hours=5)) == []
    assert addresses.due(NOW + dt.timedelta(hours=6)) == ["near"]
    assert read("near", NOW + dt.timedelta(hours=6)).outcome == "unchanged"
    held |= {"body": data_json("一"), "etag": '"2"'}
    third = read("near", NOW + dt.timedelta(hours=12))
    assert (third.outcome, third.withdrawn) == ("taken", 1)
    assert [one.outcome for one in Harvest.objects.filter(origin="near")] == ["taken", "unchanged", "taken"]
    assert [headers.get("If-None-Match") for _, _, headers in portal.asked] == [None, '"1"', '"1"', None]


def test_every_page_of_a_search_is_read(portal: Portal) -> None:
    every = [{"id": f"d{n}", "name": f"d{n}", "title": f"数据{n}", "notes": "", "resources": []} for n in range(23)]

    def answer(_path: str, words: dict[str, str], _headers: Any) -> Answer:
        start = int(words["start"])
        part = every[start : start + min(int(words["rows"]), 10)]  # this portal gives ten a page, whatever is asked for
        return 200, {}, json.dumps({"success": True, "result": {"count": len(every), "results": part}}).encode()

    portal.answer = answer
    addresses.keep(SYSTEM, "ckan", portal.url("/api/3/action/package_search?fq=type:dataset"), now=NOW)
    done = read("ckan")
    assert (done.outcome, done.standard, done.found, done.added) == ("taken", "ckan", 23, 23)
    assert [words["start"] for _, words, _ in portal.asked] == ["0", "10", "20"]
    assert all(words["fq"] == "type:dataset" for _, words, _ in portal.asked)
    # Without an ETag nothing is known to be the same, and everything is read again; it says nothing new.
    again = read("ckan", NOW + dt.timedelta(days=1))
    assert (again.outcome, again.added, again.changed) == ("taken", 0, 0)


def test_a_neighbours_export_is_read_page_by_page(
    portal: Portal, catalogue: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """What this program serves at /catalog.ttl, in pages of 40, is harvested as a neighbour's, and its ETags are kept to."""
    from chengyun.protocols.dcat import views

    monkeypatch.setattr(views.export, "__defaults__", (1, 40))
    settings.ALLOWED_HOSTS = ["*"]
    outside = Client(headers={"host": portal.host})
    published = Resource.objects.filter(state="published").count()
    pages = {}
    for number in range(1, -(-published // 40) + 1):
        got = outside.get("/catalog.ttl", {"page": number} if number > 1 else {})
        pages[str(number)] = (got.headers["ETag"], got.content)
        same = outside.get("/catalog.ttl", {"page": number} if number > 1 else {}, headers={"if-none-match": got.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")

    def answer(_path: str, words: dict[str, str], headers: Any) -> Answer:
        tag, body = pages[words.get("page", "1")]
        return (304, {"ETag": tag}, b"") if headers.get("If-None-Match") == tag else (200, {"ETag": tag}, body)

    portal.answer = answer
    addresses.keep(SYSTEM, "haishu", portal.url("/catalog.ttl"), now=NOW)
    done = read("haishu")
    assert (done.outcome, done.standard) == ("taken", "dcat"), done.trouble
    assert (done.found, done.refused, done.added) == (published, 0, published)
    assert len(HarvestAddress.objects.get().pages) == len(pages) > 2
    assert read("haishu", NOW + dt.timedelta(days=1)).outcome == "unchanged"
    known = pages["1"][0]
    Resource.objects.filter(key="parking.lot").update(updated_at=NOW)
    assert outside.get("/catalog.ttl", headers={"if-none-match": known}).status_code == 200


def test_an_address_that_fails_is_put_off_and_says_why(portal: Portal) -> None:
    portal.answer = lambda *_: (200, {}, data_json("一"))
    addresses.keep(SYSTEM, "weak", portal.url("/data.json"), 24, now=NOW)
    read("weak")
    portal.answer = lambda *_: (500, {}, b"")
    waits = []
    for hour in range(4):
        at = NOW + dt.timedelta(hours=24 + hour)
        failed = read("weak", at)
        one = HarvestAddress.objects.get()
        assert one.next_at is not None
        waits.append((one.next_at - at).total_seconds() / 60)
        assert (failed.outcome, one.failures, "500" in one.trouble) == ("failed", hour + 1, True)
    assert waits == [5, 10, 20, 40]
    portal.answer = lambda *_: (429, {"Retry-After": "7200"}, b"")
    at = NOW + dt.timedelta(hours=30)
    read("weak", at)
    assert HarvestAddress.objects.get().next_at == at + dt.timedelta(hours=2)
    portal.answer = lambda *_: (404, {}, b"")
    read("weak", at)
    assert HarvestAddress.objects.get().next_at == at + dt.timedelta(hours=24)
    portal.answer = lambda *_: (200, {}, b"<html>")
    assert "这是网页，不是目录" in read("weak", at).trouble
    assert Resource.objects.get(origin="weak").state == "published", "what was there stays while its catalogue is away"
    portal.answer = lambda *_: (200, {}, data_json("一"))
    assert read("weak", at).outcome == "taken"
    assert (HarvestAddress.objects.get().failures, HarvestAddress.objects.get().trouble) == (0, "")


def test_circles_seams_and_floods_end(portal: Portal) -> None:
    page = (
        "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix hydra: <http://www.w3.org/ns/hydra/core#> . "
        '<urn:{n}> a dcat:Dataset ; <http://purl.org/dc/terms/title> "a" . <urn:v> hydra:next <{next}> .'
    )
    portal.answer = lambda path, *_: (200, {}, page.format(n=path[1:], next=portal.url("/1")).encode())
    addresses.keep(SYSTEM, "circle", portal.url("/1"), now=NOW)
    assert "兜圈子" in read("circle").trouble
    portal.answer = lambda path, *_: (
        (200, {}, page.format(n="1", next=portal.url("/2")).encode()) if path == "/1" else (200, {}, data_json("一"))
    )
    assert "前一页是 dcat" in read("circle").trouble
    portal.answer = lambda *_: (200, {"Content-Encoding": "gzip"}, _bomb())
    assert "larger than" in read("circle").trouble
    assert not Resource.objects.filter(origin="circle").exists()


def _bomb() -> bytes:
    import gzip

    return gzip.compress(b" " * (65 * 2**20))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/catalog.ttl", "http://localhost/x", "http://[::1]/x", "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/x", "http://0.0.0.0/", "file:///etc/passwd", "ftp://example.org/x", "http://a@127.0.0.1/",
        "http://", "not an address", "http://127.0.0.1:99999/",
    ],
)  # fmt: skip
def test_no_address_leads_into_this_machine(url: str) -> None:
    with pytest.raises(Refused):
        addresses.keep(SYSTEM, "inside", url)
    assert not HarvestAddress.objects.exists()


def test_neither_a_redirect_nor_a_next_page_leads_elsewhere(portal: Portal) -> None:
    with socket.socket() as inside:
        inside.bind(("127.0.0.1", 0))
        inside.listen()
        secret = f"http://localhost:{inside.getsockname()[1]}/secret"
        portal.answer = lambda *_: (302, {"Location": secret}, b"")
        addresses.keep(SYSTEM, "lured", portal.url("/1"), now=NOW)
        assert "not declared" in read("lured").trouble
        portal.answer = lambda *_: (200, {"Link": f'<{secret}>; rel="next"'}, data_json("一"))
        assert "not declared" in read("lured").trouble
        same = f"http://127.0.0.1:{inside.getsockname()[1]}/secret"
        portal.answer = lambda *_: (302, {"Location": same}, b"")
        assert "CHENGYUN_SOURCE_HOSTS" in read("lured").trouble, "the same host at another port is another service"
        inside.settimeout(0)
        with pytest.raises(BlockingIOError):
            inside.accept()
    assert not Resource.objects.filter(origin="lured").exists()


def test_a_steward_keeps_pauses_and_removes_an_address(
    portal: Portal, account_as: Callable[..., Account], actor_as: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    from chengyun.share.catalogue import tasks

    queued: list[str] = []
    monkeypatch.setattr(tasks, "queue", lambda origin: queued.append(origin) is None)
    client = Client()
    client.force_login(account_as("data_steward", username="steward"))
    given = {"origin": "near", "url": portal.url("/data.json"), "every_h": "12"}
    for wrong in ({"origin": "../x"}, {"url": "http://127.0.0.1:1/"}, {"every_h": "0"}, {"every_h": "一"}):
        refused = client.post(reverse("catalogue-address-keep"), {**given, **wrong})
        assert refused.status_code == 400
        assert portal.host not in refused.content.decode() or wrong.get("url") is None
    page = client.post(reverse("catalogue-address-keep"), given, follow=True).content.decode()
    assert "还没有采集过" in page
    portal.answer = lambda *_: (500, {}, b"")
    read("near")
    shown = client.get(reverse("catalogue-address", args=["near"])).content.decode()
    assert "已连续失败 1 次" in shown
    assert "500" in client.get(reverse("catalogue-transfer")).content.decode()
    client.post(reverse("catalogue-address-act", args=["near", "pause"]))
    assert addresses.due(NOW + dt.timedelta(days=99)) == []
    client.post(reverse("catalogue-address-act", args=["near", "resume"]))
    client.post(reverse("catalogue-address-act", args=["near", "read"]))
    assert queued == ["near", "near"]
    client.post(reverse("catalogue-address-act", args=["near", "remove"]))
    assert client.get(reverse("catalogue-address", args=["near"])).status_code == 404
    with pytest.raises(Refused):
        addresses.keep(ANONYMOUS, "near", portal.url("/"))
    with pytest.raises(Refused):
        addresses.switch(actor_as("department_clerk"), "near", on=False)
    with pytest.raises(NotFound):
        addresses.read("near")
