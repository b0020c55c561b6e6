# SPDX-License-Identifier: Apache-2.0
"""People: what each department says, and that invented ones are nobody."""

from __future__ import annotations

import datetime as dt
import io
import random
from pathlib import Path

import pytest

from chengyun.access.actors import SYSTEM
from chengyun.city import Malformed, SimulatedArea, Stated
from chengyun.packs.population import feeds, simulate
from chengyun.packs.population.models import Person
from chengyun.share.registers.loading import load_register
from chengyun.standards.identifiers import Fault, read

TODAY = dt.date(2026, 1, 1)
AREAS = [SimulatedArea("330203", "海曙区", ((121.5, 29.8), (121.51, 29.81)))]
PERSONS = (
    "人员编码,姓名,性别,出生日期,公民身份号码,民族,户号,与户主关系,居住类别,户籍地行政区划,区域,建筑物,居住地址,"
    "起始日期,终止日期\n"
)


def test_a_row_of_the_police() -> None:
    first = "P1,王芳,女,1990年1月1日,３３０２０２199001019021,汉族,H1,户主,户籍,330203,,,甲路1号,20200101,\n"
    text = PERSONS + first + "P2,李,男,1990-02-30,,,,,,,,,,,\n"
    one, wrong = feeds.read_persons(io.BytesIO(text.encode()), "persons.csv")
    assert isinstance(one, Stated)
    assert one.values["sex"] == "2"
    assert one.values["birth_date"] == dt.date(1990, 1, 1)
    assert one.values["id_number"] == "330202199001019021"
    assert one.since == dt.date(2020, 1, 1)
    assert isinstance(wrong, Malformed)
    assert "birth_date" in wrong.sentence


def test_invented_people_check_and_are_the_same_again() -> None:
    made = list(simulate.registered(AREAS, random.Random(1), TODAY))
    assert made == list(simulate.registered(AREAS, random.Random(1), TODAY))
    people = [one for one in made if one.entity == "person"]
    assert len(people) > 30
    for one in people:
        found = read("identity_number", str(one.values["id_number"]))
        assert not isinstance(found, Fault), one
        assert str(one.values["id_number"])[6:14] == f"{one.values['birth_date']:%Y%m%d}"
        assert one.values["birth_date"] <= TODAY
    households = {one.key for one in made if one.entity == "household"}
    assert {one.values["household"] for one in people} == households


@pytest.mark.django_db
def test_departments_files_meet_in_one_register(tmp_path: Path) -> None:
    files = {
        "persons": PERSONS + "P1,王芳,女,1990-01-01,330202199001019021,汉族,,,户籍,,,,甲路1号,2015-01-01,\n",
        "visits": "人员编码,联系电话,区域,建筑物,居住地址,居住类别,走访日期\nP1,13800000000,,,乙路2号,,2024-01-01\n",
        "marriages": "人员编码,婚姻状况,登记日期\nP1,已婚,2020-05-20\nP1,离婚,2024-05-20\nP1,再婚,2025-05-20\n",
    }
    for feed, text in files.items():
        path = tmp_path / f"{feed}.csv"
        path.write_text(text, encoding="utf-8")
        loaded = load_register(SYSTEM, f"population.{feed}", [path])
        assert dict(loaded.dead) == ({"unknown_code": 1} if feed == "marriages" else {})
    row = Person.objects.get()
    assert (row.name, row.phone, row.address, row.marriage) == ("王芳", "13800000000", "乙路2号", "4")
    assert row.source == "公安局、社区、民政局"
