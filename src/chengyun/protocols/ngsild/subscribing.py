# SPDX-License-Identifier: Apache-2.0
"""Subscriptions as sent → as kept, and back (clauses 5.2.12, 5.2.14, 5.2.15)."""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from chengyun.protocols.ngsild.documents import read_instant
from chengyun.protocols.ngsild.objects import geo_of, names_of
from chengyun.protocols.ngsild.outbound import Reach
from chengyun.protocols.ngsild.parameters import choices
from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.questions import check_pattern, read_question
from chengyun.protocols.ngsild.selections import read_scope_query, read_type_selection
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.vocabulary import GEO_JSON, JSON, JSON_LD, is_null, is_uri

__all__ = ["DEFAULT_TRIGGERS", "changed", "checked", "compacted", "kinds_of", "port_of"]

DEFAULT_TRIGGERS = ("attributeCreated", "attributeUpdated")
TRIGGERS = frozenset({*DEFAULT_TRIGGERS, "attributeDeleted", "entityCreated", "entityUpdated", "entityDeleted"})
FORMATS = ("normalized", "concise", "keyValues", "simplified")
LONGEST_INTERVAL_S = 366 * 86400
_KNOWN = frozenset(
    {
        "id", "type", "subscriptionName", "description", "entities", "watchedAttributes", "notificationTrigger",
        "timeInterval", "q", "geoQ", "csf", "isActive", "notification", "expiresAt", "throttling", "temporalQ",
        "scopeQ", "lang", "createdAt", "modifiedAt", "status", "jsonldContext", "datasetId", "localOnly",
        "splitEntities", "jsonKeys", "expandValues", "@context",
    }
)  # fmt: skip
_OWN = ("createdAt", "modifiedAt", "status", "@context")
_WORD = re.compile(r"[^;|,()\s]+")


def checked(document: Any, terms: Terms, reach: Reach, now: dt.datetime | None) -> dict[str, Any]:
    """Return a subscription as it is kept: names expanded, everything in it usable. Raises BadRequestData.

    now: None where expiresAt is not new, and so may have passed.
    """
    if not isinstance(document, dict) or not document:
        raise bad("A subscription is a JSON object.")
    if document.get("type") != "Subscription":
        raise bad('The subscription\'s type is not "Subscription".')
    if unknown := sorted(set(document) - _KNOWN):
        raise bad(f"A subscription has no member {unknown[0][:60]!r}.")
    if "id" in document and not is_uri(document["id"]):
        raise bad(f"The subscription's id is {str(document['id'])[:80]!r}, expected a URI.")
    found = {key: copy.deepcopy(value) for key, value in document.items() if key not in _OWN}
    if not (found.get("entities") or found.get("watchedAttributes")):
        raise bad("A subscription needs entities or watchedAttributes.")
    _check_entities(found, terms)
    if "watchedAttributes" in found:
        found["watchedAttributes"] = [terms.expand(name) for name in names_of(found, "watchedAttributes")]
    triggers = names_of(found, "notificationTrigger")
    if wrong := next((one for one in triggers if one not in TRIGGERS), None):
        raise bad(f"notificationTrigger has {wrong[:40]!r}, expected some of {', '.join(sorted(TRIGGERS))}.")
    _check_times(found, now)
    if "q" in found:
        read_question(unquote(_text(found, "q")), terms)
    if "geoQ" in found:
        geo_of(found["geoQ"], terms)
    if "scopeQ" in found:
        read_scope_query(_text(found, "scopeQ"))
    if not isinstance(found.get("isActive", True), bool):
        raise bad("isActive is true or false.")
    if "jsonldContext" in found and not is_uri(found["jsonldContext"]):
        raise bad(f"jsonldContext is {str(found['jsonldContext'])[:80]!r}, expected an address.")
    if "datasetId" in found:
        names_of(found, "datasetId")
    _check_notification(found.get("notification"), terms, reach)
    return found


def changed(kept: dict[str, Any], fragment: Any, old: Terms) -> dict[str, Any]:
    """Return a kept subscription with a fragment laid over it, names as sent: to be checked again as a whole."""
    if not isinstance(fragment, dict) or not fragment:
        raise bad("A subscription fragment is a JSON object.")
    found = compacted(kept, old)
    for key, value in fragment.items():
        if key == "@context":
            continue
        if value is None or is_null(value):
            found.pop(key, None)
        elif key == "notification" and isinstance(value, dict) and isinstance(found.get(key), dict):
            if "endpoint" in value and not isinstance(value["endpoint"], dict):
                raise bad("notification.endpoint is a JSON object with a uri.")
            found[key] = {**found[key], **value} if "endpoint" in value else value
        else:
            found[key] = value
    return found


def compacted(kept: dict[str, Any], terms: Terms) -> dict[str, Any]:
    """Return a kept subscription with its names as a @context says them."""
    found = copy.deepcopy(kept)
    for entity in found.get("entities", []):
        if "type" in entity:
            entity["type"] = _each_name(entity["type"], terms.compact)
    if "watchedAttributes" in found:
        found["watchedAttributes"] = [terms.compact(name) for name in found["watchedAttributes"]]
    notification = found.get("notification", {})
    if "attributes" in notification:
        notification["attributes"] = [terms.compact(name) for name in notification["attributes"]]
    return found


def kinds_of(kept: dict[str, Any]) -> list[str] | None:
    """Return every type a subscription may match, None when it matches any: the database finds candidates by them."""
    found: set[str] = set()
    for entity in kept.get("entities") or [{}]:
        if "type" not in entity:
            return None
        found.update(_WORD.findall(entity["type"]))
    return sorted(found)


def port_of(uri: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an endpoint. Raises BadRequestData."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise bad(f"The endpoint {uri[:120]!r} is no address.") from None
    usual = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
    if parts.scheme not in usual or not parts.hostname:
        raise bad(f"The endpoint {uri[:120]!r} is no http, https, mqtt or mqtts address.")
    return parts.scheme, parts.hostname, port or usual[parts.scheme]


def _check_entities(found: dict[str, Any], terms: Terms) -> None:
    if "entities" not in found:
        return
    listed = found["entities"]
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise bad("entities lists at least one object with type, id or idPattern.")
    for one in listed:
        if unknown := sorted(set(one) - {"id", "idPattern", "type"}):
            raise bad(f"entities: {unknown[0][:40]!r} is none of id, idPattern, type.")
        ids = one.get("id", [])
        for name in ids if isinstance(ids, list) else [ids]:
            if not is_uri(name):
                raise bad(f"entities: {str(name)[:80]!r} is no entity id.")
        if "idPattern" in one:
            check_pattern(_text(one, "idPattern"))
        if "type" in one:
            read_type_selection(_text(one, "type"), terms)
            one["type"] = _each_name(one["type"], terms.expand)


def _check_times(found: dict[str, Any], now: dt.datetime | None) -> None:
    for name in ("timeInterval", "throttling"):
        value = found.get(name)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_INTERVAL_S
        ):
            raise bad(f"{name} is {str(value)[:40]!r}, expected a number of seconds above zero.")
    if "timeInterval" in found and ("throttling" in found or "watchedAttributes" in found):
        raise bad("timeInterval does not go together with throttling or watchedAttributes.")
    if "expiresAt" in found and (end := read_instant(found["expiresAt"], "expiresAt")) and now is not None and end <= now:
        raise bad(f"expiresAt is {found['expiresAt']}, which is past.")


def _check_notification(given: Any, terms: Terms, reach: Reach) -> None:
    if not isinstance(given, dict) or not isinstance(given.get("endpoint"), dict):
        raise bad("A subscription needs notification with an endpoint.")
    endpoint = given["endpoint"]
    uri = endpoint.get("uri")
    if not isinstance(uri, str):
        raise bad("notification.endpoint needs a uri.")
    _, host, port = port_of(uri)
    if not reach.allows(host, port):
        raise bad(f"{host} is not among the hosts this installation notifies. Ask for it to be added to CHENGYUN_NGSILD_HOSTS.")
    if endpoint.get("accept", JSON) not in (JSON, JSON_LD, GEO_JSON):
        raise bad(f"endpoint.accept is {str(endpoint['accept'])[:60]!r}, expected {JSON}, {JSON_LD} or {GEO_JSON}.")
    for name in ("receiverInfo", "notifierInfo"):
        listed = endpoint.get(name, [])
        if not isinstance(listed, list) or not all(
            isinstance(one, dict) and isinstance(one.get("key"), str) and isinstance(one.get("value"), str) for one in listed
        ):
            raise bad(f"endpoint.{name} lists objects with key and value.")
        if any(set(one["key"] + one["value"]) & set("\r\n\x00") for one in listed):
            raise bad(f"endpoint.{name} holds line breaks.")
    if given.get("format", "normalized") not in FORMATS:
        raise bad(f"notification.format is {str(given['format'])[:40]!r}, expected one of {', '.join(FORMATS)}.")
    if "attributes" in given:
        given["attributes"] = [terms.expand(name) for name in names_of(given, "attributes")]
    choices(",".join(names_of(given, "pick")), ",".join(names_of(given, "omit")), given.get("attributes"), terms)
    if given.get("join", "@none") not in ("inline", "flat", "@none"):
        raise bad("notification.join is inline, flat or @none.")


def _text(found: dict[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str) or not value:
        raise bad(f"{name} is {str(value)[:60]!r}, expected text.")
    return value


def _each_name(selection: str, change: Callable[[str], str]) -> str:
    return _WORD.sub(lambda found: change(found.group()), selection)
