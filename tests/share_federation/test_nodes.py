# SPDX-License-Identifier: Apache-2.0
"""Two nodes side by side: the city is this very process and its database, the district a whole installation that is killed.

And a province that speaks the protocol as it is written down.
"""

from __future__ import annotations

import base64
import json
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from chengyun.access.actors import SYSTEM
from chengyun.access.keystore import keystore, signing_key
from chengyun.access.models import AuditRecord
from chengyun.bench.place import Place, status, wait_for
from chengyun.config import config
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable
from chengyun.protocols.exchange import published
from chengyun.protocols.exchange.routes import ROUTES
from chengyun.share.exchange import parties
from chengyun.share.exchange.client import Client
from chengyun.share.exchange.serving import PREFIX, Ask, answer_many
from chengyun.share.federation import askings, checking, inbox, mirrors, neighbours, offering, outbox, successors, tables
from chengyun.share.federation.models import Asking, Mirror, Neighbour, Offered, Sent, Taken
from chengyun.share.ledger.checks import check

_spec = util.spec_from_file_location("province", Path(__file__).with_name("province.py"))
assert _spec is not None
assert _spec.loader is not None
province = util.module_from_spec(_spec)
sys.modules["province"] = province
_spec.loader.exec_module(province)

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]
ROWS = 3000
FILL = f"""
from chengyun.packs.water_supply.models import Asset
Asset.objects.bulk_create([Asset(key=f"a{{i:05}}", name=f"泵 {{i}}", area_code="330203000000") for i in range({ROWS})])
from chengyun.access.keystore import signing_key
print(signing_key().key_id)
"""
ANSWER = """
import json
from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.share.federation import outbox
from chengyun.share.federation.models import Asking
from chengyun.share.requests import services
asking = Asking.objects.get()
body = asking.request.provider or Organisation.objects.get(key="operations_centre")
account, _new = Account.objects.get_or_create(username="steward", defaults={"organisation": body})
Assignment.objects.get_or_create(account=account, role="data_steward", organisation=body)
services.%s
outbox.deliver_all()
asking.refresh_from_db()
try:
    services.agree(actor_of_account(account), asking.request.number)
    again = "granted twice"
except Exception as refused:
    again = type(refused).__name__
print(json.dumps([str(asking.number), asking.grant, asking.state, again, asking.request.due_day is not None]))
"""
CHANGE = """
from chengyun.packs.water_supply.models import Asset
Asset.objects.filter(key="a00001").update(name="改名")
Asset.objects.create(key="a99999", name="新", area_code="330203000000")
"""
RECEIPTS = """
import json
from chengyun.share.exchange.models import Receipt
from chengyun.share.ledger.checks import check
told = [[str(one.number), one.countersigned_at is not None, one.disclaimed_at is not None] for one in Receipt.objects.all()]
print(json.dumps([told, check("exchange").holds]))
"""
REVOKE = """
from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account
from chengyun.share.federation import outbox
from chengyun.share.federation.models import Asking
from chengyun.share.requests import services
held = Asking.objects.get(state="granted")
services.revoke(actor_of_account(Account.objects.get(username="steward")), held.request.number, "汛期结束")
outbox.deliver_all()
"""


def serve_city() -> ThreadingHTTPServer:
    """Serve this process's node: everything but the framework around its door."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            path, _, query = self.path.partition("?")
            try:
                if open_to_all := published.found(path.removeprefix(PREFIX)):
                    code, told, more = 200, json.dumps(open_to_all({}), default=str).encode(), {}
                else:
                    ask = Ask(self.command, headers["host"], path, query, headers, body)
                    answer = answer_many([ask], ROUTES, parties.Known())[0]
                    code, told, more = answer.status, answer.body, dict(answer.headers)
            finally:
                connection.close()
            self.send_response(code)
            for name, value in {**more, "content-length": str(len(told))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def district(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "haishu", env={"CHENGYUN_DEMO": "0", "CHENGYUN_NODE": "haishu"})
    try:
        place.start(within_s=280)
        yield place
    finally:
        place.stop()


def test_what_two_nodes_tell_each_other(district: Place) -> None:
    city = serve_city()
    try:
        thumbprint = district.django(FILL).split()[-1]
        here = f"http://127.0.0.1:{city.server_address[1]}{PREFIX}"
        done = district.run("federation", "add", config().node, here, "--key", signing_key().key_id)
        assert done.returncode == 0, done.stderr
        there = f"{district.protocols_url}{PREFIX}"
        with pytest.raises(Problem, match="shows no key"):
            neighbours.add(SYSTEM, "haishu", there, ["another"])
        with pytest.raises(Problem, match="calls itself"):
            neighbours.add(SYSTEM, "yinzhou", there, [thumbprint])
        other = neighbours.add(SYSTEM, "haishu", there, [thumbprint])
        mirror = asked_and_granted(other, district)
        killed_in_mid_exchange(mirror, district)
        keys_rotated_in_mid_exchange(mirror, district)
        away_and_changed(mirror, district)
        revoked(mirror, district)
    finally:
        city.shutdown()


def asked_and_granted(other: Neighbour, district: Place) -> Mirror:
    """The city reads the district's catalogue, asks for a dataset, and is granted it."""
    client = neighbours.client_of(other)
    offering.harvest(other, client)
    assert Offered.objects.filter(neighbour=other, key="water_supply.asset").exists()
    asking = askings.ask(SYSTEM, other, "water_supply.asset", "statistics", basis="汛期调度", fields={"name": "clear"})
    mirror = mirrors.start(other, "water_supply.asset", "statistics")
    assert outbox.deliver_all() == 1
    with pytest.raises(NotFound):
        mirrors.draw(mirror, client)
    back = 'give_back(actor_of_account(account), asking.request.number, "请写明使用的科室")'
    told = json.loads(district.django(ANSWER % back).splitlines()[-1])
    assert told == [str(asking.number), "", "returned", "Refused", False], "its clock stands while it is with us"
    asking.refresh_from_db()
    assert (asking.state, asking.reason) == ("returned", "请写明使用的科室")
    with pytest.raises(Refused, match="basis is empty"):
        askings.ask(SYSTEM, other, "water_supply.asset", "statistics", basis=" ", fields={})
    askings.complete(SYSTEM, asking, basis="汛期调度，水文科")
    assert outbox.deliver_all() == 1
    agreed = "agree(actor_of_account(account), asking.request.number)"
    number, grant, state, again, _ = json.loads(district.django(ANSWER % agreed).splitlines()[-1])
    assert (number, state, again) == (str(asking.number), "granted", "Refused")
    asking.refresh_from_db()
    assert (asking.state, asking.grant, asking.step) == ("granted", grant, 4)
    return mirror


def killed_in_mid_exchange(mirror: Mirror, district: Place) -> None:
    """The provider dies while pages are being drawn; then what is left comes, and both logs hold the same receipts."""
    pages, killed = [], district.children()["protocols"]

    class Dying(neighbours.Client):
        def get(self, path: str, **params: object) -> Any:
            if path == "/rows":
                pages.append(path)
                if len(pages) == 7:
                    # The answer is made, and lost on its way; then its maker dies.
                    super().get(path, **params)
                    district.kill("protocols", signal.SIGKILL)
                    raise Unavailable("lost")
            return super().get(path, **params)

    usual = neighbours.client_of(mirror.neighbour)
    dying = Dying(usual.address, signing_key("node"), mirror.neighbour.keys)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(mirrors, "PAGE", 250)
        with pytest.raises(Unavailable):
            mirrors.draw(mirror, dying)
        mirror.refresh_from_db()
        assert (tables.count(mirror.table), mirror.filled, mirror.after != "") == (1500, False, True)
        district.wait_restarted("protocols", killed, 120)
        wait_for(lambda: status(f"{mirror.neighbour.address}/keys") == 200, 120, "the district did not answer again")
        mirrors.draw(mirror, usual)
    mirror.refresh_from_db()
    assert (tables.count(mirror.table), mirror.filled, mirror.rows) == (ROWS, True, ROWS)
    assert mirrors.reconcile(usual) == (0, 1)
    assert mirrors.reconcile(usual) == (0, 0)
    agree(district, lost=1)


def keys_rotated_in_mid_exchange(mirror: Mirror, district: Place) -> None:
    """Both nodes get new keys while a mirror is read anew: each follows the other; what the old keys asked for is settled."""
    store, other = keystore(), mirror.neighbour
    kept, ours = store.file.read_bytes(), signing_key().key_id
    (theirs,) = other.keys
    Mirror.objects.filter(pk=mirror.pk).update(redraw=mirrors.ALL, after="", as_of=None)
    mirror.refresh_from_db()
    client, pages = neighbours.client_of(other), []

    def rotating(path: str, **params: object) -> Any:
        if path == "/rows":
            pages.append(path)
            if len(pages) == 2:
                done = district.run("keys", "rotate", "node")
                assert done.returncode == 0, done.stderr
                time.sleep(parties.KNOWN_FOR_S)
        return Client.get(client, path, **params)

    try:
        with pytest.MonkeyPatch.context() as small:
            small.setattr(mirrors, "PAGE", 1000)
            small.setattr(client, "get", rotating)
            mirrors.draw(mirror, client)
        assert tables.count(mirror.table) == ROWS
        other.refresh_from_db()
        (new,) = other.keys.keys() - {theirs}
        assert (other.keys[theirs].keys() - {"kty", "crv", "x", "kid"}, other.keys[new]["kid"]) == ({"until"}, new)
        said = AuditRecord.objects.filter(action="federation.succeeded").latest("pk")
        assert (said.target, said.detail["key"], said.detail["successor"]) == ("haishu", theirs, new)
        client.get("/rows", dataset=mirror.dataset, purpose=mirror.purpose, limit=1)  # its receipt stays open
        store.rotate("node")
        renewed = neighbours.client_of(other)
        with pytest.raises(Refused, match="not registered here"):
            renewed.get("/datasets")
        assert "1" in district.django("from chengyun.share.federation import successors; print(successors.follow_all())")
        time.sleep(parties.KNOWN_FOR_S)
        assert mirrors.reconcile(renewed) == (0, 1), "it was asked for by the old key"
        assert mirrors.reconcile(renewed) == (0, 0)
        agree(district, lost=2)
    finally:
        store.file.write_bytes(kept)
        assert signing_key().key_id == ours


def away_and_changed(mirror: Mirror, district: Place) -> None:
    """While the provider is away, messages wait; when it is back, all that changed comes, once."""
    district.django(CHANGE)
    district.stop()
    askings.ask(SYSTEM, mirror.neighbour, "water_supply.network", "statistics", basis="汛期调度", fields={"name": "clear"})
    assert outbox.deliver_all() == 0
    Mirror.objects.update(retry_at="2020-01-01T00:00Z")
    assert mirrors.draw_all() == 0
    sent, held = Sent.objects.get(taken_at=None), Mirror.objects.get()
    assert sent.attempts == 1
    assert sent.retry_at > sent.made_at
    assert "cannot be reached" in sent.reason
    assert held.failures == 1
    assert Neighbour.objects.get().failing_since is not None
    district.start(within_s=280)
    wait_for(lambda: status(f"{mirror.neighbour.address}/keys") == 200, 120, "the district did not answer again")
    Sent.objects.update(retry_at="2020-01-01T00:00Z")
    assert outbox.deliver_all() == 1
    client = neighbours.client_of(mirror.neighbour)
    assert mirrors.draw(mirror, client) == 2
    assert mirrors.draw(mirror, client) == 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT _key, name FROM mirror.{mirror.table} WHERE _key IN ('a00001', 'a99999') ORDER BY 1")
        assert cursor.fetchall() == [("a00001", "改名"), ("a99999", "新")]
    origin = mirrors.provenance(mirror, "a99999")
    assert origin is not None
    assert origin["receipt"]["provider"] == "haishu"
    assert origin["receipt"]["grants"]
    assert Neighbour.objects.get().failing_since is None
    agree(district, lost=2)


def revoked(mirror: Mirror, district: Place) -> None:
    """Reads end at once; messages that are repeated or overtaken change no end."""
    district.django(REVOKE)
    time.sleep(parties.KNOWN_FOR_S)
    with pytest.raises(NotFound):
        mirrors.draw(mirror, neighbours.client_of(mirror.neighbour))
    old = Taken.objects.get(kind="decision")
    words = {"kind": "decision", "subject": old.subject, "step": 4, "body": {"granted": True, "grant": "G1"}}
    assert inbox.take(mirror.neighbour, [{"id": str(old.number), **words}])[0]["outcome"] == "known"
    assert inbox.take(mirror.neighbour, [{"id": str(uuid.uuid4()), **words}])[0]["outcome"] == "late"
    assert Asking.objects.get(number=old.subject).state == "revoked"


def test_a_node_written_from_the_protocol_alone() -> None:
    """It offers, is asked, gives rows and asks; its clock may be wrong by minutes, not by an hour."""
    node = province.Province()
    node.known[signing_key().key_id] = signing_key().public
    theirs, city = province.serve(node, 0), serve_city()
    try:
        other = neighbours.add(
            SYSTEM, "province-33", f"http://127.0.0.1:{theirs.server_address[1]}{PREFIX}", [node.jwk["kid"]]
        )  # fmt: skip
        client = neighbours.client_of(other)
        assert offering.harvest(other, client) == 1
        assert offering.harvest(other, client) == 0
        document = Offered.objects.get(neighbour=other).document
        assert document["name"] == "省规"
        assert "contact" not in document
        askings.ask(SYSTEM, other, "ext.laws", "statistics", basis="立法调研", fields={})
        assert outbox.deliver(other) == 1
        mirror = mirrors.start(other, "ext.laws")
        assert [mirrors.draw(mirror, client), mirrors.draw(mirror, client)] == [5, 0]
        assert mirrors.reconcile(client) == (0, 0)
        compared_and_mended(node, mirror, client)
        published_by(node, other)
        assert successors.follow_all() == 0, "it knows no successions"
        assert [one["kind"] for one in node.heard] == ["request"]
        assert len(node.receipts) == len(node.countersigned) == 3
        here = f"http://127.0.0.1:{city.server_address[1]}{PREFIX}"
        told, value, headers, _ = node.ask(here, "GET", "/datasets?purpose=statistics")
        assert (told, isinstance(value["datasets"], list), "signature" in headers) == (200, True, True)
        rows = node.ask(here, "GET", "/rows?dataset=air_quality.station")
        receipt = json.loads(base64.b64decode(rows[2]["exchange-receipt"]))["receipt"]
        assert (receipt["consumer_key"], receipt["rows"]) == (node.jwk["kid"], 0)
        body = {
            "dataset": "air_quality.station", "purpose": "statistics", "basis": "立法调研", "fields": {"name": "clear"},
            "days": 30,
        }  # fmt: skip
        message = {"id": str(uuid.uuid4()), "kind": "request", "subject": str(uuid.uuid4()), "step": 1, "body": body}
        sent = [node.ask(here, "POST", "/messages", {"messages": [message]})[1]["results"][0]["outcome"] for _ in range(2)]
        assert sent == ["taken", "known"]
        wrong = {**message, "id": str(uuid.uuid4()), "subject": str(uuid.uuid4()), "body": {**body, "dataset": "accounts"}}
        result = node.ask(here, "POST", "/messages", {"messages": [wrong]})[1]["results"][0]
        assert result["outcome"] == "refused"
        assert "no dataset" in result["reason"]
        assert outbox.deliver(other) == 1
        decision = node.heard[-1]
        assert (decision["kind"], decision["step"], decision["body"]["granted"]) == ("decision", 2, True), (
            "open: answered at once"
        )
        short = {**message, "id": str(uuid.uuid4()), "subject": str(uuid.uuid4()), "body": {**body, "basis": ""}}
        result = node.ask(here, "POST", "/messages", {"messages": [short]})[1]["results"][0]
        assert (result["outcome"], Asking.objects.filter(number=short["subject"]).exists()) == ("refused", False)
        due = {
            **message,
            "id": str(uuid.uuid4()),
            "subject": str(uuid.uuid4()),
            "body": {**body, "dataset": "water_supply.asset"},
        }
        assert node.ask(here, "POST", "/messages", {"messages": [due]})[1]["results"][0]["outcome"] == "taken"
        asked = Asking.objects.get(number=due["subject"]).request
        assert asked is not None
        assert (asked.state, asked.organisation, (asked.due_day is not None)) == ("submitted", other.organisation, True)
        askings.not_taken(other, str(Asking.objects.get(ours=True).number), "no")
        assert Asking.objects.get(ours=True).state == "refused"
        assert [node.ask(here, "GET", "/datasets", skew=skew)[0] for skew in (200, -200, 4000, -4000)] == [200, 200, 401, 401]
        assert node.ask(here, "GET", "/rows?dataset=water_supply.asset")[0] == 404
    finally:
        theirs.shutdown()
        city.shutdown()


def compared_and_mended(node: Any, mirror: Mirror, client: neighbours.Client) -> None:
    """A node of before digests is not compared; one that counts them as the protocol says is, and sends what is damaged."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE mirror.{mirror.table} SET title = '规' WHERE _key = 'law3'")
    assert checking.check(mirror, client) is None
    node.tells_digests = True
    with pytest.MonkeyPatch.context() as small:
        small.setattr(checking, "ROWS_IN_RANGE", 1)
        assert checking.check(mirror, client) == 1
        assert mirrors.draw(mirror, client) in (1, 2)
        assert checking.check(mirror, client) == 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT title FROM mirror.{mirror.table} ORDER BY _key")
        assert [title for (title,) in cursor.fetchall()] == [f"省规 {at}" for at in range(5)]


def published_by(node: Any, other: Neighbour) -> None:
    """What a node tells everybody is read without a signature; a node that tells it otherwise is not believed."""
    node.published = {"since": "2026-08-25", "until": "2026-11-23", "days": [
        {"day": "2026-11-22", "way": "api", "consumer": "city\x1b[2J", "dataset": "ext.laws", "exchanges": 2, "rows": 5},
    ]}  # fmt: skip
    told = neighbours.statistics_of(other)
    assert (told.since, told.lines) == ("2026-08-25", (neighbours.Line("city[2J", "ext.laws", 2, 5),))
    for wrong in ([], {"days": [{}]}, {"days": [{"consumer": "a", "dataset": "b", "exchanges": "x", "rows": 1}]}):
        node.published = wrong
        with pytest.raises(Malformed, match="does not publish"):
            neighbours.statistics_of(other)


def agree(district: Place, lost: int) -> None:
    """Every receipt is in both logs and countersigned, or disclaimed and in the provider's alone."""
    given, holds = json.loads(district.django(RECEIPTS).splitlines()[-1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT substring(name FROM 3) FROM ledger_entry WHERE name LIKE 'h.%%'")
        held = {row[0] for row in cursor.fetchall()}
    assert {number for number, countersigned, _ in given if countersigned} <= held
    assert all(countersigned != disclaimed for _, countersigned, disclaimed in given)
    assert sum(disclaimed for _, _, disclaimed in given) == lost
    assert holds
    assert check("exchange").holds
