# SPDX-License-Identifier: Apache-2.0
"""What the root of the API says of itself.

Standard: OGC 18-088, 9.1 and annex A.
"""

from __future__ import annotations

from typing import Any

from chengyun.protocols.sensorthings.kinds import BY_SET

__all__ = ["root_document"]

BASE = "http://www.opengis.net/spec/iot_sensing/1.1"
ENTITIES = (
    "thing", "location", "historical-location", "datastream", "sensor", "observed-property", "observation", "feature-of-interest",
)  # fmt: skip
REQUIREMENTS = (
    "resource-path/resource-path-to-entities",
    "request-data/status-code", "request-data/query-status-code", "request-data/order", "request-data/expand",
    "request-data/select", "request-data/orderby", "request-data/skip", "request-data/top", "request-data/count",
    "request-data/filter", "request-data/built-in-filter-operations", "request-data/built-in-query-functions",
    "request-data/pagination",
    "create-update-delete/create-entity", "create-update-delete/link-to-existing-entities",
    "create-update-delete/deep-insert", "create-update-delete/deep-insert-status-code",
    "create-update-delete/update-entity", "create-update-delete/update-entity-put",
    "create-update-delete/update-entity-jsonpatch", "create-update-delete/delete-entity",
    "create-update-delete/historical-location-auto-creation", "create-update-delete/automatic-foi-creation",
    "batch-request/batch-request", "data-array/data-array", "multi-datastream/properties", "multi-datastream/relations",
)  # fmt: skip
MQTT = ("create-observations-via-mqtt/observations-creation", "receive-updates-via-mqtt/receive-updates")


def root_document(root: str, mqtt: str | None) -> dict[str, Any]:
    """Return the root document. mqtt: address of the broker others reach, or None when there is none."""
    conformance = [f"{BASE}/req/datamodel/{entity}/{part}" for entity in ENTITIES for part in ("properties", "relations")]
    conformance.append(f"{BASE}/req/datamodel/entity-control-information/common-control-information")
    conformance += [f"{BASE}/req/{one}" for one in REQUIREMENTS]
    settings: dict[str, Any] = {"conformance": conformance}
    if mqtt:
        conformance += [f"{BASE}/req/{one}" for one in MQTT]
        settings |= {f"{BASE}/req/{one}": {"endpoints": [mqtt]} for one in MQTT}
    return {
        "value": [{"name": name, "url": f"{root}/{name}"} for name in BY_SET],
        "serverSettings": settings,
    }
