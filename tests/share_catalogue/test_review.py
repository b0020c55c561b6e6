# SPDX-License-Identifier: Apache-2.0
"""A change is proposed by one person and let through by another; every version can be read, compared and restored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from chengyun.access.actors import ANONYMOUS, Actor
from chengyun.access.models import AuditRecord, Organisation
from chengyun.errors import NotFound, Refused
from chengyun.share.catalogue import queries, services
from chengyun.share.catalogue.fields import item_values
from chengyun.share.catalogue.models import Item, Resource, Revision
from chengyun.share.catalogue.search import search
from chengyun.share.catalogue.sync import ensure_catalogue
from chengyun.share.catalogue.versions import describe_changes, values_at
from chengyun.web.catalogue.words import waiting_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]
NOW = dt.datetime(2026, 11, 22, 2, tzinfo=dt.UTC)
NEW = {
    "name": "养老机构名录", "summary": "全市养老机构的名称、地址与床位", "class_code": "302001", "formats": ["xlsx"],
    "sharing": "conditional", "condition": "因履职需要", "ways": ["file"], "cycle": "month", "published_on": "2026-01-31",
}  # fmt: skip
ITEMS = [
    {"key": "name", "name": "机构名称", "type": "C", "length": 100, "definition": "", "personal": False, "element": None,
     "source_of_record": False},
]  # fmt: skip


@pytest.fixture
def environment() -> Organisation:
    return Organisation.objects.get(key="environment")


@pytest.fixture
def clerk(actor_as: Callable[..., Actor], environment: Organisation) -> Actor:
    return actor_as("department_clerk", organisation=environment, username="clerk")


@pytest.fixture
def steward(actor_as: Callable[..., Actor]) -> Actor:
    return actor_as("data_steward", organisation=Organisation.objects.get(key="operations_centre"), username="steward")


def test_a_change_is_a_version_only_after_somebody_elses_review(clerk: Actor, steward: Actor) -> None:
    key = "air_quality.station"
    draft = services.propose(clerk, key, {"summary": "国控和市控站点"}, reason="写清范围", now=NOW)
    before = Resource.objects.get(key=key)
    services.submit(clerk, draft.pk, NOW)
    with pytest.raises(Refused, match="岗位不能"):
        services.review(clerk, draft.pk, accept=True, now=NOW)
    assert Resource.objects.get(key=key).summary == before.summary
    done = services.review(steward, draft.pk, accept=True, now=NOW)
    after = Resource.objects.get(key=key)
    assert (after.summary, after.version, done.number) == ("国控和市控站点", before.version + 1, before.version + 1)
    assert [(it.label, it.after) for it in describe_changes(done)] == [("信息资源摘要", "国控和市控站点")]
    assert ensure_catalogue().changed == 0, "what a person set stays"
    assert values_at(after, before.version)["summary"] == before.summary
    assert set(AuditRecord.objects.filter(dataset="catalogue").values_list("action", flat=True)) >= {
        "catalogue.propose", "catalogue.submit", "catalogue.accept",
    }  # fmt: skip
    again = services.restore(steward, key, before.version, NOW)
    assert again.changes == {"summary": ["国控和市控站点", before.summary]}


def test_nobody_reviews_their_own_change_not_even_in_the_database(steward: Actor) -> None:
    draft = services.propose(steward, "parking.lot", {"keywords": ["停车"]}, now=NOW)
    services.submit(steward, draft.pk, NOW)
    with pytest.raises(Refused, match="不能审核自己"):
        services.review(steward, draft.pk, accept=True, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Revision.objects.filter(pk=draft.pk).update(state="accepted", number=99, reviewer=steward.account_id)


def test_a_change_that_breaks_a_rule_is_refused_with_everything_it_breaks(clerk: Actor) -> None:
    draft = services.propose(clerk, "air_quality.station", {"sharing": "none", "cycle": "hourly"}, now=NOW)
    with pytest.raises(Refused) as refused:
        services.submit(clerk, draft.pk, NOW)
    assert refused.value.fields["fields"] == ["basis", "cycle", "open", "ways"]
    assert "国发〔2016〕51号" in refused.value.sentence


def test_another_departments_resource_is_not_ones_own_to_change(clerk: Actor) -> None:
    Resource.objects.filter(key="parking.lot").update(provider=Organisation.objects.get(key="transport"))
    with pytest.raises(Refused, match="只有提供方"):
        services.propose(clerk, "parking.lot", {"summary": "别的"}, now=NOW)
    with pytest.raises(Refused, match="岗位不能"):
        services.register(ANONYMOUS, NEW, ITEMS, now=NOW)


def test_what_declarations_say_of_a_field_is_not_changed_here_but_its_meaning_is(clerk: Actor, steward: Actor) -> None:
    one = Resource.objects.get(key="air_quality.station")
    items = values_at(one, one.version)["items"]
    with pytest.raises(Refused, match="来自数据本身"):
        services.propose(clerk, one.key, {}, [{**items[0], "type": "M"}, *items[1:]], now=NOW)
    bound = [{**it, "name": "站点全称"} if it["key"] == "name" else it for it in items]
    services.submit(clerk, services.propose(clerk, one.key, {}, bound, now=NOW).pk, NOW)
    revision = Revision.objects.get(resource=one, state="submitted")
    assert [it.after for it in describe_changes(revision)] == ["站点全称 C(200)"]
    services.review(steward, revision.pk, accept=True, now=NOW)
    assert Item.objects.get(resource=one, key="name").edited == ["name"]
    assert ensure_catalogue().changed == 0
    assert one.key in [hit.key for hit in search(ANONYMOUS, "站点全称").hits]


def test_an_external_resource_is_seen_by_others_once_it_is_reviewed(
    clerk: Actor, steward: Actor, environment: Organisation, actor_as: Callable[..., Actor]
) -> None:
    draft = services.register(clerk, {**NEW, "provider": environment.pk}, ITEMS, now=NOW)
    key = draft.resource.key
    assert key == "ext.养老机构名录"
    other = actor_as("department_clerk", organisation=Organisation.objects.get(key="housing"), username="other")
    for stranger in (other, ANONYMOUS):
        assert search(stranger, "养老机构").hits == []
        with pytest.raises(NotFound):
            queries.resource(stranger, key)
    assert [hit.key for hit in search(clerk, "养老机构").hits] == [key]
    services.submit(clerk, draft.pk, NOW)
    with pytest.raises(Refused, match="须写明原因"):
        services.review(steward, draft.pk, accept=False, now=NOW)
    services.review(steward, draft.pk, accept=False, note="缺少地址", now=NOW)
    assert Resource.objects.get(key=key).state == "draft"
    second = services.propose(clerk, key, {**NEW, "provider": environment.pk, "state": "published"}, ITEMS, now=NOW)
    services.submit(clerk, second.pk, NOW)
    services.review(steward, second.pk, accept=True, now=NOW)
    there = queries.resource(ANONYMOUS, key)
    assert (there.state, there.code) == ("published", f"302001/{there.pk:06d}")
    assert services.all_faults(there, timezone.localdate(NOW)) == []
    with pytest.raises(Refused, match="提供方内唯一的名称"):
        services.submit(clerk, services.register(clerk, {**NEW, "provider": environment.pk}, ITEMS, now=NOW).pk, NOW)


def test_a_secret_resource_is_known_to_its_provider_alone(clerk: Actor, steward: Actor) -> None:
    one = Resource.objects.get(key="air_quality.station")
    services.submit(clerk, services.propose(clerk, one.key, {"open": False, "secret": True}, now=NOW).pk, NOW)
    services.review(steward, Revision.objects.get(resource=one, state="submitted").pk, accept=True, now=NOW)
    assert queries.resource(clerk, one.key).secret
    for stranger in (steward, ANONYMOUS):
        with pytest.raises(NotFound):
            queries.resource(stranger, one.key)


def test_what_changed_meanwhile_is_not_overwritten(clerk: Actor, steward: Actor) -> None:
    draft = services.propose(clerk, "air_quality.station", {"contact": "值班室"}, now=NOW)
    services.submit(clerk, draft.pk, NOW)
    Resource.objects.filter(key="air_quality.station").update(contact="总机")
    with pytest.raises(Refused, match="又被改过"):
        services.review(steward, draft.pk, accept=True, now=NOW)
    with pytest.raises(Refused, match="已有一项修改待完成"):
        services.propose(steward, "air_quality.station", {"contact": "别处"}, now=NOW)


def test_a_providers_code_is_entered_once_and_checked(steward: Actor, environment: Organisation) -> None:
    assert services.set_provider(steward, environment, " 91110000600037341l ").code == "91110000600037341L"
    with pytest.raises(Refused, match="GB 32100-2015"):
        services.set_provider(steward, environment, "91110000600037341M")
    with pytest.raises(Refused, match="已属于"):
        services.set_provider(steward, Organisation.objects.get(key="housing"), "91110000600037341L")


def test_items_that_changed_meanwhile_are_not_taken_out_again(clerk: Actor, steward: Actor) -> None:
    one = Resource.objects.get(key="air_quality.station")
    items = item_values(list(one.items.order_by("position", "id")))
    items[0]["definition"] = "国家或省的站点编码"
    draft = services.propose(clerk, one.key, {}, items, now=NOW)
    services.submit(clerk, draft.pk, NOW)
    Item.objects.create(resource=one, key="added", name="后来声明的字段", type="C", position=99)
    with pytest.raises(Refused, match="信息项在提交之后又被改过"):
        services.review(steward, draft.pk, accept=True, now=NOW)
    assert one.items.filter(key="added").exists()


def test_only_those_above_the_provider_and_who_keep_the_catalogue_let_a_change_through(
    clerk: Actor, actor_as: Callable[..., Actor]
) -> None:
    draft = services.propose(clerk, "air_quality.station", {"contact": "值班室"}, now=NOW)
    services.submit(clerk, draft.pk, NOW)

    def reviewer(role: str, body: str) -> Actor:
        return actor_as(role, organisation=Organisation.objects.get(key=body), username=f"{role}_{body}")

    branch = Organisation.objects.create(
        key="haishu", name="海曙区分局", parent=Organisation.objects.get(key="environment"), area_code="330203"
    )
    for role, body in (("data_steward", "police"), ("leader", "housing"), ("data_steward", branch.key)):
        other = reviewer(role, body)
        assert not waiting_for(other).exists()
        with pytest.raises(Refused):
            services.review(other, draft.pk, accept=True, now=NOW)
    for role, body in (("leader", "environment"), ("data_steward", "data"), ("data_steward", "operations_centre")):
        assert waiting_for(reviewer(role, body)).get() == draft
    head = actor_as("leader", organisation=Organisation.objects.get(key="environment"), username="head")
    assert services.review(head, draft.pk, accept=True, now=NOW).state == "accepted"
