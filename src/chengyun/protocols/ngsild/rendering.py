# SPDX-License-Identifier: Apache-2.0
"""Entities as kept → entities as asked for: normalised, concise, simplified, GeoJSON (clauses 4.5.2 to 4.5.17).

What to show is one frozen View; the same View answers a query and words a notification.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chengyun.protocols.ngsild.documents import Entity, Instance
from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.terms import CORE, Terms
from chengyun.protocols.ngsild.vocabulary import MEMBERS, VALUE_OF

__all__ = ["CORE_MEMBERS", "Choice", "View", "choose", "features", "feature", "has_any", "plain_instant", "read_choice", "render"]

CORE_MEMBERS = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})
DEEPEST_CHOICE = 8
Choice = Mapping[str, "Choice | None"]
"""Members of an entity, and for relationships which members of the linked entity. Attributes by IRI, core members as they are."""

_SYSTEM = ("createdAt", "modifiedAt", "deletedAt")
_NAME = re.compile(r"[^\s,;{}()|<>\"]+")


@dataclass(frozen=True, slots=True)
class View:
    """How to show entities. datasets: ids of the instances shown ("" is the default one); None: all.

    wanted: which entities hold an attribute worth showing (`attrs` and `pick`); None: any.
    """

    terms: Terms = CORE
    form: str = "normalized"
    system: bool = False
    lang: str = ""
    pick: Choice | None = None
    omit: Choice | None = None
    attrs: frozenset[str] | None = None
    datasets: frozenset[str] | None = None
    geometry: str = ""
    inline: bool = False
    linked: Mapping[str, Entity] = field(default_factory=dict)
    levels: int = 0
    deleted: bool = False

    def for_link(self, relationship: str) -> View:
        """Return how to show what a relationship points at."""
        pick = self.pick.get(relationship) if self.pick is not None else None
        omit = self.omit.get(relationship) if self.omit is not None else None
        return replace(self, pick=pick, omit=omit, attrs=None, levels=self.levels - 1)

    def shows(self, name: str) -> bool:
        """Say whether an attribute (by IRI) is shown."""
        if self.attrs is not None and name not in self.attrs:
            return False
        if self.pick is not None and name not in self.pick:
            return False
        return self.omit is None or name not in self.omit or self.omit[name] is not None

    def shows_member(self, name: str) -> bool:
        """Say whether a core member (id, type, scope) is shown."""
        if self.pick is not None and name not in self.pick:
            return False
        return self.omit is None or name not in self.omit


def read_choice(text: str, terms: Terms, what: str) -> Choice:
    """Return a pick or omit: `id,name,locatedAt{id,isIn{name}}`. Raises BadRequestData."""
    if len(text) > 8_000:
        raise bad(f"{what} is longer than 8000 characters.")
    found, rest = _choice(text, terms, what, 0)
    if rest:
        raise bad(f"{what} is {text[:80]!r}: {rest[:20]!r} stands where a comma was expected.")
    return found


def _choice(text: str, terms: Terms, what: str, depth: int) -> tuple[Choice, str]:
    if depth > DEEPEST_CHOICE:
        raise bad(f"{what} goes more than {DEEPEST_CHOICE} links deep.")
    found: dict[str, Choice | None] = {}
    while True:
        name = _NAME.match(text)
        if name is None:
            raise bad(f"{what}: a name is missing before {text[:20]!r}.")
        word, text = name.group(), text[name.end() :]
        inner: Choice | None = None
        if text.startswith("{"):
            inner, text = _choice(text[1:], terms, what, depth + 1)
            if not text.startswith("}"):
                raise bad(f"{what}: a brace is not closed.")
            text = text[1:]
        found[word if word in CORE_MEMBERS else terms.expand(word)] = inner
        if not text.startswith(","):
            return found, text
        text = text[1:]


def has_any(entity: Entity, view: View) -> bool:
    """Say whether anything asked for is there: entities without it are no answer (clauses 5.7.1, 5.7.2)."""
    if view.attrs is not None and not any(_kept(entity.attributes.get(name, []), view) for name in view.attrs):
        return False
    if view.datasets is not None and view.attrs is None:
        return any(_kept(instances, view) for instances in entity.attributes.values())
    if view.pick is not None:
        return bool(CORE_MEMBERS & view.pick.keys()) or any(name in entity.attributes for name in view.pick)
    return True


def choose(entity: Entity, view: View) -> Entity:
    """Return an entity with the attributes and instances that are shown."""
    attributes = {
        name: kept for name, instances in entity.attributes.items() if view.shows(name) and (kept := _kept(instances, view))
    }
    return replace(entity, attributes=attributes)


def render(entity: Entity, view: View) -> dict[str, Any]:
    """Return an entity as asked for, without its @context."""
    shown: dict[str, Any] = {}
    if view.shows_member("id"):
        shown["id"] = entity.id
    if view.shows_member("type") and entity.types:
        shown["type"] = _one_or_many([view.terms.compact(one) for one in entity.types])
    if entity.scopes and view.shows_member("scope") and view.attrs is None:
        shown["scope"] = _one_or_many(entity.scopes)
    if entity.expires_at and view.shows_member("expiresAt"):
        shown["expiresAt"] = plain_instant(entity.expires_at)
    picked = view.pick or {}
    for member, value in (("createdAt", entity.created_at), ("modifiedAt", entity.modified_at)):
        if value and (view.system or member in picked) and view.shows_member(member):
            shown[member] = plain_instant(value)
    if entity.deleted_at:
        shown["deletedAt"] = plain_instant(entity.deleted_at)
    for name, instances in entity.attributes.items():
        kept = _kept(instances, view) if view.shows(name) else []
        if kept:
            shown[view.terms.compact(name)] = _attribute(kept, view, name)
    return shown


def feature(entity: Entity, view: View) -> dict[str, Any]:
    """Return an entity as a GeoJSON Feature."""
    shown = render(entity, view)
    instances = entity.attributes.get(view.geometry, [])
    chosen = next((one for one in instances if "datasetId" not in one), instances[0] if instances else None)
    value = chosen.get("value") if chosen is not None and chosen["type"] == "GeoProperty" and view.shows(view.geometry) else None
    return {
        "id": entity.id,
        "type": "Feature",
        "geometry": value if isinstance(value, dict) else None,
        "properties": {name: one for name, one in shown.items() if name != "id"},
    }


def features(entities: list[Entity], view: View) -> dict[str, Any]:
    """Return entities as a GeoJSON FeatureCollection."""
    return {"type": "FeatureCollection", "features": [feature(one, view) for one in entities]}


def plain_instant(text: str) -> str:
    """Return a kept instant without empty fractions: …12:03:00.000000Z as …12:03:00Z."""
    return text[:-8] + "Z" if text.endswith(".000000Z") else text


def _kept(instances: list[Instance], view: View) -> list[Instance]:
    if view.datasets is None:
        return instances
    return [one for one in instances if one.get("datasetId", "") in view.datasets]


def _attribute(instances: list[Instance], view: View, name: str) -> Any:
    if view.form == "simplified":
        if len(instances) == 1:
            return _simple(instances[0], view, name)
        return {"dataset": {one.get("datasetId", "@none"): _simple(one, view, name) for one in instances}}
    return _one_or_many([_instance(one, view, name) for one in instances])


def _instance(instance: Instance, view: View, name: str) -> Any:
    kind = instance["type"]
    member = VALUE_OF[kind]
    shown: dict[str, Any] = {"type": kind}
    value = instance.get(member)
    if kind == "LanguageProperty" and view.lang and isinstance(value, dict):
        text, language = _in_language(value, view.lang)
        shown = {"type": "Property", "value": text, "lang": language}
    elif member in instance:
        shown[member] = _words(value, view) if kind == "VocabProperty" else value
    for key, one in instance.items():
        if key in ("type", member) or (
            key in _SYSTEM and not (view.system or (key == "deletedAt" and view.deleted and view.system))
        ):
            continue
        if key in ("observedAt", "expiresAt", *_SYSTEM):
            shown[key] = plain_instant(one)
        elif key == "previousVocab" or key in ("objectType", "valueType"):
            shown[key] = _words(one, view)
        elif key in MEMBERS:
            shown[key] = one
        else:
            below = replace(view, pick=None, omit=None, attrs=None, datasets=None, inline=False)
            shown[view.terms.compact(key)] = _attribute(one, below, key)
    if kind == "Relationship" and view.inline and view.levels > 0:
        _embed(shown, value, view, name)
    if view.form == "concise":
        return _concise(shown)
    return shown


def _embed(shown: dict[str, Any], value: Any, view: View, name: str) -> None:
    targets = value if isinstance(value, list) else [value]
    found = [render(view.linked[one], view.for_link(name)) for one in targets if one in view.linked]
    if found:
        if isinstance(value, list):
            shown["entityList"] = found
        else:
            shown["entity"] = found[0]


def _concise(shown: dict[str, Any]) -> Any:
    kind = shown.pop("type")
    if set(shown) == {"value"} and kind in ("Property", "GeoProperty"):
        value = shown["value"]
        if not isinstance(value, dict) or kind == "GeoProperty":
            return value
    return shown


def _simple(instance: Instance, view: View, name: str) -> Any:
    kind = instance["type"]
    value = instance.get(VALUE_OF[kind])
    match kind:
        case "Property" | "GeoProperty":
            return value
        case "Relationship":
            if view.inline and view.levels > 0:
                embedded: dict[str, Any] = {}
                _embed(embedded, value, view, name)
                return embedded.get("entity", embedded.get("entityList", value))
            return value
        case "LanguageProperty":
            return _in_language(value, view.lang)[0] if view.lang and isinstance(value, dict) else {"languageMap": value}
        case "VocabProperty":
            return {"vocab": _words(value, view)}
        case _:
            return {VALUE_OF[kind]: value}


def _words(value: Any, view: View) -> Any:
    if isinstance(value, list):
        return [view.terms.compact(one) if isinstance(one, str) else one for one in value]
    return view.terms.compact(value) if isinstance(value, str) else value


def _in_language(texts: dict[str, Any], wanted: str) -> tuple[Any, str]:
    """Return the text of the language ranked first among those that are there (RFC 5646, RFC 9110 12.5.4)."""
    ranked = []
    for at, part in enumerate(wanted.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        ranked.append((-weight, at, tag.strip()))
    for _, _, tag in sorted(ranked):
        if tag == "*":
            break
        for language, text in texts.items():
            if language.lower() == tag.lower() or language.lower().startswith(f"{tag.lower()}-"):
                return text, language
    language = "@none" if "@none" in texts else next(iter(texts), "@none")
    return texts.get(language), language


def _one_or_many(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
