# SPDX-License-Identifier: Apache-2.0
"""Entities as sent → entities as kept: names expanded, every attribute a list of instances, every instance with its type.

    {"speed": 55, "@context": …}  →  Entity(attributes={"https://…#speed": [{"type": "Property", "value": 55}]})

Normalised and concise representations are told apart attribute by attribute, as clause 4.5.4 lets senders mix them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from chengyun.protocols.ngsild.problems import bad, invalid
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.vocabulary import ATTRIBUTE_TYPES, GEOMETRIES, MEMBERS, VALUE_OF, is_null, is_uri

__all__ = ["Entity", "Instance", "read_attribute", "read_entity", "read_fragment", "read_instant", "read_scopes", "stamp"]

Instance = dict[str, Any]
"""One attribute instance: core members by their short names, sub-attributes by IRI (each a list of instances again)."""

DEEPEST = 16
MOST_ATTRIBUTES = 2000
_TEMPORAL = ("observedAt", "expiresAt")
_OWN = ("createdAt", "modifiedAt", "deletedAt", "instanceId")
"""Members that only the broker writes; what is sent in their place is ignored (clause 4.8)."""
_KEYWORDS: dict[str, str] = {"@type": "type", "@id": "id", "@value": "value"}


@dataclass(slots=True)
class Entity:
    """One entity as kept. created_at, modified_at: RFC 3339 in UTC, "" until it is written."""

    id: str
    types: list[str]
    scopes: list[str] = field(default_factory=list)
    attributes: dict[str, list[Instance]] = field(default_factory=dict)
    created_at: str = ""
    modified_at: str = ""
    deleted_at: str = ""
    area_code: str = ""
    expires_at: str = ""


def stamp(now: dt.datetime) -> str:
    """Return an instant the way answers write it: UTC, microseconds, Z."""
    return now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_instant(text: Any, where: str) -> dt.datetime:
    """Return an instant with its offset. Raises BadRequestData for anything else."""
    if isinstance(text, dict) and isinstance(text.get("@value"), str):
        text = text["@value"]
    if isinstance(text, str) and "T" in text and len(text) <= 64:
        try:
            found = dt.datetime.fromisoformat(text.replace(",", "."))
        except ValueError:
            found = None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(dt.UTC)
    raise bad(f"{where} is {str(text)[:60]!r}, expected an instant such as 2026-11-22T08:00:00Z.")


def read_entity(document: Any, terms: Terms, *, entity_id: str | None = None, history: bool = False) -> Entity:
    """Return a whole entity. entity_id: from the address, which the body need not repeat.

    history: attributes are lists of instances over time (a temporal representation).
    """
    if not isinstance(document, dict):
        raise invalid("An entity is a JSON object.")
    if not document:
        raise bad("The body is empty. An entity has an id and a type.")
    found = document.get("id", document.get("@id", entity_id))
    if not is_uri(found):
        raise bad(f"The entity's id is {str(found)[:80]!r}, expected a URI such as urn:ngsi-ld:Vehicle:A4567.")
    if entity_id is not None and found != entity_id:
        raise bad(f"The body speaks of {str(found)[:80]!r}, the address of {entity_id[:80]!r}.")
    entity = read_fragment(document, terms, history=history)
    entity.id = str(found)
    if not entity.types:
        raise bad("The entity has no type.")
    return entity


def read_fragment(document: Any, terms: Terms, *, history: bool = False, partial: bool = False) -> Entity:
    """Return what a fragment says of an entity; id "" and no types where it is silent.

    partial: attributes may lack their value, as in a merge.
    """
    if not isinstance(document, dict):
        raise bad("An entity fragment is a JSON object.")
    entity = Entity(str(document.get("id", "")), [])
    for name, value in document.items():
        match name:
            case "id" | "@id" | "@context" | "createdAt" | "modifiedAt" | "deletedAt":
                continue
            case "expiresAt":
                entity.expires_at = stamp(read_instant(value, name))
            case "type" | "@type":
                entity.types = _read_types(value, terms)
            case "scope":
                entity.scopes = read_scopes(value)
            case _:
                iri = terms.expand(name)
                entity.attributes[iri] = read_attribute(value, terms, name, history=history, partial=partial)
    if len(entity.attributes) > MOST_ATTRIBUTES:
        raise bad(f"The entity has {len(entity.attributes)} attributes; at most {MOST_ATTRIBUTES} are kept.")
    return entity


def read_scopes(value: Any) -> list[str]:
    """Return scopes as a list; NGSI-LD Null and an instance list of a temporal representation are told by their value."""
    if isinstance(value, dict):
        value = value.get("value")
    found = value if isinstance(value, list) else [value]
    if found and isinstance(found[0], dict):
        found = [one for it in found for one in read_scopes(it)]
    for scope in found:
        if not isinstance(scope, str) or not scope or len(scope) > 1024:
            raise bad(f"scope is {str(scope)[:80]!r}, expected text such as /Madrid/Gardens.")
    return [scope if scope.startswith(("/", "urn:")) else f"/{scope}" for scope in dict.fromkeys(found)]


def read_attribute(
    value: Any, terms: Terms, name: str, *, history: bool = False, partial: bool = False, depth: int = 0
) -> list[Instance]:
    """Return an attribute's instances. Raises BadRequestData when two have the same datasetId."""
    several = isinstance(value, list) and bool(value) and all(_is_instance(one) for one in value)
    if history and isinstance(value, list) and not several and value:
        raise bad(f"{name}: a temporal representation lists instances, each with its type and value.")
    instances = [_read_instance(one, terms, name, depth, partial) for one in (value if several else [value])]
    if not history:
        ids = [instance.get("datasetId", "") for instance in instances]
        if len(set(ids)) != len(ids):
            raise bad(f"{name}: two instances have the same datasetId.")
    return instances


def _read_types(value: Any, terms: Terms) -> list[str]:
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(one, str) for one in found):
        raise bad("An entity's type is a name, or a list of names.")
    return list(dict.fromkeys(terms.expand(one) for one in found))


def _is_instance(value: Any) -> bool:
    return isinstance(value, dict) and (
        value.get("type") in ATTRIBUTE_TYPES or any(member in value for member in VALUE_OF.values())
    )


def _read_instance(value: Any, terms: Terms, name: str, depth: int, partial: bool) -> Instance:
    if depth > DEEPEST:
        raise bad(f"{name}: attributes of attributes go deeper than {DEEPEST} levels.")
    if value is None:
        raise bad(f'{name} is null. To delete it, write "urn:ngsi-ld:null".')
    if not isinstance(value, dict) or (value.get("type") in GEOMETRIES and "coordinates" in value):
        geometry = isinstance(value, dict)
        instance: Instance = {"type": "GeoProperty" if geometry else "Property", "value": value}
        _check_value(instance, name, partial)
        return instance
    sent: dict[str, Any] = {_KEYWORDS.get(str(key), str(key)): one for key, one in value.items()}
    kind = _kind_of(sent, name, partial)
    instance = {"type": kind} if kind else {}
    for key, one in sent.items():
        if key in ("type", "@context") or key in _OWN or key.startswith("previous"):
            continue
        if key in _TEMPORAL:
            instance[key] = one if is_null(one) else _instant_text(one, f"{name}.{key}")
        elif key == "datasetId":
            if one not in ("", "@none", None):
                if not is_uri(one):
                    raise bad(f"{name}.datasetId is {str(one)[:80]!r}, expected a URI.")
                instance[key] = one
        elif key == "objectType":
            instance[key] = [terms.expand(t) for t in one] if isinstance(one, list) else terms.expand(str(one))
        elif key in MEMBERS:
            instance[key] = one
        else:
            instance[terms.expand(key)] = read_attribute(one, terms, f"{name}.{key}", partial=partial, depth=depth + 1)
    if kind == "VocabProperty" and "vocab" in instance and not is_null(instance["vocab"]):
        vocab = instance["vocab"]
        instance["vocab"] = [terms.expand(str(w)) for w in vocab] if isinstance(vocab, list) else terms.expand(str(vocab))
    _check_value(instance, name, partial)
    return instance


def _kind_of(sent: dict[str, Any], name: str, partial: bool) -> str:
    kind = sent.get("type")
    if kind is not None:
        if kind not in ATTRIBUTE_TYPES:
            raise bad(f"{name}: its type is {str(kind)[:60]!r}, expected one of {', '.join(sorted(ATTRIBUTE_TYPES))}.")
        return str(kind)
    for candidate, member in VALUE_OF.items():
        if member in sent:
            found = sent[member]
            if candidate == "Property" and isinstance(found, dict) and found.get("type") in GEOMETRIES:
                return "GeoProperty"
            return candidate
    if partial:
        return ""
    raise bad(f"{name} has neither a type nor a value.")


def _check_value(instance: Instance, name: str, partial: bool) -> None:
    kind = instance.get("type", "")
    if not kind:
        return
    member = VALUE_OF[kind]
    if member not in instance:
        if partial:
            return
        raise bad(f"{name} is a {kind} and lacks its {member}.")
    value = instance[member]
    if value is None and kind != "JsonProperty":
        raise bad(f'{name}.{member} is null. To delete it, write "urn:ngsi-ld:null".')
    if is_null(value):
        return
    wrong = ""
    if kind == "Relationship":
        targets = value if isinstance(value, list) and value else [value]
        if not all(is_uri(one) for one in targets):
            wrong = "a URI"
    elif kind == "GeoProperty":
        if isinstance(value, str):
            raise bad(f"{name}: a GeoProperty's value is a GeoJSON geometry, not text.")
        from chengyun.protocols.ngsild.places import read_geometry  # shapely is large

        read_geometry(value, name)
    elif kind == "LanguageProperty":
        if not isinstance(value, dict) or not all(isinstance(one, str | list) for one in value.values()):
            wrong = "an object of language → text"
    elif kind == "VocabProperty":
        if not isinstance(value, str | list):
            wrong = "a word, or a list of words"
    elif kind in ("ListProperty", "ListRelationship") and not isinstance(value, list):
        wrong = "a list"
    if wrong:
        raise bad(f"{name}.{member} of a {kind} is {str(value)[:80]!r}, expected {wrong}.")


def _instant_text(value: Any, where: str) -> str:
    return stamp(read_instant(value, where))
