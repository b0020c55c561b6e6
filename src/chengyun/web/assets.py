# SPDX-License-Identifier: Apache-2.0
"""Where the bundled browser parts are: tools/build.mjs writes hashed names and a manifest."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from django.templatetags.static import static

from chengyun.errors import Unavailable

DIST = Path(__file__).parent / "static" / "dist"


@functools.cache
def _manifest() -> dict[str, str]:
    """Return plain name → hashed name, read once: the server of static files too knows only what was there at its start."""
    try:
        return json.loads((DIST / "manifest.json").read_text())  # type: ignore[no-any-return]
    except FileNotFoundError as missing:
        raise Unavailable("The browser parts are not built. Run `make setup`.") from missing


def asset_url(name: str) -> str:
    """Return the address of a bundled file by its plain name, e.g. "main.js". Raises Unavailable before the first build."""
    return static(f"dist/{_manifest()[name]}")


@functools.cache
def _bundles() -> dict[str, list[str]]:
    try:
        return json.loads((DIST / "bundles.json").read_text())  # type: ignore[no-any-return]
    except FileNotFoundError as missing:
        raise Unavailable("The browser parts are not built. Run `make setup`.") from missing


def files_of(name: str) -> tuple[str, ...]:
    """Return the hashed names of every file a bundle may come to need, also of those it loads later."""
    return tuple(_bundles()[name])


@functools.cache
def worker_source() -> str:
    """Return the script of the service worker, which is served under the address it works for."""
    return (DIST / _manifest()["worker.js"]).read_text()
