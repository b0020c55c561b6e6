# SPDX-License-Identifier: Apache-2.0
"""The guide's spreadsheet: out and in without loss, another program reads it, and what is wrong is said with its cell."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.models import Organisation
from chengyun.errors import Refused
from chengyun.share.catalogue import services
from chengyun.share.catalogue.importing import Imported, import_workbook
from chengyun.share.catalogue.models import Provider, Resource, Revision
from chengyun.share.catalogue.records import records
from chengyun.share.catalogue.workbook import write_workbook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]


@pytest.fixture
def steward(actor_as: Callable[..., Actor]) -> Actor:
    return actor_as("data_steward", organisation=Organisation.objects.get(key="operations_centre"), username="steward")


@pytest.fixture
def reviewer(actor_as: Callable[..., Actor]) -> Actor:
    return actor_as("leader", username="reviewer")


def exported() -> bytes:
    out = io.BytesIO()
    write_workbook(records(SYSTEM), out)
    return out.getvalue()


def cells(data: bytes) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {name: [[cell.value or "" for cell in row] for row in book[name].iter_rows()] for name in book.sheetnames}


def changed(data: bytes, *edits: tuple[str, str, Any]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(data))
    for sheet, cell, value in edits:
        book[sheet][cell] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_what_is_exported_says_nothing_new_when_it_comes_back(steward: Actor) -> None:
    Resource.objects.filter(key="parking.lot").update(name='=cmd|"x"', keywords=["停车", "泊位"])
    first = exported()
    assert cells(first)["信息资源"][0][:5] == ["标识", "信息资源分类", "信息资源名称", "信息资源代码", "信息资源提供方"]
    assert ["=cmd" in row[2] for row in cells(first)["信息资源"] if row[0] == "parking.lot"] == [True]
    # Packs whose body is not registered here have no provider to import for.
    owned = {row[2] for row in cells(first)["信息资源"] if row[4] in set(Organisation.objects.values_list("name", flat=True))}
    book = openpyxl.load_workbook(io.BytesIO(first))
    for sheet, column in (("信息资源", 3), ("信息项", 2)):
        for number in range(book[sheet].max_row, 1, -1):
            if book[sheet].cell(number, column).value not in owned:
                book[sheet].delete_rows(number)
    left = book["信息资源"].max_row - 1
    out = io.BytesIO()
    book.save(out)
    done = import_workbook(steward, out.getvalue())
    assert done.faults == ()
    assert (done.registered, done.changed, done.unchanged) == (0, 0, left)
    assert not Revision.objects.exclude(state="accepted").exists()


def test_new_rows_come_in_for_review_and_go_out_as_they_came(steward: Actor, reviewer: Actor) -> None:
    data = new_rows()
    assert import_workbook(steward, data) == Imported(2, 0, 0)
    assert Provider.objects.get(organisation__key="housing").code == "91110000600037341L"
    for revision in Revision.objects.filter(state="submitted"):
        services.review(reviewer, revision.pk, accept=True)
    back = cells(exported())
    came, went = cells(data), {row[2]: row for row in back["信息资源"]}
    for row in came["信息资源"][1:]:
        assert went[row[2]][4:] == row[4:]
    assert [row[1:] for row in back["信息项"] if row[1] == "=房屋安全鉴定"] == [row[1:] for row in came["信息项"][1:3]]
    assert import_workbook(steward, data) == Imported(0, 0, 2)


@pytest.mark.parametrize(
    ("edit", "cell", "says"),
    [
        (("信息资源", "I2", "无条件"), "I2", "无条件共享"),
        (("信息资源", "I2", "无条件共享"), "J2", "空（无条件共享）"),
        (("信息资源", "P3", "2026-13-01"), "P3", "YYYY-MM-DD"),
        (("信息资源", "E2", "住房和建设局"), "E2", "没有名为"),
        (("信息资源", "F2", "91110000600037341M"), "F2", "GB 32100-2015"),
        (("信息资源", "C2", "在建工地"), "C3", "同名同提供方"),
        (("信息资源", "B2", "999"), "B2", "类 1 位"),
        (("信息资源", "H1", "格式"), "H1", "不认识的列"),
        (("信息项", "F2", "字母"), "F2", "数据类型的字母"),
        (("信息项", "G2", "很长"), "G2", "正整数"),
        (("信息项", "B2", "没有的"), "B2", "没有此名称和提供方"),
        (("信息项", "J2", "person.nam"), "", "已登记的数据元"),
    ],
)
def test_one_wrong_cell_is_named_and_nothing_is_written(steward: Actor, edit: tuple[str, str, Any], cell: str, says: str) -> None:
    before = Resource.objects.count(), Provider.objects.exclude(code="").count()
    found = import_workbook(steward, changed(new_rows(), edit)).faults
    assert any(says in it.says and (not cell or it.cell == cell) for it in found), found
    assert (Resource.objects.count(), Provider.objects.exclude(code="").count()) == before


def test_a_small_file_that_unpacks_to_millions_of_rows_is_refused_before_it_is_read(
    steward: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpacking_to(rows: int) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(exported())) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
            for name in before.namelist():
                part = before.read(name)
                if name.endswith("sheet1.xml"):
                    part = part.replace(b"</sheetData>", b"<row></row>" * rows + b"</sheetData>")
                after.writestr(name, part)
        return out.getvalue()

    assert import_workbook(steward, unpacking_to(1_000)).faults == ()
    data = unpacking_to(200_000)
    assert len(data) < 200_000
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_args, **_kept: pytest.fail("it was read"))
    with pytest.raises(Refused, match="每张表至多 20000 行"):
        import_workbook(steward, data)


def test_of_a_table_that_is_another_not_every_cell_is_named(steward: Actor) -> None:
    book = openpyxl.load_workbook(io.BytesIO(exported()))
    for _row in range(2_000):
        book["信息资源"].append(["", "", "某表", "", "某部门"])
    out = io.BytesIO()
    book.save(out)
    faults = import_workbook(steward, out.getvalue()).faults
    assert 1_000 <= len(faults) < 1_020
    assert any("不再逐一列出" in one.says for one in faults)
    assert not Resource.objects.filter(name="某表").exists()


def test_another_file_is_refused(steward: Actor) -> None:
    with pytest.raises(Refused, match="不是可读的"):
        import_workbook(steward, b"PK\x03\x04 no workbook")
    empty = io.BytesIO()
    openpyxl.Workbook().save(empty)
    with pytest.raises(Refused, match="缺少工作表"):
        import_workbook(steward, empty.getvalue())


def new_rows() -> bytes:
    """Two resources as a clerk fills them in, one beginning like a formula."""
    head = cells(exported())
    book = openpyxl.Workbook()
    book.remove(book.active)
    resources, items = book.create_sheet("信息资源"), book.create_sheet("信息项")
    resources.append(head["信息资源"][0])
    items.append(head["信息项"][0])
    provider = "住房和城乡建设局"
    common = [provider, "91110000600037341L", "全市"]
    rows = [
        ["", "209001", "=房屋安全鉴定", "", *common, "xlsx；csv", "有条件共享", "因履职需要", "共享平台：接口；邮件", "", "否",
         "", "每季度", "2026-01-31", "", "非涉密", "Building safety", "房屋；安全", "否", "0574-1", "https://example.org/a"],
        ["", "209001", "在建工地", "", *common, "pdf", "不予共享", "", "", "《某法》第一条", "否", "", "不定期", "2025-12-01", "",
         "非涉密", "", "", "否", "", ""],
    ]  # fmt: skip
    for row in rows:
        resources.append(row)
        resources.cell(resources.max_row, 3).data_type = "s"
    for row in (
        ["", "=房屋安全鉴定", provider, "code", "房屋编码", "C", "40", "", "否", "", "否"],
        ["", "=房屋安全鉴定", provider, "lon", "经度", "B", "", "WGS-84", "否", "place.longitude", "否"],
    ):
        items.append(row)
        items.cell(items.max_row, 2).data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_an_office_program_opens_it(tmp_path: Path) -> None:
    """python-calamine is another reader of workbooks, and the one many programs stand on."""
    calamine = pytest.importorskip("python_calamine")
    path = tmp_path / "catalogue.xlsx"
    path.write_bytes(exported())
    book = calamine.CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["信息资源", "信息项"]
    assert len(book.get_sheet_by_name("信息资源").to_python()) == Resource.objects.count() + 1


def test_what_cannot_be_read_is_said_once_in_the_readers_language_and_in_the_order_of_the_sheet(steward: Actor) -> None:
    edits = [("信息资源", "I2", "条件共享"), ("信息资源", "O2", "每半月"), ("信息资源", "P2", "明天"), ("信息项", "F2", "文字")]
    faults = import_workbook(steward, changed(new_rows(), *edits, ("信息资源", "AA1", "多出的列"))).faults
    assert [(it.sheet, it.cell) for it in faults] == [
        ("信息资源", "AA1"), ("信息资源", "I2"), ("信息资源", "O2"), ("信息资源", "P2"), ("信息项", "F2"),
    ]  # fmt: skip
    assert faults[1].says.endswith("您是否想写“有条件共享”？")
    assert not any("Did you mean" in it.says for it in faults)
    wide = changed(new_rows(), ("信息资源", "Z1", "多"), ("信息资源", "AA1", "多"))
    assert [it.cell for it in import_workbook(steward, wide).faults] == ["Z1", "AA1"]


def test_a_sheet_without_a_row_is_no_import(steward: Actor) -> None:
    book = openpyxl.load_workbook(io.BytesIO(new_rows()))
    for name in book.sheetnames:
        book[name].delete_rows(2, 10)
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(Refused, match="没有一行资源"):
        import_workbook(steward, out.getvalue())
