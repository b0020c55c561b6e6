# SPDX-License-Identifier: Apache-2.0
"""Signed reads: what is granted comes, masked, of one moment, with a receipt; everything else is refused with a sentence."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.apps import apps
from django.db import connection, transaction

from chengyun.access.keystore import signing_key
from chengyun.access.masks import mask
from chengyun.access.models import AuditRecord, Grant
from chengyun.access.policy import scope
from chengyun.access.services import check_terms
from chengyun.access.subjects import subject_id
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.packs.water_supply.models import Asset
from chengyun.protocols.exchange.routes import ROUTES
from chengyun.share.exchange import messages, parties, reading, receipts, statistics
from chengyun.share.exchange.models import Party, Receipt
from chengyun.share.exchange.serving import Ask, answer_many
from chengyun.share.exchange.sources import source_of
from chengyun.share.ledger import verifier
from chengyun.web.api import readings
from chengyun.web.registers.panels import allowed_for

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)

DATASET = "water_supply.asset"


def test_pages_are_of_one_moment_and_the_next_read_tells_what_changed(department) -> None:
    given.assets(25)
    department.grant(DATASET)
    first = department.client.get("/rows", dataset=DATASET, limit=10).json()
    assert [row["key"] for row in first["rows"]] == [f"s{i:04}" for i in range(10)]
    # Between two pages everything happens: a row changes, one comes, one that was not read yet moves away.
    Asset.objects.filter(key="s0015").update(name="改名")
    given.assets(1, "s00150")
    rest, after = [], first["next"]
    while after:
        page = department.client.get("/rows", dataset=DATASET, limit=10, after=after, as_of=first["as_of"]).json()
        rest += page["rows"]
        after = page["next"]
    found = {row["key"]: row["values"] for row in first["rows"] + rest}
    assert len(found) == 25
    assert found["s0015"]["name"] == "泵 15"
    later = department.client.get("/changes", dataset=DATASET, since=first["as_of"]).json()
    assert {row["key"]: row["values"]["name"] for row in later["rows"]} == {"s0015": "改名", "s001500000": "泵 0"}
    again = department.client.get("/changes", dataset=DATASET, since=later["as_of"]).json()
    assert again["rows"] == []


def test_a_row_that_leaves_the_grant_is_told_as_removed_and_others_are_never_named(department) -> None:
    given.assets(3)
    Asset.objects.filter(key="s0002").update(area_code="330205000000")
    department.grant(DATASET, area_code="330203000000")
    read = department.client.get("/rows", dataset=DATASET).json()
    assert [row["key"] for row in read["rows"]] == ["s0000", "s0001"]
    Asset.objects.filter(key="s0001").update(area_code="330205000000")
    Asset.objects.filter(key="s0002").update(name="他区")
    later = department.client.get("/changes", dataset=DATASET, since=read["as_of"]).json()["rows"]
    assert [(row["key"], row.get("removed"), row.get("values")) for row in later] == [("s0001", True, None)]


def test_persons_are_read_for_a_purpose_masked_and_with_an_audit_record(department) -> None:
    given.people(4)
    grant = department.grant("population.person", "statistics", fields=["birth_date"], area_code="330203000000")
    before = AuditRecord.objects.count()
    told = department.client.get("/rows", dataset="population.person", purpose="statistics")
    rows = told.json()["rows"]
    assert [row["key"] for row in rows] == ["p00001", "p00003"]
    assert rows[0]["values"]["id_number"] == "3****************X"
    assert rows[0]["values"]["name"] == "欧阳**"
    assert rows[0]["values"]["birth_date"] == "1990-01-01"
    assert receipts.parse(told.leaf)["grants"] == [grant.number]
    record = AuditRecord.objects.order_by("-id").first()
    assert AuditRecord.objects.count() > before
    assert record is not None
    assert (record.action, record.dataset, record.purpose) == ("read", "population.person", "statistics")
    with pytest.raises(NotFound):
        department.client.get("/rows", dataset="population.person", purpose="duty")
    with pytest.raises(NotFound):
        department.client.get("/rows", dataset="population.person")


def test_what_is_not_granted_looks_like_what_is_not_there(department) -> None:
    sentences = set()
    for dataset in ("population.person", "nothing.here", "audit"):
        with pytest.raises(NotFound) as refused:
            department.client.get("/rows", dataset=dataset, purpose="statistics")
        sentences.add(refused.value.sentence)
    assert len(sentences) == 1
    told = {one["key"] for one in department.client.get("/datasets", purpose="statistics").json()["datasets"]}
    assert "population.person" not in told


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"fields": "nmae"}, "Did you mean"), ({"limit": 0}, "limit is 0"), ({"limit": "x"}, "whole number"),
        ({"as_of": 10**12}, "newest version"), ({"limit": 20_000}, "expected 1 to 10000"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(department, params: dict[str, object], says: str) -> None:
    given.assets(1)
    department.grant(DATASET)
    with pytest.raises(Refused, match=says):
        department.client.get("/rows", dataset=DATASET, **params)
    with pytest.raises(Refused, match="since_version"):
        department.client.get("/changes", dataset=DATASET, since=10**12)


def test_a_request_is_taken_once_within_the_window_whole_and_from_a_known_key(department) -> None:
    given.assets(1)
    department.grant(DATASET)
    wire = department.wire
    department.client.get("/rows", dataset=DATASET)
    sent = wire.sent[-1]
    assert wire.again(sent).json()["code"] == "replayed"

    def altered(**changes: str) -> str:
        key = department.key
        url = changes.get("url", str(sent.url))
        created = int(time.time()) + int(changes.get("ahead", "0"))
        headers = messages.sign_request("GET", url, b"", key_id=key.key_id, algorithm="ed25519", sign=key.sign, created=created)
        request = httpx.Request("GET", changes.get("sends", url), headers={**headers, **changes.get("headers", {})})  # type: ignore[dict-item]
        return str(wire.again(request).json().get("code", "taken"))

    assert altered() == "taken"
    assert altered(ahead="250") == "taken"
    assert altered(ahead="-250") == "taken"
    assert altered(ahead="400") == "clock"
    assert altered(ahead="-400") == "clock"
    assert altered(sends=f"{sent.url}&limit=5") == "signature"
    assert altered(sends=str(sent.url).replace("node.test", "other.test")) == "signature"
    unsigned = wire.again(httpx.Request("GET", str(sent.url)))
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "unsigned")
    from chengyun.access.actors import SYSTEM
    from chengyun.share.exchange import parties

    parties.end(SYSTEM, department.key.key_id)
    assert altered() == "signature"


def test_an_answer_that_was_changed_on_its_way_is_refused(department) -> None:
    given.assets(1)
    department.grant(DATASET)

    def body(answer: httpx.Response) -> httpx.Response:
        return httpx.Response(200, content=answer.content.replace("泵".encode(), "占".encode()), headers=answer.headers)

    def status(answer: httpx.Response) -> httpx.Response:
        return httpx.Response(201, content=answer.content, headers=answer.headers)

    def receipt(answer: httpx.Response) -> httpx.Response:
        headers = {**answer.headers, "exchange-receipt": kept}
        return httpx.Response(200, content=answer.content, headers=headers)

    def none(answer: httpx.Response) -> httpx.Response:
        return httpx.Response(200, content=answer.content)

    def old(answer: httpx.Response) -> httpx.Response:
        return former[0]

    former: list[httpx.Response] = []
    department.wire.changed = lambda answer: former.append(answer) or answer
    kept = __import__("base64").b64encode(department.client.get("/rows", dataset=DATASET).leaf).decode()
    for spoil in (body, status, receipt, none, old):
        department.wire.changed = spoil
        with pytest.raises(Refused):
            department.client.get("/rows", dataset=DATASET)


def test_a_receipt_is_countersigned_proved_and_every_changed_byte_of_it_found(department) -> None:
    given.assets(2)
    department.grant(DATASET)
    told = department.client.get("/rows", dataset=DATASET)
    for _ in range(3):
        department.client.get("/rows", dataset=DATASET)
    department.client.countersign(told.leaf)
    number = receipts.parse(told.leaf)["id"]
    file = department.client.get(f"/receipts/{number}").body
    keys = (signing_key("node").key_id, department.key.key_id)
    done = verifier.verify(file, told.body, keys)
    assert done.receipt["rows"] == 2
    assert len(done.says) == 6
    assert any("Countersigned" in one for one in done.says)
    with pytest.raises(verifier.Wrong, match="none of those you know"):
        verifier.verify(file, None, ("somebody",))
    for what, check in (
        (file, lambda changed: verifier.verify(changed)),
        (told.body, lambda changed: verifier.verify(file, changed)),
    ):
        for at in range(len(what)):
            for flip in (1, 0x20, 0x80):
                changed = what[:at] + bytes([what[at] ^ flip]) + what[at + 1 :]
                with pytest.raises((verifier.Wrong, verifier.NoReceipt)):
                    check(changed)
    other = given.Department.__new__(given.Department)
    assert other is not None
    assert Receipt.objects.get(number=number).countersigned_at is not None


def test_a_countersignature_is_the_consumers_and_of_this_receipt(department) -> None:
    given.assets(1)
    department.grant(DATASET)
    told = department.client.get("/rows", dataset=DATASET)
    said = receipts.said_by_consumer(told.leaf, department.key.key_id, dt.datetime.now(dt.UTC))
    stranger = given.new_key()
    for word in (
        {"countersignature": said, "signature": stranger.sign(verifier.canonical(said)).hex()},
        {"countersignature": {**said, "entry": "0" * 64}, "signature": department.key.sign(b"").hex()},
        {"countersignature": {**said, "more": 1}, "signature": ""},
        {"countersignature": said, "signature": "zz"},
    ):
        with pytest.raises(Refused):
            department.client.post(f"/receipts/{said['receipt']}/countersignature", word)
    assert Receipt.objects.get(number=said["receipt"]).countersigned_at is None


@pytest.mark.django_db(transaction=True)
def test_versions_under_way_are_never_passed(department) -> None:
    """A transaction that drew its numbers early and commits late is still told of."""
    given.assets(2)
    department.grant(DATASET)
    begin = department.client.get("/rows", dataset=DATASET).json()["as_of"]
    drew, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                Asset.objects.filter(key="s0000").update(name="慢")
                drew.set()
                go_on.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert drew.wait(20)
    Asset.objects.filter(key="s0001").update(name="快")
    seen: dict[str, str] = {}
    page = department.client.get("/changes", dataset=DATASET, since=begin).json()
    seen |= {row["key"]: row["values"]["name"] for row in page["rows"]}
    go_on.set()
    thread.join()
    later = department.client.get("/changes", dataset=DATASET, since=page["as_of"]).json()
    seen |= {row["key"]: row["values"]["name"] for row in later["rows"]}
    assert seen == {"s0000": "慢", "s0001": "快"}


def test_statistics_name_no_person_and_no_day_that_is_not_over(department) -> None:
    given.people(2)
    department.grant("population.person", "statistics")
    told = department.client.get("/rows", dataset="population.person", purpose="statistics")
    now = dt.datetime.now(dt.UTC)
    tomorrow = now + dt.timedelta(days=1)
    midnight = dt.datetime.combine(tomorrow.astimezone(config().zone).date(), dt.time(), config().zone)

    def mine(at: dt.datetime) -> list[tuple[int, int, int]]:
        published = statistics.published(at)
        assert "p00001" not in json.dumps(published, default=str)
        found = [
            one for one in published["days"] if (one["consumer"], one["dataset"]) == ("civil_affairs_test", "population.person")
        ]
        assert sum(one["rows"] for one in published["days"]) == published["totals"]["rows"]
        return [(one["exchanges"], one["rows"], one["countersigned"]) for one in found]

    statistics.count_days(midnight - dt.timedelta(seconds=1))
    assert mine(now) == mine(tomorrow) == []
    # What began before midnight may end after it.
    assert statistics.count_days(midnight + dt.timedelta(minutes=9)) == 0
    assert statistics.count_days(midnight + dt.timedelta(minutes=11)) == 1
    assert statistics.count_days(tomorrow) == 0
    assert mine(now) == []
    assert mine(tomorrow) == [(1, 2, 0)]
    # Of a day that had ended: it is counted again, once.
    party = Party.objects.get(key_id=department.key.key_id)
    said = receipts.said_by_consumer(told.leaf, department.key.key_id, tomorrow)
    word = {"countersignature": said, "signature": department.key.sign(verifier.canonical(said)).hex()}
    assert receipts.countersign(party, word, tomorrow)
    assert statistics.count_days(tomorrow) == 1
    assert statistics.count_days(tomorrow) == 0
    assert mine(tomorrow) == [(1, 2, 1)]
    assert source_of("population.person").history


def test_pages_asked_for_together_are_the_pages_asked_for_one_by_one(department) -> None:
    """Also where rows changed meanwhile, beside requests that are wrong, and beside others'."""
    given.assets(40)
    department.grant(DATASET, area_code="330203000000")
    Asset.objects.filter(key__in=["s0003", "s0007"]).update(area_code="330205000000")
    scope = parties.Known().scope(department.party, DATASET, "")
    afters = ["", "s0001", "s0002", "s0002", "s0035", "s0039", "zz", "'; --", "s0006"]
    one_by_one = [reading.rows(scope, DATASET, after=after or None, limit=4) for after in afters]
    assert reading.many(scope, DATASET, afters, 4) == one_by_one
    at = one_by_one[0].newest - 2
    earlier = [reading.rows(scope, DATASET, after=after or None, limit=4, as_of=at, newest=at) for after in afters]
    assert reading.many(scope, DATASET, afters, 4, newest=at) == earlier
    assert earlier != one_by_one
    with pytest.raises(Refused, match="limit is 0"):
        reading.many(scope, DATASET, afters, 0)

    def ask(query: str) -> Ask:
        key, path = department.key, "/exchange/v1/rows"
        headers = messages.sign_request(
            "GET", f"http://node.test{path}?{query}", b"", key_id=key.key_id, algorithm=key.algorithm, created=int(time.time()),
            sign=key.sign,
        )  # fmt: skip
        return Ask(
            "GET", "node.test", path, query, {name.lower(): value for name, value in headers.items()} | {"host": "node.test"}
        )

    asks = [ask(f"dataset={DATASET}&limit=3&after={after}") for after in ("s0001", "s0010", "")]
    asks += [
        ask(f"dataset={DATASET}&limit=0"),
        ask("dataset=water_supply.network&limit=3"),
        ask(f"dataset={DATASET}&limit=3&x=1"),
    ]
    answers = answer_many(asks, ROUTES, parties.Known())
    assert [one.status for one in answers] == [200, 200, 200, 400, 404, 200]
    shown = [[row["key"] for row in json.loads(one.body)["rows"]] for one in answers if one.status == 200]
    first = ["s0000", "s0001", "s0002"]
    assert shown[:3] == [["s0002", "s0004", "s0005"], ["s0011", "s0012", "s0013"], first]
    assert Receipt.objects.count() == 4


UNTIL = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
PERSON = "population.person"


def all_rows(department, purpose: str) -> tuple[list[dict[str, Any]], int]:
    rows, told = [], department.client.get("/rows", dataset=PERSON, purpose=purpose, limit=7).json()
    while True:
        rows += told["rows"]
        if told["next"] is None:
            return rows, told["as_of"]
        assert "p000" not in told["next"]
        more = {"after": told["next"], "as_of": told["as_of"]}
        told = department.client.get("/rows", dataset=PERSON, purpose=purpose, limit=7, **more).json()


def test_nothing_joins_the_pseudonyms_of_two_purposes(department) -> None:
    """Neither the key nor a cursor, a version or the place among the rows; the audit knows whom they are of."""
    given.people(40)
    real, purposes = [f"p{number:05}" for number in range(40)], ("statistics", "evidence")
    shown = {"id_number": "pseudonym", "sex": "clear"}
    for purpose in purposes:
        department.grant(PERSON, purpose, shown=shown, until=UNTIL)
    places, names = {"as they lie": real}, dict[str, list[str]]()
    for purpose in purposes:
        rows, as_of = all_rows(department, purpose)
        assert {row.get("version") for row in rows} == {as_of}
        assert all(row["key"] == row["values"]["key"] for row in rows)
        names[purpose] = [row["key"] for row in rows]
        behind = {str(mask("pseudonym:key", key, purpose)): key for key in real}
        places[purpose] = [behind[one] for one in names[purpose]]
        assert sorted(places[purpose]) == real
    assert len({tuple(one) for one in places.values()}) == 3
    assert not set(names["statistics"]) & set(names["evidence"])
    assert not set(real) & {*names["statistics"], *names["evidence"]}
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT subject FROM access_auditsubject")
        assert {subject_id(PERSON, key) for key in real} <= {subject for (subject,) in cursor.fetchall()}
    # A change comes under the same name, with the version of the page.
    Person: Any = apps.get_model("population", "Person")
    one = Person.objects.get(key="p00004")
    one.sex = "2"
    one.save()
    changed = department.client.get("/changes", dataset=PERSON, purpose="evidence", since=as_of).json()
    assert [(row["key"], row["version"]) for row in changed["rows"]] == [
        (str(mask("pseudonym:key", "p00004", "evidence")), changed["as_of"])
    ]
    # Pages asked for together are the same ones.
    allowed = scope(parties.actor_of(department.party), PERSON, "statistics")
    alone = reading.rows(allowed, PERSON, limit=9)
    both = reading.many(allowed, PERSON, ["", str(alone.next)], 9)
    assert [row.key for row in both[0].rows] == [row.key for row in alone.rows]
    assert not {row.key for row in both[0].rows} & {row.key for row in both[1].rows}


@pytest.mark.parametrize("after", ["x", "p00001", "1-", "-", "0-{}", "01-{}", "9-{}", "1-{}0", "1-{}\n", "1.{}", "9" * 30])
@pytest.mark.parametrize("path", ["/rows", "/digests"])
def test_a_place_that_was_never_given_out_is_said_to_be_none(department, path: str, after: str) -> None:
    given.people(1)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym"})
    with pytest.raises(Refused, match="not a cursor") as told:
        department.client.get(path, dataset=PERSON, purpose="statistics", after=after.format("a" * 64))
    assert (told.value.code, told.value.fields["status"]) == ("parameter", 400)


def test_a_row_under_a_pseudonym_is_taken_back_under_it(department) -> None:
    given.people(3)
    department.grant(PERSON, "statistics", shown={"id_number": "pseudonym"}, area_code="330203000000", until=UNTIL)
    rows, as_of = all_rows(department, "statistics")
    assert len(rows) == 1
    Person: Any = apps.get_model("population", "Person")
    one = Person.objects.get(key="p00001")
    one.area_code = "330205001001"
    one.save()
    changed = department.client.get("/changes", dataset=PERSON, purpose="statistics", since=as_of).json()["rows"]
    assert [(row["key"], row.get("removed")) for row in changed] == [(rows[0]["key"], True)]


def test_who_is_shown_pseudonyms_cannot_ask_for_a_key(department) -> None:
    given.people(3)
    grant = department.grant(PERSON, "statistics", shown={"id_number": "pseudonym"}, until=UNTIL)
    actor = parties.actor_of(department.party)
    asked = {"dataset": PERSON, "purpose": "statistics", "key": "p00001", "area": None, "cursor": None, "limit": 9}
    assert scope(actor, PERSON, "statistics").allowed
    for door in (readings.entity, readings.entity_list):
        with pytest.raises(Refused, match="数据交换"):
            door(actor, asked)
    assert not allowed_for(actor, PERSON, "statistics").allowed
    # One that asked for the key in clear, and got it so, reads as before.
    Grant.objects.filter(pk=grant.pk).update(shown={"id_number": "pseudonym", "key": "clear"})
    found = readings.entity(actor, asked)
    assert found["key"] == "p00001"
    assert found["id_number"] != "33020319900101001X"
    with pytest.raises(Refused, match="明文"):
        check_terms(DATASET, shown={"key": "pseudonym"}, purpose="statistics")
