# SPDX-License-Identifier: Apache-2.0
"""Boards in Chromium on a whole running city: composed by keys and by drag, live, on a wall, on a phone, without barriers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chengyun.bench.place import Place
from chengyun.web.benches import SIGN_IN

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed; .ci/run installs it"),
    pytest.mark.timeout(600),
]

FIGURE = """
from django.db import transaction
from django.utils import timezone
from chengyun.config import config
from chengyun.operate import store
from chengyun.operate.compute import Computed
now = timezone.now().replace(minute=0, second=0, microsecond=0)
one = Computed(config().city, now, 487.0, {}, 1.0, False)
with transaction.atomic():
    store.write([store.Fresh(indicator="air_quality.area_hour_aqi", figures=[one], areas={config().city: config().city}, as_of={},
                             version="test")], [], now)
    store.tell([store.Fresh(indicator="air_quality.area_hour_aqi", figures=[one], areas={config().city: config().city}, as_of={},
                            version="test")])
    import time; print(time.time())
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    # Playwright's loop runs in this thread; the ORM, unused here, would take that for an asynchronous caller.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def cookie(running: Place) -> dict[str, str]:
    name, value = running.django(SIGN_IN.replace('"bench"', '"boarder"')).split("=", 1)
    return {"name": name, "value": value, "url": running.url}


def opened(browser: sync_api.Browser, cookie: dict[str, str], path: str, **choices: object) -> sync_api.Page:
    context = browser.new_context(**{"locale": "zh-CN", "viewport": {"width": 1440, "height": 1000}, **choices})
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(cookie["url"] + path, wait_until="load")
    return page


def barriers(page: sync_api.Page) -> list[str]:
    """Return what axe finds, of any weight."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map((one) => `${one.id}: ${one.nodes[0].html}`)")
    return list(found)


WALL = "/boards/wall?wall=1&boards=air"
LOOKS = [
    ("/boards/air", 1440, 1000, "light", "zh-CN"), ("/boards/air", 390, 844, "dark", "en"),
    (WALL, 3840, 2160, "dark", "zh-CN"), (WALL, 3840, 2160, "light", "en"),
    ("/boards/air/edit", 1440, 1000, "dark", "en"), ("/boards/air/edit", 390, 844, "light", "zh-CN"),
    ("/boards", 390, 844, "light", "en"), ("/boards/city", 390, 844, "dark", "zh-CN"),
    ("/boards/indices", 1440, 1000, "light", "en"),
    ("/boards/wall?wall=1&boards=city,indices", 3840, 2160, "dark", "en"), ("/indicators", 390, 844, "dark", "en"),
    ("/alerts/plan?rule=air_quality.station_silent", 390, 844, "light", "zh-CN"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "width", "height", "theme", "language"), LOOKS)
def test_no_barrier_and_nothing_wider_than_its_screen(
    chromium: sync_api.Browser, cookie: dict[str, str], path: str, width: int, height: int, theme: str, language: str
) -> None:
    page = opened(chromium, cookie, path, viewport={"width": width, "height": height}, color_scheme=theme, locale=language)
    page.wait_for_selector(".deck, .compose-cell, .panel")
    page.evaluate("document.querySelector('#amend')?.setAttribute('open', '')")
    if folder := os.environ.get("CHENGYUN_TEST_PICTURES"):
        name = path.split("?")[0].strip("/").replace("/", "-")
        page.wait_for_timeout(600)
        page.screenshot(path=f"{folder}/{name}-{width}-{theme}-{language}.png", full_page=width < 2000)
    assert barriers(page) == []
    wide, tall = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert wide <= width
    if "wall" in path:
        assert tall <= height, "a wall does not scroll"
        assert page.evaluate("document.querySelectorAll('main a, main button').length") == 0, "nobody touches a wall"
    page.context.close()


def test_composed_by_keys_saved_and_seen(chromium: sync_api.Browser, cookie: dict[str, str], running: Place) -> None:
    page = opened(chromium, cookie, "/boards/new")
    page.fill("#b-key", "composed")
    page.fill("#b-name", "组合")
    page.locator("[data-compose-add] button").first.press("Enter")
    page.locator("[data-compose-add] button").nth(7).press("Enter")
    first, text = page.locator(".compose-cell").nth(0), page.locator(".compose-cell").nth(1)
    text.focus()
    assert "--x: 4; --y: 1;" in text.get_attribute("style"), "what is added stands in the first free place"
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert "4" in page.text_content("[data-compose-says]")
    # By pointer: the figure is dragged upon the text's place, which gives way downwards.
    box = first.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 20 + 3 * box["width"] / 3, box["y"] + 60, steps=4)
    page.mouse.up()
    page.click("[data-compose-save] button")
    page.wait_for_url("**/boards/composed")
    file = page.context.request.get(f"{running.url}/boards/composed/file.json").json()
    told = {tile["kind"]: tile for tile in file["tiles"]}
    assert (told["figure"]["x"], told["figure"]["y"], told["figure"]["w"], told["figure"]["h"]) == (3, 0, 3, 2)
    assert (told["text"]["x"], told["text"]["y"], told["text"]["w"], told["text"]["h"]) == (3, 2, 4, 3)
    page.context.close()


def test_news_stands_on_the_board_within_a_second(chromium: sync_api.Browser, cookie: dict[str, str], running: Place) -> None:
    page = opened(chromium, cookie, "/boards/air")
    page.wait_for_function("document.querySelector('[data-live-notice]').hidden")
    page.wait_for_timeout(500)
    page.evaluate("""() => { new MutationObserver(() => { const it = document.querySelector('#cell-aqi .tile-value');
        if (it.textContent === '487' && !window.seenAt) window.seenAt = Date.now() / 1000; })
        .observe(document.body, {subtree: true, childList: true, characterData: true}); }""")
    written = float(running.django(FIGURE).split()[-1])
    page.wait_for_function("window.seenAt", timeout=10_000)
    assert page.evaluate("window.seenAt") - written <= 1.0
    page.context.close()


def test_the_slider_shows_the_past_and_stops_the_news(chromium: sync_api.Browser, cookie: dict[str, str]) -> None:
    page = opened(chromium, cookie, "/boards/air")
    page.wait_for_timeout(1200)
    slider = page.locator("[data-moment-slider]")
    slider.focus()
    with page.expect_response("**/tiles?at=*"):
        page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".deck[data-past]")
    assert "at=" in page.url
    with page.expect_download() as sent:
        page.click("[data-png]")
    assert Path(sent.value.path()).read_bytes().startswith(b"\x89PNG")
    page.context.close()
