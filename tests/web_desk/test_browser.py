# SPDX-License-Identifier: Apache-2.0
"""The main paths in Chromium, on a running installation: the one-time link, alert → case → closed, why, the language."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator

import pytest

from chengyun.bench.place import Place, open_place

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = pytest.mark.browser
PASSWORD = "Tower-Bridge-1894"

PLANT = """
import datetime as dt
import json
from django.utils import timezone
from chengyun.access.actors import SYSTEM
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases.services import open_case
from chengyun.operate.models import Alert, Figure
branch = Organisation.objects.get(key="environment_330203")
centre = Organisation.objects.get(key="operations_centre")
def person(username, name, role, body):
    account, made = Account.objects.get_or_create(username=username, defaults={"name": name, "organisation": body})
    if made:
        account.set_password("Tower-Bridge-1894")
        account.save()
        Assignment.objects.create(account=account, role=role, organisation=body)
person("officer", "值班员", "duty_officer", centre)
person("handler", "处置员", "handler", branch)
now = timezone.now()
alert = Alert.objects.create(
    rule="air_quality.pm25_hour_severe", dataset="air_quality.station_hour", subject="browser", subject_name="浏览器站",
    area_code="330203", severity="red", value=260.0, worst=280.0, limit=250.0, since=now, last_seen_at=now, opened_at=now,
    evidence={"seq": 1}, holds=True,
)
case = open_case("air_quality.air_check", "浏览器站：核查", SYSTEM, now, alert=alert)
figure = Figure.objects.filter(superseded_at=None, value__isnull=False, indicator="air_quality.area_day_aqi").first()
print(json.dumps({"alert": alert.pk, "case": case.number, "figure": figure.pk if figure else None}))
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def planted(running: Place) -> dict:
    from chengyun.bench.place import wait_for

    def computed() -> bool:
        count = "from chengyun.operate.models import Figure; print(Figure.objects.filter(value__isnull=False).count())"
        return int(running.django(count)) > 0

    wait_for(computed, 120, "No figure was computed")
    return json.loads(running.django(PLANT))


@pytest.fixture
def page(chromium: Browser, running: Place) -> Iterator[Page]:
    context = chromium.new_context(locale="zh-CN", base_url=running.url)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "status of 4" not in said.text else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert not wrong


def sign_in(page: Page, name: str) -> None:
    page.goto("/accounts/login/?next=/desk")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/desk")


def test_the_one_time_link_makes_the_first_administrator_and_works_once(chromium: Browser) -> None:
    # An installation of its own: elsewhere others have made administrators before.
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        assert place.first_sign_in is not None
        page = chromium.new_context(locale="zh-CN", base_url=place.url).new_page()
        page.goto(place.first_sign_in)
        page.fill("#username", "first")
        page.fill("#name", "张三")
        page.fill("#password", PASSWORD)
        page.fill("#again", PASSWORD)
        page.click("main button[type=submit]")
        expect(page.locator(".bar")).to_contain_text("张三")
        assert page.goto(place.first_sign_in).status == 404
        page.context.close()


def test_an_alert_becomes_a_closed_case(page: Page, planted: dict) -> None:
    sign_in(page, "officer")
    page.click("text=浏览器站：PM2.5 小时值严重污染")
    expect(page.locator(".sentence")).to_contain_text("高于限值 250 µg/m³")
    page.click("button:has-text('确认预警')")
    expect(page.locator("[role=status]").first).to_contain_text("已确认")
    page.click(f"a:has-text('{planted['case']}')")

    def step(name: str, state: str, fill: dict[str, str]) -> None:
        form = page.locator("form", has=page.locator(f"button:text-is('{name}')"))
        for field, value in fill.items():
            form.locator(f"[name={field}]").fill(value)
        form.locator("button").click()
        expect(page.locator("[aria-current=step], .way-done:last-child").last).to_have_text(state)

    form = page.locator("form", has=page.locator("button:text-is('派遣')"))
    form.locator("select").select_option(label="处置员 · 生态环境局海曙区分局")
    form.locator("button").click()
    expect(page.locator("[aria-current=step]")).to_have_text("已派遣")

    page.click("summary:has-text('值班员')")
    page.click("button:has-text('退出')")
    sign_in(page, "handler")
    page.goto(f"/cases/{planted['case']}")
    step("接办", "处置中", {})
    step("处置完毕", "待核查", {"note": "已洒水降尘"})

    page.click("summary:has-text('处置员')")
    page.click("button:has-text('退出')")
    sign_in(page, "officer")
    page.goto(f"/cases/{planted['case']}")
    step("结案", "已结案", {"reason": "复测正常"})
    page.goto(f"/alerts/{planted['alert']}")
    expect(page.locator("main")).to_contain_text("已关闭")


def test_why_is_computed_again_and_equal(page: Page, planted: dict) -> None:
    assert planted["figure"] is not None
    page.goto(f"/why/{planted['figure']}")
    expect(page.locator(".why-verdict")).to_contain_text("每一位都相同")
    page.click("summary:has-text('SQL')")
    expect(page.locator("details[open] pre")).to_contain_text("SELECT")


def test_the_language_is_switched_and_stays(page: Page) -> None:
    page.goto("/alerts")
    page.click(".bar-tools >> text=English")
    expect(page.locator("h1")).to_have_text("Alerts")
    page.goto("/api/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.click(".bar-tools >> text=中文")
    expect(page.locator("html")).to_have_attribute("lang", re.compile("zh"))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_button_says_what_it_says_with_its_form(page: Page, planted: dict, width: int) -> None:
    """A draft is not sent, and how a field is asked for can be chosen on a phone."""
    page.set_viewport_size({"width": width, "height": 844})
    sign_in(page, "officer")
    page.goto("/requests/new?dataset=population.person")
    chosen = page.locator("[name='field:id_number']").bounding_box()
    assert chosen is not None
    assert chosen["x"] + chosen["width"] <= width
    page.select_option("[name='field:sex']", "clear")
    page.select_option("[name=purpose]", "statistics")
    page.fill("[name=ends]", (dt.date.today() + dt.timedelta(days=90)).isoformat())
    page.fill("[name=basis]", "《统计法》第七条")
    page.click("button:has-text('存为草稿')")
    expect(page.locator("[role=status]").first).to_contain_text("草稿已保存")
    expect(page.locator(".page-head")).to_contain_text("草稿")
