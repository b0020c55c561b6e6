# SPDX-License-Identifier: Apache-2.0
"""OGC API Features and Tiles of every layer, under /ogc: addresses in, documents out; layers.py decides who sees what.

    /  /api  /conformance  /collections  /collections/{layer}  …/queryables  …/items  …/items/{feature}
    …/tiles  …/tiles/WebMercatorQuad  …/tilejson.json  …/{z}/{y}/{x}      /tileMatrixSets

Features and tiles are kept, as made, until something they show changes (watch.py); every answer has an ETag.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import msgspec
from django.utils import translation
from django.utils.translation import gettext as _

from chengyun.collect.wire import status_of
from chengyun.errors import NotFound, Problem, Refused, nearest
from chengyun.protocols.door import Door, Given, Reply, Request
from chengyun.protocols.ogc import described, items, openapi, pages, tiles
from chengyun.protocols.ogc.asked import KNOWN, parameters, read_asked
from chengyun.protocols.ogc.keep import SMALLEST_ZIPPED, Answer
from chengyun.protocols.ogc.layers import Seen
from chengyun.protocols.ogc.pages import Cell, Table
from chengyun.protocols.ogc.places import Relations
from chengyun.protocols.ogc.reference import reference_of
from chengyun.protocols.ogc.store import Store
from chengyun.protocols.ogc.writing import Written, is_writable, write

__all__ = ["OgcDoor", "open_door"]


def open_door() -> Door:
    return OgcDoor()


@dataclass(slots=True)
class Asking:
    """One request on its way. layers: what its reader sees. page: whether HTML is wanted."""

    request: Request
    layers: dict[str, Seen]
    page: bool
    query: str
    links: list[tuple[str, str]] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.request.root

    def layer(self, name: str) -> Seen:
        if name not in self.layers:
            raise NotFound(f"There is no collection {name[:80]!r}.{nearest(name, self.layers)}")
        return self.layers[name]

    def given(self, *known: str) -> dict[str, str]:
        return parameters(self.query, ("f", *known))

    def as_json(self) -> str:
        """Return this request's address, asking for JSON."""
        kept = {key: value for key, value in parameters_loosely(self.query).items() if key != "f"}
        return f"{self.root}{self.request.raw_path}?{urlencode({**kept, 'f': 'json'})}"


class OgcDoor:
    """The way from an address to an answer."""

    prefix = "/ogc"

    async def open(self, given: Given) -> None:
        self._store = Store(given)
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    async def answer(self, request: Request) -> Reply:
        try:
            if request.method not in ("GET", "HEAD"):
                raise Refused("Only GET is answered here.", code="method", status=405)
            with translation.override(_language(request.headers.get("accept-language", ""))):
                answer = await self._answer(request)
        except Problem as problem:
            return _told(problem)
        return _reply(answer, request)

    async def _answer(self, request: Request) -> Answer:
        form = parameters_loosely(request.query).get("f")
        accept = request.headers.get("accept", "")
        page = form == "html" if form else _prefers_html(accept)
        steps = [unquote(step) for step in request.raw_path.strip("/").split("/")] if request.raw_path.strip("/") else []
        if form not in (None, "json", "html") and not (form == "mvt" and len(steps) == 7):
            raise Refused(f"f is {form[:20]!r}, expected json or html.", code="parameter", status=400)
        if steps == ["style.css"]:
            return Answer(pages.style(), "text/css; charset=utf-8")
        asking = Asking(request, await self._store.see(request.visitor.actor), page, request.query)
        match steps:
            case []:
                asking.given()
                return self._plain(asking, described.landing(asking.root), [])
            case ["conformance"]:
                return self._conformance(asking)
            case ["api"]:
                asking.given()
                return self._api(asking)
            case ["collections"]:
                return await self._collections(asking)
            case ["tileMatrixSets"]:
                return self._matrix_sets(asking)
            case ["tileMatrixSets", tiles.MATRIX_SET]:
                asking.given()
                return self._plain(asking, described.matrix_set(asking.root), pages.crumbs(asking.root))
            case ["collections", name, *rest]:
                return await self._layer(asking, asking.layer(name), rest)
        raise NotFound("There is nothing here. Begin at /ogc/.")

    async def _layer(self, asking: Asking, seen: Seen, steps: list[str]) -> Answer:
        trail = pages.layer_crumbs(asking.root, seen)
        match steps:
            case []:
                asking.given()
                return self._plain(asking, described.collection(asking.root, seen, await self._store.extent(seen)), trail)
            case ["queryables"]:
                return self._queryables(asking, seen)
            case ["items"]:
                return await self._items(asking, seen)
            case ["items", fid]:
                return await self._item(asking, seen, fid)
            case ["tiles"]:
                asking.given()
                document = described.tilesets(asking.root, seen)
                return self._plain(asking, document, trail, title=_("矢量瓦片"), also=document["tilesets"][0])
            case ["tiles", tiles.MATRIX_SET]:
                asking.given()
                return self._plain(asking, described.tileset(asking.root, seen, await self._store.extent(seen)), trail)
            case ["tiles", tiles.MATRIX_SET, "tilejson.json"]:
                asking.given()
                credits = await self._store.credits(seen)
                return _json(described.tilejson(asking.root, seen, await self._store.extent(seen), credits))
            case ["tiles", tiles.MATRIX_SET, zoom, row, column]:
                asking.given()
                return await self._tile(seen, _tile(zoom, row, column))
        raise NotFound("There is nothing here. The collection's links say what there is.")

    def _plain(
        self, asking: Asking, document: dict[str, Any], trail: list[tuple[str, str]], *, title: str = "",
        also: dict[str, Any] | None = None, tables: tuple[Table, ...] = (), kind: str = described.JSON,
    ) -> Answer:  # fmt: skip
        if not asking.page:
            return _json(document, kind)
        told = {"title": title, **document, **({"links": also["links"], "description": also["description"]} if also else {})}
        page = pages.links_page(told, trail, asking.as_json(), tables)
        return _html(pages.render(page, asking.root))

    def _conformance(self, asking: Asking) -> Answer:
        asking.given()
        rows = [[Cell(uri)] for uri in described.CONFORMANCE]
        return self._plain(
            asking, {"conformsTo": described.CONFORMANCE}, pages.crumbs(asking.root), title=_("符合的标准"),
            tables=(Table(_("符合类"), [], rows),),
        )  # fmt: skip

    def _api(self, asking: Asking) -> Answer:
        document = openapi.document(asking.root, asking.layers.values())
        rows = [[Cell(path), Cell(one["get"]["summary"])] for path, one in document["paths"].items()]
        return self._plain(
            asking, document, pages.crumbs(asking.root), title=_("接口说明"), kind=described.OPENAPI,
            tables=(Table("GET", [_("地址"), _("说明")], rows),),
        )  # fmt: skip

    async def _collections(self, asking: Asking) -> Answer:
        asking.given()
        found = [described.collection(asking.root, seen, await self._store.extent(seen)) for seen in asking.layers.values()]
        rows = [
            [Cell(one["title"], f"{asking.root}/collections/{one['id']}?f=html"), Cell(one["id"]), Cell(one["description"])]
            for one in found
        ]
        return self._plain(
            asking, described.collections(asking.root, found), pages.crumbs(asking.root), title=_("图层"),
            tables=(Table(_("图层"), [_("名称"), _("编码"), _("说明")], rows),),
        )  # fmt: skip

    def _matrix_sets(self, asking: Asking) -> Answer:
        asking.given()
        one = described.matrix_set(asking.root)
        listed = {"id": one["id"], "title": one["title"], "uri": one["uri"], "crs": one["crs"], "links": one["links"]}
        return self._plain(
            asking, {"tileMatrixSets": [listed]}, pages.crumbs(asking.root), title=_("瓦片矩阵集"),
            tables=(Table(_("瓦片矩阵集"), [], [[Cell(one["id"], one["links"][0]["href"])]]),),
        )  # fmt: skip

    def _queryables(self, asking: Asking, seen: Seen) -> Answer:
        asking.given()
        document = described.queryables(asking.root, seen)
        rows = [
            [Cell(one["title"]), Cell(key), Cell(one.get("format") or one.get("type", "")), Cell(one.get("x-ogc-unit", ""))]
            for key, one in document["properties"].items()
        ]
        table = Table(_("可查询的属性"), [_("名称"), _("键"), _("类型"), _("单位")], rows)
        return self._plain(asking, document, pages.layer_crumbs(asking.root, seen), tables=(table,), kind=described.SCHEMA)

    async def _items(self, asking: Asking, seen: Seen) -> Answer:
        columns = [key for key, one in seen.columns.items() if one.filterable and key not in KNOWN]
        given = parameters(asking.query, (*KNOWN, *columns))
        question = ("items", seen.view, asking.query, asking.root, asking.page, translation.get_language() if asking.page else "")
        asked = read_asked(given, seen, self._store.zone)

        async def make(version: Hashable | None) -> Answer:
            async with self._store.connection() as conn:
                boundaries = await self._store.boundaries(conn, seen)
                zone = self._store.zone
                selection = await items.select(seen, asked, Relations(conn, seen, boundaries), zone)
                counted = ("count", seen.view, selection.sql, _frozen(selection.params))
                matched: Any = self._store.kept.get(counted, version)
                page: items.Page | Written
                if is_writable(seen, asked) and not asking.page:
                    page = await write(conn, seen, asked, selection, counting=matched is None and asked.narrow)
                else:
                    page = await items.fetch(conn, seen, asked, selection, boundaries)
                if matched is None:
                    matched = page.matched if page.matched is not None else await items.count(conn, selection)
                    self._store.kept.put(counted, version, matched, 1_000)
            here = f"{asking.root}/collections/{seen.key}"
            kept = {key: value for key, value in given.items() if key not in ("f", "cursor")}

            def address(**more: str) -> str:
                return f"{here}/items?{urlencode({**kept, **more})}"

            cursor = {"cursor": given["cursor"]} if "cursor" in given else {}
            links = [
                described.link(address(**cursor, f="json"), "self", described.GEOJSON, _("本页")),
                described.link(address(**cursor, f="html"), "alternate", described.HTML, _("本页（网页）")),
                described.link(here, "collection", described.JSON, _(seen.title)),
            ]
            if page.cursor is not None:
                form = "html" if asking.page else "json"
                links.append(described.link(address(cursor=page.cursor, f=form), "next", described.GEOJSON, _("下一页")))
            document = {
                "type": "FeatureCollection",
                "numberMatched": matched,
                "numberReturned": page.returned,
                "features": page.features,
                "links": links,
            }
            if asking.page:
                return _html(pages.render(pages.features_page(asking.root, seen, document, given, asking.as_json()), asking.root))
            answer = _json(document, described.GEOJSON)
            answer.links = (("content-crs", f"<{asked.reference.uri}>"),)
            return answer

        return await self._store.once(question, seen, make)

    async def _item(self, asking: Asking, seen: Seen, fid: str) -> Answer:
        reference = reference_of(asking.given("crs").get("crs"), "crs")
        async with self._store.connection() as conn:
            boundaries = await self._store.boundaries(conn, seen)
            feature = await items.fetch_one(conn, seen, fid, reference, boundaries, self._store.zone)
        if asking.page:
            return _html(pages.render(pages.feature_page(asking.root, seen, feature, asking.as_json()), asking.root))
        here = f"{asking.root}/collections/{seen.key}"
        own = f"{asking.root}{asking.request.raw_path}"
        feature["links"] = [
            described.link(f"{own}?f=json", "self", described.GEOJSON, feature["id"]),
            described.link(f"{own}?f=html", "alternate", described.HTML, feature["id"]),
            described.link(here, "collection", described.JSON, _(seen.title)),
        ]
        answer = _json(feature, described.GEOJSON)
        answer.links = (("content-crs", f"<{reference.uri}>"),)
        return answer

    async def _tile(self, seen: Seen, tile: tiles.Tile) -> Answer:
        async def make(_version: Hashable | None) -> Answer:
            async with self._store.connection() as conn:
                boundaries = await self._store.boundaries(conn, seen)
                return Answer(await tiles.draw(conn, seen, tile, boundaries, self._store.zone), described.MVT)

        return await self._store.once(("tile", seen.view, tile), seen, make)


def parameters_loosely(query: str) -> dict[str, str]:
    """Return the parameters of an address as they are; they are checked where they are used."""
    return dict(parse_qsl(query, keep_blank_values=True))


def _tile(*texts: str) -> tiles.Tile:
    if not all(text.isascii() and text.isdigit() and len(text) <= 8 for text in texts):
        raise NotFound(f"There is no tile {'/'.join(texts)[:60]}: level, row and column are whole numbers.")
    zoom, row, column = map(int, texts)
    return tiles.Tile(zoom, row, column)


def _frozen(params: dict[str, Any]) -> Hashable:
    return tuple(sorted((key, tuple(value) if isinstance(value, list) else value) for key, value in params.items()))


def _json(document: Any, kind: str = described.JSON) -> Answer:
    return Answer(msgspec.json.encode(document), kind)


def _html(body: bytes) -> Answer:
    return Answer(body, "text/html; charset=utf-8")


def _prefers_html(accept: str) -> bool:
    """Say whether a browser asks: it names text/html before anything with JSON in it."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    html = kinds.index("text/html") if "text/html" in kinds else None
    json = next((place for place, kind in enumerate(kinds) if kind.endswith("json")), None)
    return html is not None and (json is None or html < json)


def _language(accept: str) -> str:
    first = next((part.strip().lower() for part in accept.split(",") if part.strip()), "")
    return "en" if first.startswith("en") else "zh-hans"


def _reply(answer: Answer, request: Request) -> Reply:
    headers = [
        ("etag", answer.tag), ("cache-control", "private, no-cache"),
        ("vary", "accept, accept-encoding, accept-language, authorization"), *answer.links,
    ]  # fmt: skip
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if answer.tag in tags or tags == ["*"]:
        return Reply(304, headers=tuple(headers))
    if not answer.body:
        return Reply(204, headers=tuple(headers))
    body = answer.body
    if len(body) >= SMALLEST_ZIPPED and "gzip" in request.headers.get("accept-encoding", ""):
        body = answer.zipped
        headers.append(("content-encoding", "gzip"))
    return Reply(200, body, answer.content_type, tuple(headers))


def _told(problem: Problem) -> Reply:
    """Return a Problem as OGC API writes one."""
    status = status_of(problem)
    headers = {405: (("allow", "GET, HEAD"),), 503: (("retry-after", "1"),)}.get(status, ())
    return Reply(status, msgspec.json.encode({"code": problem.code, "description": problem.sentence}), headers=headers)
