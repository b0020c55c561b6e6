# SPDX-License-Identifier: Apache-2.0
"""Cases: all a person may see, and one of them: where it stands, whose it is, how much time is left, what may be done next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Account, Role
from chengyun.access.policy import may, scope
from chengyun.access.views import needs, signed_in
from chengyun.areas.queries import names_of
from chengyun.cases import services
from chengyun.cases.clock import Colour
from chengyun.cases.duties.queries import body_of, duties_on, fitting
from chengyun.cases.duties.reasons import REASONS
from chengyun.cases.models import Case
from chengyun.cases.office import local_day, stay_limit
from chengyun.cases.queries import CaseView, Filters, case_view, cases_for, count_cases
from chengyun.cases.rights import type_of
from chengyun.cases.verification.queries import SignView, signs_of
from chengyun.city import CaseType, City, State
from chengyun.city.drawing import draw
from chengyun.errors import NotFound, Refused
from chengyun.operate.models import Alert
from chengyun.operate.probation.ruleset import rulebook
from chengyun.standards.times import parse_instant
from chengyun.web import shown
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.case_photos import CasePhoto, attached, photos_of, pictures_of
from chengyun.web.desk.casewords import clock_text, clock_words
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.narrowed import read_narrowed
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number
from chengyun.web.places import bodies, said
from chengyun.web.titles import of_thing

PAGE = 50
MOST_COLLEAGUES = 500
GIVEN = ("category", "condition", "target", "reason_code", "clause", "proposed")
"""What a form may say of a step beside its evidence."""

MOST_LISTED = 10_000
"""Cases a list counts, and up to which a page is found by its number alone; from page to page it goes on to the end."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case of a list. width: share of the limit that is used, in per cent, at most 100. says: its clock in words."""

    case: CaseView
    area: str
    width: int
    says: str


@dataclass(frozen=True)
class CasesPage:
    """text: what is searched for. kinds: what is shown: open ones, the actor's own, by the colour of the clock, ended ones.

    many: there are more than are counted. counted: what a statistic asked for, in words; kept: the same for the form.
    """

    listed: Listed[CaseRow]
    text: str
    kinds: tuple[Choice, ...]
    types: tuple[Choice, ...]
    many: bool
    as_of: dt.datetime
    counted: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StateStep:
    """A state on the way. place: "done", "now", "ahead", or "aside": now, beside the usual way."""

    key: str
    name: str
    place: str


@dataclass(frozen=True, slots=True)
class StepForm:
    """A step of the case's type that begins where the case stands. allowed: whether this person may take it; why_not: else.
    cites: its reason must stand on the duty list."""

    key: str
    name: str
    to: str
    needs: tuple[str, ...]
    allowed: bool
    why_not: str
    ends: bool
    charges: bool = False
    cites: bool = False


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person of the owning organisation."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class CaseAlertLine:
    """An alert the case answers."""

    id: int
    text: str
    severity: str
    opened_at: dt.datetime
    state: str


@dataclass(frozen=True)
class CasePage:
    """states: the usual way from the first state to an end; goal: the name of that end. picture: of its kind, with the state
    it is in. says, work_says: the stay's clock and the work's. categories, bodies: to choose from where a step asks for one.
    reasons, clauses: of the duty list, for who gives work back. may_supervise: whether this person may put it under a leader's
    eyes.

    steps: those that begin where it stands. may_assign: whether this person may give it to a colleague now.
    """

    case: CaseView
    area: str
    width: int
    states: tuple[StateStep, ...]
    goal: str
    steps: tuple[StepForm, ...]
    colleagues: tuple[Colleague, ...]
    may_assign: bool
    may_supervise: bool
    picture: str
    says: str
    work_says: str
    categories: tuple[tuple[str, str], ...]
    bodies: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, str], ...]
    clauses: tuple[tuple[int, str], ...]
    alerts: tuple[CaseAlertLine, ...]
    fault: Fault | None
    as_of: dt.datetime
    signs: tuple[SignView, ...] = ()
    """Of false closing, for those who judge the work."""
    photos: tuple[CasePhoto, ...] = ()
    photos_left: int = 0
    """Older ones that are not shown."""


@require_safe
@signed_in
def case_list(request: HttpRequest) -> HttpResponse:
    """List cases, what is due first before the others."""
    city: City = settings.CITY
    actor, number, given, now = actor_of(request), page_number(request), request.GET, timezone.now()
    kind, type_key, text = asked(request, "show", "type", "q")
    colour: Colour | None = COLOURS.get(kind)
    filters: Filters = {
        "ended": None if kind == "all" else kind in ("ended", "done", "late"), "mine": kind == "mine", "colour": colour,
        "supervised": kind == "supervised", "types": [type_key] if type_key in city.cases else [], "text": text,
        "done": kind in ("done", "late"), "in_time": False if kind == "late" else None,
    }  # fmt: skip
    narrowed = read_narrowed(given)
    filters |= narrowed.filters
    after, before = asked(request, "after", "before")
    start = 0 if after or before else (number - 1) * PAGE
    if start >= MOST_LISTED:
        raise Refused(_("只列出前 %d 件，请缩小查找范围。") % MOST_LISTED, code="too_far")
    # One more than is shown says whether there is another page.
    found = cases_for(actor, limit=PAGE + 1, offset=start, after=after, before=before, now=now, **filters)
    more = bool(before) or len(found) > PAGE
    found = found[-PAGE:] if before else found[:PAGE]
    total = count_cases(actor, now=now, most=MOST_LISTED + 1, **filters)
    kinds = [
        ("", _("在办")), ("mine", _("我的")), ("overdue", _("超时")), ("soon", _("临近时限")), ("paused", _("停表")),
        ("supervised", _("督办")), ("ended", _("已结束")), ("done", _("已结案")), ("late", _("逾期结案")), ("all", _("全部")),
    ]  # fmt: skip
    many = total > MOST_LISTED
    page = CasesPage(
        Listed(
            case_rows(found),
            number,
            more,
            filters_of(given, "after", "before"),
            None if many else total,
            f"&before={found[0].mark}" if found else "",
            f"&after={found[-1].mark}" if found else "",
        ),
        text,
        tuple(Choice(value, name, value == kind) for value, name in kinds),
        tuple(Choice(key, one.name, key == type_key) for key, one in city.cases.items()),
        many,
        now,
        narrowed.words,
        narrowed.kept,
    )
    return render(request, "desk/cases.html", {"page": page})


COLOURS: dict[str, Colour] = {"overdue": "red", "soon": "yellow", "paused": "paused"}


def case_rows(found: list[CaseView]) -> tuple[CaseRow, ...]:
    """Return cases as lists show them."""
    areas = names_of({one.area_code[:6] for one in found if one.area_code})
    return tuple(
        CaseRow(one, areas.get(one.area_code[:6], ""), _width(one), clock_words(one.clock, one.why_paused)) for one in found
    )


@require_safe
@signed_in
def case_page(request: HttpRequest, number: str) -> HttpResponse:
    """Show one case."""
    return _shown(request, number, None)


@require_POST
@needs("case.handle")
def take_step(request: HttpRequest, number: str, step: str) -> HttpResponse:
    """Take a step, from the state the person saw."""
    actor, given = actor_of(request), request.POST

    def do() -> Case:
        data = {name: given[name] for name in GIVEN if given.get(name)}
        assignee, pictures = _person(given.get("assignee", ""), number, actor), pictures_of(request, number, actor)
        with transaction.atomic():  # photos of a step that is refused are none of the case's
            return services.take_step(
                number, step, actor, timezone.now(), seen=given.get("seen") or None, reason=given.get("reason", ""),
                note=given.get("note", ""), assignee=assignee, data=data, owner=given.get("owner") or None,
                photos=attached(pictures, number, actor), lon=_degrees(given.get("lon")), lat=_degrees(given.get("lat")),
                until=_until(given.get("until")),
            )  # fmt: skip

    fault = attempt(request, step, do)
    return _shown(request, number, fault) if fault else done(request, _("已办理。"), reverse("case", args=[number]))


@require_POST
@needs("case.assign")
def assign(request: HttpRequest, number: str) -> HttpResponse:
    """Give a case to a colleague."""
    actor, given = actor_of(request), request.POST

    def do() -> Case:
        person = _person(given.get("assignee", ""), number, actor)
        if person is None:
            raise Refused(_("请选择承办人。"), code="evidence_missing")
        return services.assign(number, person, actor, timezone.now(), given.get("note", ""))

    fault = attempt(request, "assign", do)
    return _shown(request, number, fault) if fault else done(request, _("已分派。"), reverse("case", args=[number]))


@require_POST
@needs("case.supervise")
def supervise(request: HttpRequest, number: str) -> HttpResponse:
    """Put a case under a leader's eyes."""
    actor, given = actor_of(request), request.POST
    fault = attempt(request, "supervise", lambda: services.supervise(number, actor, timezone.now(), given.get("note", "")))
    return _shown(request, number, fault) if fault else done(request, _("已督办。"), reverse("case", args=[number]))


@require_safe
@signed_in
def case_type(request: HttpRequest, key: str) -> HttpResponse:
    """Show a kind of case as it is declared: its picture, whose move each state is, how its time is counted, and every step."""
    declared = type_of(key)
    if not scope(actor_of(request), key).allowed:
        raise NotFound(_("没有案件类型 %s。") % key)
    roles = {role.value: str(role.label) for role in Role}
    states = [(state, roles.get(state.owner, state.owner), _limit_words(key, state)) for state in declared.states]
    named = {state.key: state.name for state in declared.states}
    steps = []
    for step in declared.transitions:
        who = shown.listed([str(roles.get(role, role)) for role in step.by])
        steps.append((step, named[step.source], named[step.to], who))
    given = {"declared": declared, "picture": picture(declared), "states": states, "steps": steps}
    return render(request, "desk/case_type.html", given)


def picture(declared: CaseType, here: str = "") -> SafeString:
    """Return the picture of a kind of case in the reader's language."""
    return mark_safe(draw(declared, here=here, said=said))  # noqa: S308  drawing.py escapes every word it is given


def _limit_words(key: str, state: State) -> str:
    limit = stay_limit(key, state, timezone.localdate())
    if state.clock == "ended":
        return "—"
    return clock_text(limit.seconds, limit.basis) if limit else _("责任部门的时限")


def _degrees(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise Refused(_("位置要写成经度和纬度，例如 121.55 和 29.87。"), code="place_unreadable") from None


def _until(text: str | None) -> dt.datetime | None:
    try:
        return parse_instant(text, timezone.get_current_timezone()) if text else None
    except ValueError:
        raise Refused(_("期限 %s 不是时间。") % text, code="until_unreadable") from None


def _shown(request: HttpRequest, number: str, fault: Fault | None) -> HttpResponse:
    page = read_case(number, actor_of(request), fault)
    return render(request, "desk/case.html", {"page": page}, status=fault.status if fault else 200)


def read_case(number: str, actor: Actor, fault: Fault | None = None) -> CasePage:
    """Return a case's page. Raises NotFound."""
    city: City = settings.CITY
    now = timezone.now()
    case = case_view(number, actor, now)
    declared: CaseType | None = city.cases.get(case.type)
    code = case.area_code
    names = names_of([code[:size] for size in (6, 9, 12) if len(code) >= size]) if code else {}
    states = way(declared, case) if declared else ()
    may_assign = not case.ended and may(actor, "case.assign", code)
    steps = _steps(declared, case)
    asked_for = {need for step in steps if step.allowed for need in step.needs}
    charged = "owner" in asked_for or any(step.charges and step.allowed for step in steps)
    cites = any(step.cites and step.allowed for step in steps) and bool(duties_on(case.type, local_day(now)))
    wanted = may_assign or any("assignee" in step.needs and step.allowed for step in steps)
    photos, photos_left = photos_of(number)
    return CasePage(
        case=case,
        area=" · ".join(name for one, name in names.items() if name != one),
        width=_width(case),
        states=states,
        goal=states[-1].name if states else "",
        steps=steps,
        colleagues=_colleagues(number, actor) if wanted else (),
        may_assign=may_assign,
        may_supervise=not case.ended and may(actor, "case.supervise", code),
        picture=picture(declared, case.state) if declared else "",
        says=clock_words(case.clock, case.why_paused),
        work_says=clock_words(case.work, case.why_paused),
        categories=_categories(city, case) if cites or "category" in asked_for else (),
        bodies=bodies() if charged else (),
        reasons=tuple((code, str(name)) for code, name in REASONS.items()) if cites else (),
        clauses=_clauses(case, now) if cites else (),
        alerts=_alerts(city, case),
        fault=fault,
        as_of=now,
        signs=tuple(signs_of(number, actor)),
        photos=photos,
        photos_left=photos_left,
    )


def way(declared: CaseType, case: CaseView) -> tuple[StateStep, ...]:
    """Return the shortest way from the first state to the end that takes most steps to reach, and where the case stands on it.

    A state beside that way stands after the last one the case had reached on it.
    """
    ends = {state.key for state in declared.states if state.clock == "ended"}
    first = declared.states[0].key
    ways = {first: [first], **dict(_spread(declared, first))}
    main = max((ways[key] for key in ends if key in ways), key=len)
    named = {state.key: state.name for state in declared.states}
    if case.state not in main:
        been = {stay.state for stay in case.stages} | {first}
        reached = max(index for index, key in enumerate(main) if key in been) + 1
        aside = StateStep(case.state, named.get(case.state, case.state), "aside")
        done = [StateStep(key, named[key], "done") for key in main[:reached]]
        return (*done, aside, *(() if case.ended else (StateStep(key, named[key], "ahead") for key in main[reached:])))
    at = main.index(case.state)
    places = [
        "done" if index < at or (index == at and case.ended) else "now" if index == at else "ahead" for index in range(len(main))
    ]
    return tuple(StateStep(key, named[key], place) for key, place in zip(main, places, strict=True))


def _spread(declared: CaseType, first: str) -> list[tuple[str, list[str]]]:
    """Return each state that is reached from the first and the shortest way to it, breadth first."""
    found: list[tuple[str, list[str]]] = []
    waiting = [[first]]
    seen = {first}
    while waiting:
        path = waiting.pop(0)
        for step in declared.transitions:
            if step.source == path[-1] and step.to not in seen:
                seen.add(step.to)
                found.append((step.to, [*path, step.to]))
                waiting.append([*path, step.to])
    return found


def _steps(declared: CaseType | None, case: CaseView) -> tuple[StepForm, ...]:
    if declared is None or case.ended:
        return ()
    allowed = {step.key for step in case.steps}
    states = {state.key: state for state in declared.states}
    roles = {role.value: str(role.label) for role in Role}
    forms = []
    for step in declared.transitions:
        if step.source != case.state:
            continue
        who = shown.listed([str(roles.get(role, role)) for role in step.by])
        why_not = "" if step.key in allowed else _("由 %(owner)s 的%(roles)s办理。") % {"owner": said(case.owner), "roles": who}
        forms.append(
            StepForm(
                step.key, step.name, states[step.to].name, tuple(step.needs), step.key in allowed, why_not,
                states[step.to].clock == "ended", step.charges, "duty_list_reason" in step.guard,
            )
        )  # fmt: skip
    return tuple(forms)


def _clauses(case: CaseView, now: dt.datetime) -> tuple[tuple[int, str], ...]:
    found = fitting(case.type, case.category, case.area_code, local_day(now))
    return tuple((one.pk, f"{body_of(one, case.area_code).name}：{one.clause}") for one in found)


def _categories(city: City, case: CaseView) -> tuple[tuple[str, str], ...]:
    scheme = city.scheme(case.type)
    if scheme is None:
        return ()
    found = scheme.catalogue(scheme.version_on(timezone.localdate())).values()
    return tuple((one.code, f"{_(one.kind)} · {_(one.major)} · {_(one.minor)}") for one in found)


def _colleagues(number: str, actor: Actor) -> tuple[Colleague, ...]:
    """Return the people of the owning organisation and of those below and above it, whom the service accepts.

    A list of persons: read for the purpose of the case, and recorded.
    """
    owner = Case.objects.select_related("owner__parent__parent").get(number=number).owner
    bodies, at = [owner.pk], owner.parent
    while at is not None:
        bodies.append(at.pk)
        at = at.parent
    # Of these bodies alone before the list is cut: a city has more people than a list has room for.
    known = scope(actor, "accounts", "case").rows_for(Account.objects.filter(organisation__in=bodies), target=number)
    people = known.filter(is_active=True, assignments__role__in=sorted(services.DEPARTMENTS | {"duty_officer"}))
    chosen = people.select_related("organisation").distinct().order_by("name", "username")[:MOST_COLLEAGUES]
    return tuple(Colleague(person.pk, f"{person} · {said(person.organisation.name)}") for person in chosen if person.organisation)


def _person(text: str, number: str, actor: Actor) -> Account | None:
    """Return the colleague a form names; None without one. Raises Refused for one who is not among them."""
    if not text:
        return None
    case_view(number, actor)  # absent, or not theirs to see: NotFound comes before anything about persons
    if text.isascii() and text.isdigit() and any(one.id == int(text) for one in _colleagues(number, actor)):
        return Account.objects.get(pk=int(text))
    raise Refused(_("请从名单中选择承办人。"), code="not_of_owner")


def _alerts(city: City, case: CaseView) -> tuple[CaseAlertLine, ...]:
    rules = rulebook(city)
    rows = Alert.objects.filter(pk__in=case.alerts).order_by("opened_at", "id")
    return tuple(
        CaseAlertLine(
            row.pk, of_thing(row.subject_name, _(rules.name(row.rule, row.opened_at))), row.severity, row.opened_at,
            str(row.get_state_display()),
        )
        for row in rows
    )  # fmt: skip


def _width(case: CaseView) -> int:
    return min(100, max(0, round(case.clock.share * 100)))
