# SPDX-License-Identifier: Apache-2.0
"""A category is learnt from what people decided, said with a calibrated chance and its reasons, or left to a person."""

from __future__ import annotations

import datetime as dt
import random
import sys

import numpy as np
import pytest

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Organisation
from chengyun.cases import category, hooks
from chengyun.cases.category.benches import examples
from chengyun.cases.category.features import Facts, groups_of, parent_of
from chengyun.cases.category.model import Model
from chengyun.cases.category.models import CategoryModel
from chengyun.cases.category.services import retrain
from chengyun.cases.category.training import judge, train
from chengyun.cases.models import Case
from chengyun.errors import Refused

NOW = dt.datetime(2026, 11, 17, 2, tzinfo=dt.UTC)
TYPE = "urban_management.case"
LAMP, LID, LITTER = "component/0118", "component/0101", "event/0104"
WORDS = {
    LAMP: ["路灯不亮", "路灯坏了", "夜里没有灯光", "灯杆上的灯灭了"],
    LID: ["井盖松动", "井盖丢了", "踩上去井盖会响", "路上有个洞没有盖"],
    LITTER: ["垃圾没人扫", "路面很脏", "满地垃圾", "道路不洁"],
}


def made_up(number: int, seed: int = 1, noise: float = 0.1) -> list[tuple[Facts, str]]:
    """Reports in the order of time; lamps in the evening, litter in the west; `noise` of them in the words of another."""
    draw = random.Random(seed)
    found = []
    for at in range(number):
        code = draw.choice([LAMP, LID, LITTER])
        words = draw.choice(WORDS[draw.choice(list(WORDS)) if draw.random() < noise else code])
        hour = draw.choice([19, 20, 21]) if code == LAMP else draw.randrange(7, 18)
        lon = draw.uniform(121.4, 121.5) if code == LITTER else draw.uniform(121.4, 121.6)
        moment = NOW + dt.timedelta(days=at // 20 - 100)
        place = {"lon": lon, "lat": 29.87, "area_code": "330203001" if lon < 121.5 else "330212001"}
        text = f"{words}，{draw.choice(['请处理', '麻烦看看', '谢谢'])}"
        found.append((Facts(text=text, at=moment.replace(hour=hour), channel="app", **place), code))
    return found


@pytest.fixture
def centre(db):
    return Organisation.objects.create(key="operations_centre", name="中心", kind="centre")


@pytest.fixture
def cases(centre):
    def make(rows: list[tuple[Facts, str]], **more) -> None:
        Case.objects.bulk_create(
            Case(
                number=f"T{Case.objects.count() + at:07}", type=TYPE, state="handling", title="t", description=facts.text,
                owner=centre, lon=facts.lon, lat=facts.lat, area_code=facts.area_code, opened_at=facts.at, due_at=NOW,
                source=facts.channel, category=code, **{"dispatched_at": facts.at, **more},
            )
            for at, (facts, code) in enumerate(rows)
        )  # fmt: skip

    return make


def ask(text: str, **more):
    given = {"lon": 121.55, "lat": 29.87, "area_code": "330212001", "at": NOW, "channel": "app"} | more
    return category.suggest(TYPE, text=text, **given)


def test_what_was_decided_is_learnt_and_said_with_reasons(cases):
    cases(made_up(1200))
    kept = retrain(TYPE, SYSTEM, NOW)
    assert kept.live
    assert kept.card["error"] < kept.card["plain"]["most frequent"]
    found = ask("路灯坏了，谢谢", at=NOW.replace(hour=20))
    assert (found.category, found.abstained) == (LAMP, False)
    assert found.probability > 0.8
    assert all("件属于此类" in reason for reason in found.reasons)
    assert found.probability + sum(chance for _, chance in found.alternatives) == pytest.approx(1, abs=0.01)


def test_what_nobody_ever_said_is_left_to_a_person(cases):
    cases(made_up(1200))
    retrain(TYPE, SYSTEM, NOW)
    assert ask("xyzzy", lon=None, lat=None, area_code="", at=None, channel="").abstained


def test_chances_are_what_they_say_and_the_unsure_fifth_holds_the_errors():
    model, _ = train(made_up(4000, noise=0.25))
    card = judge(model, made_up(3000, seed=2, noise=0.25), {"none": lambda _: ""})
    assert card.ece <= 0.05
    assert card.kept_error < card.error


def test_a_model_no_better_than_counting_never_suggests(cases):
    draw = random.Random(4)
    cases([(facts, draw.choice([LAMP] * 6 + [LID, LITTER])) for facts, _ in made_up(600)])
    kept = retrain(TYPE, SYSTEM, NOW)
    assert not kept.live
    assert not CategoryModel.objects.filter(live=True).exists()
    assert ask("路灯坏了").probability is None


def test_a_bad_model_does_not_replace_a_good_one(cases):
    cases(made_up(1200))
    good = retrain(TYPE, SYSTEM, NOW)
    codes = [LAMP, LID, LITTER]
    Case.objects.all().delete()
    draw = random.Random(4)
    cases([(facts, draw.choice(codes)) for facts, _ in made_up(600)])
    retrain(TYPE, SYSTEM, NOW + dt.timedelta(days=7))
    assert [one.pk for one in CategoryModel.objects.filter(live=True)] == [good.pk]


def test_too_few_cases_and_undecided_ones_teach_nothing(cases):
    cases(made_up(150))
    cases(made_up(300), dispatched_at=None)
    cases(made_up(300), simulated=True)
    with pytest.raises(Refused, match="150 decided cases"):
        retrain(TYPE, SYSTEM, NOW)


def test_before_there_is_a_model_names_are_offered_never_surely(centre):
    found = ask("路灯坏了")
    assert (found.category, found.abstained, found.probability) == (LAMP, True, None)
    assert ask("！？") is None


def test_the_duty_list_is_a_reason(cases, monkeypatch, centre):
    cases(made_up(1200))
    retrain(TYPE, SYSTEM, NOW)
    charged = hooks.Charged(centre, "第 3 条")
    monkeypatch.setattr(hooks, "owner_finders", [lambda case, _day: charged if case.category == LAMP else None])
    assert ask("路灯坏了", at=NOW.replace(hour=20)).reasons[-1] == "职责清单：中心（第 3 条）"


def test_a_model_is_the_same_after_its_file():
    model, _ = train(made_up(800))
    again = Model.load(model.dump())
    for facts, _ in made_up(20, seed=9):
        assert np.allclose(model.probabilities(facts), again.probabilities(facts))
    assert again.threshold == model.threshold
    assert "sklearn" not in sys.modules


def test_groups_are_what_a_report_says():
    facts = Facts("路灯 不亮", 121.5, 29.8, "330203001", NOW, "app")
    groups = groups_of(facts)
    assert groups["words"] == ("路灯", "不亮")
    assert groups["said@district"] == ("路灯 不亮|330203",)
    assert parent_of("said@district") == "said"
    assert "said" not in groups_of(Facts("很长的话" * 20))
    assert groups_of(Facts()) == {}


def test_nothing_decided_later_is_a_feature():
    row = dict.fromkeys(
        ["case_id", "open_dt", "target_dt", "closed_dt", "on_time", "status", "closure", "subject", "reason", "type", "queue",
         "department", "neighborhood", "land_usage", "street", "property_type", "police_district", "precinct", "pwd_district",
         "lat", "lon", "source"], "",
    ) | {"open_dt": "2015-01-01T00:20:09"}  # fmt: skip
    later = {
        "closure": "L1",
        "subject": "L2",
        "reason": "L3",
        "department": "L4",
        "queue": "L5",
        "on_time": "L6",
        "target_dt": "L7",
    }
    plain, leaked = (groups_of(examples([each], "queue", "type")[0][1][0]) for each in (row, row | later))
    assert plain == leaked
