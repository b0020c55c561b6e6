# SPDX-License-Identifier: Apache-2.0
"""How soon the map of a whole city's components is there, and how smoothly it moves, in a browser on the same machine.

The browser draws in software here, which costs more than the tiles: the same page with an empty register, asked in the same run,
says how much of each time is the browser's own. CHENGYUN_BENCH_COMPONENTS: how many there are, 500000.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, open_place
from chengyun.errors import Unavailable

COUNT = int(os.environ.get("CHENGYUN_BENCH_COMPONENTS", "500000"))
PANS = 12
FIRST_TARGET_S, PAN_TARGET_MS = 4.0, 1_000.0
CHROMIUM = "/usr/bin/chromium"
SIGN_IN = "chengyun-bench"

SEED = """
    SET session_replication_role = replica;
    INSERT INTO urban_management_component (
        key, name, area_code, lon, lat, simulated, source, category, catalog_version, state, owner, keeper, address, grid_code,
        inspected_at)
    SELECT '330203' || kind || lpad(i::text, 6, '0'), 'point ' || i, '330203',
           121.3 + (hashint4(i)::float8 / 4294967296 + 0.5) * 0.5 * (0.3 + 0.7 * ((i % 1000 * 7919) % 100) / 100.0),
           29.7 + (hashint4(i + 7777777)::float8 / 4294967296 + 0.5) * 0.4 * (0.3 + 0.7 * ((i % 1000 * 104729) % 100) / 100.0),
           false, 'bench', 'component/' || kind, 'CJ/T 214-2007', (ARRAY['intact', 'intact', 'intact', 'damaged'])[1 + i %% 4],
           '', '', '', '', now() - i %% 200 * INTERVAL '1 day'
    FROM (SELECT i, (ARRAY['0101', '0102', '0118', '0104'])[1 + i %% 4] AS kind FROM generate_series(1, %(count)s) AS i) AS made;
    SET session_replication_role = DEFAULT;
"""
PLANT = f"""
from chengyun.access.models import Account, Assignment, Organisation
account = Account.objects.create(username={SIGN_IN!r}, organisation=Organisation.objects.get(key="operations_centre"))
account.set_password("Tower-Bridge-1894")
account.save()
Assignment.objects.create(account=account, role="duty_officer", organisation=account.organisation)
"""
GAPS = """() => {
  window.gaps = [];
  let before = performance.now();
  const next = (now) => { window.gaps.push(now - before); before = now; requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""


def component_map() -> list[Result]:
    """Measure the first sight of the map of 500,000 components, and how long after a move everything is drawn."""
    if importlib.util.find_spec("playwright") is None or not os.path.exists(CHROMIUM):
        raise Unavailable("The map is measured in a browser: install the development requirements and chromium.")
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        place.django(PLANT)
        with _browser(place) as page:
            empty_s, _again, empty_pan, _gaps = _seen(page)
        with psycopg.connect(place.state()["database_url"], autocommit=True) as conn:
            conn.execute(psycopg.sql.SQL(SEED.replace("%(count)s", str(COUNT)).replace("%%", "%")))
            conn.execute("VACUUM ANALYZE urban_management_component")
        with _browser(place) as page:
            first_s, again_s, pans, gaps = _seen(page)
    worst = quantiles(gaps, n=100)[98] if len(gaps) > 100 else max(gaps)
    about = f"{COUNT:,} components, 1400 × 900, drawn in software by the browser on the same two cores"
    return [
        Result(
            name="component-map", value=first_s, unit="s", target=FIRST_TARGET_S,
            compared={"again": f"{again_s:.2f} s", "without components": f"{empty_s:.2f} s"},
            notes=f"From asking for the page until all of the map is drawn, no tile made before; {about}.",
        ),
        Result(
            name="component-map-pan", value=quantiles(pans, n=20)[18] * 1000, unit="ms", target=PAN_TARGET_MS,
            compared={
                "median": f"{median(pans) * 1000:.0f} ms", "without components": f"{median(empty_pan) * 1000:.0f} ms",
                "99th percentile between frames": f"{worst:.0f} ms",
            },
            notes=f"95th percentile of {PANS} moves and zooms, from the key until all is drawn, its gliding included; {about}.",
        ),
    ]  # fmt: skip


@contextmanager
def _browser(place: Place) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_context(base_url=place.url, locale="zh-CN", viewport={"width": 1400, "height": 900}).new_page()
        page.goto("/accounts/login/?next=/desk")
        page.fill("input[name=login]", SIGN_IN)
        page.fill("input[name=password]", "Tower-Bridge-1894")
        page.click("main button[type=submit]")
        page.wait_for_url("**/desk")
        yield page
        browser.close()


def _seen(page: Any) -> tuple[float, float, list[float], list[float]]:
    """Return the seconds until the map is drawn, the first time and again, those of each move, and ms between frames."""
    firsts = []
    for _ in range(2):
        begun = time.perf_counter()
        page.goto("/components")
        page.wait_for_selector("#component-map[data-idle]", timeout=120_000)
        firsts.append(time.perf_counter() - begun)
    page.evaluate(GAPS)
    page.locator("#component-map canvas").focus()
    pans = []
    for number in range(PANS):
        key = ("ArrowRight", "ArrowDown", "Equal", "ArrowLeft", "ArrowUp", "Equal")[number % 6]
        before = page.evaluate("Number(document.querySelector('#component-map').dataset.idle)")
        begun = time.perf_counter()
        page.keyboard.press(key)
        page.wait_for_function(
            "before => Number(document.querySelector('#component-map').dataset.idle) > before", arg=before, timeout=120_000
        )
        pans.append(time.perf_counter() - begun)
    return firsts[0], firsts[1], pans, page.evaluate("window.gaps")


BENCHES: dict[str, Bench] = {"component-map": component_map}
