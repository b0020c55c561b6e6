# SPDX-License-Identifier: Apache-2.0
"""A city of its own, whose web process may be killed, and phones: browsers of 390 px with a place in the world."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chengyun.bench.place import Place, open_place

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PASSWORD = "Tower-Bridge-1894"
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"

KEPT = """async () => {
  await navigator.serviceWorker.ready;
  while (!navigator.serviceWorker.controller) await new Promise((done) => setTimeout(done, 20));
}"""
"""Ends when the page is looked after by its worker, and so needs no network any more."""

PLANT = """
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.collect.forms.models import Form, Task
centre = Organisation.objects.get(key="operations_centre")
for name in ("grid_one", "grid_two", "grid_kill", "grid_barrier"):
    account = Account.objects.create(username=name, name=name.replace("_", " "), organisation=centre)
    account.set_password("Tower-Bridge-1894")
    account.save()
    Assignment.objects.create(account=account, role="grid_worker", organisation=centre)
Task.objects.create(
    form=Form.objects.get(key="house_safety"), title="老楼排查", area_code="330203001", made_by="test",
    prefill={"address": "月湖路 12 号", "storeys": "3"},
)
"""


@dataclass
class Phone:
    """wrong: what its pages complained of, beside the network being away."""

    context: BrowserContext
    place: Place
    wrong: list[str] = field(default_factory=list)

    def page(self, path: str) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self.wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(path)
        return page

    def sign_in(self, name: str, path: str) -> Page:
        page = self.page(f"/accounts/login/?next={path}")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(f"**{path}")
        page.wait_for_selector(".cards .card-link", timeout=60_000)
        page.evaluate(KEPT)
        return page


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        place.run("forms", "--examples", "--publish")
        place.django(PLANT)
        yield place


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def phone(chromium: Browser, place: Place) -> Iterator[Callable[..., Phone]]:
    """phone(locale="en-US") is a new phone; what its pages complained of fails the test."""
    phones: list[Phone] = []

    def make(**choices: object) -> Phone:
        context = chromium.new_context(**{
            "base_url": place.url, "viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "permissions": ["geolocation"],
            "geolocation": {"latitude": 29.87, "longitude": 121.54, "accuracy": 8}, **choices,
        })  # fmt: skip
        context.set_default_timeout(30_000)
        phones.append(Phone(context, place))
        return phones[-1]

    yield make
    wrong = [said for one in phones for said in one.wrong]
    for one in phones:
        one.context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def photo(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture larger than is sent as it stands."""
    page = chromium.new_page(viewport={"width": 3000, "height": 2200})
    page.set_content("<h1 style='font-size: 20rem'>井盖</h1>")
    page.evaluate(
        "() => { const c = document.createElement('canvas'); c.width = 2900; c.height = 900; const x = c.getContext('2d');"
        " const d = x.createImageData(2900, 900); for (let i = 0; i < d.data.length; i++) d.data[i] = (i * 7919) % 255;"
        " x.putImageData(d, 0, 0); document.body.append(c); }"
    )
    where = tmp_path_factory.mktemp("photo") / "manhole.png"
    page.screenshot(path=where)
    page.close()
    return where
