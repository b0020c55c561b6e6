# SPDX-License-Identifier: Apache-2.0
"""What the frame around every page knows: the city's name, the menu, the reader's choices."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.areas.queries import name_of
from chengyun.config import config
from chengyun.web.rooms import Room, rooms_of

CITY_NAME_FOR_S = 60.0
"""How long a process remembers the city's name before it asks the database again."""

_city_names: dict[str, tuple[float, str]] = {}


@dataclass(frozen=True)
class Link:
    """An entry of a menu. name: text of a declaration, translated by the template. current: the page shown now."""

    name: str
    href: str
    current: bool


@dataclass(frozen=True)
class PackMenu:
    """A pack and those of its pages that are not about one entity."""

    name: str
    pages: tuple[Link, ...]


@dataclass(frozen=True)
class Shell:
    """The frame of one page.

    theme: "light", "dark" or "" for the system's choice. next_theme: what the switch leads to.
    languages: every language as (code, own name). here: the path, for switches that come back to it.
    wall: shown on a wall, where nobody clicks. rooms: where the reader works. desk: whether they have one to go to, or may have
    after signing in.
    """

    city: str
    packs: tuple[PackMenu, ...]
    rooms: tuple[Room, ...]
    desk: bool
    theme: str
    next_theme: str
    language: str
    languages: tuple[tuple[str, str], ...]
    here: str
    wall: bool
    time_zone: str


def city_name() -> str:
    """Return the city's name in the page's language, remembered for a minute; its code when the areas are not loaded."""
    language = get_language() or settings.LANGUAGE_CODE
    asked, name = _city_names.get(language, (0.0, ""))
    if not name or time.monotonic() - asked > CITY_NAME_FOR_S:
        name = name_of(config().city)
        _city_names[language] = (time.monotonic(), name)
    return name


def shell_of(request: HttpRequest) -> Shell:
    """Return the frame of the page a request asks for."""
    theme = request.COOKIES.get("theme", "")
    return Shell(
        city=city_name(),
        packs=_menu(request.path),
        rooms=rooms_of(request),
        desk=_has_desk(actor_of(request)),
        theme=theme if theme in ("light", "dark") else "",
        next_theme="light" if theme == "dark" else "dark",
        language=get_language() or settings.LANGUAGE_CODE,
        languages=tuple(settings.LANGUAGES),
        here=request.path,
        wall=request.GET.get("wall") == "1",
        time_zone=config().time_zone,
    )


def _has_desk(actor: Actor) -> bool:
    """Say whether the desk may be offered: a door that would not open is not shown."""
    return not actor.signed_in or may(actor, "desk.read")


def _menu(here: str) -> tuple[PackMenu, ...]:
    menus = []
    for pack in settings.CITY.packs.values():
        links = []
        for page in pack.pack.pages:
            if page.entity is None:
                href = reverse("pack-page", args=[pack.key, page.key])
                links.append(Link(page.name, href, href == here))
        if links:
            menus.append(PackMenu(pack.pack.name, tuple(links)))
    return tuple(menus)


def shell(request: HttpRequest) -> dict[str, object]:
    """Context processor: `shell`, made when a template first asks for it."""
    return {"shell": SimpleLazyObject(lambda: shell_of(request))}
