# SPDX-License-Identifier: Apache-2.0
"""Figures and why, alerts, cases."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope, scope
from chengyun.cases.queries import CaseView, case_view, cases_by_number
from chengyun.city import AlertRule, City
from chengyun.config import config
from chengyun.errors import NotFound, nearest
from chengyun.operate.alert_queries import unit_of
from chengyun.operate.models import Alert, Figure
from chengyun.operate.probation.ruleset import rulebook
from chengyun.operate.queries import AlertView, FigureView, alert_view, answers_shown_to, newest_figures, status
from chengyun.web.api.asked import cursor_of, read_cursor
from chengyun.web.desk.why import as_json
from chengyun.web.heavy import explain


def figure_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return current figures of an indicator, oldest period first."""
    name = _indicator(actor, asked)
    declared, now, zone = settings.CITY.indicators[name], timezone.now(), config().zone
    rows = Figure.objects.filter(scope(actor, name).q(), indicator=name, superseded_at=None)
    for field, value in (
        ("subject", asked["subject"]),
        ("period_start__gte", asked["since"]),
        ("period_start__lt", asked["until"]),
    ):
        if value is not None:
            rows = rows.filter(**{field: value})
    if after := read_cursor(asked["cursor"], dt.datetime, str):
        rows = rows.filter(Q(period_start__gt=after[0]) | Q(period_start=after[0], subject__gt=after[1]))
    found = list(rows.order_by("period_start", "subject")[: asked["limit"] + 1])
    page = found[: asked["limit"]]
    figures = [
        {
            "id": row.pk, "indicator": name, "name": declared.name, "subject": row.subject, "period": declared.period,
            "period_start": row.period_start, "value": row.value, "unit": declared.unit,
            "status": status(declared, row.period_start, row.value, row.coverage, now, zone), "coverage": row.coverage,
            "simulated": row.simulated, "computed_at": row.computed_at, "version": row.version, "detail": row.detail,
            "source": declared.source,
        }
        for row in page
    ]  # fmt: skip
    last = page[-1] if len(found) > len(page) else None
    return {"figures": figures, "next": cursor_of([last.period_start.isoformat(), last.subject]) if last else None}


def figures_newest(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the newest figure of each subject, by subject."""
    name = _indicator(actor, asked)
    found = newest_figures([name], [asked["subject"]] if asked["subject"] else None, actor)
    rows = [one for (_name, subject), one in sorted(found.items())]
    if after := read_cursor(asked["cursor"], str):
        rows = [one for one in rows if one.subject > after[0]]
    page = rows[: asked["limit"]]
    return {
        "figures": [_figure(one) for one in page],
        "next": cursor_of([page[-1].subject]) if len(rows) > len(page) else None,
    }  # fmt: skip


def why(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Explain a figure and compute it again."""
    return as_json(explain(asked["figure"], actor))


def alert_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return alerts, newest first."""
    rows = Alert.objects.filter(require_scope(actor, "alerts").q())
    if asked["state"] == "not_closed":
        rows = rows.exclude(state="closed")
    elif asked["state"] != "all":
        rows = rows.filter(state=asked["state"])
    for field, value in (("severity", asked["severity"]), ("rule", asked["rule"]), ("area_code__startswith", asked["area"])):
        if value is not None:
            rows = rows.filter(**{field: value})
    if after := read_cursor(asked["cursor"], int):
        rows = rows.filter(pk__lt=after[0])
    found = list(rows.order_by("-pk").values_list("pk", flat=True)[: asked["limit"] + 1])
    page = found[: asked["limit"]]
    known = {row.pk: row for row in Alert.objects.filter(pk__in=page).select_related("case_alert__case")}
    number_of, rules = answers_shown_to(actor), rulebook()
    return {
        "alerts": [_alert_row(one, rules.named(one.rule, one.opened_at), number_of(one)) for one in (known[pk] for pk in page)],
        "next": cursor_of([page[-1]]) if len(found) > len(page) else None,
    }  # fmt: skip


def alert(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return one alert with its evidence and, for those who may see it, its history."""
    found: AlertView = alert_view(asked["alert"], actor)
    told = dataclasses.asdict(found)
    told["events"] = [dataclasses.asdict(event) for event in found.events]
    return told


def case_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return cases by number."""
    ended = {"open": False, "ended": True, "all": None}[asked["state"]]
    after = read_cursor(asked["cursor"], str)
    found = cases_by_number(
        actor, ended=ended, types=[asked["type"]] if asked["type"] else (), area=asked["area"] or "",
        after=after[0] if after else "", limit=asked["limit"] + 1,
    )  # fmt: skip
    page = found[: asked["limit"]]
    return {
        "cases": [_case(one) for one in page],
        "next": cursor_of([page[-1].number]) if len(found) > len(page) else None,
    }  # fmt: skip


def case(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return one case with its history."""
    found = case_view(asked["number"], actor)
    history = [{**dataclasses.asdict(event), "before": dict(event.before), "after": dict(event.after)} for event in found.history]
    return {**_case(found), "person": found.person, "alerts": list(found.alerts), "history": history}


def _indicator(actor: Actor, asked: dict[str, Any]) -> str:
    city: City = settings.CITY
    name = str(asked["indicator"])
    if name not in city.indicators:
        raise NotFound(f"There is no indicator {name!r}.{nearest(name, city.indicators)}")
    require_scope(actor, name)
    return name


def _figure(one: FigureView) -> dict[str, Any]:
    names = (
        "id", "indicator", "name", "subject", "period", "period_start", "value", "unit", "status", "coverage", "simulated",
        "computed_at", "version", "source",
    )  # fmt: skip
    return {**{name: getattr(one, name) for name in names}, "detail": dict(one.detail)}


def _alert_row(row: Alert, rule: AlertRule | None, case: str | None) -> dict[str, Any]:
    city: City = settings.CITY
    names = (
        "rule", "dataset", "subject", "subject_name", "area_code", "severity", "state", "holds", "value", "limit", "since",
        "last_seen_at", "opened_at", "closed_at", "simulated",
    )  # fmt: skip
    told = {name: getattr(row, name) for name in names}
    return {
        "id": row.pk,
        **told,
        "rule_name": rule.name if rule else row.rule,
        "unit": unit_of(city, row.dataset, rule),
        "case": case,
    }


def _case(one: CaseView) -> dict[str, Any]:
    names = (
        "number", "type", "type_name", "state", "state_name", "ended", "title", "owner", "area_code", "opened_at", "due_at",
        "closed_at", "overdue", "simulated",
    )  # fmt: skip
    return {name: getattr(one, name) for name in names}
