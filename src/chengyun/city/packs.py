# SPDX-License-Identifier: Apache-2.0
"""The manifest of a pack, and a city: the packs a process runs, read once, checked whole, frozen."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from chengyun.city.alerts import Above, AlertRule, Below, Silent, Together, Unusual, Within
from chengyun.city.casework import SECONDS, CaseType
from chengyun.city.declare import collecting, declaration, is_key, report
from chengyun.city.elements import DataElement
from chengyun.city.fields import Ref
from chengyun.city.forecasts import Forecast
from chengyun.city.index import Index, compiled, measured_by, numbers
from chengyun.city.limits import Limits
from chengyun.city.pages import Calendar, Chart, Listing, MapLayer, Page, Panel, Plot, Related, Scale, Table, Tiles
from chengyun.city.registers import RegisterFeed, Synthetic
from chengyun.city.scheme import Scheme
from chengyun.city.sources import Source
from chengyun.city.sqlfile import read_indicator
from chengyun.city.words import (
    PERIODS,
    Distrust,
    Entity,
    Feed,
    Indicator,
    QualityRule,
    Rule,
    Simulation,
    Stream,
    Topic,
)  # fmt: skip
from chengyun.city.world import Defect, Instrument, Mishap, Telling
from chengyun.errors import Misdeclared, nearest

T = TypeVar("T")


@declaration
class Pack:
    """One city system: everything it registers, senses, watches and does.

    key: the folder's name; never changed once released.
    name: 中文名. owner: the department that answers for it. answers: the question it answers, in one sentence.
    elements: data elements the pack names first; any pack's entities may bind to them.
    indicators: paths of .sql files, relative to the pack's folder. indices: made of indicators, of any pack.
    limits: path of the dated tables, relative to the pack's folder, or None.
    boards: paths of board files, relative to the pack's folder; what they may say stands in docs/boards.md.
    """

    key: str
    name: str
    owner: str
    answers: str
    standards: Sequence[str] = ()
    elements: Sequence[DataElement] = ()
    entities: Sequence[Entity] = ()
    streams: Sequence[Stream] = ()
    feeds: Sequence[Feed] = ()
    register_feeds: Sequence[RegisterFeed] = ()
    sources: Sequence[Source] = ()
    topics: Sequence[Topic] = ()
    distrusts: Sequence[Distrust] = ()
    rules: Sequence[Rule] = ()
    scales: Sequence[Scale] = ()
    indicators: Sequence[str] = ()
    indices: Sequence[Index] = ()
    alerts: Sequence[AlertRule] = ()
    cases: Sequence[CaseType] = ()
    forecasts: Sequence[Forecast] = ()
    quality: Sequence[QualityRule] = ()
    pages: Sequence[Page] = ()
    boards: Sequence[str] = ()
    limits: str | None = None
    simulation: Simulation | None = None
    synthetic: Sequence[Synthetic] = ()
    instruments: Sequence[Instrument] = ()
    tellings: Sequence[Telling] = ()

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."


class LoadedPack:
    """A pack with its files read: indicators and limits are values now."""

    def __init__(self, pack: Pack, module: str, folder: Path) -> None:
        self.pack = pack
        self.key = pack.key
        self.module = module
        """Dotted name of the pack's package, also its Django app."""
        self.folder = folder
        self.limits = Limits.read(folder / pack.limits) if pack.limits else Limits({}, f"{pack.key}/limits.toml")
        self.schemes = {f"{pack.key}.{one.key}": Scheme.read(folder / one.scheme) for one in pack.cases if one.scheme}
        """The categories and limits of the pack's kinds of cases, by qualified key."""
        tables = (folder / pack.limits).read_text(encoding="utf-8") if pack.limits else ""
        # What a source is called in Chinese makes no other formula.
        tables = re.sub(r"(?m)^source_zh = .*\n", "", tables)
        sources = {rule.key: _source(rule.compute, module) + tables for rule in pack.rules if callable(rule.compute)}
        read = [read_indicator(folder / path, sources) for path in pack.indicators]
        self.indicators: tuple[Indicator, ...] = tuple(found for found in read if found is not None)
        self.rules: tuple[Rule, ...] = tuple(pack.rules)
        self._written, self._tables = self.indicators, tables

    def compile_indices(self, running: Collection[str]) -> None:
        """Make an indicator and a rule of each index. running: qualified keys of the city's indicators and indices."""
        made = [compiled(index, self.key, running, self._tables) for index in self.pack.indices]
        self.indicators = (*self._written, *(indicator for indicator, _ in made))
        self.rules = (*self.pack.rules, *(rule for _, rule in made))


def _source(compute: Callable[..., Any], package: str) -> str:
    """Return the text of every module of the pack a rule's function may reach: what its results depend on."""
    pending, texts = [str(compute.__module__)], dict[str, str]()
    while pending:
        name = pending.pop()
        if name in texts:
            continue
        texts[name] = inspect.getsource(sys.modules[name])
        for value in vars(sys.modules[name]).values():
            reached = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
            if isinstance(reached, str) and reached.startswith(f"{package}."):
                pending.append(reached)
    return "".join(texts[name] for name in sorted(texts))


class City:
    """The packs a process runs. Every mapping goes from qualified key (`pack.key`) to declaration, in declared order."""

    def __init__(self, packs: Sequence[LoadedPack]) -> None:
        self.packs: dict[str, LoadedPack] = {pack.key: pack for pack in packs}
        running = {f"{pack.key}.{one.key}" for pack in packs for one in pack.indicators}
        running |= {f"{pack.key}.{index.key}" for pack in packs for index in pack.pack.indices}
        for pack in packs:
            pack.compile_indices(running)
        self.elements = self._gather_elements()
        self.entities = self._gather(lambda it: it.pack.entities)
        self.streams = self._gather(lambda it: it.pack.streams)
        self.feeds = self._gather(lambda it: it.pack.feeds)
        self.register_feeds = self._gather(lambda it: it.pack.register_feeds)
        self.topics = self._gather(lambda it: it.pack.topics)
        self.distrusts = self._gather(lambda it: it.pack.distrusts)
        self.sources = self._gather(lambda it: it.pack.sources)
        self.rules = self._gather(lambda it: it.rules)
        self.scales = self._gather(lambda it: it.pack.scales)
        self.indicators = self._gather(lambda it: it.indicators)
        self.indices = self._gather(lambda it: it.pack.indices)
        self.alerts = self._gather(lambda it: it.pack.alerts)
        self.cases = self._gather(lambda it: it.pack.cases)
        self.forecasts: dict[str, Forecast] = self._gather(lambda it: it.pack.forecasts)
        self.quality = self._gather(lambda it: it.pack.quality)
        self.pages = self._gather(lambda it: it.pack.pages)

    def _gather(self, part: Callable[[LoadedPack], Sequence[Any]]) -> dict[str, Any]:
        gathered: dict[str, Any] = {}
        for pack in self.packs.values():
            for item in part(pack):
                name = f"{pack.key}.{item.key}"
                if name in gathered:
                    at = getattr(item, "at", pack.key)
                    report(f"{at}: key {item.key!r} stands twice among the pack's {type(item).__name__}.")
                gathered[name] = item
        return gathered

    def _gather_elements(self) -> dict[str, DataElement]:
        """Return every pack's data elements by their own keys: they mean the same everywhere, so none belongs to a pack."""
        gathered: dict[str, DataElement] = {}
        for pack in self.packs.values():
            for element in pack.pack.elements:
                if (known := gathered.get(element.key)) is not None:
                    at, first = getattr(element, "at", pack.key), getattr(known, "at", "")
                    report(f"{at}: data element {element.key!r} is declared at {first} already; bind to that one.")
                gathered[element.key] = element
        return gathered

    def limits(self, qualified: str) -> Limits:
        """Return the dated tables of the pack a qualified key belongs to."""
        return self.packs[qualified.split(".")[0]].limits

    def scheme(self, case_type: str) -> Scheme | None:
        """Return the categories and limits of a kind of case; None where its cases have no category."""
        return self.packs[case_type.split(".")[0]].schemes.get(case_type)


def qualify(pack: str, key: str) -> str:
    """Return the qualified form of a key written inside a pack: `key` or, for another pack's, `pack.key` as it is."""
    return key if "." in key else f"{pack}.{key}"


def sql_name(qualified: str) -> str:
    """Return the SQL identifier of a qualified key: `air_quality.station_hour` → `air_quality_station_hour`."""
    return qualified.replace(".", "_")


_loaded: dict[tuple[str, ...], City] = {}


def load_city(modules: Sequence[str] = ()) -> City:
    """Load packs by module (`chengyun.packs.air_quality`) and check them whole. The same list gives the same City.

    modules: dotted names of pack folders; empty: every entry point of the group `chengyun.packs`.
    Raises Misdeclared with every fault found.
    """
    names = tuple(modules) or tuple(_installed())
    if names in _loaded:
        return _loaded[names]
    with collecting() as faults:
        packs = [pack for name in names if (pack := _load_pack(name))]
        keys = [pack.key for pack in packs]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            report(f"two packs share the key {key!r}; a pack's key is its folder's name.")
        city = City(packs)
        for pack in packs:
            _check_references(city, pack)
    if faults:
        raise Misdeclared(faults)
    _loaded[names] = city
    return city


def _load_pack(name: str) -> LoadedPack | None:
    if not all(part.isidentifier() for part in name.split(".")):
        report(f"CHENGYUN_PACKS: {name!r} is not a module's name. Write dotted names, with commas between.")
        return None
    try:
        module = importlib.import_module(f"{name}.pack")
    except SyntaxError as wrong:
        report(f"{wrong.filename}:{wrong.lineno}: {wrong.msg}; Python cannot read it.")
        return None
    except ModuleNotFoundError as wrong:
        report(f"{name}: {wrong}. The setting CHENGYUN_PACKS or an entry point names it.{_installed_like(name)}")
        return None
    pack = getattr(module, "PACK", None)
    if not isinstance(pack, Pack):
        report(f"{name}/pack.py: PACK is not a Pack; it must be the manifest and nothing else.")
        return None
    folder = Path(str(module.__file__)).parent
    if folder.name != pack.key:
        report(f"{name}/pack.py: key {pack.key!r} is not the folder's name {folder.name!r}.")
    try:
        return LoadedPack(pack, name, folder)
    except Misdeclared as wrong:
        for fault in wrong.faults:
            report(fault)
        return None


def _installed_like(name: str) -> str:
    """Return a hint naming the installed pack whose folder is called most like it, by its full name."""
    folders = {module.rpartition(".")[2]: module for module in _installed()}
    found = difflib.get_close_matches(name.rpartition(".")[2], list(folders), n=1, cutoff=0.6)
    return f' Did you mean "{folders[found[0]]}"?' if found and folders[found[0]] != name else ""


def _installed() -> list[str]:
    return sorted(point.module.removesuffix(".pack") for point in entry_points(group="chengyun.packs"))


def _check_references(city: City, pack: LoadedPack) -> None:
    """Report every name that leads nowhere."""

    def known(at: object, kind: str, key: str | None, among: Mapping[str, T]) -> T | None:
        if key is None:
            return None
        name = qualify(pack.key, key)
        owner = name.split(".")[0]
        if owner not in city.packs and owner in (module.split(".")[-1] for module in _installed()):
            return None  # of a pack that is installed and does not run here
        if name not in among:
            own = [other.split(".")[1] for other in among if other.startswith(f"{pack.key}.")]
            report(f"{at}: {kind} {key!r} does not exist.{nearest(key, own)}")
        return among.get(name)

    for element in pack.pack.elements:
        where, _, _field = element.source.rpartition(".")
        if where.partition(".")[0] in city.packs and where not in {*city.entities, *city.streams, *city.indicators}:
            report(f"{element.at}: source {element.source!r}: there is no {where!r}.{nearest(where, city.entities)}")  # type: ignore[attr-defined]
    for stream in pack.pack.streams:
        for field in stream.fields:
            if isinstance(field, Ref):
                known(field.at, "entity", field.to, city.entities)  # type: ignore[attr-defined]
    for thing in pack.pack.entities:
        for referred in thing.refers.values():
            known(thing.at, "entity", referred, city.entities)  # type: ignore[attr-defined]
    for filling in pack.pack.register_feeds:
        at = filling.at  # type: ignore[attr-defined]
        filled: Entity | None = known(at, "entity", filling.entity, city.entities)
        if filled is not None and filling.authority not in (told := [one.key for one in filled.authorities]):
            report(f"{at}: authority {filling.authority!r} is none of {filled.key}'s.{nearest(filling.authority, told)}")
    for feed in pack.pack.feeds:
        fed = known(feed.at, "stream", feed.stream, city.streams)  # type: ignore[attr-defined]
        if fed is not None and feed.columns is not None:
            for fault in feed.columns.faults_for(fed):
                report(f"{feed.columns.at} Columns of {feed.key!r}: {fault}")  # type: ignore[attr-defined]
    for topic in pack.pack.topics:
        if (carried := known(topic.at, "stream", topic.stream, city.streams)) is not None:  # type: ignore[attr-defined]
            for fault in topic.faults_for(carried):
                report(f"{topic.at} Topic({topic.key!r}): {fault}")  # type: ignore[attr-defined]
    for source in pack.pack.sources:
        known(source.at, "stream", source.stream, city.streams)  # type: ignore[attr-defined]
        known(source.at, "entity", source.register, city.entities)  # type: ignore[attr-defined]
    for doubt in pack.pack.distrusts:
        known(doubt.at, "stream", doubt.stream, city.streams)  # type: ignore[attr-defined]
    for indicator in pack.indicators:
        at = indicator.at  # type: ignore[attr-defined]
        if indicator.subject != "area":
            known(at, "subject", indicator.subject, city.entities)
        for key in indicator.streams:
            known(at, "stream", key, city.streams)
        for key in indicator.uses:
            known(at, "indicator", key, city.indicators)
        known(at, "rule", indicator.rule, city.rules)
        known(at, "scale", indicator.scale, city.scales)
        for parameter, (table, entry) in indicator.parameters.items():
            _check_limit(f"{at}: parameter {parameter}", pack, table, entry)
        first: Indicator | None = known(at, "indicator", indicator.version_of, city.indicators)
        if first is not None and (first.subject, first.period, first.unit) != (
            indicator.subject,
            indicator.period,
            indicator.unit,
        ):
            report(f"{at}: it is no version of {indicator.version_of}: subject, period and unit must be the same.")
        if indicator.goal is not None:
            _check_limit(f"{at}: goal", pack, *indicator.goal[1:])
    for index in pack.pack.indices:
        _check_index(index, pack, known, city)
    for rule in pack.pack.alerts:
        check_rule(city, pack, rule, known)
    for ahead in pack.pack.forecasts:
        _check_forecast(city, pack, ahead)
    for kind in pack.pack.cases:
        known(kind.at, "entity", kind.components, city.entities)  # type: ignore[attr-defined]
        for state in kind.states:
            if isinstance(state.limit, str):
                at = f"{kind.at}: state {state.key!r}"  # type: ignore[attr-defined]
                _check_limit(at, pack, state.limit, "value")
                for edition in pack.limits.editions(state.limit) if state.limit in pack.limits else ():
                    if edition.unit not in SECONDS:
                        report(f"{at}: the unit of {state.limit} of {edition.in_force} is none of {', '.join(SECONDS)}.")
    for check in pack.pack.quality:
        if qualify(pack.key, check.on) not in city.entities:
            known(check.at, "stream", check.on, city.streams)  # type: ignore[attr-defined]
            if check.check is not None:
                report(f"{check.at}: check is for registers; a stream's field says it itself: Text(check=…).")  # type: ignore[attr-defined]
    for page in pack.pack.pages:
        known(page.at, "entity", page.entity, city.entities)  # type: ignore[attr-defined]
        for panel in page.panels:
            if page.entity is None or qualify(pack.key, page.entity) in city.entities:
                _check_panel(panel, known, city)
    if pack.pack.simulation:
        for key in pack.pack.simulation.streams:
            known("simulate.py", "stream", key, city.streams)
    for instrument in pack.pack.instruments:
        _check_instrument(city, instrument, known)


def _check_instrument(city: City, instrument: Instrument, known: Callable[..., Any]) -> None:
    at = instrument.at  # type: ignore[attr-defined]
    fed: Stream | None = known(at, "stream", instrument.stream, city.streams)
    planted: tuple[Mishap | Defect, ...] = (*instrument.mishaps, *instrument.defects)
    for one in planted:
        for rule in (*one.rules, *one.also):
            known(at, "alert rule", rule, city.alerts)
    if fed is not None:
        _check_fields(at, fed, [one.quantity for one in instrument.defects if one.quantity is not None])


def _check_forecast(city: City, pack: LoadedPack, ahead: Forecast) -> None:
    at = ahead.at  # type: ignore[attr-defined]
    name = qualify(pack.key, ahead.on)
    if name in city.streams:
        _check_fields(at, city.streams[name], [ahead.field])
    elif name not in city.indicators:
        hint = nearest(ahead.on, [*city.streams, *city.indicators])
        report(f"{at}: on {ahead.on!r} is neither a stream nor an indicator.{hint}")


def check_rule(city: City, pack: LoadedPack, rule: AlertRule, known: Callable[..., Any]) -> None:
    """Report every name in an alert rule of a pack that leads nowhere. known: reports a key that is not among a mapping's."""
    at = rule.at  # type: ignore[attr-defined]
    name = qualify(pack.key, rule.on)
    watched: Stream | None = city.streams.get(name)
    if watched is None and name not in city.indicators:
        hint = nearest(rule.on, [*city.streams, *city.indicators])
        report(f"{at}: on {rule.on!r} is neither a stream nor an indicator.{hint}")
    match rule.when:
        case Silent():
            pass
        case Within(lon=lon, lat=lat):
            if watched is None:
                report(f"{at}: a position is watched on a stream, and {rule.on!r} is none.")
            else:
                _check_fields(at, watched, [lon, lat])
        case Unusual(together=others):
            if watched is None:
                report(f"{at}: what is unusual is watched on a stream, and {rule.on!r} is none.")
            else:
                _check_fields(at, watched, [rule.field, *others])
        case Together(members=members):
            for member in members:
                known(at, "rule", member, city.alerts)
        case Above(part_of=str(whole)):
            if watched is None:
                report(f"{at}: part_of compares quantities of a stream, and {rule.on!r} is none.")
            else:
                _check_fields(at, watched, [rule.field, whole])
        case _ if watched is not None:
            _check_fields(at, watched, [rule.field])
    known(at, "case type", rule.opens, city.cases)
    for kind in rule.budget.cases if rule.budget else ():
        known(at, "case type", kind, city.cases)
    if isinstance(rule.when, Above | Below) and isinstance(rule.when.limit, str):
        table, _, entry = rule.when.limit.partition(":")
        _check_limit(f"{at}: limit", pack, table, entry)


def _check_index(index: Index, pack: LoadedPack, known: Callable[..., Any], city: City) -> None:
    """Report parts that cannot be read: no such indicator, not about areas, of a longer period, of one name in two packs."""
    at = index.at  # type: ignore[attr-defined]
    views: dict[str, str] = {}
    for part in index.parts:
        if (read := known(at, "indicator", part.indicator, city.indicators)) is None:
            continue
        if read.subject != "area":
            report(f"{at}: part {part.key!r}: {part.indicator} is about {read.subject}, not about areas.")
        if PERIODS.index(read.period) > PERIODS.index(index.period):
            report(f"{at}: part {part.key!r}: {part.indicator} has a {read.period}, longer than the index's {index.period}.")
        used = measured_by(part, pack.key)
        if views.setdefault(read.key, used) != used:
            report(f"{at}: part {part.key!r}: {used} and {views[read.key]} have one key; an index cannot read both.")
    for number in numbers(index):
        table, _, entry = number.partition(":")
        _check_limit(f"{at}: {number!r}", pack, table, entry)


def _check_limit(at: str, pack: LoadedPack, table: str, entry: str) -> None:
    if table not in pack.limits:
        report(f"{at} reads table {table!r}, which is not in limits.toml.{nearest(table, pack.limits)}")
        return
    for edition in pack.limits.editions(table):
        if entry not in edition.values:
            hint = nearest(entry, edition.values)
            report(f"{at} reads {entry!r} of {table}, which the edition of {edition.in_force} does not have.{hint}")


def _check_fields(at: str, stream: Stream, keys: Sequence[str | None]) -> None:
    fields = [quantity.key for quantity in stream.quantities]
    for key in keys:
        if key not in fields:
            report(f"{at}: field {key!r} is not a quantity of {stream.key}.{nearest(str(key), fields)}")


def _check_panel(panel: Panel, known: Callable[..., Any], city: City) -> None:
    at = panel.at  # type: ignore[union-attr]
    match panel:
        case Tiles():
            for key in panel.indicators:
                known(at, "indicator", key, city.indicators)
        case Table():
            found = [known(at, "indicator", key, city.indicators) for key in panel.indicators]
            first = found[0] if found else None
            for key in panel.columns:
                if first is not None and key not in first.columns:
                    report(f"{at}: column {key!r} is not in the `-- columns:` of {first.key}.{nearest(key, first.columns)}")
        case Calendar():
            known(at, "indicator", panel.indicator, city.indicators)
        case Chart():
            if (drawn := known(at, "stream", panel.stream, city.streams)) is not None:
                _check_fields(at, drawn, panel.fields)
            for key in panel.indicators:
                known(at, "indicator", key, city.indicators)
        case Listing() | Related() | Plot():
            known(at, "entity", panel.entity, city.entities)
        case MapLayer():
            known(at, "entity", panel.entity, city.entities)
            known(at, "indicator", panel.indicator, city.indicators)
            known(at, "indicator", panel.areas, city.indicators)
            shown = known(at, "stream", panel.stream, city.streams)
            if shown is not None and panel.field is not None:
                _check_fields(at, shown, [panel.field])
            known(at, "scale", panel.scale, city.scales)
