# SPDX-License-Identifier: Apache-2.0
"""When somebody must look: conditions on streams and indicators, the rules that watch for them, and how often they may err."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from chengyun.city.declare import declaration, is_key

__all__ = [
    "Above", "AlertRule", "Below", "Budget", "Change", "Condition", "HAZARDS", "SEVERITIES", "Severity", "Silent", "Together",
    "Unusual", "Within",
]  # fmt: skip

Severity = Literal["blue", "yellow", "orange", "red"]
SEVERITIES: tuple[Severity, ...] = ("blue", "yellow", "orange", "red")
"""Least to most severe: the four colours of China's warning system (国家突发公共事件总体应急预案, 3.1.3)."""

Hazard = Literal[
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
]  # fmt: skip
HAZARDS: tuple[Hazard, ...] = get_args(Hazard)
"""Kinds of danger: `category` of OASIS CAP 1.2, 3.2.2."""


@declaration
class Above:
    """True when the value is above a limit (以上 excludes the limit here: strictly above).

    limit: a number, or "table:name" in limits.toml, looked up for the day of the observation.
    clear: the alert ends when the value is at or below this; None: the limit. The gap is the hysteresis.
    times: how many observations in a row.
    part_of: a quantity of the stream the value is part of and cannot exceed, as PM2.5 is of PM10. An observation that says it
        does contradicts itself: one of the two is wrong, and it counts once the next one is above the limit, too.
    """

    limit: float | str
    clear: float | None = None
    times: int = 1
    part_of: str | None = None


@declaration
class Below:
    """True when the value is below a limit. As Above, mirrored."""

    limit: float | str
    clear: float | None = None
    times: int = 1


@declaration
class Change:
    """True when the value moves by more than `by` (absolute, in the field's unit) within a span of time."""

    by: float
    within: dt.timedelta


@declaration
class Silent:
    """True when an entity that has reported before has not for a span of time."""

    after: dt.timedelta


@declaration
class Within:
    """True while the position of an entity is inside an area, or, turned round, outside of it.

    area: code of an area of the tree, with its boundary of the day the rule begins to watch; or polygon: corners (lon, lat),
    WGS-84, in order. outside: true while it is not inside. lon, lat: the quantities that say where it is.
    times: how many observations in a row.
    """

    area: str | None = None
    polygon: Sequence[tuple[float, float]] = ()
    outside: bool = False
    lon: str = "lon"
    lat: str = "lat"
    times: int = 1

    def faults(self) -> Iterator[str]:
        if (self.area is None) == (not self.polygon):
            yield "Within needs an area's code or a polygon, one of both."
        if self.polygon and len(self.polygon) < 3:
            yield f"a polygon has {len(self.polygon)} corners, expected at least 3 pairs (lon, lat)."


@declaration
class Unusual:
    """True when an observation is less probable than a limit for its entity at this time of the week, by what came before.

    probability: the limit, e.g. 1e-4: about one observation in ten thousand is so odd when nothing is wrong.
    together: quantities of the stream judged with the rule's own; a combination may be odd though each value is not.
    calm: how many ordinary observations in a row end it.
    """

    probability: float
    together: Sequence[str] = ()
    calm: int = 3

    def faults(self) -> Iterator[str]:
        if not 0.0 < self.probability <= 0.05:
            yield f"probability is {self.probability!r}, expected above 0 and at most 0.05."
        if self.calm < 1:
            yield f"calm is {self.calm!r}, expected 1 or more."


@declaration
class Together:
    """True while other rules' conditions have been true close together in time.

    every: keys of rules each of which held within the span before now; some: of which at least one did; without: of which
    none did. within: the span. same: what they must have in common: the subject, or the area of a level.
    """

    within: dt.timedelta
    every: Sequence[str] = ()
    some: Sequence[str] = ()
    without: Sequence[str] = ()
    same: Literal["subject", "community", "street", "district", "city"] = "subject"

    @property
    def members(self) -> tuple[str, ...]:
        return (*self.every, *self.some, *self.without)

    def faults(self) -> Iterator[str]:
        if not self.every and not self.some:
            yield "Together needs rules under `every` or `some`; what is only absent never begins."


Condition = Above | Below | Change | Silent | Unusual | Within | Together


@declaration
class Budget:
    """How many false alarms a rule may raise before it is only counted and told to nobody; see docs/probation.md.

    false_alarms: at most so many in any per_days days, of the whole city. cases: kinds of cases that bear an alert out (own pack:
    key; other: pack.key); one the alert opened does once its end was verified. Without any, only what a made-up city says is
    measured, by what was planted in it. before_h, after_h: an alert may come so long before what bears it out, or after.
    because: one sentence people read: why so many, of what a false alarm costs and what can make one.
    """

    false_alarms: int
    because: str
    per_days: int = 7
    cases: Sequence[str] = ()
    place: Literal["subject", "community", "street", "district", "city"] = "subject"
    before_h: float = 24
    after_h: float = 24

    def faults(self) -> Iterator[str]:
        if self.false_alarms < 0 or self.per_days < 1:
            yield "a budget has false_alarms of 0 or more in per_days of 1 or more."
        if min(self.before_h, self.after_h) < 0:
            yield "a budget's before_h and after_h are hours, 0 or more."
        if not self.because.strip():
            yield "a budget says why it is as large as it is: because is empty."


@declaration
class AlertRule:
    """A condition on a stream's field or an indicator's value → Alert.

    on: key of a stream or indicator of the pack; field: the quantity, for a stream.
    meaning: one sentence a duty officer understands: what is wrong and what to look at.
    opens: key of the CaseType an alert opens by itself; None: a person decides.
    group: alerts of one rule whose entities stand in the same area of this level are shown as one; None: not grouped.
    hazard: what kind of danger it warns of, as the Common Alerting Protocol divides them.
    budget: how much of what it says may be wrong; None: nobody said, and it is not measured until a city files that.
    """

    key: str
    name: str
    on: str
    when: Condition
    severity: Severity
    meaning: str
    field: str | None = None
    opens: str | None = None
    group: Literal["city", "district", "street"] | None = None
    hazard: Hazard = "Other"
    budget: Budget | None = None

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if self.severity not in SEVERITIES:
            yield f"severity {self.severity!r} is not one of {', '.join(SEVERITIES)}."
        if self.hazard not in HAZARDS:
            yield f"hazard {self.hazard!r} is not one of {', '.join(HAZARDS)}."
        if not isinstance(self.when, Condition):
            yield f"when is not one of {', '.join(kind.__name__ for kind in get_args(Condition))}."
