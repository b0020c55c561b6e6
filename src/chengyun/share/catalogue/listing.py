# SPDX-License-Identifier: Apache-2.0
"""What a search looks at, made from a resource and its items; written in the transaction that changes either."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from chengyun.share.catalogue.models import Item, Resource
from chengyun.share.catalogue.text import fold, tokens

BATCH = 2_000
_KINDS_FIRST = {"entity": 0, "stream": 1, "indicator": 2, "case_type": 3, "form": 4, "external": 5, "kernel": 6}
UPSERT = """
INSERT INTO catalogue_listing (resource_id, folded, tokens, place, kind, provider, area_code, class_code, sharing, cycle, open,
                               audience, state)
SELECT id, folded, words::tsvector, place, kind, provider, area_code, class_code, sharing, cycle, open, audience, state
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::boolean[], %s::smallint[], %s::text[])
  AS it (id, folded, words, place, kind, provider, area_code, class_code, sharing, cycle, open, audience, state)
ON CONFLICT (resource_id) DO UPDATE SET
  folded = excluded.folded, tokens = excluded.tokens, place = excluded.place, kind = excluded.kind, provider = excluded.provider,
  area_code = excluded.area_code, class_code = excluded.class_code, sharing = excluded.sharing, cycle = excluded.cycle,
  open = excluded.open, audience = excluded.audience, state = excluded.state
"""


def place_of(key: str, kind: str, name: str, state: str) -> int:
    """Return the order within equally good hits: in force before withdrawn, shorter names first, then the city's own kinds.

    A shorter name has more of what was asked in it. The last digits spread equal ones in an order of their own.
    """
    behind = 1 if state == Resource.State.WITHDRAWN else 0
    return ((behind * 400 + min(len(name), 399)) * 8 + _KINDS_FIRST.get(kind, 7)) * 65_536 + (zlib.crc32(key.encode()) & 0xFFFF)


def words_of(resource: Resource, items: Iterable[Item]) -> str:
    """Return what a resource is found by, as text of the type tsvector."""
    rest = [
        resource.summary, resource.provider_name, resource.key.replace("_", " "), resource.code or "", *resource.keywords,
        *(text for item in items for text in (item.name, item.key.replace("_", " "))),
    ]  # fmt: skip
    return vector([resource.name, resource.name_en], rest)


def vector(names: Iterable[str], rest: Iterable[str]) -> str:
    """Return the tokens of names, each also marked `=`, and of other texts: letters and digits, so none is quoted.

    What comes twice the database makes one: it sorts them anyway, and sorting them here first takes half of the time.
    """
    named = tokens(names)
    return " ".join([*named, *map("=".__add__, named), *tokens(rest)])


def write_listings(resources: Sequence[Resource], items: dict[int, list[Item]] | None = None) -> None:
    """Write what searches see of resources. items: by resource; None: read here."""
    for start in range(0, len(resources), BATCH):
        batch = resources[start : start + BATCH]
        if items is None:
            found: dict[int, list[Item]] = {}
            for item in Item.objects.filter(resource__in=[one.pk for one in batch]):
                found.setdefault(item.resource_id, []).append(item)
        else:
            found = items
        columns = zip(*(_row(one, found.get(one.pk, [])) for one in batch), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(UPSERT, [list(column) for column in columns])


def _row(one: Resource, items: list[Item]) -> tuple[Any, ...]:
    shown = one.state in (Resource.State.PUBLISHED, Resource.State.WITHDRAWN)
    audience = 2 if one.secret else 0 if shown else 1
    return (
        one.pk, fold(one.name)[:300], words_of(one, items), place_of(one.key, one.kind, one.name, one.state), one.kind,
        one.provider_id, one.area_code, one.class_code[:3], one.sharing, one.cycle, one.open, audience, one.state,
    )  # fmt: skip
