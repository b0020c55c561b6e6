# SPDX-License-Identifier: Apache-2.0
"""What the words of the city mean, remembered from when to when: a board of the past is written in the words of then.

Each process compares its declarations once with what is remembered, and areas whenever a new tree was loaded; boards of the
present and of the past are drawn from the same remembered texts.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils import translation

from chengyun.areas.models import TreeVersion
from chengyun.areas.queries import areas_on, boundaries
from chengyun.city import AlertRule, Chart, City, MapLayer, Table, Tiles, qualify
from chengyun.city.index import measured_by
from chengyun.operate.boards.memory import Known
from chengyun.operate.boards.models import Definition
from chengyun.operate.probation.ruleset import rulebook, rules_known

__all__ = ["Words", "declared", "layers_of", "meet", "meet_rules", "page_of", "words_at"]

LOCK = 0x626F6172
"""Key of the advisory lock ("boar" in ASCII): definitions have one writer."""

MOST_MADE = 64

T = TypeVar("T")

_met: dict[str, object] = {}
_guard = threading.Lock()
_words: dict[str, tuple[dict[str, Any], Words]] = {}


class Words:
    """Definitions as they held at one moment."""

    def __init__(self, texts: Mapping[tuple[str, str], Any]) -> None:
        self._texts = texts
        self._made: dict[Hashable, Any] = {}

    def find(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return a definition's text; None when the word was not known then."""
        found: dict[str, Any] | None = self._texts.get((kind, key))
        return found

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what follows from the definitions alone, made once while these hold; make: it may be called more than once."""
        found: T | None = self._made.get(key)
        if found is None:
            if len(self._made) >= MOST_MADE:
                self._made.clear()
            found = self._made[key] = make()
        return found

    def all(self, kind: str) -> dict[str, Any]:
        """Return every definition of a kind: key → text, in the order they were learnt."""
        return {key: text for (one, key), text in self._texts.items() if one == kind}

    def areas(self, level: str) -> dict[str, Any]:
        """Return code → name, name_en, and for districts path and label point, of the areas of a level."""
        return (self.find("areas", level) or {}).get("areas", {})  # type: ignore[no-any-return]


def words_at(known: Known) -> Words:
    """Return the definitions known at a moment. Those of the present are read again only when one has changed."""
    meet(settings.CITY)
    if known.now:
        newest = Definition.objects.aggregate(begun=Max("id"), ended=Max("until"))
        with _guard:
            kept = _words.get(connection.alias)
        if kept and kept[0] == newest:
            return kept[1]
        words = Words(_texts(Q(until=None)))
        with _guard:
            _words[connection.alias] = (newest, words)
        return words
    return Words(_texts(Q(since__lte=known.at) & (Q(until=None) | Q(until__gt=known.at))))


def _texts(condition: Q) -> dict[tuple[str, str], Any]:
    rows = Definition.objects.filter(condition).order_by("id").values_list("kind", "key", "text")
    return {(kind, key): text for kind, key, text in rows}


def meet(city: City, *, again: bool = False) -> int:
    """Remember the definitions that are new or have changed; return how many. Does nothing where nothing can have changed."""
    tree = TreeVersion.objects.values_list("token", flat=True).first()
    state = (id(city), str(tree), connection.settings_dict["NAME"], rulebook(city).stamp)
    with _guard:
        if not again and _met.get("state") == state and Definition.objects.filter(until=None).exists():
            return 0
    changed = _remember(lambda: dict(declared(city)))
    with _guard:
        _met["state"] = state
    return changed


def meet_rules(city: City) -> int:
    """Remember what alert rules say now, in the transaction that changes them: boards know it from its commit on."""
    return _remember(lambda: dict(_rules(city)), "rule")


def _remember(telling: Callable[[], dict[tuple[str, str], dict[str, Any]]], *kinds: str) -> int:
    """Write down what is told and differs from what is remembered; return how many. kinds: all that is told of; none: every."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            # Held before the clock is read, so that whoever asks for this moment waits for what is written here.
            cursor.execute("LOCK TABLE boards_definition IN ROW EXCLUSIVE MODE")
            cursor.execute("SELECT clock_timestamp()")
            moment = cursor.fetchone()[0]
        rows = Definition.objects.filter(until=None, **({"kind__in": kinds} if kinds else {}))
        current = {(kind, key): (ident, digest) for ident, kind, key, digest in rows.values_list("id", "kind", "key", "digest")}
        told = telling()
        fresh = []
        for (kind, key), text in told.items():
            body = json.dumps(text, ensure_ascii=False, sort_keys=True)
            digest = hashlib.sha256(body.encode()).hexdigest()
            if current.get((kind, key), (0, ""))[1] != digest:
                fresh.append(Definition(kind=kind, key=key, text=text, digest=digest, since=moment))
        gone = [ident for name, (ident, _) in current.items() if name not in told]
        gone += [current[one.kind, one.key][0] for one in fresh if (one.kind, one.key) in current]
        Definition.objects.filter(pk__in=gone).update(until=moment)
        Definition.objects.bulk_create(fresh)
    return len(fresh) + len(gone)


def declared(city: City) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield every definition a board may need: its kind and key, and its text."""
    for key, one in city.indicators.items():
        scale = city.scales.get(qualify(key.split(".")[0], one.scale)) if one.scale else None
        pack = city.packs[key.split(".")[0]].pack
        yield ("indicator", key), {
            "name": _both(one.name), "unit": one.unit, "decimals": one.decimals, "period": one.period,
            "fresh_s": one.fresh_for.total_seconds() if one.fresh_for is not None else None,
            "source": _both(one.source), "owner": _both(pack.owner), "subject": one.subject, "version": one.version,
            "page": page_of(city, key), "uses": [qualify(key.split(".")[0], used) for used in one.uses],
            "bands": [[band.upto, _both(band.name), band.colour] for band in scale.bands] if scale else [],
            **({"index": _index(city, key)} if key in city.indices else {}),
            **({"goals": goals} if (goals := _goals(city, key)) else {}),
        }  # fmt: skip
    yield ("vitals", ""), {"indicators": _vitals(city)}
    yield from _rules(city)
    for key, kind in city.cases.items():
        yield ("case", key), {"name": _both(kind.name), "states": {state.key: _both(state.name) for state in kind.states}}
    for key, (pack_key, panel) in layers_of(city).items():
        indicator = qualify(pack_key, panel.indicator) if panel.indicator else ""
        entity = city.entities[qualify(pack_key, panel.entity)]
        yield ("layer", key), {
            "name": _both(panel.name), "entity": qualify(pack_key, panel.entity), "entity_name": _both(entity.name),
            "indicator": indicator, "areas": qualify(pack_key, panel.areas) if panel.areas else "",
            "stream": qualify(pack_key, panel.stream) if panel.stream and panel.field else "", "field": panel.field or "",
            **(_field(city, pack_key, panel) if panel.stream and panel.field else {}),
        }  # fmt: skip
    for level in ("city", "district", "street"):
        yield ("areas", level), {"areas": _areas(level)}


def _rules(city: City) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for key, rule in rules_known(city).items():
        yield ("rule", key), {
            "name": _both(rule.name), "owner": _both(_owner(city, key)), "meaning": _both(rule.meaning),
            "unit": _unit(city, key, rule), "on": qualify(key.split(".")[0], rule.on), "field": rule.field,
            "severity": rule.severity, "when": _plain(rule.when),
        }  # fmt: skip


def _owner(city: City, key: str) -> str:
    pack = city.packs.get(key.split(".")[0])
    return pack.pack.owner if pack else ""


def _vitals(city: City) -> list[str]:
    """Return the city's vital signs, pack by pack: what is told by area of what packs put on their first page as tiles."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    for name, page in city.pages.items():
        pack = name.split(".")[0]
        if page.entity is not None or pack in seen:
            continue
        seen.add(pack)
        for panel in page.panels:
            if isinstance(panel, Tiles):
                found |= dict.fromkeys(qualify(pack, one) for one in panel.indicators)
    return [key for key in found if city.indicators[key].subject == "area"]


def _index(city: City, key: str) -> dict[str, Any]:
    """Return how an index is put together: what its parts did to it can then be told from a figure alone."""
    index = city.indices[key]
    parts = [
        [part.key, _both(part.name), used if (used := measured_by(part, key.split(".")[0])) in city.indicators else ""]
        for part in index.parts
    ]
    return {"aggregate": index.aggregate, "decimals": index.decimals, "parts": parts}


def _goals(city: City, key: str) -> list[list[Any]]:
    """Return what is aimed at: from which day on, in which sense, which number, by which source; oldest first."""
    declared = city.indicators[key]
    if declared.goal is None:
        return []
    sense, table, entry = declared.goal
    return [
        [one.in_force.isoformat(), sense, float(one[entry]), one.source]
        for one in sorted(city.limits(key).editions(table), key=lambda one: one.in_force)
    ]


def layers_of(city: City) -> dict[str, tuple[str, MapLayer]]:
    """Return every declared map layer: `<pack>.<page>.<number>` → (pack, layer)."""
    return {
        f"{name}.{number}": (name.split(".")[0], panel)
        for name, page in city.pages.items()
        for number, panel in enumerate(page.panels)
        if isinstance(panel, MapLayer)
    }


def page_of(city: City, indicator: str) -> list[str] | None:
    """Return the page (pack, key) on which a figure is looked into: one with a map of it, else a table, a chart or tiles."""
    best: tuple[int, list[str]] | None = None
    for name, page in city.pages.items():
        pack = name.split(".")[0]
        for panel in page.panels if page.entity is None else ():
            match panel:
                case MapLayer():
                    rank, keys = 0, [one for one in (panel.indicator, panel.areas) if one]
                case Table():
                    rank, keys = 1, list(panel.indicators)
                case Chart():
                    rank, keys = 2, list(panel.indicators)
                case Tiles():
                    rank, keys = 3, list(panel.indicators)
                case _:
                    continue
            if indicator in [qualify(pack, one) for one in keys] and (best is None or rank < best[0]):
                best = (rank, [pack, page.key])
    return best[1] if best else None


def _field(city: City, pack: str, panel: MapLayer) -> dict[str, Any]:
    stream = city.streams[qualify(pack, str(panel.stream))]
    quantity = next(one for one in stream.quantities if one.key == panel.field)
    limit = stream.silent_after or (stream.cadence * 3 if stream.cadence else None)
    scale = city.scales.get(qualify(pack, panel.scale)) if panel.scale else None
    return {
        "field_name": _both(quantity.name), "unit": quantity.unit, "decimals": quantity.decimals,
        "silent_s": limit.total_seconds() if limit is not None else None, "source": _both(stream.name),
        "bands": [[band.upto, _both(band.name), band.colour] for band in scale.bands] if scale else [],
    }  # fmt: skip


def _unit(city: City, key: str, rule: AlertRule) -> str:
    on = qualify(key.split(".")[0], rule.on)
    if on in city.indicators:
        return str(city.indicators[on].unit)
    return next((one.unit for one in city.streams[on].quantities if one.key == rule.field), "") if on in city.streams else ""


def _areas(level: str) -> dict[str, Any]:
    """Return a level's areas with their names; districts also with their outline, in degrees east and north."""
    found: dict[str, Any] = {row.code: {"name": row.name, "name_en": row.name_en or row.name} for row in areas_on(None, level)}
    if level == "district":
        for shape in boundaries(level)["features"]:
            if shape["id"] in found:
                found[shape["id"]] |= {
                    "lon": shape["properties"]["lon"],
                    "lat": shape["properties"]["lat"],
                    "rings": _rings(shape),
                }
    return found


def _rings(shape: Mapping[str, Any]) -> list[list[list[float]]]:
    geometry = shape["geometry"]
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [[[round(lon, 4), round(lat, 4)] for lon, lat in ring] for polygon in polygons for ring in polygon[:1]]


def _plain(value: Any) -> Any:
    """Return a declared condition as JSON says it, the same at every start."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        said = {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {"is": type(value).__name__, **said}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds():g} s"
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return getattr(value, "__qualname__", type(value).__qualname__)


def _both(text: str) -> dict[str, str]:
    """Return a text as it is written and as it is said in English."""
    if not text:
        return {"zh": "", "en": ""}
    with translation.override("en"):
        return {"zh": text, "en": translation.gettext(text)}
