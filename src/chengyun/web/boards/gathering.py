# SPDX-License-Identifier: Apache-2.0
"""What a whole board needs of the past or the present, read at once: thirty tiles ask a handful of questions, not hundreds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.access.predicates import Everything
from chengyun.city.words import Period
from chengyun.config import config
from chengyun.govern.models import Target
from chengyun.operate.boards import memory
from chengyun.operate.boards.definitions import Words
from chengyun.operate.boards.memory import Figure, Known, Step
from chengyun.operate.boards.spec import BoardSpec, TileSpec
from chengyun.operate.indices.comparing import year_before
from chengyun.operate.periods import period_end
from chengyun.web.spans import length_of

__all__ = ["Asked", "Fresh", "Gathered", "area_of", "gather", "indicators_of", "peers_of", "subjects_of"]


@dataclass(frozen=True, slots=True)
class Fresh:
    """What the freshness of an indicator's figures is judged by."""

    period: Period
    fresh_for: dt.timedelta | None


@dataclass(frozen=True)
class Asked:
    """Who looks at which board of when. english: the language texts are shown in."""

    actor: Actor
    board: BoardSpec
    known: Known
    words: Words
    english: bool

    @property
    def zone(self) -> ZoneInfo:
        return config().zone

    def fresh(self, text: Mapping[str, Any]) -> Fresh:
        """Return an indicator's own measure of freshness, as remembered."""
        return Fresh(text["period"], dt.timedelta(seconds=text["fresh_s"]) if text["fresh_s"] is not None else None)

    def said(self, text: Mapping[str, str]) -> str:
        """Return a remembered text in the reader's language."""
        return text["en"] if self.english else text["zh"]


@dataclass
class Gathered:
    """newest: current figure of each (indicator, subject); before: the one before it that has a value. courses: figures by
    (indicator, subject), oldest first. beside: figures of other years and areas, by (indicator, subject, start). details: what
    figures of indices say beside their values, by id. led: of a league of subjects, which they are, by its id. planned: the
    plan's targets that figures measure."""

    newest: Mapping[tuple[str, str], Figure | None]
    courses: Mapping[tuple[str, str], Sequence[Step]]
    before: Mapping[tuple[str, str], Figure] = field(default_factory=dict)
    beside: Mapping[tuple[str, str, dt.datetime], Figure] = field(default_factory=dict)
    details: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    led: Mapping[str, Sequence[str]] = field(default_factory=dict)
    planned: Mapping[tuple[str, str], Sequence[Target]] = field(default_factory=dict)
    alerts: Sequence[tuple[int, dict[str, Any], str, str]] = field(default=())
    cases: Sequence[tuple[int, dict[str, Any], str, str]] = field(default=())
    sees_alerts: bool = False
    sees_cases: bool = False


def subjects_of(tile: TileSpec, asked: Asked) -> list[str]:
    """Return whose figures a tile shows."""
    if tile.kind == "league" and tile.level == "subject":
        return []  # which they are, their figures say
    if tile.kind == "league":
        return [code for code in asked.words.areas(tile.level) if not code[:6].endswith("00") or tile.level != "district"]
    if tile.kind == "map":
        layer = asked.words.find("layer", tile.layer)
        return list(asked.words.areas("district")) if layer and layer["areas"] else []
    return [tile.subject or asked.board.area or config().city]


def gather(asked: Asked) -> Gathered:
    """Read everything the board's tiles show, as the reader may see it."""
    pairs: dict[tuple[str, str], None] = {}
    spans: dict[tuple[str, str], dt.timedelta] = {}
    scopes: dict[str, Scope] = {}

    def open_to(indicator: str) -> bool:
        if indicator not in scopes:
            scopes[indicator] = scope(asked.actor, indicator)
        return scopes[indicator].allowed

    led: dict[str, Sequence[str]] = {}
    for tile in asked.board.tiles:
        for indicator in indicators_of(tile, asked):
            if not open_to(indicator):
                continue
            if tile.kind == "league" and tile.level == "subject":
                within = area_of(tile, asked)
                led[tile.id] = memory.leading(indicator, within, asked.known, tile.limit, lowest=tile.lowest_first)
            for subject in led.get(tile.id) or subjects_of(tile, asked):
                pairs[indicator, subject] = None
                if tile.kind in ("figure", "chart"):
                    spans[indicator, subject] = max(spans.get((indicator, subject), dt.timedelta()), length_of(tile.span))
    three = {
        pair: [one for one in ones if _seen(one, scopes)]
        for pair, ones in memory.figures_newest(list(pairs), asked.known).items()
    }
    newest = {pair: _settled(ones, asked) for pair, ones in three.items()}
    before = {
        pair: earlier
        for pair, ones in three.items()
        if (own := newest[pair]) and (earlier := next((one for one in ones if _is_before(one, own)), None))
    }
    found = memory.courses({pair: asked.known.at - length for pair, length in spans.items()}, asked.known)
    courses = {pair: _steps_seen(steps, scopes[pair[0]]) for pair, steps in found.items()}
    beside = memory.figures_at(_wanted_beside(newest, asked), asked.known)
    gathered = Gathered(
        newest, courses, before, {key: one for key, one in beside.items() if _seen(one, scopes)},
        memory.details(_told_apart(newest, before, asked)), led, _planned(newest, asked),
    )  # fmt: skip
    kinds = {tile.kind for tile in asked.board.tiles}
    if "alerts" in kinds and (allowed := scope(asked.actor, "alerts")).allowed:
        gathered.sees_alerts, gathered.alerts = True, memory.remembered("alert", asked.known, allowed.q())
    if "cases" in kinds:
        visible, gathered.sees_cases = _cases_seen(asked.actor)
        if gathered.sees_cases:
            gathered.cases = memory.remembered("case", asked.known, visible)
    return gathered


def area_of(tile: TileSpec, asked: Asked) -> str:
    """Return the area a list is narrowed to, as the beginning of codes; empty: the whole city."""
    return tile.area or (asked.board.area if not asked.board.area[:6].endswith("00") else "")


def peers_of(subject: str, asked: Asked) -> list[str]:
    """Return the areas an area is compared with: those of its level, itself among them; none where it is alone."""
    for level in ("district", "street"):
        codes = [code for code in asked.words.areas(level) if not code[:6].endswith("00")]
        if subject in codes and len(codes) > 1:
            return codes
    return []


def _is_before(one: Figure, own: Figure) -> bool:
    return one.value is not None and one.period_start < own.period_start


def _wanted_beside(
    newest: Mapping[tuple[str, str], Figure | None], asked: Asked
) -> list[tuple[str, str, dt.datetime]]:  # fmt: skip
    """Return which figures the tiles' figures are compared with: of the same period a year before, and of other areas."""
    wanted: dict[tuple[str, str, dt.datetime], None] = {}
    shown = [
        (indicator, subjects_of(tile, asked)[0])
        for tile in asked.board.tiles
        if tile.kind in ("figure", "index", "vitals")
        for indicator in indicators_of(tile, asked)[: 1 if tile.kind != "vitals" else tile.limit]
    ]
    for indicator, subject in dict.fromkeys(shown):
        own, text = newest.get((indicator, subject)), asked.words.find("indicator", indicator)
        if own is None or text is None:
            continue
        if (then := year_before(own.period_start)) is not None:
            wanted[indicator, subject, then] = None
        if text["subject"] == "area":
            wanted |= dict.fromkeys((indicator, code, own.period_start) for code in peers_of(subject, asked))
    return list(wanted)


def _planned(
    newest: Mapping[tuple[str, str], Figure | None], asked: Asked
) -> dict[tuple[str, str], list[Target]]:  # fmt: skip
    """Return the plan's targets by what they are measured by. Of the past nothing is said: their links are not remembered."""
    if not asked.known.now or not newest or not scope(asked.actor, "targets").allowed:
        return {}
    found: dict[tuple[str, str], list[Target]] = {}
    for one in Target.objects.filter(indicator__in={indicator for indicator, _subject in newest}, withdrawn_at=None):
        found.setdefault((one.indicator, one.subject), []).append(one)
    return found


def _told_apart(
    newest: Mapping[tuple[str, str], Figure | None], before: Mapping[tuple[str, str], Figure], asked: Asked
) -> list[int]:
    """Return the figures of indices whose parts are shown, and those their changes are counted from."""
    pairs = [
        (tile.indicator, subjects_of(tile, asked)[0])
        for tile in asked.board.tiles
        if tile.kind == "index" and (asked.words.find("indicator", tile.indicator) or {}).get("index")
    ]
    return [one.id for pair in pairs for one in (newest.get(pair), before.get(pair)) if one is not None]


def indicators_of(tile: TileSpec, asked: Asked) -> list[str]:
    """Return the indicators a tile reads figures of."""
    found = [one for one in (tile.indicator,) if one]
    found += tile.indicators
    if tile.kind == "vitals" and not tile.indicators:
        found += _vitals(tile, asked)
    if tile.kind == "index":
        text = asked.words.find("indicator", tile.indicator)
        found += tile.parts or (text["uses"] if text else [])
    if tile.kind == "map" and (layer := asked.words.find("layer", tile.layer)):
        found += [one for one in (layer["areas"],) if one]
    return [one for one in dict.fromkeys(found) if asked.words.find("indicator", one)]


def _vitals(tile: TileSpec, asked: Asked) -> list[str]:
    """Return the city's vital signs; of a department, whatever it tells by area."""
    if not tile.department:
        return list((asked.words.find("vitals", "") or {}).get("indicators", ()))
    return [
        key
        for key, text in asked.words.all("indicator").items()
        if text["owner"]["zh"] == tile.department and text["subject"] == "area"
    ]


def _cases_seen(actor: Actor) -> tuple[Q, bool]:
    allowed = scope(actor, "cases")
    visible, any_at_all = allowed.q(), allowed.allowed
    for key in settings.CITY.cases if visible != Q() else ():
        own = scope(actor, key)
        visible |= Q(dataset=key) & own.q()
        any_at_all = any_at_all or own.allowed
    return visible, any_at_all


def _seen(figure: Figure, scopes: Mapping[str, Scope]) -> bool:
    return scopes[figure.indicator].matches({"area_code": figure.area_code, "period_start": figure.period_start})


def _steps_seen(steps: Sequence[Step], allowed: Scope) -> Sequence[Step]:
    if isinstance(allowed.rows, Everything):
        return steps
    return [one for one in steps if allowed.matches({"area_code": one.area_code, "period_start": one.period_start})]


def _settled(figures: Sequence[Figure], asked: Asked) -> Figure | None:
    """Return the newest figure, or the one before where the newest is of a period that lasts and still empty."""
    if not figures:
        return None
    first = figures[0]
    text = asked.words.find("indicator", first.indicator)
    empty = first.value is None and text is not None and len(figures) > 1
    if empty and text and asked.known.at < period_end(text["period"], first.period_start, asked.zone):
        return figures[1]
    return first
