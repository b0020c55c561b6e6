# SPDX-License-Identifier: Apache-2.0
"""HTTP services, read from a real server that pages, is busy, redirects, changes its mind and lies."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from house import STREAM

from chengyun.collect.pull.credentials import Credentials

START = dt.datetime(2026, 11, 20, 8, tzinfo=dt.timezone(dt.timedelta(hours=8)))
COLUMNS = {"station": "site.code", "start": "time", "pm25": "pm25"}
Answer = tuple[int, dict[str, str], bytes]


class Service:
    """A service whose answers a test writes. asked: (path, query, headers) of every request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str], dict[str, str]], Answer] = lambda *_: (404, {}, b"")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((parts.path, query, headers))
                status, given, body = outer.answer(parts.path, query, headers)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **given}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def reading(key: str, place: int, value: float = 1.0) -> dict:
    time = (START + dt.timedelta(minutes=5 * place)).isoformat()
    return {"site": {"code": key, "name": "某站"}, "time": time, "pm25": value, "changed": time}


def json_answer(found: object, **headers: str) -> Answer:
    return 200, {"Content-Type": "application/json", **headers}, json.dumps(found).encode()


def source_of(town, service, **given):
    read = {"kind": "http", "rows": "data.items", "per_second": 1000.0} | given.pop("read", {})
    return town.source(address=f"{service.url}/v1/readings", read=read, stream={"to": STREAM, "columns": COLUMNS}, **given)


@pytest.mark.parametrize("by", ["page", "offset", "cursor", "link", "next"])
def test_every_page_is_read(town, service, by):
    (key,) = town.stations(1)
    rows = [reading(key, place) for place in range(25)]

    def answer(path, query, headers):
        at = {"page": (int(query.get("page", 1)) - 1) * 10, "offset": int(query.get("offset", 0))}.get(
            by, int(query.get("at", 0))
        )
        part, following = rows[at : at + 10], at + 10 if at + 10 < len(rows) else None
        body = {"data": {"items": part}, "cursor": following, "next": following and f"/v1/readings?at={following}"}
        link = {"Link": f'</v1/readings?at={following}>; rel="next"'} if by == "link" and following else {}
        return json_answer(body, **link)

    service.answer = answer
    paging = {
        "page": {"by": "page", "parameter": "page", "size": 10, "size_parameter": "size"},
        "offset": {"by": "offset", "parameter": "offset", "size": 10},
        "cursor": {"by": "cursor", "parameter": "at", "next": "cursor"},
        "link": {"by": "link"},
        "next": {"by": "link", "next": "next"},
    }[by]
    run = town.run(source_of(town, service, read={"paging": paging}))
    assert (run.state, run.error, run.kept) == ("done", "", 25)
    assert len(service.asked) == 3


def test_only_what_is_new_is_asked_for_and_nothing_is_sent_twice(town, service):
    (key,) = town.stations(1)
    rows = [reading(key, place) for place in range(3)]

    def answer(path, query, headers):
        since = query.get("since")
        return json_answer({"data": {"items": [it for it in rows if since is None or it["changed"] >= since]}})

    service.answer = answer
    source = source_of(town, service, read={"watermark": "changed", "since": "since", "overlap": "5m"})
    assert town.run(source).kept == 3
    rows.append(reading(key, 3))
    rows[0]["pm25"] = 99.0  # changed without a word: outside what is asked for, and so not seen
    second = town.run(source)
    assert (second.read, second.same, second.kept) == (3, 2, 1)
    assert service.asked[-1][1]["since"] == (START + dt.timedelta(minutes=5)).isoformat(timespec="seconds")


def test_what_has_not_changed_is_not_read_again(town, service):
    (key,) = town.stations(1)

    def answer(path, query, headers):
        if headers.get("if-none-match") == '"v1"':
            return 304, {}, b""
        return json_answer({"data": {"items": [reading(key, 0)]}}, ETag='"v1"')

    service.answer = answer
    source = source_of(town, service, deletions=True)
    assert town.run(source).kept == 1
    again = town.run(source)
    assert (again.state, again.read, again.vanished, again.note) == ("done", 0, 0, "unchanged")


def test_a_busy_service_is_left_alone_as_long_as_it_asks(town, service):
    (key,) = town.stations(1)
    service.answer = lambda *_: (503, {"Retry-After": "900"}, b"")
    source = source_of(town, service)
    run = town.run(source)
    source.refresh_from_db()
    assert (run.state, source.failures, len(service.asked)) == ("failed", 1, 1)
    assert 880 < (source.next_at - run.ended_at).total_seconds() <= 900
    busy = iter([(429, {"Retry-After": "0"}, b""), json_answer({"data": {"items": [reading(key, 0)]}})])
    service.answer = lambda *_: next(busy)
    assert town.run(source).kept == 1
    source.refresh_from_db()
    assert source.failures == 0


@pytest.mark.parametrize(
    ("read", "credentials", "shown"),
    [
        ({"auth": "basic"}, Credentials(user="a", password="b"), ("authorization", f"Basic {base64.b64encode(b'a:b').decode()}")),
        ({"auth": "bearer"}, Credentials(secret="s3cret"), ("authorization", "Bearer s3cret")),
        ({"auth": "header", "key_name": "X-Key"}, Credentials(secret="s3cret"), ("x-key", "s3cret")),
    ],
)
def test_credentials_are_shown_as_asked(town, service, read, credentials, shown):
    (key,) = town.stations(1)
    service.answer = lambda *_: json_answer({"data": {"items": [reading(key, 0)]}})
    assert town.run(source_of(town, service, read=read, credentials=credentials)).kept == 1
    assert service.asked[0][2][shown[0]] == shown[1]


def test_who_we_are_is_proved_to_the_declared_door_alone(town, service):
    """Another port of the same host is another's door."""
    (key,), other = town.stations(1), Service()
    try:
        service.answer = lambda *_: (302, {"Location": f"{other.url}/v1/readings"}, b"")
        other.answer = lambda *_: json_answer({"data": {"items": [reading(key, 0)]}})
        source = source_of(town, service, read={"auth": "bearer"}, credentials=Credentials(secret="hush"))
        assert town.run(source).kept == 1
        assert service.asked[0][2]["authorization"] == "Bearer hush"
        assert "authorization" not in other.asked[0][2]
    finally:
        other.close()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""), "169.254.169.254"),
        ((302, {"Location": "http://localhost:9/"}, b""), "localhost"),
        ((302, {"Location": "/v1/readings"}, b""), "redirects more than"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "file"),
        ((401, {}, b""), "credentials are not accepted"),
        ((404, {}, b""), "answers 404"),
        (json_answer({"data": {"rows": []}}), "no list of rows"),
        ((200, {}, b"<html>"), "is not JSON"),
        ((200, {}, b"[" * 300_000), "larger than"),
    ],
)
def test_what_leads_astray_or_cannot_be_read_is_told(town, service, answer, told):
    service.answer = lambda *_: answer
    run = town.run(source_of(town, service, read={"largest_mb": 0.1}))
    assert run.state == "failed"
    assert told in run.error


def test_a_small_packed_body_does_not_fill_the_memory(town, service):
    import gzip

    packed = gzip.compress(b" " * 50_000_000)
    service.answer = lambda *_: (200, {"Content-Encoding": "gzip"}, packed)
    assert "larger than 1 MB" in town.run(source_of(town, service, read={"largest_mb": 1.0})).error


def test_a_key_in_the_address_is_never_told(town, service):
    service.answer = lambda *_: (500, {}, b"")
    source = source_of(town, service, read={"auth": "query", "key_name": "k"}, credentials=Credentials(secret="s3cret"))
    from chengyun.collect.pull import getting

    before, getting.ATTEMPTS = getting.ATTEMPTS, 1
    try:
        run = town.run(source)
    finally:
        getting.ATTEMPTS = before
    assert service.asked[0][1] == {"k": "s3cret"}
    assert "s3cret" not in run.error


def test_tables_come_over_http_too(town, service):
    (key,) = town.stations(1)
    body = f"site.code,time,pm25\n{key},2026-11-20 08:00:00,12\n".encode("gb18030")
    service.answer = lambda *_: (200, {"Content-Type": "text/csv"}, body)
    run = town.run(source_of(town, service, read={"format": "csv", "rows": ""}))
    assert (run.error, run.kept) == ("", 1)
