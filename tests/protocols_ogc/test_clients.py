# SPDX-License-Identifier: Apache-2.0
"""Foreign readers: GDAL's OAPIF and MVT drivers, OWSLib, schemathesis; and the pages under axe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

ROOT = Path(__file__).resolve().parents[2]
OWSLIB = ROOT / "build" / "clients" / "frost" / "bin" / "python"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = Path("/usr/bin/chromium")

gdal = pytest.mark.skipif(not shutil.which("ogr2ogr"), reason="GDAL's programs are not installed; .ci/run installs them")


def converted(city, layer: str, *more: str) -> list[dict]:
    """Return a layer's features as GDAL reads them."""
    words = ["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", f"OAPIF:{city.url}", layer, *more]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["features"]


@gdal
def test_gdal_lists_the_layers(city) -> None:
    done = subprocess.run(["ogrinfo", "-ro", f"OAPIF:{city.url}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for name in ("areas.district", "air_quality.station", "alerts"):
        assert name in done.stdout


@gdal
def test_gdal_reads_a_layer_whole_and_in_part(city) -> None:
    every = converted(city, "air_quality.station", "-oo", "PAGE_SIZE=700")
    assert sorted(one["properties"]["key"] for one in every) == sorted(row["key"] for row in city.rows)
    near = converted(city, "air_quality.station", "-spat", "121.3", "29.5", "121.8", "30.0")
    assert {one["properties"]["key"] for one in near} == {
        row["key"] for row in city.rows if row["lon"] and 121.3 <= row["lon"] <= 121.8 and 29.5 <= row["lat"] <= 30.0
    }


@gdal
def test_gdal_lets_the_server_filter(city) -> None:
    chosen = ["-where", "station_5min_pm25 > 95.5 AND name LIKE '海%'"]
    found = converted(city, "air_quality.station", *chosen)
    right = {row["key"] for row in city.rows if row["name"].startswith("海") and (row["station_5min_pm25"] or 0) > 95.5}
    assert {one["properties"]["key"] for one in found} == right
    told = subprocess.run(
        ["ogrinfo", "-ro", "--debug", "on", f"OAPIF:{city.url}", "air_quality.station", "-so", *chosen],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "filter-lang=cql-text" in told.stderr
    assert "client side" not in told.stderr


@gdal
def test_gdal_reads_tiles(city, tmp_path: Path) -> None:
    for layer in ("areas.district", "air_quality.station"):
        tile = tmp_path / f"{layer}.pbf"
        tile.write_bytes(city.get(f"/collections/{layer}/tiles/WebMercatorQuad/8/105/214").content)
        words = ["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", str(tile)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["features"]) >= 3


@pytest.mark.skipif(not OWSLIB.exists(), reason="the foreign clients are not there; `make clients` makes them")
def test_owslib_reads_everything_it_knows_to_ask_for(city) -> None:
    code = f"""
import json
from owslib.ogcapi.features import Features
door = Features({city.url!r})
found = door.collection_items("air_quality.station", limit=5, bbox=[121.3, 29.5, 121.8, 30.0], filter="station_5min_pm25 > 50")
one = door.collection_item("air_quality.station", found["features"][0]["id"])
print(json.dumps({{
    "layers": door.feature_collections(), "matched": found["numberMatched"], "returned": found["numberReturned"],
    "same": one["properties"] == found["features"][0]["properties"], "openapi": door.api()["openapi"],
    "queryables": list(door.collection_queryables("air_quality.station")["properties"]),
    "conforms": len(door.conformance()["conformsTo"]),
}}))
"""
    done = subprocess.run([str(OWSLIB), "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    right = [
        row
        for row in city.rows
        if row["lon"] and 121.3 <= row["lon"] <= 121.8 and 29.5 <= row["lat"] <= 30.0 and (row["station_5min_pm25"] or 0) > 50
    ]
    assert told["matched"] == len(right)
    assert told["returned"] == 5
    assert told["same"]
    assert told["openapi"].startswith("3.0")
    assert {"air_quality.station", "areas.district", "alerts"} <= set(told["layers"])
    assert {"geometry", "name", "station_5min_pm25"} <= set(told["queryables"])


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def test_whatever_the_description_allows_is_answered_as_described(city) -> None:
    schema = schemathesis.openapi.from_url(f"{city.url}/api")
    tried = 0
    for described in schema.get_all_operations():
        operation = described.ok()

        @BOUNDED
        @given(case=operation.as_strategy())
        def call(case) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(checks=CHECKS, timeout=30)

        call()
    assert tried >= 60


PAGES = [
    "/", "/conformance", "/api", "/collections", "/collections/areas.district", "/collections/air_quality.station/queryables",
    "/collections/air_quality.station/items", "/collections/air_quality.station/items/q00001",
    "/collections/air_quality.station/tiles", "/tileMatrixSets",
]  # fmt: skip


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed; .ci/run installs it")
def test_pages_have_no_barrier_and_fit_a_phone(city) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    wrong: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        context = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 800})
        page = context.new_page()
        for path in PAGES:
            page.goto(f"{city.url}{path}?f=html", wait_until="load")
            page.add_script_tag(path=str(AXE))
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
                wrong += [f"{path} {theme} {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            wrong += [f"{path} is {over} px wider than a phone"] if over > 0 else []
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    assert wrong == []


def test_a_page_speaks_the_browser_s_language(city) -> None:
    asked = {"accept": "text/html,application/xhtml+xml"}
    chinese = city.get("/", headers=asked | {"accept-language": "zh-CN"}).text
    english = city.get("/", headers=asked | {"accept-language": "en-GB,en;q=0.9"}).text
    assert '<html lang="zh-CN">' in chinese
    assert '<html lang="en">' in english
