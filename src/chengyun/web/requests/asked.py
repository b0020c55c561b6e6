# SPDX-License-Identifier: Apache-2.0
"""What a form about the terms of a request holds: read from it, and put into it again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access import grants, pseudonyms
from chengyun.access.rulebook import rulebook
from chengyun.city import City
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.share.requests.services import Asked, Terms
from chengyun.web.days import day_of

__all__ = ["FieldChoice", "TermsForm", "field_names", "read_asked", "read_terms", "terms_form"]

LABELS = {"key": "编码", "name": "名称", "area_code": "区域", "lon": "经度", "lat": "纬度", "source": "来源", "simulated": "模拟",
          "valid_from": "启用日期", "valid_to": "停用日期"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """A field and how it is asked for. way: clear, pseudonym, masked, or "" for not at all. personal: it has a mask.

    pseudonym: it has pseudonyms, too.
    """

    key: str
    name: str
    way: str
    personal: bool
    pseudonym: bool = False


@dataclass(frozen=True)
class TermsForm:
    """The inputs as text. since, until: days, both included. whole: fields cannot be chosen one by one."""

    fields: tuple[FieldChoice, ...]
    whole: bool
    purposes: tuple[tuple[str, str], ...]
    purpose: str
    area_code: str
    since: str
    until: str
    frequency: str
    retention_days: str
    ends: str


def terms_form(dataset: str, terms: Terms | None, given: Mapping[str, str]) -> TermsForm:
    """Return the form of a dataset, filled with terms, or with what was typed before it was refused."""
    terms = terms or Terms(ends=None)
    facts = rulebook().datasets[dataset]
    names = field_names(dataset)
    known = [one for one in names if one in grants.fields_of(dataset)]
    ways = {one: given.get(f"field:{one}", terms.shown.get(one, "")) for one in known}
    zone = config().zone
    since = terms.rows_since.astimezone(zone).date().isoformat() if terms.rows_since else ""
    until = (terms.rows_until.astimezone(zone).date() - dt.timedelta(days=1)).isoformat() if terms.rows_until else ""
    return TermsForm(
        tuple(
            FieldChoice(one, names[one], ways[one], one in facts.masks, facts.masks.get(one) in pseudonyms.KINDS) for one in known
        ), not known,
        tuple((key, name) for key, name in rulebook().purposes.items() if key not in ("account", "audit")),
        given.get("purpose", terms.purpose), given.get("area_code", terms.area_code), given.get("since", since),
        given.get("until", until), given.get("frequency", str(terms.frequency or "")),
        given.get("retention_days", str(terms.retention_days)), given.get("ends", terms.ends.isoformat() if terms.ends else ""),
    )  # fmt: skip


def read_asked(dataset: str, given: Mapping[str, str]) -> Asked:
    """Return what an applicant typed. Raises Refused naming what cannot be read."""
    return Asked(dataset=dataset, basis=given.get("basis", ""), note=given.get("note", ""), terms=read_terms(given))


def read_terms(given: Mapping[str, str]) -> Terms:
    """Return the terms that were typed. Raises Refused naming what cannot be read."""
    shown = {name.removeprefix("field:"): way for name, way in given.items() if name.startswith("field:") and way}
    since, until = _day(given, "since", _("数据起")), _day(given, "until", _("数据止"))
    return Terms(
        shown=shown, area_code=given.get("area_code", "").strip(), rows_since=_start(since),
        rows_until=_start(until + dt.timedelta(days=1)) if until else None, purpose=given.get("purpose", ""),
        frequency=_number(given, "frequency", _("每日次数")), retention_days=_number(given, "retention_days", _("留存天数")) or 0,
        ends=_day(given, "ends", _("授权截止")),
    )  # fmt: skip


def field_names(dataset: str) -> dict[str, str]:
    """Return a dataset's fields with what they are called, those that say which row it is first."""
    city: City = settings.CITY
    if dataset in city.streams:
        stream = city.streams[dataset]
        return {stream.time: _("观测时间")} | {one.key: _(one.name) if one.name else one.key for one in stream.fields}
    if dataset not in city.entities:
        return {}
    from django.apps import apps

    model = apps.get_model(dataset.split(".")[0], city.entities[dataset].model)
    return {one.name: _(LABELS.get(one.name, str(one.verbose_name))) for one in model._meta.concrete_fields if one.name != "id"}


def _day(given: Mapping[str, str], name: str, label: str) -> dt.date | None:
    text = given.get(name, "").strip()
    try:
        return day_of(text) if text else None
    except ValueError as wrong:
        raise Refused(_("%s 不是日期，请写成 2026-01-31。") % label, code="day_invalid", field=name) from wrong


def _start(day: dt.date | None) -> dt.datetime | None:
    return dt.datetime.combine(day, dt.time(), config().zone) if day else None


def _number(given: Mapping[str, str], name: str, label: str) -> int | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise Refused(_("%s 应为不超过六位的整数。") % label, code="number_invalid", field=name)
    return int(text)
