# SPDX-License-Identifier: Apache-2.0
"""A grid worker reports, a crew handles, a verifier checks: on phones without a network; each case moves exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from chengyun.bench.place import Place

from .conftest import AXE, KEPT, Phone

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
HOME = "/field/"

STAFF = """
from chengyun.access.models import Account, Assignment, Organisation
centre = Organisation.objects.get(key="operations_centre")
works, _new = Organisation.objects.get_or_create(key="field_works", defaults={"name": "城管维修队", "parent": centre})
people = {
    "field_grid": ("grid_worker", centre), "field_crew": ("handler", works), "field_check": ("verifier", centre),
    "field_clerk": ("intake_clerk", centre), "field_officer": ("duty_officer", centre),
    "field_dispatcher": ("dispatcher", centre),
}
for name, (role, body) in people.items():
    account, made = Account.objects.get_or_create(username=name, defaults={"name": name, "organisation": body})
    if made:
        account.set_password("Tower-Bridge-1894")
        account.save()
        Assignment.objects.create(account=account, role=role, organisation=body)
"""
FORWARD = """
from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account
from chengyun.cases.models import Case
from chengyun.cases.services import take_step
from django.utils import timezone
def actor(name):
    return actor_of_account(Account.objects.get(username=name))
number = Case.objects.get(title=%r).number
take_step(number, "accept", actor("field_clerk"), timezone.now())
take_step(number, "file", actor("field_officer"), timezone.now(), data={"category": "event/0104"})
take_step(number, "dispatch", actor("field_dispatcher"), timezone.now(), owner="field_works")
print(number)
"""
VOID = """
from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account
from chengyun.cases.services import take_step
from django.utils import timezone
actor = actor_of_account(Account.objects.get(username="field_officer"))
take_step(%r, "void_handling", actor, timezone.now(), reason="重复")
"""
CASES = """
import json
from chengyun.cases.models import Case
print(json.dumps([
    {"number": it.number, "state": it.state, "photos": it.photos.count(),
     "steps": list(it.events.order_by("id").values_list("transition", flat=True)),
     "notes": list(it.events.order_by("id").values_list("note", flat=True))}
    for it in Case.objects.filter(title=%r)
]))
"""


@pytest.fixture(scope="module")
def staffed(place: Place) -> Place:
    place.django(STAFF)
    return place


def cases(place: Place, title: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(place.django(CASES % title))
    return rows


def _start(phone: Phone, name: str) -> Page:
    page = phone.page(f"/accounts/login/?next={HOME}")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "Tower-Bridge-1894")
    page.click("main button[type=submit]")
    page.wait_for_url(f"**{HOME}")
    page.locator(".sync", has_text="全部已送达").or_(page.locator(".sync", has_text="All sent")).wait_for(timeout=60_000)
    page.evaluate(KEPT)
    page.goto(f"{HOME}#/outbox")
    page.get_by_text("上次同步").or_(page.get_by_text("Last synchronised")).wait_for(timeout=60_000)
    return page


def _report(page: Page, title: str, photo: Path) -> None:
    page.goto(f"{HOME}#/report/new")
    page.wait_for_selector("#main[data-ready=form]")
    page.locator("input[type=file]").last.set_input_files(photo)
    page.locator(".picture img").wait_for()
    page.get_by_label("什么问题").fill(title)
    page.locator(".place-said", has_text="121.").wait_for()
    page.get_by_role("button", name="提交上报").click()
    page.wait_for_selector(".duty")


def _handle(page: Page, number: str, words: str, photo: Path) -> None:
    page.goto(f"{HOME}#/case/{number}")
    page.get_by_role("link", name="处置完毕").click()
    page.wait_for_selector("#main[data-ready=form]")
    page.locator("input[type=file]").last.set_input_files(photo)
    page.locator(".picture img").wait_for()
    page.get_by_label("办理情况").fill(words)
    page.get_by_role("button", name="确认：处置完毕").click()
    page.get_by_text("本机待发送：处置完毕").wait_for()


def test_a_case_goes_round_on_phones_without_a_network(
    phone: Callable[..., Phone], staffed: Place, photo: Path, tmp_path: Path
) -> None:
    title = "离线上报井盖缺失"
    grid = phone(geolocation={"latitude": 29.91, "longitude": 121.61, "accuracy": 8})
    page = _start(grid, "field_grid")
    grid.context.set_offline(True)
    _report(page, title, photo)
    page.close()
    page = grid.page(f"{HOME}#/cases")
    page.get_by_text(title).first.wait_for()
    page.locator(".sync", has_text="1 项待发送").wait_for()
    assert cases(staffed, title) == []
    grid.context.set_offline(False)
    page.locator(".sync", has_text="全部已送达").wait_for()
    number = staffed.django(FORWARD % title)

    crew = phone()
    page = _start(crew, "field_crew")
    page.goto(f"{HOME}#/cases")
    page.get_by_text(title).wait_for()
    crew.context.set_offline(True)
    _handle(page, number, "已换新井盖", _another(crew, tmp_path, "已换新"))
    page.close()
    lost: list[str] = []

    def heed(route: Route) -> None:  # the first answer is lost on the way, after the server has done it
        if not lost:
            lost.append(str(route.fetch().status))
            route.abort()
        else:
            route.continue_()

    crew.context.route("**/field/sync", heed)
    page = crew.page(f"{HOME}#/outbox")
    page.locator(".sync", has_text="1 项待发送").wait_for()
    crew.context.set_offline(False)
    page.locator(".sync", has_text="全部已送达").wait_for(timeout=60_000)
    [case] = cases(staffed, title)
    assert lost == ["200"]
    assert (case["state"], case["steps"].count("report_done"), case["photos"]) == ("to_check", 1, 2)

    checker = phone()
    page = _start(checker, "field_check")
    checker.context.set_offline(True)
    page.goto(f"{HOME}#/case/{number}")
    page.get_by_role("link", name="核查通过").click()
    page.wait_for_selector("#main[data-ready=form]")
    page.get_by_role("button", name="确认").click()
    page.get_by_text("还缺：照片").wait_for()
    page.locator("input[type=file]").last.set_input_files(_another(checker, tmp_path, "核查"))
    page.locator(".picture img").wait_for()
    page.get_by_role("button", name="确认").click()
    page.get_by_text("本机待发送：核查通过").wait_for()
    checker.context.set_offline(False)
    page.locator(".sync", has_text="全部已送达").wait_for(timeout=60_000)
    [case] = cases(staffed, title)
    assert (case["state"], case["steps"].count("pass_check")) == ("to_close", 1)


def _another(phone: Phone, folder: Path, words: str) -> Path:
    page = phone.context.new_page()
    page.set_content(f"<h1 style='font-size: 6rem; color: green'>{words}</h1>")
    page.screenshot(path=folder / f"{words}.png")
    page.close()
    return folder / f"{words}.png"


def test_what_the_server_refuses_is_put_to_the_person(phone: Callable[..., Phone], staffed: Place, photo: Path) -> None:
    title = "护栏倒伏"
    grid, crew = phone(), phone()
    page = _start(grid, "field_grid")
    _report(page, title, photo)
    page.locator(".sync", has_text="全部已送达").wait_for()
    number = staffed.django(FORWARD % title)
    page = _start(crew, "field_crew")
    crew.context.set_offline(True)
    _handle(page, number, "护栏已扶正", photo)
    staffed.django(VOID % number)
    crew.context.set_offline(False)
    page.locator(".sync", has_text="1 项待您决定").wait_for(timeout=60_000)
    page.goto(f"{HOME}#/outbox")
    page.locator(".decision").wait_for()
    told = page.locator(".decision").inner_text()
    page.locator(".decision button").first.click()
    page.locator(".sync", has_text="全部已送达").wait_for()
    [case] = cases(staffed, title)
    assert number in told
    assert "护栏已扶正" in told
    assert case["state"] == "void"
    assert "护栏已扶正" in case["notes"]


def test_the_way_is_recorded_on_duty_only(phone: Callable[..., Phone], staffed: Place) -> None:
    grid = phone()
    page = _start(grid, "field_grid")
    grid.context.set_offline(True)
    page.goto(f"{HOME}#/")
    page.get_by_role("button", name="上岗").click()
    page.get_by_text("正在记录轨迹 · 1 个点").wait_for()
    for step in range(1, 4):
        grid.context.set_geolocation({"latitude": 29.87 + step / 1000, "longitude": 121.54, "accuracy": 6})
        page.get_by_text(f"正在记录轨迹 · {step + 1} 个点").wait_for()
    page.reload()
    page.get_by_role("button", name="下岗").click()
    page.get_by_role("button", name="上岗").wait_for()
    grid.context.set_offline(False)
    page.locator(".sync", has_text="全部已送达").wait_for()
    told = json.loads(
        staffed.django(
            "import json\nfrom chengyun.cases.field.models import Operation\n"
            "rows = Operation.objects.filter(account__username='field_grid', kind__in=['duty', 'track']).order_by('made_at')\n"
            "print(json.dumps([[it.kind, it.state] for it in rows]))"
        )
    )
    assert [kind for kind, _state in told if kind == "duty"] == ["duty", "duty"]
    assert {state for _kind, state in told} == {"applied"}
    assert "track" in {kind for kind, _state in told}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_no_serious_barrier_and_no_wider_than_a_small_phone(
    phone: Callable[..., Phone], staffed: Place, photo: Path, language: str
) -> None:
    mine = phone(bypass_csp=True, viewport={"width": 360, "height": 740})
    mine.context.add_cookies([{"name": "django_language", "value": language, "url": mine.place.url}])
    page = _start(mine, "field_crew")
    page.add_script_tag(path=str(AXE))
    serious, wide, small = [], [], []
    for screen in ("#/", "#/cases", "#/outbox", "#/map", "#/report/new"):
        page.evaluate("(to) => { location.hash = to; }", screen)
        page.wait_for_selector(
            {"#/map": ".field-map[data-ready]", "#/report/new": "#main[data-ready=form]"}.get(screen, ".panel")
        )
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            violations = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
            serious += [
                f"{screen} {scheme} {one['id']}: {one['nodes'][0]['html'][:160]}"
                for one in violations
                if one["impact"] in ("serious", "critical")
            ]
        wide.append(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
        small += page.eval_on_selector_all(
            "#main a.button, #main button.button, .tabs a",
            "all => all.filter(it => it.offsetParent && it.getBoundingClientRect().height < 44).map(it => it.textContent)",
        )
    assert serious == []
    assert max(wide) <= 0
    assert small == []
