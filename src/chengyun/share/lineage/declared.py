# SPDX-License-Identifier: Apache-2.0
"""The part of the graph that a city's declarations say: files, topics, registers, streams, dated tables, alerts, cases, pages.

What formulas and quality rules say stands in formulas.py, evaluation in evaluated.py, what an installation adds while it runs in
runtime.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from django.apps import apps
from django.utils.translation.trans_null import gettext_noop as _  # asks for no settings

from chengyun.city import Above, AlertRule, Below, City, Entity, Feed, Page, Quantity, Ref, Silent, Stream, qualify
from chengyun.city.pages import Calendar, Chart, MapLayer, Table, Tiles
from chengyun.city.words import Topic
from chengyun.share.lineage.shapes import EVERY, Column, Edge, How, Item, Place

__all__ = ["CASE_FIELDS", "DOORS", "DERIVED_CODES", "alert_parts", "declared_parts", "register_columns", "written_at"]

Part = Place | Edge

DERIVED_CODES = (("street_code", _("街道编码")), ("district_code", _("区县编码")), ("city_code", _("城市编码")))
"""What a formula finds beside area_code in a register: its first digits (lake.books)."""

_OF_EVERY_REGISTER = (
    Item("key", _("编码"), "C"), Item("name", _("名称"), "C"), Item("area_code", _("区域"), "C"), Item("lon", _("经度"), "N"),
    Item("lat", _("纬度"), "N"), Item("valid_from", _("启用日期"), "D"), Item("valid_to", _("停用日期"), "D"),
    Item("simulated", _("模拟"), "L"), Item("source", _("来源"), "C"),
)  # fmt: skip

CASE_FIELDS = tuple(
    Item(key, name, letter)
    for key, name, letter in (
        ("number", _("编号"), "C"),
        ("title", _("标题"), "C"),
        ("state", _("状态"), "C"),
        ("category", _("类别"), "C"),
        ("owner", _("责任部门"), "C"),
        ("area_code", _("区域"), "C"),
        ("lon", _("经度"), "N"),
        ("lat", _("纬度"), "N"),
        ("opened_at", _("立案时间"), "T"),
        ("due_at", _("期限"), "T"),
        ("closed_at", _("结案时间"), "T"),
        ("alert", _("预警"), "C"),
        ("evidence", _("依据"), "C"),
    )
)

DOORS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("api", _("数据接口 /api/v1"), frozenset({"entity", "stream", "indicator"})),
    ("sensorthings", "SensorThings API", frozenset({"stream"})),
    ("ngsild", "NGSI-LD", frozenset({"entity", "stream", "indicator"})),
    ("ogc", "OGC API", frozenset({"entity", "stream", "indicator"})),
    ("lake", _("湖表 Iceberg"), frozenset({"stream"})),
)
"""Ways data leaves by, each a thin view of the same store: key, name, the kinds that go out there."""

_DJANGO_TYPES = {
    "CharField": "C", "TextField": "C", "DateField": "D", "DateTimeField": "T", "BooleanField": "L", "BinaryField": "B",
    "JSONField": "C", "ForeignKey": "C",
}  # fmt: skip


def declared_parts(city: City) -> Iterator[Part]:
    """Yield the places and edges of everything declared but formulas."""
    for key, entity in city.entities.items():
        yield from _entity(city, key, entity)
    for key, stream in city.streams.items():
        yield from _stream(key, stream)
    for key, feed in city.feeds.items():
        yield from _feed(city, key, feed)
    for key, stated in city.register_feeds.items():
        place, entity, at = f"feed:{key}", qualify(key.split(".")[0], stated.entity), stated.at
        yield Place(place, "feed", stated.name, (Item("content", _("文件内容")),), "sources", at)
        for item in register_columns(city, entity):
            said = f"{stated.read.__name__}()"
            yield Edge(Column(place, "content"), Column(entity, item.key), "transformation", said, written_at(stated.read, at))
    for key, topic in city.topics.items():
        yield from _topic(city, key, topic)
    for pack in city.packs.values():
        for table in pack.limits:
            editions = pack.limits.editions(table)
            names = dict.fromkeys(chain.from_iterable(edition.values for edition in editions))
            items = tuple(Item(name, name, "", editions[-1].unit or "") for name in names)
            yield Place(f"limit:{pack.key}.{table}", "limit", table, items, at=pack.limits.file)
    for key, alert in city.alerts.items():
        yield from alert_parts(city, key, alert, alert.at)
    for key, kind in city.cases.items():
        yield Place(key, "case", kind.name, CASE_FIELDS, key, kind.at)
        for state in kind.states:
            if isinstance(state.limit, str):
                limit = Column(f"limit:{key.split('.')[0]}.{state.limit}", "value")
                yield Edge(limit, Column(key, "due_at"), "transformation", f"{state.name} limit={state.limit}", kind.at)
    for key, page in city.pages.items():
        yield from _page(city, key, page)
    yield from _doors(city)


def register_columns(city: City, key: str) -> tuple[Item, ...]:
    """Return a register's columns: of its model, or those of every register where the model is not installed."""
    try:
        model = apps.get_model(key.split(".")[0], city.entities[key].model)
    except LookupError:
        return _OF_EVERY_REGISTER
    return tuple(
        Item(
            field.attname if field.is_relation else field.name,
            str(field.verbose_name),
            _DJANGO_TYPES.get(type(field).__name__, "N"),
        )
        for field in model._meta.concrete_fields
        if not field.primary_key
    )


def _entity(city: City, key: str, entity: Entity) -> Iterator[Part]:
    at = entity.at  # type: ignore[attr-defined]
    derived = tuple(Item(name, said, "C") for name, said in DERIVED_CODES)
    columns = register_columns(city, key)
    taken = {one.key for one in columns}
    derived = tuple(one for one in derived if one.key not in taken)
    yield Place(key, "entity", entity.name, (*columns, *derived), key, at)
    for field, other in entity.refers.items():
        yield Edge(Column(qualify(key.split(".")[0], other), "key"), Column(key, field), "join", f"{field} → {other}.key", at)
    for one in derived:
        yield Edge(Column(key, "area_code"), Column(key, one.key), "transformation", f"left(area_code, …) AS {one.key}", at)


def _stream(key: str, stream: Stream) -> Iterator[Part]:
    at = stream.at  # type: ignore[attr-defined]
    pack = key.split(".")[0]
    items = [Item(stream.entity.key, stream.entity.name or stream.entity.key, "C"), Item(stream.time, _("观测时间"), "T")]
    for field in stream.fields:
        match field:
            case Quantity():
                items.append(Item(field.key, field.name, "N", field.unit))
            case Ref():
                pass
            case _:
                items.append(Item(field.key, field.name, "C"))
    items += [Item("quality", _("质量标记"), "N"), Item("seq", _("行号"), "N")]
    yield Place(key, "stream", stream.name, tuple(items), key, at)
    entity = qualify(pack, stream.entity.to)
    yield Edge(
        Column(entity, "key"),
        Column(key, stream.entity.key),
        "join",
        f"{stream.entity.key} → {entity}.key",
        _at(stream.entity, at),
    )
    for quantity in stream.quantities:
        said = f"valid {quantity.valid[0]:g}–{quantity.valid[1]:g}"
        yield Edge(Column(key, quantity.key), Column(key, "quality"), "conditional", said, _at(quantity, at))
    yield Edge(Column(key, stream.time), Column(key, "quality"), "conditional", f"late_after {stream.late_after}", at)


def _feed(city: City, key: str, feed: Feed) -> Iterator[Part]:
    at = feed.at  # type: ignore[attr-defined]
    place, to = f"feed:{key}", qualify(key.split(".")[0], feed.stream)
    stream: Stream = city.streams[to]
    read = written_at(feed.read, at)
    if feed.columns is None:
        yield Place(place, "feed", feed.name, (Item("content", _("文件内容")),), "sources", at)
        for column in stream.columns:
            yield Edge(Column(place, "content"), Column(to, column), "transformation", f"{feed.read.__name__}()", read)
        return
    made = feed.columns
    yield Place(place, "feed", feed.name, tuple(Item(name, name) for name in made.needed), "sources", at)
    where = made.at  # type: ignore[attr-defined]
    for column, distinct in ((stream.entity.key, made.entity), (stream.time, made.time), *made.words.items()):
        for name in distinct.columns:
            yield Edge(Column(place, name), Column(to, column), "transformation", f"{distinct.make.__name__}()", where)
    for column, number in made.numbers.items():
        how: How = "transformation" if number.shift else "identity"
        said = f"{number.column} × 10^{number.shift}" if number.shift else number.column
        yield Edge(Column(place, number.column), Column(to, column), how, said, where)


def _topic(city: City, key: str, topic: Topic) -> Iterator[Part]:
    at = topic.at  # type: ignore[attr-defined]
    place, to = f"topic:{key}", qualify(key.split(".")[0], topic.stream)
    stream: Stream = city.streams[to]
    renamed = {column: name for name, column in topic.fields.items()}
    names = {column: renamed.get(column, column) for column in stream.columns}
    yield Place(place, "topic", topic.pattern, tuple(Item(name, name) for name in names.values()), "sources", at)
    for column, name in names.items():
        yield Edge(Column(place, name), Column(to, column), "identity", topic.pattern, at)


def alert_parts(city: City, key: str, rule: AlertRule, at: str) -> Iterator[Part]:
    """Yield the place of an alert rule and what leads to it and on. at: where it is written."""
    pack = key.split(".")[0]
    place, on = f"alert:{key}", qualify(pack, rule.on)
    columns = (Item("subject", _("对象"), "C"), Item("value", _("数值"), "N"), Item("raised", _("发出"), "L"))
    yield Place(place, "alert", rule.name, columns, on, at)
    stream: Stream | None = city.streams.get(on)
    subject, watched = (stream.entity.key, rule.field or stream.time) if stream else ("subject", city.indicators[on].value)
    if stream and isinstance(rule.when, Silent):
        watched = stream.time
    yield Edge(Column(on, subject), Column(place, "subject"), "identity", subject, at)
    yield Edge(Column(on, watched), Column(place, "value"), "identity", watched, at)
    said = f"{type(rule.when).__name__}({_limit_of(rule)})"
    yield Edge(Column(place, "value"), Column(place, "raised"), "transformation", said, at)
    if isinstance(rule.when, Above | Below) and isinstance(rule.when.limit, str):
        table, _colon, entry = rule.when.limit.partition(":")
        yield Edge(Column(f"limit:{pack}.{table}", entry), Column(place, "raised"), "conditional", said, at)
    if rule.opens:
        case = qualify(pack, rule.opens)
        yield Edge(Column(place, "raised"), Column(case, "alert"), "transformation", f"opens={rule.opens}", at)
        yield Edge(Column(place, "value"), Column(case, "evidence"), "identity", f"opens={rule.opens}", at)
        yield Edge(Column(place, "subject"), Column(case, "area_code"), "transformation", f"opens={rule.opens}", at)


def _limit_of(rule: AlertRule) -> str:
    when = rule.when
    return str(getattr(when, "limit", None) or getattr(when, "by", None) or getattr(when, "after", ""))


def _page(city: City, key: str, page: Page) -> Iterator[Part]:
    at = page.at  # type: ignore[attr-defined]
    pack, place = key.split(".")[0], f"page:{key}"
    yield Place(place, "page", page.name, tuple(Item(_panel(n), panel.name) for n, panel in enumerate(page.panels)), at=at)
    for number, panel in enumerate(page.panels):
        target = Column(place, _panel(number))
        for column in _shown(city, pack, panel):
            yield Edge(column, target, "identity", type(panel).__name__, _at(panel, at))


def _panel(number: int) -> str:
    return f"panel_{number + 1}"


def _shown(city: City, pack: str, panel: object) -> Iterator[Column]:
    """Yield the columns a panel shows."""

    def figure(key: str | None) -> Iterator[Column]:
        if key is not None:
            name = qualify(pack, key)
            yield Column(name, city.indicators[name].value)

    match panel:
        case Tiles():
            yield from chain.from_iterable(map(figure, panel.indicators))
        case Table():
            yield from chain.from_iterable(map(figure, panel.indicators))
            yield from (Column(qualify(pack, panel.indicators[0]), column) for column in panel.columns)
        case Calendar():
            yield from figure(panel.indicator)
        case Chart():
            yield from chain.from_iterable(map(figure, panel.indicators))
            yield from (Column(qualify(pack, str(panel.stream)), field) for field in panel.fields)
        case MapLayer():
            for column in ("key", "lon", "lat"):
                yield Column(qualify(pack, panel.entity), column)
            yield from figure(panel.indicator)
            yield from figure(panel.areas)
            if panel.stream and panel.field:
                yield Column(qualify(pack, panel.stream), panel.field)


def _doors(city: City) -> Iterator[Part]:
    for kind, among in (("entity", city.entities), ("stream", city.streams), ("indicator", city.indicators)):
        for key, it in among.items():
            # One place for each dataset: who may not see the dataset does not learn here that it goes out.
            place = f"door:{key}"
            out = tuple(Item(door, name) for door, name, taken in DOORS if kind in taken)
            yield Place(place, "door", it.name, out, key)
            for item in out:
                yield Edge(Column(key, EVERY), Column(place, item.key), "identity", item.name)


def _at(declared: object, otherwise: str) -> str:
    return str(getattr(declared, "at", otherwise))


def written_at(function: Callable[..., object], otherwise: str) -> str:
    """Return file and line of a function, in the manner of declarations; `otherwise` for one not written in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return otherwise
    file = Path(code.co_filename)
    return f"{file.parent.name}/{file.name}:{code.co_firstlineno}"
