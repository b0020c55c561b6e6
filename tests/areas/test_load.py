# SPDX-License-Identifier: Apache-2.0
"""Loading a city's own areas: what is refused, in words a person can act on, and what replaces what."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from chengyun.areas import queries, services
from chengyun.areas.commands import add_commands, load_areas_command
from chengyun.areas.models import Area
from chengyun.errors import Refused
from chengyun.standards.coordinates import from_wgs84

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 11, 21)
Save = Callable[[str, Any], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return path

    return write


@pytest.fixture
def city(save: Save) -> None:
    """杭州 as an example of a city that no record here speaks of: one city, nothing else."""
    services.load_areas(save("city.csv", "code,name\n330100,杭州市\n"))


def _square(west: float, south: float, side: float = 0.1) -> dict[str, Any]:
    east, north = west + side, south + side
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}


def _district(code: str, geometry: dict[str, Any], **told: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"adcode": int(code), "name": f"第{code[-2:]}区", **told}, "geometry": geometry}


def _collection(*features: dict[str, Any], crs: str | None = "WGS-84") -> dict[str, Any]:
    named = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    return {"type": "FeatureCollection", **named, "features": list(features)}


@pytest.mark.usefixtures("city")
def test_boundaries_are_stored_in_wgs84_with_the_system_they_came_in(save: Save) -> None:
    lon, lat = from_wgs84(120.15, 30.25, "GCJ-02")
    services.load_areas(save("d.geojson", _collection(_district("330102", _square(lon, lat)), crs="GCJ-02")))
    row = queries.area("330102", TODAY)
    assert row is not None
    assert row.source_crs == "GCJ-02"
    assert row.source == "d.geojson"
    assert queries.area_of(120.1501, 30.2501) == "330102"
    assert queries.area_of(120.1499, 30.2499) is None


@pytest.mark.usefixtures("city")
def test_a_file_that_does_not_state_its_system_is_refused(save: Save) -> None:
    file = save("d.geojson", _collection(_district("330102", _square(120.1, 30.2)), crs=None))
    with pytest.raises(
        Refused, match=r"d\.geojson does not say which coordinate system .* --crs \(WGS-84, CGCS2000, GCJ-02, BD-09\)"
    ):
        services.load_areas(file)
    assert services.load_areas(file, "EPSG:4490").added == 1


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("in_file", "told", "fault"),
    [("GCJ-02", "WGS-84", "says it is in GCJ-02, and --crs says WGS-84"), (None, "GCJ-20", 'Did you mean "GCJ-02"'),
     ("EPSG:3857", None, "is not known")],
)  # fmt: skip
def test_a_system_that_is_unknown_or_contradicted_is_refused(
    save: Save, in_file: str | None, told: str | None, fault: str
) -> None:
    file = save("d.geojson", _collection(_district("330102", _square(120.1, 30.2)), crs=in_file))
    with pytest.raises(Refused, match=fault):
        services.load_areas(file, told)


@pytest.mark.usefixtures("city")
def test_a_planners_file_on_the_grid_is_converted(save: Save) -> None:
    west, south = from_wgs84(120.15, 30.25, "EPSG:4549")
    file = save("d.geojson", _collection(_district("330102", _square(west, south, 5000)), crs="urn:ogc:def:crs:EPSG::4549"))
    services.load_areas(file)
    assert queries.area_of(120.1501, 30.2501) == "330102"
    assert queries.area_of(120.1499, 30.2499) is None
    assert [row.source_crs for row in queries.areas_on(TODAY, "district")] == ["EPSG:4549"]
    numbered = save("e.geojson", _collection(_district("330105", _square(40_000_000 + west, south, 5000)), crs="EPSG:4549"))
    with pytest.raises(Refused, match=r"features\[0\] .*easting first and without the zone's number"):
        services.load_areas(numbered)


BOW_TIE = {"type": "Polygon", "coordinates": [[[120.1, 30.2], [120.3, 30.4], [120.3, 30.2], [120.1, 30.4], [120.1, 30.2]]]}
OPEN_RING = {"type": "Polygon", "coordinates": [[[120.1, 30.2], [120.3, 30.4]]]}
METRES = _square(359873.9, 3306397.6, 1000)


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("geometry", "fault"),
    [
        (BOW_TIE, "boundary is not valid: Self-intersection"),
        (OPEN_RING, "cannot be read"),
        (METRES, "expected degrees, longitude first"),
        ({"type": "Point", "coordinates": [120.1, 30.2]}, "'Point', expected a Polygon"),
        ({"type": "Polygon", "coordinates": []}, "no coordinates"),
        ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, "cannot be read"),
        ({"type": "Polygon"}, "cannot be read"),
    ],
)
def test_a_bad_boundary_is_named_with_file_and_feature(save: Save, geometry: dict[str, Any], fault: str) -> None:
    good, bad = _district("330105", _square(120.5, 30.5)), _district("330102", geometry)
    with pytest.raises(Refused, match=rf"d\.geojson, features\[1\] \(330102 第02区\): .*{fault}"):
        services.load_areas(save("d.geojson", _collection(good, bad)))
    assert queries.area("330105", TODAY) is None, "all or nothing"


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("code,name\n33010,短区\n", r"c\.csv, line 2 \(33010 短区\): Area code 33010 has 5 digits"),
        ("code,name\n330102001,街道\n", "its parent 330102 is neither in the files nor loaded"),
        ("code,name,parent\n330102,上城区,\n330102001,街道,330105\n", "says that its parent is 330105; by its code it is 330102"),
        ("code,name\n330102,上城区\n330102,又一区\n", r"line 3 .*code 330102 is given twice .* first by c\.csv, line 2"),
        (
            "code,name,valid_from,valid_to\n330102,上城区,2000-01-01,2010-01-01\n330102,上城区,2009-01-01,\n",
            "given twice for the same days",
        ),
        ("code,name,valid_from,valid_to\n330102,上城区,2010-01-01,2010-01-01\n", "valid_to 2010-01-01 is not after"),
        ("code,name,valid_from\n330102,上城区,2010-13-01\n", "valid_from is '2010-13-01', which is not a date"),
        ("code,name\n330102,\n", "has no name"),
        ("code\n330102\n", "has no column name"),
        ("code,name\n330204,江东区\n330200,宁波市\n", "withdrawn in 2016-09; its successor is 330212 鄞州区"),
    ],
)  # fmt: skip
def test_wrong_codes_are_refused(save: Save, table: str, fault: str) -> None:
    with pytest.raises(Refused, match=fault):
        services.load_areas(save("c.csv", table))
    assert [row.code for row in queries.areas_on(TODAY)] == ["330100"]


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "is not JSON"), ("[" * 100_000, "is not JSON"),
        ("[]", "holds no list of features"), ('{"features": 3}', "holds no list of features"),
        ('{"features": [3]}', "is not an object"), ('{"features": [{"properties": {"name": "无码区"}}]}', "无码区.* has no code"),
        ('{"features": [{"county": "某某区", "polylines": []}]}', "its name alone does not tell one"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_areas_is_refused(save: Save, content: str, fault: str) -> None:
    with pytest.raises(Refused, match=fault):
        services.load_areas(save("x.json", content), "WGS-84")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"There is no file .*none\.geojson"):
        services.load_areas(tmp_path / "none.geojson")
    (tmp_path / "gbk.csv").write_bytes("code,name\n330100,杭州市\n".encode("gbk"))
    with pytest.raises(Refused, match=r"gbk\.csv cannot be read as UTF-8"):
        services.load_areas(tmp_path / "gbk.csv")


@pytest.mark.usefixtures("city")
def test_children_lie_inside_parents_and_not_on_siblings(save: Save) -> None:
    services.load_areas(save("d.geojson", _collection(_district("330102", _square(120.1, 30.2)))))
    outside = {"type": "Feature", "properties": {"code": "330102001", "name": "街道"}, "geometry": _square(120.15, 30.2)}
    with pytest.raises(Refused, match=r"330102001 街道\): 50% of its boundary's area lies outside its parent 330102"):
        services.load_areas(save("s.geojson", _collection(outside)))
    with pytest.raises(Refused, match=r"330105 第05区\) and the table's 330102 第02区 overlap by 50%"):
        services.load_areas(save("e.geojson", _collection(_district("330105", _square(120.15, 30.2)))))
    touching = services.load_areas(save("f.geojson", _collection(_district("330105", _square(120.2, 30.2)))))
    assert touching.added == 1


@pytest.mark.usefixtures("city")
def test_loading_twice_changes_nothing(save: Save) -> None:
    file = save("d.geojson", _collection(_district("330102", _square(120.1, 30.2)), _district("330105", _square(120.2, 30.2))))
    assert services.load_areas(file).added == 2
    before = list(Area.objects.values_list())
    again = services.load_areas(file)
    assert (again.added, again.changed, again.unchanged, again.removed) == (0, 0, 2, 0)
    assert list(Area.objects.values_list()) == before


@pytest.mark.usefixtures("city")
def test_codes_without_boundaries_leave_known_boundaries_in_place(save: Save) -> None:
    services.load_areas(save("d.geojson", _collection(_district("330102", _square(120.1, 30.2)))))
    assert services.load_areas(save("d.csv", "code,name\n330102,上城区\n")).changed == 1
    assert queries.name_of("330102") == "上城区"
    assert queries.area_of(120.15, 30.25) == "330102"


@pytest.mark.usefixtures("city")
def test_a_new_span_ends_the_one_before(save: Save) -> None:
    services.load_areas(save("d.geojson", _collection(_district("330102", _square(120.1, 30.2)))))
    moved = _collection(_district("330102", _square(120.3, 30.2), valid_from="2021-04-01"))
    loaded = services.load_areas(save("e.geojson", moved))
    assert (loaded.added, loaded.changed) == (1, 1)
    assert [row.valid_to for row in queries.versions("330102")] == [dt.date(2021, 4, 1), None]
    assert queries.area_of(120.15, 30.25, day=dt.date(2021, 3, 31)) == "330102"
    assert queries.area_of(120.15, 30.25, day=dt.date(2021, 4, 1)) is None
    assert queries.area_of(120.35, 30.25, day=dt.date(2021, 4, 1)) == "330102"
    with pytest.raises(Refused, match="State valid_from and valid_to so that they meet"):
        services.load_areas(save("f.csv", "code,name,valid_from\n330102,上城区,2015-01-01\n"))


@pytest.mark.usefixtures("city")
def test_the_database_itself_refuses_two_areas_of_one_code_on_a_day() -> None:
    with pytest.raises(IntegrityError, match="areas_area_no_two_at_once"), transaction.atomic():
        Area.objects.create(code="330100", level="city", name="又一市", valid_from=dt.date(2020, 1, 1))


def test_a_citys_own_areas_replace_the_demonstration(save: Save) -> None:
    demo = [
        save("demo.csv", "code,name\n330100,杭州市\n330102001,甲街道\n330105001,乙街道\n"),
        save("demo.geojson", _collection(_district("330102", _square(120.1, 30.2)), _district("330105", _square(120.2, 30.2)))),
    ]
    services.load_areas(demo, demonstration=True)
    own = services.load_areas(save("own.geojson", _collection(_district("330102", _square(120.4, 30.2)))))
    assert (own.added, own.changed, own.removed) == (0, 1, 2)
    assert own.notes == ("330105 第05区 of the demonstration was replaced.",)
    left = {row.code: row.demonstration for row in queries.areas_on(TODAY)}
    assert left == {"330100": True, "330102": False, "330102001": True}, "乙街道 went with its district"
    assert queries.area_of(120.15, 30.25) is None
    assert queries.area_of(120.45, 30.25) == "330102"


def test_another_citys_areas_put_out_the_whole_demonstration(save: Save, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHENGYUN_DEMO_AREAS", str(tmp_path / "none"))
    services.ensure_areas()
    services.load_areas(save("own.csv", "code,name\n330100,杭州市\n330102,上城区\n"))
    assert [row.code for row in queries.areas_on(TODAY)] == ["330100", "330102"]


def test_a_parent_may_come_in_another_file_of_the_same_load(save: Save) -> None:
    districts = save("d.geojson", _collection(_district("330102", _square(120.1, 30.2)), crs=None))
    with pytest.raises(Refused, match="its parent 330100 is neither"):
        services.load_areas(districts, "WGS-84")
    assert services.load_areas([districts, save("c.csv", "code,name\n330100,杭州市\n")], "WGS-84").added == 2


def test_real_boundary_files_load(shared: Path, save: Save) -> None:
    folder = shared / "data" / "admin-ningbo"
    city = save("city.csv", "code,name\n330200,宁波市\n")
    assert services.load_areas([city, folder / "datav_330200_full_2021.geojson"], "GCJ-02").added == 11
    assert services.load_areas(folder / "osm_ningbo_districts_wgs84.json", "CGCS2000").changed == 10
    assert {row.source_crs for row in queries.areas_on(TODAY, "district")} == {"CGCS2000"}
    assert services.load_areas(folder / "codes" / "streets.csv").added == 162
    with pytest.raises(Refused, match=r"330283 奉化区\): code 330283 奉化市 was withdrawn in 2016-09; its successor is 330213"):
        services.load_areas(folder / "amap_ningbo_2018_detailed.geojson", "GCJ-02")
    with pytest.raises(Refused, match="does not say which coordinate system"):
        services.load_areas(folder / "old_330200_pre2016.geojson")


def test_the_command_says_what_it_did(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    city = save("c.csv", "code,name\n330100,杭州市\n")
    args = parser.parse_args(["areas", "load", str(city), "--valid-from", "2000-01-01"])
    assert args.func(args) == 0
    assert capsys.readouterr().out == "Areas: 1 added, 0 changed, 0 unchanged, 0 removed.\n"
    args = parser.parse_args(["areas", "list", "--level", "city"])
    assert args.func(args) == 0
    assert capsys.readouterr().out == "330100 杭州市  2000-01-01…  no boundary\n"
    assert load_areas_command(argparse.Namespace(files=[city], crs=None)) == 0
    assert capsys.readouterr().out == "Areas: 0 added, 0 changed, 1 unchanged, 0 removed.\n"
