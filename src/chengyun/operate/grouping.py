# SPDX-License-Identifier: Apache-2.0
"""Many indicators at a time: those that read the same rows over the same time are opened, asked, compared and written together.

    due windows of a level ──▶ newest chunk of each ──▶ groups of one set of streams and one span
        ──▶ one view, few queries ──▶ what differs from what is current ──▶ one COPY, one transaction

With 300 indicators an hour of new data is a few queries then, not a few thousand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction

from chengyun.city import City, qualify
from chengyun.config import config
from chengyun.operate import compute, due, store, watch
from chengyun.operate.order import inputs, upstream
from chengyun.operate.periods import Chunk, chunks, moved_windows, reach, window_bounds
from chengyun.operate.probation.ruleset import standing_now

if TYPE_CHECKING:
    from chengyun.lake.read import Snapshot

__all__ = ["Answer", "Kept", "Planned", "answer", "groups", "held_starts", "keep", "plan", "watched"]

SHORT = dt.timedelta(days=2)
MOST_SHORT, MOST_LONG = 150, 8
"""How many indicators go together over a short span and over a longer one: what bounds the memory is rows."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A chunk of an indicator that is due. fresh: only new rows made it so, and they say which hours moved."""

    indicator: str
    part: Chunk
    windows: tuple[due.Due, ...]
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """All the figures a formula says of a chunk, and the state of its inputs."""

    planned: Planned
    figures: Sequence[compute.Computed]
    as_of: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of an answer: how many figures there are, how many changed."""

    planned: Planned
    rows: int
    changed: int


def held_starts(city: City, indicator: str, starts: Iterable[dt.date], now: dt.datetime) -> set[dt.date]:
    """Return the windows that wait for the days they are made of: months and years are computed once those have settled, and what
    looks back once the days it looks back on have."""
    declared, zone = city.indicators[indicator], config().zone
    period, back = declared.period, declared.looks_back
    if period not in ("month", "year") and not back:
        return set()
    finer = upstream(city, indicator)
    held = set()
    for start in starts if finer else ():
        begin, end = window_bounds(period, start, zone)
        since, until = (one.astimezone(zone).date() for one in (reach(begin, back, zone), end))
        if due.held_back(now, finer, since, until):
            held.add(start)
    return held


def plan(
    city: City, indicator: str, windows: Sequence[due.Due], touched: due.Touched, now: dt.datetime, days: int
) -> Planned | None:
    """Return the newest chunk of an indicator's due windows; None when nothing can be computed now.

    days: that go together at most. Raises what a wrong declaration raises.
    """
    held = held_starts(city, indicator, (one.start for one in windows), now)
    by_start = {one.start: one for one in windows if one.start not in held}
    if not by_start:
        return None
    period, zone = city.indicators[indicator].period, config().zone
    parts = chunks(period, by_start, zone, lambda day: compute.parameters(city, indicator, day), days)
    due.done(indicator, [by_start[start] for start in by_start.keys() - {start for part in parts for start in part.starts}])
    if not parts:
        return None
    fresh = all((indicator, start) in touched.fresh for start in parts[0].starts)
    return Planned(indicator, parts[0], tuple(by_start[start] for start in parts[0].starts), fresh)


def groups(city: City, planned: Iterable[Planned]) -> Iterator[list[Planned]]:
    """Yield what goes together: the same streams, read over the same span; newest spans first, few of a long span."""
    found: dict[tuple[dt.datetime, dt.datetime, tuple[str, ...], int], list[Planned]] = {}
    for one in planned:
        key = one.part.since, one.part.until, inputs(city, one.indicator)[0], city.indicators[one.indicator].looks_back
        found.setdefault(key, []).append(one)
    # By span and, within it, in the order of the levels; sorting is stable.
    for (since, until, *_), members in sorted(found.items(), key=lambda item: item[0][1], reverse=True):
        most = MOST_SHORT if until - since <= SHORT else MOST_LONG
        for first in range(0, len(members), most):
            yield members[first : first + most]


def answer(city: City, group: Sequence[Planned], touched: due.Touched, opened: compute.Inputs) -> list[Answer]:
    """Compute a group. Raises what any of its formulas raises."""
    since, until = group[0].part.since, group[0].part.until
    since = reach(since, city.indicators[group[0].indicator].looks_back, config().zone)
    seen = store.newest_id()
    used = {
        key: store.used_figures(key, since, until)
        for key in dict.fromkeys(key for one in group for key in inputs(city, one.indicator)[1])
    }
    view = opened.open(group[0].indicator, since, until, used)
    found: list[Answer] = []
    for spanned in _spans(city, group, touched, view):
        part = spanned[0].part
        figures = compute.compute_together(
            city, [one.indicator for one in spanned], view, part.since, part.until, part.parameters, config().zone
        )
        for one, own in zip(spanned, figures, strict=True):
            uses = inputs(city, one.indicator)[1]
            found.append(Answer(one, own, dict(view.seqs) | ({"figures": seen} if uses else {})))
    return found


def _spans(city: City, group: Sequence[Planned], touched: due.Touched, view: Snapshot) -> list[list[Planned]]:
    """Return a group divided by what is asked: parameters, and the hours alone that new rows are of, where that is enough."""
    found: dict[tuple[object, ...], list[Planned]] = {}
    moved: tuple[dt.datetime, dt.datetime] | None = None
    looked = False
    for one in group:
        declared = city.indicators[one.indicator]
        part = one.part
        if one.fresh and declared.period == "hour" and "period" in declared.apart and not declared.uses:
            if not looked:
                moved, looked = _moved(city, inputs(city, one.indicator)[0], touched, view), True
            if moved is not None:
                part = replace(part, since=max(part.since, moved[0]), until=min(part.until, moved[1]))
        given = tuple(sorted((name, repr(value)) for name, value in part.parameters.items()))
        found.setdefault((part.since, part.until, given), []).append(replace(one, part=part))
    return list(found.values())


def _moved(
    city: City, streams: Sequence[str], touched: due.Touched, view: Snapshot
) -> tuple[dt.datetime, dt.datetime] | None:  # fmt: skip
    """Return the whole hours that hold the rows that came since notes were taken before; None when that is not known."""
    times: list[dt.datetime] = []
    for stream in streams:
        if (after := touched.after.get(stream)) is None:
            return None
        pack, key = stream.split(".")
        column = f'"{city.streams[stream].time}"'
        [row] = view.rows(f'SELECT min({column}) AS low, max({column}) AS high FROM "{pack}"."{key}_raw" WHERE seq > {after:d}')  # noqa: S608  # declared names
        times += [moment for moment in (row["low"], row["high"]) if moment is not None]
    if not times:
        return None
    hour = dt.timedelta(hours=1)
    first, last = (moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0) for moment in (min(times), max(times)))
    return first, last + hour


def watched(city: City) -> frozenset[str]:
    """Return what alert rules that are judged now look at, by qualified key."""
    return frozenset(qualify(key.split(".")[0], rule.on) for key, rule in standing_now(city).rules.items())


def keep(
    city: City,
    answers: Sequence[Answer],
    follow: Mapping[str, Sequence[str]],
    now: dt.datetime,
    judged: Collection[str] | None = None,
) -> list[Kept]:
    """Write the figures that differ from what is current, and what follows from them, in one transaction.

    follow: indicator → those that use it. judged: what alert rules look at; None: find out. The caller is the one writer.
    """
    zone = config().zone
    today = now.astimezone(zone).date()
    judged = watched(city) if judged is None else judged
    fresh: list[store.Fresh] = []
    gone: list[int] = []
    kept: list[Kept] = []
    follows: set[tuple[str, dt.date]] = set()
    for given, before in _before(answers):
        indicator = given.planned.indicator
        version = city.indicators[indicator].version
        new, same = [], set()
        for one in given.figures:
            known = before.get((one.subject, one.period_start))
            if known and known[1] == version and known[2].same(one):
                same.add((one.subject, one.period_start))
            else:
                new.append(one)
        replaced = {key: ident for key, (ident, _, _) in before.items() if key not in same}
        changed = {(one.subject, one.period_start) for one in new} | replaced.keys()
        fresh.append(store.Fresh(indicator, new, {}, given.as_of, version))
        gone += replaced.values()
        kept.append(Kept(given.planned, len(given.figures), len(changed)))
        days = {start.astimezone(zone).date() for start in {start for _, start in changed}}
        for key in follow.get(indicator, ()):
            one_that_follows = city.indicators[key]
            for day in days:
                follows |= {
                    (key, window) for window in moved_windows(one_that_follows.period, one_that_follows.looks_back, day, today)
                }
    with transaction.atomic():
        if gone or any(one.figures for one in fresh):
            fresh = [one for one in store.placed(city, fresh) if one.figures]
            store.write(fresh, gone, now)
            store.tell(fresh)
            due.add(follows)
            for own in fresh:
                if own.indicator in judged:
                    watch.judge_figures(city, own.indicator, {one.subject for one in own.figures}, now)
        windows: dict[str, list[due.Due]] = {}
        for given in answers:
            windows.setdefault(given.planned.indicator, []).extend(given.planned.windows)
        due.done_together(windows)
    return kept


def _before(answers: Sequence[Answer]) -> Iterator[tuple[Answer, store.Current]]:
    """Yield answers with what is current of them, read by one query for all of one span."""
    spans: dict[tuple[dt.datetime, dt.datetime], list[Answer]] = {}
    for one in answers:
        spans.setdefault((one.planned.part.since, one.planned.part.until), []).append(one)
    for (since, until), members in spans.items():
        found = store.current([one.planned.indicator for one in members], since, until)
        for one in members:
            yield one, found[one.planned.indicator]
