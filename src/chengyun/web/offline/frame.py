# SPDX-License-Identifier: Apache-2.0
"""The frame of an application that works without a network: its page, its manifest and its service worker.

Nothing of a person stands in any of them, so they are the same for everybody and may lie in a cache; what belongs to a person
is asked for by script, and kept sealed on the device (web/js/offline/vault.js).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language, override
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor
from chengyun.access.views import public
from chengyun.areas.queries import name_of
from chengyun.config import config
from chengyun.web.assets import asset_url, files_of, worker_source
from chengyun.web.middleware import policy
from chengyun.web.offline.words import common_words
from chengyun.web.places import extent

__all__ = ["Application", "device_key", "frame", "manifest", "worker"]

STYLES = ("offline.css", "maps.css")
ICONS = (("192", "any"), ("512", "any"), ("512-maskable", "maskable"))


@dataclass(frozen=True)
class Application:
    """home: where it stands; its worker sees nothing above that. script: the bundle that runs it.

    name, words: in the language of the moment. compiles: it needs WebAssembly, which its page alone may then compile.
    """

    key: str
    home: str
    script: str
    name: Callable[[], str]
    words: Callable[[], Mapping[str, str]]
    compiles: bool = False


def frame(application: Application) -> Callable[..., HttpResponseBase]:
    """Return the view of the page, which shows the same whatever its address below the home asks for."""

    @require_safe
    @public
    @cache_control(no_cache=True)
    def show(request: HttpRequest, /, **_asked: str) -> HttpResponse:
        answer = render(
            request, "offline/frame.html",
            {"application": application, "name": application.name(), "told": _told(application), "styles": STYLES},
        )  # fmt: skip
        answer.headers["Content-Security-Policy"] = policy(request, script=" 'wasm-unsafe-eval'" if application.compiles else "")
        return answer

    return show


def worker(application: Application) -> Callable[..., HttpResponseBase]:
    """Return the view of the service worker; any change of its text makes browsers fetch the application anew."""

    @require_safe
    @public
    @cache_control(no_cache=True)
    def send(_request: HttpRequest) -> HttpResponse:
        files = [static(f"dist/{name}") for name in files_of(application.script)]
        files += [*map(asset_url, STYLES), *(static(f"icons/{application.key}-{size}.png") for size, _use in ICONS)]
        told = {"name": application.key, "home": application.home, "files": files, "version": _version(application)}
        text = f"self.APP = {json.dumps(told)};\n{worker_source()}"
        return HttpResponse(text, content_type="text/javascript; charset=utf-8")

    return send


def manifest(application: Application) -> Callable[..., HttpResponseBase]:
    """Return the view of the manifest a phone reads to install the application."""

    @require_safe
    @public
    @cache_control(no_cache=True)
    def send(_request: HttpRequest) -> JsonResponse:
        name = application.name()
        icons = [
            {"src": static(f"icons/{application.key}-{size}.png"), "sizes": f"{size[:3]}x{size[:3]}", "type": "image/png",
             "purpose": use}
            for size, use in ICONS
        ]  # fmt: skip
        told = {
            "id": application.home, "start_url": application.home, "scope": application.home, "display": "standalone",
            "name": f"{name_of(config().city)} · {name}", "short_name": name, "lang": get_language(), "icons": icons,
            "background_color": "#f1f3f1", "theme_color": "#12181a",
        }  # fmt: skip
        return JsonResponse(told, content_type="application/manifest+json")

    return send


def device_key(actor: Actor) -> str:
    """Return the key with which an account's devices seal what they keep, in base64. Only ever told to that account."""
    return base64.b64encode(salted_hmac("chengyun.offline", str(actor.account_id), algorithm="sha256").digest()).decode()


def _told(application: Application) -> dict[str, object]:
    languages, names = {}, {}
    for code, _own_name in settings.LANGUAGES:
        with override(code):
            languages[code] = {**common_words(), **application.words()}
            names[code] = name_of(config().city)
    return {
        "app": application.key, "home": application.home, "languages": languages, "names": dict(settings.LANGUAGES),
        "city": names, "zone": config().time_zone, "bounds": extent().box,
    }  # fmt: skip


def _version(application: Application) -> str:
    """Return what changes whenever the frame or a file does."""
    parts = [json.dumps(_told(application), sort_keys=True, ensure_ascii=False), *files_of(application.script), _template()]
    parts += map(asset_url, STYLES)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@functools.cache
def _template() -> str:
    from pathlib import Path

    return (Path(__file__).parents[1] / "templates/offline/frame.html").read_text()
