# SPDX-License-Identifier: Apache-2.0
"""Every alert there was: found by what it was about, when, and how it ended; as a page, and as a workbook."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import scope
from chengyun.access.views import reads
from chengyun.areas.queries import names_of
from chengyun.city import City
from chengyun.city.alerts import SEVERITIES
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate.alert_queries import unit_of
from chengyun.operate.models import Alert, AlertEvent
from chengyun.operate.probation.ruleset import rulebook, rules_known
from chengyun.operate.queries import answers_shown_to
from chengyun.web import shown
from chengyun.web.days import day_of
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number
from chengyun.web.templatetags.chengyun import because

PAGE = 100
MOST_ROWS = 20_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Row:
    """One alert. held_s: how long its condition held, or holds. by: who acknowledged it, where the reader may know."""

    id: int
    rule: str
    subject: str
    area: str
    severity: str
    state: str
    since: dt.datetime
    opened_at: dt.datetime
    acknowledged_at: dt.datetime | None
    by: str
    closed_at: dt.datetime | None
    because: str
    worst: float | None
    limit: float | None
    unit: str
    times: int
    case: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    name: str
    chosen: bool


@dataclass(frozen=True)
class Page:
    listed: Listed[Row]
    text: str
    area: str
    since: str
    until: str
    severities: tuple[Choice, ...]
    states: tuple[Choice, ...]
    endings: tuple[Choice, ...]
    rules: tuple[Choice, ...]
    as_of: dt.datetime


@require_safe
@reads("alerts")
def history(request: HttpRequest) -> HttpResponse:
    """List the alerts that fit, newest first."""
    number = page_number(request)
    start = (number - 1) * PAGE
    found = list(_found(request)[start : start + PAGE + 1])
    severity, state, ended, rule, text, area, since, until = _asked(request)
    rules = rules_known()
    page = Page(
        Listed(tuple(_rows(request, found[:PAGE])), number, len(found) > PAGE, filters_of(request.GET)), text, area, since, until,
        tuple(Choice(one, one, one == severity) for one in reversed(SEVERITIES)),
        tuple(Choice(value, str(name), value == state) for value, name in Alert.State.choices),
        tuple(Choice(value, name, value == ended) for value, name in _endings()),
        tuple(Choice(key, one.name, key == rule) for key, one in rules.items()), timezone.now(),
    )  # fmt: skip
    return render(request, "alerts/history.html", {"page": page})


@require_safe
@reads("alerts")
def workbook(request: HttpRequest) -> HttpResponse:
    """Send the alerts that fit as xlsx, the newest 20,000."""
    try:
        import xlsxwriter  # an extra, and heavy
    except ImportError as missing:
        raise Refused(_("导出 xlsx 需要安装 chengyun[reports]。"), code="extra_missing") from missing
    whole = io.BytesIO()
    zone = config().zone
    heads = [
        _("编号"), _("规则"), _("对象"), _("区域"), _("级别"), _("状态"), _("自"), _("发现"), _("确认"), _("确认人"), _("关闭"),
        _("关闭原因"), _("极值"), _("限值"), _("次数"), _("案件"), _("模拟"), _("单位"),
    ]  # fmt: skip
    options = {"in_memory": True, "constant_memory": False, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(whole, options) as book:
        sheet = book.add_worksheet(_("预警历史")[:31])
        bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(0, 0, heads, bold)
        sheet.freeze_panes(1, 0)
        sheet.set_column(1, 3, 24)
        sheet.set_column(6, 10, 19)
        for at, row in enumerate(_rows(request, list(_found(request)[:MOST_ROWS])), start=1):
            values: list[Any] = [
                row.id, _(row.rule), row.subject, row.area, row.severity, row.state, row.since, row.opened_at,
                row.acknowledged_at, row.by, row.closed_at, because(row.because), row.worst, row.limit,
                row.times, row.case, _("是") if row.simulated else "", shown.unit(row.unit),
            ]  # fmt: skip
            for column, value in enumerate(values):
                if isinstance(value, dt.datetime):
                    sheet.write_datetime(at, column, value.astimezone(zone).replace(tzinfo=None), moment)
                elif value is not None:
                    sheet.write(at, column, value)
    return HttpResponse(
        whole.getvalue(), content_type=XLSX, headers={"Content-Disposition": 'attachment; filename="alerts.xlsx"'}
    )


def _endings() -> list[tuple[str, str]]:
    return [("case", _("立过案")), ("person", _("由人关闭")), ("itself", _("条件自行解除")), ("history", _("随历史数据补记"))]


def _asked(request: HttpRequest) -> tuple[str, ...]:
    return asked(request, "severity", "state", "ended", "rule", "q", "area", "since", "until")


def _found(request: HttpRequest) -> QuerySet[Alert]:
    severity, state, ended, rule, text, area, since, until = _asked(request)
    rows = Alert.objects.filter(scope(actor_of(request), "alerts").q())
    if severity in SEVERITIES:
        rows = rows.filter(severity=severity)
    if state in Alert.State.values:
        rows = rows.filter(state=state)
    if rule:
        rows = rows.filter(rule=rule)
    if area.isascii() and area.isdigit():
        rows = rows.filter(area_code__startswith=area)
    if day := _day(since):
        rows = rows.filter(opened_at__gte=day)
    if day := _day(until):
        rows = rows.filter(opened_at__lt=day + dt.timedelta(days=1))
    match ended:
        case "case":
            rows = rows.exclude(case_alert=None)
        case "person":
            closed = AlertEvent.objects.filter(alert=OuterRef("pk"), kind=AlertEvent.Kind.CLOSED, account__isnull=False)
            rows = rows.filter(Exists(closed), state=Alert.State.CLOSED)
        case "itself":
            rows = rows.filter(closed_because="condition cleared")
        case "history":
            rows = rows.filter(closed_because="history")
    if text:
        city: City = settings.CITY
        known = rules_known(city)
        named = [key for key, one in known.items() if text in one.name or text in _(one.name)]
        rows = rows.filter(
            Q(subject_name__icontains=text) | Q(subject__icontains=text) | Q(rule__in=named) | Q(rule__icontains=text)
        )
    return rows.select_related("acknowledged_by", "case_alert__case").order_by("-opened_at", "-id")


def _day(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.combine(day_of(text), dt.time(), config().zone) if text else None
    except ValueError:
        return None


def _rows(request: HttpRequest, alerts: list[Alert]) -> list[Row]:
    actor = actor_of(request)
    allowed = scope(actor, "alerts")
    number_of = answers_shown_to(actor)
    areas = names_of({one.area_code[:6] for one in alerts if one.area_code})
    rules = rulebook()
    found = []
    for one in alerts:
        shown = allowed.mask({
            "dataset": one.dataset, "area_code": one.area_code, "acknowledged_by": str(one.acknowledged_by or ""),
            "closed_because": one.closed_because,
        })  # fmt: skip
        found.append(
            Row(
                one.pk, rules.name(one.rule, one.opened_at), one.subject_name, areas.get(one.area_code[:6], ""), one.severity,
                str(one.get_state_display()), one.since, one.opened_at, one.acknowledged_at, shown.get("acknowledged_by", ""),
                one.closed_at, shown.get("closed_because", ""), one.worst, one.limit,
                unit_of(settings.CITY, one.dataset, rules.named(one.rule, one.opened_at)), one.times, number_of(one) or "",
                one.simulated,
            )
        )  # fmt: skip
    return found
