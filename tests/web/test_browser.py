# SPDX-License-Identifier: Apache-2.0
"""Pages in Chromium, on a whole running city: they draw, stay on their own origin, and are usable by everybody."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chengyun.bench.place import Place

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ["/", "/?wall=1", "/map", "/p/air_quality/air", "/p/air_quality/report", "/about", "/patterns", "/nowhere"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed; .ci/run installs it"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    # Playwright's loop runs in this thread; the ORM, unused here, would take that for an asynchronous caller.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--enable-unsafe-swiftshader"]
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield running
        running.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def alive(running: Place) -> Place:
    """The running city once its simulated stations have reported."""
    end = time.monotonic() + 120
    points: dict[str, list[object]] = {"features": []}
    while not points["features"] and time.monotonic() < end:
        time.sleep(1)
        with urllib.request.urlopen(f"{running.url}/map/layers/air_quality.air.1.json", timeout=10) as answer:
            points = json.loads(answer.read())
    assert points["features"]
    return running


def _open(browser: sync_api.Browser, place: Place, path: str, **choices: object) -> tuple[sync_api.Page, list[str]]:
    """Open a page; return it and what its console and its requests complain of."""
    context = browser.new_context(**{"locale": "zh-CN", "viewport": {"width": 1440, "height": 900}, **choices})
    page = context.new_page()
    wrong: list[str] = []
    own = {urlsplit(place.url).netloc, urlsplit(place.stream_url).netloc}

    def heed(request: sync_api.Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in own:
            wrong.append(f"left the origin: {request.url}")

    page.on("request", heed)
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "404" not in said.text else None)
    page.goto(place.url + path, wait_until="load")
    if page.query_selector("[data-map]"):
        page.wait_for_selector("[data-map][data-ready]", timeout=30_000)
    return page, wrong


CUT = """() => {
    const column = (node) => node.closest(".board-vitals, .board-work").getBoundingClientRect();
    return [...document.querySelectorAll(".board-vitals .tile, .board-work .items > li, .board-work tr")].filter((node) => {
        const own = node.getBoundingClientRect(), around = column(node);
        return own.height && own.left < around.right - 1 && own.bottom > around.bottom + 1;
    }).map((node) => node.textContent.trim().slice(0, 40));
}"""


@pytest.mark.parametrize(("width", "height"), [(3840, 2160), (1920, 1080), (1280, 720)])
def test_the_wall_is_as_high_as_its_screen_and_cuts_nothing(browser, alive: Place, width: int, height: int) -> None:
    page, wrong = _open(browser, alive, "/?wall=1", viewport={"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollHeight") <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.querySelectorAll('.board-vitals .tile').length") > 0
    assert page.evaluate("document.querySelector('[data-map]').getBoundingClientRect().height") > height / 3
    assert not wrong
    page.context.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_draws_and_asks_nobody_else(browser, alive: Place, path: str) -> None:
    page, wrong = _open(browser, alive, path)
    page.wait_for_timeout(500)
    page.context.close()
    assert wrong == []


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_serious_barrier_in_light_or_dark(browser, alive: Place, path: str, locale: str) -> None:
    # Injecting axe is the test's own script: the page's policy is lifted for it, and tested elsewhere.
    page, _wrong = _open(browser, alive, path, locale=locale, color_scheme="light", bypass_csp=True)
    page.add_script_tag(path=str(AXE))
    serious = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
        serious += [
            f"{theme} {one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] in ("serious", "critical")
        ]
    page.context.close()
    assert serious == []


@pytest.mark.parametrize("path", ["/", "/map", "/p/air_quality/air", "/patterns"])
def test_no_page_is_wider_than_its_window(browser, alive: Place, path: str) -> None:
    page, _wrong = _open(browser, alive, path)
    over = {}
    for width in (390, 768, 1440, 3840):
        page.set_viewport_size({"width": width, "height": 900})
        over[width] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.context.close()
    assert all(pixels <= 0 for pixels in over.values()), over


def test_a_station_answers_to_the_keyboard(browser, alive: Place) -> None:
    page, wrong = _open(browser, alive, "/map")
    first = page.locator(".map-value:visible").first
    first.focus()
    page.keyboard.press("Enter")
    popup = page.locator(".maplibregl-popup")
    popup.wait_for()
    text = popup.inner_text()
    page.keyboard.press("Escape")
    page.context.close()
    assert "来源" in text
    assert "详情" in text
    assert wrong == []


def test_a_station_page_draws_its_charts_and_tells_the_same_in_a_table(browser, alive: Place) -> None:
    page, wrong = _open(browser, alive, "/map")
    href = page.locator("table a").first.get_attribute("href")
    page.goto(alive.url + str(href))
    page.wait_for_selector("[data-chart][data-ready]", timeout=60_000)
    page.locator("details.numbers summary", has_text="数据表").first.click()
    page.wait_for_selector("details.numbers[open] caption", timeout=30_000)
    rows = page.locator("details.numbers[open] tbody tr").count()
    page.context.close()
    assert rows > 0
    assert wrong == []


def test_language_and_look_change_and_stay(browser, alive: Place) -> None:
    page, wrong = _open(browser, alive, "/")
    page.get_by_role("link", name="English").click()
    page.wait_for_selector("html[lang=en]")
    page.locator("[data-theme-switch]").click()
    theme = page.locator("html").get_attribute("data-theme")
    page.goto(alive.url + "/map")
    kept = (page.locator("html").get_attribute("lang"), page.locator("html").get_attribute("data-theme"))
    page.context.close()
    assert kept == ("en", theme)
    assert theme == "dark"
    assert wrong == []


def test_the_first_key_leads_past_the_menu(browser, alive: Place) -> None:
    page, _wrong = _open(browser, alive, "/p/air_quality/air")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    focused = page.evaluate("document.activeElement.id")
    page.context.close()
    assert focused == "main"


def test_an_open_board_is_told_of_news(browser, alive: Place) -> None:
    page, _wrong = _open(browser, alive, "/")
    hidden = page.locator("[data-live-notice]").is_hidden()
    with page.expect_response(lambda answer: answer.url.endswith("/board/parts"), timeout=330_000) as told:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    status = told.value.status
    page.context.close()
    assert hidden
    assert status == 200


def test_a_board_without_its_channel_says_so(browser, alive: Place) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.route("**/live?*", lambda route: route.abort())
    page.goto(alive.url + "/")
    page.wait_for_selector("[data-live-notice]:visible", timeout=15_000)
    said = page.locator("[data-live-notice]").inner_text()
    context.close()
    assert "每 30 秒" in said
