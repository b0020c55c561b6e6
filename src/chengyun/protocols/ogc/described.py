# SPDX-License-Identifier: Apache-2.0
"""What the door says of itself: landing page, conformance, collections, queryables, tilesets; each a JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from chengyun.protocols.ogc import tiles
from chengyun.protocols.ogc.items import GEOMETRY
from chengyun.protocols.ogc.layers import Seen
from chengyun.protocols.ogc.places import Box
from chengyun.protocols.ogc.reference import CRS84, HALF_M, REFERENCES

__all__ = ["CONFORMANCE", "collection", "collections", "landing", "matrix_set", "queryables", "tilejson", "tileset", "tilesets"]

Document = dict[str, Any]

JSON, GEOJSON, HTML = "application/json", "application/geo+json", "text/html"
SCHEMA, OPENAPI, MVT = (
    "application/schema+json", "application/vnd.oai.openapi+json;version=3.0", "application/vnd.mapbox-vector-tile",
)  # fmt: skip
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
MERCATOR_SET = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"

CONFORMANCE = [
    f"http://www.opengis.net/spec/{part}/conf/{name}"
    for part, names in {
        "ogcapi-common-1/1.0": ("core", "landing-page", "json", "html", "oas30"),
        "ogcapi-common-2/1.0": ("collections",),
        "ogcapi-features-1/1.0": ("core", "geojson", "html", "oas30"),
        "ogcapi-features-2/1.0": ("crs",),
        "ogcapi-features-3/1.0": ("queryables", "queryables-query-parameters", "filter", "features-filter"),
        "cql2/1.0": (
            "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison",
            "basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions", "temporal-functions",
            "property-property", "arithmetic",
        ),
        "ogcapi-tiles-1/1.0": ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt", "oas30"),
        "tms/2.0": ("tilematrixset", "json-tilematrixset"),
    }.items()
    for name in names
]  # fmt: skip


def link(href: str, rel: str, kind: str, title: str) -> Document:
    return {"href": href, "rel": rel, "type": kind, "title": title}


def landing(root: str) -> Document:
    return {
        "title": _("城运开放地理数据接口"),
        "description": _("城市的区域、对象、预警与案件，以 OGC API 要素与瓦片提供。"),
        "links": [
            link(f"{root}/?f=json", "self", JSON, _("本页")),
            link(f"{root}/?f=html", "alternate", HTML, _("本页（网页）")),
            link(f"{root}/api?f=json", "service-desc", OPENAPI, _("接口说明")),
            link(f"{root}/api?f=html", "service-doc", HTML, _("接口说明（网页）")),
            link(f"{root}/conformance", "conformance", JSON, _("符合的标准")),
            link(f"{root}/collections", "data", JSON, _("图层")),
            link(f"{root}/tileMatrixSets", f"{REL}tiling-schemes", JSON, _("瓦片矩阵集")),
        ],
    }


def collections(root: str, found: Iterable[Document]) -> Document:
    return {
        "links": [
            link(f"{root}/collections?f=json", "self", JSON, _("图层")),
            link(f"{root}/collections?f=html", "alternate", HTML, _("图层（网页）")),
        ],
        "crs": list(REFERENCES),
        "collections": list(found),
    }


def collection(root: str, seen: Seen, extent: Box | None) -> Document:
    here = f"{root}/collections/{seen.key}"
    found: Document = {
        "id": seen.key,
        "title": _(seen.title),
        "description": _(seen.about),
        "itemType": "feature",
        "dataType": "vector",
        "geometryDimension": 0 if seen.geometry == "point" else 2,
        "crs": list(REFERENCES),
        "storageCrs": CRS84,
        "links": [
            link(f"{here}?f=json", "self", JSON, _("本图层")),
            link(f"{here}?f=html", "alternate", HTML, _("本图层（网页）")),
            link(f"{here}/items", "items", GEOJSON, _("要素")),
            link(f"{here}/items?f=html", "items", HTML, _("要素（网页）")),
            link(f"{here}/queryables", f"{REL}queryables", SCHEMA, _("可查询的属性")),
            link(f"{here}/tiles", f"{REL}tilesets-vector", JSON, _("矢量瓦片")),
        ],
    }
    if extent is not None:
        found["extent"] = {"spatial": {"bbox": [list(extent)], "crs": CRS84}}
    return found


def queryables(root: str, seen: Seen) -> Document:
    """Return the properties that may be filtered by, as a JSON Schema."""
    kind = "geometry-point" if seen.geometry == "point" else "geometry-any"
    properties: dict[str, Document] = {GEOMETRY: {"title": _("位置"), "format": kind, "x-ogc-role": "primary-geometry"}}
    for key, one in seen.columns.items():
        if one.filterable:
            properties[key] = _schema(one.type) | {"title": _(one.title)}
            if one.unit and one.unit != "1":
                properties[key]["x-ogc-unit"] = one.unit
            if one.codes:
                properties[key]["enum"] = list(one.codes)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{root}/collections/{seen.key}/queryables",
        "type": "object",
        "title": _(seen.title),
        "properties": properties,
        "additionalProperties": False,
    }


def _schema(kind: str) -> Document:
    match kind:
        case "date":
            return {"type": "string", "format": "date"}
        case "instant":
            return {"type": "string", "format": "date-time"}
        case "text":
            return {"type": "string"}
        case _:
            return {"type": kind}


def tilesets(root: str, seen: Seen) -> Document:
    here = f"{root}/collections/{seen.key}/tiles"
    one = tileset(root, seen, None)
    one["links"] = [link(f"{here}/{tiles.MATRIX_SET}?f=json", "self", JSON, _("瓦片集")), *one["links"][1:]]
    return {"links": [link(f"{here}?f=json", "self", JSON, _("矢量瓦片"))], "tilesets": [one]}


def tileset(root: str, seen: Seen, extent: Box | None) -> Document:
    here = f"{root}/collections/{seen.key}/tiles/{tiles.MATRIX_SET}"
    layer: Document = {
        "id": seen.key,
        "dataType": "vector",
        "geometryDimension": 0 if seen.geometry == "point" else 2,
        "propertiesSchema": {
            "type": "object",
            "properties": {key: _schema(one.type) | {"title": _(one.title)} for key, one in seen.columns.items()},
        },
    }
    found: Document = {
        "title": _(seen.title),
        "description": thinning(seen),
        "dataType": "vector",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "tileMatrixSetURI": MERCATOR_SET,
        "layers": [layer],
        "links": [
            link(f"{here}?f=json", "self", JSON, _("瓦片集")),
            link(f"{root}/tileMatrixSets/{tiles.MATRIX_SET}", f"{REL}tiling-scheme", JSON, tiles.MATRIX_SET),
            link(f"{here}/tilejson.json", "describedby", JSON, "TileJSON"),
            link(f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "item", MVT, _("瓦片")) | {"templated": True},
        ],
    }
    if extent is not None:
        found["boundingBox"] = {"lowerLeft": list(extent[:2]), "upperRight": list(extent[2:]), "crs": CRS84}
    return found


def thinning(seen: Seen) -> str:
    """Return the rule by which tiles leave features out, in words."""
    if seen.geometry == "polygon":
        return _("每块瓦片含所有相交的区域；边界按瓦片单位简化。")
    return _(
        "要素不超过 %(most)d 个的瓦片是完整的；更多时，瓦片的 %(cells)d × %(cells)d 个格子各显示一个要素，"
        "point_count 为其代表的个数。"
    ) % {"most": tiles.MOST, "cells": tiles.CELLS}


def tilejson(root: str, seen: Seen, extent: Box | None, credits: str) -> Document:
    here = f"{root}/collections/{seen.key}/tiles/{tiles.MATRIX_SET}"
    kinds = {"number": "Number", "integer": "Number", "boolean": "Boolean"}
    fields = {key: kinds.get(one.type, "String") for key, one in seen.columns.items()}
    found: Document = {
        "tilejson": "3.0.0",
        "name": _(seen.title),
        "description": thinning(seen),
        "attribution": credits,
        "scheme": "xyz",
        "tiles": [f"{here}/{{z}}/{{y}}/{{x}}"],
        "minzoom": 0,
        "maxzoom": tiles.DEEPEST,
        "vector_layers": [{"id": seen.key, "fields": fields, "minzoom": 0, "maxzoom": tiles.DEEPEST}],
    }
    if extent is not None:
        found["bounds"] = list(extent)
    return found


def matrix_set(root: str) -> Document:
    """Return WebMercatorQuad as OGC 17-083r4 writes it, annex D.1."""
    return {
        "id": tiles.MATRIX_SET,
        "title": "Google Maps Compatible for the World",
        "uri": MERCATOR_SET,
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "links": [link(f"{root}/tileMatrixSets/{tiles.MATRIX_SET}", "self", JSON, tiles.MATRIX_SET)],
        "tileMatrices": [_matrix(zoom) for zoom in range(tiles.DEEPEST + 1)],
    }


def _matrix(zoom: int) -> Mapping[str, Any]:
    cell = 2 * HALF_M / 256 / 2**zoom
    return {
        "id": str(zoom),
        # A pixel is 0.28 mm (17-083r4, 6.1.1.1).
        "scaleDenominator": cell / 0.00028,
        "cellSize": cell,
        "pointOfOrigin": [-HALF_M, HALF_M],
        "tileWidth": 256,
        "tileHeight": 256,
        "matrixWidth": 2**zoom,
        "matrixHeight": 2**zoom,
    }
