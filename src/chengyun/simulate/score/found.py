# SPDX-License-Identifier: Apache-2.0
"""What the city noticed, as its tables have it: alerts, flagged observations, joined reports, signs, and how bodies did."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db.models import F

from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.verification import rules
from chengyun.cases.verification.models import Sign
from chengyun.city import City, qualify
from chengyun.lake.read import snapshot
from chengyun.lake.rows import Flag
from chengyun.operate.models import Alert
from chengyun.operate.probation.ruleset import rules_known
from chengyun.simulate.score.duplicates import Filed
from chengyun.simulate.score.rules import Alerted, Flagged

__all__ = ["alerts", "cases_of_reports", "doubts", "ends", "filed", "flagged", "sent_back", "signs", "slack_of", "worked"]

FLAGS = {"spike": Flag.SPIKE, "stuck": Flag.STUCK, "gap": Flag.GAP, "range": Flag.RANGE}
DAY = dt.timedelta(days=1)


def alerts(since: dt.datetime, until: dt.datetime) -> list[Alerted]:
    """Return the alerts on what is simulated whose condition began in a span of time."""
    found = Alert.objects.filter(simulated=True, since__gte=since, since__lt=until).order_by("since", "id")
    return [Alerted(*row) for row in found.values_list("rule", "subject", "since", "last_seen_at")]


def slack_of(city: City) -> Mapping[str, dt.timedelta]:
    """Return how far the times of a rule's alerts reach beyond the moments they speak of."""
    found = {}
    for key, rule in rules_known(city).items():
        on = qualify(key.split(".")[0], str(rule.on))
        stream = city.streams.get(on)
        found[key] = DAY if stream is None else 2 * (stream.cadence or dt.timedelta(hours=1))
    return found


def flagged(city: City, streams: Sequence[str], since: dt.datetime, until: dt.datetime) -> list[Flagged]:
    """Return every flagged observation of streams in a span of time, one line a flag."""
    found: list[Flagged] = []
    mask = sum(int(flag) for flag in FLAGS.values())
    for stream in streams:
        declared, name = city.streams[stream], stream.partition(".")[2]
        with snapshot([stream], since=since, until=until, exact=False) as seen:
            query = (
                f'SELECT "{declared.entity.key}" AS sensor, "{declared.time}" AS moment, quality FROM {name}_raw '  # noqa: S608  declared
                f"WHERE (quality & {mask}) <> 0 ORDER BY moment, sensor"
            )
            for row in seen.rows(query):
                found += [
                    Flagged(stream, row["sensor"], kind, row["moment"])
                    for kind, flag in FLAGS.items()
                    if row["quality"] & int(flag)
                ]
    return found


def cases_of_reports() -> dict[str, str]:
    """Return report → case it is part of in the end, by their numbers."""
    into = dict(Case.objects.filter(simulated=True).values_list("pk", "merged_into_id"))
    numbers = dict(Case.objects.filter(simulated=True).values_list("pk", "number"))
    found = {}
    for report, case in Report.objects.filter(simulated=True, case__isnull=False).values_list("number", "case_id"):
        while into.get(case) is not None:
            case = into[case]
        found[report] = numbers[case]
    return found


def filed(joined_by: Mapping[str, str]) -> list[Filed]:
    """Return every report with a case. joined_by: report → who joined it when it was filed."""
    final = cases_of_reports()
    rows = Report.objects.filter(simulated=True, case__isnull=False).values_list(
        "number", "received_at", "home__number", "similar"
    )
    return [
        Filed(
            number=number, received_at=at, first=home or final[number], case=final[number], by=joined_by.get(number, ""),
            shown={one["case"]: one["score"] for one in similar},
        )
        for number, at, home, similar in rows
    ]  # fmt: skip


def ends() -> dict[str, dt.datetime]:
    """Return when each case that has ended did; one that was merged lives on in the other and is left out."""
    rows = Case.objects.filter(simulated=True, ended=True, merged_into=None)
    return dict(rows.values_list("number", "stage_since"))


def signs(kind: str) -> dict[str, set[str]]:
    """Return which cases each sign spoke of."""
    found: dict[str, set[str]] = defaultdict(set)
    for rule, number in Sign.objects.filter(case__type=kind, case__simulated=True).values_list("rule", "case__number"):
        found[rule].add(number)
    return dict(found)


def sent_back(kind: str, city: City, false_at: Mapping[str, dt.datetime]) -> set[str]:
    """Return the cases that the check, or the reporter after the end, sent back after their last false deed.

    false_at: case → when that was.
    """
    again = [step.key for step in city.cases[kind].transitions if step.counts in ("rework", "reopened")]
    rows = CaseEvent.objects.filter(case__number__in=list(false_at), kind="step", transition__in=again)
    return {number for number, at in rows.values_list("case__number", "at") if at > false_at[number]}


def doubts(kind: str) -> dict[str, float]:
    """Return how much the signs speak against the end of each case that was worked on, 0 where there are none: as
    verification.queries.doubt says it of one."""
    strongest: dict[str, dict[str, float]] = defaultdict(dict)
    for number, rule, weight in Sign.objects.filter(
        case__type=kind, case__simulated=True, found_at__gte=F("case__handled_at")
    ).values_list("case__number", "rule", "weight"):
        strongest[number][rule] = max(weight, strongest[number].get(rule, 0.0))
    cases = Case.objects.filter(type=kind, simulated=True, handled_at__isnull=False).values_list("number", flat=True)
    return {number: rules.score(strongest[number].values()) if number in strongest else 0.0 for number in cases}


def worked(kind: str) -> list[tuple[str, str, bool | None, float | None]]:
    """Return (body charged, case, in time or None, hours from dispatch to the end of the work) of the cases worked on."""
    rows = Case.objects.filter(type=kind, simulated=True, handled_at__isnull=False, department__isnull=False).order_by("pk")
    return [
        (body, number, in_time, (handled - since) / dt.timedelta(hours=1) if since and handled else None)
        for body, number, in_time, since, handled in rows.values_list(
            "department__key", "number", "in_time", "dispatched_at", "handled_at"
        )
    ]
