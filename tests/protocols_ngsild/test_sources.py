# SPDX-License-Identifier: Apache-2.0
"""Registered context sources are asked: a second broker, and servers that are slow, lie, lead elsewhere or lead back here."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from broker import Broker

from chengyun.bench.place import wait_for

_numbers = itertools.count(1)
OBSERVED = "2026-03-0{}T00:00:00Z"


@pytest.fixture(scope="module")
def peer(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A neighbour: another process under another name. Its entities are those of the tenant `neighbour`."""
    peer = Broker(broker.dsn, tmp_path_factory.mktemp("peer"), node="cy-330300")
    peer.start()
    yield peer
    peer.stop()


class Answering:
    """A server that answers every GET by a function of its path, and notes what it was asked."""

    def __init__(self, answer: Callable[[str], tuple[int, Any, dict[str, str]]]) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, body, headers = answer(self.path)
                sent = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-length": str(len(sent)), **headers}.items():
                    self.send_header(name, value)
                with contextlib.suppress(BrokenPipeError):  # it was not waited for
                    self.end_headers()
                    self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def answering() -> Iterator[Callable[..., Answering]]:
    made: list[Answering] = []

    def make(answer: Callable[[str], tuple[int, Any, dict[str, str]]]) -> Answering:
        made.append(Answering(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def register(broker: Broker) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def _register(endpoint: str, kind: str, **more: Any) -> str:
        entity = {"type": kind} | more.pop("entity", {})
        information = {"entities": [entity]} | {key: more.pop(key) for key in ("propertyNames",) if key in more}
        document = {"type": "ContextSourceRegistration", "endpoint": endpoint, "information": [information], **more}
        answer = broker.call("POST", "/csourceRegistrations", document)
        assert answer.status_code == 201, answer.text
        made.append(answer.headers["location"].rpartition("/")[2])
        return made[-1]

    yield _register
    for name in made:
        assert broker.call("DELETE", f"/csourceRegistrations/{name}").status_code == 204


def kind() -> str:
    return f"Tree{next(_numbers)}"


def at(peer: Broker) -> dict[str, Any]:
    """What a registration says so that the peer is asked for its tenant, under a key of its own."""
    told = {"NGSILD-Tenant": "neighbour", "Authorization": f"Bearer {peer.token}"}
    return {"contextSourceInfo": [{"key": key, "value": value} for key, value in told.items()]}


def plant(where: Broker, name: str, type_: str, *, tenant: str = "", **attributes: Any) -> str:
    headers = {"NGSILD_Tenant": tenant} if tenant else {}
    sent = {"id": f"urn:ngsi-ld:{type_}:{name}", "type": type_, **attributes}
    answer = where.call("POST", "/entities", sent, **headers)
    assert answer.status_code == 201, answer.text
    return str(sent["id"])


def seen(value: Any, day: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": OBSERVED.format(day)}


def test_what_others_hold_is_told_with_what_is_held_here(broker: Broker, peer: Broker, register: Callable[..., str]) -> None:
    tree = kind()
    both = plant(broker, "both", tree, height=seen(3, 1), girth=seen(30, 5), owner={"type": "Property", "value": "city"})
    plant(peer, "both", tree, tenant="neighbour", height=seen(4, 2), girth=seen(20, 4), age=seen(70, 1))
    theirs = plant(peer, "theirs", tree, tenant="neighbour", height=seen(9, 1))
    ours = plant(broker, "ours", tree, height=seen(1, 1))
    assert broker.call("GET", f"/entities/{theirs}").status_code == 404
    register(peer.url.removesuffix("/ngsi-ld/v1"), tree, **at(peer))

    # The newer value of each attribute; what only one of them knows; nothing of it stays here.
    whole = broker.get(f"/entities/{both}", options="keyValues")
    assert whole == {"id": both, "type": tree, "height": 4, "girth": 30, "owner": "city", "age": 70}
    assert broker.get(f"/entities/{theirs}")["height"]["value"] == 9
    assert broker.rows("SELECT count(*) FROM ngsild_entity WHERE entity_id = %s AND tenant = ''", theirs) == [(0,)]
    assert broker.call("GET", f"/entities/{theirs}?local=true").status_code == 404
    assert "height" in broker.get(f"/entities/{theirs}", attrs="height")

    # A question is asked of the whole entity: its height here is 3, there 4.
    listed = broker.call("GET", f"/entities?type={tree}&count=true&options=keyValues")
    assert [one["id"] for one in listed.json()] == [ours, both, theirs]
    assert listed.headers["ngsild-results-count"] == "3"
    assert "ngsild-warning" not in listed.headers
    assert [one["id"] for one in broker.get("/entities", type=tree, q="height>3")] == [both, theirs]
    assert [one["id"] for one in broker.get("/entities", type=tree, q="height<=3")] == [ours]
    pages = [broker.get("/entities", type=tree, limit=1, offset=offset) for offset in range(4)]
    assert [[one["id"] for one in page] for page in pages] == [[ours], [both], [theirs], []]
    sent = {"type": "Query", "entities": [{"type": tree, "id": both}]}
    assert [one["id"] for one in broker.call("POST", "/entityOperations/query", sent).json()] == [both]
    assert [one["id"] for one in broker.get("/entities", type=tree, local="true")] == [both, ours]

    # Who may not read what stands somewhere unknown here does not read it from there either.
    assert broker.call("GET", f"/entities/{theirs}", token=None).status_code == 404
    assert broker.call("GET", f"/entities?type={tree}", token=None).json() == []


def test_a_registration_limits_what_its_source_may_say(broker: Broker, peer: Broker, register: Callable[..., str]) -> None:
    tree = kind()
    plant(peer, "1", tree, tenant="neighbour", height=seen(4, 2), age=seen(70, 1))
    here = plant(broker, "1", tree, height=seen(1, 9), age=seen(10, 9))
    name = register(peer.url, tree, propertyNames=["age"], mode="auxiliary", **at(peer))
    assert broker.get(f"/entities/{here}", options="keyValues")["age"] == 10  # we know it, so nobody else is believed
    assert broker.call("PATCH", f"/csourceRegistrations/{name}", {"mode": "exclusive"}).status_code == 204
    assert broker.get(f"/entities/{here}", options="keyValues") == {"id": here, "type": tree, "height": 1, "age": 70}
    refused = broker.call("PATCH", f"/csourceRegistrations/{name}", {"mode": "sometimes"})
    assert (refused.status_code, "redirect" in refused.json()["detail"]) == (400, True)
    expired = {"expiresAt": "2999-01-01T00:00:00Z", "operations": ["createEntity"]}
    assert broker.call("PATCH", f"/csourceRegistrations/{name}", expired).status_code == 204
    assert broker.get(f"/entities/{here}", options="keyValues")["age"] == 10  # it does not offer to be asked


def test_what_is_redirected_is_only_told_by_its_source(
    broker: Broker, register: Callable[..., str], answering: Callable[..., Answering]
) -> None:
    tree = kind()
    hidden = plant(broker, "hidden", tree, height=seen(1, 1))
    found = {"id": f"urn:ngsi-ld:{tree}:there", "type": tree, "height": 5}
    state = {"status": 200}
    source = answering(lambda path: (state["status"], [found] if "?type=" in path else found, {}))
    register(source.url, tree, mode="redirect", management={"cooldown": 100})
    assert [one["id"] for one in broker.get("/entities", type=tree)] == [found["id"]]
    path, headers = source.asked[-1]
    assert path.startswith("/ngsi-ld/v1/entities?type=https%3A%2F%2Furi.etsi.org%2Fngsi-ld%2Fdefault-context%2FTree")
    assert "authorization" not in headers  # the asker's key is ours alone
    assert headers["via"].startswith("1.1 cy-330200-")
    state["status"] = 500
    answer = broker.call("GET", f"/entities?type={tree}")
    assert answer.json() == []
    assert "did not answer" in answer.headers["ngsild-warning"]
    state["status"] = 200
    wait_for(lambda: [one["id"] for one in broker.get("/entities", type=tree)] == [found["id"]], 5, "It was not asked again")
    assert [one["id"] for one in broker.get("/entities", type=tree, local="true")] == [hidden]


def test_a_question_does_not_go_round(broker: Broker, peer: Broker, register: Callable[..., str]) -> None:
    tree = kind()
    here = plant(broker, "1", tree, height=1)
    register(broker.url, tree, **at(broker))  # we are our own source
    register(peer.url, tree, **at(peer))  # and so is a neighbour, whose tenant knows of us
    peers = {"type": "ContextSourceRegistration", "endpoint": broker.url, "information": [{"entities": [{"type": tree}]}]}
    made = peer.call("POST", "/csourceRegistrations", peers | at(broker), NGSILD_Tenant="neighbour")
    assert made.status_code == 201
    begun = time.monotonic()
    answer = broker.call("GET", f"/entities?type={tree}")
    assert [one["id"] for one in answer.json()] == [here]
    assert "ngsild-warning" not in answer.headers
    assert time.monotonic() - begun < 5
    alias = broker_alias(broker, tree)
    looped = broker.call("GET", f"/entities?type={tree}", Via=f"1.1 other, 1.1 {alias}")
    assert (looped.status_code, looped.json()["type"].rpartition("/")[2]) == (508, "LoopDetected")
    long = ", ".join(f"1.1 n{number}" for number in range(9))
    assert broker.call("GET", f"/entities?type={tree}", Via=long).status_code == 200


def broker_alias(broker: Broker, tree: str) -> str:
    """What the broker calls itself, as a source hears it."""
    heard = Answering(lambda _: (404, {}, {}))
    document = {"type": "ContextSourceRegistration", "endpoint": heard.url, "information": [{"entities": [{"type": tree}]}]}
    made = broker.call("POST", "/csourceRegistrations", document).headers["location"].rpartition("/")[2]
    broker.get("/entities", type=tree)
    broker.call("DELETE", f"/csourceRegistrations/{made}")
    heard.close()
    return heard.asked[0][1]["via"].split()[-1]


def test_slow_and_hostile_sources_harm_nobody(
    broker: Broker, register: Callable[..., str], answering: Callable[..., Answering]
) -> None:
    tree = kind()
    here = plant(broker, "1", tree, height=1)
    done = threading.Event()
    slow = answering(lambda _: (200 if done.wait(20) else 500, [], {}))
    register(slow.url, tree, management={"timeout": 300, "cooldown": 60_000})
    begun = time.monotonic()
    answer = broker.call("GET", f"/entities?type={tree}")
    assert 0.2 < time.monotonic() - begun < 5
    assert [one["id"] for one in answer.json()] == [here]
    assert "did not answer" in answer.headers["ngsild-warning"]
    assert broker.call("GET", f"/entities?type={tree}").headers["ngsild-warning"]
    assert len(slow.asked) == 1  # it is left in peace for a while
    done.set()

    inside = answering(lambda _: (200, [{"id": "urn:x:secret", "type": tree}], {}))
    leading = answering(lambda _: (302, {}, {"location": f"{inside.url}/ngsi-ld/v1/entities"}))
    register(leading.url, tree)
    register(f"http://localhost:{inside.port}", tree)  # CHENGYUN_NGSILD_HOSTS lists 127.0.0.1, not this name
    stranger = answering(lambda _: (200, [{"id": "urn:x:1", "type": "Other"}, {"id": here, "type": tree, "height": "x"}], {}))
    register(stranger.url, tree, entity={"idPattern": "urn:x:.*"})
    broken = answering(lambda _: (200, [{"id": "no uri", "type": tree}], {}))
    register(broken.url, tree)
    answer = broker.call("GET", f"/entities?type={tree}&options=keyValues")
    assert answer.json() == [{"id": here, "type": tree, "height": 1}]
    assert answer.headers["ngsild-warning"].count("did not answer") == 3
    assert inside.asked == []
    assert len(stranger.asked) == len(broken.asked) == len(leading.asked) == 1
