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
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from chengyun.city import City, Indicator, qualify
from chengyun.errors import Problem
from chengyun.operate.merging import joined
from chengyun.operate.order import inputs
from chengyun.operate.periods import reach

if TYPE_CHECKING:
    import pyarrow as pa

    from chengyun.lake.read import Snapshot

__all__ = ["Computed", "Inputs", "Used", "compute", "compute_together", "json_text", "parameters", "show_figures"]

OWN_FIELDS = ("coverage", "simulated", "quality")
PLAIN = frozenset({str, int, bool})
"""Types whose values JSON keeps as they are."""
FIGURES = """
CREATE OR REPLACE TEMP VIEW "figure_{key}" AS
SELECT subject, period_start, value, CAST(detail AS JSON) AS detail, simulated FROM "_figure_{key}"
"""
PARAMETER = re.compile(r"\$([a-z_]\w*)")


class WrongFormula(Problem):
    """A formula gave rows that are not figures."""

    code = "wrong_formula"


class Computed(NamedTuple):
    """A figure before it is written. period_start: UTC."""

    subject: str
    period_start: dt.datetime
    value: float | None
    detail: dict[str, Any]
    coverage: float | None
    simulated: bool
    quality: Mapping[str, Any] = {}

    def same(self, other: Computed) -> bool:
        """Say whether the two are equal bit for bit in everything a reader sees."""
        return (
            _bits(self.value) == _bits(other.value)
            and _bits(self.coverage) == _bits(other.coverage)
            and self.simulated == other.simulated
            and json_text(self.detail) == json_text(other.detail)
        )


@dataclass(frozen=True, slots=True)
class Used:
    """A figure another formula uses."""

    subject: str
    period_start: dt.datetime
    value: float | None
    detail: Any
    simulated: bool = False


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
        entities: Sequence[str] | None = None,
    ) -> Snapshot:
        """Return the view a formula reads, valid until the next call; formulas that read the same streams may share it.

        used: qualified indicator → its figures in [since, until). as_of: stream → seq; None: now. entities: only their rows.
        """
        # Inside the function: the lake's readers load DuckDB and Arrow, which pages that only show figures must not pay for.
        from chengyun.lake import engine
        from chengyun.lake.read import Snapshot, snapshot

        streams, _ = inputs(self._city, indicator)
        seqs = None if as_of is None else {stream: seq for stream, seq in as_of.items() if stream in streams}
        wanted = (streams, since, until, seqs, entities) if streams else ()
        if self._view is None or self._opened != wanted:
            self._stack.close()
            self._opened, self._view = None, None
            if streams:
                self._view = self._stack.enter_context(snapshot(streams, since=since, until=until, as_of=seqs, entities=entities))
            else:
                self._view = Snapshot(self._stack.enter_context(closing(engine.connect(threads=1))), {})
            self._opened = wanted
        for key, figures in used.items():
            show_figures(self._view.connection, key.split(".")[1], figures)
        return self._view


def json_text(value: object) -> str:
    """Return a value as JSON, the same text for the same value: before it is stored and after it was read back."""
    return msgspec.json.encode(value, order="sorted").decode()


def compute(
    city: City, indicator: str, view: Snapshot, since: dt.datetime, until: dt.datetime, given: Mapping[str, Any], zone: ZoneInfo
) -> list[Computed]:
    """Run a formula over [since, until) and return its figures by subject and period.

    Raises WrongFormula when a row is not a figure; whatever the pack's own code raises comes through.
    """
    declared = city.indicators[indicator]
    table = view.arrow(declared.sql, _bound(declared, declared.sql, since, until, given, zone))
    return _figures(city, indicator, table, range(table.num_columns), table.column_names, since, until, zone)


def compute_together(
    city: City,
    indicators: Sequence[str],
    view: Snapshot,
    since: dt.datetime,
    until: dt.datetime,
    given: Mapping[str, Any],
    zone: ZoneInfo,
) -> list[list[Computed]]:
    """Run formulas that are given the same parameters over the same time, and look back as far; return the figures of each.

    Those that ask the same rows the same way are one query. Raises what any of them alone would raise.
    """
    import duckdb  # a large library that only computing needs

    first = city.indicators[indicators[0]]
    formulas = [city.indicators[indicator].sql for indicator in indicators]
    found: list[list[Computed]] = [[] for _ in indicators]
    for places, one in joined(formulas):
        table = None
        if one is not None:
            with suppress(duckdb.Error):
                table = view.arrow(one.sql, _bound(first, one.sql, since, until, given, zone))
        if one is None or table is None:
            for place in places:
                found[place] = compute(city, indicators[place], view, since, until, given, zone)
            continue
        for place, member in zip(places, one.members, strict=True):
            columns, names = [column for column, _ in member], [name for _, name in member]
            found[place] = _figures(city, indicators[place], table, columns, names, since, until, zone)
    return found


def _bound(
    declared: Indicator, sql: str, since: dt.datetime, until: dt.datetime, given: Mapping[str, Any], zone: ZoneInfo
) -> dict[str, Any]:  # fmt: skip
    wanted = set(PARAMETER.findall(sql))
    earliest = reach(since, declared.looks_back, zone)
    bound = {"since": since, "until": until, "earliest": earliest, "zone": zone.key, **given}
    return {name: value for name, value in bound.items() if name in wanted}


def _figures(
    city: City,
    indicator: str,
    table: pa.Table,
    columns: Sequence[int],
    names: Sequence[str],
    since: dt.datetime,
    until: dt.datetime,
    zone: ZoneInfo,
) -> list[Computed]:
    """Read these columns of a query's rows, under these names, as an indicator's figures, by subject and period."""
    declared = city.indicators[indicator]
    if not table.num_rows:
        return []
    rows = rows_of(table.select(list(columns)).rename_columns(list(names)))
    subject, start = list(names)[:2]
    if declared.rule is not None:
        rule = city.rules[qualify(indicator.split(".")[0], declared.rule)]
        rows = rule.compute(rows, city.limits(indicator))
    figures = {}
    read = _Reader(indicator, declared, subject, start, zone)
    for row in rows:
        one = read(row)
        if not since <= one.period_start < until:
            raise WrongFormula(f"{indicator}: a row of {one.period_start} lies outside the window from {since} to {until}.")
        if (one.subject, one.period_start) in figures:
            raise WrongFormula(
                f"{indicator}: two rows for {one.subject} and {one.period_start}; one row is one {declared.one_row_is}."
            )
        figures[one.subject, one.period_start] = one
    return [figures[key] for key in sorted(figures)]


class _Reader:
    """Reads rows of a formula as figures. Raises WrongFormula naming the column that is missing or unusable."""

    def __init__(self, indicator: str, declared: Indicator, subject: str, start: str, zone: ZoneInfo) -> None:
        self._indicator = indicator
        self._subject, self._start, self._value = subject, start, declared.value
        self._own = frozenset({subject, start, declared.value, *OWN_FIELDS})
        self._zone = zone
        self._starts: dict[object, dt.datetime] = {}

    def __call__(self, row: Mapping[str, Any]) -> Computed:
        try:
            subject, start, value = row[self._subject], row[self._start], row[self._value]
        except KeyError as missing:
            raise WrongFormula(f"{self._indicator}: the rows have no column {missing}; they have {', '.join(row)}.") from missing
        period_start = self._starts.get(start)
        if period_start is None:
            period_start = self._starts[start] = _instant(start, self._zone)
        own = self._own
        # Most values are what JSON keeps as it is: they are let through here, where a call for each would cost the most.
        detail = {
            name: item if item is None or type(item) in PLAIN or (type(item) is float and 0 < item < 1e15) else _plain(item)
            for name, item in row.items()
            if name not in own
        }
        return Computed(
            str(subject), period_start, _number(value), detail, _number(row.get("coverage")), bool(row.get("simulated")),
            _plain(row["quality"]) if row.get("quality") else {},
        )  # fmt: skip


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return an Arrow table's rows as dicts, as its to_pylist does; equal values of a column are one object."""
    names = table.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*map(_values, table.columns), strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column's values. Making decimals and instants is what costs, and most columns have few different ones."""
    import pyarrow as pa  # a large library that only computing needs
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_list(kind):
        whole = column.combine_chunks()
        inner = _values(pa.chunked_array([whole.flatten()], kind.value_type))
        lengths = pc.list_value_length(whole).to_pylist()
        ends = accumulate(length or 0 for length in lengths)
        return [None if length is None else inner[end - length : end] for length, end in zip(lengths, ends, strict=True)]
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and not column.null_count:
        return column.to_numpy().tolist()  # type: ignore[no-any-return]
    if pa.types.is_nested(kind):
        return column.to_pylist()  # type: ignore[no-any-return]
    encoded = column.combine_chunks().dictionary_encode()
    known = [*encoded.dictionary.to_pylist(), None]
    places = encoded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
    return [known[place] for place in places.tolist()]


def show_figures(connection: Any, key: str, figures: Sequence[Used]) -> None:
    """Make the view `figure_<key>` of figures a formula uses. key: the indicator's own, without its pack."""
    import pyarrow as pa  # a large library that only a formula's inputs need

    table = pa.table(
        {
            "subject": pa.array([one.subject for one in figures], pa.string()),
            "period_start": pa.array([one.period_start for one in figures], pa.timestamp("us", tz="UTC")),
            "value": pa.array([one.value for one in figures], pa.float64()),
            "detail": pa.array([json.dumps(one.detail) for one in figures], pa.string()),
            "simulated": pa.array([one.simulated for one in figures], pa.bool_()),
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
    if value is None or type(value) in PLAIN:
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
