# SPDX-License-Identifier: Apache-2.0
"""The door as an OpenAPI 3.0 document: what may be asked, and every answer's shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from chengyun.protocols.ogc.asked import KNOWN, LIMIT, MOST
from chengyun.protocols.ogc.described import GEOJSON, HTML, JSON, MVT, OPENAPI, SCHEMA
from chengyun.protocols.ogc.filters import LANGUAGES
from chengyun.protocols.ogc.layers import Seen
from chengyun.protocols.ogc.reference import CRS84, REFERENCES
from chengyun.protocols.ogc.tiles import DEEPEST, MATRIX_SET

__all__ = ["document"]

Document = dict[str, Any]
OBJECT: Document = {"type": "object"}


def document(root: str, layers: Iterable[Seen]) -> Document:
    """Return the description of what this reader may ask."""
    seen = list(layers)
    names = [one.key for one in seen]
    layer = _parameter(
        "collectionId", {"type": "string", "enum": names} if names else {"type": "string"}, _("图层"), place="path"
    )
    form = _parameter("f", {"type": "string", "enum": ["json", "html"]}, _("格式"))
    crs = _parameter("crs", {"type": "string", "enum": list(REFERENCES), "default": CRS84}, _("坐标参照系"))
    feature = _parameter("featureId", {"type": "string", "minLength": 1}, _("要素编码"), place="path")
    tile = [_parameter(name, {"type": "integer", "minimum": 0}, text, place="path") for name, text in (
        ("tileMatrix", _("级别")), ("tileRow", _("行")), ("tileCol", _("列")))]  # fmt: skip
    tile[0]["schema"]["maximum"] = DEEPEST
    matrix = _parameter("tileMatrixSetId", {"type": "string", "enum": [MATRIX_SET]}, _("瓦片矩阵集"), place="path")
    collection, tiles = "/collections/{collectionId}", "/collections/{collectionId}/tiles"
    answers = {
        "/": _get(_("首页"), [form], JSON, _links("title"), page=True),
        "/conformance": _get(_("符合的标准"), [form], JSON, _list("conformsTo"), page=True),
        "/api": _get(_("接口说明"), [form], OPENAPI, OBJECT, page=True),
        "/collections": _get(_("图层"), [form], JSON, _list("collections", "links"), page=True),
        collection: _get(_("图层"), [layer, form], JSON, _links("id"), page=True),
        f"{collection}/queryables": _get(_("可查询的属性"), [layer, form], SCHEMA, OBJECT, page=True),
        f"{collection}/items/{{featureId}}": _get(_("要素"), [layer, feature, form, crs], GEOJSON, _FEATURE, page=True),
        tiles: _get(_("矢量瓦片"), [layer, form], JSON, _list("tilesets", "links"), page=True),
        f"{tiles}/{{tileMatrixSetId}}": _get(_("瓦片集"), [layer, matrix, form], JSON, _links("tileMatrixSetURI"), page=True),
        f"{tiles}/{{tileMatrixSetId}}/tilejson.json": _get("TileJSON", [layer, matrix], JSON, OBJECT),
        f"{tiles}/{{tileMatrixSetId}}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": _get(
            _("瓦片"), [layer, matrix, *tile], MVT, {"type": "string", "format": "binary"}, empty=True
        ),
        "/tileMatrixSets": _get(_("瓦片矩阵集"), [form], JSON, _list("tileMatrixSets"), page=True),
        "/tileMatrixSets/{tileMatrixSetId}": _get(_("瓦片矩阵集"), [matrix, form], JSON, _links("id"), page=True),
    }
    shared = {one["name"]: one for one in (form, *_asked(crs))}
    asked = [{"$ref": f"#/components/parameters/{name}"} for name in shared]
    for one in seen:
        answers[f"/collections/{one.key}/items"] = _get(_(one.title), [*asked, *_properties(one)], GEOJSON, _FEATURES, page=True)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": _("城运开放地理数据接口"),
            "version": "1.0",
            "description": "OGC API Features 1, 2, 3; OGC API Tiles 1",
        },
        "servers": [{"url": root}],
        "paths": {path: {"get": operation} for path, operation in answers.items()},
        "components": {
            "parameters": shared,
            "schemas": {"exception": _EXCEPTION},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }


def _asked(crs: Document) -> list[Document]:
    number = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    return [
        _parameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}, _("一页的要素数")),
        _parameter("bbox", number, _("范围")) | {"style": "form", "explode": False},
        _parameter("bbox-crs", {"type": "string", "enum": list(REFERENCES)}, _("范围的坐标参照系")),
        crs,
        _parameter("datetime", {"type": "string"}, _("时间或时段")),
        _parameter("filter", {"type": "string"}, "CQL2"),
        _parameter("filter-lang", {"type": "string", "enum": list(LANGUAGES), "default": "cql2-text"}, _("条件的语言")),
        _parameter("filter-crs", {"type": "string", "enum": list(REFERENCES)}, _("条件中的坐标参照系")),
        _parameter("sortby", {"type": "string"}, _("排序：属性，加 - 为降序，逗号分隔")),
        _parameter("properties", {"type": "string"}, _("只要这些属性，逗号分隔")),
        _parameter("skipGeometry", {"type": "boolean"}, _("不要位置")),
        _parameter("cursor", {"type": "string"}, _("下一页从何处开始；取自 next 链接")),
    ]


def _properties(seen: Seen) -> list[Document]:
    """Return the properties that may be asked for by name.

    Texts and numbers: GDAL 3.6 sends conditions on the properties it finds here, and writes times and truths in an older manner.
    """
    kinds = {"text": "string", "number": "number", "integer": "integer"}
    return [
        _parameter(key, {"type": kinds[one.type]}, _(one.title))
        for key, one in seen.columns.items()
        if one.filterable and one.type in kinds and key not in KNOWN
    ]


def _parameter(name: str, schema: Document, text: str, *, place: str = "query") -> Document:
    return {"name": name, "in": place, "required": place == "path", "description": text, "schema": dict(schema)}


def _get(
    text: str, parameters: list[Document], kind: str, schema: Document, *, page: bool = False, empty: bool = False
) -> Document:  # fmt: skip
    content: Document = {kind: {"schema": schema}}
    if page:
        content[HTML] = {"schema": {"type": "string"}}
    refused = {"description": _("请求有误"), "content": {JSON: {"schema": {"$ref": "#/components/schemas/exception"}}}}
    responses: Document = {"200": {"description": text, "content": content}}
    if empty:
        responses["204"] = {"description": _("空瓦片")}
    responses |= {"400": refused, "401": refused, "404": refused, "406": refused, "503": refused}
    return {"summary": text, "parameters": parameters, "responses": responses}


def _links(*required: str) -> Document:
    return {"type": "object", "required": ["links", *required], "properties": {"links": {"type": "array", "items": _LINK}}}


def _list(name: str, *required: str) -> Document:
    return {"type": "object", "required": [name, *required], "properties": {name: {"type": "array"}}}


_LINK: Document = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {
        "href": {"type": "string"},
        "rel": {"type": "string"},
        "type": {"type": "string"},
        "title": {"type": "string"},
    },
}
_FEATURE: Document = {
    "type": "object",
    "required": ["type", "id", "geometry", "properties", "links"],
    "properties": {
        "type": {"type": "string", "enum": ["Feature"]},
        "id": {"type": "string"},
        "geometry": {"type": "object", "nullable": True},
        "properties": {"type": "object"},
    },
}
_FEATURES: Document = {
    "type": "object",
    "required": ["type", "features", "links", "numberMatched", "numberReturned"],
    "properties": {
        "type": {"type": "string", "enum": ["FeatureCollection"]},
        "features": {"type": "array", "items": {**_FEATURE, "required": ["type", "id", "geometry", "properties"]}},
        "links": {"type": "array", "items": _LINK},
        "numberMatched": {"type": "integer", "minimum": 0},
        "numberReturned": {"type": "integer", "minimum": 0},
    },
}
_EXCEPTION: Document = {
    "type": "object",
    "required": ["code", "description"],
    "properties": {"code": {"type": "string"}, "description": {"type": "string"}},
}
