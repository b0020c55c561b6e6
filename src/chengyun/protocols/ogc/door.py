# SPDX-License-Identifier: Apache-2.0
"""OGC API Features and Tiles of every layer, under /ogc: addresses in, documents out; layers.py decides who sees what.

    /  /api  /conformance  /collections  /collections/{layer}  …/queryables  …/items  …/items/{feature}
    …/tiles  …/tiles/WebMercatorQuad  …/tilejson.json  …/{z}/{y}/{x}      /tileMatrixSets

Features and tiles are kept, as made, until something they show changes (watch.py); every answer has an ETag.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec
from django.utils import translation
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.collect.wire import status_of
from chengyun.errors import NotFound, Problem, Refused, nearest
from chengyun.protocols.door import Door, Given, Reply, Request
from chengyun.protocols.ogc import described, items, openapi, pages, tiles
from chengyun.protocols.ogc.asked import KNOWN, parameters, read_asked
from chengyun.protocols.ogc.keep import SMALLEST_ZIPPED, Answer, Kept
from chengyun.protocols.ogc.layers import Seen, see_all
from chengyun.protocols.ogc.pages import Cell, Table
from chengyun.protocols.ogc.places import Boundaries, Box, Conn, Relations, read_boundaries
from chengyun.protocols.ogc.reference import reference_of
from chengyun.protocols.ogc.watch import Watch

__all__ = ["OgcDoor", "open_door"]

SEEN_FOR_S = 5.0
"""How long a grant that was withdrawn may still be used."""
MOST_READERS = 1_000
DEAR_AT_ONCE = 2
"""Questions that are computed at a time; the pool's other connections are for other doors."""


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
    """One process's door: what it keeps, and the way to an answer."""

    prefix = "/ogc"

    def __init__(self) -> None:
        self._kept = Kept()
        self._making: dict[Hashable, asyncio.Future[Answer]] = {}
        self._readers: dict[Actor, tuple[float, dict[str, Seen]]] = {}
        self._dear = asyncio.Semaphore(DEAR_AT_ONCE)

    async def open(self, given: Given) -> None:
        self._given = given
        self._watch = Watch(given.config.dsn(), given.pool)
        await self._watch.open()

    async def close(self) -> None:
        await self._watch.close()

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
        asking = Asking(request, await self._see(request.visitor.actor), page, request.query)
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
                return self._plain(asking, described.collection(asking.root, seen, await self._extent(seen)), trail)
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
                return self._plain(asking, described.tileset(asking.root, seen, await self._extent(seen)), trail)
            case ["tiles", tiles.MATRIX_SET, "tilejson.json"]:
                asking.given()
                credits = await self._credits(seen)
                return _json(described.tilejson(asking.root, seen, await self._extent(seen), credits))
            case ["tiles", tiles.MATRIX_SET, zoom, row, column]:
                asking.given()
                return await self._tile(seen, _tile(zoom, row, column))
        raise NotFound("There is nothing here. The collection's links say what there is.")

    # Documents

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
        found = [described.collection(asking.root, seen, await self._extent(seen)) for seen in asking.layers.values()]
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

    # Features

    async def _items(self, asking: Asking, seen: Seen) -> Answer:
        columns = [key for key, one in seen.columns.items() if one.filterable and key not in KNOWN]
        given = parameters(asking.query, (*KNOWN, *columns))
        question = ("items", seen.view, asking.query, asking.root, asking.page, translation.get_language() if asking.page else "")
        asked = read_asked(given, seen, self._given.config.zone)

        async def make(version: Hashable | None) -> Answer:
            async with self._connection() as conn:
                boundaries = await self._boundaries(conn, seen)
                zone = self._given.config.zone
                selection = await items.select(seen, asked, Relations(conn, seen, boundaries), zone)
                counted = ("count", seen.view, selection.sql, _frozen(selection.params))
                matched: Any = self._kept.get(counted, version)
                if matched is None:
                    matched = await items.count(conn, selection)
                    self._kept.put(counted, version, matched, 1_000)
                page = await items.fetch(conn, seen, asked, selection, boundaries)
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
                "numberReturned": len(page.features),
                "features": page.features,
                "links": links,
            }
            if asking.page:
                return _html(pages.render(pages.features_page(asking.root, seen, document, given, asking.as_json()), asking.root))
            answer = _json(document, described.GEOJSON)
            answer.links = (("content-crs", f"<{asked.reference.uri}>"),)
            return answer

        return await self._once(question, seen, make)

    async def _item(self, asking: Asking, seen: Seen, fid: str) -> Answer:
        reference = reference_of(asking.given("crs").get("crs"), "crs")
        async with self._connection() as conn:
            boundaries = await self._boundaries(conn, seen)
            feature = await items.fetch_one(conn, seen, fid, reference, boundaries, self._given.config.zone)
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

    # Tiles

    async def _tile(self, seen: Seen, tile: tiles.Tile) -> Answer:
        async def make(_version: Hashable | None) -> Answer:
            async with self._connection() as conn:
                boundaries = await self._boundaries(conn, seen)
                return Answer(await tiles.draw(conn, seen, tile, boundaries, self._given.config.zone), described.MVT)

        return await self._once(("tile", seen.view, tile), seen, make)

    # What is kept

    async def _once(self, question: Hashable, seen: Seen, make: Callable[[Hashable | None], Awaitable[Answer]]) -> Answer:
        """Return an answer as it was kept, or make it; who asks the same meanwhile waits for that one."""
        version = await self._version(seen)
        kept = self._kept.get(question, version)
        if isinstance(kept, Answer):
            return kept
        under_way = (question, version)
        if version is not None and under_way in self._making:
            return await asyncio.shield(self._making[under_way])
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._making[under_way] = future
        try:
            answer = await make(version)
        except BaseException as wrong:
            # Whoever waits is told the same, except that the first one has gone away.
            if isinstance(wrong, Exception):
                future.set_exception(wrong)
                future.exception()
            else:
                future.cancel()
            raise
        else:
            future.set_result(answer)
            self._kept.put(question, version, answer, answer.size)
            return answer
        finally:
            self._making.pop(under_way, None)

    async def _version(self, seen: Seen) -> Hashable | None:
        version = await self._watch.version(seen)
        return None if version is None else (version, dt.datetime.now(self._given.config.zone).date())

    async def _see(self, actor: Actor) -> dict[str, Seen]:
        known = self._readers.get(actor)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        layers = await asyncio.to_thread(_see, self._given, actor)
        if len(self._readers) >= MOST_READERS:
            self._readers.clear()
        self._readers[actor] = (time.monotonic() + SEEN_FOR_S, layers)
        return layers

    async def _boundaries(self, conn: Conn, seen: Seen) -> Boundaries | None:
        if seen.geometry == "point":
            return None
        version = await self._version(seen)
        kept = self._kept.get(("boundaries", seen.level), version)
        if isinstance(kept, Boundaries):
            return kept
        found = await read_boundaries(conn, seen.level)
        self._kept.put(("boundaries", seen.level), version, found, found.size)
        return found

    async def _extent(self, seen: Seen) -> Box | None:
        """Return west, south, east, north of a layer; None when nothing in it has a place."""
        version = await self._version(seen)
        kept: Any = self._kept.get(("extent", seen.view), version)
        if kept is not None:
            return kept or None
        async with self._connection() as conn:
            boundaries = await self._boundaries(conn, seen)
            if boundaries is not None:
                box = boundaries.extent
            else:
                lon, lat, base = seen.lon, seen.lat, items.standing(seen, self._given.config.zone)
                told = items.question(f"min({lon}), min({lat}), max({lon}), max({lat})", base.sql)
                row: Any = await (await items.run(conn, told, base.params)).fetchone()
                box = tuple(row) if row and None not in row else None
        self._kept.put(("extent", seen.view), version, box or (), 200)
        return box

    async def _credits(self, seen: Seen) -> str:
        """Return whose data a layer is, as its rows say; of few sources."""
        if "source" not in seen.columns or seen.limited is not None:
            return ""
        base = items.standing(seen, self._given.config.zone)
        async with self._connection() as conn:
            told = items.question(f"DISTINCT {seen.columns['source'].sql}", f"{base.sql} LIMIT 6")
            rows: list[Any] = await (await items.run(conn, told, base.params)).fetchall()
        return "; ".join(sorted(row[0] for row in rows if row[0])) if len(rows) < 6 else ""

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Conn]:
        async with self._dear, self._given.pool.connection() as conn:
            yield conn


def parameters_loosely(query: str) -> dict[str, str]:
    """Return the parameters of an address as they are; they are checked where they are used."""
    from urllib.parse import parse_qsl

    return dict(parse_qsl(query, keep_blank_values=True))


def _see(given: Given, actor: Actor) -> dict[str, Seen]:
    from django.db import close_old_connections

    close_old_connections()
    try:
        # Titles are declared in Chinese and translated when they are shown.
        with translation.override("zh-hans"):
            return see_all(given.city, actor)
    finally:
        close_old_connections()


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
