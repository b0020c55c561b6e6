# SPDX-License-Identifier: Apache-2.0
"""Lists of targets are loaded whole, reported on, shown with what contradicts them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client

from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.models import Account, AuditRecord, Organisation
from chengyun.access.services import assign
from chengyun.errors import Malformed, NotFound, Refused
from chengyun.govern.models import Target
from chengyun.govern.queries import conflicts, target, targets
from chengyun.govern.reading import COLUMNS, read_targets, section_of
from chengyun.govern.services import link, load_targets, report

NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)
TODAY = NOW.date()
LINES = (
    (
        "a",
        "电商平台交易总额（总体目标章）",
        "Volume",
        "400",
        ">=",
        "亿元",
        "2020",
        "target",
        "江东区",
        "plan.txt",
        "总额 400 亿元",
    ),
    ("b", "电商平台交易总额（空间布局章）", "Volume", "300", ">=", "亿元", "2020", "target", "江东区", "plan.txt", "总额300亿元"),
    ("c", "试点数", "Pilots", "3-5", "=", "个", "2015-2020", "target", "宁波市", "plan.txt", "3至5个"),
    ("d", "印发日期", "Issued", "2016-07-04", "=", "", "-", "rule", "宁波市", "plan.txt", "印发"),
)


def write(folder: Path, lines=LINES, name: str = "targets.tsv") -> Path:
    path = folder / name
    path.write_text("\n".join("\t".join(line) for line in (COLUMNS, *lines)) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def loaded(db, tmp_path: Path) -> Path:
    plan = tmp_path / "plan.txt"
    plan.write_text("一、总则\n略\n三、目标\n（二）电商\n到2020年总额400亿元。\n四、布局\n总额300亿元\n", encoding="utf-8")
    path = write(tmp_path)
    load_targets(read_targets(path, tmp_path), SYSTEM)
    return path


@pytest.fixture
def steward(db) -> Client:
    body = Organisation.objects.create(key="data", name="大数据局")
    account = Account.objects.create(username="steward", organisation=body)
    assign(SYSTEM, account, "data_steward", body)
    client = Client()
    client.force_login(account)
    return client


def test_a_list_is_loaded_with_sections_and_ranges(loaded: Path) -> None:
    held = {one.key: one for one in Target.objects.all()}
    assert (held["a"].section, held["b"].section) == ("三、目标 / （二）电商", "四、布局")
    assert (held["c"].low, held["c"].high, held["c"].by) == (3, 5, dt.date(2020, 12, 31))
    assert (held["d"].low, held["d"].by) == (None, None)


def test_loading_again_changes_nothing_and_what_is_gone_is_withdrawn(loaded: Path, tmp_path: Path) -> None:
    again = load_targets(read_targets(loaded), SYSTEM)
    assert (again.added, again.changed, again.same, again.withdrawn) == (0, 0, 4, 0)
    assert Target.objects.get(key="a").section == "三、目标 / （二）电商"
    fewer = load_targets(read_targets(write(tmp_path, LINES[:3])), SYSTEM)
    assert fewer.withdrawn == 1
    assert [one.target.key for one in targets(SYSTEM, TODAY)] == ["a", "b", "c"]
    back = load_targets(read_targets(write(tmp_path)), SYSTEM)
    assert (back.changed, Target.objects.get(key="d").withdrawn_at) == (1, None)


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("value", "many", "line 2.*'many'"),
        ("comparator", "≥", "line 2.*comparator"),
        ("kind", "wish", "kind"),
        ("year", "soon", "year"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_kept(db, tmp_path: Path, column: str, text: str, said: str) -> None:
    wrong = list(LINES[0])
    wrong[COLUMNS.index(column)] = text
    with pytest.raises(Malformed, match=said):
        load_targets(read_targets(write(tmp_path, [tuple(wrong), *LINES[1:]])), SYSTEM)
    assert not Target.objects.exists()


def test_a_key_that_stands_twice_is_refused(db, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="a stands twice"):
        load_targets(read_targets(write(tmp_path, [LINES[0], LINES[0]])), SYSTEM)
    assert not Target.objects.exists()


def test_nothing_is_invented_for_a_target_without_data(loaded: Path) -> None:
    found = target("a", SYSTEM, TODAY)
    assert (found.standing.state, found.standing.newest, found.standing.forecast, found.values) == ("no_data", None, None, ())


def test_reports_need_a_source_a_number_and_a_day_that_has_been(loaded: Path) -> None:
    for wrong in ({"source": " "}, {"value": float("nan")}, {"day": dt.date(2027, 1, 1)}, {"key": "d"}):
        with pytest.raises(Refused):
            report(**{"key": "a", "day": TODAY, "value": 1.0, "source": "年鉴", "actor": SYSTEM, "now": NOW} | wrong)
    with pytest.raises(NotFound):
        report("nothing", TODAY, 1.0, "年鉴", SYSTEM, NOW)
    with pytest.raises(Refused):
        report("a", TODAY, 1.0, "年鉴", Actor(1, "访客", roles=frozenset({"verifier"}), areas=("",)), NOW)
    before = AuditRecord.objects.order_by("-id").values_list("id", flat=True).first() or 0
    report("a", dt.date(2020, 12, 31), 390, "2020 年统计公报", SYSTEM, NOW)
    report("a", dt.date(2020, 12, 31), 402, "2020 年统计年鉴，更正", SYSTEM, NOW)
    assert target("a", SYSTEM, TODAY).standing.state == "met"
    assert target("a", SYSTEM, TODAY).values == ((dt.date(2020, 12, 31), 402, "2020 年统计年鉴，更正"),)
    assert AuditRecord.objects.filter(id__gt=before, action="target.report").count() == 2


def test_two_numbers_for_one_thing_stand_side_by_side(loaded: Path) -> None:
    (found,) = conflicts(list(Target.objects.all()))
    assert {found.first.key, found.second.key} == {"a", "b"}


def test_an_unknown_indicator_is_refused(loaded: Path) -> None:
    with pytest.raises(Refused, match="没有指标"):
        link("a", "air_quality.area_dayly", "330200", SYSTEM)


def test_pages_show_report_and_filter(loaded: Path, steward: Client) -> None:
    page = steward.get("/targets")
    assert page.status_code == 200
    assert "口径可能冲突" in page.content.decode()
    told = steward.post("/targets/c/report", {"day": "2020-12-31", "value": "4", "source": "总结报告"}, follow=True)
    assert "已达到" in told.content.decode()
    assert [line.view.target.key for line in steward.get("/targets?state=met").context["page"].lines] == ["c"]
    wrong = steward.post("/targets/c/report", {"day": "yesterday", "value": "x", "source": "y"}, follow=True)
    assert "请填写截至日期和一个数" in wrong.content.decode()
    assert "Volume" in steward.get("/targets?lang=en", follow=True).content.decode()
    assert Client().get("/targets").status_code in (302, 404)


def test_what_contradicts_is_said_in_the_readers_language(loaded: Path, steward: Client) -> None:
    body = steward.get("/targets", headers={"Accept-Language": "en"}).content.decode()
    english = body.split('id="conflicts"')[1].split("</section>")[0]
    assert "电商平台" not in english
    assert "≥ 400" in english
    assert "&gt;=" not in english
    assert "≥ 300" in steward.get("/targets/a").content.decode()


def test_why_nothing_is_said_ahead_is_the_reason(loaded: Path, steward: Client) -> None:
    report("a", dt.date(2016, 12, 31), 100, "年鉴", SYSTEM, NOW)
    assert "期限已过" in steward.get("/targets/a").content.decode()
    Target.objects.filter(key="a").update(by=dt.date(2099, 12, 31))
    assert "数值不足四个" in steward.get("/targets/a").content.decode()
    Target.objects.filter(key="a").update(by=None)
    assert "没有写明期限" in steward.get("/targets/a").content.decode()


def test_the_plans_own_list(db, shared: Path) -> None:
    done = load_targets(read_targets(shared / "mission" / "targets.tsv", shared / "documents"), SYSTEM)
    assert done.added == 241
    found = targets(SYSTEM, TODAY)
    assert {one.standing.state for one in found} <= {"no_data", "no_number", "rule"}
    assert sum(bool(one.target.section) for one in found) > 150
    pairs = {frozenset((one.first.name, one.second.name)) for one in conflicts([one.target for one in found])}
    assert frozenset(("专业电商平台交易总额（总体目标章）", "专业电商平台交易总额（空间布局章）")) in pairs


def test_a_section_is_the_heading_above() -> None:
    lines = ["第一章 总则", "目标是 5 个", "（一）网络", "建成 7 个"]
    assert [section_of(lines, quote) for quote in ("5个", "建成7个 ⏎ 其余", "没有", "")] == [
        "第一章 总则",
        "第一章 总则 / （一）网络",
        "",
        "",
    ]
