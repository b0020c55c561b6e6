# SPDX-License-Identifier: Apache-2.0
"""What is asked of cases, within what the actor may read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Account, Organisation, Role
from chengyun.access.policy import scope
from chengyun.cases import clock as clocks
from chengyun.cases import services
from chengyun.cases.clock import ClockView, Colour
from chengyun.cases.course import clock_of
from chengyun.cases.models import Case, CaseStage
from chengyun.cases.office import work_time
from chengyun.cases.records import stay_clock
from chengyun.city import CaseType, City
from chengyun.city.casework import COUNTERS
from chengyun.errors import NotFound, Refused

__all__ = [
    "CaseEventView",
    "CaseView",
    "Filters",
    "StageView",
    "StepView",
    "case_view",
    "cases_by_number",
    "cases_for",
    "count_cases",
    "visible_cases",
]

_NUMBER = re.compile(r"\d{4}-\d{6,}")
"""A whole number of a case is looked up, not searched for."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MARK = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class StepView:
    """A step the actor may take now. needs: evidence of city.casework.NEEDS."""

    key: str
    name: str
    to: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseEventView:
    """One step of the history. name: of the step or the kind of event."""

    kind: str
    name: str
    at: dt.datetime
    actor: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reason: str
    note: str
    reason_code: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageView:
    """A stay of the history. name, post: as people read them. reason: why its clock stood."""

    state: str
    name: str
    owner: str
    person: str
    post: str
    clock: str
    reason: str
    entered_at: dt.datetime
    left_at: dt.datetime | None
    due_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as a page shows it. clock: of the stay it is in, at the moment of asking; work: the case's own, of the department's
    work. why_paused: why the stay's clock stands, else why the case's own does. alerts: ids of the alerts it answers.

    steps, history, stages, alerts: only for one case, empty in lists.
    """

    number: str
    type: str
    type_name: str
    state: str
    state_name: str
    ended: bool
    title: str
    owner: str
    owner_key: str
    person: str
    person_id: int | None
    area_code: str
    lon: float | None
    lat: float | None
    opened_at: dt.datetime
    due_at: dt.datetime
    closed_at: dt.datetime | None
    clock: ClockView
    overdue: bool
    simulated: bool
    evidence: Mapping[str, Any]
    source: str
    category: str
    category_name: str
    catalog_version: str
    condition: str
    description: str
    address: str
    component_key: str
    emergency: bool
    priority: int
    report_count: int
    department: str
    merged_into: str
    lead: str
    supervised_at: dt.datetime | None
    stage_since: dt.datetime
    work: ClockView
    why_paused: str
    limit_source: str = ""
    limit_edition: dt.date | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    alerts: tuple[int, ...] = ()
    steps: tuple[StepView, ...] = ()
    history: tuple[CaseEventView, ...] = ()
    stages: tuple[StageView, ...] = ()
    merged: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    mark: str = ""
    """Of a list: where it stands in it, for the page after or before."""


class Filters(TypedDict, total=False):
    """Which cases are asked for; what is not given does not narrow, but for `ended`.

    ended: None: both; not given: only open ones. overdue: True: only those past their limit. mine: only those given to the
    actor. area: a code, or its first digits. text: found in the number, the title, or the name of the owner or the person.
    colour: of the traffic light; "paused": those whose clock stands. supervised: True: only those under a leader's eyes.
    departments: keys of the bodies charged with the work. owners: of those whose move it is. department: id of the body charged.
    opened, closed: when, from a moment to before another. done: ended with their work done; in_time: whether within the limit.
    """

    states: Sequence[str]
    types: Sequence[str]
    ended: bool | None
    overdue: bool | None
    mine: bool
    area: str
    text: str
    colour: Colour | None
    supervised: bool
    departments: Sequence[str]
    owners: Sequence[str]
    category: str
    source: str
    department: int | None
    opened: tuple[dt.datetime, dt.datetime] | None
    closed: tuple[dt.datetime, dt.datetime] | None
    done: bool
    in_time: bool | None


def cases_for(
    actor: Actor,
    *,
    limit: int = 200,
    offset: int = 0,
    after: str = "",
    before: str = "",
    now: dt.datetime | None = None,
    **filters: Unpack[Filters],
) -> list[CaseView]:
    """Return cases the actor may read: open ones by what is due first, ended ones, all, and those of a time newest first.

    after, before: the mark of a case, of a list by the same filters: what follows it, or comes before it, however far that is.
    Raises Refused for what is no mark.
    """
    now = now or timezone.now()
    moment, falling = _order(filters)
    rows = _filtered(actor, now, filters)
    if mark := after or before:
        rows = rows.filter(_beyond(moment, falling is bool(after), *_read_mark(mark)))
    down = falling is not bool(before)
    order = [f"{'-' if down else ''}{name}" for name in (moment, "id")]
    # Which ones first, and of these alone what is shown: beside all they hang on, the database no longer weighs every way to
    # find them.
    wanted = list(rows.select_related(None).order_by(*order).values_list("pk", flat=True)[offset : offset + limit])
    found = visible_cases(actor).in_bulk(wanted)
    ordered = [found[pk] for pk in (reversed(wanted) if before else wanted) if pk in found]
    return [_view(row, now, mark=_mark(getattr(row, moment), row.pk)) for row in ordered]


def cases_by_number(
    actor: Actor, *, limit: int, after: str = "", now: dt.datetime | None = None, **filters: Unpack[Filters]
) -> list[CaseView]:  # fmt: skip
    """Return cases the actor may read by their numbers, from behind the number `after`, however far that is.

    A number never changes: whoever goes through a whole list meets each case once, whatever is done to it meanwhile.
    """
    now = now or timezone.now()
    rows = _filtered(actor, now, filters)
    if after:
        rows = rows.filter(number__gt=after)
    wanted = list(rows.select_related(None).order_by("number").values_list("pk", flat=True)[:limit])
    found = visible_cases(actor).in_bulk(wanted)
    return [_view(found[pk], now) for pk in wanted if pk in found]


def _order(filters: Filters) -> tuple[str, bool]:
    """Return the moment a list goes by, and whether it falls."""
    ended = filters.get("ended", False)
    if filters.get("opened") or ended is None:
        return "opened_at", True
    return ("closed_at", True) if ended else ("due_at", False)


def _beyond(moment: str, falling: bool, at: dt.datetime, pk: int) -> Q:
    """Return what lies beyond a mark. The first condition is where an index begins."""
    word = "lt" if falling else "gt"
    first = Q(**{f"{moment}__{word}e": at})
    return first & (Q(**{f"{moment}__{word}": at}) | Q(**{f"id__{word}": pk}))


def _mark(at: dt.datetime, pk: int) -> str:
    return f"{(at - _EPOCH) // dt.timedelta(microseconds=1)}.{pk}"


def _read_mark(mark: str) -> tuple[dt.datetime, int]:
    found = _MARK.fullmatch(mark)
    if found is None:
        raise Refused(f"The mark is {mark[:40]!r}; expected one of a list's links.", code="mark")
    try:
        return _EPOCH + dt.timedelta(microseconds=int(found[1])), int(found[2])
    except OverflowError:
        raise Refused(f"The mark is {mark[:40]!r}, which is no moment of a calendar.", code="mark") from None


def count_cases(actor: Actor, *, now: dt.datetime | None = None, most: int | None = None, **filters: Unpack[Filters]) -> int:
    """Return how many cases `cases_for` finds without a limit. most: count no further; a list of a million is not counted out."""
    return _filtered(actor, now or timezone.now(), filters)[:most].count()


def _filtered(actor: Actor, now: dt.datetime, filters: Filters) -> QuerySet[Case]:
    rows = visible_cases(actor)
    if states := filters.get("states"):
        rows = rows.filter(state__in=states)
    if types := filters.get("types"):
        rows = rows.filter(type__in=types)
    if (ended := filters.get("ended", False)) is not None:
        rows = rows.filter(ended=ended)
    if filters.get("mine"):
        rows = rows.filter(person_id=actor.account_id) if actor.account_id is not None else rows.none()
    if area := filters.get("area"):
        rows = rows.filter(area_code__startswith=area)
    if (overdue := filters.get("overdue")) is not None:
        late = Q(warn_at__isnull=False, due_at__lt=now)
        rows = rows.filter(late) if overdue else rows.exclude(late)
    if colour := filters.get("colour"):
        rows = rows.filter(_colour(colour, now))
    if filters.get("supervised"):
        rows = rows.filter(supervised_at__isnull=False)
    if departments := filters.get("departments"):
        rows = rows.filter(department__key__in=departments)
    if owners := filters.get("owners"):
        rows = rows.filter(owner__key__in=owners)
    rows = _counted(rows, filters)
    if text := filters.get("text"):
        if _NUMBER.fullmatch(text):
            return rows.filter(number=text)
        rows = rows.filter(_holding(text))
    return rows


def _holding(text: str) -> Q:
    """Return the cases whose number or title, or the name of whose owner or person, holds a text."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found = Q(pk__in=RawSQL(HOLDING, [text, f"%{escaped}%"]))  # noqa: S611  a constant; what is asked is bound
    bodies = Organisation.objects.filter(name__icontains=text)
    # A person is called by the name, and by the account's where none was given.
    people = Account.objects.filter(Q(name__icontains=text) | Q(name="", username__icontains=text))
    # Beside a condition on another table the index of words serves less well: only where there are such names.
    if bodies.exists():
        found |= Q(owner__in=bodies)
    if people.exists():
        found |= Q(person__in=people)
    return found


HOLDING = """
SELECT case_id FROM cases_words WHERE cases_pairs(words) @@ cases_pairs_asked(lower(%s)) AND words LIKE lower(%s)
"""


def _counted(rows: QuerySet[Case], filters: Filters) -> QuerySet[Case]:
    """Narrow cases to those a statistic has counted."""
    if category := filters.get("category"):
        rows = rows.filter(category=category)
    if source := filters.get("source"):
        rows = rows.filter(source=source)
    if (department := filters.get("department")) is not None:
        rows = rows.filter(department=department)
    if opened := filters.get("opened"):
        rows = rows.filter(opened_at__gte=opened[0], opened_at__lt=opened[1])
    if closed := filters.get("closed"):
        rows = rows.filter(closed_at__gte=closed[0], closed_at__lt=closed[1])
    if filters.get("done"):
        rows = rows.filter(in_time__isnull=False)
    if (in_time := filters.get("in_time")) is not None:
        rows = rows.filter(in_time=in_time)
    return rows


def _colour(colour: Colour, now: dt.datetime) -> Q:
    """Return the cases of a colour as ranges of what is indexed: on the dot of a limit it still holds."""
    match colour:
        case "green":
            return Q(warn_at__gte=now)
        case "yellow":
            return Q(warn_at__lt=now, due_at__gte=now)
        case "red":
            return Q(warn_at__isnull=False, due_at__lt=now)
        case "paused":
            return Q(ended=False, warn_at__isnull=True)
        case "ended":
            return Q(ended=True)


def case_view(number: str, actor: Actor, now: dt.datetime | None = None) -> CaseView:
    """Return one case with its history and what the actor may do next. Raises NotFound."""
    row = (
        visible_cases(actor)
        .filter(number=number)
        .prefetch_related("events", "case_alerts", "stages__owner", "stages__person")
        .first()
    )
    if row is None:
        raise NotFound(_("没有找到案件 %s。") % number)
    return _view(row, now or timezone.now(), actor)


def visible_cases(actor: Actor) -> QuerySet[Case]:
    city: City = settings.CITY
    allowed = scope(actor, "cases").q()
    # Q() is everything, and Django drops it from an OR: who may see every case is not asked kind by kind.
    for key in city.cases if allowed != Q() else ():
        allowed |= Q(type=key) & scope(actor, key).q()
    return Case.objects.filter(allowed).select_related("owner", "person", "clock", "stage", "department", "merged_into", "lead")


def _view(row: Case, now: dt.datetime, actor: Actor | None = None, mark: str = "") -> CaseView:
    city: City = settings.CITY
    declared: CaseType | None = city.cases.get(row.type)
    states = {state.key: state.name for state in declared.states} if declared else {}
    work = clocks.view(clock_of(row.clock), now, work_time(), ended=row.ended)
    shown = clocks.view(stay_clock(row.stage), now, work_time(), ended=row.ended) if row.stage and row.stage.own_limit else work
    steps = services.steps_of(actor, row) if actor and declared else ()
    scheme = city.scheme(row.type)
    category = scheme.category(row.category, row.catalog_version) if scheme and row.category else None
    return CaseView(
        number=row.number,
        type=row.type,
        type_name=declared.name if declared else row.type,
        state=row.state,
        state_name=states.get(row.state, row.state),
        ended=row.ended,
        title=row.title,
        owner=row.owner.name,
        owner_key=row.owner.key,
        person=str(row.person or ""),
        person_id=row.person_id,
        area_code=row.area_code,
        lon=row.lon,
        lat=row.lat,
        opened_at=row.opened_at,
        due_at=shown.due_at or row.due_at,
        closed_at=row.closed_at,
        clock=shown,
        overdue=shown.overdue,
        simulated=row.simulated,
        evidence=row.evidence,
        source=str(row.get_source_display()),
        category=row.category,
        category_name=category.minor if category else row.category,
        catalog_version=row.catalog_version,
        condition=row.condition,
        description=row.description,
        address=row.address,
        component_key=row.component_key,
        emergency=row.emergency,
        priority=row.priority,
        report_count=row.report_count,
        department=row.department.name if row.department else "",
        merged_into=row.merged_into.number if row.merged_into else "",
        lead=row.lead.number if row.lead else "",
        supervised_at=row.supervised_at,
        stage_since=row.stage_since,
        work=work,
        why_paused=row.stage.reason if row.stage else "",
        limit_source=row.clock.source,
        limit_edition=row.clock.edition,
        counters={name: getattr(row, name) for name in COUNTERS},
        alerts=tuple(it.alert_id for it in row.case_alerts.all()) if actor else (),
        steps=tuple(StepView(step.key, step.name, states.get(step.to, step.to), tuple(step.needs)) for step in steps),
        history=_history(row, declared) if actor else (),
        stages=tuple(_stage(it, states) for it in row.stages.all()) if actor else (),
        merged=tuple(row.merged.order_by("id").values_list("number", flat=True)) if actor else (),
        parts=tuple(row.parts.order_by("id").values_list("number", flat=True)) if actor else (),
        mark=mark,
    )


def _stage(it: CaseStage, states: Mapping[str, str]) -> StageView:
    posts = {role.value: str(role.label) for role in Role}
    return StageView(
        it.state, states.get(it.state, it.state), it.owner.name, str(it.person or ""), posts.get(it.post, it.post), it.clock,
        it.reason, it.entered_at, it.left_at, it.due_at,
    )  # fmt: skip


def _history(row: Case, declared: CaseType | None) -> tuple[CaseEventView, ...]:
    # A case that begins with the centre is filed by a step of its own.
    begun = _("上报") if declared and declared.states[0].body == "centre" else _("立案")
    names = {
        "opened": begun, "assigned": _("分派"), "owner_unknown": _("主办单位不明"), "alert_joined": _("并入预警"),
        "supervised": _("督办"), "late": _("超时提醒"), "due_soon": _("临近时限提醒"),
        "report_joined": _("并入上报"), "report_separated": _("拆出上报"), "case_taken_in": _("并入案件"),
        "case_taken_out": _("撤出案件"), "rated": _("上报人评价"), "contradicted": _("上报人不认可"), "urged": _("催办"),
        "located": _("定位"), "amended": _("修改"), "noted": _("补充说明"),
    }  # fmt: skip
    names |= {step.key: step.name for step in declared.transitions} if declared else {}
    found = []
    for it in row.events.all():
        word = it.transition or it.kind
        name = names.get(word, word)
        found.append(
            CaseEventView(it.kind, name, it.at, it.actor, it.before, it.after, it.reason, it.note, it.reason_code, it.data)
        )
    return tuple(found)
