# SPDX-License-Identifier: Apache-2.0
"""Titles that the program made, in the reader's language: those that speak of a thing and of what is wrong with it."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.city.models import ComponentRegister
from chengyun.operate.probation.ruleset import rules_known
from chengyun.web import shown
from chengyun.web.cache import kept

__all__ = ["of_thing", "titled"]

KEPT_FOR_S = 10.0


def titled(title: str) -> str:
    """Return a case's title in the language of the page where the program made it, of a thing and of a rule or a component's
    state; what a person wrote stays as it is."""
    if not (get_language() or "").startswith("en"):
        return title
    thing, mark, wrong = title.rpartition("：")
    if not mark or wrong not in kept(("wrongs",), _wrongs, KEPT_FOR_S):
        return title
    return of_thing(thing, _(wrong))


def of_thing(thing: str, wrong: str) -> str:
    """Return a title of a thing and of what is wrong with it, both as they are said in the language of the page."""
    return f"{thing}{shown.mark('：')}{wrong}"


def _wrongs() -> frozenset[str]:
    with translation.override(settings.LANGUAGE_CODE):
        states = [str(name) for name in ComponentRegister.State.labels]
    return frozenset([*(rule.name for rule in rules_known().values()), *states])
