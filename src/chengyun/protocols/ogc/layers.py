# SPDX-License-Identifier: Apache-2.0
"""What the door offers: every layer of the city, derived from declarations and models, and what of it an actor may see.

    areas.<level>      areas in force, with their boundaries
    <pack>.<entity>    a register, each thing with the newest valid values of every stream about it
    alerts, cases      what needs attention and what is worked on, where policy lets the actor see it

`Seen` is a layer under access.policy: the rows, joined streams and columns that one reader may read, as SQL. Nothing else in
this package decides who sees what. Registers of persons are no layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.apps import apps
from django.db import connection, models

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.access.predicates import Everything
from chengyun.access.rulebook import rulebook
from chengyun.city import City, Code, Stream, qualify
from chengyun.lake.tables import quote, register_table, stream_table
from chengyun.standards.divisions import LEVELS

__all__ = ["Column", "Seen", "Type", "see_all"]

Type = Literal["text", "integer", "number", "boolean", "date", "instant"]
Geometry = Literal["point", "polygon"]

LEVEL_NAMES = {"city": "市", "district": "区县", "street": "街道", "community": "社区", "grid": "网格"}
ABOUT_REGISTER = "登记册，附各感知流最新有效值。"
AREA_ID = "(CASE WHEN r.valid_to IS NULL THEN r.code ELSE r.code || '@' || r.valid_from END)"
"""The code; of an area that has ended, with its first day, because codes come again."""
NEVER_SINCE = "DATE '0001-01-01'"
"""What the area tree writes when a source does not say since when; shown as unknown."""


@dataclass(frozen=True, slots=True)
class Column:
    """One property of a feature. field: what policy calls it. title: Chinese. unit: of chengyun.standards.units, or ""."""

    key: str
    sql: str
    type: Type
    title: str
    field: str
    unit: str = ""
    codes: Mapping[str, str] | None = None
    filterable: bool = True


@dataclass(frozen=True)
class Seen:
    """A layer as one reader sees it.

    source: FROM and its joins; `r` is the layer's own table. where: rows that may be seen; today: those in force, for questions
    without a time. params: of source, where and columns. id, find, lon, lat, since, until: SQL over them; find: whether a row is
    the one called %(fid)s; lon is "" for polygons. today is told %(today)s.
    ends_before: until is the first day it no longer holds. limited: the scope that masks fields row by row, or None.
    tables, streams: what a change of changes the layer. view: equal for readers who see the same.
    """

    key: str
    title: str
    about: str
    geometry: Geometry
    source: str
    where: str
    today: str
    params: Mapping[str, Any]
    id: str
    find: str
    lon: str
    lat: str
    since: str
    until: str
    ends_before: bool
    columns: Mapping[str, Column]
    limited: Scope | None
    area_field: str
    tables: tuple[str, ...]
    streams: tuple[str, ...]
    level: str = ""

    @property
    def view(self) -> tuple[object, ...]:
        """Return what answers are kept under: the same for readers who may see the same rows and fields."""
        params = tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in sorted(self.params.items()))
        return (self.key, self.source, self.where, params, tuple(self.columns), self._limits)

    @property
    def _limits(self) -> object:
        return self.limited and tuple(
            (repr(one.rows), tuple(sorted(one.masks.items())), one.hidden, one.only) for one in self.limited.layers
        )

    def mask(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return a row as it may be shown. values: property → value, of every column."""
        if self.limited is None:
            return values
        fields = {column.field: values[key] for key, column in self.columns.items()}
        shown = self.limited.mask(fields, self.area_field)
        return {key: shown[column.field] for key, column in self.columns.items() if column.field in shown}


@dataclass
class _Parts:
    """SQL of a layer while it is put together."""

    joins: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)

    def rows(self, allowed: Scope, alias: str, area: str = "area_code", time: str = "") -> str:
        """Return a scope's rows as SQL on an alias; its parameters get names of their own.

        time: the column a row speaks of, where it is not the dataset's own beside the area.
        """
        if isinstance(allowed.rows, Everything):
            return "true"
        at = time or (f"{alias}.{allowed.time}" if allowed.time else None)
        text, params = allowed.sql(f"{alias}.{area}", "postgres", at)
        number = len(self.params)
        self.params |= {f"p{number}_{name}": value for name, value in params.items()}
        return re.sub(r"%\((\w+)\)s", rf"%(p{number}_\1)s", text)

    def add(self, allowed: Scope, *columns: Column) -> None:
        """Add columns, those that are masked or hidden for some row as not to be filtered by."""
        for one in columns:
            kept = allowed.may_filter(one.field)
            self.columns[one.key] = one if kept else Column(
                one.key, one.sql, one.type, one.title, one.field, one.unit, one.codes, filterable=False
            )  # fmt: skip


def see_all(city: City, actor: Actor) -> dict[str, Seen]:
    """Return the layers an actor may see, by id, in their order. Asks the database for grants."""
    found = [*_areas(actor), *_entities(city, actor), *_alerts(city, actor), *_cases(city, actor)]
    return {one.key: one for one in found}


def _areas(actor: Actor) -> Iterator[Seen]:
    allowed = scope(actor, "areas")
    if not allowed.allowed:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT level FROM areas_area")
        held = {row[0] for row in cursor.fetchall()}
    for level in LEVELS:
        if level not in held:
            continue
        parts = _Parts(tables=["areas_area"])
        own = parts.rows(allowed, "r", "code")
        parts.add(
            allowed,
            Column("code", "r.code", "text", "编码", "code"),
            Column("name", "r.name", "text", "名称", "name"),
            Column("name_en", "r.name_en", "text", "英文名", "name_en"),
            Column("parent_code", "r.parent_code", "text", "上级编码", "parent_code"),
            Column("valid_from", f"NULLIF(r.valid_from, {NEVER_SINCE})", "date", "生效日期", "valid_from"),
            Column("valid_to", "r.valid_to", "date", "失效日期", "valid_to"),
            Column("source", "r.source", "text", "来源", "source"),
        )
        yield Seen(
            key=f"areas.{level}", title=LEVEL_NAMES[level], about="区域边界，WGS-84；不指定时间时为今天有效的区域。",
            geometry="polygon", source="areas_area AS r", where=f"r.level = '{level}' AND {own}",
            today="(r.valid_from <= %(today)s AND (r.valid_to IS NULL OR r.valid_to > %(today)s))",
            params=parts.params, id=AREA_ID, find=f"(r.code = split_part(%(fid)s, '@', 1) AND {AREA_ID} = %(fid)s)",
            lon="", lat="", since=f"NULLIF(r.valid_from, {NEVER_SINCE})", until="r.valid_to", ends_before=True,
            columns=parts.columns, limited=_limiting(allowed), area_field="code", tables=("areas_area",), streams=(), level=level,
        )  # fmt: skip


def _entities(city: City, actor: Actor) -> Iterator[Seen]:
    for name, entity in city.entities.items():
        allowed = scope(actor, name)
        if not _placed(name, allowed):
            continue
        parts = _Parts(tables=[register_table(city, name)])
        own = parts.rows(allowed, "r")
        parts.add(allowed, *_register_columns(city, name))
        for stream_name, stream in city.streams.items():
            if qualify(stream_name.split(".")[0], stream.entity.to) == name:
                _join_stream(city, parts, actor, stream_name, stream)
        table = register_table(city, name)
        yield Seen(
            key=name, title=entity.name, about=ABOUT_REGISTER,
            geometry="point", source=" ".join([f"{table} AS r", *parts.joins]), where=own, today="true", params=parts.params,
            id="r.key", find="r.key = %(fid)s", lon="r.lon", lat="r.lat", since="r.valid_from", until="r.valid_to",
            ends_before=True, columns=parts.columns, limited=_limiting(allowed), area_field="area_code",
            tables=tuple(parts.tables), streams=tuple(parts.streams),
        )  # fmt: skip


def _register_columns(city: City, name: str) -> Iterator[Column]:
    pack = city.packs[name.split(".")[0]]
    model = apps.get_model(pack.module.rsplit(".", 1)[1], city.entities[name].model)
    for one in model._meta.get_fields():
        if not isinstance(one, models.Field) or not one.concrete or one.primary_key or one.name in ("lon", "lat"):
            continue
        kind = _type(one)
        if kind is not None:
            sql = f"r.{quote(str(one.column))}"
            codes = {str(code): str(text) for code, text in one.flatchoices} if one.choices else None
            cast = f"{sql}::float8" if isinstance(one, models.DecimalField) else sql
            yield Column(one.name, cast, kind, str(one.verbose_name), one.name, codes=codes)


def _type(one: models.Field[Any, Any]) -> Type | None:
    kinds: tuple[tuple[type[models.Field[Any, Any]], Type], ...] = (
        (models.BooleanField, "boolean"), (models.IntegerField, "integer"), (models.FloatField, "number"),
        (models.DecimalField, "number"), (models.DateTimeField, "instant"), (models.DateField, "date"),
        (models.CharField, "text"), (models.TextField, "text"),
    )  # fmt: skip
    return next((kind for cls, kind in kinds if isinstance(one, cls)), None)


def _join_stream(city: City, parts: _Parts, actor: Actor, name: str, stream: Stream) -> None:
    """Add the newest row of a stream, where its own scope lets the actor read it; a value known to be wrong is no value."""
    allowed = scope(actor, name)
    if not allowed.allowed:
        return
    table, alias = stream_table(city, name), f"l{len(parts.streams)}"
    parts.joins.append(
        f"LEFT JOIN {table.latest} AS {alias} ON {alias}.entity_id = r.id AND {parts.rows(allowed, 'r', time=f'{alias}.time')}"
    )
    parts.streams.append(name)
    found = [Column(f"{table.key}_{stream.time}", f"{alias}.time", "instant", "时间", stream.time)]
    for bit, one in enumerate(stream.quantities):
        value = f"NULLIF({alias}.{quote(one.key)}, 'NaN')"
        valid = f"CASE WHEN ({alias}.quality >> {8 + bit}) & 1 = 0 THEN {value} END"
        found.append(Column(f"{table.key}_{one.key}", valid, "number", one.name, one.key, unit=one.unit))
    for word in stream.words:
        codes = word.codes if isinstance(word, Code) else None
        found.append(Column(f"{table.key}_{word.key}", f"{alias}.{quote(word.key)}", "text", word.name, word.key, codes=codes))
    # Row by row masks are of the register's scope; a stream's field that any row hides is left out whole.
    for column in found:
        if allowed.may_filter(column.field):
            parts.columns[column.key] = Column(
                column.key, column.sql, column.type, column.title, f"{name}.{column.field}", column.unit, column.codes
            )  # fmt: skip


def _alerts(city: City, actor: Actor) -> Iterator[Seen]:
    allowed = scope(actor, "alerts")
    if not allowed.allowed:
        return
    parts = _Parts(tables=["operate_alert", "areas_area"])
    own = parts.rows(allowed, "r")
    places = []
    for number, (name, datasets) in enumerate(_watched(city).items()):
        of_subject = scope(actor, name)
        if not _placed(name, of_subject):
            continue
        table, alias = register_table(city, name), f"e{number}"
        parts.params[f"d{number}"] = datasets
        parts.joins.append(
            f"LEFT JOIN {table} AS {alias} ON {alias}.key = r.subject AND r.dataset = ANY(%(d{number})s) "
            f"AND {parts.rows(of_subject, alias)}"
        )
        parts.tables.append(table)
        places.append(alias)
    parts.joins.append("LEFT JOIN areas_area AS a ON a.code = r.subject AND a.valid_to IS NULL")
    places.append("a")
    parts.add(
        allowed,
        Column("rule", "r.rule", "text", "规则", "rule"),
        Column("dataset", "r.dataset", "text", "信息资源", "dataset"),
        Column("subject", "r.subject", "text", "对象", "subject"),
        Column("subject_name", "r.subject_name", "text", "对象名称", "subject_name"),
        Column("area_code", "r.area_code", "text", "区域", "area_code"),
        Column("severity", "r.severity", "text", "级别", "severity"),
        Column("state", "r.state", "text", "状态", "state"),
        Column("holds", "r.holds", "boolean", "条件成立", "holds"),
        Column("value", "r.value", "number", "数值", "value"),
        Column("worst", "r.worst", "number", "极值", "worst"),
        Column("limit", 'r."limit"', "number", "限值", "limit"),
        Column("times", "r.times", "integer", "次数", "times"),
        Column("since", "r.since", "instant", "自", "since"),
        Column("last_seen_at", "r.last_seen_at", "instant", "最近", "last_seen_at"),
        Column("opened_at", "r.opened_at", "instant", "发现", "opened_at"),
        Column("closed_at", "r.closed_at", "instant", "关闭", "closed_at"),
        Column("simulated", "r.simulated", "boolean", "模拟", "simulated"),
    )
    lon, lat = (f"COALESCE({', '.join(f'{alias}.{name}' for alias in places)})" for name in ("lon", "lat"))
    yield Seen(
        key="alerts", title="预警", about="预警及其对象所在位置。", geometry="point",
        source=" ".join(["operate_alert AS r", *parts.joins]), where=own, today="true", params=parts.params,
        id="r.id::text", find="r.id = CASE WHEN %(fid)s ~ '^[0-9]{1,18}$' THEN %(fid)s::bigint END",
        lon=lon, lat=lat, since="r.since", until="COALESCE(r.cleared_at, r.closed_at)", ends_before=False,
        columns=parts.columns, limited=_limiting(allowed), area_field="area_code", tables=tuple(parts.tables), streams=(),
    )  # fmt: skip


def _watched(city: City) -> dict[str, list[str]]:
    """Return the streams and indicators about each register: what alerts about its things name as their dataset."""
    found: dict[str, list[str]] = {}
    for name, stream in city.streams.items():
        found.setdefault(qualify(name.split(".")[0], stream.entity.to), []).append(name)
    for name, indicator in city.indicators.items():
        if indicator.subject != "area":
            found.setdefault(qualify(name.split(".")[0], indicator.subject), []).append(name)
    return found


def _cases(city: City, actor: Actor) -> Iterator[Seen]:
    every = scope(actor, "cases")
    parts = _Parts(tables=["cases_case"])
    allowed = [parts.rows(every, "r")] if every.allowed else []
    for number, name in enumerate(city.cases):
        of_type = scope(actor, name)
        if of_type.allowed:
            parts.params[f"t{number}"] = name
            allowed.append(f"(r.type = %(t{number})s AND {parts.rows(of_type, 'r')})")
    if not allowed:
        return
    parts.joins.append("JOIN access_organisation AS o ON o.id = r.owner_id")
    for one in (
        Column("type", "r.type", "text", "类型", "type"),
        Column("state", "r.state", "text", "状态", "state"),
        Column("ended", "r.ended", "boolean", "已结束", "ended"),
        Column("title", "r.title", "text", "标题", "title"),
        Column("owner", "o.name", "text", "主办单位", "owner"),
        Column("area_code", "r.area_code", "text", "区域", "area_code"),
        Column("opened_at", "r.opened_at", "instant", "立案时间", "opened_at"),
        Column("due_at", "r.due_at", "instant", "时限", "due_at"),
        Column("closed_at", "r.closed_at", "instant", "结案时间", "closed_at"),
        Column("simulated", "r.simulated", "boolean", "模拟", "simulated"),
    ):
        parts.columns[one.key] = one
    yield Seen(
        key="cases", title="案件", about="案件及其位置。", geometry="point", source=" ".join(["cases_case AS r", *parts.joins]),
        where=f"({' OR '.join(allowed)})", today="true", params=parts.params, id="r.number", find="r.number = %(fid)s",
        lon="r.lon", lat="r.lat",
        since="r.opened_at", until="r.closed_at", ends_before=False, columns=parts.columns, limited=None,
        area_field="area_code", tables=("cases_case",), streams=(),
    )  # fmt: skip


def _placed(name: str, allowed: Scope) -> bool:
    """Say whether a register may be a layer: not about persons, and its places as exact as they are known."""
    facts = rulebook().datasets[name]
    return not facts.personal and allowed.allowed and allowed.may_filter("lon") and allowed.may_filter("lat")


def _limiting(allowed: Scope) -> Scope | None:
    return allowed if allowed.masks or allowed.hidden else None
