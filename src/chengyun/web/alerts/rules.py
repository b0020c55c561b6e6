# SPDX-License-Identifier: Apache-2.0
"""The alert rules: which are judged, how far each is trusted and why; drafted, tested, asked for and agreed to here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may, scope
from chengyun.access.views import needs
from chengyun.city import AlertRule, City, qualify
from chengyun.errors import NotFound, Problem
from chengyun.operate.probation import services, testing
from chengyun.operate.probation.models import BackTest, FiledRule, Measured, Sighting
from chengyun.operate.probation.scoring import Score
from chengyun.operate.probation.watching import declared_so_far, so_far
from chengyun.web.alerts.wording import because_of, budget_of, condition_of
from chengyun.web.desk.deeds import Fault, attempt, done

MOST = 20


@dataclass(frozen=True, slots=True)
class Stand:
    """How a rule stood against its budget when it was last looked at. by: what told right from wrong, in words."""

    by: str
    one: Measured


@dataclass(frozen=True, slots=True)
class Line:
    """One rule of the list. state: of a filed one; "": declared by its pack and live. budget: in words, "" without one.
    measured: how it stands against it, by each thing that can say so. test: its newest finished back-test."""

    key: str
    name: str
    severity: str
    condition: str
    state: str
    state_name: str
    waits: bool
    budget: str
    measured: tuple[Stand, ...]
    test: BackTest | None


@dataclass(frozen=True)
class Page:
    """rule: as filed, None where its pack alone declares it. budget: in words. because: why so much, of a declared one.

    so_far: what it has said since it came into its state, or in the budget's newest span, with whether that was made up.
    may_*: what this person may do now.
    """

    key: str
    name: str
    declared: AlertRule | None
    rule: FiledRule | None
    condition: str
    budget: str
    because: str
    tests: tuple[BackTest, ...]
    so_far: tuple[tuple[bool, Score], ...]
    sightings: tuple[Sighting, ...]
    why_not: str
    may_file: bool
    may_review: bool
    fault: Fault | None
    as_of: dt.datetime


@require_http_methods(["GET", "HEAD", "POST"])
@needs("desk.read")
def listing(request: HttpRequest) -> HttpResponse:
    """List every rule, filed ones first; file a new one."""
    actor, fault = actor_of(request), None
    if request.method == "POST":
        filed: list[FiledRule] = []
        text = request.POST.get("text", "").replace("\r\n", "\n")
        fault = attempt(request, "file", lambda: filed.append(services.file_rule(text, actor, timezone.now())))
        if fault is None:
            return done(request, _("已存为草稿。"), reverse("alert-rule", args=[filed[0].key]))
    city: City = settings.CITY
    rules = list(FiledRule.objects.all())
    tests = {one.rule_id: one for one in BackTest.objects.filter(state=BackTest.State.DONE).order_by("id")}
    stands = _stands()
    lines = [_filed(one, tests.get(one.pk), stands.get(one.key, ())) for one in rules]
    known = {one.key for one in rules}
    lines += [
        Line(key, one.name, one.severity, _words(key, one), "", "", False, budget_of(one.budget), stands.get(key, ()), None)
        for key, one in city.alerts.items()
        if key not in known
    ]
    measured_at = max((it.one.at for found in stands.values() for it in found), default=None)
    page = {
        "lines": lines,
        "measured_at": measured_at,
        "may_file": may(actor, "alert_rule.file"),
        "fault": fault,
        "as_of": timezone.now(),
    }
    return render(request, "alerts/rules.html", {"page": page}, status=fault.status if fault else 200)


def _words(key: str, rule: AlertRule) -> str:
    """Return a rule's condition with the limits of today."""
    return condition_of(key, rule, timezone.localdate())


def _stands() -> dict[str, tuple[Stand, ...]]:
    words = {
        "planted": _("按模拟城市的真相"), "truth": _("按模拟城市的真相"), "cases": _("按工单"),
        "cases+truth": _("按工单与模拟真相"), "": _("无对照，每条都计"),
    }  # fmt: skip
    found: dict[str, tuple[Stand, ...]] = {}
    for one in Measured.objects.order_by("rule", "by"):
        found[one.rule] = (*found.get(one.rule, ()), Stand(words[one.by], one))
    return found


def _filed(rule: FiledRule, test: BackTest | None, measured: tuple[Stand, ...]) -> Line:
    try:
        found = testing.filed_of(rule)
        said: tuple[str, str, str] = found.rule.severity, _words(rule.key, found.rule), budget_of(found.file.budget)
    except Problem:
        said = "", _("规则文件与应用包不再相符"), ""
    severity, words, budget = said
    state = str(rule.get_state_display())
    return Line(rule.key, rule.name, severity, words, rule.state, state, bool(rule.asked_for), budget, measured, test)


@require_safe
@needs("desk.read")
def one(request: HttpRequest, key: str) -> HttpResponse:
    """Show one rule: its file, back-tests, how it does, its history, and what can be done."""
    return _shown(request, key, None)


def _shown(request: HttpRequest, key: str, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    city: City = settings.CITY
    rule = FiledRule.objects.select_related("owner", "asked_by").filter(key=key).first()
    declared = city.alerts.get(key)
    if rule is None and declared is None:
        raise NotFound(_("没有找到这条规则。"))
    result: list[tuple[bool, Score]] = []
    words, budget = (_words(key, declared), budget_of(declared.budget)) if declared else ("", "")
    if rule is None and declared is not None and declared.budget is not None:
        result = declared_so_far(key, declared.budget, now)
    if rule is not None:
        try:
            filed = testing.filed_of(rule)
            words, budget = _words(key, filed.rule), budget_of(filed.file.budget)
            if rule.state in (FiledRule.State.LIVE, FiledRule.State.PROBATION, FiledRule.State.DEMOTED):
                result = [(False, so_far(rule, now, filed)[1])]
        except Problem as problem:
            fault = fault or Fault("rule", problem.sentence, 200)
    allowed = scope(actor, rule.dataset if rule else qualify(key.split(".")[0], declared.on if declared else ""))
    recent = Sighting.objects.filter(rule=key)[: 10 * MOST] if rule and allowed.allowed else ()
    sightings = [one for one in recent if allowed.matches({"area_code": one.area_code})][:MOST]
    page = Page(
        key, rule.name if rule else declared.name if declared else key, declared, rule, words, budget,
        declared.budget.because if declared and declared.budget else "",
        tuple(rule.backtests.select_related("asked_by")[:MOST]) if rule else (), tuple(result), tuple(sightings),
        services.why_not(rule) if rule else "", may(actor, "alert_rule.file"), may(actor, "alert_rule.review"), fault, now,
    )  # fmt: skip
    states = dict(FiledRule.State.choices)
    steps = [(one, states.get(one.after, one.after), because_of(one.note)) for one in rule.steps.all()[:100]] if rule else []
    mine = rule is not None and actor.account_id in (rule.owner_id, rule.asked_by_id)
    newest = next((it for it in page.tests if it.state == BackTest.State.DONE), None)
    seen = allowed.allowed  # what a back-test names of things, only to whoever may read them
    examples = [(one, dt.datetime.fromisoformat(one["raised"])) for one in newest.examples] if newest and seen else []
    context = {
        "page": page,
        "steps": steps,
        "mine": mine,
        "newest": newest,
        "examples": examples,
        "file": rule.text if rule else _begun(key),
    }
    return render(request, "alerts/rule.html", context, status=fault.status if fault else 200)


@require_safe
@needs("desk.read")
def text(request: HttpRequest, key: str) -> HttpResponse:
    """Send a rule's file as it was filed."""
    rule = services.rule_of(key)
    headers = {"Content-Disposition": f'attachment; filename="{rule.key}.toml"'}
    return HttpResponse(rule.text, content_type="application/toml; charset=utf-8", headers=headers)


@require_POST
@needs("desk.read")
def deed(request: HttpRequest, key: str, deed: str) -> HttpResponse:
    """Test a rule, file a new text of it, ask for its next step, answer that, demote or withdraw it."""
    actor, now, given = actor_of(request), timezone.now(), request.POST
    note = given.get("note", "")
    deeds = {
        "file": lambda: services.file_rule(given.get("text", "").replace("\r\n", "\n"), actor, now, note),
        "test": lambda: _test(key, request, now),
        "ask": lambda: services.ask(key, actor, now),
        "agree": lambda: services.agree(key, True, actor, now, note),
        "refuse": lambda: services.agree(key, False, actor, now, note),
        "demote": lambda: services.demote(key, actor, now, note),
        "withdraw": lambda: services.withdraw(key, actor, now, note),
    }
    if deed not in deeds:
        raise NotFound(_("没有找到。"))
    fault = attempt(request, deed, deeds[deed])
    return _shown(request, key, fault) if fault else done(request, _("已记下。"), reverse("alert-rule", args=[key]))


def _test(key: str, request: HttpRequest, now: dt.datetime) -> None:
    from procrastinate.exceptions import AlreadyEnqueued

    from chengyun.operate.probation.tasks import back_test

    testing.ask_test(key, actor_of(request), now)
    try:
        back_test.defer()
    except AlreadyEnqueued:
        return  # the one that waits will come to it


def _begun(key: str) -> str:
    """Return a file that puts a pack's own rule on record, to begin with."""
    return (
        f'key = "{key}"\ndeclared = true\n\n[truth]\ncases = []\nplace = "subject"\nbefore_h = 24\nafter_h = 24\n\n'
        "[budget]\nfalse_alarms = 3\nper_days = 7\n"
    )  # fmt: skip
