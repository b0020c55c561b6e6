# SPDX-License-Identifier: Apache-2.0
"""The reference, written from declarations: docs/reference/packs/<pack>.md and the kernel's pages beside that folder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from chengyun.city import (
    Above,
    AlertRule,
    Below,
    CaseType,
    Change,
    City,
    Code,
    Entity,
    Entry,
    Limits,
    Quantity,
    Ref,
    Silent,
    Span,
    Stream,
    Text,
    Together,
    Unusual,
    Within,
)
from chengyun.city.alerts import Condition
from chengyun.city.packs import LoadedPack
from chengyun.city.words import Indicator
from chengyun.run.markdown import table
from chengyun.run.reference_kernel import access_page, settings_page
from chengyun.standards.units import UNITS

SHARING = {"unconditional": "无条件共享", "conditional": "有条件共享", "none": "不予共享"}


def pages(city: City) -> dict[str, str]:
    """Return file name → text: one page a pack, and the kernel's own."""
    packs = {f"packs/{key}.md": _page(pack) for key, pack in city.packs.items()}
    return {"settings.md": settings_page(), "access.md": access_page(city), **packs}


def _page(loaded: LoadedPack) -> str:
    pack = loaded.pack
    parts = [
        f"# {pack.name} (`{pack.key}`)",
        "Written by `chengyun reference` from the pack's declarations; change those, not this page.",
        f"{pack.answers}？ 责任部门：{pack.owner}。 " + (f"Standards: {', '.join(pack.standards)}." if pack.standards else ""),
    ]
    if pack.entities:
        head = ["key", "name", "one row is", "sharing", "open", "about persons"]
        parts += ["## Registers", table(head, [_register(pack.key, it) for it in pack.entities])]
    if pack.streams:
        parts += ["## Streams", *(part for stream in pack.streams for part in _stream(pack.key, stream))]
    if pack.feeds:
        parts += ["## Feeds", table(
            ["key", "name", "stream"], [[f"`{pack.key}.{it.key}`", it.name, f"`{it.stream}`"] for it in pack.feeds]
        )]  # fmt: skip
    if pack.register_feeds:
        head = ["key", "name", "register", "authority"]
        rows = [[f"`{pack.key}.{it.key}`", it.name, f"`{it.entity}`", f"`{it.authority}`"] for it in pack.register_feeds]
        parts += ["## Feeds of registers", table(head, rows)]
    if told := [it for it in pack.entities if it.authorities]:
        rows = [[f"`{it.key}`", " → ".join(f"{one.name} `{one.key}`" for one in it.authorities), _firsts(it)] for it in told]
        parts += ["## Who states what, the first before the others", table(["register", "authorities", "first for"], rows)]
    if pack.quality and (rules := [it for it in pack.quality if it.on in {one.key for one in pack.entities}]):
        rows = [[f"`{it.key}`", it.name, f"`{it.on}`", it.dimension, it.meaning] for it in rules]
        parts += ["## Rules on registers", table(["key", "name", "register", "dimension", "when it fails"], rows)]
    if loaded.indicators:
        parts += ["## Indicators", *(part for indicator in loaded.indicators for part in _indicator(pack.key, indicator))]
    if pack.scales:
        parts += ["## Scales"]
        for scale in pack.scales:
            parts += [f"### {scale.name} (`{scale.key}`)", f"Source: {scale.source}", table(
                ["up to", "class", "colour"],
                [["above" if band.upto is None else f"{band.upto:g}", band.name, f"`{band.colour}`"] for band in scale.bands],
            )]  # fmt: skip
    if pack.alerts:
        head = ["key", "name", "when", "severity", "meaning", "opens"]
        parts += ["## Alert rules", table(head, [_alert(it) for it in pack.alerts])]
    if pack.cases:
        parts += ["## Case types", *(part for case in pack.cases for part in _case(pack.key, case))]
    if list(loaded.limits):
        parts += ["## Dated limits", *_limits(loaded.limits)]
    return "\n\n".join(parts) + "\n"


def _register(pack: str, it: Entity) -> list[str]:
    return [f"`{pack}.{it.key}`", it.name, it.one_row_is, SHARING[it.sharing], _yes(it.open), _yes(it.personal)]


def _firsts(it: Entity) -> str:
    """Return the fields that have another first source than the first authority."""
    return "; ".join(f"{one.name}: {', '.join(one.first_for)}" for one in it.authorities if one.first_for) or "–"


def _alert(it: AlertRule) -> list[str]:
    return [f"`{it.key}`", it.name, _when(it), it.severity, it.meaning, f"`{it.opens}`" if it.opens else "–"]


def _stream(pack: str, stream: Stream) -> list[str]:
    rows = [[f"`{stream.time}`", "time", "", "", "ISO 8601 with offset, or milliseconds since 1970"]]
    for field in stream.fields:
        match field:
            case Ref():
                rows.insert(0, [f"`{field.key}`", field.name or "–", "", "", f"key of a `{field.to}`"])
            case Quantity():
                watch = [f"spike {field.spike:g}"] if field.spike is not None else []
                watch += [f"stuck after {field.stuck}"] if field.stuck is not None else []
                rows.append(
                    [
                        f"`{field.key}`",
                        field.name,
                        _unit(field.unit),
                        f"{field.valid[0]:g} … {field.valid[1]:g}",
                        ", ".join(watch),
                    ]
                )
            case Code():
                rows.append(
                    [f"`{field.key}`", field.name, "", "", ", ".join(f"`{code}` {name}" for code, name in field.codes.items())]
                )
            case Text():
                rows.append([f"`{field.key}`", field.name, "", "", f"text, at most {field.longest} characters"])
    times = [f"every {_span(stream.cadence)}" if stream.cadence else "irregular", f"late after {_span(stream.late_after)}"]
    times += [f"of {_span(stream.interval)} from its time on"] if stream.interval else []
    times += [f"silent after {_span(stream.silent_after)}"] if stream.silent_after else []
    times += [f"urgency {stream.urgency}"] if stream.urgency != "normal" else []
    return [
        f"### {stream.name} (`{pack}.{stream.key}`)",
        f"One row is {stream.one_row_is}; {', '.join(times)}. {SHARING[stream.sharing]}{'，开放' if stream.open else ''}。",
        table(["field", "name", "unit", "valid", "notes"], rows),
    ]


def _indicator(pack: str, it: Indicator) -> list[str]:
    rows = [
        ["subject", f"`{it.subject}`"],
        ["period", it.period],
        ["value", f"`{it.value}`, {_unit(it.unit)}"],
        ["source", it.source],
    ]
    named = [f"`{key}` {name}" + ("" if unit == "1" else f", {_unit(unit)}") for key, (name, unit) in it.columns.items()]
    rows += [["columns", "; ".join(named)]] if named else []
    rows += [["reads", ", ".join(f"`{key}`" for key in (*it.streams, *it.uses))]]
    rows += [[f"${name}", f"`{table}`, `{entry}`, by date"] for name, (table, entry) in it.parameters.items()]
    rows += [["finished by", f"rule `{it.rule}`"]] if it.rule else []
    rows += [["stale", f"{_span(it.fresh_for)} after the period's end"]] if it.fresh_for else []
    rows += [["version", f"`{it.version}`"]]
    return [
        f"### {it.name} (`{pack}.{it.key}`)",
        f"One row is {it.one_row_is}.",
        table(["", ""], rows),
        f"```sql\n{it.sql.strip()}\n```",
    ]


def _case(pack: str, case: CaseType) -> list[str]:
    return [
        f"### {case.name} (`{pack}.{case.key}`)",
        f"Owner: {case.owner}. To be ended within {_case_limit(case.limit)}{', or as its scheme has it' if case.scheme else ''}.",
        table(
            ["state", "name", "acts", "clock", "case's clock", "limit of the stay"],
            [
                [f"`{it.key}`", it.name, it.owner, it.clock, it.runs_case_clock, _case_limit(it.limit) if it.limit else "–"]
                for it in case.states
            ],
        ),
        table(
            ["step", "name", "from", "to", "by", "needs", "open while"],
            [
                [
                    f"`{it.key}`",
                    it.name,
                    f"`{it.source}`",
                    f"`{it.to}`",
                    ", ".join(it.by),
                    ", ".join(it.needs) or "–",
                    ", ".join([*it.guard, *(_open_while(*one) for one in (it.when or {}).items())]) or "–",
                ]
                for it in case.transitions
            ],
        ),
    ]


def _case_limit(limit: dt.timedelta | Span | str) -> str:
    if isinstance(limit, Span):
        return f"{limit.value} {limit.unit.replace('_', ' ')}"
    return f"`{limit}`" if isinstance(limit, str) else _span(limit)


def _open_while(counter: str, bounds: tuple[int, int | None]) -> str:
    least, most = bounds
    return (
        f"{counter} ≥ {least}" if most is None else f"{counter} = {least}" if least == most else f"{least} ≤ {counter} ≤ {most}"
    )


def _limits(limits: Limits) -> Iterable[str]:
    for name in limits:
        yield f"### `{name}`"
        yield table(["in force from", "values", "unit", "source"], [_edition(entry) for entry in limits.editions(name)])


def _edition(entry: Entry) -> list[str]:
    values = "; ".join(f"{key} = {_value(value)}" for key, value in entry.values.items())
    return [entry.in_force.isoformat(), values, entry.unit or "", entry.source + (f" ({entry.note})" if entry.note else "")]


def _value(value: Any) -> str:
    return f"[{', '.join(map(_value, value))}]" if isinstance(value, list | tuple) else str(value)


def _when(rule: AlertRule) -> str:
    what = f"`{rule.on}`" + (f" `{rule.field}`" if rule.field else "")
    return f"{what} {_condition(rule.when)}"


def _condition(when: Condition) -> str:
    match when:
        case Above() | Below():
            side = "above" if isinstance(when, Above) else "below"
            clear = f", ends at {when.clear:g}" if when.clear is not None else ""
            times = f", {when.times} times in a row" if when.times > 1 else ""
            whole = f", and the next one, too, when above {when.part_of}" if isinstance(when, Above) and when.part_of else ""
            return f"{side} {when.limit}{clear}{times}{whole}"
        case Change():
            return f"changes by more than {when.by:g} within {_span(when.within)}"
        case Silent():
            return f"silent for {_span(when.after)}"
        case Unusual():
            others = f" with {', '.join(when.together)}" if when.together else ""
            return f"less probable than {when.probability:g}{others}, ends after {when.calm} ordinary ones"
        case Within():
            place = f"area {when.area}" if when.area else f"a polygon of {len(when.polygon)} corners"
            return f"{'outside' if when.outside else 'inside'} {place}"
        case Together():
            parts = {"all of": when.every, "any of": when.some, "none of": when.without}
            told = "; ".join(f"{word} {', '.join(keys)}" for word, keys in parts.items() if keys)
            return f"{told} within {_span(when.within)}, same {when.same}"


def _span(span: dt.timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    for size, name in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size} {name}"
    return f"{minutes} min"


def _unit(unit: str) -> str:
    return "–" if unit == "1" or unit not in UNITS else unit


def _yes(value: bool) -> str:
    return "yes" if value else "no"
