# SPDX-License-Identifier: Apache-2.0
"""In Chromium on a running installation: a resident reports from a phone, another joins, the desk accepts by key, the public
sees it, the first one hears, rates it and says that it is not fixed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chengyun.bench.place import Place

from .conftest import picture

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

pytestmark = pytest.mark.browser
PASSWORD = "Tower-Bridge-1894"
PLANT = f"""
import json
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.areas.queries import area
centre = Organisation.objects.get(key="operations_centre")
account, made = Account.objects.get_or_create(username="intake-clerk", defaults={{"organisation": centre}})
account.set_password({PASSWORD!r})
account.save()
Assignment.objects.get_or_create(account=account, role="intake_clerk", organisation=centre)
row = area("330203")
print(json.dumps([row.lon + 0.011, row.lat + 0.007]))  # where nobody else reports anything
"""
END = """
from django.utils import timezone
from chengyun.cases.models import Case
now = timezone.now()
Case.objects.filter(number={number!r}).update(state="closed", ended=True, closed_at=now, verified_at=now)
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium: Browser, running: Place) -> Iterator[Page]:
    lon, lat = json.loads(running.django(PLANT))
    context = chromium.new_context(
        locale="zh-CN", base_url=running.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True,
        geolocation={"longitude": lon, "latitude": lat}, permissions=["geolocation"],
    )  # fmt: skip
    yield from watched(context)


@pytest.fixture
def desk(chromium: Browser, running: Place) -> Iterator[Page]:
    context = chromium.new_context(locale="zh-CN", base_url=running.url, viewport={"width": 1400, "height": 900})
    yield from watched(context)


def watched(context: BrowserContext) -> Iterator[Page]:
    """A page that may have no errors."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert not wrong


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def fill(page: Page, text: str) -> None:
    page.goto("/report")
    page.wait_for_selector("[data-map][data-ready]")
    page.click("[data-locate]")
    expect(page.locator("[data-place]")).to_contain_text("已选位置")
    page.fill("#text", text)


def test_from_a_phone_to_the_desk_and_back(phone: Page, desk: Page, running: Place, tmp_path: Path):
    (tmp_path / "lamp.jpg").write_bytes(picture(5))
    fill(phone, "浏览器里的路灯不亮了")
    phone.set_input_files("[data-photos]", tmp_path / "lamp.jpg")
    expect(phone.locator("[data-thumbs] img")).to_have_count(1)
    assert fits(phone)
    phone.click("button.button-wide")
    number = phone.locator(".receipt-number").inner_text()
    own = phone.url
    assert fits(phone)

    fill(phone, "浏览器里的路灯不亮了，很黑")
    phone.get_by_role("button", name="就是这件，加上我").first.click()
    expect(phone.locator(".receipt-number")).to_be_visible()
    expect(phone.locator("main")).to_contain_text("共 2 人")

    desk.goto("/accounts/login/?next=/intake")
    desk.fill("[name=login]", "intake-clerk")
    desk.fill("[name=password]", PASSWORD)
    desk.click("main button[type=submit]")
    desk.goto(f"/intake/{number}")
    desk.select_option("#category", "component/0118")
    desk.check("[name=show]")
    desk.fill("#headline", "路灯不亮")
    case = desk.locator(".panel-head a[href^='/cases/']").first.get_attribute("href").rsplit("/", 1)[-1]
    desk.locator("h1").click()
    desk.keyboard.press("a")
    expect(desk.locator("[role=status]")).to_contain_text(number)

    phone.goto("/reports")
    expect(phone.locator("main")).to_contain_text("路灯不亮")
    assert "浏览器里的" not in phone.locator("main").inner_text()
    assert fits(phone)

    running.django(END.format(number=case))
    phone.goto(own)
    expect(phone.locator("main")).to_contain_text("已受理")
    phone.get_by_label("不满意", exact=True).check()
    phone.get_by_role("button", name="提交评价").click()
    expect(phone.locator("[role=status]").last).to_contain_text("感谢评价")
    phone.get_by_text("没有解决，要求重新办理").click()
    phone.fill("#why", "还是不亮")
    phone.get_by_role("button", name="要求重新办理").click()
    expect(phone.locator(".trail")).to_contain_text("还是不亮")
    expect(phone.locator("main")).to_contain_text("待重派")


def test_the_form_works_without_a_script(chromium: Browser, running: Place):
    running.django(PLANT)
    context = chromium.new_context(locale="zh-CN", base_url=running.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/report")
    expect(page.locator("[data-map]")).to_be_hidden()
    page.fill("#text", "没有脚本也能上报")
    page.fill("#address", "海曙区解放南路 18 号")
    page.click("button.button-wide")
    expect(page.locator("main")).to_contain_text("上报成功")
    context.close()
