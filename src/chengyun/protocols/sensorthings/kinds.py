# SPDX-License-Identifier: Apache-2.0
"""The data model of SensorThings as data: kinds of entities, their properties, how they hang together, where they lie.

Everything that reads or writes an entity follows these tables; nothing else names a column.
Standard: OGC 18-088 (SensorThings API Part 1: Sensing, version 1.1), clause 8.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum

__all__ = ["BY_SET", "KINDS", "Form", "Kind", "Link", "Property", "kind_of"]

PREFIX = "sensorthings_"


class Form(Enum):
    """What a property's value is."""

    TEXT = "text"
    JSON = "json"
    OBJECT = "object"
    LIST = "list"
    INSTANT = "instant"
    SPAN = "span"
    """An instant or an interval, kept in two columns: `<column>_start` and `<column>_end`, the latter NULL for an instant."""
    RESULT = "result"
    """A number in the column `number`, anything else in `result`."""
    GEOMETRY = "geometry"
    """GeoJSON, with its bounding box in the column `bounds`."""
    EXTENT = "extent"
    """As SPAN, kept by the store: nobody sets it."""
    AREA = "area"
    """The rectangle around what a Datastream's observations speak of, kept by the store."""


@dataclass(frozen=True, slots=True)
class Property:
    """required: must be there when an entity is made. shown_null: stands in an answer though it is null."""

    name: str
    column: str
    form: Form = Form.TEXT
    required: bool = False
    shown_null: bool = False

    @property
    def kept(self) -> bool:
        """Whether the store keeps it and nobody sets it."""
        return self.form in (Form.EXTENT, Form.AREA)


@dataclass(frozen=True, slots=True)
class Link:
    """One end of a relation.

    column: the foreign key, on this kind's table when `many` is false, on the other's when it is true.
    through: for many-to-many: (table, column of this kind, column of the other).
    required: must be given when an entity is made.
    quiet: its navigation link stands in an answer only when it is asked for: few entities have anything there.
    """

    name: str
    to: str
    many: bool
    column: str = ""
    through: tuple[str, str, str] | None = None
    required: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of entity.

    name: in the singular, as in links. set: of the collection. table: without the common prefix.
    only: which rows of the table are of this kind; "": all. Datastreams of both kinds share a table, so that an
        Observation names either by one number.
    """

    name: str
    set: str
    table: str
    properties: tuple[Property, ...]
    links: tuple[Link, ...]
    only: str = ""

    @functools.cached_property
    def by_name(self) -> dict[str, Property]:
        return {it.name: it for it in self.properties}

    @functools.cached_property
    def links_by_name(self) -> dict[str, Link]:
        return {it.name: it for it in self.links}

    @property
    def sql(self) -> str:
        return PREFIX + self.table


def _named(*more: Property) -> tuple[Property, ...]:
    return (
        Property("name", "name", required=True),
        Property("description", "description", required=True),
        *more,
        Property("properties", "properties", Form.OBJECT),
    )


_THING_LOCATION = f"{PREFIX}thinglocation"
_PAST_LOCATION = f"{PREFIX}pastlocation"
_MULTI_PROPERTY = f"{PREFIX}multiproperty"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "Thing", "Things", "thing", _named(),
            (
                Link("Locations", "Location", True, through=(_THING_LOCATION, "thing_id", "location_id")),
                Link("HistoricalLocations", "HistoricalLocation", True, "thing_id"),
                Link("Datastreams", "Datastream", True, "thing_id"),
                Link("MultiDatastreams", "MultiDatastream", True, "thing_id"),
            ),
        ),
        Kind(
            "Location", "Locations", "location",
            _named(
                Property("encodingType", "encoding_type", required=True),
                Property("location", "location", Form.GEOMETRY, required=True),
            ),
            (
                Link("Things", "Thing", True, through=(_THING_LOCATION, "location_id", "thing_id")),
                Link("HistoricalLocations", "HistoricalLocation", True, through=(_PAST_LOCATION, "location_id", "past_id")),
            ),
        ),
        Kind(
            "HistoricalLocation", "HistoricalLocations", "past", (Property("time", "time", Form.INSTANT, required=True),),
            (
                Link("Thing", "Thing", False, "thing_id", required=True),
                Link("Locations", "Location", True, through=(_PAST_LOCATION, "past_id", "location_id")),
            ),
        ),
        Kind(
            "Datastream", "Datastreams", "datastream",
            (
                *_named(
                    Property("unitOfMeasurement", "unit_of_measurement", Form.OBJECT, required=True),
                    Property("observationType", "observation_type", required=True),
                ),
                Property("observedArea", "observed", Form.AREA),
                Property("phenomenonTime", "phenomenon", Form.EXTENT),
                Property("resultTime", "result_time", Form.EXTENT),
            ),
            (
                Link("Thing", "Thing", False, "thing_id", required=True),
                Link("Sensor", "Sensor", False, "sensor_id", required=True),
                Link("ObservedProperty", "ObservedProperty", False, "observed_property_id", required=True),
                Link("Observations", "Observation", True, "datastream_id"),
            ),
            only="NOT multi",
        ),
        Kind(
            "MultiDatastream", "MultiDatastreams", "datastream",
            (
                *_named(
                    Property("unitOfMeasurements", "unit_of_measurement", Form.LIST, required=True),
                    Property("observationType", "observation_type", required=True),
                    Property("multiObservationDataTypes", "data_types", Form.LIST, required=True),
                ),
                Property("observedArea", "observed", Form.AREA),
                Property("phenomenonTime", "phenomenon", Form.EXTENT),
                Property("resultTime", "result_time", Form.EXTENT),
            ),
            (
                Link("Thing", "Thing", False, "thing_id", required=True),
                Link("Sensor", "Sensor", False, "sensor_id", required=True),
                Link("ObservedProperties", "ObservedProperty", True, through=(_MULTI_PROPERTY, "multi_id", "property_id")),
                Link("Observations", "Observation", True, "datastream_id"),
            ),
            only="multi",
        ),
        Kind(
            "Sensor", "Sensors", "sensor",
            _named(
                Property("encodingType", "encoding_type", required=True),
                Property("metadata", "metadata", Form.JSON, required=True),
            ),
            (
                Link("Datastreams", "Datastream", True, "sensor_id"),
                Link("MultiDatastreams", "MultiDatastream", True, "sensor_id"),
            ),
        ),
        Kind(
            "ObservedProperty", "ObservedProperties", "property",
            (
                Property("name", "name", required=True),
                Property("definition", "definition", required=True),
                Property("description", "description", required=True),
                Property("properties", "properties", Form.OBJECT),
            ),
            (
                Link("Datastreams", "Datastream", True, "observed_property_id"),
                Link("MultiDatastreams", "MultiDatastream", True, through=(_MULTI_PROPERTY, "property_id", "multi_id")),
            ),
        ),
        Kind(
            "Observation", "Observations", "observation",
            (
                Property("phenomenonTime", "phenomenon", Form.SPAN),
                Property("result", "result", Form.RESULT, required=True, shown_null=True),
                Property("resultTime", "result_time", Form.INSTANT, shown_null=True),
                Property("resultQuality", "result_quality", Form.JSON),
                Property("validTime", "valid", Form.SPAN),
                Property("parameters", "parameters", Form.OBJECT),
            ),
            (
                Link("Datastream", "Datastream", False, "datastream_id"),
                Link("MultiDatastream", "MultiDatastream", False, "datastream_id", quiet=True),
                Link("FeatureOfInterest", "FeatureOfInterest", False, "feature_id"),
            ),
        ),
        Kind(
            "FeatureOfInterest", "FeaturesOfInterest", "feature",
            _named(
                Property("encodingType", "encoding_type", required=True),
                Property("feature", "feature", Form.GEOMETRY, required=True),
            ),
            (Link("Observations", "Observation", True, "feature_id"),),
        ),
    )
}  # fmt: skip

BY_SET: dict[str, Kind] = {kind.set: kind for kind in KINDS.values()}


def kind_of(link: Link) -> Kind:
    """Return the kind at the other end of a link."""
    return KINDS[link.to]
