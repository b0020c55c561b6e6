# SPDX-License-Identifier: Apache-2.0
"""Rows of a stream for exchange: hot and sealed as one, in the order of their numbers, which is the order of commits.

A page of what stands and a page of what changed are the same here: a correction is a new row with a higher number, and the row
it corrects is no longer held true.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from chengyun.access.policy import Scope
from chengyun.city import City
from chengyun.lake.models import Stream as StreamState
from chengyun.lake.read import snapshot
from chengyun.share.exchange import reading
from chengyun.share.exchange.reading import Page, Row
from chengyun.share.exchange.sources import Column
from chengyun.share.ledger.heads import stamp

__all__ = ["columns_of", "rows", "version_of"]


def columns_of(dataset: str) -> tuple[Column, ...]:
    """Return a stream's columns as they are exchanged."""
    city: City = settings.CITY
    stream = city.streams[dataset]
    return (
        Column(stream.entity.key, "text"), Column(stream.time, "instant"),
        *(Column(field.key, "number") for field in stream.quantities), *(Column(field.key, "text") for field in stream.words),
        Column("area_code", "text"), Column("quality", "integer"),
    )  # fmt: skip


def version_of(dataset: str) -> int:
    """Return the number of the newest row that is committed."""
    newest: int | None = StreamState.objects.filter(stream=dataset).values_list("next_seq", flat=True).first()
    return newest - 1 if newest else 0


def rows(
    scope: Scope,
    dataset: str,
    *,
    after: str | None,
    since_version: int | None,
    as_of: int | None,
    limit: int,
    fields: Sequence[str],
) -> Page:
    """Return a page of a stream's rows; see reading.rows."""
    city: City = settings.CITY
    stream = city.streams[dataset]
    pack = dataset.split(".")[0]
    columns = columns_of(dataset)
    shown = reading.chosen(scope, columns, fields)
    within = scope.sql("register.area_code", time_column=f"o.{stream.time}")
    start = max(since_version or 0, reading.number_in(after) if after else 0)
    chosen = ", ".join(
        f'register."{one.name}"' if one.name == "area_code" else f'o."{one.name}"' for one in columns
    )  # fmt: skip
    given = {} if as_of is None else {"as_of": {dataset: as_of}}
    with snapshot([dataset], exact=False, **given) as lake:  # type: ignore[arg-type]
        newest = lake.seqs[dataset]
        at = reading.reached(newest, since_version, as_of)
        found = lake.rows(
            f'SELECT {chosen}, o.seq FROM "{pack}"."{stream.key}" AS o LEFT JOIN "{pack}"."{stream.entity.to}" AS register'  # noqa: S608  # names from declarations
            f' ON register.key = o."{stream.entity.key}" WHERE ({within.text}) AND o.seq > $after ORDER BY o.seq LIMIT $count',
            {**within.params, "after": start, "count": limit + 1},
        )
    shape = reading.masker(scope, [one.name for one in shown])
    page = found[:limit]
    told = [Row(f"{one[stream.entity.key]}@{stamp(one[stream.time])}", one["seq"], shape(one)) for one in page]
    return Page(tuple(told), str(page[-1]["seq"]) if len(found) > limit else None, at, shown)
