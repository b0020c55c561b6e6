# SPDX-License-Identifier: Apache-2.0
"""Series for charts: a stream's fields of one entity, or figures of one or more subjects, with as many points as a screen has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from psycopg import sql

from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import Scope, require_scope
from chengyun.city import City, Indicator, Stream, qualify, sql_name
from chengyun.config import config
from chengyun.errors import NotFound, Refused, nearest
from chengyun.operate.queries import newest_figures
from chengyun.web import figures, shown
from chengyun.web.downsample import Point, extremes
from chengyun.web.panels import register
from chengyun.web.places import area_names, districts
from chengyun.web.spans import length_of

STRETCHES = 600
"""A chart is at most about 1,200 pixels wide: two points, the lowest and the highest, for each stretch."""


@dataclass(frozen=True)
class Series:
    """One line. shown: whether it is drawn at first."""

    name: str
    unit: str
    decimals: int
    points: list[Point]
    shown: bool = True


@dataclass(frozen=True)
class ChartData:
    """What a chart and its table show. count: values before points were left out."""

    since: dt.datetime
    until: dt.datetime
    unit: str
    series: tuple[Series, ...]
    count: int
    source: str
    thinned: bool = field(default=False)

    @property
    def description(self) -> str:
        """One sentence that says what the picture shows, for those who do not see it and for its caption."""
        if not self.count:
            return _("这段时间没有数据：%(since)s 至 %(until)s。") % self._span
        said = _("%(names)s，%(since)s 至 %(until)s，共 %(count)d 个值。") % {
            **self._span, "names": shown.listed([series.name for series in self.series if series.shown]), "count": self.count,
        }  # fmt: skip
        return said + (_("每小段只画最低与最高值。") if self.thinned else "")

    @property
    def _span(self) -> dict[str, str]:
        return {"since": shown.moment(self.since), "until": shown.moment(self.until)}

    def as_json(self) -> dict[str, object]:
        return {
            "since": _ms(self.since),
            "until": _ms(self.until),
            "unit": shown.unit(self.unit),
            "time_zone": config().time_zone,
            "description": self.description,
            "source": self.source,
            "selected": {series.name: series.shown for series in self.series},
            "series": [
                {"name": series.name, "unit": shown.unit(series.unit), "decimals": series.decimals, "points": series.points}
                for series in self.series
            ],
        }


def chart_data(asked: Mapping[str, str], actor: Actor, now: dt.datetime) -> ChartData:
    """Return the series an address asks for.

    asked: `stream`, `fields`, `subject`, `span`; or `indicators`, `subject`, `districts` ("1": theirs too), `span`.

    Raises Refused for what is not declared, NotFound for what the actor may not read.
    """
    if any("\x00" in value for value in asked.values()):
        raise Refused(_("所问的序列里有标识不会有的字符。"))
    span = length_of(asked.get("span", "7d"))
    subject = asked.get("subject", "")
    if asked.get("stream"):
        return _stream_data(asked["stream"], _once(asked.get("fields", "")), subject, span, actor, now)
    names = _once(asked.get("indicators", ""))
    if not names:
        raise Refused(_("序列需要写明 stream 或 indicators。"))
    return _figure_data(names, subject, asked.get("districts") == "1", span, actor, now)


def _stream_data(name: str, wanted: list[str], key: str, span: dt.timedelta, actor: Actor, now: dt.datetime) -> ChartData:
    city: City = settings.CITY
    if name not in city.streams:
        raise NotFound(f"There is no stream {name!r}.{nearest(name, city.streams)}")
    stream: Stream = city.streams[name]
    allowed = require_scope(actor, name)
    quantities = {quantity.key: quantity for quantity in stream.quantities if quantity.key not in allowed.hidden}
    for wrong in (one for one in wanted if one not in quantities):
        words = {"stream": name, "quantity": wrong[:70], "there": shown.listed(quantities)}
        raise Refused(_("%(stream)s 没有量 %(quantity)s；有 %(there)s。") % words + meant(wrong, quantities))
    chosen = [quantities[one] for one in wanted or quantities]
    _require_entity(qualify(name.split(".")[0], stream.entity.to), key, actor, allowed)
    newest = _newest_time(name, stream, key)
    until = min(now, newest) + (stream.cadence or dt.timedelta(seconds=1)) if newest else now
    since = until - span
    columns = _observations(name, stream, [quantity.key for quantity in chosen], key, since, until)
    times = columns.pop("time")
    gap = 3 * int(stream.cadence.total_seconds() * 1000) if stream.cadence else None
    lines = tuple(
        Series(_(quantity.name), quantity.unit, quantity.decimals, extremes(times, columns[quantity.key], STRETCHES, gap))
        for quantity in chosen
    )
    owner = city.packs[name.split(".")[0]].pack.owner
    return ChartData(
        since, until, _common_unit([quantity.unit for quantity in chosen]), lines,
        int(sum(np.count_nonzero(~np.isnan(values)) for values in columns.values())), f"{_(owner)} · {_(stream.name)}",
        len(times) > 2 * STRETCHES,
    )  # fmt: skip


def _once(text: str) -> list[str]:
    return list(dict.fromkeys(key for key in text.split(",") if key))


def _require_entity(entity: str, key: str, actor: Actor, observed: Scope) -> None:
    """Raise NotFound unless the actor may see this row of the register, and what is observed there."""
    known = require_scope(actor, entity).rows_for(register(entity)._default_manager.filter(key=key), target=key)
    row = known.values("area_code").first()
    if row is None or not observed.matches(row):
        raise NotFound(f"There is no {entity} {key!r}.")


def _newest_time(name: str, stream: Stream, key: str) -> dt.datetime | None:
    """Return the entity's newest observation's time: history is shown to its own end, not to today."""
    model = register(qualify(name.split(".")[0], stream.entity.to))
    query = sql.SQL("SELECT l.time FROM {} AS l JOIN {} AS r ON r.id = l.entity_id WHERE r.key = %s").format(
        sql.Identifier("lake", f"latest_{sql_name(name)}"), sql.Identifier(model._meta.db_table)
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [key])
        row = cursor.fetchone()
    return row[0] if row else None


def _observations(
    name: str, stream: Stream, fields: list[str], key: str, since: dt.datetime, until: dt.datetime
) -> dict[str, np.ndarray]:
    """Return the valid values of one entity as columns, `time` in milliseconds, rising."""
    from chengyun.lake.read import snapshot  # DuckDB and Arrow are large; most web processes show no chart for a while

    columns = ", ".join(f'"{field}"' for field in fields)  # declared keys: letters, digits, underscores
    text = f'SELECT epoch_ms("{stream.time}") AS "time", {columns} FROM "{stream.key}" ORDER BY 1'  # noqa: S608
    with snapshot([name], since=since, until=until, entities=[key], exact=False, registers=False) as lake:
        table = lake.arrow(text)
    found = {"time": table["time"].to_numpy().astype(np.int64)}
    for field_key in fields:
        found[field_key] = table[field_key].to_numpy().astype(np.float64)
    return found


def _figure_data(
    names: list[str], subject: str, with_districts: bool, span: dt.timedelta, actor: Actor, now: dt.datetime
) -> ChartData:
    city: City = settings.CITY
    for name in names:
        if name not in city.indicators:
            raise NotFound(f"There is no indicator {name!r}.{nearest(name, city.indicators)}")
        require_scope(actor, name)
    declared: list[Indicator] = [city.indicators[name] for name in names]
    subjects = [subject, *(districts() if with_districts else [])]
    ends = [figure.period_end for figure in newest_figures(names, subjects, actor, now).values() if figure.period_end]
    if not ends:
        return ChartData(now - span, now, declared[0].unit, (), 0, _(declared[0].source))
    until = min(now, max(ends))
    since = until - span
    areas = area_names() if declared[0].subject == "area" else {}
    lines, count, thinned = [], 0, False
    for name, indicator in zip(names, declared, strict=True):
        gap = {"hour": 3 * 3_600_000, "day": 3 * 86_400_000}.get(indicator.period)
        for one, rows in figures.course(name, subjects, since, until, actor).items():
            values = np.array([np.nan if value is None else value for _start, value in rows], dtype=np.float64)
            times = np.array([_ms(start) for start, _value in rows], dtype=np.int64)
            count += int(np.count_nonzero(~np.isnan(values)))
            thinned = thinned or len(times) > 2 * STRETCHES
            label = areas.get(one, one) if len(subjects) > 1 else _(indicator.name)
            lines.append(
                Series(label, indicator.unit, indicator.decimals, extremes(times, values, STRETCHES, gap), one == subject)
            )
    source = "; ".join(dict.fromkeys(_(indicator.source) for indicator in declared))
    return ChartData(since, until, _common_unit([indicator.unit for indicator in declared]), tuple(lines), count, source, thinned)


def _common_unit(units: list[str]) -> str:
    return units[0] if len(set(units)) == 1 else " / ".join(dict.fromkeys(units))


def _ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
