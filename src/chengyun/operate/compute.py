# SPDX-License-Identifier: Apache-2.0
"""An indicator's formula over a consistent view of its inputs: rows in, computed figures out; nothing is written here.

The arithmetic is the formula's: SQL sums DECIMAL exactly and the rule works in Fraction or Decimal. Only the figure's
value becomes a float, at the very end; in the detail decimals and fractions are kept as text.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from chengyun.city import City, Indicator, qualify
from chengyun.errors import Problem
from chengyun.operate.order import inputs

if TYPE_CHECKING:
    from chengyun.lake.read import Snapshot

__all__ = ["Computed", "Inputs", "Used", "compute", "parameters", "result_of"]

OWN_FIELDS = ("coverage", "simulated", "quality")
FIGURES = """
CREATE OR REPLACE TEMP VIEW "figure_{key}" AS
SELECT subject, period_start, value, CAST(detail AS JSON) AS detail FROM "_figure_{key}"
"""
PARAMETER = re.compile(r"\$([a-z_]\w*)")


class WrongFormula(Problem):
    """A formula gave rows that are not figures."""

    code = "wrong_formula"


@dataclass(frozen=True, slots=True)
class Computed:
    """A figure before it is written. period_start: UTC."""

    subject: str
    period_start: dt.datetime
    value: float | None
    detail: dict[str, Any]
    coverage: float | None
    simulated: bool
    quality: dict[str, Any] = field(default_factory=dict)

    def same(self, other: Computed) -> bool:
        """Say whether the two are equal bit for bit in everything a reader sees."""
        return (
            _bits(self.value) == _bits(other.value)
            and _bits(self.coverage) == _bits(other.coverage)
            and self.simulated == other.simulated
            and _text(self.detail) == _text(other.detail)
        )


@dataclass(frozen=True, slots=True)
class Used:
    """A figure another formula uses."""

    subject: str
    period_start: dt.datetime
    value: float | None
    detail: Any


def parameters(city: City, indicator: str, day: dt.date) -> dict[str, Any] | None:
    """Return the dated parameters of a formula for the period that begins on a local day; None: nothing was in force."""
    limits = city.limits(indicator)
    try:
        return {name: limits.on(table, day)[entry] for name, (table, entry) in city.indicators[indicator].parameters.items()}
    except LookupError as wrong:
        if isinstance(wrong, KeyError):
            raise WrongFormula(
                f"{indicator}: a parameter's table has no entry {wrong}. Mend limits.toml or `-- parameter:`."
            ) from wrong
        return None


class Inputs:
    """Consistent views of what formulas read: streams and registers as of one moment, and `figure_<key>` for what is used.

    Neighbouring indicators read the same streams over the same time, and opening them costs more than a small formula:
    so the last view stays open until another one is asked for. A context manager; for one thread.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._stack = ExitStack()
        self._opened: tuple[object, ...] | None = None
        self._view: Snapshot | None = None

    def __enter__(self) -> Inputs:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(
        self,
        indicator: str,
        since: dt.datetime,
        until: dt.datetime,
        used: Mapping[str, Sequence[Used]],
        as_of: Mapping[str, int] | None = None,
    ) -> Snapshot:
        """Return the view a formula reads, valid until the next call.

        used: qualified indicator → its figures in [since, until). as_of: stream → seq; None: now.
        """
        # Inside the function: the lake's readers load DuckDB and Arrow, which pages that only show figures must not pay for.
        from chengyun.lake import engine
        from chengyun.lake.read import Snapshot, snapshot

        streams, _ = inputs(self._city, indicator)
        seqs = None if as_of is None else {stream: seq for stream, seq in as_of.items() if stream in streams}
        wanted = (streams, since, until, seqs) if streams else ()
        if self._view is None or self._opened != wanted:
            self._stack.close()
            self._opened, self._view = None, None
            if streams:
                self._view = self._stack.enter_context(snapshot(streams, since=since, until=until, as_of=seqs))
            else:
                self._view = Snapshot(self._stack.enter_context(closing(engine.connect(threads=1))), {})
            self._opened = wanted
        for key, figures in used.items():
            _show_figures(self._view.connection, key.split(".")[1], figures)
        return self._view


def compute(
    city: City, indicator: str, view: Snapshot, since: dt.datetime, until: dt.datetime, given: Mapping[str, Any], zone: ZoneInfo
) -> list[Computed]:
    """Run a formula over [since, until) and return its figures by subject and period.

    Raises WrongFormula when a row is not a figure; whatever the pack's own code raises comes through.
    """
    declared = city.indicators[indicator]
    bound = {"since": since, "until": until, "zone": zone.key, **given}
    wanted = set(PARAMETER.findall(declared.sql))
    rows = view.rows(declared.sql, {name: value for name, value in bound.items() if name in wanted})
    if not rows:
        return []
    subject, start = list(rows[0])[:2]
    if declared.rule is not None:
        rule = city.rules[qualify(indicator.split(".")[0], declared.rule)]
        rows = rule.compute(rows, city.limits(indicator))
    figures = {}
    for row in rows:
        one = result_of(indicator, declared, row, subject, start, zone)
        if not since <= one.period_start < until:
            raise WrongFormula(f"{indicator}: a row of {one.period_start} lies outside the window from {since} to {until}.")
        if (one.subject, one.period_start) in figures:
            raise WrongFormula(
                f"{indicator}: two rows for {one.subject} and {one.period_start}; one row is one {declared.one_row_is}."
            )
        figures[one.subject, one.period_start] = one
    return [figures[key] for key in sorted(figures)]


def result_of(indicator: str, declared: Indicator, row: Mapping[str, Any], subject: str, start: str, zone: ZoneInfo) -> Computed:
    """Read one row of a formula as a figure. Raises WrongFormula naming the column that is missing or unusable."""
    for column in (subject, start, declared.value):
        if column not in row:
            raise WrongFormula(f"{indicator}: the rows have no column {column!r}; they have {', '.join(row)}.")
    own = {subject, start, declared.value, *OWN_FIELDS}
    return Computed(
        subject=str(row[subject]),
        period_start=_instant(row[start], zone),
        value=_number(row[declared.value]),
        detail={name: _plain(value) for name, value in row.items() if name not in own},
        coverage=_number(row.get("coverage")),
        simulated=bool(row.get("simulated")),
        quality=_plain(row.get("quality") or {}),
    )


def _show_figures(connection: Any, key: str, figures: Sequence[Used]) -> None:
    import pyarrow as pa  # a large library that only a formula's inputs need

    table = pa.table(
        {
            "subject": pa.array([one.subject for one in figures], pa.string()),
            "period_start": pa.array([one.period_start for one in figures], pa.timestamp("us", tz="UTC")),
            "value": pa.array([one.value for one in figures], pa.float64()),
            "detail": pa.array([json.dumps(one.detail) for one in figures], pa.string()),
        }
    )
    connection.register(f"_figure_{key}", table)
    connection.execute(FIGURES.format(key=key))


def _instant(value: object, zone: ZoneInfo) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(dt.UTC)
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time(), zone).astimezone(dt.UTC)
    raise WrongFormula(f"the second column holds {value!r}, expected the start of a period as a DATE or TIMESTAMPTZ.")


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return None if math.isnan(number) else number


def _plain(value: Any) -> Any:
    """Return a value as JSON keeps it without loss: decimals and fractions as text, unknown as None."""
    if value is None or type(value) in (str, int, bool):  # first, because most are
        return value
    if isinstance(value, Decimal | Fraction):
        return str(value)
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, str | int):
        return value
    if hasattr(value, "item"):  # numpy's numbers
        return _plain(value.item())
    raise WrongFormula(f"a detail holds {value!r}; give text, numbers, dates, lists or mappings.")


def _plain_float(value: float) -> float | int | None:
    if math.isinf(value):
        raise WrongFormula("a detail holds an infinite number; a share of nothing is unknown, so give None.")
    if math.isnan(value):
        return None
    # The database's JSON has one zero and writes large whole numbers without an exponent, which read back as int.
    return abs(value) if value == 0 else int(value) if (abs(value) >= 1e15 and value.is_integer()) else value


def _bits(value: float | None) -> str | None:
    return None if value is None else value.hex()


def _text(detail: Mapping[str, Any]) -> str:
    # Through JSON and back once: what was read from the database has made that journey, a fresh result has not.
    return json.dumps(json.loads(json.dumps(detail)), sort_keys=True)
