# SPDX-License-Identifier: Apache-2.0
"""Reports come in and cases are worked on, deed by deed in the order of time, through the services every person's page uses.

    planned incidents ──told──▶ file_report ─▶ case ─▶ accept · verify · dispatch · handle · check · close ─▶ rated, or reopened
           └──────────────────────────── truth.jsonl: what really was, and who was false ◀──────────┘

A run takes up where the last one ended: which reports came is read from the newest of them, what is next in a case follows
from the seed and the case alone. So a run may be cut short, repeated or missed; only the truth of what was false is then told
twice, under the same key.
"""

from __future__ import annotations

import datetime as dt
import heapq
import json
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chengyun.access.actors import ANONYMOUS, Actor
from chengyun.access.models import Organisation
from chengyun.cases import services
from chengyun.cases.intake import dealings, merging, photos
from chengyun.cases.intake.models import Report
from chengyun.cases.intake.services import ReportIn, file_report
from chengyun.cases.intake.thinking import look_for_twins
from chengyun.cases.models import Case
from chengyun.city import CaseType, City, SimulatedArea, Transition
from chengyun.city.incidents import Habits, Move
from chengyun.collect.simulate import simulated_areas
from chengyun.config import Config
from chengyun.errors import Problem
from chengyun.simulate.incidents import CHANNELS, Planned, Told, planned, texts_of
from chengyun.simulate.people import Cast, Habit, after_work, habit_of
from chengyun.simulate.phones import Phones
from chengyun.simulate.recognising import Recognising
from chengyun.simulate.scenes import photo
from chengyun.simulate.told import folder, read_told

__all__ = ["Done", "advance", "made_up_type"]

DEPARTMENTS = frozenset({"handler", "department_clerk"})
RATED, CONTRADICTED, FOOLED = 0.35, 0.04, 0.3
"""How often a reporter rates the end, opens the case again, and does so where nothing was done."""
CHEATS = {"elsewhere": 0.35, "again": 0.35, "clever": 0.3}
"""How a false deed is shown: a photo taken elsewhere, one that was shown before, one that nothing can be seen on."""
STOCK = 3
"""Photos a false body shows again and again."""
AWAY = 0.012
"""Degrees, about a kilometre: how far away a photo of elsewhere is taken."""
PAGES = ("web", "app")
"""Channels that show what was reported nearby before a report is sent."""
PHOTO = 0.55
"""How often a report comes with a photo."""
STARS = (1, 2, 3, 4, 5)
PRAISE = {"in_time": (1, 2, 6, 25, 40), "late": (12, 14, 14, 8, 4)}
COMPLAINT = ("还是老样子，没有人来过", "只弄了一半，旁边还有", "第二天又坏了")
AWAIT = dt.timedelta(minutes=20)
TOLD_AGAIN = {True: 0.35, False: 0.03}
"""How often somebody else tells of the same at the same place within days of an end: where nothing was done, and where it was.

As evaluation believes before it has seen a case (cases/evaluation/doubt.py, again)."""
AGAIN_H = 30.0
AGAIN_MOST_H = 120.0
ABOUT = 0.0001
"""Degrees, some ten metres: how far from the case's place it is told of again."""
SLOWEST = 4.0
"""Nothing takes longer than so many times its average."""

log = logging.getLogger(__name__)


@dataclass
class Done:
    """What a run did. reports: filed; deeds: steps taken; false: deeds that said what was not so."""

    reports: int = 0
    deeds: int = 0
    false: int = 0


@dataclass(order=True)
class _Due:
    at: dt.datetime
    order: str
    told: Told | None = field(default=None, compare=False)
    case: Case | None = field(default=None, compare=False)
    move: Move | None = field(default=None, compare=False)


def made_up_type(city: City) -> str | None:
    """Return the kind of case that is made up in this city; None where no pack says how."""
    return next((key for key, declared in city.cases.items() if declared.habits and declared.reports), None)


def advance(
    config: Config, city: City, now: dt.datetime, days: float, *, seed: int | None = None,
    areas: Sequence[SimulatedArea] = (), scale: float = 1.0,
) -> Done:  # fmt: skip
    """Do everything that is due until now. days: how far back a city without made-up reports begins.

    seed: the city's code where none is given. areas: where things go wrong; the city's districts where none are given.
    scale: how many times what the habits tell happens.
    Nothing is done before the city has areas and a centre.
    """
    kind = made_up_type(city)
    centre = Organisation.objects.filter(kind=Organisation.Kind.CENTRE, parent=None).order_by("id").first()
    if kind is None or centre is None:
        return Done()
    return _Run(config, city, kind, centre, int(config.city) if seed is None else seed, areas, scale).until(
        now, dt.timedelta(days=days)
    )


class _Run:
    def __init__(
        self, config: Config, city: City, kind: str, centre: Organisation, seed: int, areas: Sequence[SimulatedArea], scale: float
    ) -> None:
        self._config, self._kind, self._centre = config, kind, centre
        self._seed = seed
        self._given, self._scale = areas, scale
        self._declared: CaseType = city.cases[kind]
        pack = city.packs[kind.split(".")[0]]
        self._habits = Habits.read(pack.folder / str(self._declared.habits), self._declared, city.scheme(kind))
        self._categories = texts_of(self._habits)
        self._cast = Cast(self._seed)
        self._due: list[_Due] = []
        self._roots: dict[int, str] = {}
        self._false: set[str] = set()
        self._recognising = Recognising(config)
        self._phones = Phones(self._seed)
        self._done = Done()
        self._now = dt.datetime.max.replace(tzinfo=dt.UTC)

    @cached_property
    def _areas(self) -> list[SimulatedArea]:
        return list(self._given) or simulated_areas(self._seed)

    @cached_property
    def _known_false(self) -> set[str]:
        """Cases somebody said was worked on that was not, as this run and those before it had it. Read when a case ends."""
        self._false |= {one["key"] for one in read_told(self._config) if one["what"] == "false"}
        return self._false

    def until(self, now: dt.datetime, history: dt.timedelta) -> Done:
        newest = Report.objects.filter(simulated=True).order_by("-received_at").values_list("received_at", flat=True).first()
        begun, self._now = newest or now - history, now
        for one in self._incidents(begun, now):
            for told in one.told:
                if begun < told.at <= now:
                    heapq.heappush(self._due, _Due(told.at, told.key, told=told))
            if begun < one.at <= now:
                self._tell_truth("incident", one.key, one.at, category=one.kind.category, lon=one.lon, lat=one.lat)
        for case in Case.objects.filter(type=self._kind, simulated=True, ended=False).select_related("owner"):
            self._plan(case, now)
        lately = begun - dt.timedelta(hours=AGAIN_MOST_H)
        for case in Case.objects.filter(type=self._kind, simulated=True, ended=True, stage_since__gte=lately):
            self._plan_again(case, begun, now)
        while self._due:
            due = heapq.heappop(self._due)
            try:
                worked = self._report(due.told) if due.told else self._deed(due)
            except Problem as refused:
                # A person may have been quicker, or what was planned no longer stands: the next run looks again.
                log.info("simulated deed %s was not taken: %s", due.order, refused.sentence)
                continue
            if worked is not None:
                self._plan(worked, now)
        return self._done

    def _incidents(self, since: dt.datetime, until: dt.datetime) -> Iterator[Planned]:
        # A report may come in on the day after what it tells of.
        day, zone = (since - dt.timedelta(days=1)).astimezone(self._config.zone).date(), self._config.zone
        while day <= until.astimezone(zone).date():
            yield from planned(day, self._habits, self._areas, self._seed, zone, self._scale)
            day += dt.timedelta(days=1)

    def _plan(self, case: Case, now: dt.datetime) -> None:
        """Put the next deed of a case on the list, when its time has come."""
        if case.ended:
            return
        dice = self._dice(case)
        move = self._habits.move_from(case.state, dice)
        if move is None:
            return
        minutes = min(dice.expovariate(1 / move.minutes) + move.minutes / 5, move.minutes * SLOWEST)
        span = dt.timedelta(minutes=minutes * (self._habit(case).pace if self._step(case, move).by[0] in DEPARTMENTS else 1.0))
        at = case.stage_since + span / 2 if case.emergency else after_work(case.stage_since, span, self._config.zone)
        if at <= now:
            heapq.heappush(self._due, _Due(at, case.number, case=case, move=move))

    def _plan_again(self, case: Case, begun: dt.datetime, now: dt.datetime) -> None:
        """Put a report of the same on the list, by somebody who finds it there after the end: as it was, or once more."""
        mine = case.reports.order_by("received_at", "pk").first()
        if mine is None or case.in_time is None or case.lon is None or case.lat is None or "again" in str(mine.idempotency_key):
            return
        false = case.number in self._known_false
        dice = random.Random(f"{self._seed} again {self._root(case)} {case.stage_since.isoformat()}")  # noqa: S311  reproducible
        if dice.random() >= TOLD_AGAIN[false]:
            return
        at = case.stage_since + dt.timedelta(hours=1 + min(dice.expovariate(1 / AGAIN_H), AGAIN_MOST_H - 2))
        key = str(mine.idempotency_key).removeprefix("simulated ")
        incident = self._recognising.incident_of(mine.number) if false else f"{key}-anew"
        texts = next((one.texts for one in self._habits.incidents if one.category == case.category), (mine.text,))
        lon, lat = (round(place + dice.uniform(-ABOUT, ABOUT), 6) for place in (case.lon, case.lat))
        told = Told(f"{key}-again", incident, at, dice.choice(texts), dice.choice(CHANNELS), lon, lat, case.category)
        if begun < at <= now:
            if not false:
                self._tell_truth("incident", incident, at, category=case.category, lon=lon, lat=lat)
            heapq.heappush(self._due, _Due(at, told.key, told=told))

    def _report(self, told: Told) -> Case | None:
        dice = random.Random(f"{self._seed} report {told.key}")  # noqa: S311  reproducible, not secret
        pictures = (self._photo(told.incident, told.key, told, told.at, mended=False),) if dice.random() < PHOTO else ()
        given = ReportIn(
            channel=told.channel, text=told.text, category=told.chosen, lon=told.lon, lat=told.lat, photos=pictures,
            idempotency_key=f"simulated {told.key}", simulated=True, join=self._recognised(told, dice),
        )  # fmt: skip
        filed = file_report(given, ANONYMOUS, told.at)
        if filed.again:
            return None
        self._done.reports += 1
        joined = filed.duplicate_of.number if filed.duplicate_of else ""
        self._recognising.note(filed.report.number, told.incident)
        by = "" if not joined else "reporter" if given.join else "program"
        self._tell_truth("report", told.key, told.at, incident=told.incident, number=filed.report.number, joined=joined, by=by)
        # A report that joined another one's case leaves it where it stands, on the list already.
        return None if joined else filed.case

    def _recognised(self, told: Told, dice: random.Random) -> str:
        """Return the case a resident joins who sees, at the report page, that it is the same thing."""
        if told.channel not in PAGES:
            return ""
        shown = look_for_twins(lon=told.lon, lat=told.lat, at=told.at, category=told.chosen, text=told.text)
        return self._recognising.seen("resident", told.incident, [one.case for one in shown], dice)

    def _deed(self, due: _Due) -> Case:
        case, move, at = due.case, due.move, due.at
        assert case is not None and move is not None  # noqa: PT018  a deed has both
        step, dice = self._step(case, move), self._dice(case)
        actor = self._actor(step, case)
        if case.state == self._declared.states[0].key and (taken := self._take_up(case, at)):
            return taken
        cheat = ""
        if "photo" in step.needs and step.by[0] in DEPARTMENTS and dice.random() < self._habit(case).false:
            cheat = dice.choices(list(CHEATS), list(CHEATS.values()))[0]
            self._done.false += 1
            self._false.add(case.number)
            self._tell_truth("false", case.number, at, step=step.key, body=case.owner.key, how=cheat)
        given = self._evidence(case, step, move, actor, at, dice, cheat)
        taken = services.take_step(case, step.key, actor, at, **given)
        self._done.deeds += 1
        if "photo" in step.needs and step.by[0] in DEPARTMENTS:
            self._phones.work(case, actor, at, dice, false=bool(cheat))
        if taken.ended:
            taken = self._heard(taken, at + AWAIT, dice)
        if taken.ended:
            self._plan_again(taken, at, self._now)
        return taken

    def _take_up(self, case: Case, at: dt.datetime) -> Case | None:
        """Let the desk accept the reports that wait on a case; None when none does."""
        waiting = list(case.reports.filter(state=Report.State.WAITING).order_by("received_at"))
        clerk = self._cast.actor("intake_clerk", self._centre)
        for report in waiting:
            category = report.category or self._categories.get(report.text, "") or case.category
            dealings.accept(report, category, clerk, at, show=list(report.photos.values_list("pk", flat=True)))
            self._done.deeds += 1
        for report in waiting[:1]:
            dice = random.Random(f"{self._seed} desk {self._root(case)}")  # noqa: S311  reproducible, not secret
            shown = [one["case"] for one in report.similar if one["case"] != case.number]
            into = self._recognising.seen("clerk", self._recognising.incident_of(report.number), shown, dice)
            if into:
                merging.merge(case, into, clerk, at)
                self._done.deeds += 1
        return Case.objects.select_related("owner").get(pk=case.pk) if waiting else None

    def _heard(self, case: Case, at: dt.datetime, dice: random.Random) -> Case:
        """Let reporters say what they think of the end; one who finds it not mended opens the case again."""
        if case.in_time is None:
            return case
        for report in case.reports.filter(state__in=(Report.State.ACCEPTED, Report.State.JOINED)):
            if dice.random() < (FOOLED if case.number in self._known_false else CONTRADICTED):
                return dealings.contradict(report, dice.choice(COMPLAINT), at)
            if dice.random() < RATED and report.rating is None:
                dealings.rate(report, dice.choices(STARS, PRAISE["in_time" if case.in_time else "late"])[0], "", at)
        return case

    def _evidence(
        self, case: Case, step: Transition, move: Move, actor: Actor, at: dt.datetime, dice: random.Random, cheat: str
    ) -> Mapping[str, Any]:
        text = dice.choice(move.texts) if move.texts else ""
        given: dict[str, Any] = {"data": dict(move.data)}
        if "reason" in step.needs:
            given["reason"] = text or step.name
        if "note" in step.needs or (text and "reason" not in step.needs):
            given["note"] = text or step.name
        if "category" in step.needs and not case.category:
            given["data"]["category"] = self._habits.incidents[0].category
        if "until" in step.needs:
            given["until"] = at + dt.timedelta(days=2)
        if "place" in step.needs or "photo" in step.needs:
            given |= {"lon": case.lon, "lat": case.lat}
        if "photo" in step.needs:
            drawn = self._shown(case, step, at, dice, cheat)
            given["photos"] = [photos.keep(drawn, actor, at, case=case).pk]
        return given

    def _shown(self, case: Case, step: Transition, at: dt.datetime, dice: random.Random, cheat: str) -> bytes:
        """Return the photo that goes with a deed."""
        place, take = self._root(case), f"{self._root(case)} {step.key} {case.stage_since}"
        if cheat == "again":
            place = take = f"stock {case.owner.key} {dice.randrange(STOCK)}"
        elif cheat:
            place = f"elsewhere {dice.random()}"
        return self._photo(place, take, case, at, mended=step.key != "confirm", away=AWAY if cheat == "elsewhere" else 0.0)

    def _photo(self, place: str, take: str, at_place: Case | Told, at: dt.datetime, *, mended: bool, away: float = 0.0) -> bytes:
        lon, lat = float(at_place.lon or 0.0) + away, float(at_place.lat or 0.0)
        return photo(f"{self._seed} {place}", take, mended=mended, at=at, lon=lon, lat=lat, zone=self._config.zone)

    def _actor(self, step: Transition, case: Case) -> Actor:
        role = step.by[0]
        return self._cast.actor(role, case.owner if role in DEPARTMENTS else self._centre)

    def _step(self, case: Case, move: Move) -> Transition:
        """Return the move's step; when it was taken too often already, the last one that is still open from the state."""
        step = self._declared.step(move.step)
        if step is None or not step.open_at(vars(case)):
            known = [one.step for one in self._habits.moves if one.state == case.state]
            step = self._declared.step(known[-1])
        assert step is not None
        return step

    def _habit(self, case: Case) -> Habit:
        return habit_of(case.owner.key, self._seed)

    def _dice(self, case: Case) -> random.Random:
        return random.Random(f"{self._seed} {self._root(case)} {case.state} {case.stage_since.isoformat()}")  # noqa: S311  reproducible

    def _root(self, case: Case) -> str:
        """Return what a case is known by whatever number it got: the key of the report that opened it."""
        if case.pk not in self._roots:
            keys = case.reports.order_by("received_at", "pk").values_list("idempotency_key", flat=True)
            self._roots[case.pk] = keys.first() or case.number
        return self._roots[case.pk]

    def _tell_truth(self, what: str, key: str, at: dt.datetime, **more: object) -> None:
        path = folder(self._config) / "truth.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "key": key, "at": at.isoformat(), **more}, ensure_ascii=False) + "\n")
