# SPDX-License-Identifier: Apache-2.0
"""Does a subscriber want to hear of this edit, and what exactly: values in, values out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from chengyun.protocols.ngsild.documents import Entity, Instance
from chengyun.protocols.ngsild.merging import Change
from chengyun.protocols.ngsild.objects import geo_of, names_of
from chengyun.protocols.ngsild.parameters import choices
from chengyun.protocols.ngsild.places import GeoQuery
from chengyun.protocols.ngsild.questions import Question, read_question
from chengyun.protocols.ngsild.rendering import View
from chengyun.protocols.ngsild.selecting import Kind, Query, fits
from chengyun.protocols.ngsild.selections import ScopeTree, read_scope_query, read_type_selection
from chengyun.protocols.ngsild.store import Edit
from chengyun.protocols.ngsild.subscribing import DEFAULT_TRIGGERS
from chengyun.protocols.ngsild.terms import CORE, Terms
from chengyun.protocols.ngsild.vocabulary import NULL, VALUE_OF

__all__ = ["Watch", "read_watch", "told"]

_PREVIOUS = {
    "value": "previousValue", "object": "previousObject", "languageMap": "previousLanguageMap", "json": "previousJson",
    "vocab": "previousVocab", "valueList": "previousValueList", "objectList": "previousObjectList",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watch:
    """A subscription, ready to be asked. areas: prefixes of the area codes its owner may read; "": the whole city."""

    kinds: tuple[Kind, ...]
    watched: frozenset[str]
    triggers: frozenset[str]
    q: Question | None
    geo: GeoQuery | None
    scopes: ScopeTree | None
    shows_changes: bool
    view: View
    join: str
    areas: tuple[str, ...]

    @property
    def query(self) -> Query:
        """What of the subscription is asked of an entity's values."""
        return Query(q=self.q, geo=self.geo, scopes=self.scopes)


def read_watch(document: dict[str, Any], terms: Terms, owner: dict[str, Any]) -> Watch:
    """Return a kept subscription ready to be asked."""
    notification = document["notification"]
    # entities and attributes are kept expanded; q, geoQ, pick and omit as they were sent.
    kinds = tuple(
        Kind(
            frozenset(one["id"] if isinstance(one["id"], list) else [one["id"]]) if "id" in one else frozenset(),
            one.get("idPattern", "") if "id" not in one else "",
            read_type_selection(one["type"], CORE) if "type" in one else None,
        )
        for one in document.get("entities", [])
    )
    attributes = frozenset(notification.get("attributes", ())) or None
    pick, omit = choices(",".join(names_of(notification, "pick")), ",".join(names_of(notification, "omit")), None, terms)
    form = notification.get("format", "normalized")
    join = notification.get("join", "@none")
    datasets = names_of(document, "datasetId")
    view = View(
        terms=terms,
        form="simplified" if form == "keyValues" else form,
        system=bool(notification.get("sysAttrs")),
        lang=str(document.get("lang", "")),
        pick=pick,
        omit=omit,
        attrs=attributes,
        datasets=frozenset("" if one == "@none" else one for one in datasets) if datasets else None,
        geometry=terms.expand("location"),
        inline=join == "inline",
        levels=min(5, max(1, int(notification.get("joinLevel", 1)))) if join in ("inline", "flat") else 0,
    )
    return Watch(
        kinds,
        frozenset(document.get("watchedAttributes", ())),
        frozenset(names_of(document, "notificationTrigger") or DEFAULT_TRIGGERS),
        read_question(unquote(document["q"]), terms) if "q" in document else None,
        geo_of(document.get("geoQ"), terms),
        read_scope_query(document["scopeQ"]) if "scopeQ" in document else None,
        bool(notification.get("showChanges")),
        view,
        join,
        tuple(owner.get("areas", ())),
    )


def told(watch: Watch, edit: Edit, now: str) -> Entity | None:
    """Return the entity a subscriber is to hear of after an edit, None when there is nothing to hear."""
    entity = edit.after or edit.before
    if entity is None or not _may_hear(watch, entity):
        return None
    if watch.kinds and not any(kind.fits(entity) for kind in watch.kinds):
        return None
    changes = [one for one in edit.changes if not watch.watched or one.name in watch.watched]
    if not _triggered(watch, edit, changes):
        return None
    if not fits(watch.query, entity):
        return None
    shown = _shown(watch, edit, changes, now)
    wanted = watch.view.attrs
    if wanted is not None and edit.after is not None and not any(name in shown.attributes for name in wanted):
        return None
    return shown


def _may_hear(watch: Watch, entity: Entity) -> bool:
    return any(entity.area_code.startswith(area) for area in watch.areas)


def _triggered(watch: Watch, edit: Edit, changes: Sequence[Change]) -> bool:
    if edit.after is None:
        if "entityDeleted" in watch.triggers:
            return not watch.watched or bool(changes)
        return "attributeDeleted" in watch.triggers and bool(changes)
    if edit.before is None and "entityCreated" in watch.triggers and (not watch.watched or changes):
        return True
    if edit.before is not None and "entityUpdated" in watch.triggers and (changes or not watch.watched):
        return True
    return any(change.kind in watch.triggers for change in changes)


def _shown(watch: Watch, edit: Edit, changes: Sequence[Change], now: str) -> Entity:
    """Return the entity as it is, with what went marked by NGSI-LD Null, and with what it was where asked for.

    changes: those watched. Of an entity that went, attributes are told where their deletion or the changes are asked for.
    """
    if edit.after is None:
        assert edit.before is not None  # an edit has one of them
        wanted = changes if "attributeDeleted" in watch.triggers else edit.changes if watch.shows_changes else ()
        ends: dict[str, list[Instance]] = {}
        for change in wanted:
            if change.before is not None:
                ends.setdefault(change.name, [_ended(change.before, watch.shows_changes, now, whole=True)])
        return replace(edit.before, attributes=ends, scopes=[], deleted_at=now)
    attributes = {name: list(listed) for name, listed in edit.after.attributes.items()}
    tells_ends = bool({"attributeDeleted", "entityUpdated"} & watch.triggers)
    for change in edit.changes:
        if change.before is None:
            continue
        if change.after is None:
            if tells_ends and change.name not in edit.after.attributes:
                end = _ended(change.before, watch.shows_changes, now, whole=False)
                attributes.setdefault(change.name, [{key: value for key, value in end.items() if key != "datasetId"}])
            elif tells_ends:
                attributes[change.name].append(_ended(change.before, watch.shows_changes, now, whole=False))
        elif watch.shows_changes:
            listed = attributes[change.name]
            at = next(i for i, one in enumerate(listed) if one.get("datasetId") == change.after.get("datasetId"))
            listed[at] = {**listed[at], **_before(change.before)}
    return replace(edit.after, attributes=attributes)


def _ended(before: Instance, with_changes: bool, now: str, *, whole: bool) -> Instance:
    kind = before["type"]
    null: Any = {"@none": NULL} if kind == "LanguageProperty" and not whole else NULL
    found: Instance = {"type": kind, VALUE_OF[kind]: null}
    for name in ("datasetId", "createdAt", "modifiedAt"):
        if name in before:
            found[name] = before[name]
    found["deletedAt"] = now
    return {**found, **_before(before)} if with_changes else found


def _before(instance: Instance) -> Instance:
    member = VALUE_OF[instance["type"]]
    return {_PREVIOUS[member]: copy.deepcopy(instance[member])} if member in instance else {}
