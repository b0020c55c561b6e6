# SPDX-License-Identifier: Apache-2.0
"""Pages and files: what stands in them, who may see it, what the cases behind a figure are."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.test import Client

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Account, AuditRecord
from chengyun.cases.evaluation.counted import BIT
from chengyun.cases.evaluation.models import Edition, Fact, Standing
from chengyun.cases.evaluation.services import count, publish

from .conftest import NOVEMBER, OCTOBER, TYPE

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(october: Edition) -> Edition:
    return publish(october.pk, SYSTEM, NOVEMBER)


@pytest.fixture
def browser(person: Callable[..., Account]) -> Callable[..., Client]:
    def make(name: str, role: str, area: str = "") -> Client:
        client = Client()
        client.force_login(person(name, role, area=area))
        return client

    return make


def test_a_clerk_sees_the_table_and_what_is_not_verified(published: Edition, browser: Callable[..., Client]) -> None:
    clerk = browser("职员", "department_clerk")
    page = clerk.get("/evaluation").content.decode()
    assert "环卫中心" in page
    assert published.digest in page
    assert "drawn-fair-dot" in page
    area = clerk.get("/evaluation", {"profile": "area"}).content.decode()
    assert "未经核实" in area
    assert "立案数分值" in area


def test_posts_are_for_whom_policy_lets_and_for_oneself(published: Edition, browser: Callable[..., Client]) -> None:
    address = {"profile": "dispatcher"}
    assert "您的岗位不能查看" in browser("职员", "department_clerk").get("/evaluation", address).content.decode()
    before = AuditRecord.objects.filter(dataset="evaluation_posts", action="read").count()
    assert ">p0<" in browser("领导", "leader").get("/evaluation", address).content.decode()
    assert AuditRecord.objects.filter(dataset="evaluation_posts", action="read").count() == before + 1
    own = Client()
    own.force_login(Account.objects.get(username="p1"))
    page = own.get("/evaluation", address).content.decode()
    assert ">p1<" in page
    assert ">p0<" not in page
    stranger = Account.objects.get(username="p0").pk
    assert own.get(f"/evaluation/{published.pk}/dispatcher/{stranger}").status_code == 404


def test_a_draft_is_for_those_who_count(october: Edition, browser: Callable[..., Client]) -> None:
    assert "还没有发布过评价" in browser("职员", "department_clerk").get("/evaluation").content.decode()
    assert browser("职员二", "department_clerk").get(f"/evaluation/{october.pk}/department_jinniu/d1").status_code == 404
    assert "草稿" in browser("班长", "duty_officer").get("/evaluation").content.decode()


def test_every_figure_leads_to_its_cases(published: Edition, browser: Callable[..., Client]) -> None:
    unit = browser("领导", "leader").get(f"/evaluation/{published.pk}/department_jinniu/d1")
    row = Standing.objects.get(edition=published, profile="department_jinniu", unit="d1")
    late = row.result["counts"]["handle_due"] - row.result["counts"]["handled_on_time"]
    assert unit.status_code == 200
    cases = Client()
    cases.force_login(Account.objects.get(username="领导"))
    page = cases.get(
        f"/evaluation/{published.pk}/department_jinniu/d1/cases", {"count": "handle_due", "lacks": "handled_on_time"}
    )
    assert f"{late} 件" in page.content.decode()
    facts = Fact.objects.filter(edition=published, dimension="department", unit="d1")
    shown = [one for one in facts if one.counted >> BIT["handle_due"] & 1 and not one.counted >> BIT["handled_on_time"] & 1]
    assert len(shown) == late
    assert shown[0].case.number in page.content.decode()


def test_cases_elsewhere_are_counted_and_not_shown(published: Edition, browser: Callable[..., Client]) -> None:
    page = browser("海曙班长", "duty_officer", area="330203").get(
        f"/evaluation/{published.pk}/department_jinniu/d1/cases", {"count": "handle_due"}
    )
    assert "您的岗位不能查看" in page.content.decode()
    shown = {row[0] for row in page.context["page"].rows}
    assert shown
    assert not Fact.objects.filter(case__number__in=shown).exclude(case__area_code__startswith="330203").exists()


def test_counting_and_publishing_through_the_page(quarter, browser: Callable[..., Client]) -> None:
    leader = browser("领导", "leader")
    assert leader.post("/evaluation/count", {"month": "2026-10"}).status_code == 303
    draft = Edition.objects.get()
    assert browser("班长", "duty_officer").post(f"/evaluation/{draft.pk}/publish").status_code == 404
    assert leader.post(f"/evaluation/{draft.pk}/publish").status_code == 303
    assert leader.post(f"/evaluation/{draft.pk}/publish").status_code == 409
    assert leader.post("/evaluation/count", {"month": "2026-99"}).status_code == 400
    draft.refresh_from_db()
    assert draft.published_by == "领导"


def test_two_editions_side_by_side(published: Edition, browser: Callable[..., Client]) -> None:
    again = count(TYPE, *OCTOBER, SYSTEM, NOVEMBER)
    publish(again.pk, SYSTEM, NOVEMBER, note="重新统计")
    page = browser("职员", "department_clerk").get("/evaluation/compare", {"after": again.pk, "before": published.pk})
    assert page.status_code == 200
    assert {one.moved for one in page.context["page"].lines} == {"+0.0"}


def test_the_workbook_says_what_the_page_says(published: Edition, browser: Callable[..., Client]) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    answer = browser("职员", "department_clerk").get(f"/evaluation/{published.pk}/department_jinniu.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    rows = list(book["排名"].iter_rows(values_only=True))
    first = Standing.objects.get(edition=published, profile="department_jinniu", order=1)
    assert rows[1][4] == first.name
    assert rows[1][5] == pytest.approx(first.fair)
    assert any(published.digest in str(cell) for row in book["说明"].iter_rows(values_only=True) for cell in row)
    assert AuditRecord.objects.filter(action="evaluation.exported").exists()


def test_the_document_needs_no_font_file(published: Edition, browser: Callable[..., Client]) -> None:
    pytest.importorskip("reportlab")
    answer = browser("职员", "department_clerk").get(f"/evaluation/{published.pk}/area.pdf?level=street")
    assert answer.content.startswith(b"%PDF")
    assert b"STSong-Light" in answer.content


def test_a_table_asks_as_much_for_two_rows_as_for_many(
    published: Edition, browser: Callable[..., Client], django_assert_max_num_queries
) -> None:
    clerk = browser("职员", "department_clerk")
    clerk.get("/evaluation")
    with django_assert_max_num_queries(20):
        clerk.get("/evaluation")
