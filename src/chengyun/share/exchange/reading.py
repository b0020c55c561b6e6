# SPDX-License-Identifier: Apache-2.0
"""Rows of any dataset under a scope: masked, paged by key at one version, or incremental by version.

    first = rows(scope, "air_quality.station")                           what stands, by key
    rows(scope, dataset, after=first.next, as_of=first.as_of)            the same moment, on
    rows(scope, dataset, since_version=first.as_of)                      what changed since, by version

A row that a reader saw and may no longer see comes as its key and `removed`: so no copy keeps what it lost the right to.
A masked field is masked here, row by row, by the same scope as everywhere; the caller adds audit and receipt.

Where persons are shown under pseudonyms (`scope.blind`) so are their keys, and nothing else tells two copies' rows apart: they
come in an order of the purpose's own, and each has the version of its page instead of its own.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from psycopg import sql

from chengyun.access import grants, predicates, pseudonyms
from chengyun.access import masks as masking
from chengyun.access.policy import Scope
from chengyun.access.predicates import Predicate, Sql
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.exchange import digests as digesting
from chengyun.share.exchange import horizon, orders, questions
from chengyun.share.exchange.digests import DEEPEST, Ranges
from chengyun.share.exchange.sources import Column, Source, kind_of, source_of

__all__ = ["MOST", "Page", "Row", "Sums", "columns_of", "digests", "many", "require_terms", "rows", "terms_of", "version_of"]

MOST = 10_000
"""Rows in one page."""
SCANNED = 50_000
"""Rows that are looked through for one answer, where it tells not all of them."""
LOOKED_THROUGH = 300_000
"""The same, where the database does it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the reader may see it. removed: the reader saw it and may not any more; then it has no values.

    of: the key it has, which never goes out; "" where it is `key`.
    """

    key: str
    version: int | None
    values: Mapping[str, Any]
    removed: bool = False
    of: str = ""

    @property
    def subject(self) -> str:
        """Whom the row is of, for the audit."""
        return self.of or self.key


Shape = Callable[[Sequence[Sequence[Any]]], list[Row]]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows. next: where to go on, None at the end. as_of: the version the rows are of; give it back to stay at it.

    fields: the columns of the rows, in order; a row may lack some, because what is shown is decided row by row.
    newest: the newest complete version when the page was read. terms: see terms_of.
    """

    rows: tuple[Row, ...]
    next: str | None
    as_of: int
    fields: tuple[Column, ...]
    newest: int = 0
    terms: str = ""


def rows(
    scope: Scope,
    dataset: str,
    *,
    after: str | None = None,
    since_version: int | None = None,
    as_of: int | None = None,
    limit: int = 1000,
    fields: Sequence[str] = (),
    newest: int | None = None,
    ranges: Ranges | None = None,
) -> Page:
    """Return a page of a dataset's rows.

    after: the `next` of the page before. since_version: only what changed after it, in the order of versions.
    as_of: the version to read at; default the newest that is complete. newest: that one, where the caller has just asked.
    fields: only these; default all the reader may see.
    ranges: of what stands, only rows whose key, as shown, lies in these; a page may then have few rows, or none, and a next one.
    Raises NotFound when nothing may be read, Refused for an unknown field or a version that is not there yet.
    """
    if not scope.allowed or scope.dataset != dataset:
        raise NotFound(f"There is no dataset {dataset!r} here for you.", dataset=dataset)
    if not 1 <= limit <= MOST:
        raise Refused(f"limit is {limit}, expected 1 to {MOST}.", code="parameter", status=400)
    if ranges is not None:
        require_digests(dataset)
    if kind_of(dataset) == "stream":
        from chengyun.share.exchange import streams  # DuckDB and Arrow are large; most readers ask for registers

        page = streams.rows(scope, dataset, after=after, since_version=since_version, as_of=as_of, limit=limit, fields=fields)
        return replace(page, terms=terms_of(scope, page.fields))
    source = source_of(dataset)
    if newest is None or max(since_version or 0, as_of or 0) > newest:
        newest = horizon.horizon(source.sequence, max(since_version or 0, as_of or 0)) if source.sequence else 0
    at = reached(newest, since_version, as_of)
    shown = chosen(scope, source.columns, fields)
    within = _within(scope.rows, "r", scope.time)
    mixed = _mixed(scope, source, at, begins=after is None)
    last = None
    if ranges is not None and not scope.blind:
        with connection.cursor() as cursor:
            cursor.execute(*questions.after_so_many(source, after or "", LOOKED_THROUGH))
            last = next((key for (key,) in cursor.fetchall()), None)
        within, ranges = questions.among(within, sql.Identifier("r", source.key), ranges, last), None
    scanned = limit if ranges is None else SCANNED
    if since_version is None or not source.sequence:
        question = questions.standing(source, within, mixed.place(after), at, scanned + 1, mixed.salt, mixed.number)
    else:
        former = _within(scope.rows, "f", scope.time)
        start = max(since_version, number_in(after)) if after else since_version
        question = questions.changed(source, within, former, since_version, start, at, limit + 1)
    with connection.cursor() as cursor:
        cursor.execute(*question)
        found = cursor.fetchall()
    if ranges is not None:
        return _sifted(scope, source, shown, found, at, newest, limit, ranges, mixed.mark)
    by_number = source.kind == "indicator" or bool(since_version is not None and source.sequence)
    made = _page(_shape(scope, source, shown, at), shown, found, limit, at, newest, "" if by_number else mixed.mark, by_number)
    return replace(made, next=made.next or last, terms=terms_of(scope, shown))


def _sifted(
    scope: Scope, source: Source, shown: tuple[Column, ...], found: Sequence[Sequence[Any]], at: int, newest: int, limit: int,
    ranges: Ranges, mark: str,
) -> Page:  # fmt: skip
    """Return of rows under pseudonyms those whose pseudonym lies in some ranges: the database knows no pseudonym."""
    place, purpose = [one.name for one in source.columns].index("key"), scope.purpose or ""
    kept: list[Sequence[Any]] = []
    last = found[-1] if len(found) <= SCANNED else found[SCANNED - 1]
    for one in found[:SCANNED]:
        if str(masking.mask(grants.KEY, str(one[place]), purpose)) in ranges:
            if len(kept) == limit:
                last = kept[-1]
                break
            kept.append(one)
    is_last = len(found) <= SCANNED and (not found or last is found[-1])
    onward = None if is_last else f"{mark}{last[-3]}"
    rows = _shape(scope, source, shown, at)(kept)
    return Page(tuple(rows), onward, at, shown, newest, terms_of(scope, shown))


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of some rows by ranges (digests.py), how many rows they are of, and where to go on."""

    sums: list[int]
    rows: int
    page: Page


def digests(
    scope: Scope, dataset: str, depth: int, *, after: str | None = None, as_of: int | None = None, limit: int = 50_000,
    fields: Sequence[str] = (),
) -> Sums:  # fmt: skip
    """Return the sums of a slice of a register's rows, as the reader may see them, at a version. Its page has no rows.

    depth: bits of a range, 0 to DEEPEST. Raises NotFound, Refused as `rows` does, and where a dataset has no digests.
    """
    if not scope.allowed or scope.dataset != dataset:
        raise NotFound(f"There is no dataset {dataset!r} here for you.", dataset=dataset)
    if not 0 <= depth <= DEEPEST or not 1 <= limit <= SCANNED:
        raise Refused(
            f"depth is {depth}, expected 0 to {DEEPEST}; limit is {limit}, expected 1 to {SCANNED}.", code="parameter", status=400
        )
    require_digests(dataset)
    source = source_of(dataset)
    newest = horizon.horizon(source.sequence, as_of or 0)
    at = reached(newest, None, as_of)
    shown = chosen(scope, source.columns, fields)
    mixed, within = _mixed(scope, source, at, begins=after is None), _within(scope.rows, "r", scope.time)
    with connection.cursor() as cursor:
        cursor.execute(*questions.standing(source, within, mixed.place(after), at, limit + 1, mixed.salt, mixed.number))
        found = cursor.fetchall()
    names = [one.name for one in shown]
    told = _shape(scope, source, shown, at)(found[:limit])
    made = digesting.sums(shown, depth, ((row.key, [row.values.get(name) for name in names]) for row in told))
    onward = f"{mixed.mark}{found[limit - 1][-3]}" if len(found) > limit else None
    return Sums(made, len(told), Page((), onward, at, shown, newest, terms_of(scope, shown)))


def require_digests(dataset: str) -> None:
    """Raise Refused for a dataset whose rows cannot be told as they stood at a version."""
    if kind_of(dataset) != "entity" or not source_of(dataset).history:
        raise Refused(f"{dataset} is no register with a history: there are no digests of it.", code="digests", status=400)


def many(scope: Scope, dataset: str, afters: Sequence[str], limit: int, newest: int | None = None) -> list[Page]:
    """Return, in one question, what `rows` returns for each of these `after`, of one moment.

    Small pages cost the database more to be asked for than to be read; these are asked for together. Raises what `rows` does.
    """
    if len(afters) < 2 or kind_of(dataset) != "entity" or not scope.allowed or scope.dataset != dataset:
        return [rows(scope, dataset, after=one or None, limit=limit, newest=newest) for one in afters]
    if not 1 <= limit <= MOST:
        raise Refused(f"limit is {limit}, expected 1 to {MOST}.", code="parameter", status=400)
    source = source_of(dataset)
    if newest is None:
        newest = horizon.horizon(source.sequence) if source.sequence else 0
    shown = chosen(scope, source.columns, ())
    mixed = _mixed(scope, source, newest, begins=not all(afters))
    within, places = _within(scope.rows, "r", scope.time), [mixed.place(one) for one in afters]
    text, params = questions.together(source, within, places, newest, limit + 1, mixed.salt, mixed.number)
    found: list[list[Sequence[Any]]] = [[] for _ in afters]
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        for place, *row in cursor.fetchall():
            found[place - 1].append(row)
    shape, terms = _shape(scope, source, shown, newest), terms_of(scope, shown)
    pages = [_page(shape, shown, one, limit, newest, newest, mixed.mark, by_number=False) for one in found]
    return [replace(page, terms=terms) for page in pages]


def terms_of(scope: Scope, shown: Sequence[Column]) -> str:
    """Return what a copy is of, as a word: which rows, which fields of which types, how they are masked, and by which key.

    While it stays the same, what changed makes of a copy what stands now; once it is another, only reading anew does.
    """
    names = _named(shown)
    layers = {(repr(one.rows), *(one.masks.get(name, "") if one.shows(name) else "-" for name in names)) for one in scope.layers}
    said = (sorted(layers), [(one.name, one.type) for one in shown], _key_version(scope, names))
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def require_terms(scope: Scope, shown: Sequence[Column], said: str, since: int | None) -> None:
    """Raise Refused (409, `anew`) where a reader's copy, of these terms, cannot be brought up to date by what changed.

    said: "" of who names none: it is believed to be of the first key of the pseudonyms. since: the version the copy has.
    """
    if (said != terms_of(scope, shown)) if said else bool(since and _key_version(scope, _named(shown)) > 1):
        raise Refused(
            "What you have was read under other terms than now hold: grants, fields, masks or the key of the pseudonyms changed. "
            "Read it anew: GET /rows from the beginning, then name the `terms` of its pages.",
            code="anew", status=409, terms=terms_of(scope, shown),
        )  # fmt: skip


def _named(shown: Sequence[Column]) -> list[str]:
    """Return the names of what a row has: its key goes out whatever the fields."""
    return list(dict.fromkeys(("key", *(one.name for one in shown))))


def _key_version(scope: Scope, names: Iterable[str]) -> int:
    """Return the version of the key by which any of these fields is a pseudonym; 0 where none is."""
    kinds = {layer.masks.get(name, "") for layer in scope.layers for name in names}
    return pseudonyms.version() if any(kind.startswith("pseudonym:") for kind in kinds) else 0


@dataclass(frozen=True, slots=True)
class _Order:
    """How rows are ordered. salt, mark: of an order that tells nothing of keys, and what its cursors begin with; "": by key.

    number: of that order (orders.py).
    """

    salt: str = ""
    mark: str = ""
    number: int | None = None

    def place(self, after: str | None) -> str:
        """Return where a page begins. Raises Refused for a place of another order, that of keys before, and for none of ours."""
        if not after or not self.mark:
            return after or ""
        found = re.fullmatch("([1-9][0-9]{0,8})-([0-9a-f]{64})", after)
        if found is None or int(found[1]) > int(self.mark[:-1]):
            raise Refused("after is not a cursor that this address gave out.", code="parameter", status=400)
        if not after.startswith(self.mark):
            raise Refused(
                "after is of another key's pseudonyms, which was rotated since: read anew from the beginning.",
                code="anew", status=409,
            )  # fmt: skip
        return found[2]


def _mixed(scope: Scope, source: Source, at: int, *, begins: bool) -> _Order:
    if not scope.blind:
        return _Order()
    purpose = scope.purpose or ""
    version, salt = pseudonyms.order(scope.dataset, purpose)
    return _Order(salt, f"{version}-", orders.complete(source, purpose, version, salt, at, begins=begins))


def _page(
    shape: Shape, shown: tuple[Column, ...], found: Sequence[Sequence[Any]], limit: int, at: int, newest: int, mark: str,
    by_number: bool,
) -> Page:  # fmt: skip
    page = found[:limit]
    where = f"{mark}{page[-1][-2 if by_number else -3]}" if len(found) > limit else None
    return Page(tuple(shape(page)), where, at, shown, newest)


def version_of(dataset: str) -> int:
    """Return the newest version of a dataset that is complete."""
    if kind_of(dataset) == "stream":
        from chengyun.share.exchange import streams

        return streams.version_of(dataset)
    source = source_of(dataset)
    return horizon.horizon(source.sequence) if source.sequence else 0


def columns_of(scope: Scope, dataset: str, fields: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return the columns of a dataset that a reader sees in at least one row. fields: only these. Raises Refused; see chosen."""
    if kind_of(dataset) == "stream":
        from chengyun.share.exchange import streams

        return chosen(scope, streams.columns_of(dataset), fields)
    return chosen(scope, source_of(dataset).columns, fields)


def masker(scope: Scope, names: Sequence[str]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return what makes of a whole row what the reader sees of these fields.

    With one reason to read, every row that the SQL let through is masked alike, and what that is need be found only once.
    """
    if len(scope.layers) != 1:
        wanted = frozenset(names)
        return lambda row: {name: value for name, value in scope.mask(row).items() if name in wanted}
    layer, purpose = scope.layers[0], scope.purpose or ""
    plan = [(name, layer.masks.get(name)) for name in names if layer.shows(name)]
    if not any(kind for _, kind in plan):
        return lambda row: {name: row[name] for name, _ in plan}
    return lambda row: {
        name: masking.mask(kind, row[name], purpose) if kind else row[name] for name, kind in plan
    }  # fmt: skip


def chosen(scope: Scope, columns: Iterable[Column], fields: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns a reader gets. Raises Refused for one that does not exist, or not for this reader."""
    visible = [one for one in columns if any(layer.shows(one.name) for layer in scope.layers)]
    names = [one.name for one in visible]
    for name in fields:
        if name not in names:
            raise Refused(
                f"fields names {name!r}.{nearest(name, names)} There are {', '.join(names)}.", code="parameter", status=400
            )
    return tuple(_as_shown(scope, one) for one in visible if not fields or one.name in fields)


def _as_shown(scope: Scope, column: Column) -> Column:
    """Return a column as it goes out: a masked value is a text, whatever stood there; only a coordinate stays a number."""
    kinds = {layer.masks[column.name] for layer in scope.layers if column.name in layer.masks}
    return replace(column, type="text") if kinds - {"coordinate"} else column


def reached(newest: int, since: int | None, as_of: int | None) -> int:
    """Return the version to read at. Raises Refused for one that is not there yet, or that ends before it begins."""
    if as_of is not None and not 0 <= as_of <= newest:
        raise Refused(f"as_of is {as_of}; the newest version is {newest}.", code="version", status=400)
    at = newest if as_of is None else as_of
    if since is not None and not 0 <= since <= at:
        raise Refused(f"since_version is {since}; the version read at is {at}.", code="version", status=400)
    return at


def number_in(after: str) -> int:
    """Return a cursor that is a number. Raises Refused for any other text."""
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Refused("after is not a cursor that this address gave out.", code="parameter", status=400)
    return int(after)


@functools.lru_cache(maxsize=512)
def _within(rows_seen: Predicate, alias: str, time: str) -> Sql:
    """Predicates are frozen and few; writing one as SQL takes longer than reading a small page with it."""
    return predicates.as_sql(rows_seen, f"{alias}.area_code", "postgres", f"{alias}.{time}" if time else None)


def _shape(scope: Scope, source: Source, shown: tuple[Column, ...], as_of: int) -> Shape:
    """Return what makes rows, as the reader may see them, of a page as the database gives it; found once for many small pages."""
    blind, purpose = scope.blind, scope.purpose or ""
    masked = masker(scope, [one.name for one in shown])
    names = [one.name for one in source.columns]
    packed = [at for at, one in enumerate(source.columns) if one.type == "json"]

    def told(page: Sequence[Sequence[Any]]) -> list[Row]:
        rows = []
        for found in page:
            at, number, seen = found[-3:]
            if seen is None:
                continue
            if seen is False:
                rows.append(
                    _hidden(Row(str(at), number, {}, removed=True), purpose, as_of) if blind else Row(str(at), number, {}, True)
                )
                continue
            values = dict(zip(names, found, strict=False))
            for place in packed:
                if isinstance(found[place], str):
                    values[names[place]] = json.loads(found[place])
            key = f"{values['subject']}@{_stamp(values['period_start'])}" if source.kind == "indicator" else str(at)
            made = Row(key, number, masked(values))
            rows.append(_hidden(replace(made, key=str(values["key"])), purpose, as_of) if blind else made)
        return rows

    return told


def _hidden(row: Row, purpose: str, as_of: int) -> Row:
    """Return a row under the pseudonym of its key, whatever other reasons there are to read it: a copy knows it by one name."""
    shown = str(masking.mask(grants.KEY, row.key, purpose))
    values = {**row.values, "key": shown} if "key" in row.values else row.values
    return Row(shown, as_of, values, row.removed, row.key)


def _stamp(at: Any) -> str:
    from chengyun.share.ledger.heads import stamp

    return stamp(at)
