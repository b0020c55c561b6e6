# SPDX-License-Identifier: Apache-2.0
"""What this is: one page for who comes here first: whose data, what is simulated, how real data comes in, licences."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import public
from chengyun.city import City
from chengyun.web.freshness import StreamAge, stream_ages
from chengyun.web.places import extent


@dataclass(frozen=True)
class PackLine:
    """name, owner, answers: as declared, translated by the template. standards: their numbers."""

    name: str
    owner: str
    answers: str
    standards: tuple[str, ...]


@dataclass(frozen=True)
class AboutPage:
    """all_simulated: nothing real has been read yet. credits: whose outlines of areas are drawn."""

    version: str
    packs: tuple[PackLine, ...]
    streams: tuple[StreamAge, ...]
    all_simulated: bool
    credits: tuple[str, ...]


@require_safe
@public
def about(request: HttpRequest) -> HttpResponse:
    """Say what this is."""
    city: City = settings.CITY
    streams = stream_ages(actor_of(request), timezone.now())
    packs = tuple(
        PackLine(one.pack.name, one.pack.owner, one.pack.answers, tuple(one.pack.standards)) for one in city.packs.values()
    )
    page = AboutPage(version("chengyun"), packs, streams, only_simulated(streams), extent().credits)
    return render(request, "web/about.html", {"page": page})


def only_simulated(streams: tuple[StreamAge, ...]) -> bool:
    """Say whether something has been read and all of it was simulated."""
    read = [one for one in streams if one.newest is not None]
    return bool(read) and not any(one.real for one in read)
