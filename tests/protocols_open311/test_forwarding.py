# SPDX-License-Identifier: Apache-2.0
"""A case of a declared category goes to another server once, is followed there, and never comes round."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs

import httpx
import pytest

from chengyun.access.models import Organisation
from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case
from chengyun.errors import Malformed, Misdeclared, Refused
from chengyun.protocols.open311.client import Client
from chengyun.protocols.open311.forwarding import choose, follow, servers, service_for
from chengyun.protocols.open311.models import Forward

NOW = dt.datetime(2026, 11, 17, 2, tzinfo=dt.UTC)
SETTINGS = """
[servers.county]
url = "https://county.example/open311/v2/"
key = "k"
categories = { "component/01" = "street", "component/0118" = "lamp" }
"""


class County:
    """The other server. mode: how it behaves; filed: forms it took, by the key they were sent under."""

    def __init__(self) -> None:
        self.mode, self.filed, self.asked = "ok", {}, 0
        self.status = "open"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        match self.mode:
            case "away":
                raise httpx.ConnectError("refused")
            case "broken":
                return httpx.Response(502)
            case "unfit":
                return httpx.Response(400, json=[{"code": 400, "description": "no such service"}])
            case "html":
                return httpx.Response(200, text="<html>")
            case "elsewhere":
                return httpx.Response(302, headers={"location": "https://elsewhere.example/"})
        if request.method == "POST":
            form = {name: value[0] for name, value in parse_qs(request.content.decode()).items()}
            key = request.headers["idempotency-key"]
            self.filed.setdefault(key, form)
            number = f"C-{list(self.filed).index(key) + 1}"
            return httpx.Response(
                201, json=[{"token": f"t-{number}"} if self.mode == "token" else {"service_request_id": number}]
            )
        if "/tokens/" in request.url.path:
            return httpx.Response(200, json=[{"service_request_id": "C-1", "token": "t-C-1"}])
        return httpx.Response(200, json=[{"service_request_id": "C-1", "status": self.status, "status_notes": "队伍已到"}])


@pytest.fixture
def county(tmp_path, monkeypatch) -> County:
    path = tmp_path / "servers.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    monkeypatch.setenv("CHENGYUN_OPEN311", str(path))
    return County()


@pytest.fixture
def run(county):
    def step(minutes: int = 0) -> int:
        now = NOW + dt.timedelta(minutes=minutes)
        choose(now)
        return follow(now, lambda server: Client(server.url, server.key, transport=httpx.MockTransport(county)))

    return step


@pytest.fixture
def case(db):
    owner = Organisation.objects.create(key="operations_centre", name="中心", kind="centre")

    def make(number: str = "2026-000001", category: str = "component/0118", **more) -> Case:
        return Case.objects.create(
            number=number, type="urban_management.case", state="handling", title="我是王某", owner=owner,
            description="我住 301，王某", lon=121.55, lat=29.87, address="药行街", opened_at=NOW, due_at=NOW, category=category,
            **{"dispatched_at": NOW, **more},
        )  # fmt: skip

    return make


def test_a_case_is_sent_once_and_followed_to_its_end(case, county, run):
    case()
    assert run() == 1
    forward = Forward.objects.get()
    assert (forward.state, forward.number) == ("sent", "C-1")
    (form,) = county.filed.values()
    assert (form["service_code"], form["api_key"], form["lat"], form["description"]) == ("lamp", "k", "29.870000", "路灯")
    assert not any("王某" in value for value in form.values())
    assert run(1) == 0
    county.status = "closed"
    assert run(31) == 1
    forward.refresh_from_db()
    assert (forward.state, forward.status_notes, forward.next_at) == ("closed", "队伍已到", None)
    assert run(600) == 0
    assert len(county.filed) == 1


def test_a_token_becomes_a_number(case, county, run):
    case()
    county.mode = "token"
    run()
    assert (Forward.objects.get().state, Forward.objects.get().token) == ("waiting", "t-C-1")
    run(31)
    assert (Forward.objects.get().state, Forward.objects.get().number) == ("sent", "C-1")
    assert len(county.filed) == 1


@pytest.mark.parametrize("mode", ["away", "broken", "html"])
def test_what_may_pass_is_tried_again_later_under_the_same_key(case, county, run, mode):
    case()
    county.mode = mode
    run()
    assert run(1) == 0
    run(3)
    forward = Forward.objects.get()
    assert (forward.state, forward.attempts) == ("waiting", 2)
    assert "county.example" in forward.error
    county.mode = "ok"
    run(10)
    assert Forward.objects.get().state == "sent"
    assert list(county.filed) == ["chengyun-330200-2026-000001"]


@pytest.mark.parametrize("mode", ["unfit", "elsewhere"])
def test_what_is_refused_is_not_sent_again(case, county, run, mode):
    case()
    county.mode = mode
    run()
    assert Forward.objects.get().state == "refused"
    assert run(600) == 0


def test_only_what_is_declared_open_and_real_goes_out(case, county, run):
    case("1", category="event/0104")
    case("2", simulated=True)
    case("3", dispatched_at=None)
    case("4", dispatched_at=NOW - dt.timedelta(days=3))
    case("5", ended=True, closed_at=NOW)
    assert run() == 0
    assert not county.filed


def test_what_another_city_sent_does_not_go_round(case, county, run):
    came = case()
    Report.objects.create(
        number="R26-0000-0001", link_salt="s", content_digest="d", channel="open311", received_at=NOW, text="t", case=came,
        external="chengyun-330300",
    )  # fmt: skip
    assert run() == 0
    assert not Forward.objects.exists()


def test_the_closest_category_counts(county):
    (server,) = servers()
    assert [service_for(server, code) for code in ("component/0118", "component/0101", "event/0104")] == ["lamp", "street", ""]
    assert "'k'" not in repr(server)


def test_settings_that_are_wrong_are_told(county, tmp_path):
    (tmp_path / "servers.toml").write_text("[servers.x]\nurl = 'u'\n")
    with pytest.raises(Misdeclared, match="needs url and categories"):
        servers()


def test_a_server_that_answers_nothing_is_malformed():
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[])

    client = Client("https://x.example/v2", transport=httpx.MockTransport(answer))
    assert client.services() == []
    with pytest.raises(Malformed):
        client.request("1")
    refusing = Client("https://x.example/v2", transport=httpx.MockTransport(lambda _: httpx.Response(404)))
    with pytest.raises(Refused):
        refusing.requests(["1", "2"])
