# SPDX-License-Identifier: Apache-2.0
"""The catalogue follows the declarations: what is declared appears, what changed changes, what vanished is withdrawn.

What a person set stays: a field named in `edited` is theirs. Every change made here is a version, too, by the program.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.models import Organisation
from chengyun.share.catalogue.declared import Described, DescribedItem, described, elements
from chengyun.share.catalogue.fields import item_values
from chengyun.share.catalogue.listing import write_listings
from chengyun.share.catalogue.models import DataElement, ElementChange, Item, Provider, Resource, Revision
from chengyun.share.catalogue.text import fold

LOCK = 0x63617461
"""Of the transaction that follows the declarations: one at a time."""
CLASS_OF_KIND = {"entity": "001", "stream": "002", "indicator": "003", "case_type": "004", "form": "005", "kernel": "006"}
"""目 of a department's own resources: this program's choice, until a steward files them otherwise."""


@dataclass(frozen=True, slots=True)
class Synced:
    """How many resources appeared, changed, and were withdrawn."""

    added: int
    changed: int
    withdrawn: int


def ensure_catalogue() -> Synced:
    """Make the catalogue say what the declarations say. Idempotent; quick when nothing is new."""
    found = described()
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        _sync_elements()
        return _sync(found, now)


def _sync_elements() -> None:
    declared = elements()
    known = {one.key: one for one in DataElement.objects.all()}
    for key, one in declared.items():
        said = {
            "name": one.name, "type": one.type, "length": one.length, "definition": one.definition, "source": one.source,
            "personal": one.personal, "declared": True, "withdrawn": False,
        }  # fmt: skip
        row = known.get(key)
        if row is None or any(getattr(row, name) != value for name, value in said.items()):
            _follow(key, row, said)
    gone = [key for key, row in known.items() if row.declared and not row.withdrawn and key not in declared]
    DataElement.objects.filter(key__in=gone).update(withdrawn=True)


def _follow(key: str, row: DataElement | None, said: dict[str, Any]) -> None:
    """Make an element what a pack declares, as its next version; what people added to it stays."""
    base = row.version if row is not None else 0
    before = {name: getattr(row, name) if row is not None else None for name in said}
    changes = {name: [before[name], value] for name, value in said.items() if before[name] != value}
    DataElement.objects.update_or_create(key=key, defaults={**said, "version": base + 1, "replaced_by": ""})
    if row is not None:
        ElementChange.objects.create(
            element=key, number=base + 1, base=base, state=ElementChange.State.ACCEPTED, changes=changes, reason=_("依据声明"),
            author_name=_("程序"), made_at=timezone.now(), reviewed_at=timezone.now(),
        )  # fmt: skip


def _sync(found: Sequence[Described], now: dt.datetime) -> Synced:
    bodies = {one.name: one for one in Organisation.objects.all()}
    centre = next((one for one in bodies.values() if one.kind == Organisation.Kind.CENTRE), None)
    providers = {one.organisation_id: one for one in Provider.objects.all()}
    known = {one.key: one for one in Resource.objects.exclude(kind="external")}
    items: dict[int, dict[str, Item]] = {}
    for item in Item.objects.filter(resource__in=[one.pk for one in known.values()]):
        items.setdefault(item.resource_id, {})[item.key] = item
    added, changed, withdrawn = 0, 0, 0
    touched: list[Resource] = []
    versions: list[Revision] = []
    for one in found:
        body = bodies.get(one.owner) if one.owner else centre
        row = known.get(one.key)
        fresh = row is None
        if row is None:
            row = Resource(key=one.key, kind=one.kind, published_on=timezone.localdate(now), version=0)
        provider = _provider(body, providers)
        differs = _differences(row, _said(one, body, row))
        for name, (_before, after) in differs.items():
            setattr(row, name, after)
        if fresh:
            row.save()
            differs = {"state": ("draft", row.state)}
        if row.code is None and "code" not in row.edited and provider is not None and provider.number is not None:
            row.class_code = row.class_code or f"3{provider.number:02d}{CLASS_OF_KIND[one.kind]}"
            row.code = f"{row.class_code}/{row.pk:06d}"
            differs["code"] = (None, row.code)
        known_items = items.get(row.pk, {})
        before = item_values(sorted(known_items.values(), key=lambda item: item.position))
        kept = _sync_items(row, one.items, known_items)
        if kept is not None:
            differs["items"] = (before, item_values(kept))
        if not differs:
            continue
        added, changed = added + fresh, changed + (not fresh)
        versions.append(_keep(row, differs, now, _("依据声明")))
        touched.append(row)
    there = {one.key for one in found}
    for row in known.values():
        if row.key not in there and row.state == Resource.State.PUBLISHED:
            withdrawn += 1
            row.withdrawn_because = _("不再有此数据的声明。")
            row.state = Resource.State.WITHDRAWN
            versions.append(_keep(row, {"state": ("published", "withdrawn")}, now, row.withdrawn_because))
            touched.append(row)
    Revision.objects.bulk_create(versions)
    write_listings(touched)
    return Synced(added, changed, withdrawn)


def _said(one: Described, body: Organisation | None, row: Resource) -> dict[str, Any]:
    """Return what the declarations say of a resource, but for what a person has set."""
    said: dict[str, Any] = {
        "kind": one.kind, "name": one.name, "name_en": one.name_en, "summary": one.summary, "formats": one.formats,
        "sharing": one.sharing, "condition": one.condition, "ways": one.ways, "open": one.open, "personal": one.personal,
        "cycle": one.cycle, "provider_id": body.pk if body else None, "provider_name": body.name if body else one.owner,
        "area_code": body.area_code if body else "", "state": Resource.State.PUBLISHED, "withdrawn_because": "",
    }  # fmt: skip
    mine = set(row.edited)
    # What a field allows goes with it: a steward who set the sharing has set its condition and ways.
    if "sharing" in mine:
        mine |= {"condition", "ways", "open"}
    if "state" in mine:
        mine.add("withdrawn_because")
    return {name: value for name, value in said.items() if name.removesuffix("_id") not in mine}


def _differences(row: Resource, said: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (getattr(row, name), value) for name, value in said.items() if getattr(row, name) != value}


def _sync_items(row: Resource, found: Sequence[DescribedItem], known: dict[str, Item]) -> list[Item] | None:
    """Make a resource's items what is declared; return them in order, None where nothing changed."""
    kept: list[Item] = []
    new: list[Item] = []
    changed: list[Item] = []
    for position, one in enumerate(found):
        item = known.get(one.key) or Item(resource=row, key=one.key)
        said = {
            "position": position, "name": one.name, "type": one.type, "length": one.length, "definition": one.definition,
            "personal": one.personal, "element_id": one.element, "source_of_record": one.source_of_record,
        }  # fmt: skip
        said = {name: value for name, value in said.items() if name.removesuffix("_id") not in item.edited}
        kept.append(item)
        if item.pk is None or any(getattr(item, name) != value for name, value in said.items()):
            (new if item.pk is None else changed).append(item)
            for name, value in said.items():
                setattr(item, name, value)
            item.folded = fold(item.name)[:200]
    there = {one.key for one in found}
    gone = [item.pk for key, item in known.items() if key not in there]
    if gone:
        Item.objects.filter(pk__in=gone).delete()
    if new:
        Item.objects.bulk_create(new)
    if changed:
        Item.objects.bulk_update(
            changed, ["position", "name", "type", "length", "definition", "personal", "element", "source_of_record", "folded"]
        )
    return kept if new or changed or gone else None


def _keep(row: Resource, differs: dict[str, tuple[Any, Any]], now: dt.datetime, reason: str) -> Revision:
    """Save a changed resource, and return what makes it a version of its own."""
    base = row.version
    row.version = base + 1
    row.save()
    changes = {name.removesuffix("_id"): list(pair) for name, pair in differs.items()}
    return Revision(
        resource=row, number=row.version, base=base, state=Revision.State.ACCEPTED, changes=changes, reason=reason, author=None,
        author_name=_("程序"), made_at=now, reviewed_at=now,
    )  # fmt: skip


def _provider(body: Organisation | None, known: dict[int, Provider]) -> Provider | None:
    """Return what is kept of a body as a provider, made when it provides its first resource."""
    if body is None:
        return None
    if body.pk not in known:
        taken = {one.number for one in known.values()}
        known[body.pk] = Provider.objects.create(
            organisation=body, number=next((n for n in range(1, 100) if n not in taken), None)
        )
    return known[body.pk]


def relist(keys: Iterable[str]) -> None:
    """Write anew what searches see of resources."""
    write_listings(list(Resource.objects.filter(key__in=list(keys))))
