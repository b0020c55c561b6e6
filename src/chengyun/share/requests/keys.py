# SPDX-License-Identifier: Apache-2.0
"""Which row of a dataset a key names, as whoever may read it knows it.

entity      the record's key
stream      the thing's key, or `key@time` of one row, as the exchange writes it
indicator   the subject, or `subject@start of the period`
case type   the case's number
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from chengyun.access.policy import Scope
from chengyun.cases.models import Case
from chengyun.city import City
from chengyun.errors import NotFound, Refused
from chengyun.operate.models import Figure

__all__ = ["area_of"]


def area_of(allowed: Scope, key: str) -> str:
    """Return the area of the row a key names. Raises NotFound for one that is not there or not the reader's to read.

    What has no rows with keys of their own, as platform data, is taken as it is said: "" comes back.
    """
    city: City = settings.CITY
    dataset = allowed.dataset
    if dataset in city.entities:
        from django.apps import apps  # only registers have a model of their own

        model: Any = apps.get_model(dataset.split(".")[0], city.entities[dataset].model)
        return _area(allowed, model._default_manager.filter(key=key), key)
    if dataset in city.cases:
        return _area(allowed, Case.objects.filter(type=dataset, number=key), key)
    if dataset in city.indicators:
        subject, start = _parted(key)
        figures = Figure.objects.filter(indicator=dataset, subject=subject)
        return _area(allowed, figures.filter(period_start=start) if start else figures, key)
    if dataset in city.streams:
        return _of_stream(city, allowed, key)
    return ""


def _area(allowed: Scope, rows: QuerySet[Model], key: str) -> str:
    found = allowed.rows_for(rows, target=key).values_list("area_code", flat=True).first()
    if found is None:
        raise _missing(key)
    return str(found)


def _of_stream(city: City, allowed: Scope, key: str) -> str:
    from chengyun.lake.read import snapshot  # DuckDB: only who asks about a stream pays for it

    stream, pack = city.streams[allowed.dataset], allowed.dataset.split(".")[0]
    thing, at = _parted(key)
    within = allowed.sql("register.area_code", time_column=f"o.{stream.time}")
    until = at + dt.timedelta(microseconds=1) if at is not None else None
    with snapshot([allowed.dataset], since=at, until=until, exact=False, entities=[thing]) as lake:
        found = lake.rows(
            f'SELECT register.area_code AS area FROM "{pack}"."{stream.key}" AS o'  # noqa: S608  # names from declarations
            f' LEFT JOIN "{pack}"."{stream.entity.to}" AS register ON register.key = o."{stream.entity.key}"'
            f' WHERE o."{stream.entity.key}" = $thing AND ($at IS NULL OR o."{stream.time}" = $at) AND ({within.text}) LIMIT 1',
            {**within.params, "thing": thing, "at": at},
        )
    allowed.count(len(found))
    if allowed.personal:
        allowed.record_read(key)
    if not found:
        raise _missing(key)
    return str(found[0]["area"] or "")


def _parted(key: str) -> tuple[str, dt.datetime | None]:
    """Return the thing a key names and the moment, if it names one. Raises Refused for what is no moment."""
    thing, at, moment = key.rpartition("@")
    if not at:
        return key, None
    try:
        found = parse_datetime(moment)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refused(
            _("“%s”不是时刻；应写作 对象@时刻，如 s1@2026-01-01T08:00:00Z，或只写对象。") % moment[:60], code="key_malformed"
        )
    return thing, found


def _missing(key: str) -> NotFound:
    return NotFound(_("没有找到“%s”这一行；请照数据里的写法填写标识。") % key[:80])
