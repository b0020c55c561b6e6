# SPDX-License-Identifier: Apache-2.0
"""Every page somebody works on, found by following links as each kind of staff: no serious barrier, none wider than a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from django.utils import translation

from chengyun.bench.place import Place

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "Tower-Bridge-1894"
START = ["/desk", "/alerts", "/cases", "/dead-letters", "/status", "/audit", "/accounts/", "/api/", "/map"]
LEAVES = {"account_logout", "icon", "layer-points", "areas-shapes"}
"""Addresses that end a session or are no page."""
MOST_PAGES = 60
DATA = {"模拟", "公民身份号码", "个人信息保护法", "路灯", "停车场"}
"""What people and the simulator write that is a word of ours, too: its own mark, titles of laws, names of places."""
CHINESE = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = new Set();
  while (walker.nextNode()) {
    const said = walker.currentNode.data.trim(), within = walker.currentNode.parentElement;
    if (/[\\u3400-\\u9fff]/.test(said) && !within.closest("script, style, template, textarea, [lang^=zh]")) found.add(said);
  }
  return [...found];
}"""

PLANT = """
from chengyun.access.actors import SYSTEM
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.cases.services import open_case
from chengyun.collect.models import DeadLetter
from chengyun.operate.models import Alert
from django.utils import timezone
centre = Organisation.objects.get(key="operations_centre")
roles = {"barrier_staff": ["duty_officer", "data_steward"], "barrier_admin": ["administrator"], "barrier_auditor": ["auditor"]}
for name, held in roles.items():
    account, made = Account.objects.get_or_create(username=name, defaults={"name": name, "organisation": centre})
    if made:
        account.set_password("Tower-Bridge-1894")
        account.save()
        for role in held:
            Assignment.objects.create(account=account, role=role, organisation=centre)
now = timezone.now()
alert = Alert.objects.create(
    rule="air_quality.pm25_hour_severe", dataset="air_quality.station_hour", subject="barrier", subject_name="无障碍站",
    area_code="330203", severity="red", value=260.0, worst=280.0, limit=250.0, since=now, last_seen_at=now, opened_at=now,
    evidence={"seq": 1}, holds=True,
)
open_case("air_quality.air_check", "无障碍站：核查", SYSTEM, now, alert=alert)
DeadLetter.objects.create(
    stream="air_quality.station_hour", actor="account:1", source="cy_1", code="unknown_entity", reason="station 'x' is unknown.",
    row={"station_code": "x", "pm25": 1}, received_at=now,
)
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def staffed(running: Place) -> Place:
    running.django(PLANT)
    return running


@pytest.fixture(scope="module")
def examined() -> set[str]:
    """Names of the pages examined so far."""
    return set()


def _signed_in(browser: Browser, place: Place, name: str, locale: str) -> BrowserContext:
    scheme = "light" if locale == "zh-CN" else "dark"
    context = browser.new_context(
        locale=locale, color_scheme=scheme, base_url=place.url, viewport={"width": 390, "height": 844}, bypass_csp=True
    )
    page = context.new_page()
    page.goto("/accounts/login/?next=/desk")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/desk", wait_until="load")
    page.close()
    return context


def _pattern(path: str) -> str | None:
    """Return the name of the page an address leads to, None for what is no page of ours."""
    try:
        found = resolve(path)
    except Resolver404:
        return None
    return None if found.app_name == "admin" or found.url_name in LEAVES else f"{found.view_name}"


class _Links(HTMLParser):
    """The addresses a page as it was sent leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and "download" not in given:
            self.found.append(given.get("href") or "")


def _of_ours(hrefs: list[str]) -> list[str]:
    return [urlsplit(href).path for href in hrefs if href.startswith("/")]


def _links(page: Page) -> list[str]:
    return _of_ours(
        page.eval_on_selector_all(
            "a[href]", "links => links.filter(it => !it.hasAttribute('download')).map(it => it.getAttribute('href'))"
        )
    )


def _barriers(page: Page) -> list[str]:
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in serious]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*wrong, f"{wider} px wider than a phone"] if wider > 0 else wrong


def _left_in_chinese(page: Page) -> list[str]:
    """Return the texts of a page in English that have their English and do not show it; names and people's words have none."""
    with translation.override("en"):
        return [f"in Chinese: {one}" for one in page.evaluate(CHINESE) if one not in DATA and translation.gettext(one) != one]


@pytest.mark.parametrize("name", ["barrier_staff", "barrier_admin", "barrier_auditor"])
def test_no_page_of_work_has_a_serious_barrier(chromium: Browser, staffed: Place, examined: set[str], name: str) -> None:
    """Pages are found by following links in Chinese; those that nobody has seen yet are examined, and again in English."""
    context = _signed_in(chromium, staffed, name, "zh-CN")
    page = context.new_page()
    waiting, followed, new, wrong = [*START], set(), [], {}
    while waiting and len(followed) < MOST_PAGES:
        path = waiting.pop(0)
        pattern = _pattern(path)
        if pattern is None or pattern in followed:
            continue
        # What one kind of staff sees of a page another sees, too: the others only read where it leads.
        seen = pattern in examined
        answer = context.request.get(path) if seen else page.goto(path, wait_until="load")
        kind = answer.headers.get("content-type", "") if answer else ""
        if answer is None or answer.status != 200 or not kind.startswith("text/html"):
            assert answer is not None
            assert answer.status < 500, path
            continue
        followed.add(pattern)
        if seen:
            waiting += _of_ours(_Links(answer.text()).found)
            continue
        waiting += _links(page)
        examined.add(pattern)
        new.append(path)
        if barriers := _barriers(page):
            wrong[path] = barriers
    context.close()
    assert len(followed) > 5

    context = _signed_in(chromium, staffed, name, "en-US")
    page = context.new_page()
    for path in new:
        answer = page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == 200, path
        if barriers := _barriers(page) + _left_in_chinese(page):
            wrong[f"{path} in English"] = barriers
    context.close()
    assert wrong == {}


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_signing_in_has_no_serious_barrier(chromium: Browser, staffed: Place, locale: str) -> None:
    context = chromium.new_context(
        locale=locale, base_url=staffed.url, viewport={"width": 390, "height": 844}, bypass_csp=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto("/accounts/login/")
    wrong = _barriers(page)
    page.fill("input[name=login]", "nobody")
    page.fill("input[name=password]", "wrong")
    page.click("main button[type=submit]")
    page.wait_for_load_state("load")
    wrong += _barriers(page)
    context.close()
    assert wrong == []
