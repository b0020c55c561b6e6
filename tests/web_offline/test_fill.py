# SPDX-License-Identifier: Apache-2.0
"""Forms filled in by phone without a network: kept, taken up again, sent, and there exactly once, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from chengyun.bench.place import Place

from .conftest import AXE, Phone

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
HOME = "/forms/fill/"
FOUND = """
import hashlib, json
from chengyun.collect.forms.models import Submission
from chengyun.collect.forms.services import photo_folder
from chengyun.collect.forms import photos
def whole(photo):
    if not photo.sha256:
        return False
    return hashlib.sha256(photos.find(photo_folder(), photo.sha256).read_bytes()).hexdigest() == photo.sha256
rows = Submission.objects.filter(account__username=%r).order_by("id")
print(json.dumps([
    {"instance": it.instance, "form": it.version.form_id, "values": it.values, "faults": it.faults, "complete": it.complete,
     "task": it.task and it.task.state, "photos": [whole(photo) for photo in it.photos.all()]}
    for it in rows
]))
"""


def found(place: Place, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(place.django(FOUND % name))
    return rows


def _begin_patrol(page: Page, words: str, photo: Path) -> None:
    page.goto(f"{HOME}#/new/component_patrol")
    page.wait_for_selector("#main[data-ready=form]")
    page.get_by_role("button", name="用我的位置").first.click()
    page.get_by_text("29.870000").wait_for()
    page.get_by_label("早班").check()
    page.get_by_label("有", exact=True).check()
    item = page.locator(".form-item").first
    item.get_by_label("井盖").check()
    item.get_by_label("缺失").check()
    item.get_by_role("button", name="用我的位置").click()
    item.get_by_text("29.870000").wait_for()
    item.get_by_label("情况说明").fill(words)
    item.locator("input[type=file]").last.set_input_files(photo)
    item.get_by_text("SHA-256").wait_for()
    page.get_by_text("已存在本机").wait_for()


def test_days_without_a_network_lose_nothing(phone: Callable[..., Phone], place: Place, photo: Path) -> None:
    mine = phone()
    page = mine.sign_in("grid_one", HOME)
    mine.context.set_offline(True)
    _begin_patrol(page, "第一份", photo)
    page.close()

    page = mine.page(f"{HOME}#/")
    page.locator("a[href^='#/draft/']").wait_for()
    _begin_patrol(page, "第二份", photo)
    page.goto(f"{HOME}#/")
    page.locator("a[href^='#/draft/']").nth(1).wait_for()
    page.locator("a[href^='#/task/']").click()
    page.wait_for_selector("#main[data-ready=form]")
    prefilled = page.get_by_label("房屋地址").input_value(), page.get_by_label("层数").input_value()
    page.get_by_label("砖混").check()
    page.get_by_label("自住").check()
    page.get_by_label("没有", exact=True).check()
    page.get_by_label("安全", exact=True).check()
    page.get_by_role("button", name="完成").click()
    page.wait_for_url("**#/outbox")
    for _ in range(2):
        page.goto(f"{HOME}#/")
        page.locator("a[href^='#/draft/']").first.click()
        page.wait_for_selector("#main[data-ready=form]")
        page.get_by_text("SHA-256").wait_for()
        page.get_by_role("button", name="完成").click()
        page.wait_for_url("**#/outbox")
    page.locator(".sync", has_text="3 项待发送").wait_for()
    page.close()

    page = mine.page(f"{HOME}#/outbox")
    mine.context.set_offline(False)
    page.locator(".sync", has_text="全部已送达").wait_for()
    rows = found(place, "grid_one")
    assert prefilled == ("月湖路 12 号", "3")
    assert sorted(row["values"].get("damage/words", row["values"].get("address", "")) for row in rows) == [
        "月湖路 12 号",
        "第一份",
        "第二份",
    ]
    assert all(row["complete"] and row["faults"] == [] for row in rows)
    assert sorted(row["photos"] for row in rows) == [[], [True], [True]]
    assert [row["task"] for row in rows if row["form"] == "house_safety"] == ["done"]


def test_a_server_that_dies_while_it_takes_counts_once(phone: Callable[..., Phone], place: Place, photo: Path) -> None:
    mine = phone()
    page = mine.sign_in("grid_kill", HOME)
    happened: list[str] = []

    def heed(route: Route) -> None:
        if not happened:  # taken, and the answer lost
            route.fetch()
            happened.append("lost")
            route.abort()
        elif len(happened) == 1:
            former = place.kill("web")
            happened.append("killed")
            route.continue_()
            place.wait_restarted("web", former)
        else:
            happened.append("taken")
            route.continue_()

    mine.context.route("**/forms/fill/send*", heed)
    _begin_patrol(page, "服务器中断", photo)
    page.get_by_role("button", name="完成").click()
    page.wait_for_url("**#/outbox")
    page.locator(".sync", has_text="全部已送达").wait_for(timeout=90_000)
    rows = found(place, "grid_kill")
    assert happened[:2] == ["lost", "killed"]
    assert [(row["complete"], row["photos"]) for row in rows] == [(True, [True])]


def _sign_out(page: Page) -> None:
    page.locator(".app-menu summary").click()
    page.get_by_role("button", name="退出").click()
    page.get_by_role("link", name="登录").wait_for()


def test_the_next_person_sees_nothing_of_the_last(phone: Callable[..., Phone], photo: Path) -> None:
    mine = phone()
    page = mine.sign_in("grid_two", HOME)
    mine.context.set_offline(True)
    _begin_patrol(page, "只有本人能看", photo)
    mine.context.set_offline(False)
    page.goto(f"{HOME}#/")
    _sign_out(page)
    told = page.locator("#main").inner_text()
    mine.context.set_offline(True)
    page.goto(HOME)
    page.get_by_role("link", name="登录").wait_for()
    without = page.locator("#main").inner_text()
    mine.context.set_offline(False)
    page = mine.sign_in("grid_barrier", HOME)
    other = page.locator("#main").inner_text()
    kept = page.evaluate(
        """async () => {
          const found = [];
          for (const { name } of await indexedDB.databases()) {
            const db = await new Promise((done) => {
              const asked = indexedDB.open(name);
              asked.onsuccess = () => done(asked.result);
            });
            for (const table of db.objectStoreNames) {
              const rows = await new Promise((done) => {
                const asked = db.transaction(table).objectStore(table).getAll();
                asked.onsuccess = () => done(asked.result);
              });
              found.push(JSON.stringify(rows));
            }
          }
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys()) found.push(request.url);
          return found.join(" ");
        }"""
    )
    assert "grid two" in told
    assert "只有本人能看" not in told + without + other + kept
    assert "草稿" not in other
    assert "setup.json" not in kept
    _sign_out(page)
    page = mine.sign_in("grid_two", HOME)
    page.locator("a[href^='#/draft/']").click()
    page.wait_for_selector("#main[data-ready=form]")
    assert page.get_by_label("情况说明").input_value() == "只有本人能看"


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_no_serious_barrier_and_no_wider_than_a_phone(phone: Callable[..., Phone], locale: str) -> None:
    mine = phone(locale=locale, bypass_csp=True, viewport={"width": 360, "height": 740})
    page = mine.sign_in("grid_barrier", HOME)
    assert page.locator("html").get_attribute("lang") == ("en" if locale == "en-US" else locale), "as the other pages are"
    page.add_script_tag(path=str(AXE))
    serious, wide = [], []
    for screen in ("#/", "#/outbox", "#/new/component_patrol", "#/new/house_safety"):
        page.evaluate("(to) => { location.hash = to; }", screen)
        page.wait_for_selector("#main[data-ready=form]" if "new" in screen else ".cards, .empty")
        if "patrol" in screen:
            page.locator("input[value=yes]").check()
            page.locator(".form-item").wait_for()
            page.locator(".form-finish").click()
            page.locator("[role=alert]:visible").wait_for()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            violations = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
            serious += [
                f"{screen} {scheme} {one['id']}: {one['nodes'][0]['html'][:160]}"
                for one in violations
                if one["impact"] in ("serious", "critical")
            ]
        wide.append(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
    assert serious == []
    assert max(wide) <= 0


DUE = """
from chengyun.collect.forms.models import Form, Task
form = Form.objects.get(key="component_patrol")
Task.objects.create(form=form, title="按城市时间", area_code="330203001", made_by="test", due_at="2040-01-05T18:30+08:00")
"""


def test_times_are_the_citys_wherever_the_phone_believes_it_is(phone: Callable[..., Phone]) -> None:
    mine = phone(timezone_id="America/New_York")
    mine.place.django(DUE)
    page = mine.sign_in("grid_two", HOME)
    assert (
        "1/5 18:30"
        in page.locator(".card", has_text="按城市时间").or_(page.locator(".card-link", has_text="按城市时间")).first.inner_text()
    )


def test_a_shape_is_drawn_on_our_own_map_and_by_keys(phone: Callable[..., Phone]) -> None:
    mine = phone()
    page = mine.sign_in("grid_barrier", HOME)
    mine.context.set_offline(True)
    page.goto(f"{HOME}#/new/house_safety")
    page.get_by_role("button", name="地图").click()
    page.wait_for_selector(".place-map[data-ready]")
    map_box = page.locator(".place-map").bounding_box()
    assert map_box
    for x, y in ((60, 60), (200, 80), (180, 200)):
        page.locator(".place-map canvas").click(position={"x": x, "y": y})
    page.get_by_role("button", name="取地图中心").press("Enter")
    said = page.locator(".place-said").inner_text()
    page.get_by_role("button", name="撤销一点").click()
    assert "4 个点" in said
    assert "3 个点" in page.locator(".place-said").inner_text()
