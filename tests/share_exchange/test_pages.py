# SPDX-License-Identifier: Apache-2.0
"""The exchange's pages: who sees what, and what a steward does there."""

from __future__ import annotations

import json
import uuid
from importlib import util
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from chengyun.access.models import Account, Assignment, AuditRecord, Grant, Organisation
from chengyun.errors import NotFound, Unavailable
from chengyun.share.exchange import receipts, statistics
from chengyun.share.exchange.models import Party, Receipt, Subscription
from chengyun.share.federation import checking, inbox, mirrors, neighbours
from chengyun.share.federation.models import Asking, Mirror, Neighbour, Sent
from chengyun.share.ledger import verifier
from chengyun.web.exchange import desk

_spec = util.spec_from_file_location("exchange_conftest", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
given = util.module_from_spec(_spec)
_spec.loader.exec_module(given)


def who(role: str, organisation: Organisation | None = None) -> Client:
    account = Account.objects.create_user(
        f"{role}-{uuid.uuid4().hex[:6]}", password="Tower-Bridge-1894", organisation=organisation
    )
    account.password_changed_at = timezone.now()
    account.save()
    Assignment.objects.create(account=account, role=role, organisation=organisation)
    client = Client()
    client.force_login(account)
    return client


def test_a_receipt_is_proved_on_its_page_and_seen_by_its_own_body(department, monkeypatch) -> None:
    given.assets(2)
    department.grant("water_supply.asset")
    told = department.client.get("/rows", dataset="water_supply.asset")
    number = receipts.parse(told.leaf)["id"]
    steward, own = who("data_steward"), who("department_clerk", department.organisation)
    other = who("department_clerk", Organisation.objects.create(key="elsewhere_test", name="他局"))
    page = steward.get(f"/exchange/receipts/{number}").content.decode()
    assert page.count("status-ok") == 3
    assert "使用方尚未回签" in page
    department.client.countersign(told.leaf)
    assert own.get(f"/exchange/receipts/{number}").content.decode().count("status-ok") == 4
    assert verifier.verify(own.get(f"/exchange/receipts/{number}.json").content).receipt["id"] == number
    assert other.get(f"/exchange/receipts/{number}").status_code == 404
    assert number not in other.get("/exchange").content.decode()
    assert number in own.get("/exchange").content.decode()
    assert Client().get("/exchange").status_code in (302, 404)
    assert "<strong>1</strong> 今日交换" in own.get("/exchange").content.decode()
    for _ in range(2):
        department.client.get("/rows", dataset="water_supply.asset")
    assert "<strong>3</strong> 今日交换" in own.get("/exchange").content.decode()
    assert "<strong>2</strong> 其中待回签" in own.get("/exchange").content.decode()
    monkeypatch.setattr(desk, "MOST_COUNTED", 2)
    assert "<strong>2+</strong> 今日交换" in own.get("/exchange").content.decode()
    Receipt.objects.update(at=timezone.now() - timezone.timedelta(days=2))
    statistics.count_days()
    public = Client().get("/exchange/statistics")
    assert "民政测试" in public.content.decode()
    told = Client().get("/exchange/statistics.json").json()
    assert told["totals"]["rows"] >= 2


def test_a_neighbours_request_is_answered_where_every_departments_is(department) -> None:
    neighbour = Neighbour.objects.create(name="haishu", title="海曙区", address="http://a", organisation=department.organisation)
    number = uuid.uuid4()
    body = {
        "dataset": "water_supply.asset",
        "purpose": "statistics",
        "basis": "汛期调度",
        "fields": {"name": "clear"},
        "days": 30,
    }
    message = {"id": str(uuid.uuid4()), "kind": "request", "subject": str(number), "step": 1, "body": body}
    assert inbox.take(neighbour, [message])[0]["outcome"] == "taken"
    asking = Asking.objects.get(number=number)
    assert asking.request is not None
    provider = asking.request.provider or Organisation.objects.get_or_create(key="operations_centre")[0]
    steward, clerk = who("data_steward", provider), who("department_clerk", department.organisation)
    address = f"/requests/{asking.request.number}"
    assert address in steward.get("/exchange").content.decode()
    assert clerk.post(f"{address}/agree").status_code in (302, 400, 403, 404)
    assert Grant.objects.filter(organisation=department.organisation).count() == 0
    terms = {"field:name": "clear", "purpose": "statistics", "ends": f"{asking.request.ends:%Y-%m-%d}"}
    assert steward.post(f"{address}/agree", terms).status_code == 303
    asking.refresh_from_db()
    assert asking.state == "granted"
    assert Grant.objects.get(number=asking.grant).shown == {"name": "clear"}
    assert steward.post(f"{address}/revoke", {"note": "到期"}).status_code == 303
    assert Grant.objects.get(number=asking.grant).revoked_at is not None
    assert list(Sent.objects.order_by("id").values_list("kind", "step")) == [("decision", 2), ("revoked", 3)]
    page = steward.get("/exchange").content.decode()
    assert "海曙区" in page
    assert "已撤销" in page


def test_a_neighbours_keys_are_shown_with_what_came_after_what(department) -> None:
    pinned = {
        "old-key": {"until": "2199-01-02T03:04:05Z"}, "new-key": {"since": "2026-11-23T07:00:00Z"},
        "gone-key": {"until": "2026-01-01T00:00:00Z"},
    }  # fmt: skip
    neighbour = Neighbour.objects.create(
        name="haishu", title="海曙区", address="http://a", organisation=department.organisation, keys=pinned
    )  # fmt: skip
    steward = who("data_steward")

    def says() -> str:
        page = steward.get("/exchange").content.decode()
        return page[page.index('id="neighbours"') :]

    page = says()
    assert page.index("new-key") < page.index("2026-11-23 15:00 接替前一密钥") < page.index("old-key")
    assert page.index("old-key") < page.index("已被接替，至 2199-01-02 11:04 仍认可")
    assert "gone-key" not in page
    neighbour.keys = {}
    neighbour.save(update_fields=["keys"])
    assert "没有可认可的密钥" in says()


def test_why_a_neighbour_refused_is_said_in_chinese_beside_its_own_words(department) -> None:
    neighbour = Neighbour.objects.create(name="haishu", title="海曙区", address="http://a", organisation=department.organisation)
    theirs = "days is a whole number from 1 to 3660."
    asked = {"neighbour": neighbour, "ours": True, "dataset": "water_supply.asset", "purpose": "statistics", "state": "refused"}
    Asking.objects.create(number=uuid.uuid4(), reason=theirs, **asked)
    Asking.objects.create(number=uuid.uuid4(), reason="材料不全", **asked)
    page = who("data_steward").get("/exchange", headers={"accept-language": "zh-CN"}).content.decode()
    assert f'期限应为 1 至 3660 的整数天。 <span lang="en">{theirs}</span>' in page
    assert page.count("材料不全") == 1


def test_why_a_subscriber_could_not_be_told_is_said_in_chinese(department) -> None:
    Subscription.objects.create(
        number=uuid.uuid4(), party=department.party, dataset="water_supply.asset", url="http://a.example/in", failures=2,
        reason="a.example answered 500.", retry_at=timezone.now(),
    )  # fmt: skip
    page = who("data_steward").get("/exchange", headers={"accept-language": "zh-CN"}).content.decode()
    assert '<span class="status status-bad">a.example 应答 500。</span>' in page


def test_a_mirror_shows_when_it_was_compared_and_what_was_found(department, monkeypatch) -> None:
    neighbour = Neighbour.objects.create(name="haishu", title="海曙区", address="http://a", organisation=department.organisation)
    mirror = mirrors.start(neighbour, "water_supply.asset")
    steward = who("data_steward")

    def says() -> str:
        page = steward.get("/exchange").content.decode()
        return page[page.index('id="mirrors"') : page.index('id="receipts"')]

    assert "尚未核对" in says()
    monkeypatch.setattr(neighbours, "client_of", lambda _: department.client)
    monkeypatch.setattr(department.client, "close", lambda: None)
    given.assets(3)
    department.grant("water_supply.asset")
    assert checking.check_all() == {mirror: None}
    assert "尚未读全" in says()
    mirrors.draw(mirror, department.client)
    assert checking.check_all() == {mirror: 0}
    assert "与来源一致" in says()
    assert "尚未" not in says()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE mirror.{mirror.table} SET name = 'x' WHERE _key = 's0001'")
    assert checking.check(mirror, department.client) == 1
    assert "与来源不一致的行段：1，正在重读" in says()
    mirrors.draw(mirror, department.client)
    assert "与来源不一致的行段：1，已重读" in says()
    compared = Mirror.objects.get().checked_at
    with monkeypatch.context() as away:
        away.setattr(department.client, "get", lambda *_, **__: (_ for _ in ()).throw(Unavailable("海曙没有应答。")))
        assert checking.check_all() == {mirror: "海曙没有应答。"}
    Mirror.objects.update(reason=mirrors.fault_of(Unavailable("x"), "x"))
    assert says().count("来源没有应答") == 2
    assert "来源没有应答" in says()
    assert Mirror.objects.get().checked_at == compared
    with monkeypatch.context() as older:
        older.setattr(department.client, "get", lambda *_, **__: (_ for _ in ()).throw(NotFound("nothing here")))
        assert checking.check_all() == {mirror: None}
    assert "来源没有给出摘要" in says()
    assert checking.check_all() == {mirror: 0}
    assert "来源没有给出摘要" not in says()


@pytest.mark.parametrize("address", ["/exchange/receipts/00000000-0000-0000-0000-000000000000", "/exchange/receipts/x"])
def test_what_is_not_there_is_not_found(department, address: str) -> None:
    assert who("data_steward").get(address).status_code == 404


def test_a_key_is_registered_and_ended_on_its_page_by_who_administers_the_whole_city(department) -> None:
    centre = Organisation.objects.get_or_create(key="operations_centre", defaults={"name": "市城市运行中心"})[0]
    other = Organisation.objects.create(key="below_test", name="下级测试", parent=centre)
    whole, part, steward = who("administrator"), who("administrator", other), who("data_steward")
    key = given.new_key()
    form = {"organisation": "below_test", "name": "调度系统", "jwk": json.dumps(key.public)}
    for stranger in (part, steward):
        assert stranger.get("/exchange/keys").status_code in (403, 404)
        assert stranger.post("/exchange/keys/add", form).status_code in (403, 404)
        assert stranger.post(f"/exchange/keys/{department.key.key_id}/end", {"confirm": "yes"}).status_code in (403, 404)
        assert "/exchange/keys" not in stranger.get("/exchange").content.decode()
    assert not Party.objects.filter(key_id=key.key_id).exists()
    assert "/exchange/keys" in whole.get("/exchange").content.decode()
    assert whole.post("/exchange/keys/add", form).status_code == 303
    made = Party.objects.get(key_id=key.key_id)
    said = AuditRecord.objects.latest("pk")
    assert (said.action, said.target, said.detail, said.account_id is not None) == (
        "exchange.party", key.key_id, {"organisation": "below_test"}, True,
    )  # fmt: skip
    page = whole.get("/exchange/keys").content.decode()
    assert key.key_id in page
    assert department.key.key_id in page
    address = f"/exchange/keys/{key.key_id}/end"
    unsure = whole.post(address)
    assert (unsure.status_code, "请先勾选确认" in unsure.content.decode()) == (400, True)
    assert whole.post(address, {"confirm": "yes"}).status_code == 303
    made.refresh_from_db()
    assert made.revoked_at is not None
    assert AuditRecord.objects.latest("pk").action == "exchange.party_ended"
    assert whole.post(address, {"confirm": "yes"}).status_code == 404
    again = whole.post("/exchange/keys/add", form)
    assert (again.status_code, "已经登记过" in again.content.decode()) == (400, True)


@pytest.mark.parametrize(
    ("jwk", "why"),
    [
        ("", "这不是 JWK"), ("[]", "这不是 JWK"), ("[" * 3000, "这不是 JWK"), ("{" + " " * 4000 + "}", "这不是 JWK"),
        ('{"kty": "RSA", "n": "AQAB"}', "这不是可用的公钥"),
        ('{"kty": "OKP", "crv": "Ed25519", "x": "AA"}', "这不是可用的公钥"),
        ('{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "secret-half"}', "这里面有私钥"),
    ],
)  # fmt: skip
def test_what_is_no_public_key_is_refused_in_words_and_not_shown_again(department, jwk: str, why: str) -> None:
    told = who("administrator").post("/exchange/keys/add", {"organisation": "civil_affairs_test", "name": "系统", "jwk": jwk})
    page = told.content.decode()
    assert (told.status_code, why in page, "secret-half" in page) == (400, True, False)
    assert Party.objects.count() == 1
