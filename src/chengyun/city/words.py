# SPDX-License-Identifier: Apache-2.0
"""The words a pack is written in: what it registers, senses and watches. What it does about it stands in casework.py.

Every word is a declaration (see declare.py): a frozen value, checked when made. Chinese names are what people
read; English stands in the locale files. A qualified key is `pack.key`, as in `air_quality.station_hour`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, get_args

from chengyun.city.columns import Columns
from chengyun.city.declare import declaration, is_key
from chengyun.city.elements import ELEMENT_KEY
from chengyun.city.fields import Code, Field, Quantity, Ref, Text, Was, former_keys
from chengyun.city.registers import Authority
from chengyun.errors import Malformed, nearest
from chengyun.standards.identifiers import KINDS
from chengyun.standards.units import UNITS

__all__ = [
    "Above", "AlertRule", "Below", "Change", "Distrust", "Entity", "Feed", "Indicator", "Observation", "QualityRule",
    "Registered", "Row", "Rule", "Severity", "SimulatedArea", "Simulation", "Silent", "Stream", "Together", "Topic",
    "Unusual", "Urgency", "Within",
]  # fmt: skip

Sharing = Literal["unconditional", "conditional", "none"]
Severity = Literal["blue", "yellow", "orange", "red"]
SEVERITIES: tuple[Severity, ...] = ("blue", "yellow", "orange", "red")
"""Least to most severe: the four colours of China's warning system (国家突发公共事件总体应急预案, 3.1.3)."""

Hazard = Literal[
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
]  # fmt: skip
HAZARDS: tuple[Hazard, ...] = get_args(Hazard)
"""Kinds of danger: `category` of OASIS CAP 1.2, 3.2.2."""

Urgency = Literal["life_safety", "normal", "bulk"]
URGENCIES: tuple[Urgency, ...] = ("life_safety", "normal", "bulk")
"""Most to least urgent: what is let in longest, and turned away first, when more comes in than can be written."""


@declaration
class Entity:
    """A kind of thing the city keeps a register of.

    model: name of the Django model in the pack's models.py; it inherits chengyun.city.models.Register.
    sharing: 无条件共享, 有条件共享 or 不予共享 between departments (国发〔2016〕51号, 第九条).
    open: whether the public may read it.
    personal: whether a row is about a person; every read of it is then audited and needs a purpose.
    masks: field → mask of chengyun.access.masks for readers without a grant for the field.
    elements: field → key of the DataElement it keeps, as in {"name": "person.name"}.
    """

    key: str
    name: str
    model: str
    one_row_is: str
    sharing: Sharing = "conditional"
    open: bool = False
    personal: bool = False
    masks: Mapping[str, str] | None = None
    authorities: Sequence[Authority] = ()
    refers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    cited_as: str | None = None
    compared: Mapping[str, str] = dataclasses.field(default_factory=dict)
    elements: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        for field, element in self.elements.items():
            if not ELEMENT_KEY.fullmatch(element):
                yield f"elements binds {field!r} to {element!r}, which is not thing.property, as in person.name."
        if self.sharing not in ("unconditional", "conditional", "none"):
            yield f"sharing {self.sharing!r} is not one of unconditional, conditional, none."
        if self.personal and self.open:
            yield "open is True for a register of persons; such a register is never open."
        told = [one.key for one in self.authorities]
        for key in sorted({key for key in told if told.count(key) > 1}):
            yield f"authority {key!r} stands twice."
        firsts = [field for one in self.authorities for field in one.first_for]
        for field in sorted({field for field in firsts if firsts.count(field) > 1}):
            yield f"field {field!r} has two first sources; one datum has one source."


@declaration
class Stream:
    """A typed table of observations about one kind of entity over time.

    time: name of the phenomenon-time column (start of the interval, or the instant), stored in UTC. time_was: as a field's was.
    fields: exactly one Ref (the entity) and one to 24 Quantity, and any Code and Text.
    interval: how long one observation speaks of, from its time on; None: it is an instant.
    cadence: how far apart an entity's observations should be; None: irregular.
    late_after: an observation received this long after the entity's newest phenomenon time passed it is flagged late.
    silent_after: an entity without an observation for this long is silent; None: three cadences.
    keep: months that ended longer ago are taken out of the sealed table, with a record in the audit; None: kept for good.
    archive_after: months that ended longer ago lie in the archive, a cheaper place, where one is set; None: they stay.
    urgency: when more comes in than can be written, bulk is turned away first and life_safety last; see docs/ingest.md.
    """

    key: str
    name: str
    one_row_is: str
    time: str
    fields: Sequence[Field]
    cadence: dt.timedelta | None = None
    interval: dt.timedelta | None = None
    late_after: dt.timedelta = dt.timedelta(hours=6)
    silent_after: dt.timedelta | None = None
    keep: dt.timedelta | None = None
    archive_after: dt.timedelta | None = None
    time_was: Was = ()
    urgency: Urgency = "normal"
    sharing: Sharing = "unconditional"
    open: bool = True

    @functools.cached_property
    def entity(self) -> Ref:
        return next(field for field in self.fields if isinstance(field, Ref))

    @functools.cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return tuple(field for field in self.fields if isinstance(field, Quantity))

    @functools.cached_property
    def words(self) -> tuple[Code | Text, ...]:
        """The fields that hold text: codes and short texts, in declared order."""
        return tuple(field for field in self.fields if isinstance(field, Code | Text))

    @functools.cached_property
    def columns(self) -> tuple[str, ...]:
        """Names a sender uses: the entity's, the time's, then the quantities' and words', in declared order."""
        return (self.entity.key, self.time, *(f.key for f in self.fields if not isinstance(f, Ref)))

    def end_of(self, start: dt.datetime) -> dt.datetime:
        """Return when what an observation speaks of ended: its age counts from there."""
        return start + (self.interval or dt.timedelta(0))

    def faults(self) -> Iterator[str]:
        keys = [field.key for field in self.fields] + [self.time]
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not is_key(self.time):
            yield f"time {self.time!r} is not lower_snake."
        if sum(isinstance(field, Ref) for field in self.fields) != 1:
            yield "fields need exactly one Ref, the entity the observation is about."
        if not 1 <= sum(isinstance(field, Quantity) for field in self.fields) <= 24:
            yield "fields need 1 to 24 Quantity."
        if self.urgency not in URGENCIES:
            yield f"urgency {self.urgency!r} is none of {', '.join(URGENCIES)}."
        if self.keep is not None and self.keep < dt.timedelta(days=31):
            yield f"keep is {self.keep}, expected 31 days or more: whole months are taken out."
        if self.archive_after is not None and not dt.timedelta(0) < self.archive_after < (self.keep or dt.timedelta.max):
            yield f"archive_after is {self.archive_after}, expected a span of time above zero and shorter than keep."
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield f"field {key!r} stands twice."
        for key in sorted({old for field in self.fields for old in former_keys(field.was)} & set(keys)):
            yield f"field {key!r} is a field, and was names it as what another went by before."
        for key in sorted({"seq", "quality", "entity_id", "until_seq", "received"} & set(keys)):
            yield f"field {key!r} is a name the kernel uses; choose another."


@dataclass(frozen=True, slots=True)
class Registered:
    """A register row a feed or a simulation found: what the entity's model keeps beside its key."""

    entity: str
    key: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation a feed read. values holds the stream's columns; absent or None is unknown.

    The time is an aware datetime; quantities are int, float or Decimal in the declared unit.
    line: where in the file it stood, for messages.
    """

    values: Mapping[str, Any]
    line: int = 0


Row = Registered | Observation | Malformed


@declaration
class Feed:
    """Bytes in, rows out: no network, no clock.

    stream: key of the stream the observations belong to.
    read: (open binary file, already decompressed; its name) → rows; an unreadable row is yielded as Malformed.
    columns: how the same files may be read by column, which is some ten times as fast; None: only row by row.
    """

    key: str
    name: str
    stream: str
    read: Callable[[BinaryIO, str], Iterable[Row]]
    columns: Columns | None = None

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not callable(self.read):
            yield "read is not a function."


Payload = Literal["json", "plain", "sparkplug"]
PAYLOADS: tuple[Payload, ...] = ("json", "plain", "sparkplug")
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@declaration
class Topic:
    """Messages of an MQTT broker that carry observations of a stream.

    pattern: levels between slashes; `{name}` in a whole level is read: the stream's entity column gives the entity,
        `quantity` names what a plain value measures, `device` is a registered device whose binding gives the entity;
        `+` is any level, a last `#` all the rest.
    payload: json: an object or list of objects, rows or arrays, as POST /ingest takes them; plain: one number;
        sparkplug: Sparkplug B, whose topic has its own levels (spBv1.0/group/type/node/device).
    fields: name in the message (JSON key, Sparkplug metric) → column, where they differ; for a plain value whose topic has
        no `{quantity}`, {"value": quantity}.
    """

    key: str
    pattern: str
    stream: str
    payload: Payload = "json"
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def placeholders(self) -> tuple[str, ...]:
        return tuple(PLACEHOLDER.findall(self.pattern))

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if self.payload not in PAYLOADS:
            yield f"payload {self.payload!r} is not one of {', '.join(PAYLOADS)}."
        levels = self.pattern.split("/")
        for number, level in enumerate(levels):
            if PLACEHOLDER.fullmatch(level) or level == "+" or (level == "#" and number == len(levels) - 1):
                continue
            if not level or set(level) & set("+#{}$\0"):
                yield f"pattern {self.pattern!r}: level {level!r} is neither a word nor {{name}}, + or a last #."
        if len(set(self.placeholders)) < len(self.placeholders):
            yield f"pattern {self.pattern!r} names a level twice."
        if self.payload == "plain" and "quantity" not in self.placeholders and list(self.fields) != ["value"]:
            yield 'a plain value needs {quantity} in its pattern, or fields={"value": quantity}.'

    def faults_for(self, stream: Stream) -> Iterator[str]:
        """Yield what does not fit the stream."""
        given = {*stream.columns, "device", "quantity"}
        for name in self.placeholders:
            if name not in given:
                yield f"pattern {self.pattern!r}: {name!r} is not a column of {stream.key}.{nearest(name, given)}"
        for column in self.fields.values():
            if column not in stream.columns:
                yield f"fields: {column!r} is not a column of {stream.key}.{nearest(column, stream.columns)}"
        named = {stream.entity.key, "device"} & set(self.placeholders)
        if not named and self.payload != "json":
            yield f"pattern {self.pattern!r} does not say which entity: write {{{stream.entity.key}}} or {{device}} in a level."


@declaration
class Distrust:
    """When a device is no longer believed by itself: so large a share of its readings carries a flag.

    flag: range, spike or stuck. share: 0–1, of the readings of the last `within`. least: how many there must be.
    """

    key: str
    stream: str
    flag: Literal["range", "spike", "stuck"]
    share: float
    within: dt.timedelta
    least: int = 12

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if self.flag not in ("range", "spike", "stuck"):
            yield f"flag {self.flag!r} is not one of range, spike, stuck."
        if not 0 < self.share <= 1:
            yield f"share is {self.share!r}, expected above 0 and at most 1."
        if self.within <= dt.timedelta(0):
            yield "within is not a span of time."
        if self.least < 1:
            yield f"least is {self.least!r}, expected 1 or more."


@declaration
class Rule:
    """The arithmetic of a standard as a pure function.

    compute: any signature for use in Python; a rule named by an indicator's `-- rule:` header takes
        (rows: list[dict], limits: Limits) and returns rows, each dict keeping the subject and period columns.
    made_of: column it returns → the columns of the rows it is made of, for lineage; one not named is made of all of them.
    """

    key: str
    name: str
    compute: Callable[..., Any]
    standard: str
    made_of: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not self.standard:
            yield "standard is empty; name the standard, e.g. HJ 633."


Period = Literal["hour", "day", "month", "year"]
PERIODS: tuple[Period, ...] = ("hour", "day", "month", "year")


UNMEASURED = """
SELECT '' AS area, DATE '2000-01-01' AS period_start, '' AS part, [0.0] AS "values", false AS simulated WHERE false
"""
"""The formula of an index nothing in this city measures a part of."""
MOST_BACK = 400
"""Days an indicator may look back: a year, and some weeks about it."""


@declaration
class Indicator:
    """A named, versioned formula: one value per subject and period. Read from an .sql file (see sqlfile.py).

    subject: "area", or the key of an entity of the pack: what the first column of a row names.
    period: the length of the interval; the second column is its local start (DATE, or TIMESTAMPTZ for hours).
    value: the column that is the figure; the others are its detail.
    streams, uses: the streams and indicators (own pack: key; other: pack.key) the formula reads.
    columns: the detail's columns that are shown → (what a person reads, unit).
    apart: what a figure may be computed apart from, with the same result: "subject": other subjects' rows, "period": rows of
        other periods. Then less is read: the subject's rows alone to explain it, the touched hours alone to follow new data.
    looks_back: how many local days before its own period a figure is made of, too: rows of streams, figures of indicators. A day
        that changes makes the figures of so many days after it due.
    goal: ("at least" or "at most", table of limits.toml, name in its entry): what is aimed at, by date; None: nothing is.
    version_of: key of an indicator this is another formula for; both are current, side by side.
    parameters: SQL parameter → (table of limits.toml, name in its entry).
    rule: key of the Rule that finishes the rows, or None.
    version: hash of the SQL, header and rule source: a figure names the version that made it.
    """

    key: str
    name: str
    one_row_is: str
    subject: str
    period: Period
    unit: str
    value: str
    source: str
    sql: str
    streams: tuple[str, ...]
    uses: tuple[str, ...]
    parameters: Mapping[str, tuple[str, str]]
    rule: str | None
    version: str
    sharing: Sharing = "unconditional"
    open: bool = True
    scale: str | None = None
    fresh_for: dt.timedelta | None = None
    decimals: int = 0
    columns: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    looks_back: int = 0
    goal: tuple[str, str, str] | None = None
    version_of: str | None = None

    def faults(self) -> Iterator[str]:
        for word in sorted(self.apart - {"subject", "period"}):
            yield f"apart from {word!r}; it is subject or period."
        if not 0 <= self.looks_back <= MOST_BACK:
            yield f"it looks back {self.looks_back} days; at most {MOST_BACK} are read beside a period."
        if self.looks_back and "period" in self.apart:
            yield "it looks back, so a figure needs rows of other periods; take `period` out of `-- apart:`."
        if self.period not in PERIODS:
            yield f"period {self.period!r} is not one of {', '.join(PERIODS)}."
        if self.unit not in UNITS:
            yield f"unit {self.unit!r} is not known.{nearest(str(self.unit), UNITS)}"
        for key, (_name, unit) in self.columns.items():
            if unit not in UNITS:
                yield f"column {key!r}: unit {unit!r} is not known.{nearest(unit, UNITS)}"
        if not self.streams and not self.uses and self.sql != UNMEASURED:
            yield "it reads no stream and uses no indicator; add `-- streams:` or `-- uses:`."


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
    """

    false_alarms: int
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


Dimension = Literal["conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"]
DIMENSIONS: tuple[Dimension, ...] = ("conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility")
"""规范性, 完整性, 准确性, 一致性, 时效性, 可访问性: GB/T 36344-2018, in the order of its codes 01 to 06."""


@declaration
class QualityRule:
    """What must be true of a row of a stream or a register, beside what the kernel checks of every one by itself.

    on: key of a stream or an entity of the pack. dimension: of GB/T 36344 the rule speaks for.
    holds: SQL condition over its columns (a stream's: DuckDB; a register's: PostgreSQL), e.g. "pm25 <= pm10"; NULL: the rule
        says nothing of the row.
    check: of a register: kind of identifier of `chengyun.standards.identifiers`; `holds` is then the text that must be one, e.g.
        "uscc"; NULL and '' say nothing.
    meaning: one sentence: what it means for the data when the condition does not hold.
    weight: of the rule among those of its dimension.
    """

    key: str
    name: str
    on: str
    dimension: Dimension
    holds: str
    meaning: str
    weight: float = 1.0
    check: str | None = None

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if self.dimension not in DIMENSIONS:
            yield f"dimension {self.dimension!r} is not one of {', '.join(DIMENSIONS)}."
        if not self.holds.strip() or ";" in self.holds:
            yield f"holds is {self.holds!r}, expected one SQL condition."
        if self.check is not None and self.check not in KINDS:
            yield f"check {self.check!r} is no kind of identifier.{nearest(self.check, KINDS)} See standards/identifiers."
        if self.weight <= 0:
            yield f"weight is {self.weight!r}, expected a positive number."


@dataclass(frozen=True, slots=True)
class SimulatedArea:
    """A district as a simulation sees it: code, name, and points (lon, lat, WGS-84) inside it to place things at."""

    code: str
    name: str
    points: tuple[tuple[float, float], ...]


@declaration
class Simulation:
    """How this part of the city behaves when there is nothing real.

    streams: keys of the streams it feeds.
    register: (areas, random source) → the things that exist.
    observe: (stream key, entity key, moment, seed) → values beside entity and time, or None for a missing observation;
        a pure function: the same arguments give the same values, in any order.
    """

    streams: Sequence[str]
    register: Callable[[Sequence[SimulatedArea], random.Random], Iterable[Registered]]
    observe: Callable[[str, str, dt.datetime, int], Mapping[str, Any] | None]
