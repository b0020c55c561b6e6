# SPDX-License-Identifier: Apache-2.0
"""The plan of alerting as people read it: who would be told of what at which time, and why; the plan, and how it changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chengyun.access.actors import actor_of
from chengyun.access.models import Role
from chengyun.access.policy import may, require
from chengyun.access.views import needs
from chengyun.city import AlertRule
from chengyun.city.alerts import SEVERITIES
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate.alerting import current
from chengyun.operate.alerting.foretold import Foretold, foretell
from chengyun.operate.alerting.models import Plan, Roster
from chengyun.operate.alerting.muting import silences_in_force
from chengyun.operate.alerting.people import on_duty
from chengyun.operate.alerting.plan import Chain, Document, Inhibit, Match, Route, read_plan
from chengyun.operate.probation.ruleset import standing_now
from chengyun.web.alerts.amending import DEEDS, Choices, amended, changes_between, choices_of
from chengyun.web.alerts.wording import condition_of
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.places import area_names

MOST_VERSIONS = 30

LABELS: Mapping[str, str | Promise] = {
    "rule": gettext_lazy("规则"), "pack": gettext_lazy("应用"), "dataset": gettext_lazy("数据"), "severity": gettext_lazy("级别"),
    "subject": gettext_lazy("对象"), "group": gettext_lazy("规则的分组"), "hazard": gettext_lazy("灾种"),
    "simulated": gettext_lazy("是否模拟"), "area": gettext_lazy("区域"), "community": gettext_lazy("社区"),
    "street": gettext_lazy("街道"), "district": gettext_lazy("区县"), "city": gettext_lazy("城市"),
}  # fmt: skip
CHANNELS: Mapping[str, str | Promise] = {
    "app": gettext_lazy("程序内"), "email": gettext_lazy("电子邮件"), "webhook": gettext_lazy("其他系统"),
}  # fmt: skip
COLOURS: Mapping[str, str | Promise] = {
    "blue": gettext_lazy("蓝色"), "yellow": gettext_lazy("黄色"), "orange": gettext_lazy("橙色"), "red": gettext_lazy("红色"),
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is asked: an alert of which rule, where, how severe, at which moment. subject: of the thing, "" for any."""

    rule: str
    area: str
    severity: str
    subject: str
    at: dt.datetime

    @property
    def at_field(self) -> str:
        return self.at.astimezone(config().zone).replace(tzinfo=None, second=0, microsecond=0).isoformat(timespec="minutes")


@dataclass(frozen=True)
class RouteLine:
    """A route as read. here: the one the question takes."""

    route: Route
    match: tuple[str, ...]
    grouped: str
    here: bool


@dataclass(frozen=True)
class ChainLine:
    """A chain as read: after how long, to whom, by which channels."""

    chain: Chain
    steps: tuple[tuple[int, tuple[str, ...], str], ...]
    here: bool


@dataclass(frozen=True)
class InhibitLine:
    inhibit: Inhibit
    source: tuple[str, ...]
    target: tuple[str, ...]
    equal: str


@dataclass(frozen=True)
class RosterLine:
    """now: who holds it at the moment asked about."""

    roster: Roster
    people: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """told: None where the question names no rule. text: of the plan, as in the form. version: "" for the one to begin with.

    choices: of the form for common changes; None for who may not change it. changed: lines that go and come against the plan in
    force.
    """

    question: Question | None
    condition: str
    rule_name: str
    told: Foretold | None
    labels: tuple[tuple[str | Promise, str], ...]
    rules: tuple[tuple[str, str], ...]
    areas: tuple[tuple[str, str], ...]
    severities: tuple[tuple[str, str | Promise], ...]
    routes: tuple[RouteLine, ...]
    chains: tuple[ChainLine, ...]
    inhibits: tuple[InhibitLine, ...]
    rosters: tuple[RosterLine, ...]
    silences: int
    plan: Document
    text: str
    version: str
    versions: tuple[Plan, ...]
    may_edit: bool
    choices: Choices | None
    changed: tuple[str, ...]
    fault: Fault | None
    as_of: dt.datetime


@require_http_methods(["GET", "HEAD", "POST"])
@needs("desk.read")
@never_cache
def plan(request: HttpRequest) -> HttpResponse:
    """Show the plan and who would be told; put another in force, or have it looked through first."""
    if request.method != "POST":
        return _shown(request, None, None)
    actor, given = actor_of(request), request.POST
    text = given.get("text", "").replace("\r\n", "\n")
    if given.get("deed") in DEEDS:
        require(actor, "alert_plan.change")
        made: list[str] = []
        fault = attempt(request, "amend", lambda: made.append(amended(text, given)))
        return _shown(request, fault, made[0] if made else text)
    if given.get("deed") == "check":
        fault = attempt(request, "plan", lambda: read_plan(text))
        return _shown(request, fault, text)
    fault = attempt(request, "plan", lambda: current.load(text, actor, timezone.now(), upon=given.get("upon", "")))
    if fault:
        return _shown(request, fault, text)
    kept = urlencode({name: given[name] for name in ("rule", "area", "severity", "subject", "at") if given.get(name)})
    return done(request, _("方案已生效。"), reverse("alert-plan") + (f"?{kept}" if kept else ""))


def _shown(request: HttpRequest, fault: Fault | None, text: str | None) -> HttpResponse:
    """Show the page. text: a plan as somebody is writing it: where it can be read, the page is drawn as if it were in force."""
    actor, now = actor_of(request), timezone.now()
    rules = standing_now().heard
    version, begun = current.version_in_force(), current.text_in_force()
    if text is None and (old := request.GET.get("version", "")):
        kept = Plan.objects.filter(version=old).first()
        if kept is None:
            raise Refused(_("没有这个版本的方案。"), code="plan")
        text = kept.text
    plan = read_plan(text if text is not None and (fault is None or fault.form == "amend") else begun)
    question = _asked(request, now)
    told = None
    if question is not None and question.rule in rules:
        rule = rules[question.rule]
        told = foretell(plan, question.rule, rule, question.area, question.severity, question.subject, question.at)
    at = question.at if question else now
    names = area_names()
    page = Page(
        question=question, condition=_condition(question, rules) if question and told else "",
        rule_name=_(rules[question.rule].name) if question and told else "", told=told,
        labels=tuple((LABELS[key], _valued(key, value, names)) for key, value in told.labels.items() if value) if told else (),
        rules=tuple((key, _(one.name)) for key, one in sorted(rules.items(), key=lambda it: (it[0].split(".")[0], it[1].name))),
        areas=((config().city, _("全市")), *area_names("district").items()),
        severities=tuple((one, COLOURS[one]) for one in reversed(SEVERITIES)),
        routes=tuple(_route(one, told) for one in plan.route), chains=tuple(_chain(one, told) for one in plan.chain),
        inhibits=tuple(InhibitLine(one, _match(one.source), _match(one.target), _listed(one.equal)) for one in plan.inhibit),
        rosters=tuple(RosterLine(one, tuple(map(str, on_duty(one.key, at)))) for one in Roster.objects.all()),
        silences=len(silences_in_force(at)), plan=plan, text=begun if text is None else text, version=version,
        versions=tuple(Plan.objects.defer("text")[:MOST_VERSIONS]), may_edit=may(actor, "alert_plan.change"), fault=fault,
        choices=choices_of(plan, rules, addressed, LABELS) if may(actor, "alert_plan.change") else None,
        changed=changes_between(begun, begun if text is None else text), as_of=now,
    )  # fmt: skip
    return render(request, "alerts/plan.html", {"page": page}, status=fault.status if fault else 200)


def _condition(question: Question, rules: Mapping[str, AlertRule]) -> str:
    day = question.at.astimezone(config().zone).date()
    return condition_of(question.rule, rules[question.rule], day)


def _asked(request: HttpRequest, now: dt.datetime) -> Question | None:
    given = request.GET if request.method != "POST" else request.POST
    rule = given.get("rule", "")
    known = standing_now().heard
    if rule and rule not in known:
        raise Refused(_("没有找到这条规则。"), code="rule")
    if not rule:
        return None
    severity = given.get("severity") or known[rule].severity
    if severity not in SEVERITIES:
        raise Refused(_("没有这个级别。"), code="severity")
    area = given.get("area", "").strip() or config().city
    if not area.isascii() or not area.isdigit() or len(area) > 12:
        raise Refused(_("区域编码是 6 到 12 位数字。"), code="area")
    return Question(rule, area, severity, given.get("subject", "").strip()[:64], _moment(given.get("at", ""), now))


def _moment(text: str, now: dt.datetime) -> dt.datetime:
    if not text:
        return now
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as wrong:
        raise Refused(_("请写明日期和时间。"), code="moment") from wrong
    found = found if found.tzinfo else found.replace(tzinfo=config().zone)
    if abs(found - now) > dt.timedelta(days=366):
        raise Refused(_("只能看前后一年之内的时间。"), code="moment")
    return found


def _valued(label: str, value: str, names: Mapping[str, str]) -> str:
    if label == "severity":
        return str(COLOURS.get(value, value))
    padded = (value, value.ljust(6, "0"))
    return next((f"{names[one]} {value}" for one in padded if one in names), value) if value.isdigit() else value


def _route(one: Route, told: Foretold | None) -> RouteLine:
    return RouteLine(one, _match(one.match), _listed(one.group_by), told is not None and told.route == one)


def _chain(one: Chain, told: Foretold | None) -> ChainLine:
    steps = tuple(
        (step.after_s, tuple(map(addressed, step.to)), ", ".join(str(CHANNELS.get(by, by)) for by in step.by))
        for step in one.steps
    )
    return ChainLine(one, steps, told is not None and told.chain == one)


def addressed(to: str) -> str:
    """Return an address of a chain in words."""
    kind, _colon, name = to.partition(":")
    match kind:
        case "roster":
            found = Roster.objects.filter(key=name).values_list("name", flat=True).first()
            return _("值班表“%s”的当班人") % (found or name)
        case "role":
            return _("全部%s") % (Role(name).label if name in Role.values else name)
        case "account":
            return _("账号 %s") % name
    return _("其他系统 %s") % name


def _match(match: Match) -> tuple[str, ...]:
    return tuple(f"{LABELS.get(name, name)}：{', '.join(patterns)}" for name, patterns in match.items())


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(str(LABELS.get(one, one)) for one in labels)
