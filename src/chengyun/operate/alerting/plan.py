# SPDX-License-Identifier: Apache-2.0
"""The plan: one TOML document that says how alerts are told of. Pure; examples stand in docs/alerts.md.

    [[route]]     alerts that match go into groups of equal `group_by`; the first route that matches counts
    [[inhibit]]   while a source alert is open, targets with equal labels are told of to nobody
    [[chain]]     who is told after which time without acknowledgement
    [[webhook]]   addresses of other systems

A match is a table of label → patterns (`*` and `?`); an alert matches when each of the labels fits one of its patterns.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import msgspec

from chengyun.errors import Refused, nearest
from chengyun.operate.alerting.labels import LABELS

__all__ = ["Chain", "Document", "Inhibit", "Match", "Route", "Step", "Webhook", "matches", "read_plan"]

Match = Mapping[str, list[str]]
PLACES = ("app", "email", "webhook")


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """after_s: since the group was first told of. to: `roster:<key>`, `role:<role>`, `account:<name>` or `webhook:<name>`.

    by: channels for persons.
    """

    after_s: int
    to: list[str]
    by: list[str] = msgspec.field(default_factory=lambda: ["app"])


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """steps: in order of time. ack_within_s: after so long an acknowledged alert without a case is open again; 0: never."""

    name: str
    steps: list[Step]
    ack_within_s: int = 0


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """wait_s: how long a new group gathers before it is told of. interval_s: no more often than this is news of a group told;
    repeat_s: a group that stands is told of again after so long; 0: never. chain: "": nobody is told by it."""

    name: str
    chain: str
    match: dict[str, list[str]] = {}
    group_by: list[str] = msgspec.field(default_factory=lambda: ["group"])
    wait_s: int = 5
    interval_s: int = 300
    repeat_s: int = 0


class Inhibit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """equal: labels that both must have, and have equal."""

    source: dict[str, list[str]]
    target: dict[str, list[str]]
    equal: list[str]
    name: str = ""


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    url: str


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    route: list[Route] = []
    inhibit: list[Inhibit] = []
    chain: list[Chain] = []
    webhook: list[Webhook] = []

    def route_of(self, labels: Mapping[str, str]) -> Route | None:
        """Return the route an alert takes."""
        return next((one for one in self.route if matches(one.match, labels)), None)

    def chain_of(self, route: str) -> Chain | None:
        """Return the chain of a route; None where either is gone since."""
        name = next((one.chain for one in self.route if one.name == route), "")
        return next((one for one in self.chain if one.name == name), None)

    def url_of(self, webhook: str) -> str | None:
        return next((one.url for one in self.webhook if one.name == webhook), None)


DEFAULT = """\
# Without a plan of its own a city tells the duty officers of an alert's area, on their page.
[[route]]
name = "all"
chain = "duty"

[[chain]]
name = "duty"
steps = [{ after_s = 0, to = ["role:duty_officer"] }]
"""


def matches(match: Match, labels: Mapping[str, str]) -> bool:
    """Say whether labels fit every entry of a match."""
    return all(any(fnmatchcase(labels.get(name, ""), one) for one in patterns) for name, patterns in match.items())


def version_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@functools.lru_cache(maxsize=8)
def read_plan(text: str) -> Document:
    """Return a plan's document. Raises Refused naming every fault."""
    try:
        plan = msgspec.convert(tomllib.loads(text), Document)
    except tomllib.TOMLDecodeError as wrong:
        raise Refused(f"The plan is not TOML: {wrong}.", code="plan") from wrong
    except msgspec.ValidationError as wrong:
        raise Refused(f"The plan cannot be read: {wrong}.", code="plan") from wrong
    if faults := list(_faults(plan)):
        raise Refused("The plan has faults: " + " ".join(faults), code="plan")
    return plan


def _faults(plan: Document) -> Iterator[str]:
    chains, hooks = [one.name for one in plan.chain], [one.name for one in plan.webhook]
    for kind, names in (("route", [one.name for one in plan.route]), ("chain", chains), ("webhook", hooks)):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{kind} {name!r} stands twice."
    for route in plan.route:
        if route.chain not in chains:
            yield f"route {route.name!r}: there is no chain {route.chain!r}.{nearest(route.chain, chains)}"
        yield from _unknown(f"route {route.name!r}", [*route.match, *route.group_by])
    for rule in plan.inhibit:
        if not rule.source or not rule.target:
            yield f"inhibit {rule.name!r}: source and target must match something narrower than everything."
        yield from _unknown(f"inhibit {rule.name!r}", [*rule.source, *rule.target, *rule.equal])
    for chain in plan.chain:
        times = [step.after_s for step in chain.steps]
        if not times or times != sorted(times) or times[0] != 0:
            yield f"chain {chain.name!r}: its steps begin at after_s = 0 and go on in order of time."
        for step in chain.steps:
            for channel in step.by:
                if channel not in PLACES[:2]:
                    yield f"chain {chain.name!r}: persons are told by app or email, not by {channel!r}."
            for to in step.to:
                kind, _, name = to.partition(":")
                if kind not in ("roster", "role", "account", "webhook") or not name:
                    yield f"chain {chain.name!r}: {to!r} is none of roster:…, role:…, account:…, webhook:…."
                elif kind == "webhook" and name not in hooks:
                    yield f"chain {chain.name!r}: there is no webhook {name!r}.{nearest(name, hooks)}"
    for hook in plan.webhook:
        if not hook.url.startswith(("https://", "http://")):
            yield f"webhook {hook.name!r}: {hook.url!r} is no http address."


def _unknown(where: str, names: list[str]) -> Iterator[str]:
    for name in names:
        if name not in LABELS:
            yield f"{where}: there is no label {name!r}.{nearest(name, LABELS)}"
