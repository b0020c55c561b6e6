# SPDX-License-Identifier: Apache-2.0
"""The whole loop in one browser: a resident's phone, the desks, a crew without a network, a verifier, the evaluation, and the
resident again, who is satisfied the first time and is not the second."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chengyun.bench.place import Place, open_place

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PASSWORD = "Tower-Bridge-1894"
SHOTS = os.environ.get("CHENGYUN_TEST_SHOTS", "")
"""A folder to leave pictures of every page in, for somebody who looks at them."""

PLANT = f"""
import json
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.areas.queries import area
from chengyun.packs.urban_management.models import Component
centre = Organisation.objects.get(key="operations_centre")
works, _new = Organisation.objects.get_or_create(key="loop_works", defaults={{"name": "路灯维修队", "parent": centre}})
people = {{
    "loop-clerk": ("intake_clerk", centre), "loop-walker": ("grid_worker", centre), "loop-officer": ("duty_officer", centre),
    "loop-dispatcher": ("dispatcher", centre), "loop-crew": ("handler", works), "loop-checker": ("verifier", centre),
    "loop-leader": ("leader", centre),
}}
for name, (role, body) in people.items():
    account = Account.objects.create(username=name, name=name, organisation=body)
    account.set_password({PASSWORD!r})
    account.save()
    Assignment.objects.create(account=account, role=role, organisation=body)
row = area("330203")
Component.objects.create(
    key="3302030118000001", name="路灯 1", category="component/0118", catalog_version="CJ/T 214-2007", lon=row.lon, lat=row.lat,
    area_code="330203", owner="路灯所",
)
print(json.dumps([row.lon, row.lat]))
"""
CASE = """
import json
from chengyun.cases.models import Case, CaseStage
case = Case.objects.select_related("owner", "department").get(number=%r)
stages = list(CaseStage.objects.filter(case=case).order_by("entered_at", "id"))
print(json.dumps({
    "state": case.state, "department": case.department and case.department.name, "component": case.component_key,
    "steps": [it.transition for it in case.events.order_by("id") if it.transition],
    "photos": case.photos.count(), "reopened": case.reopened,
    "owners": all(it.owner_id for it in stages), "open": sum(it.left_at is None for it in stages),
    "gapless": all(one.left_at == other.entered_at for one, other in zip(stages, stages[1:])),
}))
"""
AROUND = """
from chengyun.access.actors import actor_of_account, SYSTEM
from chengyun.access.models import Account
from chengyun.cases import hooks
from chengyun.cases.services import take_step
from chengyun.cases.intake import photos
from chengyun.cases.models import Case
from django.utils import timezone
def actor(name):
    return actor_of_account(Account.objects.get(username=name))
number = %r
picture = open(%r, "rb").read()
def step(key, name, **given):
    who = actor(name)
    if given.pop("photo", False):
        given["photos"] = [photos.keep(picture, who, timezone.now(), case=Case.objects.get(number=number)).pk]
    take_step(number, key, who, timezone.now(), **given)
step("confirm", "loop-walker", photo=True, lon=%r, lat=%r)
step("file", "loop-officer")
step("dispatch", "loop-dispatcher", owner="loop_works")
step("report_done", "loop-crew", photo=True, note="已换灯泡")
step("pass_check", "loop-checker", photo=True, lon=%r, lat=%r)
step("close", "loop-officer")
"""
KEPT = """async () => {
  await navigator.serviceWorker.ready;
  while (!navigator.serviceWorker.controller) await new Promise((done) => setTimeout(done, 20));
}"""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        yield place


@pytest.fixture(scope="module")
def spot(place: Place) -> tuple[float, float]:
    lon, lat = json.loads(place.django(PLANT))
    return lon, lat


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser
        browser.close()


@pytest.fixture
def people(chromium: Browser, place: Place, spot: tuple[float, float]) -> Iterator[Callable[..., BrowserContext]]:
    """people("loop-crew", phone=True) is somebody's browser, signed in unless the name is empty; none of its pages may err."""
    opened: list[BrowserContext] = []
    wrong: list[str] = []

    def make(name: str = "", *, phone: bool = False) -> BrowserContext:
        size = {"width": 390, "height": 844} if phone else {"width": 1400, "height": 900}
        context = chromium.new_context(
            base_url=place.url, viewport=size, locale="zh-CN", permissions=["geolocation"],
            geolocation={"longitude": spot[0], "latitude": spot[1], "accuracy": 8},
        )  # fmt: skip
        context.set_default_timeout(30_000)
        context.on("weberror", lambda said: wrong.append(str(said.error)))
        opened.append(context)
        if name:
            page = context.new_page()
            page.goto("/accounts/login/?next=/desk")
            page.fill("input[name=login]", name)
            page.fill("input[name=password]", PASSWORD)
            page.click("main button[type=submit]")
            page.wait_for_url("**/desk")
            page.close()
        return context

    yield make
    for context in opened:
        context.close()
    assert wrong == []


def case_of(place: Place, number: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(place.django(CASE % number))
    return found


def looked_at(page: Page, name: str) -> None:
    """No page is wider than what it is shown on."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    if SHOTS:
        page.wait_for_timeout(400)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def report(context: BrowserContext, text: str, picture: Path) -> Page:
    page = context.new_page()
    page.goto("/report")
    page.wait_for_selector("[data-map][data-ready]")
    page.click("[data-locate]")
    expect(page.locator("[data-place]")).to_contain_text("已选位置")
    page.fill("#text", text)
    page.set_input_files("[data-photos]", picture)
    looked_at(page, f"report-{text[:4]}")
    page.click("button.button-wide")
    alone = page.get_by_role("button", name="都不是")
    expect(page.locator(".receipt-number").or_(alone).first).to_be_visible()
    if alone.count():
        alone.first.click()
    expect(page.locator(".receipt-number")).to_be_visible()
    return page


def accept(context: BrowserContext, number: str, category: str) -> str:
    """Accept a report at the intake desk, naming the component it is about; return its case."""
    desk = context.new_page()
    desk.goto(f"/intake/{number}")
    case = desk.locator(".panel-head a[href^='/cases/']").first.get_attribute("href").rsplit("/", 1)[-1]
    desk.get_by_role("button", name="就是这件").first.click()
    expect(desk.locator("[role=status]").first).to_contain_text("已关联部件")
    desk.select_option("#category", category)
    looked_at(desk, f"intake-{number}")
    desk.get_by_role("button", name="受理 A").click()
    expect(desk.locator("[role=status]").first).to_contain_text(number)
    desk.close()
    return case


def on_phone(context: BrowserContext, number: str, step: str, picture: Path, *, note: str = "", offline: bool = False) -> None:
    """Take a step on the phone's own pages, without a network where asked, and wait until it has arrived."""
    page = context.new_page()
    page.goto("/field/")
    page.locator(".sync", has_text="全部已送达").wait_for(timeout=60_000)
    page.evaluate(KEPT)
    page.goto("/field/#/cases")
    page.get_by_text("路灯").first.wait_for()
    if offline:
        context.set_offline(True)
        page.close()
        page = context.new_page()
    page.goto(f"/field/#/case/{number}")
    page.get_by_role("link", name=step).click()
    page.wait_for_selector("#main[data-ready=form]")
    page.locator("input[type=file]").last.set_input_files(picture)
    page.locator(".picture img").wait_for()
    if note:
        page.get_by_label("办理情况").fill(note)
    looked_at(page, f"phone-{step}")
    page.get_by_role("button", name=f"确认：{step}").click()
    page.get_by_role("button", name=f"确认：{step}").wait_for(state="detached")
    if offline:
        page.locator(".sync", has_text="1 项待发送").wait_for()
        looked_at(page, f"phone-{step}-waiting")
        context.set_offline(False)
    page.locator(".sync", has_text="全部已送达").wait_for(timeout=60_000)
    page.close()


def step_on_page(context: BrowserContext, address: str, form: str, shot: str, **choices: str) -> None:
    page = context.new_page()
    page.goto(address)
    deed = page.locator(f"form[action$='/{form}']").first
    for _ in range(60):
        if deed.count():
            break
        page.wait_for_timeout(500)  # what was done on a phone is settled after it arrived
        page.reload()
    for name, value in choices.items():
        deed.locator(f"[name={name}]").select_option(value)
    looked_at(page, shot)
    deed.locator("button[type=submit]").click()
    expect(page.locator("[role=status]").first).to_be_visible()
    page.close()


def test_the_loop_is_closed_and_opened_again(
    place: Place, people: Callable[..., BrowserContext], spot: tuple[float, float], chromium: Browser, tmp_path: Path
) -> None:
    pictures = {name: _picture(chromium, tmp_path, name) for name in ("报", "核", "修", "查", "再报")}
    resident, clerk = people(phone=True), people("loop-clerk")
    own = report(resident, "路灯整晚不亮，走路看不见", pictures["报"])
    number = own.locator(".receipt-number").inner_text()
    link = own.url
    looked_at(own, "receipt")
    case = accept(clerk, number, "component/0118")
    assert case_of(place, case)["component"] == "3302030118000001"

    on_phone(people("loop-walker", phone=True), case, "核实属实", pictures["核"])
    officer = people("loop-officer")
    step_on_page(officer, f"/cases/{case}", "file", "case-file")
    step_on_page(people("loop-dispatcher"), f"/dispatch/{case}", "dispatch", "dispatch-board", owner="loop_works")
    assert case_of(place, case)["department"] == "路灯维修队"
    on_phone(people("loop-crew", phone=True), case, "处置完毕", pictures["修"], note="换了灯泡，已亮", offline=True)
    on_phone(people("loop-checker", phone=True), case, "核查通过", pictures["查"], offline=True)
    step_on_page(officer, f"/cases/{case}", "close", "case-close")
    told = case_of(place, case)
    assert told["state"] == "closed"
    assert told["steps"] == ["ask_verification", "confirm", "file", "dispatch", "report_done", "pass_check", "close"]
    assert (told["owners"], told["open"], told["gapless"], told["photos"]) == (True, 1, True, 4)

    own.goto(link)
    expect(own.locator("main")).to_contain_text("解决了吗")
    own.get_by_label("很满意", exact=True).check()
    looked_at(own, "own-closed")
    own.get_by_role("button", name="提交评价").click()
    expect(own.locator("[role=status]").last).to_contain_text("感谢评价")

    page = officer.new_page()
    page.goto("/evaluation")
    page.evaluate("document.querySelector('#month').value = new Date().toISOString().slice(0, 7)")
    page.get_by_role("button", name="统计为草稿").click()
    expect(page.locator("main")).to_contain_text("路灯维修队")
    looked_at(page, "evaluation")
    row = page.locator("tr", has_text="路灯维修队").first
    expect(row).to_contain_text("1")
    page.goto("/components/3302030118000001")
    expect(page.locator("main")).to_contain_text(case)
    looked_at(page, "component")

    # Another evening, another lamp; this time the reporter does not agree that it is done.
    again = report(people(phone=True), "另一盏路灯也坏了，闪个不停", pictures["再报"])
    second = again.locator(".receipt-number").inner_text()
    address = again.url
    other = accept(clerk, second, "component/0118")
    assert other != case, "a closed case takes no more reports"
    place.django(AROUND % (other, str(pictures["修"]), *spot, *spot))
    again.goto(address)
    again.get_by_text("没有解决，要求重新办理").click()
    again.fill("#why", "还是在闪")
    looked_at(again, "own-contradict")
    again.get_by_role("button", name="要求重新办理").click()
    expect(again.locator(".trail")).to_contain_text("还是在闪")
    told = case_of(place, other)
    assert (told["state"], told["reopened"], told["open"], told["gapless"]) == ("to_redispatch", 1, 1, True)
    page.goto("/dispatch?queue=to_redispatch")
    expect(page.locator("main")).to_contain_text(other)
    looked_at(page, "dispatch-reopened")


def _picture(chromium: Browser, folder: Path, words: str) -> Path:
    page = chromium.new_page(viewport={"width": 800, "height": 600})
    page.set_content(f"<body style='background: hsl({ord(words[0]) % 360} 60% 60%)'><h1 style='font-size: 14rem'>{words}</h1>")
    where = folder / f"{ord(words[0])}.png"
    page.screenshot(path=where)
    page.close()
    return where
