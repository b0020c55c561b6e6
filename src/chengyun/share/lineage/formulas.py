# SPDX-License-Identifier: Apache-2.0
"""The part of the graph that formulas say: what each column of an indicator is made of, by its SQL and the rule after it.

Reading SQL takes some 20 ms a formula, so what was read is kept (kept.py) under a digest of everything it depends on.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from django.utils.translation.trans_null import gettext_noop as _  # asks for no settings
from sqlglot import exp

from chengyun.city import City, Indicator, QualityRule, Rule, qualify, sql_name
from chengyun.errors import nearest
from chengyun.share.lineage.declared import DERIVED_CODES, register_columns, written_at
from chengyun.share.lineage.shapes import EVERY, Column, Edge, How, Item, Place
from chengyun.share.lineage.sql import Leaf, Made, Resolved, resolve

__all__ = ["formula_parts", "unresolved"]

PUBLIC = "public"
"""The schema of PostgreSQL registers stand in."""

FORMAT = "5"
"""Of what is kept; another one when reading SQL changes."""

OWN = (Item("coverage", _("覆盖率"), "N"), Item("simulated", _("模拟"), "L"))
OF_A_FIGURE = ("subject", "period_start", "value", "detail", "simulated")
"""What a formula finds of another's figures; their other columns are inside `detail`."""
BOUND = frozenset({"since", "until", "earliest", "zone"})
"""Parameters the engine binds; the others come from dated tables."""

Kept = MutableMapping[str, Resolved]


@dataclass(frozen=True, slots=True)
class _Formula:
    """One indicator as it is read. subject, period: names of its first two columns. lines: line of the SQL → of the file."""

    key: str
    declared: Indicator
    rule: Rule | None
    read: Resolved
    at: str
    lines: tuple[int, ...]

    @property
    def pack(self) -> str:
        return self.key.split(".")[0]

    def where(self, line: int) -> str:
        file = self.at.partition(":")[0]
        return f"{file}:{self.lines[line - 1]}" if 0 < line <= len(self.lines) else file


def formula_parts(city: City, kept: Kept) -> Iterator[Place | Edge]:
    """Yield the places and edges of every indicator. kept: digest → what was read before; what is new is added."""
    for key in city.indicators:
        formula = _read(city, key, kept)
        place = _place(formula)
        yield place
        yield from _edges(city, formula, place)
    for key, rule in city.quality.items():
        yield from _quality(city, key, rule, kept)


def unresolved(city: City, kept: Kept) -> list[str]:
    """Return a sentence for every column of a formula that leads nowhere: what lineage cannot tell."""
    found = []
    for key in city.indicators:
        formula = _read(city, key, kept)
        found += [f"{formula.at}: column {name} leads to no table." for name in formula.read.lost]
        known = {one.column for one in formula.read.made}
        tables = _columns_known(city, key, kept)
        for leaf in {leaf for leaves in _all_leaves(formula.read) for leaf in leaves}:
            if leaf.table == "" and leaf.column not in BOUND and leaf.column not in formula.declared.parameters:
                found.append(f"{formula.at}: ${leaf.column} is no parameter of the header.")
            elif leaf.table and leaf.table not in tables:
                found.append(f"{formula.at}: {leaf.table} is not among its streams and uses.{nearest(leaf.table, tables)}")
            elif leaf.table and leaf.column != EVERY and leaf.column not in tables[leaf.table]:
                hint = nearest(leaf.column, tables[leaf.table])
                found.append(f"{formula.at}: {leaf.table} has no column {leaf.column!r}.{hint}")
        given = {EVERY, *known}
        for column, parts in (formula.rule.made_of if formula.rule else {}).items():
            shown = {formula.declared.value, *formula.declared.columns, *(one.key for one in OWN)}
            if column not in shown:
                found.append(f"{formula.at}: made_of names {column!r}, which is no column of the figure.{nearest(column, shown)}")
            found += [
                f"{formula.at}: made_of[{column!r}] names {part!r}, which the SQL does not make.{nearest(part, known)}"
                for part in parts
                if part not in given
            ]
    return sorted(found)


def _columns_known(city: City, key: str, kept: Kept) -> dict[str, tuple[str, ...]]:
    """Return the tables an indicator can read, with what the details of figures hold."""
    pack = key.split(".")[0]
    tables = _columns_read(city, key)
    for name in city.indicators[key].uses:
        place = _place(_read(city, qualify(pack, name), kept))
        tables[f"{pack}.figure_{name.split('.')[-1]}"] = (*OF_A_FIGURE, *(one.key for one in place.columns))
    return tables


def _all_leaves(read: Resolved) -> Iterator[tuple[Leaf, ...]]:
    yield from (one.leaves for one in read.made)
    yield from (one.leaves for one in read.decided)


def _quality(city: City, key: str, rule: QualityRule, kept: Kept) -> Iterator[Place | Edge]:
    at = rule.at  # type: ignore[attr-defined]
    pack, place = key.split(".")[0], f"quality:{key}"
    on = qualify(pack, rule.on)
    yield Place(place, "quality", rule.name, (Item("holds", _("成立"), "L"),), on, at)
    if on in city.streams:
        tables, dialect, asked = _tables(city, pack, (on,), ()), "duckdb", on
        keys = {name: name for name in tables}
    else:
        # A register's rule speaks PostgreSQL, of tables as they are named there.
        keys = {f"{PUBLIC}.{sql_name(one.split('.')[0])}_{it.model.lower()}": one for one, it in city.entities.items()}
        tables = {table: tuple(item.key for item in register_columns(city, one)) for table, one in keys.items()}
        dialect, asked = "postgres", next(table for table, one in keys.items() if one == on)
    select = exp.select(exp.alias_(exp.maybe_parse(rule.holds, dialect=dialect), "holds")).from_(asked)
    home = asked.partition(".")[0]
    read = _resolved(kept, select.sql(dialect=dialect), _schema(tables), home, frozenset(), dialect)
    for leaves in _all_leaves(read):
        for leaf in leaves:
            if leaf.column in tables.get(leaf.table, ()):  # a row's number is no column of its register
                yield Edge(Column(keys[leaf.table], leaf.column), Column(place, "holds"), leaf.how, rule.holds, at)


def _resolved(
    kept: Kept,
    sql: str,
    schema: Mapping[str, Mapping[str, tuple[str, ...]]],
    home: str,
    packed: frozenset[str],
    dialect: str = "duckdb",
) -> Resolved:
    digest = hashlib.sha256(
        "\0".join((FORMAT, _reader(), dialect, sql, repr(schema), repr(sorted(packed)))).encode()
    ).hexdigest()[:32]
    read = kept.get(digest)
    if read is None:
        kept[digest] = read = resolve(sql, schema, home, packed, dialect)
    return read


@functools.cache
def _reader() -> str:
    """Return the version of what reads SQL; finding it reads a file of the package, which took half of a cold start."""
    return version("sqlglot")


def _read(city: City, key: str, kept: Kept) -> _Formula:
    declared: Indicator = city.indicators[key]
    pack = key.split(".")[0]
    schema = _schema(_columns_read(city, key))
    packed = frozenset(f"{qualify(pack, used).split('.')[0]}.figure_{used.split('.')[-1]}" for used in declared.uses)
    read = _resolved(kept, declared.sql, schema, pack, packed)
    rule = city.rules.get(qualify(pack, declared.rule)) if declared.rule else None
    at = str(getattr(declared, "at", f"{pack}/indicators/{declared.key}.sql"))
    return _Formula(key, declared, rule, read, at, _lines(city, key))


def _schema(tables: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return tables by database: database → table → columns."""
    schema: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, columns in tables.items():
        database, _dot, table = name.partition(".")
        schema.setdefault(database, {})[table] = columns
    return schema


def _columns_read(city: City, key: str) -> dict[str, tuple[str, ...]]:
    """Return the tables an indicator's formula can read, with their columns."""
    pack, declared = key.split(".")[0], city.indicators[key]
    streams = tuple(qualify(pack, name) for name in declared.streams)
    return _tables(city, pack, streams, tuple(qualify(pack, name) for name in declared.uses))


def _tables(city: City, pack: str, streams: tuple[str, ...], uses: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for stream in streams:
        found[stream] = (*city.streams[stream].columns, "quality", "seq")
        found[f"{stream}_raw"] = (*found[stream], "until_seq")
    packs = {stream.split(".")[0] for stream in streams}
    for entity in city.entities:
        if entity.split(".")[0] in packs:
            names = [one.key for one in register_columns(city, entity)]
            found[entity] = tuple(dict.fromkeys([*names, *(name for name, _said in DERIVED_CODES)]))
    for used in uses:
        # Shown to the formula as a view in its own schema, whichever pack the indicator is of.
        found[f"{pack}.figure_{used.split('.')[1]}"] = OF_A_FIGURE
    return found


def _place(formula: _Formula) -> Place:
    return Place(
        formula.key, "indicator", formula.declared.name, _place_columns(formula.declared, formula.read), formula.key, formula.at
    )


def _place_columns(declared: Indicator, read: Resolved) -> tuple[Item, ...]:
    """Return a figure's columns."""
    # The columns of a rule's rows are its own affair; what it leaves of them is told by the header alone.
    named = [] if declared.rule else [one.column for one in read.made]
    items = [
        Item("subject", _("对象"), "C"),
        Item("period_start", _("时段"), "T"),
        Item(declared.value, declared.name, "N", declared.unit),
    ]
    items += [Item(key, name, "", unit) for key, (name, unit) in declared.columns.items()]
    known = {one.key for one in items} | {one.key for one in OWN}
    items += [Item(key, key) for key in named[2:] if key not in known]
    return tuple({one.key: one for one in (*items, *OWN)}.values())


def _edges(city: City, formula: _Formula, place: Place) -> Iterator[Edge]:
    by_name = {one.column: one for one in formula.read.made}
    if len(formula.read.made) < 2:
        return
    subject, period = formula.read.made[:2]
    for target, made in (("subject", subject), ("period_start", period)):
        yield from _from(city, formula, made, target)
    rule = formula.rule
    rows = list(formula.read.made[2:])
    for item in place.columns[2:]:
        if rule is None:
            if (found := by_name.get(item.key)) is not None:
                yield from _from(city, formula, found, item.key)
            continue
        named = rule.made_of.get(item.key)
        parts = rows if named is None or EVERY in named else [by_name[name] for name in named if name in by_name]
        seen: dict[Column, Edge] = {}
        for made in parts:
            for edge in _from(city, formula, made, item.key, rule):
                # A column that comes in by several ways is told once, by the way that carries its value.
                known = seen.get(edge.source)
                if known is None or (not known.direct and edge.direct):
                    seen[edge.source] = edge
        yield from seen.values()
    for decided in formula.read.decided:
        for leaf in decided.leaves:
            if (source := _source(city, formula, leaf)) is not None:
                yield Edge(source, Column(formula.key, EVERY), leaf.how, decided.said, formula.where(decided.line))


def _from(city: City, formula: _Formula, made: Made, target: str, rule: Rule | None = None) -> Iterator[Edge]:
    said, at = made.said, formula.where(made.line)
    if rule is not None:
        said, at = f"{made.said} AS {made.column} → {rule.key}()", f"{at} → {written_at(rule.compute, rule.key)}"
    for leaf in made.leaves:
        source = _source(city, formula, leaf)
        if source is not None:
            # What passes through a rule's hands is no longer the same, unless it keeps its name.
            how: How = "transformation" if rule and leaf.how == "identity" and made.column != target else leaf.how
            yield Edge(source, Column(formula.key, target), how, said, at)


def _source(city: City, formula: _Formula, leaf: Leaf) -> Column | None:
    """Return the column of the graph a table's column is; None for what the engine binds."""
    if leaf.table == "":
        if leaf.column not in formula.declared.parameters:
            return None
        table, entry = formula.declared.parameters[leaf.column]
        return Column(f"limit:{formula.pack}.{table}", entry)
    database, _dot, table = leaf.table.partition(".")
    if table.startswith("figure_"):
        used = next((it for it in formula.declared.uses if it.split(".")[-1] == table.removeprefix("figure_")), None)
        if used is None:
            return None
        name = qualify(formula.pack, used)
        return Column(name, {"value": city.indicators[name].value, "detail": EVERY}.get(leaf.column, leaf.column))
    name = f"{database}.{table}"
    return Column(name if name in city.streams or name in city.entities else name.removesuffix("_raw"), leaf.column)


def _lines(city: City, key: str) -> tuple[int, ...]:
    """Return the lines of the file that the SQL's lines are; the header, comments and blank lines are not among them."""
    name, _dot, own = key.partition(".")
    pack = city.packs.get(name)
    named = (
        next((one for one in pack.pack.indicators if one.endswith(f"{own}.sql") and Path(one).stem == own), None)
        if pack
        else None
    )
    path = pack.folder / named if pack and named else None
    if path is None or not path.exists():
        return ()
    text = path.read_text(encoding="utf-8").splitlines()
    return tuple(number for number, line in enumerate(text, 1) if line.strip() and not line.startswith("--"))
