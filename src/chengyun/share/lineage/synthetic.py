# SPDX-License-Identifier: Apache-2.0
"""A city of many packs that nobody runs, to measure lineage with: registers, streams, feeds, formulas, alerts, cases, pages.

Formulas are of the kinds the real packs have: sums by day, windows, joins with a register, unions, figures made of figures,
also of the pack before, so that chains run through the whole city. The same seed gives the same declarations.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chengyun.city import (
    Above,
    AlertRule,
    CaseType,
    Chart,
    City,
    Columns,
    Distinct,
    Entity,
    Feed,
    Number,
    Pack,
    Page,
    Quantity,
    Ref,
    Span,
    State,
    Stream,
    Table,
    Tiles,
    Transition,
)  # fmt: skip
from chengyun.city.packs import LoadedPack

__all__ = ["synthetic_city"]

WORDS = ("level", "flow", "load", "heat", "noise", "speed", "count", "share", "depth", "power", "waste", "light")
STREAMS = 3

DAY = """-- name:      {name} 日值
-- one row:   一个对象、一个当地日
-- subject:   thing
-- period:    day
-- value:     {first}_mean
-- unit:      1
-- columns:   {first}_most = 最大; above = 超限次数 [个]
-- streams:   {stream}
-- parameter: most = limits.{stream}:most
-- source:    生成
WITH steps AS (
    SELECT r.thing, CAST(r.at AS DATE) AS day, r.at, {columns}, r.quality,
           LAG(r.{first}) OVER (PARTITION BY r.thing ORDER BY r.at) AS before
    FROM {stream} AS r JOIN thing AS t ON t.key = r.thing
    WHERE r.at >= $since AND r.at < $until AND t.area_code <> ''
)
SELECT s.thing, s.day, AVG(s.{first}) AS {first}_mean, MAX(s.{first}) AS {first}_most,
       COUNT(*) FILTER (s.{first} > $most) AS above, {sums},
       COUNT(s.before) / CAST(COUNT(*) AS DOUBLE) AS coverage, BOOL_OR((s.quality & 128) <> 0) AS simulated
FROM steps AS s GROUP BY s.thing, s.day ORDER BY s.day, s.thing
"""
AREA = """-- name:      {name} 区域日值
-- one row:   一个区域、一个当地日
-- subject:   area
-- period:    day
-- value:     mean
-- unit:      1
-- streams:   {stream}
-- source:    生成
WITH placed AS (
    SELECT t.district_code AS area, r.* FROM {stream} AS r JOIN thing AS t ON t.key = r.thing
    UNION ALL
    SELECT t.city_code AS area, r.* FROM {stream} AS r JOIN thing AS t ON t.key = r.thing
)
SELECT p.area, CAST(p.at AS DATE) AS day, AVG(p.{first}) AS mean, {means}, COUNT(DISTINCT p.thing) AS things
FROM placed AS p WHERE p.at >= $since AND p.at < $until GROUP BY p.area, day ORDER BY day, p.area
"""
MONTH = """-- name:      {name} 月值
-- one row:   一个对象、一个月
-- subject:   thing
-- period:    month
-- value:     mean
-- unit:      1
-- uses:      {uses}
-- source:    生成
SELECT d.subject AS thing, d.month, AVG(d.value) AS mean, MAX(CAST(d.detail ->> '$.above' AS INTEGER)) AS above,
       COUNT(*) AS days, BOOL_OR(d.simulated) AS simulated
FROM ({parts}) AS d
GROUP BY d.subject, d.month ORDER BY d.month, d.subject
"""
PART = """SELECT f.subject, f.value, f.detail, f.simulated, CAST(DATE_TRUNC('month', f.period_start) AS DATE) AS month
    FROM figure_{used} AS f WHERE f.period_start >= $since AND f.period_start < $until"""


def synthetic_city(packs: int, folder: Path, seed: int = 1) -> City:
    """Return a city of so many packs, their .sql files written into a folder."""
    chosen = random.Random(seed)  # noqa: S311  nothing secret
    return City([_pack(number, folder / f"made_{number:02}", chosen) for number in range(packs)])


def _pack(number: int, folder: Path, chosen: random.Random) -> LoadedPack:
    key = folder.name
    (folder / "indicators").mkdir(parents=True, exist_ok=True)
    streams = [_stream(f"s{place}_{chosen.choice(WORDS)}", chosen) for place in range(STREAMS)]
    files = dict(_formulas(number, streams))
    for name, text in files.items():
        (folder / "indicators" / f"{name}.sql").write_text(text, encoding="utf-8")
    limits = [f'[[limits.{one.key}]]\nin_force = 2020-01-01\nsource = "生成"\nmost = {chosen.randint(10, 90)}' for one in streams]
    (folder / "limits.toml").write_text("\n".join(limits), encoding="utf-8")
    pack = Pack(
        key=key, name=f"生成的系统 {number}", owner="生成局", answers="量一量血缘有多快", limits="limits.toml",
        entities=[Entity("thing", "对象", model="Thing", one_row_is="一个对象", open=True)],
        streams=streams, feeds=[_feed(one) for one in streams], indicators=[f"indicators/{name}.sql" for name in files],
        alerts=[_alert(one) for one in streams], cases=[_case()],
        pages=[Page("main", "总览", [
            Tiles("总览", indicators=list(files)), Chart("曲线", stream=streams[0].key, fields=[streams[0].quantities[0].key]),
            Table("明细", indicators=[f"{streams[0].key}_day"], columns=["above"]),
        ])],
    )  # fmt: skip
    return LoadedPack(pack, f"made.{key}", folder)


def _stream(key: str, chosen: random.Random) -> Stream:
    names = chosen.sample(WORDS, chosen.randint(6, 10))
    fields: list[Any] = [Ref("thing", to="thing"), *(Quantity(name, name, unit="1", valid=(0, 100)) for name in names)]
    return Stream(key=key, name=key, one_row_is="一个时刻", time="at", fields=fields)


def _feed(stream: Stream) -> Feed:
    columns = Columns(
        entity=Distinct(columns=["id"], make=str),
        time=Distinct(columns=["date", "hour"], make=lambda day, hour: f"{day} {hour}"),
        numbers={one.key: Number(f"{one.key}_raw") for one in stream.quantities},
    )  # fmt: skip
    return Feed(f"{stream.key}_csv", f"{stream.key} CSV", stream=stream.key, read=lambda _file, _name: (), columns=columns)


def _alert(stream: Stream) -> AlertRule:
    return AlertRule(
        key=f"{stream.key}_high", name="偏高", on=stream.key, field=stream.quantities[0].key, severity="blue", meaning="请核查。",
        when=Above(f"limits.{stream.key}:most"), opens="check",
    )  # fmt: skip


def _case() -> CaseType:
    return CaseType(
        "check", "核查", owner="生成局", limit=Span(2, "day"),
        states=[State("open", "待办", owner="handler"), State("closed", "办结", owner="handler", clock="ended", because="办结")],
        transitions=[Transition("close", "办结", source="open", to="closed", by=["handler"])],
    )  # fmt: skip


def _formulas(number: int, streams: list[Stream]) -> Iterator[tuple[str, str]]:
    for stream in streams:
        names = [one.key for one in stream.quantities]
        first = names[0]
        yield f"{stream.key}_day", DAY.format(
            name=stream.name, stream=stream.key, first=first, columns=", ".join(f"r.{name}" for name in names),
            sums=", ".join(f"SUM(s.{name}) AS {name}_sum" for name in names[1:]),
        )  # fmt: skip
        yield (
            f"{stream.key}_area",
            AREA.format(
                name=stream.name,
                stream=stream.key,
                first=first,
                means=", ".join(f"AVG(p.{name}) AS {name}_mean" for name in names[1:]),
            ),
        )
    before = [f"made_{number - 1:02}.chain_month"] if number else []
    uses = [f"{streams[0].key}_day", *before]
    parts = "\n    UNION ALL ".join(PART.format(used=one.split(".")[-1]) for one in uses)
    yield "chain_month", MONTH.format(name="链", uses=", ".join(uses), parts=parts)


DAY_OF_MEASURING = dt.date(2026, 11, 22)
