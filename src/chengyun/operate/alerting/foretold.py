# SPDX-License-Identifier: Apache-2.0
"""Who would be told of an alert, when and how, at a chosen moment: the way from a condition to a person, before it is gone.

It asks the same plan, labels, silences, rosters and rights as telling does (groups.py), and writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account
from chengyun.access.policy import scope
from chengyun.city import AlertRule, qualify
from chengyun.operate.alerting.labels import labels_of
from chengyun.operate.alerting.models import Silence
from chengyun.operate.alerting.muting import silences_in_force
from chengyun.operate.alerting.people import persons
from chengyun.operate.alerting.plan import Chain, Document, Inhibit, Route, Step, matches
from chengyun.operate.models import Alert

__all__ = ["Foretold", "Told", "TellingStep", "foretell"]


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody a step means at its time. channels: by which they are reached; empty: by none. readable: whether they may read
    such an alert: who may not is not told. address: what the chain says."""

    address: str
    account: Account | None
    channels: tuple[str, ...]
    readable: bool


@dataclass(frozen=True, slots=True)
class TellingStep:
    """A step of the chain. at: when it comes if nobody acknowledges. empty: addresses that mean nobody then."""

    at: dt.datetime
    after_s: int
    told: tuple[Told, ...]
    empty: tuple[str, ...]

    @property
    def reaches(self) -> bool:
        """Whether anybody, or another system, hears of it."""
        return any(one.readable and one.channels for one in self.told)


@dataclass(frozen=True, slots=True)
class Foretold:
    """The way of an alert. route: None: none takes it, and nobody is told. group: the labels it is told of together by.

    silences: those that would keep it from everybody. inhibits: rules of the plan by which another alert could.
    """

    labels: Mapping[str, str]
    route: Route | None
    chain: Chain | None
    group: Mapping[str, str]
    silences: tuple[Silence, ...]
    inhibits: tuple[Inhibit, ...]
    steps: tuple[TellingStep, ...]

    @property
    def silent(self) -> bool:
        """Whether nobody would be told."""
        return bool(self.silences) or not any(one.reaches for one in self.steps)


def foretell(
    plan: Document, key: str, rule: AlertRule, area_code: str, severity: str, subject: str, at: dt.datetime
) -> Foretold:  # fmt: skip
    """Return who would be told, and when, of an alert of a rule in an area that opens at a moment."""
    dataset = qualify(key.split(".")[0], rule.on) if rule.on else key
    from chengyun.operate.rules import group_key  # loads numpy, which few pages need

    alert = Alert(
        rule=key, dataset=dataset, subject=subject, subject_name=subject, area_code=area_code, severity=severity,
        group_key=group_key(key, rule, area_code), opened_at=at, since=at, last_seen_at=at,
        state=Alert.State.OPEN, simulated=False,
    )  # fmt: skip
    labels = labels_of(alert, rule)
    route = plan.route_of(labels)
    chain = plan.chain_of(route.name) if route else None
    told_at = at + dt.timedelta(seconds=route.wait_s) if route else at
    return Foretold(
        labels, route, chain, {name: labels[name] for name in route.group_by} if route else {},
        tuple(_silences(labels, area_code, at)), tuple(one for one in plan.inhibit if matches(one.target, labels)),
        tuple(_step(one, alert, told_at) for one in chain.steps) if chain else (),
    )  # fmt: skip


def _silences(labels: Mapping[str, str], area_code: str, at: dt.datetime) -> list[Silence]:
    return [
        one
        for one in silences_in_force(at)
        if one.alert_id is None and matches(one.match, labels) and area_code.startswith(one.area_code)
    ]


def _step(step: Step, alert: Alert, told_at: dt.datetime) -> TellingStep:
    at = told_at + dt.timedelta(seconds=step.after_s)
    told: list[Told] = []
    empty: list[str] = []
    seen: set[int] = set()
    for to in step.to:
        if to.startswith("webhook:"):
            told.append(Told(to, None, ("webhook",), True))
            continue
        found = persons(to, at)
        if not found:
            empty.append(to)
        for account in found:
            if account.pk not in seen:
                seen.add(account.pk)
                told.append(Told(to, account, _channels(step.by, account), _may_read(account, alert, at)))
    return TellingStep(at, step.after_s, tuple(told), tuple(empty))


def _channels(by: Sequence[str], account: Account) -> tuple[str, ...]:
    return tuple(one for one in by if one != "email" or account.email)


def _may_read(account: Account, alert: Alert, at: dt.datetime) -> bool:
    allowed = scope(actor_of_account(account, at), "alerts")
    row = {one.attname: getattr(alert, one.attname, None) for one in Alert._meta.concrete_fields}
    return allowed.allowed and allowed.matches(row)
