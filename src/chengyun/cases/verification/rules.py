# SPDX-License-Identifier: Apache-2.0
"""The signs as arithmetic over what is known of a case. Pure: no clock, no database.

Unknown is no sign: a photo without a place, a crew without a track, a reporter who said nothing say nothing.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chengyun.errors import Misdeclared

__all__ = ["Again", "Edition", "Facts", "Found", "Other", "Picture", "edition_on", "editions", "find", "score"]

KEYS = frozenset({
    "photo_copied", "photo_alike", "photo_before", "photo_elsewhere", "photo_old", "no_visit", "too_quick", "reporter_disagrees",
})  # fmt: skip
LATER_KEYS = frozenset({"photo_used_again", "reported_again", "sensor_still_bad"})
"""Signs that older editions do not know."""


WHOLE = 0xFFFF_FFFF_FFFF_FFFF
PLAIN = 6.0
"""Bits in which two fingerprints differ by chance below which they say nothing: a black night, a white wall."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as the rules see it. after: it came with the work or its verification, not with the report.

    elsewhere_m: how far from the case the picture says it was taken; None: it does not say.
    """

    id: int
    fingerprint: int
    after: bool
    taken_at: dt.datetime | None = None
    elsewhere_m: float | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """A photo of another case, received before. apart_m: between the cases; None: unknown."""

    id: int
    case: str
    fingerprint: int
    apart_m: float | None


@dataclass(frozen=True, slots=True)
class Again:
    """A later case of the same category, opened near this one. after_h: hours after the work was reported done."""

    case: str
    apart_m: float
    after_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known. others: earlier photos of other cases that may look like one of these; later: later ones of others' work.

    nearest_m: how close the handler's tracks came between dispatch and report; None: no track to judge by.
    rating: the lowest of the reporters, 1 to 5; None: nobody said. late: whether the work came after its time, which a low rating
    may be about. contradicted_at: when a reporter last said that it is not mended; None: nobody did.
    again: what was reported near it afterwards. bad_after_h: how long after the work the sensor that raised the alert was last
    seen beyond its limit; None: no sensor, or not seen so again.
    """

    dispatched_at: dt.datetime | None = None
    handled_at: dt.datetime | None = None
    pictures: Sequence[Picture] = ()
    others: Sequence[Other] = ()
    later: Sequence[Other] = ()
    again: Sequence[Again] = ()
    bad_after_h: float | None = None
    nearest_m: float | None = None
    rating: int | None = None
    late: bool = False
    contradicted_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A sign. subject: what shows it, so that it is kept once. detail: the numbers its sentence is made of."""

    rule: str
    weight: float
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Edition:
    """The rules in force from a day on. rules: by key, with `name`, `weight` and the rule's own limits."""

    in_force: dt.date
    source: str
    verified: bool
    rules: Mapping[str, Mapping[str, Any]]


def find(facts: Facts, edition: Edition) -> list[Found]:
    """Return the signs in the facts by the rules of an edition, the heaviest first."""
    checks = (
        _copied, _used_again, _alike, _before, _elsewhere, _old, _no_visit, _too_quick, _disagrees, _reported_again, _still_bad,
    )  # fmt: skip
    found = [one for check in checks for one in check(facts, edition.rules)]
    return sorted(found, key=lambda one: (-one.weight, one.rule, one.subject))


def score(weights: Iterable[float]) -> float:
    """Return how likely it is that one of the signs means what it says, were they independent: 0 to 1."""
    return 1 - math.prod(1 - weight for weight in weights)


@functools.cache
def editions() -> tuple[Edition, ...]:
    """Return the declared editions, oldest first. Raises Misdeclared."""
    read = tomllib.loads((Path(__file__).parent / "rules.toml").read_text(encoding="utf-8"))
    found = []
    for table in read["signs"]:
        rules = {key: value for key, value in table.items() if isinstance(value, dict)}
        if wrong := (KEYS - set(rules)) | (set(rules) - KEYS - LATER_KEYS):
            raise Misdeclared([f"verification/rules.toml, {table['in_force']}: {key} is missing or unknown." for key in wrong])
        found.append(Edition(table["in_force"], table["source"], table["verified"], rules))
    return tuple(sorted(found, key=lambda one: one.in_force))


def edition_on(day: dt.date) -> Edition:
    """Return the rules in force on a day."""
    return max((one for one in editions() if one.in_force <= day), key=lambda one: one.in_force)


def _copied(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["photo_copied"]
    for mine, other, bits in _pairs(facts, facts.others):
        if bits <= _allowed(rule, mine.fingerprint, other.fingerprint):
            yield _found("photo_copied", rule, f"{mine.id}~{other.id}", case=other.case, photo=mine.id, other=other.id, bits=bits)


def _used_again(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    """Of two ends that show one picture in two places at most one is true; which, the pictures do not say."""
    rule = rules.get("photo_used_again")
    if rule is None:
        return
    for mine, other, bits in _pairs(facts, facts.later):
        far = other.apart_m is not None and other.apart_m >= rule["apart_m"]
        if far and bits <= _allowed(rule, mine.fingerprint, other.fingerprint):
            yield _found(
                "photo_used_again", rule, f"{mine.id}~{other.id}", case=other.case, photo=mine.id, other=other.id, bits=bits
            )


def _alike(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["photo_alike"]
    for mine, other, bits in _pairs(facts, facts.others):
        far = other.apart_m is not None and other.apart_m >= rule["apart_m"]
        pair = mine.fingerprint, other.fingerprint
        if _allowed(rules["photo_copied"], *pair) < bits <= _allowed(rule, *pair) and far:
            yield _found("photo_alike", rule, f"{mine.id}~{other.id}", case=other.case, photo=mine.id, other=other.id, bits=bits)


def _before(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["photo_before"]
    earlier = [one for one in facts.pictures if not one.after]
    for mine in facts.pictures:
        for other in earlier:
            bits = _bits(mine.fingerprint, other.fingerprint)
            if mine.after and bits <= _allowed(rule, mine.fingerprint, other.fingerprint):
                newer = mine.taken_at is not None and other.taken_at is not None and mine.taken_at > other.taken_at
                weight = rule.get("newer_weight", rule["weight"]) if newer else rule["weight"]
                detail = {"photo": mine.id, "other": other.id, "bits": bits}
                yield Found("photo_before", weight, f"{mine.id}~{other.id}", detail)


def _elsewhere(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["photo_elsewhere"]
    for mine in facts.pictures:
        if mine.after and mine.elsewhere_m is not None and mine.elsewhere_m > rule["metres"]:
            yield _found("photo_elsewhere", rule, str(mine.id), photo=mine.id, metres=round(mine.elsewhere_m))


def _old(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["photo_old"]
    for mine in facts.pictures:
        if mine.after and mine.taken_at is not None and facts.dispatched_at is not None:
            early = facts.dispatched_at - mine.taken_at
            if early > dt.timedelta(hours=rule["hours"]):
                yield _found("photo_old", rule, str(mine.id), photo=mine.id, hours=round(early.total_seconds() / 3600, 1))


def _no_visit(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["no_visit"]
    if facts.nearest_m is not None and facts.nearest_m > rule["metres"]:
        yield _found("no_visit", rule, "track", metres=round(facts.nearest_m))


def _too_quick(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["too_quick"]
    if facts.dispatched_at is not None and facts.handled_at is not None:
        took = (facts.handled_at - facts.dispatched_at).total_seconds()
        if 0 <= took < rule["seconds"]:
            yield _found("too_quick", rule, facts.handled_at.isoformat(), seconds=round(took))


def _disagrees(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules["reporter_disagrees"]
    if facts.rating is not None and facts.rating <= rule["rating"]:
        weight = rule.get("late_weight", rule["weight"]) if facts.late else rule["weight"]
        yield Found("reporter_disagrees", weight, "rating", {"rating": facts.rating})
    if facts.contradicted_at is not None and "contradicted_weight" in rule:
        at = facts.contradicted_at.isoformat()
        yield Found("reporter_disagrees", rule["contradicted_weight"], at, {"contradicted": at})


def _reported_again(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules.get("reported_again")
    if rule is None:
        return
    near = [one for one in facts.again if one.apart_m <= rule["metres"] and 0 < one.after_h <= 24 * rule["days"]]
    weight = rule["many_weight"] if len(near) >= rule["many"] else rule["weight"]
    for one in near:
        detail = {"case": one.case, "metres": round(one.apart_m), "hours": round(one.after_h, 1)}
        yield Found("reported_again", weight, f"{one.case}/{len(near) >= rule['many']:d}", detail)


def _still_bad(facts: Facts, rules: Mapping[str, Any]) -> Iterator[Found]:
    rule = rules.get("sensor_still_bad")
    if rule is not None and facts.bad_after_h is not None and rule["from_hours"] <= facts.bad_after_h <= rule["to_hours"]:
        yield _found("sensor_still_bad", rule, "sensor", hours=round(facts.bad_after_h, 1))


def _pairs(facts: Facts, others: Sequence[Other]) -> Iterator[tuple[Picture, Other, int]]:
    for mine in facts.pictures:
        for other in others:
            if mine.after:
                yield mine, other, _bits(mine.fingerprint, other.fingerprint)


def _found(key: str, rule: Mapping[str, Any], subject: str, **detail: Any) -> Found:
    return Found(key, rule["weight"], subject, detail)


def _bits(one: int, other: int) -> int:
    return ((one ^ other) & WHOLE).bit_count()


def _allowed(rule: Mapping[str, Any], one: int, other: int) -> float:
    """Return how many bits may differ: fewer where both pictures are so plain that they would hardly differ by chance either.

    of_chance: among how many that differ by chance the rule's bits are meant; a rule without it means them whatever is shown. Of
    pictures on which nothing can be told apart nothing is said: below 0, no pair fits.
    """
    if "of_chance" not in rule:
        return float(rule["bits"])
    a, b = (one & WHOLE).bit_count(), (other & WHOLE).bit_count()
    chance = a + b - a * b / 32
    return float(rule["bits"]) * min(1.0, chance / rule["of_chance"]) if chance >= PLAIN else -1.0
