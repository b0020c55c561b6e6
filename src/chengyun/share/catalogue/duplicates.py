# SPDX-License-Identifier: Apache-2.0
"""一数一源: elements with more than one source of record, or none; and items that look alike and are bound to nothing common.

What is found is explained and left to a person: two registers may well keep a name each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from chengyun.access.actors import Actor
from chengyun.share.catalogue.models import DataElement, Item, Listing, Resource
from chengyun.share.catalogue.sight import listed
from chengyun.share.catalogue.text import fold

KEEPERS = ("entity", "external", "form")
"""Kinds that collect: a stream, an indicator or a case only uses what these keep."""
COMMONPLACE = 40
"""A name that so many resources have says nothing of what is kept under it: 名称, 备注."""
GENERIC = frozenset(
    [
        "名称",
        "编码",
        "备注",
        "类型",
        "级别",
        "时间",
        "日期",
        "来源",
        "状态",
        "说明",
        "序号",
        "模拟",
        "对象",
        "标识",
        "年份",
        "name",
        "code",
        "type",
        "date",
        "id",
        "source",
        "status",
    ]
)
MOST = 500

ALIKE = """
SELECT coalesce(s.meant, i.folded), array_agg(i.id ORDER BY r.key, i.key)
FROM catalogue_item i JOIN catalogue_resource r ON r.id = i.resource_id
LEFT JOIN unnest(%s::text[], %s::text[]) AS s (word, meant) ON s.word = i.folded
WHERE r.kind = ANY(%s) AND r.state = 'published' AND i.folded <> '' AND NOT i.folded = ANY(%s)
  AND i.resource_id IN ({seen})
GROUP BY 1
HAVING count(DISTINCT i.resource_id) BETWEEN 2 AND %s
   AND (count(DISTINCT i.element_id) > 1 OR bool_or(i.element_id IS NULL))
ORDER BY count(DISTINCT i.resource_id) DESC, 1 LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is kept."""

    resource: str
    resource_name: str
    provider: str
    field: str
    item: str
    element: str
    source_of_record: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """An element whose source is in doubt. why: several, none, missing (the declared field is in no resource), or elsewhere."""

    element: str
    name: str
    why: str
    source: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Alike:
    """Items of several resources that look as if they kept the same.

    reasons: same_name or synonym (of one data element), same_type, other_type, one_bound.
    """

    name: str
    reasons: tuple[str, ...]
    suggested: str
    places: tuple[Place, ...]


def conflicts(actor: Actor) -> list[Conflict]:
    """Return the elements whose source of record is not exactly one, among what the actor may know of, by key."""
    seen = _seen(actor)
    kept: dict[str, list[Item]] = {}
    rows = Item.objects.filter(element__isnull=False, resource__state=Resource.State.PUBLISHED, resource__in=seen)
    for item in rows.select_related("resource").order_by("resource__key", "key"):
        kept.setdefault(str(item.element_id), []).append(item)
    found = []
    for element in DataElement.objects.filter(withdrawn=False).order_by("key"):
        items = kept.get(element.key, [])
        sources = [item for item in items if item.source_of_record]
        declared = [item for item in sources if element.source == f"{item.resource.key}.{item.key}"]
        collected = [item for item in items if item.resource.kind in KEEPERS]
        why = ""
        if len(sources) > 1:
            why = "several"
        elif element.source and not declared and items:
            why = "elsewhere" if sources else "missing"
        elif not element.source and not sources and len(collected) > 1:
            why = "none"
        if why:
            found.append(Conflict(element.key, element.name, why, element.source, _places(items)))
    return found


def alike(actor: Actor, limit: int = MOST) -> list[Alike]:
    """Return groups of items of several resources that do not share an element, the largest first: of the same name, or of names
    that the dictionary of data elements says mean the same."""
    words = _synonyms()
    with connection.cursor() as cursor:
        seen, params = _seen(actor).query.sql_with_params()
        # The condition on what may be seen is Django's own text, with its parameters.
        cursor.execute(
            ALIKE.format(seen=seen),
            [list(words), list(words.values()), list(KEEPERS), list(GENERIC), *params, COMMONPLACE, limit],
        )
        groups = cursor.fetchall()
    items = {
        one.pk: one for one in Item.objects.filter(pk__in=[pk for _name, pks in groups for pk in pks]).select_related("resource")
    }
    found = []
    for _name, pks in groups:
        members = [items[pk] for pk in pks]
        elements = sorted({str(one.element_id) for one in members if one.element_id})
        named = "same_name" if len({one.folded for one in members}) == 1 else "synonym"
        reasons = [named, "same_type" if len({_family(one.type) for one in members}) == 1 else "other_type"]
        if elements and any(one.element_id is None for one in members):
            reasons.append("one_bound")
        found.append(Alike(members[0].name, tuple(reasons), elements[0] if len(elements) == 1 else "", _places(members)))
    return found


def _synonyms() -> dict[str, str]:
    """Return every word the dictionary has for an element → the element's name; words of several elements say nothing."""
    meant: dict[str, set[str]] = {}
    for name, synonyms in DataElement.objects.filter(withdrawn=False).values_list("name", "synonyms"):
        for word in (name, *synonyms):
            meant.setdefault(fold(word)[:200], set()).add(fold(name)[:200])
    return {word: names.pop() for word, names in meant.items() if len(names) == 1 and word not in GENERIC}


def _seen(actor: Actor) -> QuerySet[Listing, int]:
    rows = Listing.objects.filter(listed(actor), state=Resource.State.PUBLISHED, kind__in=KEEPERS)
    return rows.order_by().values_list("pk", flat=True)


def _family(letter: str) -> str:
    """Return what a type is comparable with: numbers with numbers, texts with texts."""
    return {"N": "number", "Y": "number", "B": "number", "I": "number", "F": "number", "C": "text", "M": "text"}.get(
        letter, letter
    )


def _places(items: Iterable[Item]) -> tuple[Place, ...]:
    chosen: Sequence[Item] = list(items)[:COMMONPLACE]
    return tuple(
        Place(
            one.resource.key, one.resource.name, one.resource.provider_name, one.key, one.name, str(one.element_id or ""),
            one.source_of_record,
        )
        for one in chosen
    )  # fmt: skip
