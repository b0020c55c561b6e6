# SPDX-License-Identifier: Apache-2.0
"""What the rules are, told again in plain Python: from the text of policy.toml and docs/access.md, with nothing of the engine
but the masks themselves; and what every door of the tests needs to ask and to compare."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chengyun.access import masks
from chengyun.access.actors import Actor, Post
from chengyun.access.rulebook import Facts, rulebook
from chengyun.errors import Refused

DATASET, INDICATOR, LAYER = "parking.lot", "parking.lot_peak_day", "parking.parking.1"
AREAS = ["330203", "330203001", "330203001002", "330204", "330204003", "330200", "310101", ""]
BODIES = {"owner": frozenset({"owner", "物主局"}), "owner_b": frozenset({"owner_b", "物主分局", "owner", "物主局"}),
          "other": frozenset({"other", "别局"})}  # fmt: skip
ROLES = [
    "duty_officer", "leader", "data_steward", "department_clerk", "handler", "grid_worker", "intake_clerk", "dispatcher",
    "verifier", "administrator", "security_officer", "auditor", "integrator", "resident",
]  # fmt: skip
OWN_PURPOSES = ("case", "duty", "quality")
PURPOSES = [None, "duty", "statistics", "case", "undeclared"]
MASKABLE = {"name": "name", "source": "hidden", "lon": "coordinate", "lat": "coordinate"}
ALWAYS = {"key", "area_code", "valid_from", "valid_to"}
NOW = dt.datetime.now(dt.UTC)
DAYS = [dt.date(2024, 1, 1), dt.date(2025, 6, 1), dt.date(2026, 3, 1), None]
Row = dict[str, Any]
Shown = dict[str, str]
"""Field → clear, masked or pseudonym."""


@dataclass
class Promise:
    """A grant as the oracle knows it."""

    number: str
    body: str | None
    role: str
    purpose: str
    fields: list[str]
    shown: Shown
    area: str
    since: dt.datetime | None
    until: dt.datetime | None
    rows: dict[str, list[str]]
    stands: bool


@dataclass
class World:
    """One city for a few questions."""

    facts: Facts
    figures: Facts
    posts: tuple[Post, ...]
    actor: Actor
    promises: list[Promise]
    rows: list[Row]
    values: list[Row]
    dice: random.Random
    trail: list[str] = field(default_factory=list)


def reasons(
    world: World, facts: Facts, row: Row, purpose: str | None, dataset: str, *, by_key: bool = False
) -> list[Callable[[str], str]]:
    """Return why a row may be read: for each reason what it makes of a field, `no`, `clear`, `masked` or `pseudonym`.

    by_key: by a reader who names rows by their keys: what is under pseudonyms is not read so.
    """
    if purpose is not None and purpose not in rulebook().purposes:
        return []
    if facts.personal and purpose is None:
        return []

    def plain(name: str) -> str:
        return "masked" if name in facts.masks else "clear"

    found: list[Callable[[str], str]] = []
    if facts.personal and facts.kind == "entity" and facts.sharing in ("conditional", "none") and purpose in OWN_PURPOSES:
        own = [post for post in world.posts if post.role in ("department_clerk", "data_steward") and facts.owner in post.bodies]
        found += [plain for post in own if row["area_code"].startswith(post.area)]
    if not facts.personal:
        staff = set(ROLES[:9])
        if facts.open or (facts.sharing == "unconditional" and world.actor.roles & staff):
            found.append(plain)
        for post in world.posts:
            inside = row["area_code"].startswith(post.area)
            operations = post.role in ("duty_officer", "leader", "data_steward") and facts.sharing == "conditional"
            owners = post.role in ("department_clerk", "handler", "grid_worker", "data_steward") and facts.owner in post.bodies
            if inside and (operations or (owners and facts.sharing in ("conditional", "none"))):
                found.append(plain)
    standing = [one for one in world.promises if one.stands and dataset == DATASET and _reaches(world, facts, one, row, purpose)]
    if by_key:
        standing = [one for one in standing if _promised(facts, one, "key") != "pseudonym"]
    return [*found, *(lambda name, promise=promise: _promised(facts, promise, name) for promise in standing)]  # type: ignore[misc]


def _reaches(world: World, facts: Facts, promise: Promise, row: Row, purpose: str | None) -> bool:
    right_purpose = promise.purpose == (purpose or "") or (promise.purpose == "" and not facts.personal)
    if not right_purpose or not row["area_code"].startswith(
        promise.area.rstrip("0") if promise.area == "330200" else promise.area
    ):
        return False
    if any(str(row[name]) not in values for name, values in promise.rows.items()):
        return False
    zone = dt.timezone(dt.timedelta(hours=8))
    if promise.since and row["valid_to"] is not None and row["valid_to"] <= promise.since.astimezone(zone).date():
        return False
    if promise.until and row["valid_from"] is not None and row["valid_from"] >= promise.until.astimezone(zone).date():
        return False
    return any(
        (not promise.role or promise.role == post.role)
        and (promise.body is None or promise.body in BODIES.get(post.organisation or "", ()))
        and row["area_code"].startswith(post.area)
        for post in world.posts
    )


def _promised(facts: Facts, promise: Promise, name: str) -> str:
    if promise.shown:
        if name == "key" and facts.personal and "pseudonym" in promise.shown.values():
            return promise.shown.get("key", "pseudonym")
        return promise.shown.get(name, "clear" if name in ALWAYS else "no")
    return "masked" if name in facts.masks and name not in promise.fields else "clear"


def expected(world: World, row: Row, purpose: str | None, *, by_key: bool = False) -> Row | None:
    """Return a row of the register as it may be seen; None when it may not."""
    found = reasons(world, world.facts, row, purpose, DATASET, by_key=by_key)
    if not found:
        return None
    seen: Row = {}
    for name, value in row.items():
        ways = [one(name) for one in found if one(name) != "no"]
        if not ways:
            continue
        if "clear" in ways:
            seen[name] = value
        else:
            kinds = (
                {"pseudonym": "pseudonym:key"}
                if name == "key"
                else {
                    "masked": world.facts.masks.get(name, "hidden"),
                    "pseudonym": f"pseudonym:{world.facts.masks.get(name, 'hidden')}",
                }
            )
            seen[name] = masks.mask(kinds[ways[0]], value, purpose or "")
    return seen


def visible(world: World, purpose: str | None, *, by_key: bool = False) -> dict[str, Row]:
    found = ((row["key"], expected(world, row, purpose, by_key=by_key)) for row in world.rows)
    return {key: row for key, row in found if row is not None}


def refused(world: World, wrong: Refused) -> None:
    """An error names nothing of a row."""
    text = wrong.sentence
    for row in world.rows:
        assert row["name"] not in text, text


def original(world: World, key: str) -> Row:
    return next(row for row in world.rows if row["key"] == key)


def same(one: Any, other: Any) -> bool:
    texts = [value.isoformat() if isinstance(value, dt.date) else value for value in (one, other)]
    return texts[0] == texts[1] or str(texts[0]) == str(texts[1])
