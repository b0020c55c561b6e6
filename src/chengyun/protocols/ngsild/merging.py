# SPDX-License-Identifier: Apache-2.0
"""What becomes of an entity: append, update, merge, replace, delete. Values in, values out; `now` is an argument.

Each function returns a new Entity; `changes` tells afterwards what differs, for history and for subscribers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from chengyun.protocols.ngsild.documents import Entity, Instance
from chengyun.protocols.ngsild.problems import absent, bad
from chengyun.protocols.ngsild.vocabulary import MEMBERS, VALUE_OF, is_null

__all__ = [
    "Change", "append", "born", "changes", "delete_attribute", "merge", "partial_update", "purge_attributes", "replace_attribute",
    "replace_entity", "update",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute instance that came, changed or went. kind: attributeCreated, attributeUpdated or attributeDeleted."""

    kind: str
    name: str
    before: Instance | None
    after: Instance | None


def born(entity: Entity, now: str) -> Entity:
    """Return a new entity with its times."""
    found = copy.copy(entity)
    found.attributes = {
        name: kept
        for name, instances in entity.attributes.items()
        if (kept := [_fresh(one, now) for one in instances if not _gone(one)])
    }
    found.created_at = found.modified_at = now
    return found


def append(entity: Entity, fragment: Entity, now: str, *, overwrite: bool = True) -> tuple[Entity, list[str], list[str]]:
    """Add attributes, types and scopes (clause 5.6.3). Returns the entity, the names updated and those left alone."""
    found = _copied(entity, now)
    updated: list[str] = []
    left: list[str] = []
    _add_types(found, fragment, updated)
    if fragment.scopes:
        found.scopes = list(fragment.scopes if overwrite else dict.fromkeys([*found.scopes, *fragment.scopes]))
        updated.append("scope")
    for name, instances in fragment.attributes.items():
        for instance in instances:
            index = _index(found.attributes.get(name, []), instance.get("datasetId"))
            if index is not None and not overwrite:
                left.append(name)
            else:
                _put(found, name, instance, now)
                updated.append(name)
    return found, list(dict.fromkeys(updated)), list(dict.fromkeys(left))


def update(entity: Entity, fragment: Entity, now: str) -> tuple[Entity, list[str], list[str]]:
    """Replace instances that are there and add those that are not; NGSI-LD Null deletes (clause 5.6.2)."""
    found = _copied(entity, now)
    updated: list[str] = []
    left: list[str] = []
    _add_types(found, fragment, updated)
    if fragment.scopes:
        (updated if found.scopes else left).append("scope")
        found.scopes = list(fragment.scopes) if found.scopes else []
    for name, instances in fragment.attributes.items():
        for instance in instances:
            if _gone(instance):
                (updated if _drop(found, name, instance.get("datasetId")) else left).append(name)
            else:
                _put(found, name, instance, now)
                updated.append(name)
    return found, list(dict.fromkeys(updated)), list(dict.fromkeys(left))


def partial_update(entity: Entity, name: str, fragment: Instance, now: str) -> Entity:
    """Change members of one instance (clause 5.6.4). Raises ResourceNotFound when it is not there."""
    found = _copied(entity, now)
    index = _required(found, name, fragment.get("datasetId"))
    before = found.attributes[name][index]
    if _gone({**before, **fragment}):
        _drop(found, name, fragment.get("datasetId"))
        return found
    if fragment.get("type", before["type"]) != before["type"]:
        raise bad(f"The attribute is a {before['type']}; its type does not change here.")
    merged = {**before, **{key: value for key, value in fragment.items() if not _is_null_member(value)}}
    for key, value in fragment.items():
        if _is_null_member(value):
            merged.pop(key, None)
    merged["modifiedAt"] = now
    found.attributes[name][index] = merged
    return found


def merge(entity: Entity, fragment: Entity, now: str) -> Entity:
    """Merge as RFC 7396 would, NGSI-LD Null in place of null (clause 5.6.17)."""
    found = _copied(entity, now)
    _add_types(found, fragment, [])
    if fragment.scopes:
        found.scopes = list(fragment.scopes)
    for name, instances in fragment.attributes.items():
        for instance in instances:
            dataset = instance.get("datasetId")
            index = _index(found.attributes.get(name, []), dataset)
            if index is None:
                if not _gone(instance):
                    _put(found, name, instance, now)
                continue
            before = found.attributes[name][index]
            if _gone({"type": before["type"], **instance}):
                _drop(found, name, dataset)
            else:
                found.attributes[name][index] = _merged(before, instance, now)
    return found


def replace_entity(entity: Entity, new: Entity, now: str) -> Entity:
    """Put another entity in its place; it keeps the time it came (clause 5.6.18)."""
    found = born(new, now)
    found.created_at = entity.created_at
    found.area_code = entity.area_code
    return found


def replace_attribute(entity: Entity, name: str, instances: Iterable[Instance], now: str) -> Entity:
    """Put new instances in place of those of the same datasetId (clause 5.6.19). Raises ResourceNotFound."""
    found = _copied(entity, now)
    for instance in instances:
        index = _required(found, name, instance.get("datasetId"))
        kept = _fresh(instance, now)
        kept["createdAt"] = found.attributes[name][index].get("createdAt", now)
        found.attributes[name][index] = kept
    return found


def delete_attribute(entity: Entity, name: str, dataset: str | None, every: bool, now: str) -> Entity:
    """Drop one instance, or all of them (clause 5.6.5). Raises ResourceNotFound when nothing is there."""
    found = _copied(entity, now)
    if name == "scope":
        if not found.scopes:
            raise absent("The entity has no scope.")
        found.scopes = []
        return found
    if every:
        if name not in found.attributes:
            raise absent("The entity has no such attribute.")
        del found.attributes[name]
        return found
    _required(found, name, dataset)
    _drop(found, name, dataset)
    return found


def purge_attributes(entity: Entity, drop: set[str] | None, keep: set[str] | None, now: str) -> Entity:
    """Drop the attributes named, or all but those (clause 5.6.21)."""
    found = _copied(entity, now)
    for name in list(found.attributes):
        if (drop is not None and name in drop) or (keep is not None and name not in keep):
            del found.attributes[name]
    return found


def changes(before: Entity | None, after: Entity | None) -> Iterator[Change]:
    """Yield the instances that differ: touched counts as changed, even where the value is the same."""
    old = before.attributes if before else {}
    new = after.attributes if after else {}
    for name in {**old, **new}:
        was = {one.get("datasetId", ""): one for one in old.get(name, [])}
        now = {one.get("datasetId", ""): one for one in new.get(name, [])}
        for dataset in {**was, **now}:
            one, other = was.get(dataset), now.get(dataset)
            if one is None:
                yield Change("attributeCreated", name, None, other)
            elif other is None:
                yield Change("attributeDeleted", name, one, None)
            elif one is not other and one != other:
                yield Change("attributeUpdated", name, one, other)


def _copied(entity: Entity, now: str) -> Entity:
    attributes = {name: list(instances) for name, instances in entity.attributes.items()}
    return replace(entity, types=list(entity.types), scopes=list(entity.scopes), attributes=attributes, modified_at=now)


def _add_types(found: Entity, fragment: Entity, updated: list[str]) -> None:
    new = [one for one in fragment.types if one not in found.types]
    if new:
        found.types = [*found.types, *new]
    if fragment.types:
        updated.append("type")


def _put(found: Entity, name: str, instance: Instance, now: str) -> None:
    kept = _fresh(instance, now)
    instances = found.attributes.setdefault(name, [])
    index = _index(instances, instance.get("datasetId"))
    if index is None:
        instances.append(kept)
    else:
        kept["createdAt"] = instances[index].get("createdAt", now)
        instances[index] = kept


def _drop(found: Entity, name: str, dataset: Any) -> bool:
    index = _index(found.attributes.get(name, []), dataset)
    if index is None:
        return False
    del found.attributes[name][index]
    if not found.attributes[name]:
        del found.attributes[name]
    return True


def _required(found: Entity, name: str, dataset: Any) -> int:
    index = _index(found.attributes.get(name, []), dataset)
    if index is None:
        which = f" with the datasetId {dataset}" if dataset else ""
        raise absent(f"The entity has no such attribute{which}.")
    return index


def _index(instances: list[Instance], dataset: Any) -> int | None:
    return next((at for at, one in enumerate(instances) if one.get("datasetId") == (dataset or None)), None)


def _fresh(instance: Instance, now: str) -> Instance:
    """Return an instance that has just been written, its sub-attributes too; those set to Null are left out."""
    kept: Instance = {}
    for key, value in instance.items():
        if key in MEMBERS:
            kept[key] = value
        else:
            below = [_fresh(one, now) for one in value if not _gone(one)]
            if below:
                kept[key] = below
    kept["createdAt"] = kept["modifiedAt"] = now
    return kept


def _merged(before: Instance, patch: Instance, now: str) -> Instance:
    kind = patch.get("type", before["type"])
    if kind != before["type"]:
        return {**_fresh(patch, now), "createdAt": before.get("createdAt", now)}
    found = dict(before)
    for key, value in patch.items():
        if key in MEMBERS:
            if _is_null_member(value):
                found.pop(key, None)
            elif isinstance(value, dict) and isinstance(found.get(key), dict) and kind not in ("GeoProperty", "JsonProperty"):
                found[key] = _merged_value(found[key], value)
            else:
                found[key] = value
            continue
        below = [dict(one) for one in found.get(key, [])]
        for one in value:
            at = _index(below, one.get("datasetId"))
            if at is None:
                if not _gone(one):
                    below.append(_fresh(one, now))
            elif _gone({"type": below[at]["type"], **one}):
                del below[at]
            else:
                below[at] = _merged(below[at], one, now)
        if below:
            found[key] = below
        else:
            found.pop(key, None)
    found["modifiedAt"] = now
    return found


def _merged_value(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for key, value in patch.items():
        if is_null(value):
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = _merged_value(found[key], value)
        else:
            found[key] = value
    return found


def _gone(instance: Instance) -> bool:
    member = VALUE_OF.get(instance.get("type", ""))
    return member is not None and is_null(instance.get(member))


def _is_null_member(value: Any) -> bool:
    """Say whether a member or a sub-attribute is set to Null."""
    return is_null(value) or (isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and _gone(value[0]))
