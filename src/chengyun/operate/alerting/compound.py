# SPDX-License-Identifier: Apache-2.0
"""Rules on other rules: while which of them held close together in time. The arithmetic is pure; a back-test uses it too.

every  ├──a──┤·········within·········┤
       ├──────b──────┤·········within·········┤
             holds:  ┤████████████████┤            a condition counts from its beginning until a span after its end
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from chengyun.city import AlertRule, City, Together, qualify
from chengyun.operate.alert_store import write_now
from chengyun.operate.models import Alert, RuleState
from chengyun.operate.probation.models import Sighting
from chengyun.operate.probation.ruleset import standing_now
from chengyun.operate.rules import Transition, group_key

__all__ = ["Episode", "Held", "judge_together", "key_of", "spells"]

DIGITS = {"community": 12, "street": 9, "district": 6, "city": 4}
Held = tuple[dt.datetime, dt.datetime | None]
"""[since, ended) of a condition; None: it goes on."""


class Episode(NamedTuple):
    """One time a rule's condition held. ended: None: it holds still. alert: its id, None when it was only counted."""

    rule: str
    subject: str
    subject_name: str
    area_code: str
    since: dt.datetime
    ended: dt.datetime | None
    alert: int | None = None
    simulated: bool = False


def key_of(same: str, subject: str, area_code: str) -> str:
    """Return what episodes must have in common; "": this one's area is not known so closely, and it takes no part."""
    if same == "subject":
        return subject
    digits = DIGITS[same]
    return area_code[:digits] if len(area_code) >= digits else ""


def spells(when: Together, held: Mapping[str, Sequence[Held]]) -> list[Held]:
    """Return the times in which a rule on rules holds, in order.

    held: member → the times its own condition held, of one subject or area.
    """
    reach = {
        name: [(since, None if ended is None else ended + when.within) for since, ended in times] for name, times in held.items()
    }
    edges = sorted({edge for times in reach.values() for time in times for edge in time if edge is not None})
    found: list[Held] = []
    for nth, edge in enumerate(edges):
        until = edges[nth + 1] if nth + 1 < len(edges) else None
        if _holds(when, reach, edge):
            since = found.pop()[0] if found and found[-1][1] == edge else edge
            found.append((since, until))
    return found


def _holds(when: Together, reach: Mapping[str, Sequence[Held]], at: dt.datetime) -> bool:
    def reached(name: str) -> bool:
        return any(since <= at and (ended is None or at < ended) for since, ended in reach.get(name, ()))

    return (
        all(reached(name) for name in when.every)
        and (not when.some or any(reached(name) for name in when.some))
        and not any(reached(name) for name in when.without)
    )


def judge_together(city: City, now: dt.datetime) -> list[Transition]:
    """Judge the rules on rules by the alerts there are, and write what follows."""
    standing = standing_now(city)
    found: list[Transition] = []
    for key, rule in standing.rules.items():
        if isinstance(rule.when, Together):
            found += _judge(key, rule, rule.when, now, key in standing.quiet, standing.quiet)
    if found:
        with transaction.atomic(), connection.cursor() as cursor:
            write_now(cursor, found)
    return found


def _judge(
    key: str, rule: AlertRule, when: Together, now: dt.datetime, quiet: bool, counted: frozenset[str]
) -> Iterator[Transition]:  # fmt: skip
    pack = key.split(".")[0]
    members = {qualify(pack, name): name for name in when.members}
    by_key: dict[str, list[Episode]] = defaultdict(list)
    for episode in _recent(members, counted, now - when.within):
        if common := key_of(when.same, episode.subject, episode.area_code):
            by_key[common].append(episode)
    known = _known(key, quiet)
    closed_while_held = set(RuleState.objects.filter(rule=key, holds=True).values_list("subject", flat=True))
    for common in sorted({*by_key, *known, *closed_while_held}):
        episodes = by_key.get(common, [])
        held: dict[str, list[Held]] = defaultdict(list)
        for one in episodes:
            held[members[one.rule]].append((one.since, one.ended))
        spell = next((one for one in spells(when, held) if one[0] <= now and (one[1] is None or now < one[1])), None)
        if (spell is not None) == (common in known or common in closed_while_held):
            continue
        name, area = known.get(common) or next(((one.subject_name, one.area_code) for one in episodes), ("", ""))
        if when.same != "subject":
            name, area = _area(common), common
        yield Transition(
            kind="raise" if spell else "clear", rule=key, dataset=qualify(pack, rule.on), subject=common,
            subject_name=name or common, area_code=area, value=None, worst=None, limit=None, since=spell[0] if spell else now,
            last_seen=now, times=len(episodes), now=now, severity=rule.severity, group_key=group_key(key, rule, area),
            simulated=any(one.simulated for one in episodes), quiet=quiet,
            evidence={
                "alerts": sorted(one.alert for one in episodes if one.alert), "rules": sorted({one.rule for one in episodes}),
            },
        )  # fmt: skip


def _known(key: str, quiet: bool) -> dict[str, tuple[str, str]]:
    """Return name and area of the subjects a rule is known to hold for."""
    rows: QuerySet[Any] = Sighting.objects.all() if quiet else Alert.objects.exclude(state=Alert.State.CLOSED)
    held = rows.filter(rule=key, holds=True).values_list("subject", "subject_name", "area_code")
    return {subject: (name, area) for subject, name, area in held}


def _recent(members: Mapping[str, str], counted: frozenset[str], since: dt.datetime) -> list[Episode]:
    """Return the episodes of rules that hold or have held since an instant, oldest first."""
    of_late = Q(holds=True) | Q(last_seen_at__gte=since)
    loud = Alert.objects.filter(of_late, rule__in=[it for it in members if it not in counted])
    quiet = Sighting.objects.filter(of_late, rule__in=[it for it in members if it in counted])
    found = [_episode(it, it.pk) for it in loud] + [_episode(it, None) for it in quiet]
    return sorted(found, key=lambda one: (one.since, one.rule, one.subject))


def _episode(it: Alert | Sighting, alert: int | None) -> Episode:
    ended = None if it.holds else it.last_seen_at
    return Episode(it.rule, it.subject, it.subject_name, it.area_code, it.since, ended, alert, it.simulated)


def _area(code: str) -> str:
    from chengyun.areas.queries import name_of  # loads the geometry library, which only alerts on areas need here

    return name_of(code.ljust(6, "0") if len(code) < 6 else code)
