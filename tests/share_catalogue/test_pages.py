# SPDX-License-Identifier: Apache-2.0
"""The catalogue's pages: what each kind of reader sees, and a change from the form to a version."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chengyun.access.actors import Actor
from chengyun.access.models import Account, Organisation
from chengyun.errors import Refused
from chengyun.share.catalogue import lists, services
from chengyun.share.catalogue.models import Entry, Resource, Revision
from chengyun.share.catalogue.versions import describe_changes
from chengyun.web import cache

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]
PAGES = (
    "",
    "/reviews",
    "/lists",
    "/lists?list=demand",
    "/lists?list=negative",
    "/elements",
    "/duplicates",
    "/timeliness",
    "/transfer",
)


@pytest.fixture
def as_steward(account_as: Callable[..., Account]) -> Client:
    cache.forget_all()
    client = Client()
    client.force_login(
        account_as("data_steward", organisation=Organisation.objects.get(key="operations_centre"), username="steward")
    )
    return client


@pytest.fixture
def as_leader(account_as: Callable[..., Account]) -> Client:
    client = Client()
    client.force_login(account_as("leader", username="leader"))
    return client


def test_every_page_opens_for_staff_and_the_public_sees_what_is_public(as_steward: Client) -> None:
    for page in PAGES:
        assert as_steward.get(f"/catalogue{page}").status_code == 200, page
    for page in ("", "/transfer", "/terms", "/r/air_quality.station_hour"):
        assert Client().get(f"/catalogue{page}").status_code == 200, page
    for page in ("/reviews", "/lists", "/duplicates", "/new", "/r/air_quality.station_hour/edit"):
        assert Client().get(f"/catalogue{page}").status_code == 302, page
    assert Client().get("/catalogue/r/none").status_code == 404


def test_search_shows_hits_counts_and_the_way_on(as_steward: Client) -> None:
    page = Client().get("/catalogue?q=停车场").content.decode()
    assert "/catalogue/r/parking.lot" in page
    assert "/catalogue/r/air_quality.station_hour" not in page
    assert "没有找到" in Client().get("/catalogue?q=没有这样的数据").content.decode()
    second = Client().get("/catalogue?page=2").content.decode()
    assert 'rel="prev"' in second
    for odd in (
        "?page=x",
        "?page=99999",
        "?kind=none",
        "?provider=x",
        "?provider=99999999999999999999",
        "?q=%00",
        "?q=%27%20%7C%20%21a",
        "?open=maybe",
    ):
        assert Client().get(f"/catalogue?{odd}").status_code == 200, odd
    assert "项" in Client().get("/catalogue/counts?q=停车").content.decode()


def test_a_list_asks_no_more_for_twenty_than_for_two() -> None:
    def asked(text: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            Client().get(f"/catalogue?q={text}")
        return len(queries)

    assert asked("") <= asked("停车场泊位") + 2


def test_a_change_goes_from_the_form_through_review(as_steward: Client, as_leader: Client) -> None:
    page = as_steward.get("/catalogue/r/parking.lot/edit")
    form = {
        one.name: [it.value for it in one.choices if it.chosen] if one.choices else one.value
        for one in page.context["page"].inputs
    }
    items = [row.values for row in page.context["page"].items]
    given = {name: value for name, value in form.items() if value not in ("", [], [""])}
    rows = {
        f"item.{name}": ["" if it[name] is None else it[name] for it in items]
        for name in ("key", "name", "type", "length", "definition", "element")
    }
    sent = {**given, **rows, "summary": "市区公共停车场", "item.personal": [], "item.source": [], "deed": "submit"}
    answer = as_steward.post("/catalogue/r/parking.lot/edit", sent, follow=True)
    assert answer.status_code == 200
    revision = Revision.objects.get(resource__key="parking.lot", state="submitted")
    assert set(revision.changes) == {"summary"}
    body = answer.content.decode()
    assert "<ins>市区公共停车场</ins>" in body
    assert "/accept" not in body, "nobody is offered to review their own"
    assert as_steward.post(f"/catalogue/revisions/{revision.pk}/accept").status_code == 400
    assert "market" not in body
    assert f"/catalogue/revisions/{revision.pk}" in as_leader.get("/catalogue/reviews").content.decode()
    refused = as_leader.post(f"/catalogue/revisions/{revision.pk}/return", {"note": ""})
    assert (refused.status_code, "须写明原因" in refused.content.decode()) == (400, True)
    assert as_leader.post(f"/catalogue/revisions/{revision.pk}/accept").status_code == 303
    shown = Client().get("/catalogue/r/parking.lot").content.decode()
    assert "市区公共停车场" in shown
    assert "/requests/new?dataset=parking.lot" in shown
    Resource.objects.filter(key="parking.lot").update(state="withdrawn")
    assert "/requests/new" not in Client().get("/catalogue/r/parking.lot").content.decode(), "what is withdrawn is not asked for"
    Resource.objects.filter(key="parking.lot").update(state="published")
    restored = as_steward.post(f"/catalogue/r/parking.lot/restore/{Resource.objects.get(key='parking.lot').version - 1}")
    assert restored.status_code == 303
    assert Revision.objects.get(resource__key="parking.lot", state="draft").changes["summary"][1] != "市区公共停车场"


def test_a_wrong_form_says_why_and_keeps_what_was_typed(as_steward: Client) -> None:
    body = Organisation.objects.get(key="data")
    sent = {
        "name": "名录",
        "provider": str(body.pk),
        "sharing": "none",
        "cycle": "month",
        "deed": "submit",
        "item.name": ["甲"],
        "item.key": [""],
        "item.type": ["C"],
        "item.length": ["x"],
    }
    answer = as_steward.post("/catalogue/new", sent)
    assert answer.status_code == 400
    assert "应为正整数或空" in answer.content.decode()
    answer = as_steward.post("/catalogue/new", {**sent, "item.length": ["3"]})
    said = answer.content.decode()
    assert answer.status_code == 400
    assert "国发〔2016〕51号" in said
    assert 'value="名录"' in said
    assert not Resource.objects.filter(kind="external").exists(), "a refusal leaves no draft"


def test_a_line_is_its_bodys_and_the_bureaus_to_settle(actor_as: Callable[..., Actor]) -> None:
    """Another department neither takes a line off, nor declines it, nor puts one there; what it provides it may match."""
    bodies = {one.key: one for one in Organisation.objects.filter(key__in=["transport", "environment", "data"])}
    mine, other, bureau = (
        actor_as("department_clerk", organisation=bodies[key], username=f"l_{key}")
        for key in ("transport", "environment", "data")
    )
    station = Resource.objects.get(key="air_quality.station")
    Resource.objects.filter(pk=station.pk).update(provider=bodies["environment"])
    wanted = lists.add(mine, "demand", "空气质量", bodies["transport"], purpose="诱导")
    owed = lists.add(bureau, "duty", "停车场", bodies["transport"], basis="三定方案")
    for deed in (
        lambda: lists.add(other, "duty", "停车场", bodies["transport"], basis="三定方案"),
        lambda: lists.strike(other, owed.pk),
        lambda: lists.strike(other, wanted.pk),
        lambda: lists.settle(other, wanted.pk, note="不给"),
        lambda: lists.settle(other, owed.pk, resource_key=station.key),
        lambda: services.set_provider(other, bodies["transport"], "91110000600037341L"),
    ):
        with pytest.raises(Refused, match="交通运输局"):
            deed()
    assert [(one.entry.pk, one.mine) for one in lists.lines(other, "demand")] == [(wanted.pk, False)]
    assert lists.lines(mine, "demand")[0].mine
    assert lists.settle(other, wanted.pk, resource_key=station.key).state == "matched"
    assert lists.settle(bureau, owed.pk, note="系统在建").state == "declined"
    lists.strike(mine, owed.pk)


def test_a_list_of_many_bodies_asks_no_more_than_one_of_few(actor_as: Callable[..., Actor]) -> None:
    steward, clerk = actor_as("data_steward", username="l_all"), actor_as("department_clerk", username="l_clerk")

    def told(count: int) -> int:
        for at in range(count):
            above = Organisation.objects.create(key=f"l_above_{count}_{at}", name=f"局{at}")
            body = Organisation.objects.create(key=f"l_body_{count}_{at}", name=f"分局{at}", parent=above)
            lists.add(steward, "demand", f"数据{at}", body, purpose="诱导")
        with CaptureQueriesContext(connection) as queries:
            assert len(lists.lines(clerk, "demand")) >= count
        return len(queries)

    assert told(1) == told(5)


def test_a_demand_is_matched_to_a_resource_or_declined(as_steward: Client) -> None:
    body = Organisation.objects.get(key="transport")
    sent = {"list": "demand", "title": "停车场", "organisation": str(body.pk), "wanted": "泊位数、所在城市", "purpose": "诱导"}
    assert as_steward.post("/catalogue/lists/add", {**sent, "purpose": ""}).status_code == 400
    assert as_steward.post("/catalogue/lists/add", sent).status_code == 303
    line = Entry.objects.get()
    page = as_steward.get(f"/catalogue/lists?list=demand&match={line.pk}").context["page"]
    assert (page.matches[0].key, page.matches[0].share) == ("parking.lot", 1.0)
    assert as_steward.post(f"/catalogue/lists/{line.pk}/decline", {"note": ""}).status_code == 400
    assert as_steward.post(f"/catalogue/lists/{line.pk}/match", {"resource": "parking.lot"}).status_code == 303
    line.refresh_from_db()
    assert (line.state, line.resource.key) == ("matched", "parking.lot")
    duty = {**sent, "list": "duty", "basis": "三定方案"}
    as_steward.post("/catalogue/lists/add", duty)
    owed = Entry.objects.get(list="duty")
    other = as_steward.post(f"/catalogue/lists/{owed.pk}/match", {"resource": "air_quality.station"})
    assert "只能由责任部门" in other.content.decode()
    as_steward.post(f"/catalogue/lists/{owed.pk}/strike")
    assert as_steward.post(f"/catalogue/lists/{owed.pk}/strike").status_code == 404


def test_a_providers_code_is_kept_by_the_page_for_all_its_resources(as_steward: Client) -> None:
    assert as_steward.post("/catalogue/r/air_quality.station/provider", {"code": "91110000600037341M"}).status_code == 400
    good = {"code": "91110000600037341L", "contact": "12345"}
    assert as_steward.post("/catalogue/r/air_quality.station/provider", good).status_code == 303
    assert "91110000600037341L" in Client().get("/catalogue/r/air_quality.station_hour").content.decode()


def test_files_come_in_by_the_page(as_steward: Client) -> None:
    sheet = b"".join(as_steward.get("/catalogue/transfer/catalogue.xlsx").streaming_content)
    assert sheet[:2] == b"PK"
    no_book = SimpleUploadedFile("x.xlsx", b"nothing")
    assert as_steward.post("/catalogue/transfer/import", {"file": no_book}).status_code == 400
    assert as_steward.post("/catalogue/transfer/import").status_code == 400
    foreign = SimpleUploadedFile("data.json", b'{"dataset": [{"title": "Trees", "identifier": "1"}]}')
    answer = as_steward.post("/catalogue/transfer/harvest", {"origin": "elsewhere", "file": foreign}, follow=True)
    assert "缺少" in answer.content.decode()
    assert Resource.objects.get(origin="elsewhere").name == "Trees"
    assert io.BytesIO(sheet).getbuffer().nbytes > 5_000


def test_an_unknown_provider_is_refused_and_what_cannot_be_read_stays_as_it_was_typed(as_steward: Client) -> None:
    sent = {
        "name": "名录", "provider": "987654", "sharing": "conditional", "condition": "因履职需要", "cycle": "month",
        "deed": "keep", "published_on": "", "summary": "一段很长的话", "item.name": ["甲"], "item.key": ["a"], "item.type": ["C"],
        "item.length": ["3"],
    }  # fmt: skip
    wrong = (
        ({}, "没有编号为 987654 的部门"), ({"provider": "9" * 5_000}, "没有编号为"), ({"provider": "生态环境局"}, "没有编号为"),
        ({"provider": "", "published_on": "2026-13-01"}, "YYYY-MM-DD"), ({"provider": "", "item.length": ["很长"]}, "应为正整数"),
        ({"provider": "", "item.length": ["9" * 5_000]}, "应为正整数"),
    )  # fmt: skip
    for edit, says in wrong:
        answer = as_steward.post("/catalogue/new", {**sent, **edit})
        body = answer.content.decode()
        assert (answer.status_code, says in body) == (400, True), edit
        assert "一段很长的话" in body, edit
    assert 'value="很长"' in as_steward.post("/catalogue/new", {**sent, **wrong[4][0]}).content.decode()
    assert not Resource.objects.filter(kind="external").exists()


def test_a_form_of_many_items_is_kept_whole(as_steward: Client) -> None:
    count = 300
    rows = {"key": [f"f{at}" for at in range(count)], "name": [f"项{at}" for at in range(count)], "type": ["C"] * count}
    empty = {f"item.{name}": [""] * count for name in ("length", "definition", "element")}
    sent = {
        "name": "长表", "provider": str(Organisation.objects.get(key="data").pk), "sharing": "conditional", "cycle": "month",
        "deed": "keep", **{f"item.{name}": values for name, values in rows.items()}, **empty,
    }  # fmt: skip
    assert as_steward.post("/catalogue/new", sent).status_code == 303
    assert len(Revision.objects.get(resource__name="长表").changes["items"][1]) == count


def test_what_was_kept_or_came_back_is_gone_on_with(as_steward: Client, as_leader: Client) -> None:
    """A form that comes back empty is typed again whole, and what is let through at last is there for everybody."""
    sent = {
        "name": "养老机构名录", "provider": str(Organisation.objects.get(key="data").pk), "summary": "全市养老机构",
        "formats": "pdf", "class_code": "302001", "sharing": "conditional", "condition": "因履职需要", "ways": ["file"],
        "cycle": "month", "published_on": "2026-01-31", "item.name": ["机构名称"], "item.key": ["name"], "item.type": ["C"],
        "item.length": ["100"],
    }  # fmt: skip
    assert as_steward.post("/catalogue/new", {**sent, "deed": "keep"}).status_code == 303
    one = Resource.objects.get(name="养老机构名录")
    form = as_steward.get(f"/catalogue/r/{one.key}/edit")
    assert "接着您未提交的草稿填写" in form.content.decode()
    assert {it.name: it.value for it in form.context["page"].inputs}["summary"] == "全市养老机构"
    assert form.context["page"].items[0].values["length"] == 100
    draft = Revision.objects.get(resource=one)
    assert reverse("catalogue-edit", args=[one.key]) in as_steward.get(f"/catalogue/revisions/{draft.pk}").content.decode()
    as_steward.post(f"/catalogue/revisions/{draft.pk}/submit")
    waiting = as_steward.get(f"/catalogue/r/{one.key}/edit").content.decode()
    assert "您的修改正在审核；请先撤回" in waiting
    as_leader.post(f"/catalogue/revisions/{draft.pk}/return", {"note": "请写明更新责任人"})
    form = as_steward.get(f"/catalogue/r/{one.key}/edit")
    assert "请写明更新责任人" in form.content.decode()
    assert {it.name: it.value for it in form.context["page"].inputs}["condition"] == "因履职需要"
    as_steward.post(f"/catalogue/r/{one.key}/edit", {**sent, "contact": "值班室", "deed": "submit"})
    second = Revision.objects.get(resource=one, state="submitted")
    assert [it.label for it in describe_changes(second)][:2] == ["信息资源分类", "信息资源摘要"]
    as_leader.post(f"/catalogue/revisions/{second.pk}/accept")
    assert Resource.objects.get(pk=one.pk).state == "published"
    assert "值班室" in Client().get(f"/catalogue/r/{one.key}").content.decode()
    assert as_steward.get(f"/catalogue/r/{one.key}/edit").context["page"].started is None


def test_a_draft_that_somebody_left_keeps_nobody_waiting_for_ever(as_leader: Client, account_as: Callable[..., Account]) -> None:
    clerks = []
    for name in ("first", "second"):
        clerks.append(Client())
        clerks[-1].force_login(
            account_as("department_clerk", organisation=Organisation.objects.get(key="environment"), username=name)
        )
    first, second = clerks
    items = [row.values for row in first.get("/catalogue/r/air_quality.station/edit").context["page"].items]
    rows = {f"item.{name}": ["" if it[name] is None else it[name] for it in items] for name in ("key", "name", "type", "length")}
    sent = {"summary": "一段说明", "sharing": "conditional", "cycle": "month", "deed": "keep", **rows}
    first.post("/catalogue/r/air_quality.station/edit", sent)
    draft = Revision.objects.get(resource__key="air_quality.station", state="draft")
    assert "first 已有一项修改待完成" in second.get("/catalogue/r/air_quality.station/edit").content.decode()
    assert second.post("/catalogue/r/air_quality.station/edit", sent).status_code == 400
    assert second.get(f"/catalogue/revisions/{draft.pk}").status_code == 404
    assert second.post(f"/catalogue/revisions/{draft.pk}/discard").status_code == 404
    assert "搁置这份草稿" in as_leader.get(f"/catalogue/revisions/{draft.pk}").content.decode()
    assert as_leader.post(f"/catalogue/revisions/{draft.pk}/submit").status_code in (400, 403)
    assert as_leader.post(f"/catalogue/revisions/{draft.pk}/discard").status_code == 303
    assert "由 leader 搁置" in first.get(f"/catalogue/revisions/{draft.pk}").content.decode()
    assert second.post("/catalogue/r/air_quality.station/edit", sent).status_code == 303
    theirs = Revision.objects.get(resource__key="air_quality.station", state="draft")
    Revision.objects.filter(pk=theirs.pk).update(state="submitted")
    assert as_leader.post(f"/catalogue/revisions/{theirs.pk}/discard").status_code == 403, "what was submitted is reviewed"
