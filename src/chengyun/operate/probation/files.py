# SPDX-License-Identifier: Apache-2.0
"""A rule's file: TOML, read whole and checked against what the city declares. Pure; no Django: the ingest process reads them too.

    key = "air_quality.pm25_night"      name, on, field, severity, meaning, opens, group, hazard: as of an AlertRule
    [when] kind = "above" …             above, below, change, silent, within, together, and the fields of that word
    [truth] cases = [...] …             what tells whether an alert was right
    [budget] false_alarms = 3 …         how many may be wrong

A file about a rule that a pack declares has `declared = true`, its key, [truth] and [budget], and nothing else of the rule.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from chengyun.city import Above, AlertRule, Below, Change, City, Silent, Together, Unusual, Within, qualify
from chengyun.city.declare import collecting, report, written_in
from chengyun.city.packs import check_rule
from chengyun.errors import Refused, nearest

__all__ = ["KINDS", "Budget", "RuleFile", "Truth", "read_rule", "version_of"]

KINDS: Mapping[str, Any] = {
    "above": Above, "below": Below, "change": Change, "silent": Silent, "unusual": Unusual, "within": Within,
    "together": Together,
}  # fmt: skip
"""What a file calls the conditions. A kind of condition that takes plain values and spans needs no more than its line here."""
SPAN = re.compile(r"(\d+)\s*(s|min|h|d)")
UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
LONGEST = 20_000
"""Characters of a file."""


class Truth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which things that really were an alert is to have told of.

    cases: kinds of cases; categories: of these alone; incidents: `what` of the simulator's truth file. before_h: an alert
    may come so long before it was known, after_h: or so long after. place: what both must have in common.
    """

    cases: list[str] = []
    categories: list[str] = []
    incidents: list[str] = []
    incident_categories: list[str] = []
    place: Literal["subject", "community", "street", "district", "city"] = "subject"
    before_h: float = 24
    after_h: float = 24


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many false alarms in any so many days of the whole city. min_precision: share of alerts that must be right;
    cost_fen: of looking at one alert."""

    false_alarms: int
    per_days: int = 7
    min_precision: float = 0.0
    cost_fen: int = 0


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    budget: Budget
    truth: Truth = Truth()
    declared: bool = False
    name: str = ""
    on: str = ""
    severity: str = ""
    meaning: str = ""
    when: dict[str, Any] = {}
    field: str | None = None
    opens: str | None = None
    group: Literal["city", "district", "street"] | None = None
    hazard: str = "Other"


class Filed(msgspec.Struct, frozen=True):
    """A file read. rule: as it is judged. dataset: qualified key of what it watches."""

    file: RuleFile
    rule: AlertRule
    dataset: str


def version_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_rule(text: str, city: City, others: frozenset[str] = frozenset()) -> Filed:
    """Return a rule's file. others: keys of other filed rules, which it may name. Raises Refused naming every fault."""
    if len(text) > LONGEST:
        raise Refused(f"The file has {len(text)} characters; a rule has at most {LONGEST}.", code="rule_file")
    return _read(text, city, others)


@functools.lru_cache(maxsize=4096)
def _read(text: str, city: City, others: frozenset[str]) -> Filed:
    try:
        file = msgspec.convert(tomllib.loads(text), RuleFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as wrong:
        raise Refused(f"The rule's file cannot be read: {wrong}.", code="rule_file") from wrong
    pack, _, key = file.key.partition(".")
    if pack not in city.packs:
        raise Refused(f"key {file.key!r} begins with no pack of this city.{nearest(pack, city.packs)}", code="rule_file")
    _check_measures(file, city)
    if file.declared:
        rule = city.alerts.get(file.key)
        if rule is None:
            raise Refused(f"No pack declares {file.key!r}.{nearest(file.key, city.alerts)}", code="rule_file")
        return Filed(file, rule, qualify(pack, rule.on))
    if file.key in city.alerts:
        raise Refused(f"The pack declares {file.key!r}. Give another key, or write `declared = true`.", code="rule_file")
    with collecting() as faults, written_in("the rule's file"):
        rule = _rule(file, key)
        if rule is not None and not faults:
            check_rule(city, city.packs[pack], rule, functools.partial(_known, pack=pack, others=others))
    if rule is None or faults:
        raise Refused(" ".join(faults), code="rule_file")
    return Filed(file, rule, qualify(pack, rule.on))


def _rule(file: RuleFile, key: str) -> AlertRule | None:
    given = dict(file.when)
    word = given.pop("kind", "")
    kind = KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        report(f"[when] kind is {word!r}, not one of {', '.join(KINDS)}.{nearest(str(word), KINDS)}")
        return None
    for name, value in given.items():
        if isinstance(value, str) and (span := SPAN.fullmatch(value.strip())):
            given[name] = dt.timedelta(**{UNITS[span[2]]: int(span[1])})
        elif isinstance(value, list):
            given[name] = tuple(tuple(one) if isinstance(one, list) else one for one in value)
    if fault := _wrong_type(kind, given):
        report(fault)
        return None
    return AlertRule(
        key=key, name=file.name, on=file.on, when=kind(**given), severity=file.severity, meaning=file.meaning,  # type: ignore[arg-type]
        field=file.field, opens=file.opens, group=file.group, hazard=file.hazard,  # type: ignore[arg-type]
    )  # fmt: skip


def _wrong_type(kind: Any, given: Mapping[str, object]) -> str:
    """Say which value of a condition is of another type than its word asks for."""
    hints = kind.__annotations__
    for name, value in given.items():
        hint = str(hints.get(name, ""))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = (
            (isinstance(value, dt.timedelta) and "timedelta" in hint)
            or (number and ("float" in hint or ("int" in hint and isinstance(value, int))))
            or (isinstance(value, bool) and "bool" in hint)
            or (isinstance(value, str) and ("str" in hint or "Literal" in hint))
            or (isinstance(value, tuple) and "Sequence" in hint)
            or not hint
        )
        if not fits:
            return f'[when] {name} is {value!r}, expected {hint}; a span is text as "30 min", "2 h" or "1 d".'
    return ""


def _check_measures(file: RuleFile, city: City) -> None:
    for case in file.truth.cases:
        if case not in city.cases:
            raise Refused(f"[truth] cases: there is no kind of case {case!r}.{nearest(case, city.cases)}", code="rule_file")
    if file.budget.false_alarms < 0 or file.budget.per_days < 1 or not 0 <= file.budget.min_precision <= 1:
        raise Refused("[budget] asks for false_alarms ≥ 0, per_days ≥ 1 and min_precision from 0 to 1.", code="rule_file")


def _known(at: object, kind: str, key: str | None, among: Mapping[str, Any], *, pack: str, others: frozenset[str]) -> Any:
    if key is None:
        return None
    name = qualify(pack, key)
    if name not in among and not (kind == "rule" and name in others):
        report(f"{at}: {kind} {key!r} does not exist.{nearest(key, [one for one in among if one.startswith(f'{pack}.')])}")
    return among.get(name)
