# SPDX-License-Identifier: Apache-2.0
"""Data elements are written, let through by another person, bound to fields, found where they are used, and retired."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from chengyun.access.actors import ANONYMOUS, Actor
from chengyun.access.models import Account, Organisation
from chengyun.errors import NotFound, Refused
from chengyun.share.askonce.holdings import elements, holdings, known
from chengyun.share.catalogue import dictionary, queries, services
from chengyun.share.catalogue.models import DataElement, ElementChange, Item
from chengyun.share.catalogue.sync import ensure_catalogue

pytestmark = pytest.mark.django_db
ActorAs = Callable[..., Actor]
PLOT = {
    "name": "车场泊位数",
    "type": "I",
    "definition": "一个停车场对外开放的泊位总数",
    "synonyms": ["停车位总数", "泊位"],
    "unit": "个",
}
LOT = "parking.lot"


@pytest.fixture
def people(catalogue: None, actor_as: ActorAs) -> tuple[Actor, Actor]:
    """A clerk of the body that provides car parks, and the city's steward."""
    clerk = actor_as("department_clerk", organisation=Organisation.objects.get(key="urban"), username="clerk")
    return clerk, actor_as("data_steward", username="steward")


def accepted(clerk: Actor, steward: Actor, key: str = "lot.spaces", **values: object) -> DataElement:
    change = dictionary.propose(clerk, key, values if _there(key) else {**PLOT, **values})
    dictionary.review(steward, change.pk, accept=True)
    return DataElement.objects.get(key=key)


def _there(key: str) -> bool:
    return DataElement.objects.filter(key=key).exists()


def test_an_element_is_written_let_through_changed_and_retired(people: tuple[Actor, Actor]) -> None:
    clerk, steward = people
    change = dictionary.propose(clerk, "lot.spaces", PLOT, "停车主题库")
    assert not _there("lot.spaces"), "nothing stands before somebody else let it through"
    with pytest.raises(Refused, match="已有一项修改待审核"):
        dictionary.propose(steward, "lot.spaces", PLOT)
    with pytest.raises(Refused, match="不能"):
        dictionary.review(clerk, change.pk, accept=True)
    dictionary.review(steward, change.pk, accept=True)
    one = DataElement.objects.get(key="lot.spaces")
    assert (one.version, one.name, one.synonyms, one.declared) == (1, "车场泊位数", ["停车位总数", "泊位"], False)
    own = dictionary.propose(steward, "lot.spaces", {"length": 6, "format": "n..6"})
    with pytest.raises(Refused, match="不能审核自己"):
        dictionary.review(steward, own.pk, accept=True)
    dictionary.discard(steward, own.pk)
    second = dictionary.propose(clerk, "lot.spaces", {"length": 6, "format": "n..6"})
    with pytest.raises(Refused, match="退回须写明原因"):
        dictionary.review(steward, second.pk, accept=False)
    dictionary.review(steward, second.pk, accept=False, note="长度不够")
    assert DataElement.objects.get(key="lot.spaces").version == 1
    assert accepted(clerk, steward, length=8, format="n..8").version == 2
    ends = dictionary.retire(clerk, "lot.spaces", "并入另一数据元")
    dictionary.review(steward, ends.pk, accept=True)
    assert DataElement.objects.get(key="lot.spaces").withdrawn
    states = ElementChange.objects.filter(element="lot.spaces").order_by("id").values_list("state", "number")
    assert list(states) == [
        ("accepted", 1), ("returned", None), ("returned", None), ("accepted", 2), ("accepted", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "values", "says"),
    [
        ("Lot", PLOT, "事物.性质"), ("lot.x' OR 1", PLOT, "事物.性质"), ("lot.a", {**PLOT, "name": " "}, "请填写名称"),
        ("lot.a", {**PLOT, "definition": ""}, "请填写定义"), ("lot.a", {**PLOT, "type": "Z"}, "请选择数据类型"),
        ("lot.a", {**PLOT, "length": 0}, "1 到 1000000"), ("lot.a", {**PLOT, "format": "x9"}, "数据格式"),
        ("lot.a", {**PLOT, "format": "n..8", "length": 6}, "不一致"), ("lot.a", {**PLOT, "name": "区域代码"}, "area.code"),
        ("lot.a", {**PLOT, "source": "parking.lot.nowhere"}, "不是目录里的"), ("lot.a", {**PLOT, "name": "名" * 201}, "至多 200"),
        ("area.code", {"name": "另一个名称"}, "由应用包声明"), ("lot.a", {"nonsense": 1}, "cannot be set"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_element_is_said(
    people: tuple[Actor, Actor], key: str, values: dict[str, object], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        dictionary.propose(people[0], key, values)
    assert not ElementChange.objects.exists()


def test_what_people_add_to_a_declared_element_outlives_the_declaration(people: tuple[Actor, Actor]) -> None:
    clerk, steward = people
    one = accepted(clerk, steward, "area.code", name_en="Area code", synonyms=["行政区划代码"])
    assert (one.declared, one.version) == (True, 2)
    DataElement.objects.filter(key="area.code").update(definition="声明变了")
    ensure_catalogue()
    one = DataElement.objects.get(key="area.code")
    assert (one.name_en, one.synonyms, one.version) == ("Area code", ["行政区划代码"], 3)
    assert one.definition != "声明变了"
    with pytest.raises(Refused, match="由应用包声明"):
        dictionary.retire(clerk, "area.code", "不要了")


def test_a_field_is_bound_under_review_and_ask_once_goes_by_it(people: tuple[Actor, Actor]) -> None:
    clerk, steward = people
    accepted(clerk, steward)
    field = Item.objects.filter(resource__key=LOT, element=None).order_by("position").values_list("key", flat=True)[0]
    with pytest.raises(Refused, match="没有字段"):
        dictionary.bind(clerk, "lot.spaces", LOT, "nowhere")
    with pytest.raises(NotFound):
        dictionary.bind(clerk, "lot.spaces", "no.such", field)
    with pytest.raises(Refused, match="已登记的数据元"):
        dictionary.bind(clerk, "lot.nothing", LOT, field)
    bound = dictionary.bind(clerk, "lot.spaces", LOT, field, source=True)
    assert Item.objects.get(resource__key=LOT, key=field).element_id is None
    services.review(steward, bound.pk, accept=True)
    use = queries.elements(clerk, ["lot.spaces"])[0]
    assert [(key, name, source) for key, _title, name, source in use.kept_in] == [(LOT, field, True)]
    assert [it.element.key for it in queries.elements(clerk, text="泊位 车场")] == ["lot.spaces"]
    assert "lot.spaces" in elements()
    assert [(it.entity, it.field) for it in holdings()["lot.spaces"]] == [(LOT, field)]
    assert next(it for it in known() if it.key == "lot.spaces").names[:3] == ("车场泊位数", "停车位总数", "泊位")
    ensure_catalogue()
    assert Item.objects.get(resource__key=LOT, key=field).element_id == "lot.spaces", "declarations leave what a person bound"
    with pytest.raises(Refused, match="还绑定着 1 个字段"):
        dictionary.retire(clerk, "lot.spaces", "不用了")
    services.review(steward, dictionary.bind(clerk, "", LOT, field).pk, accept=True)
    with pytest.raises(Refused, match="没有可以改用"):
        dictionary.retire(clerk, "lot.spaces", "不用了", "lot.space")
    ends = dictionary.retire(clerk, "lot.spaces", "不用了", "area.code")
    again = dictionary.bind(clerk, "lot.spaces", LOT, field)
    services.review(steward, again.pk, accept=True)
    with pytest.raises(Refused, match="还绑定着"):
        dictionary.review(steward, ends.pk, accept=True)


def test_pages_lead_from_an_idea_to_a_version(people: tuple[Actor, Actor], account_as: Callable[..., Account]) -> None:
    clerk, steward = Client(), Client()
    clerk.force_login(Account.objects.get(username="clerk"))
    steward.force_login(Account.objects.get(username="steward"))
    given = {**PLOT, "key": "lot.spaces", "synonyms": "停车位总数；泊位", "length": "六"}
    refused = clerk.post(reverse("catalogue-element-new"), given)
    assert (refused.status_code, "1 到 1000000" in refused.content.decode()) == (400, True)
    assert "停车位总数；泊位" in refused.content.decode(), "what was typed stands"
    made = clerk.post(reverse("catalogue-element-new"), {**given, "length": "6"})
    change = made["Location"]
    assert clerk.get(change).status_code == 200
    assert "lot.spaces" in steward.get(reverse("catalogue-reviews")).content.decode()
    assert clerk.post(reverse("catalogue-element-settle", args=[ElementChange.objects.get().pk, "accept"])).status_code in (
        403,
        404,
    )
    assert steward.post(reverse("catalogue-element-settle", args=[ElementChange.objects.get().pk, "accept"])).status_code == 303
    page = clerk.get(reverse("catalogue-element", args=["lot.spaces"])).content.decode()
    assert "停车位总数；泊位" in page
    assert "还没有字段绑定到它" in page
    wrong = clerk.post(reverse("catalogue-element-bind", args=["lot.spaces"]), {"resource": LOT, "field": "nowhere"})
    assert (wrong.status_code, "没有字段" in wrong.content.decode()) == (400, True)
    absent = clerk.post(reverse("catalogue-element-bind", args=["lot.spaces"]), {"resource": "no.such", "field": "x"})
    assert absent.status_code == 404
    bound = clerk.post(reverse("catalogue-element-bind", args=["lot.spaces"]), {"resource": LOT, "field": "name"})
    assert bound.status_code == 303
    ended = clerk.post(reverse("catalogue-element-retire", args=["lot.spaces"]), {"reason": "不用了"})
    assert ended.status_code == 303
    assert "有一项修改正待审核" in clerk.get(reverse("catalogue-element", args=["lot.spaces"])).content.decode()
    found = clerk.get(reverse("catalogue-elements"), {"q": "停车位总数"}).content.decode()
    assert "lot.spaces" in found
    assert "area.code" not in found
    assert clerk.get(reverse("catalogue-element-edit", args=["area.code"])).status_code == 200
    assert clerk.get(reverse("catalogue-element", args=["no.such"])).status_code == 404
    assert Client().get(reverse("catalogue-element", args=["area.code"])).status_code in (302, 403)
    account_as("leader", organisation=Organisation.objects.get(key="urban"), area_code="330203", username="near")
    near = Client()
    near.force_login(Account.objects.get(username="near"))
    number = ElementChange.objects.get(state="submitted").pk
    assert near.post(reverse("catalogue-element-settle", args=[number, "accept"])).status_code in (403, 404)
    with pytest.raises(Refused):
        dictionary.propose(ANONYMOUS, "lot.more", PLOT)
