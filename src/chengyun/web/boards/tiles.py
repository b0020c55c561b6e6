# SPDX-License-Identifier: Apache-2.0
"""A board's tiles, kind by kind: from what was gathered to what is shown. The same moment and reader give the same values."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.city import City, qualify
from chengyun.city.alerts import SEVERITIES
from chengyun.config import config
from chengyun.operate.boards import memory, queries
from chengyun.operate.boards.definitions import words_at
from chengyun.operate.boards.memory import Step
from chengyun.operate.boards.queries import NoteView, Saved, said
from chengyun.operate.boards.spec import TileSpec
from chengyun.operate.periods import period_end
from chengyun.operate.queries import register_names
from chengyun.operate.status import Status, status
from chengyun.web import places, shown
from chengyun.web.boards import beside, drawing, mapping, standing
from chengyun.web.boards.gathering import Asked, Gathered, area_of, gather, indicators_of, subjects_of
from chengyun.web.boards.shown import Band, BoardView, Drawn, Line, TileView
from chengyun.web.spans import length_of
from chengyun.web.titles import titled

__all__ = ["view"]

NOTES_SPAN = dt.timedelta(days=31)
"""Annotations of the whole board are shown for moments so long before the one shown."""
GAPS: Mapping[str, dt.timedelta] = {
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
    "month": dt.timedelta(days=31),
    "year": dt.timedelta(days=366),
}
MOST_COURSES = 6


def view(saved: Saved, actor: Actor, at: dt.datetime | None, now: dt.datetime) -> BoardView:
    """Return a board as somebody may see it, at a moment of the past or (at None) now.

    Raises Refused for the future, Unavailable while the moment is not settled.
    """
    known = memory.known_at(at, now)
    asked = Asked(actor, saved.spec, known, words_at(known), (get_language() or "").startswith("en"))
    found = gather(asked)
    notes = queries.notes_of(saved.board_id, actor, known.at - NOTES_SPAN, known.at, None if known.now else known.at)
    tiles = tuple(_tile(tile, asked, found, [one for one in notes if one.tile == tile.id]) for tile in saved.spec.tiles)
    return BoardView(
        saved.spec,
        saved.name,
        saved.number,
        known.at,
        not known.now,
        saved.spec.rows,
        tiles,
        tuple(one for one in notes if not one.tile),
    )


def _tile(tile: TileSpec, asked: Asked, found: Gathered, notes: Sequence[NoteView]) -> TileView:
    shows = KINDS[tile.kind](tile, asked, found)
    place = {"id": tile.id, "kind": tile.kind, "x": tile.x, "y": tile.y, "w": tile.w, "h": tile.h, "notes": tuple(notes)}
    title = said(tile.title, tile.title_en) if tile.title else shows.pop("title", "")
    return TileView(**{**shows, **place, "title": title})


def _figure(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    subject = subjects_of(tile, asked)[0]
    told = _valued(tile.indicator, subject, asked, found)
    course = found.courses.get((tile.indicator, subject), ())
    tile, aim = _aimed(tile, told, asked)
    judged, thresholds = _judged(tile, told.get("number"), int(told.get("decimals", 0)))
    return (
        told
        | aim
        | {
            "judged": judged,
            "thresholds": thresholds,
            "beside": beside.compared(tile.indicator, subject, asked, found),
            "empty": _("还没有数据。") if told["figure"] is None else "",
            "spark": _drawn(tile, asked, [(tile.indicator, subject, "", course)], None),
        }
    )


def _index(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    subject = subjects_of(tile, asked)[0]
    told = _valued(tile.indicator, subject, asked, found)
    tile, aim = _aimed(tile, told, asked)
    parts, change, since = ((), "", "") if tile.parts else beside.parts_of(tile.indicator, subject, asked, found)
    known = asked.words.find("indicator", tile.indicator) or {}
    composed = bool(known.get("index")) and not tile.parts
    lines = () if composed else tuple(_line(part, subject, asked, found) for part in indicators_of(tile, asked)[1:])
    compared = beside.compared(tile.indicator, subject, asked, found)
    return (
        told
        | aim
        | {
            "lines": lines,
            "parts": parts,
            "change": change,
            "since": since,
            "beside": compared,
            "empty": _("还没有算出这个指数。") if composed and not parts else "",
        }
    )


def _aimed(tile: TileSpec, told: Mapping[str, Any], asked: Asked) -> tuple[TileSpec, dict[str, Any]]:
    """Return the tile with the target that counts, the board's own or the declared goal of the day, and how that is said."""
    sense, source, goal = "", "", None
    if tile.target is None and (goal := beside.goal_of(tile.indicator, told["period_start"], asked)):
        sense, target, source = goal
        tile = dataclasses.replace(tile, target=target, better="higher" if sense == "at least" else "lower")
    sign = {"at least": "≥ ", "at most": "≤ "}.get(sense, "")
    text = f"{sign}{tile.target:g}" if goal and tile.target is not None else ""
    if not goal and tile.target is not None:
        text = shown.number(tile.target, int(told["decimals"]))
    return tile, {"target": text, "target_number": tile.target, "goal_source": source}


def _line(indicator: str, subject: str, asked: Asked, found: Gathered) -> Line:
    """Return a figure as a line of a list."""
    one = _valued(indicator, subject, asked, found)
    return Line(
        text=one["title"],
        href=one["drill"],
        value=one["value"],
        unit=one["unit"],
        why=_why(one["figure"]),
        status=one["status"],
        band=one["band"],
        about=(one["period"],) if one["period"] else (),
        simulated=one["simulated"],
    )


def _vitals(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    subject = subjects_of(tile, asked)[0]
    lines = []
    for indicator in indicators_of(tile, asked)[: tile.limit]:
        one, compared = _line(indicator, subject, asked, found), beside.compared(indicator, subject, asked, found)
        lines.append(dataclasses.replace(one, about=(*one.about, *_goal_said(indicator, subject, asked, found), *compared)))
    empty = _("这个部门没有按区域计算的指标。") if tile.department else _("没有可以显示的指标。")
    return {"title": _("体征"), "drill": reverse("indicators"), "lines": tuple(lines), "empty": empty}


def _goal_said(indicator: str, subject: str, asked: Asked, found: Gathered) -> tuple[str, ...]:
    """Return in words what is aimed at, and whether it is reached; nothing where there is no goal or no figure."""
    own = found.newest.get((indicator, subject))
    goal = beside.goal_of(indicator, own.period_start, asked) if own is not None else None
    if goal is None or own is None or own.value is None:
        return ()
    sense, aim, _source = goal
    reached = own.value >= aim if sense == "at least" else own.value <= aim
    words = {"aim": f"{'≥' if sense == 'at least' else '≤'} {aim:g}"}
    return (_("目标 %(aim)s，达到") % words if reached else _("目标 %(aim)s，未达到") % words,)


def _chart(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    subject = subjects_of(tile, asked)[0]
    names = indicators_of(tile, asked)
    courses = [(one, subject, "", found.courses.get((one, subject), ())) for one in names[:MOST_COURSES]]
    told = _valued(names[0], subject, asked, found) if names else _nothing(tile.title)
    return {
        "title": told["title"],
        "drill": told["drill"],
        "unit": told["unit"],
        "status": told["status"],
        "source": told["source"],
        "age": told["age"],
        "known_at": told["known_at"],
        "period": told["period"],
        "simulated": told["simulated"],
        "chart": _drawn(tile, asked, courses, tile.target),
        "empty": _("这段时间没有数据。"),
    }


def _alerts(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    title = _("预警")
    if not found.sees_alerts:
        return {"title": title, "empty": _("没有您可以看的预警。")}
    area = area_of(tile, asked)
    picked = [
        (ident, row, code)
        for ident, row, _dataset, code in found.alerts
        if (not tile.rules or row["rule"] in tile.rules)
        and (not tile.severities or row["severity"] in tile.severities)
        and code.startswith(area)
        and (not tile.department or _owner_of(row["rule"], asked) == tile.department)
    ]
    picked.sort(key=lambda one: (-_rank(one[1]["severity"]), _negative(one[1]["opened_at"]), -one[0]))
    lines = [_alert(ident, row, code, asked) for ident, row, code in picked[: tile.limit]]
    return {
        "title": title,
        "drill": reverse("alerts"),
        "lines": tuple(lines),
        "count": str(len(picked)),
        "empty": _("没有需要处理的预警。"),
    }


def _owner_of(rule: str, asked: Asked) -> str:
    text = asked.words.find("rule", rule)
    return str(text["owner"]["zh"]) if text and "owner" in text else ""


def _alert(ident: int, row: Mapping[str, Any], code: str, asked: Asked) -> Line:
    rule = asked.words.find("rule", row["rule"])
    name = asked.said(rule["name"]) if rule else row["rule"]
    said = [_area(code, asked)]
    if row["value"] is not None:
        unit = f" {sign}" if rule and (sign := shown.unit(rule["unit"])) else ""
        limit = f" · {_('限值')} {_short(row['limit'])}" if row["limit"] is not None else ""
        said.insert(0, f"{_short(row['value'])}{unit}{limit}")
    said.append(_("已确认") if row["state"] == "acknowledged" else _("待确认"))
    since = dt.datetime.fromisoformat(row["since"])
    return Line(
        text=_("%(subject)s：%(rule)s") % {"subject": row["subject_name"], "rule": name},
        href=reverse("alert", args=[ident]),
        severity=row["severity"],
        about=tuple(filter(None, said)),
        since=since,
        age=_age(since, asked),
        simulated=row["simulated"],
    )


def _cases(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    title = _("在办案件")
    if not found.sees_cases:
        return {"title": title, "empty": _("没有您可以看的案件。")}
    area = area_of(tile, asked)
    picked = []
    for _ident, row, kind, code in found.cases:
        due = dt.datetime.fromisoformat(row["due_at"])
        late = not row["paused"] and due < asked.known.at
        # A branch bears its body's name before its district's.
        theirs = not tile.department or str(row["owner"] or "").startswith(tile.department)
        if (not tile.types or kind in tile.types) and (late or not tile.overdue) and code.startswith(area) and theirs:
            picked.append((due, row["number"], row, code, late))
    picked.sort(key=lambda one: one[:2])
    late_ones = sum(late for *_rest, late in picked)
    lines = [_case(due, row, code, late, asked) for due, _number, row, code, late in picked[: tile.limit]]
    return {
        "title": title,
        "drill": reverse("cases"),
        "lines": tuple(lines),
        "count": str(len(picked)),
        "source": _("其中 %(count)s 件超时") % {"count": late_ones} if late_ones else "",
        "empty": _("没有在办的案件。"),
    }


def _case(due: dt.datetime, row: Mapping[str, Any], code: str, late: bool, asked: Asked) -> Line:
    kind = asked.words.find("case", row["type"])
    state = kind["states"].get(row["state"]) if kind else None
    said = (
        row["number"],
        asked.said(state) if state else row["state"],
        places.said(row["owner"]) if row["owner"] else "",
        _area(code, asked),
    )
    return Line(
        text=titled(row["title"]),
        href=reverse("case", args=[row["number"]]),
        about=tuple(filter(None, said)),
        since=due,
        age=_("时限") + " " + _age(due, asked),
        overdue=late,
        simulated=row["simulated"],
    )


def _league(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    rows = []
    things = _things_of(tile, found) if tile.level == "subject" else {}
    for subject in things or subjects_of(tile, asked):
        one = _valued(tile.indicator, subject, asked, found)
        rows.append((one["number"] is None, (1 if tile.lowest_first else -1) * (one["number"] or 0.0), subject, one))
    rows.sort(key=lambda one: one[:3])
    if all(one["figure"] is None for *_rest, one in rows):
        rows = []
    highest = max((abs(one["number"]) for *_rest, one in rows if one["number"] is not None), default=0.0)
    lines = tuple(
        Line(
            text=things[subject][0] if things else _area(subject, asked) or subject,
            href=things[subject][1] if things else _indicator(tile.indicator, subject),
            value=one["value"],
            unit=one["unit"],
            why=_why(one["figure"]),
            status=one["status"],
            band=one["band"],
            share=round(abs(one["number"]) / highest, 3) if one["number"] is not None and highest else 0.0,
            simulated=one["simulated"],
        )
        for _none, _order, subject, one in rows[: tile.limit]
    )
    first = next((one for *_rest, one in rows if one["figure"]), rows[0][3] if rows else _nothing(""))
    text = asked.words.find("indicator", tile.indicator)
    return {
        "title": asked.said(text["name"]) if text else tile.indicator,
        "drill": first["drill"],
        "lines": lines,
        "period": first["period"],
        "source": first["source"],
        "age": first["age"],
        "known_at": first["known_at"],
        "unit": first["unit"],
        "empty": _("还没有数据。"),
    }


def _things_of(tile: TileSpec, found: Gathered) -> dict[str, tuple[str, str]]:
    """Return the subjects of a league with what people call them today and where their page is."""
    subjects = list(found.led.get(tile.id, ()))
    city: City = settings.CITY
    declared = city.indicators.get(tile.indicator)
    if declared is None or declared.subject == "area":
        return {}
    entity = qualify(tile.indicator.split(".")[0], declared.subject)
    names = register_names(entity, subjects)
    return {one: (names.get(one, one), reverse("entity", args=[entity, one])) for one in subjects}


def _map(tile: TileSpec, asked: Asked, found: Gathered) -> dict[str, Any]:
    return mapping.mapped(tile, asked, lambda indicator, subject: _valued(indicator, subject, asked, found))


def _text(tile: TileSpec, asked: Asked, _found: Gathered) -> dict[str, Any]:
    text = tile.text_en if asked.english and tile.text_en else tile.text
    return {"paragraphs": tuple(gettext(one.strip()) for one in text.split("\n\n") if one.strip())}


KINDS: Mapping[str, Callable[[TileSpec, Asked, Gathered], dict[str, Any]]] = {
    "figure": _figure,
    "index": _index,
    "vitals": _vitals,
    "chart": _chart,
    "map": _map,
    "alerts": _alerts,
    "cases": _cases,
    "streams": lambda tile, asked, _found: standing.streams(tile, asked),
    "targets": lambda tile, asked, _found: standing.targets_told(tile, asked),
    "league": _league,
    "text": _text,
}


def _valued(indicator: str, subject: str, asked: Asked, found: Gathered) -> dict[str, Any]:
    """Return what every tile says of a figure."""
    text = asked.words.find("indicator", indicator)
    if text is None:
        return _nothing(indicator)
    one = found.newest.get((indicator, subject))
    zone = asked.zone
    start = one.period_start if one else None
    stands: Status = status(
        asked.fresh(text), start, one.value if one else None, one.coverage if one else None, asked.known.at, zone
    )
    ends = min(period_end(text["period"], start, zone), max(start, one.computed_at)) if one and start else None
    name = asked.said(text["name"])
    whose = subject if subject not in (asked.board.area, config().city) else ""
    if whose and text["subject"] == "area":
        name = f"{name} · {_area(whose, asked) or whose}"
    elif whose:
        name = f"{name} · {whose}"
    value = one.value if one else None
    return {
        "title": name,
        "drill": _indicator(indicator, subject),
        "status": stands,
        "value": shown.number(value, text["decimals"]),
        "number": value if value is not None and math.isfinite(value) else None,
        "unit": "" if text["unit"] == "1" else text["unit"],
        "decimals": text["decimals"],
        "band": band_of(text["bands"], value, asked),
        "period": shown.period(start, text["period"]) if start else "",
        "period_start": start,
        "known_at": ends,
        "age": _age(ends, asked) if ends else "",
        "coverage": one.coverage if one else None,
        "source": asked.said(text["source"]),
        "simulated": bool(one and one.simulated),
        "figure": one.id if one else None,
        "live": f"{indicator}|{subject}",
    }


def _indicator(indicator: str, subject: str) -> str:
    """Return where a figure is looked into: an index or an indicator, of this subject."""
    name = "index" if indicator in settings.CITY.indices else "indicator"
    return f"{reverse(name, args=[indicator])}?{urlencode({'area': subject})}"


def _nothing(title: str) -> dict[str, Any]:
    """Return what is said of an indicator that was not known then."""
    return {
        "title": title,
        "drill": "",
        "status": "missing",
        "value": shown.NOTHING,
        "number": None,
        "unit": "",
        "decimals": 0,
        "band": None,
        "period": "",
        "period_start": None,
        "known_at": None,
        "age": "",
        "coverage": None,
        "source": "",
        "simulated": False,
        "figure": None,
        "live": "",
    }


def band_of(bands: Sequence[Any], value: float | None, asked: Asked) -> Band | None:
    """Return the class a value falls in, of remembered bands, lowest first."""
    if value is None or not bands:
        return None
    _upto, name, colour = next((one for one in bands if one[0] is None or value <= one[0]), bands[-1])
    return Band(asked.said(name), colour)


def _drawn(
    tile: TileSpec, asked: Asked, courses: Sequence[tuple[str, str, str, Sequence[Step]]], target: float | None
) -> Drawn | None:
    length, until = length_of(tile.span), asked.known.at
    since = until - length
    told, unit, gap = [], "", dt.timedelta(hours=1)
    for indicator, _subject, _name, figures in courses:
        text = asked.words.find("indicator", indicator)
        if text is None:
            continue
        gap, unit = max(gap, GAPS[text["period"]]), text["unit"]
        last = next((one.value for one in reversed(figures) if one.value is not None), None)
        told.append(
            (
                asked.said(text["name"]),
                shown.number(last, text["decimals"]),
                [(one.period_start, one.value) for one in figures if one.period_start >= since],
            )
        )
    values = [value for *_rest, course in told for _at, value in course if value is not None]
    if not values:
        return None
    said = _("%(names)s，%(since)s 至 %(until)s：最低 %(low)s，最高 %(high)s") % {
        "names": shown.listed([name for name, *_rest in told]),
        "since": shown.moment(since),
        "until": shown.moment(until),
        "low": f"{min(values):g}",
        "high": f"{max(values):g} {shown.unit(unit)}".strip(),
    }
    return drawing.chart(told, since, until, gap * 1.5, across=_across(since, until), target=target, says=said)


def _across(since: dt.datetime, until: dt.datetime) -> list[tuple[dt.datetime, str]]:
    """Return three or four moments of a span with what is written beneath them."""
    days = (until - since).days
    found = []
    for part in (0.0, 0.25, 0.5, 0.75):
        at = since + (until - since) * part
        local = timezone.localtime(at)
        found.append((at, f"{local:%H:%M}" if days <= 2 else f"{local:%m-%d}" if days <= 60 else f"{local:%Y-%m}"))
    return found


def _judged(tile: TileSpec, value: float | None, decimals: int) -> tuple[str, str]:
    """Return what a value is by the tile's thresholds and target, and the thresholds as they are said."""
    worse: Callable[[float, float], bool] = (
        (lambda one, limit: one > limit) if tile.better == "lower" else (lambda one, limit: one < limit)
    )
    said = [
        f"{name} {'>' if tile.better == 'lower' else '<'} {shown.number(limit, decimals)}"
        for name, limit in ((_("关注"), tile.warn), (_("告警"), tile.bad))
        if limit is not None
    ]
    if value is None:
        return "", " · ".join(said)
    for name, limit in (("bad", tile.bad), ("warn", tile.warn)):
        if limit is not None and worse(value, limit):
            return name, " · ".join(said)
    met = tile.target is not None and not worse(value, tile.target)
    return "good" if met else "", " · ".join(said)


def _age(moment: dt.datetime, asked: Asked) -> str:
    """Return how long before the moment shown something was; of the present, the page keeps it true."""
    return shown.age(moment, asked.known.at)


def _area(code: str, asked: Asked) -> str:
    for level, length in (("street", 9), ("district", 6), ("city", 6)):
        known = asked.words.areas(level)
        for key in (code[:length], code[:length].ljust(6, "0"), code):
            if key in known and (level != "street" or len(code) >= 9):
                return str(known[key]["name_en"] if asked.english else known[key]["name"])
    return ""


def _why(figure: int | None) -> str:
    return reverse("why", args=[figure]) if figure else ""


def _short(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _negative(moment: str) -> float:
    return -dt.datetime.fromisoformat(moment).timestamp()
