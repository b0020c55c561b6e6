# SPDX-License-Identifier: Apache-2.0
"""Alerts: all of them with their history, and one of them: what is wrong, on what evidence, and what a person may do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, scope
from chengyun.access.views import needs, reads
from chengyun.areas.queries import names_of
from chengyun.cases import services as case_services
from chengyun.city import Above, AlertRule, Below, Change, City, Silent, Unusual
from chengyun.city.alerts import SEVERITIES
from chengyun.errors import Refused
from chengyun.operate import services
from chengyun.operate.alert_queries import unit_of
from chengyun.operate.alerting.models import Member
from chengyun.operate.models import Alert, Figure
from chengyun.operate.probation.ruleset import Rulebook, rule_named, rulebook
from chengyun.operate.queries import AlertView, alert_view, answers_shown_to
from chengyun.web import shown
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.moment import Picture, picture
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

PAGE = 50
MOST_FIGURES = 4
SAID_ALREADY = ("subject", "value", "limit", "worst")
"""Evidence that the page shows as facts of the alert."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of the list. area: name of the district. case: number of the case that answers it."""

    id: int
    rule: str
    subject: str
    severity: str
    state: str
    state_name: str
    value: float | None
    limit: float | None
    unit: str
    area: str
    since: dt.datetime
    closed_at: dt.datetime | None
    case: str | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry of a filter."""

    value: str
    name: str
    chosen: bool


@dataclass(frozen=True)
class AlertsPage:
    """text: what is searched for."""

    listed: Listed[AlertRow]
    text: str
    states: tuple[Choice, ...]
    severities: tuple[Choice, ...]
    rules: tuple[Choice, ...]
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class RelatedFigure:
    """A figure the alert rests on, or one made from the same readings."""

    id: int
    name: str
    subject: str
    period: str
    value: str
    unit: str


@dataclass(frozen=True, slots=True)
class CaseOffer:
    """A kind of case a person may open from the alert. name: as declared."""

    key: str
    name: str


@dataclass(frozen=True)
class AlertPage:
    """sentence: what is wrong. source: whose data, under which name. area: names from city to the smallest.

    evidence: name and value of what it rests on. may_acknowledge, may_close: whether this person may do it now; why_not_…:
    the reason against closing, or "". case_types: the cases this person may open from it now. fault: what was refused just now.
    """

    alert: AlertView
    sentence: str
    field: str
    source: str
    area: str
    entity_href: str
    state_name: str
    picture: Picture | None
    evidence: tuple[tuple[str, str], ...]
    figures: tuple[RelatedFigure, ...]
    may_acknowledge: bool
    may_close: bool
    case_types: tuple[CaseOffer, ...]
    why_not_acknowledge: str
    why_not_close: str
    fault: Fault | None
    as_of: dt.datetime
    may_mute: bool = False
    muted: str = ""


@require_safe
@reads("alerts")
def alert_list(request: HttpRequest) -> HttpResponse:
    """List alerts, open ones unless asked otherwise, newest first."""
    city: City = settings.CITY
    actor, number, given = actor_of(request), page_number(request), request.GET
    state, severity, rule, text = asked(request, "state", "severity", "rule", "q")
    rows = Alert.objects.filter(scope(actor, "alerts").q())
    if state in Alert.State.values:
        rows = rows.filter(state=state)
    elif state != "all":
        rows = rows.exclude(state="closed")
    if severity in SEVERITIES:
        rows = rows.filter(severity=severity)
    rules = rulebook(city)
    known = rules.known
    if rule in known:
        rows = rows.filter(rule=rule)
    if text:
        named = [key for key, one in known.items() if text in one.name or text in _(one.name)]
        rows = rows.filter(Q(subject_name__icontains=text) | Q(subject__icontains=text) | Q(rule__in=named))
    start = (number - 1) * PAGE
    found = list(rows.select_related("case_alert__case").order_by("-opened_at", "-id")[start : start + PAGE + 1])
    number_of = answers_shown_to(actor)
    areas = names_of({one.area_code[:6] for one in found[:PAGE] if one.area_code})
    states = [("", _("未关闭")), *Alert.State.choices, ("all", _("全部"))]
    page = AlertsPage(
        Listed(tuple(_row(one, rules, areas, number_of) for one in found[:PAGE]), number, len(found) > PAGE, filters_of(given)),
        text,
        tuple(Choice(value, str(name), value == state) for value, name in states),
        tuple(Choice(value, value, value == severity) for value in reversed(SEVERITIES)),
        tuple(Choice(key, one.name, key == rule) for key, one in known.items()),
        timezone.now(),
    )
    return render(request, "desk/alerts.html", {"page": page})


@require_safe
@reads("alerts")
def alert_page(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Show one alert."""
    return _shown(request, alert_id, None)


@require_POST
@needs("alert.acknowledge")
def acknowledge(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Take an alert on."""
    actor = actor_of(request)
    note = request.POST.get("note", "").strip()
    fault = attempt(request, "acknowledge", lambda: services.acknowledge(alert_id, actor, timezone.now(), note))
    return _shown(request, alert_id, fault) if fault else done(request, _("已确认。"), reverse("alert", args=[alert_id]))


@require_POST
@needs("alert.close")
def close(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Close an alert with a reason."""
    actor = actor_of(request)
    reason = request.POST.get("reason", "")
    fault = attempt(request, "close", lambda: services.close(alert_id, actor, timezone.now(), reason))
    return _shown(request, alert_id, fault) if fault else done(request, _("已关闭。"), reverse("alert", args=[alert_id]))


@require_POST
@needs("case.open")
def open_case(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Open a case that answers the alert, and show it."""
    actor, now, kind = actor_of(request), timezone.now(), request.POST.get("type", "")
    alert = alert_view(alert_id, actor)
    opened: list[str] = []

    def deed() -> None:
        if kind not in {offer.key for offer in _case_offers(alert, actor)}:
            raise Refused(_("现在不能由这条预警立案；请刷新页面再看。"))
        # Cases are read by people; the title is in the language of the city, like those that rules open.
        title = f"{alert.subject_name}：{alert.rule_name}"
        opened.append(case_services.open_case(kind, title, actor, now, alert=Alert.objects.get(pk=alert_id)).number)

    fault = attempt(request, "case", deed)
    return _shown(request, alert_id, fault) if fault else done(request, _("已立案。"), reverse("case", args=opened))


def _case_offers(alert: AlertView, actor: Actor) -> tuple[CaseOffer, ...]:
    """Return the case types of the alert's pack that the actor may open from it; none when it has a case or is closed."""
    city: City = settings.CITY
    if alert.state == "closed" or _case_open(alert.id) or not may(actor, "case.open", alert.area_code):
        return ()
    pack = alert.dataset.split(".")[0]
    return tuple(CaseOffer(key, one.name) for key, one in city.cases.items() if key.split(".")[0] == pack)


def _shown(request: HttpRequest, alert_id: int, fault: Fault | None) -> HttpResponse:
    page = read_alert(alert_id, actor_of(request), fault)
    return render(request, "desk/alert.html", {"page": page}, status=fault.status if fault else 200)


def read_alert(alert_id: int, actor: Actor, fault: Fault | None = None) -> AlertPage:
    """Return an alert's page. Raises NotFound."""
    city: City = settings.CITY
    alert = alert_view(alert_id, actor)
    rule = rule_named(alert.rule, alert.opened_at)
    field, source = _measured(city, alert, rule)
    code = alert.area_code
    path = [code[:4] + "00", code[:6], code[:9], code[:12]]
    names = names_of([one for one in dict.fromkeys(path) if len(one) <= len(code)]) if code else {}
    return AlertPage(
        alert=alert,
        sentence=sentence(alert, rule, field),
        field=field,
        source=source,
        area=" · ".join(name for one, name in names.items() if name != one),
        entity_href=_entity_href(city, alert),
        state_name=str(Alert.State(alert.state).label),
        picture=picture(alert, rule, actor),
        evidence=_evidence(city, alert),
        figures=_figures(city, alert, actor),
        may_acknowledge=alert.state == "open" and may(actor, "alert.acknowledge", code),
        may_close=alert.state != "closed" and may(actor, "alert.close", code) and not _case_open(alert_id),
        case_types=_case_offers(alert, actor),
        why_not_acknowledge=_why_not(actor, "alert.acknowledge", code, alert, ""),
        why_not_close=_why_not(
            actor, "alert.close", code, alert, _("案件结束时预警随之关闭。") if _case_open(alert_id) else ""
        ),
        fault=fault,
        as_of=timezone.now(),
        may_mute=may(actor, "alert.silence", code),
        muted=_muted(alert_id, actor),
    )  # fmt: skip


def _muted(alert_id: int, actor: Actor) -> str:
    """Return why nobody is told of an alert now, to those who work on alerts; "" when they are."""
    member = Member.objects.filter(alert_id=alert_id).exclude(muted="").first() if may(actor, "desk.read") else None
    return f"{member.get_muted_display()}：{member.because}" if member else ""


def _breaking(alert: AlertView, when: object) -> float | None:
    """Return the newest value where it breaks the limit, otherwise the worst: the limit kept again is no fault to tell."""
    if alert.value is None or alert.limit is None or alert.worst is None:
        return alert.value
    match when:
        case Above():
            kept = alert.value <= alert.limit
        case Below():
            kept = alert.value >= alert.limit
        case _:
            kept = False
    return alert.worst if kept else alert.value


def sentence(alert: AlertView, rule: AlertRule | None, field: str) -> str:
    """Return what is wrong, in one sentence with value, limit, unit and time."""
    sign = shown.unit(alert.unit)
    unit = f" {sign}" if sign else ""
    when = rule.when if rule else None
    words = {
        "subject": alert.subject_name, "field": field, "value": _plain(_breaking(alert, when)) + unit,
        "limit": _plain(alert.limit) + unit, "since": shown.moment(alert.since),
    }  # fmt: skip
    match when:
        case Silent():
            return _("%(subject)s 自 %(since)s 起没有上报。") % words
        case Change():
            return _("%(subject)s 的%(field)s变化过快：%(value)s，允许 %(limit)s（%(since)s 起）。") % words
        case Above():
            return _("%(subject)s 的%(field)s为 %(value)s，高于限值 %(limit)s（%(since)s 起）。") % words
        case Unusual():
            return _("%(subject)s 的%(field)s为 %(value)s，与往常此刻相差悬殊（%(since)s 起）。") % words
        case Below():
            return _("%(subject)s 的%(field)s为 %(value)s，低于限值 %(limit)s（%(since)s 起）。") % words
    return _("%(subject)s：%(value)s（%(since)s 起）。") % words


def _row(row: Alert, rules: Rulebook, areas: dict[str, str], number_of: Callable[[Alert], str | None]) -> AlertRow:
    city: City = settings.CITY
    rule = rules.named(row.rule, row.opened_at)
    return AlertRow(
        row.pk, rule.name if rule else row.rule, row.subject_name, row.severity, row.state, str(row.get_state_display()),
        row.value, row.limit, unit_of(city, row.dataset, rule), areas.get(row.area_code[:6], ""), row.since, row.closed_at,
        number_of(row), row.simulated,
    )  # fmt: skip


def _measured(city: City, alert: AlertView, rule: AlertRule | None) -> tuple[str, str]:
    """Return the name of what was measured, and whose data it is."""
    pack = city.packs.get(alert.dataset.split(".")[0])
    owner = _(pack.pack.owner) if pack else ""
    if alert.dataset in city.indicators:
        declared = city.indicators[alert.dataset]
        return _(declared.name), f"{owner} · {_(declared.source)}"
    if alert.dataset in city.streams:
        stream = city.streams[alert.dataset]
        field = next((one.name for one in stream.quantities if rule and one.key == rule.field), stream.name)
        return _(field), f"{owner} · {_(stream.name)}"
    return alert.dataset, owner


def _evidence(city: City, alert: AlertView) -> tuple[tuple[str, str], ...]:
    names: dict[str, Any] = {
        "seq": _("行号"), "stream": _("感知流"), "indicator": _("指标"), "figure": _("指标值"), "period_start": _("时段起"),
        "received": _("收到时间"), "time": _("观测时间"), "field": _("字段"),
        "version": _("公式版本"), "seqs": _("行号"),
        "silent_since": _("最后一次上报"), "last": _("最后一次上报"), "rule": _("规则"), "dataset": _("感知流"),
        "odds": _("正常时的概率"), "expected": _("往常此刻"),
    }  # fmt: skip
    told = []
    for key, value in alert.evidence.items():
        if value in (None, "", [], {}) or key in SAID_ALREADY:
            continue
        if key in ("stream", "dataset") and value in city.streams:
            value = f"{_(city.streams[value].name)} ({value})"
        if key == "indicator" and value in city.indicators:
            value = f"{_(city.indicators[value].name)} ({value})"
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        told.append((str(names.get(key, key)), _instant(text)))
    return tuple(told)


def _instant(text: str) -> str:
    """Return an ISO instant as pages write moments; anything else as it is."""
    if "T" not in text:
        return text
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return shown.moment(moment) if moment.tzinfo else text


def _figures(city: City, alert: AlertView, actor: Actor) -> tuple[RelatedFigure, ...]:
    """Return the figure the alert names; or those of the same thing, or its areas, made from the stream at that time."""
    code = alert.area_code
    subjects = [alert.subject, *(code[:size] for size in (12, 9, 6) if len(code) >= size), f"{code[:4]}00"]
    if alert.dataset in city.indicators:
        keys = [alert.dataset]
        subjects = [alert.subject]
    else:
        keys = [
            key for key, one in city.indicators.items()
            if alert.dataset in {name if "." in name else f"{key.split('.')[0]}.{name}" for name in one.streams}
        ]  # fmt: skip
    allowed = Q(pk__in=[])
    for key in keys:
        allowed |= Q(indicator=key) & scope(actor, key).q()
    rows = Figure.objects.filter(allowed, subject__in=subjects, superseded_at=None, period_start__lte=alert.last_seen_at)
    newest = rows.filter(period_start__gte=alert.since - dt.timedelta(days=1)).order_by("-period_start", "indicator")
    found: dict[tuple[str, str], Figure] = {}
    for row in newest[:60]:
        found.setdefault((row.indicator, row.subject), row)
    chosen = sorted(found.values(), key=lambda row: subjects.index(row.subject))[:MOST_FIGURES]
    names = names_of([row.subject for row in chosen])
    return tuple(
        RelatedFigure(
            row.pk, city.indicators[row.indicator].name,
            alert.subject_name if row.subject == alert.subject else names.get(row.subject, row.subject),
            shown.period(row.period_start, city.indicators[row.indicator].period),
            shown.number(row.value, city.indicators[row.indicator].decimals), city.indicators[row.indicator].unit,
        )
        for row in chosen
    )  # fmt: skip


def _entity_href(city: City, alert: AlertView) -> str:
    pack = alert.dataset.split(".")[0]
    if alert.dataset in city.streams:
        return reverse("entity", args=[f"{pack}.{city.streams[alert.dataset].entity.to}", alert.subject])
    declared = city.indicators.get(alert.dataset)
    if declared is None or declared.subject == "area":
        return ""
    return reverse("entity", args=[declared.subject if "." in declared.subject else f"{pack}.{declared.subject}", alert.subject])


def _case_open(alert_id: int) -> bool:
    return Alert.objects.filter(pk=alert_id, in_case=True).exists()


def _why_not(actor: Actor, action: str, code: str, alert: AlertView, other: str) -> str:
    if alert.state == "closed" or (action == "alert.acknowledge" and alert.state != "open"):
        return ""
    if not actor.signed_in:
        return _("登录后，值班人员可以处理。")
    if not may(actor, action, code):
        return _("您的岗位在此区域不能这样做，请联系值班人员。")
    return other


def _plain(value: float | None) -> str:
    return shown.NOTHING if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")
