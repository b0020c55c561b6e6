# SPDX-License-Identifier: Apache-2.0
"""The wheel holds all that runs: what is not Python is easily forgotten."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE_BY_SETUP = ("src/chengyun/web/static/dist/manifest.json", "src/chengyun/locale/en/LC_MESSAGES/django.mo")
NEEDED = {".css", ".html", ".js", ".mjs", ".mo", ".sql", ".svg", ".toml"}
"""Kinds of files that are read while the program runs."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    if missing := [name for name in MADE_BY_SETUP if not (ROOT / name).exists()]:
        pytest.fail(f"{missing[0]} is not there. Run `make setup`.")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [file] = folder.glob("chengyun-*.whl")
    return zipfile.ZipFile(file)


def test_every_file_that_is_read_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    source = ROOT / "src"
    wanted = {str(file.relative_to(source)) for file in source.rglob("*") if file.suffix in NEEDED and file.is_file()}
    assert {Path(name).suffix for name in wanted} >= NEEDED - {".svg"}
    # Sources of the browser parts are bundled into static/dist.
    bundled = ("chengyun/web/js/", "chengyun/web/css/")
    assert sorted(name for name in wanted - set(wheel.namelist()) if not name.startswith(bundled)) == []


def test_every_module_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    modules = {str(file.relative_to(ROOT / "src")) for file in (ROOT / "src").rglob("*.py")}
    assert sorted(modules - set(wheel.namelist())) == []


def test_nothing_of_the_checkout_or_of_unclear_terms_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    above = {name.split("/")[0] for name in wheel.namelist()}
    assert [name for name in above if not name.endswith(".dist-info")] == ["chengyun"]
    assert [name for name in wheel.namelist() if name.endswith((".geojson", ".pyc")) or "node_modules" in name] == []
