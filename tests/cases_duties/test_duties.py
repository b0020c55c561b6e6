# SPDX-License-Identifier: Apache-2.0
"""Duty lists: what a file may say, which entry counts, and what a department may return work for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Organisation
from chengyun.cases import hooks, services
from chengyun.cases.duties import queries
from chengyun.cases.duties.models import Duty
from chengyun.cases.duties.reasons import REASONS
from chengyun.cases.duties.services import COLUMNS, end_duty, ensure_duties, load_list
from chengyun.cases.models import Case
from chengyun.errors import Malformed, Refused

pytestmark = pytest.mark.django_db
TYPE = "urban_management.case"
DAY = dt.date(2026, 11, 20)
NOW = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def bodies() -> dict[str, Organisation]:
    queries.forget()
    centre = Organisation.objects.get_or_create(
        key="operations_centre", defaults={"name": "城市运行中心", "kind": Organisation.Kind.CENTRE}
    )[0]
    made = {"centre": centre}
    for key in ("roads", "lamps"):
        made[key] = Organisation.objects.create(key=key, name=f"{key}局", kind=Organisation.Kind.DEPARTMENT, parent=centre)
    made["roads_east"] = Organisation.objects.create(
        key="roads_east", name="roads东分局", kind=Organisation.Kind.BRANCH, parent=made["roads"], area_code="330212"
    )
    return made


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str) -> Path:
        path = tmp_path / "list.csv"
        path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
        return path

    return write


def handled(body: Organisation, category: str = "component/0118", area: str = "330203001") -> Case:
    """Return a case that is with a department."""
    case = services.open_case(
        TYPE, "路灯不亮", SYSTEM, NOW, category=category, area_code=area, source="patrol", lon=121.5, lat=29.8
    )
    for step, more in (("accept", {}), ("file", {}), ("dispatch", {"owner": body})):
        case = services.take_step(case, step, SYSTEM, NOW, **more)  # type: ignore[arg-type]
    return case


def test_a_list_is_read_whole_or_not_at_all_and_every_fault_is_named(listed: Callable[..., Path]) -> None:
    path = listed(
        "component/0118,,lamps,第一条,,1,2026-01-01,",
        "component/9999,,lamps,第二条,,1,2026-01-01,",
        "event,33o2,nobody,,,1,2026-13-01,2025-01-01",
    )
    with pytest.raises(Malformed) as wrong:
        load_list(path, TYPE, SYSTEM)
    faults = wrong.value.fields["faults"]
    assert [fault.split(":")[0] for fault in faults] == ["list.csv, line 3"] + ["list.csv, line 4"] * 4
    assert not Duty.objects.exists()
    path.write_text("category,area\nevent,\n")
    with pytest.raises(Malformed, match="columns organisation"):
        load_list(path, TYPE, SYSTEM)


def test_a_new_entry_follows_the_one_before_and_the_past_stays(listed: Callable[..., Path]) -> None:
    assert load_list(listed("component/0118,,lamps,旧,,1,2020-01-01,"), TYPE, SYSTEM).added == 1
    path = listed("component/0118,,roads,新,,1,2026-07-01,")
    loaded = load_list(path, TYPE, SYSTEM)
    assert (loaded.added, loaded.ended) == (1, 1)
    assert load_list(path, TYPE, SYSTEM).known == 1
    owner = [queries.duty_of(TYPE, "component/0118", "330203001", day) for day in (dt.date(2026, 6, 30), dt.date(2026, 7, 1))]
    assert [one.clause for one in owner if one] == ["旧", "新"]
    assert queries.duty_of(TYPE, "component/0118", "330203001", dt.date(2019, 1, 1)) is None
    end_duty(SYSTEM, Duty.objects.get(clause="新"), dt.date(2026, 12, 1))
    queries.forget()
    assert queries.duty_of(TYPE, "component/0118", "330203001", dt.date(2026, 12, 1)) is None
    with pytest.raises(Refused):
        end_duty(SYSTEM, Duty.objects.get(clause="新"), dt.date(2026, 12, 1))


def test_the_database_keeps_two_entries_of_one_kind_and_area_apart(
    bodies: dict[str, Organisation], listed: Callable[..., Path]
) -> None:
    first = {"type": TYPE, "category": "event/01", "area": "", "organisation": bodies["lamps"], "clause": "一"}
    Duty.objects.create(**first, valid_from=dt.date(2026, 1, 1), valid_to=dt.date(2026, 6, 1))
    Duty.objects.create(**first, valid_from=dt.date(2026, 6, 1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Duty.objects.create(**first, valid_from=dt.date(2026, 3, 1), valid_to=dt.date(2026, 4, 1))
    with pytest.raises(Refused) as refused:
        load_list(listed("event/01,,roads,二,,1,2026-02-01,2026-07-01"), TYPE, SYSTEM)
    assert refused.value.code == "duty_overlap"


def test_the_branch_of_the_area_is_charged(bodies: dict[str, Organisation], listed: Callable[..., Path]) -> None:
    load_list(listed("component/02,,roads,道路,,1,2020-01-01,"), TYPE, SYSTEM)
    case = services.open_case(TYPE, "护栏", SYSTEM, NOW, category="component/0204", area_code="330212003", source="patrol")
    assert [find(case, DAY) for find in hooks.owner_finders if find(case, DAY)] == [hooks.Charged(bodies["roads_east"], "道路")]
    for step in ("accept", "file", "dispatch"):
        case = services.take_step(case, step, SYSTEM, NOW, lon=121.5, lat=29.8)
    assert case.owner == bodies["roads_east"]


CATEGORIES = ["", "component", "component/01", "component/0118", "component/0119", "event", "event/05"]
AREAS = ["", "3302", "330203", "330203001", "330212"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.lists(st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(AREAS)), unique=True, max_size=12),
    category=st.sampled_from(["component/0118", "component/0119", "event/0501"]),
    area=st.sampled_from(["330203001002", "330212005", "330281001"]),
)
def test_one_entry_or_none_counts_the_most_particular_first(entries: list[tuple[str, str]], category: str, area: str) -> None:
    duties = [Duty(category=kind, area=where) for kind, where in entries]

    def fits(kind: str, where: str) -> bool:
        codes = {"", category, category[: category.index("/")], category[: category.index("/") + 3]}
        return kind in codes and area.startswith(where)

    expected = sorted((one for one in entries if fits(*one)), key=lambda one: (len(one[0]), len(one[1])))
    found = sorted((one for one in duties if one.fits(category, area)), key=lambda one: one.rank)
    assert [(one.category, one.area) for one in found] == expected
    assert len({one.rank for one in found}) == len(found)  # never two that are equally particular


def test_a_return_stands_on_the_list_or_not_at_all(bodies: dict[str, Organisation], listed: Callable[..., Path]) -> None:
    load_list(
        listed("component/0118,,lamps,路灯归照明,,1,2020-01-01,", "component/02,,roads,道路归公路,,1,2020-01-01,"), TYPE, SYSTEM
    )
    ours, theirs = handled(bodies["lamps"]), handled(bodies["roads"])
    lamps, roads = Duty.objects.get(clause="路灯归照明"), Duty.objects.get(clause="道路归公路")

    def tried(case: Case, **data: object) -> str | None:
        guard = hooks.guards["duty_list_reason"]
        step = next(one for one in services.type_of(TYPE).transitions if one.key == "return_work")
        place = {name: data.pop(name) for name in ("lon", "lat") if name in data}
        return guard(case, step, hooks.Given("不是我们的", data=data, **place), SYSTEM, NOW)  # type: ignore[arg-type]

    assert all(str(name) in (tried(ours) or "") for name in REASONS.values())
    assert "路灯归照明" in (tried(ours, reason_code="not_listed") or "")
    assert tried(theirs, reason_code="not_listed") is None
    assert tried(theirs, reason_code="other_body", clause=lamps.pk) is None
    assert "路灯归照明" in (tried(ours, reason_code="other_body", clause=lamps.pk) or "")
    assert "不适用" in (tried(ours, reason_code="other_body", clause=roads.pk) or "")
    assert tried(ours, reason_code="wrong_category", proposed="component/0204") is None
    assert "路灯归照明" in (tried(ours, reason_code="wrong_category", proposed="component/0118") or "")
    assert "目录" in (tried(ours, reason_code="wrong_category", proposed="component/9999") or "")
    assert "地图" in (tried(ours, reason_code="wrong_place") or "")
    assert tried(ours, reason_code="same_case", target=theirs.number) is None
    assert tried(ours, reason_code="same_case", target=ours.number) is not None
    with pytest.raises(Refused):
        services.take_step(ours, "return_work", SYSTEM, NOW, reason="不是我们的")
    returned = services.take_step(theirs, "return_work", SYSTEM, NOW, reason="不归我们", data={"reason_code": "not_listed"})
    assert returned.state == "to_redispatch"
    back = services.take_step(returned, "redispatch", SYSTEM, NOW)
    assert back.owner == bodies["lamps"]


def test_without_a_list_words_are_enough(bodies: dict[str, Organisation]) -> None:
    returned = services.take_step(handled(bodies["lamps"]), "return_work", SYSTEM, NOW, reason="不归我们")
    assert returned.state == "to_redispatch"


def test_packs_bring_a_list_for_a_city_that_has_none() -> None:
    from chengyun.access.services import ensure_organisations

    ensure_organisations()
    assert ensure_duties() > 5
    assert ensure_duties() == 0
    duty = queries.duty_of(TYPE, "component/0118", "330203001", DAY)
    assert duty is not None
    assert duty.organisation.name == "住房和城乡建设局"
