# SPDX-License-Identifier: Apache-2.0
"""A small picture of one field around the moment an alert speaks of, drawn on the server: it needs no script to be seen."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import AlertRule, City
from chengyun.operate.queries import AlertView
from chengyun.web import figures, shown

Point = tuple[dt.datetime, float | None]

WIDTH, HEIGHT = 1040.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 10.0, 20.0
STEPS_BEFORE, STEPS_AFTER = 24, 8
"""How many observations of the stream's cadence are shown before the condition began and after it was last seen."""
DEFAULT_STEP = dt.timedelta(hours=1)
MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines in the units of an SVG of WIDTH × HEIGHT.

    path: of the values, broken where one is missing. dots: the values seen while the condition held. limit: height of the
    limit's line; None: there is none. since, until: edges of the span in which the condition held. description: for those
    who do not see it.
    """

    width: float
    height: float
    path: str
    dots: tuple[tuple[float, float], ...]
    limit: float | None
    since: float
    until: float
    times: tuple[Tick, ...]
    high: str
    low: str
    description: str

    @property
    def depth(self) -> float:
        """Height of the part values are drawn in."""
        return self.height - TOP - BOTTOM

    @property
    def right(self) -> float:
        return self.width - RIGHT

    @property
    def foot(self) -> float:
        """Base of the text under the picture."""
        return self.height - 4

    @property
    def span(self) -> float:
        """Width of the span in which the condition held; never so narrow that it is not seen."""
        return max(2.0, round(self.until - self.since, 1))


def picture(alert: AlertView, rule: AlertRule | None, actor: Actor) -> Picture | None:
    """Return the picture of an alert; None when there is nothing to draw, or the actor may not read the values."""
    city: City = settings.CITY
    if not scope(actor, alert.dataset).matches({"area_code": alert.area_code}):
        return None
    if alert.dataset in city.indicators:
        declared = city.indicators[alert.dataset]
        step = {"hour": DEFAULT_STEP, "day": dt.timedelta(days=1), "month": dt.timedelta(days=30)}.get(declared.period)
        since, until = _span(alert, step or dt.timedelta(days=365))
        points: Sequence[Point] = figures.course(alert.dataset, [alert.subject], since, until, actor)[alert.subject]
        name, decimals = declared.name, declared.decimals
    elif alert.dataset in city.streams and rule is not None and rule.field:
        stream = city.streams[alert.dataset]
        quantity = next(one for one in stream.quantities if one.key == rule.field)
        since, until = _span(alert, stream.cadence or DEFAULT_STEP)
        points = _observed(alert, quantity.key, since, until)
        name, decimals = quantity.name, quantity.decimals
    else:
        return None
    return draw(points[-MOST_POINTS:], alert, _(name), decimals, since, until)


def draw(
    points: Sequence[Point], alert: AlertView, name: str, decimals: int, since: dt.datetime, until: dt.datetime
) -> Picture | None:
    """Return the points as a picture; None without a single value."""
    known = [value for _moment, value in points if value is not None and not math.isnan(value)]
    if not known:
        return None
    reach = [*known, alert.limit] if alert.limit is not None else known
    low, high = min(reach), max(reach)
    if low > 0 and low < high / 2:
        low = 0.0
    if high == low:
        high, low = high + 1, low - 1

    def x(moment: dt.datetime) -> float:
        share = (moment - since) / (until - since)
        return round(LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    path, pen = [], "M"
    dots = []
    for moment, value in points:
        if value is None or math.isnan(value):
            pen = "M"
            continue
        path.append(f"{pen}{x(moment)} {y(value)}")
        pen = "L"
        if alert.since <= moment <= alert.last_seen_at:
            dots.append((x(moment), y(value)))
    marks = [since + (until - since) * share for share in (0.0, 0.25, 0.5, 0.75)]
    said = _("%(name)s，%(since)s 至 %(until)s：最低 %(low)s，最高 %(high)s。") % {
        "name": name, "since": shown.moment(since), "until": shown.moment(until),
        "low": shown.number(min(known), decimals), "high": shown.number(max(known), decimals),
    }  # fmt: skip
    return Picture(
        WIDTH, HEIGHT, "".join(path), tuple(dots), None if alert.limit is None else y(alert.limit), x(alert.since),
        x(alert.last_seen_at), tuple(Tick(x(mark), _clock(mark, until - since)) for mark in marks),
        shown.number(high, decimals), shown.number(low, decimals), said,
    )  # fmt: skip


def _span(alert: AlertView, step: dt.timedelta) -> tuple[dt.datetime, dt.datetime]:
    return alert.since - STEPS_BEFORE * step, alert.last_seen_at + STEPS_AFTER * step


def _clock(moment: dt.datetime, span: dt.timedelta) -> str:
    local = timezone.localtime(moment)
    return f"{local:%m-%d}" if span > dt.timedelta(days=3) else f"{local:%m-%d %H:%M}"


def _observed(alert: AlertView, field: str, since: dt.datetime, until: dt.datetime) -> list[Point]:
    from chengyun.lake.read import snapshot  # DuckDB and Arrow are large; most web processes draw no picture for a while

    stream = settings.CITY.streams[alert.dataset]
    text = f'SELECT "{stream.time}" AS time, "{field}" AS value FROM "{stream.key}" ORDER BY 1'  # noqa: S608  declared keys
    with snapshot([alert.dataset], since=since, until=until, entities=[alert.subject], exact=False, registers=False) as lake:
        return [(row["time"], row["value"]) for row in lake.rows(text)]
