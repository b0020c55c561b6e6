# SPDX-License-Identifier: Apache-2.0
"""Statements in the database: both times, one source a field, identities merged, split and taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from chengyun.access.actors import SYSTEM, Actor
from chengyun.areas.models import Area
from chengyun.city import Stated
from chengyun.errors import NotFound, Refused
from chengyun.packs.population.models import Person
from chengyun.share.registers import identity, services
from chengyun.share.registers.models import Link, Refusal, Statement
from chengyun.share.registers.queries import as_of, leads_to, splits, successors

pytestmark = pytest.mark.django_db
PERSON = "population.person"
Tell = Callable[..., services.Taken]


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}T08:00+08:00")


@pytest.fixture
def tell() -> Tell:
    def told(when: str, authority: str, key: str, values: Mapping[str, Any], since: str = "", until: str = "") -> services.Taken:
        load = services.begin_load(SYSTEM, PERSON, "test", authority, now=at(when))
        days = [dt.date.fromisoformat(day) if day else None for day in (since, until)]
        return services.take(load, [Stated("person", key, values, *days, 7)])

    return told


def value(day: str, known: str | None, field: str, key: str = "P1") -> Any:
    found = as_of(PERSON, key, dt.date.fromisoformat(day), at(known) if known else None)
    return found.values[field] if found else None


def test_a_thing_as_it_was_on_a_day_as_we_knew_it_at_an_instant(tell: Tell) -> None:
    tell("2024-01-01", "public_security", "P1", {"name": "王芳", "phone": "100"}, "2020-01-01")
    tell("2024-03-01", "public_security", "P1", {"name": "王方"}, "2022-01-01")
    tell("2024-05-01", "public_security", "P1", {"name": "王坊"}, "2022-01-01")
    assert value("2021-06-01", None, "name") == "王芳"
    assert value("2023-06-01", "2024-02-01", "name") == "王芳"
    assert value("2023-06-01", "2024-04-01", "name") == "王方"
    assert value("2023-06-01", None, "name") == "王坊"
    assert value("2019-06-01", None, "name") is None
    assert value("2023-06-01", "2023-12-31", "name") is None
    row = Person.objects.get(key="P1")
    assert (row.name, row.phone, row.valid_from, row.valid_to) == ("王坊", "100", dt.date(2020, 1, 1), None)


def test_a_lower_source_never_overwrites_a_higher_one_and_is_kept_beside_it(tell: Tell) -> None:
    tell("2024-01-01", "public_security", "P1", {"name": "王芳", "phone": "100", "address": "甲路1号"})
    tell("2024-02-01", "health", "P1", {"name": "王方", "marriage": "1"})
    tell("2024-03-01", "community", "P1", {"name": "王坊", "phone": "200"})
    row = Person.objects.get(key="P1")
    assert (row.name, row.phone, row.marriage, row.address) == ("王芳", "200", "1", "甲路1号")
    found = as_of(PERSON, "P1")
    assert found is not None
    name = found.said["name"]
    assert name.chosen.authority == "public_security"
    assert [(one.authority, one.value) for one in name.others] == [("community", "王坊"), ("health", "王方")]
    assert name.disputed
    # The first source of a field takes it back: the next one's counts.
    tell("2024-04-01", "community", "P1", {"phone": None})
    assert Person.objects.get(key="P1").phone == "100"


def test_what_has_ended_keeps_its_last_values_and_turns_with_the_day(tell: Tell) -> None:
    tell("2024-01-01", "public_security", "P1", {"name": "王芳"}, "2020-01-01", "2024-06-01")
    assert Person.objects.get(key="P1").valid_to == dt.date(2024, 6, 1)
    tell("2024-02-01", "public_security", "P2", {"name": "甲"}, "2024-01-01")
    tell("2024-02-02", "public_security", "P2", {"name": "乙"}, "2024-07-01")
    assert Person.objects.get(key="P2").name == "甲"
    assert services.turn_of_day(PERSON, dt.date(2024, 7, 1), dt.date(2024, 6, 20)) == 1
    assert Person.objects.get(key="P2").name == "乙"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"sex": "男"}, "unknown_code"),
        ({"nmae": "x"}, "unknown_field"),
        ({"birth_date": "1990-13-01"}, "wrong_value"),
        ({"name": "x" * 201}, "wrong_value"),
        ({"area_code": "999999"}, "unknown_area"),
        ({"key": "P9"}, "unknown_field"),
    ],
)
def test_what_cannot_be_is_refused_and_kept_with_the_reason(tell: Tell, values: dict[str, str], code: str) -> None:
    taken = tell("2024-01-01", "public_security", "P1", values)
    assert (taken.stated, taken.refused) == (0, 1)
    refusal = Refusal.objects.get()
    assert (refusal.code, refusal.line, refusal.key) == (code, 7, "P1")
    assert not Person.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 65, "a/b", "../../etc/passwd", "..", " ", "a\x00b", "a\nb"])
def test_a_key_that_no_address_can_hold_is_refused(tell: Tell, key: str) -> None:
    assert tell("2024-01-01", "public_security", key, {"name": "王芳"}).refused == 1
    assert Refusal.objects.get().code == "wrong_key"
    assert not Person.objects.exists()


def test_overlapping_validity_is_refused_by_the_service_and_by_the_database(tell: Tell) -> None:
    tell("2024-01-01", "public_security", "P1", {"name": "a"}, "2020-01-01", "2022-01-01")
    assert tell("2024-01-02", "public_security", "P1", {"name": "b"}, "2021-01-01", "2023-01-01").refused == 1
    assert "与同一来源所述的自 2020-01-01 起、到 2022-01-01 止" in Refusal.objects.get().reason
    one = Statement.objects.get()
    one.pk, one.valid_from, one.valid_to = None, dt.date(2021, 1, 1), None
    with pytest.raises(IntegrityError, match="registers_statement_one_at_a_time"), transaction.atomic():
        one.save()


def test_a_clock_that_went_back_and_an_unknown_authority_are_refused(tell: Tell) -> None:
    tell("2024-05-01", "public_security", "P1", {"name": "a"})
    with pytest.raises(Refused, match="本机时钟是 2024-04-01") as refused:
        tell("2024-04-01", "public_security", "P1", {"name": "b"})
    assert refused.value.code == "clock_went_back"
    with pytest.raises(Refused, match="您是否想写“public_security”"):
        tell("2024-06-01", "public_securty", "P1", {"name": "b"})


def test_a_place_gives_the_area_and_an_area_must_be_known(tell: Tell) -> None:
    Area.objects.create(code="330203", level="district", name="海曙区", valid_from=dt.date(2016, 1, 1))
    tell("2024-01-01", "public_security", "P1", {"name": "a", "area_code": "330203"})
    assert Person.objects.get(key="P1").area_code == "330203"


def three(tell: Tell) -> None:
    for number, name in enumerate(("王芳", "王方", "李丽"), 1):
        tell(f"2024-01-0{number}", "public_security", f"P{number}", {"name": name, "phone": str(number)})
    tell("2024-01-04", "community", "P2", {"address": "乙路2号"})


def test_a_merge_keeps_the_old_key_leading_to_the_thing_and_can_be_undone(tell: Tell) -> None:
    three(tell)
    decision = identity.merge(SYSTEM, PERSON, ["P2"], "P1", "同一人", now=at("2024-02-01"))
    assert leads_to(PERSON, "P2") == "P1"
    found = as_of(PERSON, "P2")
    assert found is not None
    assert (found.key, found.asked, found.values["address"]) == ("P1", "P2", "乙路2号")
    assert Person.objects.get(key="P1").address == "乙路2号"
    assert Person.objects.get(key="P2").valid_to == dt.date(2024, 2, 1)
    # What was known before the merge stays as it was known.
    assert value("2024-01-20", "2024-01-20", "name", "P2") == "王方"
    identity.undo(SYSTEM, decision.pk, now=at("2024-03-01"))
    assert leads_to(PERSON, "P2") == "P2"
    assert Person.objects.get(key="P2").valid_to is None
    assert Person.objects.get(key="P1").address == ""
    assert value("2024-02-20", "2024-02-20", "address", "P2") == "乙路2号"
    with pytest.raises(NotFound, match="没有可撤销的决定"):
        identity.undo(SYSTEM, decision.pk)


def test_of_two_records_of_one_load_that_of_the_key_that_stays_counts() -> None:
    load = services.begin_load(SYSTEM, PERSON, "test", "public_security", now=at("2024-01-01"))
    services.take(
        load, [Stated("person", "P1", {"name": "王芳"}, None, None, 1), Stated("person", "P2", {"name": "王方"}, None, None, 2)]
    )
    for stays, goes, name in (("P2", "P1", "王方"), ("P1", "P2", "王芳")):
        decision = identity.merge(SYSTEM, PERSON, [goes], stays, "同一人")
        assert Person.objects.get(key=stays).name == name
        found = as_of(PERSON, stays)
        assert found is not None
        assert (found.values["name"], len(found.said["name"].others)) == (name, 1)
        identity.undo(SYSTEM, decision.pk)


def test_a_split_is_told_of_at_both_things_until_it_is_undone(tell: Tell) -> None:
    tell("2024-01-01", "public_security", "P1", {"name": "王芳"}, "2020-01-01", "2022-01-01")
    tell("2024-01-02", "public_security", "P1", {"name": "王方"}, "2022-01-01")
    first = Statement.objects.order_by("valid_from")[0]
    decision = identity.split(SYSTEM, PERSON, "P1", {"P8": [first.pk]}, "两个人")
    assert [[(step.key, step.because) for step in steps] for steps in splits(PERSON, "P1")] == [[], [("P8", "两个人")]]
    assert [[step.key for step in steps] for steps in splits(PERSON, "P8")] == [["P1"], []]
    identity.undo(SYSTEM, decision.pk)
    assert splits(PERSON, "P1") == ([], [])


def test_a_cycle_is_refused_with_its_path(tell: Tell) -> None:
    three(tell)
    identity.merge(SYSTEM, PERSON, ["P1"], "P2", "同一人")
    identity.succeed(SYSTEM, PERSON, ["P2"], ["P3"], dt.date(2024, 1, 1), "承继")
    with pytest.raises(Refused, match="P3 → P1 → P2 → P3") as refused:
        identity.merge(SYSTEM, PERSON, ["P3"], "P1", "同一人")
    assert refused.value.code == "cycle"
    with pytest.raises(Refused, match="不能归到自身"):
        identity.merge(SYSTEM, PERSON, ["P3"], "P3", "同一人")
    with pytest.raises(Refused, match="P1 已合并到 P2"):
        identity.merge(SYSTEM, PERSON, ["P1"], "P3", "又一次")
    with pytest.raises(NotFound, match="没有 P9"):
        identity.merge(SYSTEM, PERSON, ["P9"], "P3", "没有")
    with pytest.raises(Refused, match="请写明理由"):
        identity.merge(SYSTEM, PERSON, ["P3"], "P2", " ")


def test_a_succession_and_a_merge_never_contradict_each_other(tell: Tell) -> None:
    """Merged keys are one thing: what one of them went over into cannot be the other, nor lead back to it."""
    three(tell)
    identity.merge(SYSTEM, PERSON, ["P1"], "P2", "同一人")
    identity.succeed(SYSTEM, PERSON, ["P1"], ["P3"], dt.date(2024, 1, 1), "承继")
    with pytest.raises(Refused, match="P3 → P2 → P1 → P3") as refused:
        identity.succeed(SYSTEM, PERSON, ["P3"], ["P2"], dt.date(2024, 2, 1), "承继")
    assert refused.value.code == "cycle"
    with pytest.raises(Refused, match="P2 已由 P3 承继，P2 → P1 → P3"):
        identity.merge(SYSTEM, PERSON, ["P2"], "P3", "同一人")
    tell("2024-01-05", "public_security", "P4", {"name": "赵"})
    with pytest.raises(Refused, match="P2 已由 P3 承继"):
        identity.merge(SYSTEM, PERSON, ["P2", "P3"], "P4", "同一人")


def test_succession_leads_on_and_leaves_both(tell: Tell) -> None:
    three(tell)
    identity.succeed(SYSTEM, PERSON, ["P1"], ["P2", "P3"], dt.date(2024, 1, 1), "分立")
    came, went = successors(PERSON, "P1")
    assert [(one.key, one.on) for one in went] == [("P2", dt.date(2024, 1, 1)), ("P3", dt.date(2024, 1, 1))]
    assert came == []
    assert leads_to(PERSON, "P1") == "P1"
    assert [one.key for one in successors(PERSON, "P3")[0]] == ["P1"]


def test_a_split_tells_statements_again_under_a_new_key_and_can_be_undone(tell: Tell) -> None:
    tell("2024-01-01", "public_security", "P1", {"name": "王芳"})
    tell("2024-01-02", "community", "P1", {"name": "王大芳", "phone": "200"})
    wrong = Statement.objects.get(authority="community")
    decision = identity.split(SYSTEM, PERSON, "P1", {"P8": [wrong.pk]}, "两个人", now=at("2024-02-01"))
    assert Person.objects.get(key="P1").phone == ""
    assert Person.objects.get(key="P8").phone == "200"
    assert value("2024-01-20", "2024-01-20", "phone") == "200"
    with pytest.raises(Refused, match="没有这些陈述"):
        identity.split(SYSTEM, PERSON, "P1", {"P9": [wrong.pk]}, "再次")
    identity.undo(SYSTEM, decision.pk, now=at("2024-03-01"))
    assert Person.objects.get(key="P1").phone == "200"


def test_a_split_is_not_undone_over_what_was_told_since(tell: Tell) -> None:
    tell("2024-01-01", "public_security", "P1", {"name": "王芳"})
    tell("2024-01-02", "community", "P1", {"phone": "200"})
    wrong = Statement.objects.get(authority="community")
    decision = identity.split(SYSTEM, PERSON, "P1", {"P8": [wrong.pk]}, "两个人", now=at("2024-02-01"))
    tell("2024-02-15", "community", "P1", {"phone": "300"})
    with pytest.raises(Refused, match="community 又陈述了同一时段的 P1"):
        identity.undo(SYSTEM, decision.pk, now=at("2024-03-01"))
    assert (Person.objects.get(key="P1").phone, Person.objects.get(key="P8").phone) == ("300", "200")
    identity.merge(SYSTEM, PERSON, ["P8"], "P1", "还是一个人", now=at("2024-03-02"))
    assert leads_to(PERSON, "P8") == "P1"


def test_the_first_of_two_merges_undone_takes_its_values_out_of_the_last(tell: Tell) -> None:
    tell("2024-01-01", "community", "P1", {"name": "甲", "phone": "100"}, "2020-01-01", "2029-01-01")
    tell("2024-01-02", "public_security", "P2", {"name": "乙"})
    tell("2024-01-03", "community", "P3", {"name": "丙"}, "2030-01-01")
    first = identity.merge(SYSTEM, PERSON, ["P1"], "P2", "同一人", now=at("2024-02-01"))
    identity.merge(SYSTEM, PERSON, ["P2"], "P3", "同一人", now=at("2024-02-02"))
    assert leads_to(PERSON, "P1") == "P3"
    assert Person.objects.get(key="P3").phone == "100"
    identity.undo(SYSTEM, first.pk, now=at("2024-03-01"))
    assert (leads_to(PERSON, "P1"), leads_to(PERSON, "P2")) == ("P1", "P3")
    assert Person.objects.get(key="P3").phone == ""
    assert (Person.objects.get(key="P1").phone, Person.objects.get(key="P1").valid_to) == ("100", dt.date(2029, 1, 1))
    assert value("2024-02-15", "2024-02-15", "phone", "P3") == "100", "as it was known then"


def test_who_may_not_decide_is_refused(tell: Tell) -> None:
    three(tell)
    with pytest.raises(Refused):
        identity.merge(Actor(None, "nobody", None, frozenset(), ()), PERSON, ["P2"], "P1", "同一人")
    assert not Link.objects.exists()
