# SPDX-License-Identifier: Apache-2.0
"""Suggestions of the model that is live, with reasons in words; before there is one, categories by their names alone."""

from __future__ import annotations

import datetime as dt
import threading

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.cases import hooks
from chengyun.cases.category import Suggestion
from chengyun.cases.category.features import Facts, groups_of
from chengyun.cases.category.model import Model, Said
from chengyun.cases.category.models import CategoryModel
from chengyun.cases.models import Case
from chengyun.city import City
from chengyun.config import config

__all__ = ["card_of", "suggest"]

MOST = 5
FEWEST_PAIRS = 1

_kept: dict[str, tuple[int, Model]] = {}
_guard = threading.Lock()


def suggest(
    type_key: str, *, text: str, lon: float | None, lat: float | None, area_code: str, at: dt.datetime | None, channel: str
) -> Suggestion | None:  # fmt: skip
    """Return the likeliest category of a report; None where nothing is known about it."""
    facts = Facts(text, lon, lat, area_code, at.astimezone(config().zone) if at else None, channel)
    model = _live(type_key)
    if model is None:
        return _by_name(type_key, facts)
    chances = model.probabilities(facts)
    order = sorted(range(len(chances)), key=lambda place: (-chances[place], model.categories[place]))
    best = order[0]
    code, sure = model.categories[best], float(chances[best])
    # A report of which no word, place or hour was ever seen has only the most frequent category to offer.
    said = model.reasons(facts, best)
    reasons = [_in_words(one) for one in said]
    if clause := _clause(type_key, code, area_code):
        reasons.append(clause)
    others = tuple((model.categories[place], round(float(chances[place]), 4)) for place in order[1:MOST])
    return Suggestion(code, round(sure, 4), sure < model.threshold or not said, tuple(reasons), others)


def card_of(type_key: str) -> CategoryModel | None:
    """Return the newest model of a type, live or not, without its file."""
    return CategoryModel.objects.filter(type=type_key).defer("data").first()


def _live(type_key: str) -> Model | None:
    newest = CategoryModel.objects.filter(type=type_key, live=True).values_list("pk", flat=True).first()
    if newest is None:
        return None
    with _guard:
        known = _kept.get(type_key)
        if known is None or known[0] != newest:
            model = Model.load(bytes(CategoryModel.objects.values_list("data", flat=True).get(pk=newest)))
            known = _kept[type_key] = (newest, model)
    return known[1]


def _by_name(type_key: str, facts: Facts) -> Suggestion | None:
    """Return the category whose name shares most with the words; never sure, because nothing has tested it."""
    city: City = settings.CITY
    scheme = city.scheme(type_key)
    words = set(groups_of(Facts(facts.text)).get("words", ()))
    if scheme is None or not words:
        return None
    found: list[tuple[float, str, str]] = []
    for code, category in scheme.catalogue(scheme.version_on(timezone.localdate())).items():
        name = set(groups_of(Facts(category.minor)).get("words", ()))
        both = len(words & name)
        if both >= FEWEST_PAIRS:
            found.append((both / len(name), code, category.minor))
    found.sort(key=lambda one: (-one[0], one[1]))
    if not found:
        return None
    reasons = (_("与类别名称“%s”相近；本市尚无可学习的案件，由人判断。") % found[0][2],)
    return Suggestion(found[0][1], None, True, reasons, tuple((code, None) for _share, code, _name in found[1:MOST]))


def _in_words(said: Said) -> str:
    names = {
        "said": _("说法"), "words": _("用词"), "district": _("所在区"), "street": _("所在街道"), "community": _("所在社区"),
        "cell": _("百米方格"), "square": _("千米方格"), "channel": _("渠道"), "hour": _("时刻"), "weekday": _("星期"),
        "month": _("月份"), "channel, hour": _("渠道与时刻"),
    }  # fmt: skip
    parts = [names.get(part, part) for part in said.group.split("@")]
    return _("%(what)s“%(value)s”：此前 %(of)d 件中有 %(seen)d 件属于此类") % {
        "what": "、".join(parts),
        "value": said.value.replace("|", " · "),
        "of": said.of,
        "seen": said.seen,
    }


def _clause(type_key: str, code: str, area_code: str) -> str:
    """Return the entry of the duty list that such a case falls under; "" where none speaks of it."""
    asked = Case(type=type_key, category=code, area_code=area_code)
    for find in hooks.owner_finders:
        if (charged := find(asked, timezone.localdate())) is not None:
            return _("职责清单：%(body)s（%(clause)s）") % {"body": charged.organisation.name, "clause": charged.clause}
    return ""
