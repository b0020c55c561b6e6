# SPDX-License-Identifier: Apache-2.0
"""A made-up city's past, made fast: tick by tick, observations through the history loader, reports and deeds through services.

    registers told ─▶ [ observations of a tick ─▶ sealed ─▶ silence judged ] × ticks ─▶ each midnight: figures, reports, deeds
          └──────────── every byte of it also into a digest, per stream ────────────┘      └─▶ truth, apart

What is sent follows from the settings alone, so a second run has the same digest. Rules, silence and figures see the clock of
the past: a tick is how often that clock is looked at, so what an alert notices by the clock it notices a tick late at most.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chengyun.cases.alerts import open_cases
from chengyun.cases.verification.rules import editions
from chengyun.cases.verification.services import look_at_waiting, note_later
from chengyun.city.incidents import Habits
from chengyun.collect.made import MadeHistory
from chengyun.operate.engine import evaluate
from chengyun.operate.watch import judge_ended, judge_silence
from chengyun.simulate.incidents import Planned, planned
from chengyun.simulate.loop import Done, advance, made_up_type
from chengyun.simulate.settings import settings_file
from chengyun.simulate.telling import SOURCE, register_sensors, tell
from chengyun.simulate.told import folder
from chengyun.simulate.truth import write_people, write_planted, write_sky, write_streets
from chengyun.simulate.world.parts import Block, Part
from chengyun.simulate.world.whole import World

__all__ = ["Made", "make"]

TICK = dt.timedelta(hours=6)
MOST_LOOKED_AT = 100_000
DAY = dt.timedelta(days=1)
MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True)
class Made:
    """What was made. steps: moments of parts; digest: of everything that is sent; spent: stage → seconds."""

    people: int = 0
    households: int = 0
    buildings: int = 0
    sensors: int = 0
    told: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    rows: int = 0
    stored: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    incidents: int = 0
    faults: int = 0
    reported: int = 0
    done: Done = field(default_factory=Done)
    figures: int = 0
    digest: str = ""
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


def make(
    world: World,
    until: dt.datetime,
    *,
    tick: dt.timedelta = TICK,
    truth_only: bool = False,
    people: bool = True,
    said: Callable[[str], None] = lambda _sentence: None,
) -> Made:
    """Make what happens from the settings' beginning up to a moment, into an installation where nothing was made yet.

    truth_only: nothing is sent; truth and digest are written as if it had been. people: whether residents report and staff
    works. said: is told how far it is.
    """
    return _Making(world, until, tick, not truth_only, people, said).run()


class _Making:
    def __init__(
        self, world: World, until: dt.datetime, tick: dt.timedelta, send: bool, people: bool, said: Callable[[str], None]
    ) -> None:
        self._world, self._until, self._tick = world, until, tick
        self._send, self._people, self._said = send, people, said
        self._made = Made()
        self._digests: dict[str, Any] = {}

    def run(self) -> Made:
        world, made = self._world, self._made
        folder(world.config).mkdir(parents=True, exist_ok=True)
        with self._timed("people"):
            made.people, made.households = len(world.residents), len(world.residents.building)
            made.buildings = len(world.ground.buildings)
            for one in dataclasses.fields(world.residents):
                self._digest("people").update(_little(getattr(world.residents, one.name)))
        with self._timed("registers"):
            made.sensors = sum(len(part.keys) for part in world.parts)
            register_sensors(world, self._digest("sensors"), send=self._send)
            made.told = tell(world, self._digest("registers"), send=self._send)
        self._observe()
        with self._timed("truth"):
            self._tell_reports()
            made.incidents, made.faults = write_planted(world, self._until)
            write_sky(world, self._until)
            write_people(world)
        lines = "".join(f"{name} {digest.hexdigest()}\n" for name, digest in sorted(self._digests.items()))
        made.digest = hashlib.sha256(lines.encode()).hexdigest()
        if self._send:
            dataclasses.replace(world.settings, until=self._until).save(settings_file(world.config))
        return made

    def _observe(self) -> None:
        by_stream: dict[str, list[Part]] = {}
        for part in self._world.parts:
            by_stream.setdefault(part.stream, []).append(part)
        with ExitStack() as opened:
            sink = None
            if self._send:
                sink = opened.enter_context(MadeHistory(self._world.config, self._world.city, list(by_stream), SOURCE))
            feeders = [_Feeder(stream, parts) for stream, parts in by_stream.items()]
            since = self._world.settings.begins
            day = since.astimezone(self._world.config.zone).date()
            while since < self._until:
                upto = min(since + self._tick, self._until)
                for feeder in feeders:
                    self._feed(feeder, since, upto, sink)
                if sink is not None:
                    with self._timed("clock"):
                        judge_silence(self._world.city, upto)
                    today = upto.astimezone(self._world.config.zone).date()
                    if today != day or upto == self._until:
                        self._turn(upto)
                    day = today
                    self._made.stored, self._made.flags = sink.received.stored, sink.received.flags
                self._said(f"{upto:%Y-%m-%d %H:%M} UTC, {self._made.rows:,} observations")
                since = upto

    def _feed(self, feeder: _Feeder, since: dt.datetime, upto: dt.datetime, sink: MadeHistory | None) -> None:
        with self._timed("made"):
            blocks = list(feeder.blocks(since, upto))
            self._made.steps += len(blocks)
            entity, times, values = feeder.columns(blocks)
            self._made.rows += len(entity)
            for first, block in blocks:
                # By part and moment, so that how time is cut into ticks makes no difference.
                digest = self._digest(f"{feeder.stream} {first}")
                digest.update(block.at.isoformat().encode())
                for name, column in (("", block.sensor), *sorted(block.values.items())):
                    digest.update(name.encode() + _little(column))
        if sink is not None and len(entity):
            with self._timed("stored"):
                sink.put(feeder.stream, feeder.keys, entity, times, values, upto)

    def _turn(self, now: dt.datetime) -> None:
        """Do what a midnight brings: figures of what came in, rules on them, a day of reports and deeds."""
        world = self._world
        with self._timed("figures"):
            self._made.figures += evaluate(now, world.city).changed
            judge_ended(world.city, now)
        if self._people:
            self._work(now)

    def _work(self, now: dt.datetime) -> None:
        """Let alerts open cases, residents report and staff work; then look at the ends they brought."""
        world, chosen = self._world, self._world.settings.seed
        with self._timed("deeds"):
            open_cases(now)
            days = (now - world.settings.begins) / dt.timedelta(days=1)
            done = advance(world.config, world.city, now, days, seed=chosen, areas=world.places, scale=world.scale)
            self._made.done = Done(*(a + b for a, b in zip(_counts(self._made.done), _counts(done), strict=True)))
        with self._timed("signs"):
            # A past is made to see what the program of today finds: it is looked at by the newest rules.
            note_later(now - DAY, now)
            look_at_waiting(now, most=MOST_LOOKED_AT, edition=editions()[-1], rated=DAY)

    def _tell_reports(self) -> None:
        """Put what residents say into the digest, as it was planned."""
        world, city = self._world, self._world.city
        kind = made_up_type(city)
        if kind is None or not self._people:
            return
        pack = city.packs[kind.split(".")[0]]
        habits = Habits.read(pack.folder / str(city.cases[kind].habits), city.cases[kind], city.scheme(kind))
        digest, zone = self._digest("reports"), world.config.zone
        day, streets = world.settings.begins.astimezone(zone).date(), list[Planned]()
        while day <= self._until.astimezone(zone).date():
            streets += planned(day, habits, world.places, world.settings.seed, zone, world.scale)
            day += dt.timedelta(days=1)
        for one in streets:
            for told in one.told:
                if world.settings.begins < told.at <= self._until:
                    self._made.reported += 1
                    line = [told.key, told.at, told.text, told.channel, told.lon, told.lat, told.chosen]
                    digest.update(json.dumps(line, ensure_ascii=False, default=str).encode())
        if not self._send:
            # Where something is sent, the residents tell the truth as they go.
            write_streets(world, streets, self._until)

    def _digest(self, name: str) -> Any:
        return self._digests.setdefault(name, hashlib.sha256())

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self._made.spent[stage] += time.monotonic() - begun


class _Feeder:
    """The parts that feed one stream, their sensors counted through."""

    def __init__(self, stream: str, parts: list[Part]) -> None:
        self.stream, self._parts = stream, parts
        self.keys = [key for part in parts for key in part.keys]
        counts = [len(part.keys) for part in parts]
        self._first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)

    def blocks(self, since: dt.datetime, upto: dt.datetime) -> Iterator[tuple[int, Block]]:
        """Yield what each part observes at each of its moments, moment by moment within a part."""
        for place, part in enumerate(self._parts):
            at = EPOCH + -(-(since - EPOCH) // part.step) * part.step
            while at < upto:
                yield int(self._first[place]), part.observed(at)
                at += part.step

    def columns(self, blocks: list[tuple[int, Block]]) -> tuple[Any, Any, dict[str, Any]]:
        """Return blocks as columns in the order of time: places in keys, microseconds since 1970, and values by quantity."""
        blocks = sorted(blocks, key=lambda pair: pair[1].at)
        if not blocks:
            return np.empty(0, np.int64), np.empty(0, np.int64), {}
        names = sorted({name for _, one in blocks for name in one.values})
        entity = np.concatenate([first + one.sensor for first, one in blocks])
        times = np.concatenate([np.full(len(one), (one.at - EPOCH) // MICROSECOND) for _, one in blocks])
        values = {name: np.concatenate([one.values.get(name, np.full(len(one), np.nan)) for _, one in blocks]) for name in names}
        return entity, times, values


def _little(column: Any) -> bytes:
    """Return a column's bytes, the same on every machine."""
    return np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<")).tobytes()


def _counts(done: Done) -> tuple[int, int, int]:
    return done.reports, done.deeds, done.false
