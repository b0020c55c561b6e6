# SPDX-License-Identifier: Apache-2.0
"""The words of NGSI-LD that never depend on anybody's @context.

Standard: ETSI GS CIM 009 V1.8.1, clauses 4.5 (representations), 5.2 (data types) and 6.3 (HTTP binding).
"""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "ATTRIBUTE_TYPES",
    "CORE_URL",
    "DEFAULT_VOCAB",
    "GEOMETRIES",
    "JSON",
    "JSON_LD",
    "GEO_JSON",
    "MEMBERS",
    "MERGE_PATCH",
    "NULL",
    "PREFIX",
    "VALUE_OF",
    "is_core_url",
    "is_null",
    "is_uri",
]

PREFIX = "https://uri.etsi.org/ngsi-ld/"
DEFAULT_VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE_URL = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
"""The core @context answers name. Every published edition resolves to the one kept in core.jsonld."""

JSON = "application/json"
JSON_LD = "application/ld+json"
GEO_JSON = "application/geo+json"
MERGE_PATCH = "application/merge-patch+json"

NULL = "urn:ngsi-ld:null"
"""Deletes what it stands for (clause 4.5.0: NGSI-LD Null)."""

VALUE_OF = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "JsonProperty": "json",
    "VocabProperty": "vocab",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}
"""Type of an attribute → the member its value stands in."""
ATTRIBUTE_TYPES = frozenset(VALUE_OF)

MEMBERS = frozenset(
    {
        *VALUE_OF.values(), "type", "observedAt", "unitCode", "datasetId", "objectType", "valueType", "lang", "createdAt",
        "modifiedAt", "deletedAt", "instanceId", "expiresAt", "ngsildproof", "entity", "entityList", "previousValue",
        "previousObject", "previousLanguageMap", "previousJson", "previousVocab", "previousValueList", "previousObjectList",
    }
)  # fmt: skip
"""Members of an attribute that are not sub-attributes."""

GEOMETRIES = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"})

_CORE = re.compile(r"https?://uri\.etsi\.org/ngsi-ld/v1/ngsi-ld-core-context(-v1\.[1-9])?\.jsonld")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]+")


def is_core_url(url: str) -> bool:
    """Say whether an address is a published edition of the core @context."""
    return bool(_CORE.fullmatch(url))


def is_uri(text: object) -> bool:
    """Say whether something is an absolute URI, as every id must be."""
    return isinstance(text, str) and len(text) <= 2048 and bool(_URI.fullmatch(text))


def is_null(value: Any) -> bool:
    """Say whether a value is NGSI-LD Null in one of the forms it takes."""
    return bool(value == NULL or value == {"@none": NULL} or (isinstance(value, list) and value == [NULL]))
