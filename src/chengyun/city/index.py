# SPDX-License-Identifier: Apache-2.0
"""Composite indices as they are declared: dimensions of parts, how each is made a score, weighed, and what if one is missing.

    Index ──< Dimension ──< Part ── an indicator of areas, its direction, its normalisation
      └ weights of dimensions       └ weights of its parts: by experts, compared in pairs (AHP), by entropy, by components

An Index becomes an Indicator (its key, with a formula that reads the parts' figures) and a Rule that scores them: so it is
computed, kept, explained, shared and watched as every other indicator is. A number may be written `"table:entry"` of
limits.toml instead: it is then looked up for the first day of the period, and every figure names the edition.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Literal, cast

from chengyun.city.declare import declaration, is_key, where, written_in
from chengyun.city.limits import Limits
from chengyun.city.words import PERIODS, UNMEASURED, Indicator, Period, Rule, Sharing
from chengyun.standards import composite, weighting
from chengyun.standards.composite import Aggregation

__all__ = [
    "AHP", "PCA", "Dimension", "Distance", "Entropy", "Expert", "Index", "MinMax", "Part", "Percentile", "ZScore", "compiled",
    "measured_by", "numbers",
]  # fmt: skip

Number = float | str
"""A number, or "table:entry" of limits.toml by date."""


@declaration
class MinMax:
    """0 at the worst and 100 at the best. low, high: goalposts that stand still; None: of the areas of the level, then."""

    low: Number | None = None
    high: Number | None = None

    def faults(self) -> Iterator[str]:
        if (self.low is None) != (self.high is None):
            yield "low and high are given together, or neither."
        elif isinstance(self.low, int | float) and isinstance(self.high, int | float) and self.low >= self.high:
            yield f"low {self.low:g} is not below high {self.high:g}."


@declaration
class ZScore:
    """50 at the mean of the areas of the level, 10 more for each standard deviation better."""


@declaration
class Percentile:
    """The share of the areas of the level that are worse."""


@declaration
class Distance:
    """How much of the way from a base to a target is done; at the target and beyond, 100."""

    target: Number
    base: Number = 0.0

    def faults(self) -> Iterator[str]:
        if self.target == self.base:
            yield f"target and base are both {self.target!r}; there is no way between them."


Normalisation = MinMax | ZScore | Percentile | Distance


@declaration
class Expert:
    """The weights that are written at the parts or dimensions themselves; they count in proportion."""


@declaration
class AHP:
    """Weights from judgements in pairs: ("air", "water"): 3 says that air is three times as important.

    Every pair once, 1/9 to 9. Judgements whose consistency ratio is above 0.1 contradict each other and are refused.
    """

    compared: Mapping[tuple[str, str], float]


@declaration
class Entropy:
    """Weights by how unevenly the scores lie among the areas of the level, anew for every period."""


@declaration
class PCA:
    """Weights by the principal components that explain so much of the variance among the areas, anew for every period."""

    explained: float = 0.85

    def faults(self) -> Iterator[str]:
        if not 0 < self.explained <= 1:
            yield f"explained is {self.explained!r}, expected above 0 and at most 1."


Weighing = Expert | AHP | Entropy | PCA


@declaration
class Part:
    """One thing an index is made of.

    indicator: key of an indicator about areas, whose period is the index's or a shorter one; None: nothing measures it yet,
        and it is missing everywhere.
    better: whether more or less of it is better. normal: how its values become scores of 0 to 100.
    column: of the indicator's detail to read; None: the figure itself.
    over: of the figures of a shorter period, what counts.
    """

    key: str
    name: str
    indicator: str | None
    normal: Normalisation
    better: Literal["more", "less"] = "more"
    weight: Number | None = None
    column: str | None = None
    over: Literal["mean", "sum", "last", "highest", "lowest"] = "mean"

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if self.better not in ("more", "less"):
            yield f"better is {self.better!r}, expected more or less."
        if self.over not in ("mean", "sum", "last", "highest", "lowest"):
            yield f"over is {self.over!r}, expected mean, sum, last, highest or lowest."
        if not isinstance(self.normal, Normalisation):
            yield f"normal is {self.normal!r}, expected MinMax, ZScore, Percentile or Distance."
        elif isinstance(self.normal, Distance):
            target, base = self.normal.target, self.normal.base
            numbers = isinstance(target, int | float) and isinstance(base, int | float)
            if numbers and (cast("float", target) > cast("float", base)) != (self.better == "more"):
                yield f"the way from {base} to {target} goes the other way than `better={self.better}` says."
        if isinstance(self.weight, int | float) and self.weight < 0:
            yield f"weight {self.weight:g} is below zero."
        if self.column is not None and not is_key(self.column):
            yield f"column {self.column!r} is not lower_snake."


@declaration
class Dimension:
    """A group of parts. weights: of its parts among themselves."""

    key: str
    name: str
    parts: Sequence[Part]
    weight: Number | None = None
    weights: Weighing = dataclasses.field(default_factory=Expert)

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not self.parts:
            yield "it has no parts."
        yield from _weighing_faults(self.weights, self.parts, "part")


@declaration
class Index:
    """An index of areas, from 0 to 100, one value per area and period.

    aggregate: arithmetic: a weak part is made up for by a strong one; geometric: less so.
    missing: withhold: no index without every part; renormalise: the weights of what is there are raised to one, and the
        coverage says how much there was; zero: it scores nothing, as the source orders, and is named. Never silently.
    least: the coverage below which there is no value.
    spread, draws, seed: how far each weight is moved either way to see how firm a rank is, how often, from which seed.
    note: what a reader must know, as what of it has not been checked against the source.
    """

    key: str
    name: str
    one_row_is: str
    period: Period
    source: str
    dimensions: Sequence[Dimension]
    weights: Weighing = dataclasses.field(default_factory=Expert)
    aggregate: Aggregation = "arithmetic"
    missing: Literal["withhold", "renormalise", "zero"] = "withhold"
    least: float = 0.0
    spread: float = 0.25
    draws: int = 1000
    seed: int = 1
    decimals: int = 1
    note: str = ""
    scale: str | None = None
    fresh_for: dt.timedelta | None = None
    sharing: Sharing = "unconditional"
    open: bool = True

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for dimension in self.dimensions for part in dimension.parts)

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not self.source:
            yield "source is empty; say who laid it down, or that the city did."
        if self.period not in PERIODS:
            yield f"period {self.period!r} is not one of {', '.join(PERIODS)}."
        if self.aggregate not in ("arithmetic", "geometric"):
            yield f"aggregate is {self.aggregate!r}, expected arithmetic or geometric."
        if self.missing not in ("withhold", "renormalise", "zero"):
            yield f"missing is {self.missing!r}, expected withhold, renormalise or zero."
        if self.missing == "zero" and self.aggregate == "geometric":
            yield "a geometric mean has no place for a missing part that scores zero; withhold it or renormalise."
        if not 0 <= self.least <= 1:
            yield f"least is {self.least!r}, expected a share, 0 to 1."
        if not 0 < self.spread < 1:
            yield f"spread is {self.spread!r}, expected between 0 and 1."
        if not 20 <= self.draws <= 100_000:
            yield f"draws is {self.draws!r}, expected 20 to 100,000."
        if not self.dimensions:
            yield "it has no dimensions."
            return
        for kind, keys in (("dimension", [one.key for one in self.dimensions]), ("part", [one.key for one in self.parts])):
            for key in sorted({key for key in keys if keys.count(key) > 1}):
                yield f"{kind} {key!r} stands twice."
        yield from _weighing_faults(self.weights, self.dimensions, "dimension")


def _weighing_faults(weights: Weighing, things: Sequence[Part] | Sequence[Dimension], kind: str) -> Iterator[str]:
    keys = [one.key for one in things]
    match weights:
        case Expert():
            lacking = [one.key for one in things if one.weight is None]
            if lacking and len(things) > 1:
                yield f"weights are the experts' and {kind} {', '.join(lacking)} has none."
            if things and all(one.weight == 0 for one in things):
                yield f"every {kind} weighs nothing."
        case AHP():
            try:
                _, ratio = weighting.ahp(weighting.judgements(keys, weights.compared))
            except ValueError as wrong:
                yield f"AHP: {wrong}"
                return
            if ratio > weighting.CONSISTENT:
                yield (
                    f"AHP: the judgements of {', '.join(keys)} contradict each other: consistency ratio {ratio:.3f}, "
                    f"at most {weighting.CONSISTENT} (Saaty 1980). Compare again."
                )
        case Entropy() | PCA():
            if given := [one.key for one in things if one.weight is not None]:
                yield f"weights come out of data, and {kind} {', '.join(given)} is given one; take it out."
        case _:
            yield f"weights is {weights!r}, expected Expert, AHP, Entropy or PCA."


def compiled(index: Index, pack: str, running: Collection[str], limits_text: str) -> tuple[Indicator, Rule]:
    """Return the indicator and the rule an index is computed by.

    running: qualified keys of the indicators of this city; a part measured by another one is missing here.
    """
    from chengyun.city import scoring  # scoring reads these declarations

    def compute(rows: list[dict[str, object]], limits: Limits) -> list[dict[str, object]]:
        return scoring.score(index, rows, limits)

    told = repr(_told(index)) + "".join(map(_text, (composite, weighting, scoring))) + limits_text
    rule = Rule(key=f"score_{index.key}", name=index.name, compute=compute, standard=index.source)
    measured = [(part, used) for part in index.parts if (used := measured_by(part, pack)) in running]
    with written_in(getattr(index, "at", where())):
        indicator = Indicator(
            key=index.key, name=index.name, one_row_is=index.one_row_is, subject="area", period=index.period, unit="1",
            value="value", source=index.source, sql=_formula(index.period, measured), streams=(),
            uses=tuple(dict.fromkeys(used for _, used in measured)), parameters={}, rule=rule.key,
            version=hashlib.sha256(told.encode()).hexdigest()[:16], sharing=index.sharing, open=index.open, scale=index.scale,
            fresh_for=index.fresh_for, decimals=index.decimals, columns=COLUMNS,
            apart=frozenset({"period"}),
        )  # fmt: skip
    return indicator, rule


COLUMNS: Mapping[str, tuple[str, str]] = {
    "rank": ("名次", "1"), "of": ("参评区域数", "1"), "rank_low": ("名次区间上端", "1"), "rank_high": ("名次区间下端", "1"),
}  # fmt: skip

GATHER = """
SELECT g.area, g.period_start, g.part, LIST(g.value ORDER BY g.at) AS "values", BOOL_OR(g.simulated) AS simulated
FROM (
{parts}
) AS g
WHERE g.value IS NOT NULL
GROUP BY g.area, g.period_start, g.part ORDER BY g.period_start, g.area, g.part
"""
PART = """    SELECT f.subject AS area, {start} AS period_start, '{part}' AS part, f.period_start AS at, {value} AS value,
        f.simulated
    FROM figure_{key} AS f WHERE f.period_start >= $since AND f.period_start < $until"""
STARTS: Mapping[Period, str] = {
    "hour": "DATE_TRUNC('hour', f.period_start)",
    **{
        period: f"CAST(DATE_TRUNC('{period}', f.period_start AT TIME ZONE $zone) AS DATE)"
        for period in cast("tuple[Period, ...]", ("day", "month", "year"))
    },
}


def measured_by(part: Part, pack: str) -> str:
    """Return the qualified key of the indicator that measures a part; empty when nothing does."""
    if part.indicator is None:
        return ""
    return part.indicator if "." in part.indicator else f"{pack}.{part.indicator}"


def _formula(period: Period, measured: Sequence[tuple[Part, str]]) -> str:
    """Return the SQL that gathers the parts' figures: a row an area, period and part."""
    parts = [
        PART.format(
            start=STARTS[period], part=part.key, key=used.split(".")[1],
            value="f.value" if part.column is None else f"TRY_CAST(f.detail ->> '$.{part.column}' AS DOUBLE)",
        )
        for part, used in measured
    ]  # fmt: skip
    return GATHER.format(parts="\n    UNION ALL\n".join(parts)).strip() if parts else UNMEASURED


def _told(declared: object) -> object:
    """Return a declaration as plain values, the same for the same declaration."""
    if dataclasses.is_dataclass(declared) and not isinstance(declared, type):
        fields = [(field.name, _told(getattr(declared, field.name))) for field in dataclasses.fields(declared)]
        return (type(declared).__name__, *fields)
    if isinstance(declared, Mapping):
        return [(key, declared[key]) for key in declared]
    if isinstance(declared, Sequence) and not isinstance(declared, str):
        return [_told(one) for one in declared]
    return declared


def numbers(index: Index) -> list[str]:
    """Return the "table:entry" an index looks up by date."""
    given: list[Number | None] = [*(one.weight for one in index.dimensions), *(one.weight for one in index.parts)]
    for part in index.parts:
        match part.normal:
            case MinMax(low=low, high=high):
                given += [low, high]
            case Distance(target=target, base=base):
                given += [target, base]
    return sorted({one for one in given if isinstance(one, str)})


def _text(module: ModuleType) -> str:
    return inspect.getsource(module)
