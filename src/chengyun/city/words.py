# SPDX-License-Identifier: Apache-2.0
"""The words a pack is written in: what it registers, senses and computes. When somebody must look stands in alerts.py, what is
done about it in casework.py.

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
from typing import Any, BinaryIO, Literal

from chengyun.city.columns import Columns
from chengyun.city.declare import declaration, is_key
from chengyun.city.elements import ELEMENT_KEY
from chengyun.city.fields import Code, Field, Quantity, Ref, Text, Was, former_keys
from chengyun.city.registers import Authority
from chengyun.errors import Malformed, nearest
from chengyun.standards.identifiers import KINDS
from chengyun.standards.units import UNITS

__all__ = [
    "Distrust", "Entity", "Feed", "Indicator", "Observation", "QualityRule", "Registered", "Row", "Rule", "SimulatedArea",
    "Simulation", "Stream", "Topic", "Urgency",
]  # fmt: skip

Sharing = Literal["unconditional", "conditional", "none"]
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
