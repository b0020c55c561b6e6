# SPDX-License-Identifier: Apache-2.0
"""Alert rules that no batch of observations decides: on figures, when they change; on silence, by the clock.

Both look at what is stored and at the alerts that are open, so they keep no state of their own and may run again at any
time: a transition is what differs between what holds now and what is known to hold. A rule that cannot be judged fails alone.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from psycopg import sql

from chengyun.city import Above, AlertRule, Below, Change, City, Silent, Together, qualify
from chengyun.config import config
from chengyun.operate import troubles
from chengyun.operate.alert_store import statement, write_now
from chengyun.operate.conditions import history_after
from chengyun.operate.models import Alert, RuleState
from chengyun.operate.periods import period_end, window_bounds, window_of
from chengyun.operate.probation.models import Sighting
from chengyun.operate.probation.ruleset import standing_now
from chengyun.operate.rules import Transition, group_key, limit_on

__all__ = ["Seen", "find", "judge_ended", "judge_figures", "judge_silence"]


class Seen(NamedTuple):
    """The newest figures of a subject, newest first: (start of period, value, id, simulated)."""

    subject: str
    area_code: str
    figures: list[tuple[dt.datetime, float, int, bool]]


class _Finding(NamedTuple):
    """What holds for a subject: True raises, False clears, None leaves things as they are."""

    holds: bool | None
    value: float
    worst: float
    limit: float | None
    since: dt.datetime
    times: int


def judge_figures(city: City, indicator: str, subjects: Collection[str] | None, now: dt.datetime) -> list[Transition]:
    """Judge the newest figure of each subject by the rules on its indicator, and write what follows from it.

    subjects: None: all. A period that has not ended is not judged: a day that has just begun is not an incomplete day.
    One that ended long ago raises nothing: it came with history.
    """
    found: list[Transition] = []
    before = _running_since(city, indicator, now)
    quiet = standing_now(city).quiet
    for key, rule in _rules_on(city, indicator):
        if isinstance(rule.when, Silent | Together):
            continue
        with troubles.alone(key, now):
            newest = _newest(indicator, subjects, rule, before)
            found += list(_moved(city, key, rule, indicator, newest, now, quiet=key in quiet))
    named = _with_names(city, indicator, found)
    if named:
        with transaction.atomic(), connection.cursor() as cursor:
            write_now(cursor, named)
    return named


def _moved(
    city: City, key: str, rule: AlertRule, indicator: str, newest: Sequence[Seen], now: dt.datetime, *, quiet: bool
) -> Iterator[Transition]:  # fmt: skip
    zone, period, held = config().zone, city.indicators[indicator].period, _held(key)
    for seen in newest:
        finding = find(city, key, rule, seen)
        kind = _kind(finding.holds, seen.subject in held, seen.subject in held.open)
        start, _, ident, simulated = seen.figures[0]
        end = period_end(period, start, zone)
        if kind is None or (kind == "raise" and now - end > history_after(end - start)):
            continue
        yield Transition(
            kind=kind, rule=key, dataset=indicator, subject=seen.subject, subject_name=seen.subject,
            area_code=seen.area_code, value=finding.value, worst=finding.worst, limit=finding.limit,
            since=finding.since, last_seen=start, times=finding.times, now=now, severity=rule.severity,
            group_key=group_key(key, rule, seen.area_code), simulated=simulated,
            evidence={
                "indicator": indicator, "figure": ident, "subject": seen.subject,
                "period_start": start.isoformat(), "value": finding.value,
            },
            quiet=quiet,
        )  # fmt: skip


def judge_ended(city: City, now: dt.datetime) -> list[Transition]:
    """Judge indicators one of whose periods has ended since the last call: its figures may have stood unchanged for hours.

    The instant up to which an indicator is judged is kept as the state of its rules about no subject.
    """
    found: list[Transition] = []
    for indicator in city.indicators:
        rules = [key for key, rule in _rules_on(city, indicator) if not isinstance(rule.when, Silent | Together)]
        until = _running_since(city, indicator, now)
        judged = RuleState.objects.filter(rule__in=rules, subject="", since__gte=until).count()
        if judged == len(rules):
            continue
        with troubles.alone(rules[0], now):
            found += judge_figures(city, indicator, None, now)
            for key in set(rules) - troubles.failed(rules, now):
                RuleState.objects.update_or_create(rule=key, subject="", defaults={"since": until})
        troubles.judged(rules, now)
    return found


def judge_silence(city: City, now: dt.datetime) -> list[Transition]:
    """Raise what has been silent for too long, clear what speaks again, and write it."""
    found: list[Transition] = []
    now_judged = standing_now(city)
    rules = {key: rule for key, rule in now_judged.rules.items() if isinstance(rule.when, Silent)}
    for key, rule in rules.items():
        with troubles.alone(key, now):
            moved = list(_fallen_silent(city, key, rule, now, quiet=key in now_judged.quiet))
            if moved:
                with connection.cursor() as cursor:
                    write_now(cursor, moved)
            found += moved
    troubles.judged(rules, now)
    return found


def _fallen_silent(city: City, key: str, rule: AlertRule, now: dt.datetime, *, quiet: bool) -> Iterator[Transition]:
    assert isinstance(rule.when, Silent)  # for the type checker: only such rules were chosen
    on = qualify(key.split(".")[0], rule.on)
    newest = _newest_rows(city, on, now - rule.when.after) if on in city.streams else _newest_figures(city, on)
    cadence = city.streams[on].cadence if on in city.streams else None
    awaited = [one for one in newest if not _dormant(one, cadence)]
    yield from _silence(key, rule, rule.when, on, awaited, now, quiet=quiet)


class _Last(NamedTuple):
    subject: str
    name: str
    area_code: str
    time: dt.datetime
    simulated: bool
    received: dt.datetime | None = None


def _dormant(last: _Last, cadence: dt.timedelta | None) -> bool:
    """Say whether the newest observation was history when it came: nobody expects the next one."""
    return last.received is not None and last.received - last.time > history_after(cadence)


def _silence(
    key: str, rule: AlertRule, when: Silent, on: str, newest: Sequence[_Last], now: dt.datetime, *, quiet: bool
) -> Iterator[Transition]:  # fmt: skip
    held = _held(key)
    for last in newest:
        silent = now - last.time > when.after
        kind = _kind(silent, last.subject in held, last.subject in held.open)
        # While it lasts nothing new can be said of silence: an update would only repeat the raise.
        if kind is None or kind == "update":
            continue
        yield Transition(
            kind=kind, rule=key, dataset=on, subject=last.subject, subject_name=last.name, area_code=last.area_code,
            value=None, worst=None, limit=when.after.total_seconds(), since=last.time + when.after, last_seen=last.time, times=1,
            now=now, severity=rule.severity, group_key=group_key(key, rule, last.area_code), simulated=last.simulated,
            evidence={"dataset": on, "subject": last.subject, "last": last.time.isoformat()}, quiet=quiet,
        )  # fmt: skip


def _newest_rows(city: City, stream: str, before: dt.datetime) -> list[_Last]:
    """Return the newest observations. Those before an instant say when they were received."""
    entity = qualify(stream.split(".")[0], city.streams[stream].entity.to)
    register = sql.Identifier(f"{entity.split('.')[0]}_{city.entities[entity].model.lower()}")
    text = sql.SQL(statement("newest_rows")).format(
        latest=sql.Identifier("lake", f"latest_{stream.replace('.', '_')}"), register=register
    )
    with connection.cursor() as cursor:
        cursor.execute(text, {"before": before, "stream": stream})
        return [_Last(*row) for row in cursor.fetchall()]


def _newest_figures(city: City, indicator: str) -> list[_Last]:
    zone, period = config().zone, city.indicators[indicator].period
    with connection.cursor() as cursor:
        cursor.execute(statement("newest_of_each"), {"indicator": indicator, "subjects": None, "count": 1, "before": None})
        rows = cursor.fetchall()
    return [
        _Last(subject, subject, area, period_end(period, start, zone), simulated)
        for subject, area, start, _, _, simulated in rows
    ]


class _Held(frozenset[str]):
    """Subjects of which a rule knows that its condition holds. open: those with an open alert."""

    open: frozenset[str]


def _held(rule: str) -> _Held:
    quiet = rule in standing_now().quiet
    alerts = Alert.objects.filter(rule=rule, holds=True).exclude(state="closed")
    known = Sighting.objects.filter(rule=rule, holds=True) if quiet else alerts
    opened = frozenset(known.values_list("subject", flat=True))
    held = _Held(opened | frozenset(RuleState.objects.filter(rule=rule, holds=True).values_list("subject", flat=True)))
    held.open = opened
    return held


def _kind(holds: bool | None, known: bool, opened: bool) -> Any:
    if holds is None:
        return None
    if holds:
        return "update" if opened else None if known else "raise"
    return "clear" if known else None


def _rules_on(city: City, dataset: str) -> list[tuple[str, AlertRule]]:
    return [(key, rule) for key, rule in standing_now(city).rules.items() if qualify(key.split(".")[0], rule.on) == dataset]


def _running_since(city: City, indicator: str, now: dt.datetime) -> dt.datetime:
    """Return the start of the period that has not ended yet."""
    period = city.indicators[indicator].period
    if period == "hour":
        return now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    zone = config().zone
    return window_bounds(period, window_of(period, now.astimezone(zone).date()), zone)[0]


def _newest(indicator: str, subjects: Collection[str] | None, rule: AlertRule, before: dt.datetime) -> list[Seen]:
    """Return the newest figures with a value: as many as the rule looks back."""
    count = rule.when.times if isinstance(rule.when, Above | Below) else 100
    with connection.cursor() as cursor:
        wanted = None if subjects is None else sorted(subjects)
        given = {"indicator": indicator, "subjects": wanted, "count": count, "before": before}
        cursor.execute(statement("newest_of_each"), given)
        rows = cursor.fetchall()
    found: dict[str, Seen] = {}
    for subject, area, start, value, ident, simulated in rows:
        if value is not None:
            found.setdefault(subject, Seen(subject, area, [])).figures.append((start, value, ident, simulated))
    return list(found.values())


def find(city: City, key: str, rule: AlertRule, seen: Seen) -> _Finding:
    """Say what the newest figures of a subject, newest first, mean for a rule."""
    start, value, _, _ = seen.figures[0]
    when = rule.when
    if isinstance(when, Change):
        near = [old for at, old, _, _ in seen.figures if start - at <= when.within]
        moved = max(abs(value - old) for old in near)
        return _Finding(moved > when.by, value, value, when.by, start, 1)
    assert isinstance(when, Above | Below)  # for the type checker: Silent was left out before
    sign = 1 if isinstance(when, Above) else -1
    zone, limits = config().zone, city.limits(key)
    limit = limit_on(when.limit, limits, start.astimezone(zone).date())
    beyond = []
    for at, one, _, _ in seen.figures:
        then = limit_on(when.limit, limits, at.astimezone(zone).date())
        if then is None or one * sign <= then * sign:
            break
        beyond.append((at, one))
    back = when.clear if when.clear is not None else limit
    if len(beyond) >= when.times:
        worst = max((one for _, one in beyond), key=lambda one: one * sign)
        return _Finding(True, value, worst, limit, beyond[-1][0], len(beyond))
    ended = back is not None and value * sign <= back * sign
    return _Finding(False if ended else None, value, value, limit, start, 1)


def _with_names(city: City, indicator: str, found: list[Transition]) -> list[Transition]:
    """Return the transitions with what people call their subjects."""
    if not found:
        return found
    names = _names(city, indicator, {one.subject for one in found})
    return [dataclasses.replace(one, subject_name=names.get(one.subject, one.subject)) for one in found]


def _names(city: City, indicator: str, subjects: Collection[str]) -> Mapping[str, str]:
    subject = city.indicators[indicator].subject
    if subject == "area":
        from chengyun.areas.queries import name_of  # loads the geometry library, which only alerts on areas need here

        return {code: name_of(code) for code in subjects}
    from django.apps import apps

    entity = qualify(indicator.split(".")[0], subject)
    model: Any = apps.get_model(entity.split(".")[0], city.entities[entity].model)
    return dict(model.objects.filter(key__in=subjects).values_list("key", "name"))
