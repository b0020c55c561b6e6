# SPDX-License-Identifier: Apache-2.0
"""Versions of formulas: each is written down when it is first met, and everything it can say is computed with it."""

from __future__ import annotations

import datetime as dt
import inspect
from typing import Any

from django.db import transaction

from chengyun.city import City, Rule, qualify
from chengyun.config import config
from chengyun.operate import due
from chengyun.operate.models import Figure, Formula
from chengyun.operate.order import inputs
from chengyun.operate.periods import window_of

DAYS = "SELECT DISTINCT CAST({time} AT TIME ZONE $zone AS DATE) AS day FROM {rows} ORDER BY day"

__all__ = ["meet", "recompute", "rule_of", "text_of"]


def meet(city: City, now: dt.datetime) -> list[str]:
    """Write down the formulas not met before and make their windows due; return their indicators."""
    known = set(Formula.objects.values_list("indicator", "version"))
    new = [key for key, one in city.indicators.items() if (key, one.version) not in known]
    for indicator in new:
        with transaction.atomic():
            version = city.indicators[indicator].version
            Formula.objects.create(indicator=indicator, version=version, text=text_of(city, indicator), first_used_at=now)
            recompute(city, indicator)
    return new


def recompute(city: City, indicator: str, since: dt.date | None = None, until: dt.date | None = None) -> int:
    """Make an indicator's windows that have inputs due, between two local days when given; return how many."""
    period = city.indicators[indicator].period
    streams, uses = inputs(city, indicator)
    days = {day for stream in streams for day in _days_of_stream(city, stream)} | {
        day for key in uses for day in _days_of_figures(key)
    }
    windows = {
        (indicator, window_of(period, day)) for day in days if (since is None or day >= since) and (until is None or day < until)
    }
    due.add(windows)
    return len(windows)


def rule_of(city: City, indicator: str) -> Rule | None:
    """Return the rule that finishes an indicator's rows, or None."""
    key = city.indicators[indicator].rule
    found: Rule | None = city.rules[qualify(indicator.split(".")[0], key)] if key else None
    return found


def text_of(city: City, indicator: str) -> dict[str, Any]:
    """Return a formula as it is shown: what it computes, by which SQL and which rule, after which source."""
    declared, rule = city.indicators[indicator], rule_of(city, indicator)
    return {
        "name": declared.name,
        "one_row_is": declared.one_row_is,
        "unit": declared.unit,
        "source": declared.source,
        "sql": declared.sql,
        "streams": list(declared.streams),
        "uses": list(declared.uses),
        "looks_back": declared.looks_back,
        "parameters": {name: f"{table}:{entry}" for name, (table, entry) in declared.parameters.items()},
        "rule": None
        if rule is None
        else {"key": rule.key, "name": rule.name, "standard": rule.standard, "source": inspect.getsource(rule.compute)},
    }


def _days_of_stream(city: City, stream: str) -> list[dt.date]:
    from chengyun.lake.read import snapshot  # loads DuckDB, which only a new formula needs here

    pack, key = stream.split(".")
    with snapshot((stream,)) as view:
        sql = DAYS.format(time=f'"{city.streams[stream].time}"', rows=f'"{pack}"."{key}"')
        rows = view.rows(sql, {"zone": config().zone.key})
    return [row["day"] for row in rows]


def _days_of_figures(indicator: str) -> list[dt.date]:
    starts = Figure.objects.filter(indicator=indicator, superseded_at=None).order_by("period_start").distinct("period_start")
    zone = config().zone
    return sorted({start.astimezone(zone).date() for start in starts.values_list("period_start", flat=True)})
