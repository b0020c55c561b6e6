# SPDX-License-Identifier: Apache-2.0
"""From asking to ending: who may do what in which state, the clock, and what the grant then lets its holder read."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps

from chengyun.access.actors import Actor
from chengyun.access.masks import mask
from chengyun.access.models import AuditRecord, Organisation
from chengyun.access.policy import scope
from chengyun.access.rulebook import Facts
from chengyun.areas.models import Area
from chengyun.errors import NotFound, Refused
from chengyun.share.catalogue.listing import write_listings
from chengyun.share.catalogue.models import Resource
from chengyun.share.registers.citations import cited_by
from chengyun.share.requests import services
from chengyun.share.requests.models import Notice, Request
from chengyun.share.requests.services import Asked, Terms

from .conftest import Clock, Person

pytestmark = pytest.mark.django_db
FAR = dt.date.today() + dt.timedelta(days=200)
ROW = {
    "key": "1",
    "area_code": "330203001",
    "name": "王小明",
    "phone": "13812345678",
    "lon": 1.0,
    "valid_from": None,
    "valid_to": None,
}


def asking(dataset: str = "test.lot", **words: Any) -> Asked:
    given = {"purpose": "statistics", "ends": FAR} | words
    return Asked(dataset=dataset, basis="甬政办〔2026〕1号", note="测算", terms=Terms(**given))


def sent(actor: Actor, dataset: str = "test.lot", **words: Any) -> Request:
    return services.submit(actor, services.draft(actor, asking(dataset, **words)).number)


def refused(code: str) -> Any:
    """Expect a refusal with a code and a sentence."""
    return _Coded(code)


class _Coded:
    def __init__(self, code: str) -> None:
        self.code = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, value: Any, trace: Any) -> bool:
        assert isinstance(value, Refused), f"expected a refusal {self.code}, got {value!r}"
        assert value.code == self.code, value.sentence
        assert value.sentence
        return True


def test_what_is_shared_without_condition_is_answered_at_once(person: Person) -> None:
    clerk = person("department_clerk", "health")
    request = sent(clerk, "test.shared")
    assert request.state == "approved"
    assert request.answer == "无条件共享，系统即时答复。"
    assert [one.deed for one in request.steps.all()] == ["draft", "submit", "approve"]
    assert request.steps.last().actor == "system"  # type: ignore[union-attr]
    assert request.grant is not None
    assert request.grant.number in scope(clerk, "test.shared", "statistics").because or request.grant.number
    assert AuditRecord.objects.filter(action="request.approve", target=request.number).exists()


def test_what_is_not_shared_is_refused_with_its_basis(person: Person) -> None:
    request = sent(person("department_clerk", "health"), "test.secret")
    assert request.state == "refused"
    assert "国发〔2016〕51号" in request.answer
    assert request.grant is None


def test_a_conditional_dataset_is_answered_by_its_provider_within_ten_working_days(person: Person, clock: Clock) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    clock.at("2026-01-30")
    request = sent(clerk)
    assert request.due_day == dt.date(2026, 2, 13), "ten working days after Friday, 30 January"
    assert list(Notice.objects.values_list("account_id", "kind")) == [(steward.account_id, "asked")]
    for stranger in (clerk, person("data_steward", "data")):
        with pytest.raises((Refused, NotFound)):
            services.agree(stranger, request.number)
    assert not scope(clerk, "test.lot", "statistics").allowed
    done = services.agree(steward, request.number, note="同意")
    assert done.state == "approved"
    assert done.grant is not None
    found = scope(clerk, "test.lot", "statistics")
    assert found.grants == (done.grant.number,)
    assert done.grant.number in found.because
    assert not scope(clerk, "test.lot").allowed, "without the purpose there is no grant"
    with refused("settled"):
        services.refuse(steward, request.number, "太晚")


def test_the_clock_stands_while_a_request_is_returned(person: Person, clock: Clock) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    clock.at("2026-02-05")
    request = sent(clerk)
    assert request.due_day == dt.date(2026, 2, 26), "Saturday 14 February works, the 15th to 23rd is the Spring Festival"
    clock.at("2026-02-11")
    with refused("reason_missing"):
        services.give_back(steward, request.number, " ")
    returned = services.give_back(steward, request.number, "请写明测算的指标")
    assert (returned.state, returned.left_days, returned.due_day) == ("returned", 6, None)
    with refused("settled"):
        services.agree(steward, request.number)
    clock.at("2026-03-02")
    services.change(clerk, request.number, asking())
    again = services.submit(clerk, request.number)
    assert again.due_day == dt.date(2026, 3, 10)


def test_an_answer_may_be_narrower_and_never_wider(person: Person) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    request = sent(clerk, shown={"name": "clear", "lon": "masked"}, area_code="3302", frequency=10)
    asked = Terms(shown={"name": "clear", "lon": "masked"}, area_code="3302", frequency=10, purpose="statistics", ends=FAR)
    for wider in (
        {"shown": {}}, {"shown": {"lon": "clear"}}, {"shown": {"phone": "masked"}}, {"area_code": ""}, {"frequency": None},
        {"frequency": 11}, {"ends": FAR + dt.timedelta(days=1)}, {"retention_days": 1}, {"purpose": "duty"},
    ):  # fmt: skip
        with refused("wider"):
            services.agree(
                steward, request.number, Terms(**{**{n: getattr(asked, n) for n in asked.__dataclass_fields__}, **wider})
            )  # type: ignore[arg-type]
    narrow = Terms(shown={"name": "masked"}, area_code="330203", frequency=2, purpose="statistics", ends=FAR)
    done = services.agree(steward, request.number, narrow, "只给海曙")
    assert done.steps.last().detail["narrowed"] == ["shown", "area_code", "frequency"]  # type: ignore[union-attr]
    found = scope(clerk, "test.lot", "statistics")
    assert found.matches(ROW)
    assert not found.matches(ROW | {"area_code": "330204"})
    assert set(found.mask(ROW)) == {"key", "area_code", "name", "valid_from", "valid_to"}
    found.count(rows=5)
    found.count(rows=5)
    with refused("frequency"):
        found.count()
    late = scope(clerk, "test.lot", "statistics")
    assert not late.allowed
    assert "达到上限" in late.because


def test_personal_data_take_two_persons(person: Person, bodies: dict[str, Organisation]) -> None:
    clerk, steward, officer = person("department_clerk", "health"), person("data_steward", "civil"), person("security_officer")
    with refused("fields_missing"):
        sent(clerk, "test.elder")
    request = sent(clerk, "test.elder", shown={"name": "masked", "phone": "clear"}, retention_days=30)
    with refused("not_agreed"):
        services.secure(officer, request.number)
    first = services.agree(steward, request.number)
    assert (first.state, first.agreed_by_id, first.grant) == ("submitted", steward.account_id, None)
    assert not scope(clerk, "test.elder", "statistics").allowed
    for same in (steward, clerk):
        with refused("not_allowed"):
            services.secure(same, request.number)
    own = person("security_officer", "health")
    with refused("not_allowed"):
        services.secure(own, request.number)
    done = services.secure(officer, request.number, "已核")
    assert done.state == "approved"
    assert scope(clerk, "test.elder", "statistics").mask(ROW) == {
        "key": "1", "area_code": "330203001", "name": "王**", "phone": "13812345678", "valid_from": None, "valid_to": None,
    }  # fmt: skip
    assert not scope(clerk, "test.elder", "duty").allowed


def test_an_answer_that_masks_a_pseudonym_brings_no_key_to_light(person: Person) -> None:
    clerk, steward, officer = person("department_clerk", "health"), person("data_steward", "civil"), person("security_officer")
    request = sent(clerk, "test.elder", shown={"name": "clear", "phone": "pseudonym"})
    wider = Terms(shown={"name": "clear", "key": "clear"}, purpose="statistics", ends=FAR)
    with refused("wider"):
        services.agree(steward, request.number, wider)
    services.agree(steward, request.number, Terms(shown={"name": "clear", "phone": "masked"}, purpose="statistics", ends=FAR))
    services.secure(officer, request.number)
    shown = scope(clerk, "test.elder", "statistics").mask(ROW)
    assert (shown["name"], shown["phone"]) == ("王小明", "138****5678")
    assert shown["key"] == mask("pseudonym:key", "1", "statistics")


def test_a_field_without_pseudonyms_is_not_asked_for_as_one(person: Person) -> None:
    clerk, steward, officer = person("department_clerk", "health"), person("data_steward", "civil"), person("security_officer")
    with refused("no_pseudonym"):
        sent(clerk, "test.elder", shown={"name": "clear", "valid_from": "pseudonym"})
    request = sent(clerk, "test.elder", shown={"phone": "pseudonym"})
    services.agree(steward, request.number)
    services.secure(officer, request.number)
    # Given as it was asked for: that the key goes with it is no narrowing.
    assert request.steps.get(deed="approve").detail["narrowed"] == []


def test_a_request_names_an_area_there_is(person: Person) -> None:
    Area.objects.create(code="330203001000", name="某街道", level="street", valid_from=dt.date(2000, 1, 1))
    clerk = person("department_clerk", "health")
    for code, area in (("area_unknown", "330299"), ("area_invalid", "３３０２"), ("area_invalid", "1" * 16)):
        with refused(code):
            sent(clerk, area_code=area)
    request = sent(clerk, area_code="330200")
    steward = person("data_steward", "civil")
    narrow = Terms(area_code="330203", purpose="statistics", ends=request.ends)
    assert services.agree(steward, request.number, narrow).state == "approved"


def test_a_law_knows_the_decisions_that_rest_on_it(person: Person) -> None:
    """A request's ground and a refusal's, to those who may see the request; a resource's that is kept back, to everybody."""
    law = "《政务信息资源共享管理暂行办法》（国发〔2016〕51号）第九条"
    clerk, steward, stranger = person("department_clerk", "health"), person("data_steward", "civil"), person("handler", "data")
    Law: Any = apps.get_model("laws", "Law")
    Law.objects.create(key="gf-2016-51", name="暂行办法", number="国发〔2016〕51号")
    apps.get_model("laws", "Article").objects.create(
        key="gf-2016-51.9", name="第九条", law="gf-2016-51", clause="第九条", citation="国发〔2016〕51号, 第九条"
    )
    request = services.submit(clerk, services.draft(clerk, replace(asking(), basis=law)).number)
    other = sent(clerk)
    services.refuse(steward, other.number, "根据国发〔2016〕51号第九条不予提供")
    one = Resource.objects.create(key="ext.kept", kind="external", name="甲", state="published", sharing="none", basis=law)
    write_listings([one])

    def told(actor: Actor) -> set[tuple[str, str]]:
        found = cited_by("laws.law", "gf-2016-51", actor)
        return {(it.source.kind, it.source.where) for it in found if it.source.kind and it.state == "article"}

    everybody = {("resource", "ext.kept")}
    assert told(clerk) == told(steward) == everybody | {("request", request.number), ("request", other.number)}
    assert told(stranger) == everybody
    assert not [it for it in cited_by("laws.law", "gf-2016-51") if it.source.kind]


def test_a_district_answers_inside_the_district_alone(person: Person) -> None:
    clerk, district = person("department_clerk", "health"), person("data_steward", "civil_330203")
    inside, whole = sent(clerk, area_code="330203001"), sent(clerk)
    assert services.agree(district, inside.number).state == "approved"
    with pytest.raises(NotFound):
        services.agree(district, whole.number)


def test_nobody_answers_for_their_own_body(person: Person) -> None:
    steward = person("data_steward", "civil")
    request = sent(steward)
    with refused("not_allowed"):
        services.agree(steward, request.number)
    colleague = person("data_steward", "civil", username="colleague")
    with refused("not_allowed"):
        services.agree(colleague, request.number)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"purpose": ""}, "purpose_missing"), ({"purpose": "curiosity"}, "purpose_unknown"), ({"ends": None}, "ends_missing"),
        ({"ends": dt.date(2020, 1, 1)}, "ends_past"), ({"ends": dt.date(2099, 1, 1)}, "ends_far"),
        ({"shown": {"nmae": "clear"}}, "field_unknown"), ({"shown": {"name": "open"}}, "way_unknown"),
        ({"area_code": "3302%"}, "area_invalid"), ({"frequency": 0}, "frequency_invalid"),
        (
            {"rows_since": dt.datetime(2026, 2, 1, tzinfo=dt.UTC), "rows_until": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
            "period_invalid",
        ),
    ],
)  # fmt: skip
def test_an_incomplete_request_is_not_sent(person: Person, words: dict[str, Any], code: str) -> None:
    clerk = person("department_clerk", "health")
    with refused(code):
        sent(clerk, **words)
    assert Request.objects.get().state == "draft"


def test_renewal_goes_the_whole_way_and_takes_the_place_of_the_first(person: Person) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    first = services.agree(steward, sent(clerk).number)
    later = FAR + dt.timedelta(days=90)
    again = services.renew(clerk, first.number, later)
    with refused("settled"):
        services.renew(clerk, first.number, later)
    done = services.agree(steward, again.number)
    first.refresh_from_db()
    assert (first.state, done.state) == ("renewed", "approved")
    assert scope(clerk, "test.lot", "statistics").grants == (done.grant.number,)  # type: ignore[union-attr]


def test_a_revoked_grant_reads_nothing_from_that_moment_on(person: Person) -> None:
    clerk, steward, officer = person("department_clerk", "health"), person("data_steward", "civil"), person("security_officer")
    request = services.agree(steward, sent(clerk).number)
    assert scope(clerk, "test.lot", "statistics").allowed
    with refused("reason_missing"):
        services.revoke(officer, request.number, "")
    with pytest.raises(NotFound):
        services.revoke(person("data_steward", "data"), request.number, "试试")
    assert services.revoke(officer, request.number, "用途不符").state == "revoked"
    assert not scope(clerk, "test.lot", "statistics").allowed
    request.refresh_from_db()
    assert request.grant is not None
    assert request.grant.revoke_reason == "用途不符"


def test_a_grant_stands_still_when_what_it_was_given_on_changes(person: Person, book: dict[str, Facts]) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    services.agree(steward, sent(clerk, shown={"name": "clear"}).number)
    assert scope(clerk, "test.lot", "statistics").allowed
    before = book["test.lot"]
    changes: list[dict[str, Any]] = [{"masks": {"name": "name"}}, {"sharing": "none"}, {"personal": True}]
    for change in changes:
        words = {name: getattr(before, name) for name in before.__dataclass_fields__}
        book["test.lot"] = Facts(**{**words, **change})
        found = scope(clerk, "test.lot", "statistics")
        assert not found.allowed
        assert "已暂停" in found.because
    del book["test.lot"]
    assert "没有信息资源" in scope(clerk, "test.lot", "statistics").because
    book["test.lot"] = before
    assert scope(clerk, "test.lot", "statistics").allowed


def test_only_those_concerned_see_a_request(person: Person) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    request = sent(clerk)
    for who, sees in ((clerk, True), (steward, True), (person("auditor"), True), (person("leader", "data"), False)):
        if sees:
            services.rights.require_see(who, request.number)
        else:
            with pytest.raises(NotFound):
                services.rights.require_see(who, request.number)
        assert Request.objects.filter(services.rights.visible(who), number=request.number).exists() is sees


def test_the_list_and_the_page_agree_on_who_sees(person: Person, book: dict[str, Facts], bodies: dict[str, Organisation]) -> None:
    """Also of data that no body but the centre answers for, and of what is overdue."""
    words = {name: getattr(book["test.lot"], name) for name in book["test.lot"].__dataclass_fields__}
    book["test.centre"] = Facts(**{**words, "key": "test.centre", "owner": ""})
    bodies["operations_centre"] = Organisation.objects.create(key="operations_centre", name="市城市运行中心")
    clerk = person("department_clerk", "health")
    requests = [
        sent(clerk, "test.centre"),
        sent(clerk, area_code="330203001"),
        sent(clerk),
        sent(clerk, "test.centre", area_code="330204"),
    ]
    Request.objects.filter(pk=requests[2].pk).update(escalated_at=services.database_time())
    people = [
        person("data_steward", "operations_centre"), person("data_steward", "civil"), person("data_steward", "civil_330203"),
        person("data_steward", "data"), person("department_clerk", "data"), person("security_officer"), clerk,
    ]  # fmt: skip
    for who in people:
        listed = set(Request.objects.filter(services.rights.visible(who)).values_list("pk", flat=True))
        seen = {one.pk for one in Request.objects.all() if services.rights.sees(who, one)}
        assert listed == seen, who.name
    assert services.agree(people[0], requests[0].number).state == "approved"
