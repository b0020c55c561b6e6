# SPDX-License-Identifier: Apache-2.0
"""Bringing figures up to date with a cluster: the engine's order, the engine's writing, the computing elsewhere.

Level by level: indicators whose parts are all up to date go together, each over spans of a month, a year of months or a
year, which is how the engine cuts time and how sealed tables are partitioned. Formulas of one span that read the same
streams make one task, or several, by entity, where there is much to read and the formulas allow it. This process is the
only writer of figures meanwhile, as the engine is.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chengyun.city import City, qualify
from chengyun.config import config
from chengyun.errors import Problem, Unavailable
from chengyun.lake.read import Gathered, Keys, gather
from chengyun.operate import compute, due, engine, formulas, store
from chengyun.operate.cluster.work import Answer, Formula, Registers, Task
from chengyun.operate.engine import Evaluation, Ran
from chengyun.operate.order import followers, indicator_order, inputs, upstream
from chengyun.operate.periods import Chunk, chunks, reach

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Computes", "evaluate_on"]

EVERY = 1_000_000
"""Windows of an indicator taken at once: all that wait."""
ROWS = 4_000_000
"""Rows of a task, about: seconds of work and some hundred MB. More are divided by entity where a formula says it may be."""
ROUNDS = 5
"""How often a level is planned anew because files were replaced while it ran."""

log = logging.getLogger(__name__)


class Computes(Protocol):
    """What tasks are given to."""

    def answers(self, tasks: Iterable[Task], registers: Registers) -> Iterator[tuple[Task, list[Answer]]]: ...


@dataclass(frozen=True, slots=True)
class _Planned:
    """A chunk of an indicator that is to be computed, and the windows it settles. looks_back: days."""

    indicator: str
    part: Chunk
    windows: tuple[due.Due, ...]
    looks_back: int

    @property
    def span(self) -> tuple[dt.datetime, dt.datetime]:
        """Return the time of what is read."""
        return reach(self.part.since, self.looks_back, config().zone), self.part.until


@dataclass(frozen=True, slots=True)
class _Job:
    """Chunks that make one task, or one for each share of the entities."""

    members: Sequence[_Planned]
    shares: Sequence[Keys]


def evaluate_on(cluster: Computes, now: dt.datetime, city: City | None = None) -> Evaluation:
    """Bring every figure up to date with the observations committed before the call, as engine.evaluate does.

    Raises Unavailable when the cluster is lost; what has been written by then stays, and the rest stays due.
    """
    from chengyun.settings import CITY

    city = city or CITY
    done = Evaluation()
    with engine.alone() as held:
        if not held:
            done.busy = True
            return done
        formulas.meet(city, now)
        due.take_touched(city, now.astimezone(config().zone).date())
        again = 0
        while level := _level(city, now):
            gone = _run_level(cluster, city, level, now, done)
            again = again + 1 if gone else 0
            if again == ROUNDS:
                raise Unavailable(f"Files of the lake kept being replaced while the cluster read them: {gone}")
    return done


def _level(city: City, now: dt.datetime) -> list[_Planned]:
    """Return what is due of the indicators that wait for no other one."""
    waiting = {indicator: found for indicator in due.indicators() if (found := due.due(now, indicator, EVERY))}
    planned = []
    for indicator in indicator_order(city):
        if indicator not in waiting or not upstream(city, indicator).isdisjoint(waiting):
            continue
        by_start = {one.start: one for one in waiting[indicator]}
        period, zone = city.indicators[indicator].period, config().zone
        try:
            parts = chunks(period, by_start, zone, lambda day, key=indicator: compute.parameters(city, key, day))  # type: ignore[misc]
        except Problem as wrong:
            due.failed(indicator, now)
            engine.note(Ran(indicator, now, now, 0, 0, wrong.sentence), now, 0.0)
            continue
        due.done(indicator, [by_start[start] for start in by_start.keys() - {start for part in parts for start in part.starts}])
        back = city.indicators[indicator].looks_back
        planned += [_Planned(indicator, part, tuple(by_start[start] for start in part.starts), back) for part in parts]
    return planned


def _run_level(cluster: Computes, city: City, level: Sequence[_Planned], now: dt.datetime, done: Evaluation) -> str:
    """Compute a level and write it; return the name of a file that was gone, if one was."""
    seen = store.newest_id()
    follow = followers(city)
    read = _gathered(city, level)
    registers: dict[tuple[str, str], pa.Table] = {}
    for one in read.values():
        registers |= one.registers
    jobs = list(_jobs(city, level, read))
    gone, failed = "", set[str]()
    come: dict[int, list[list[Answer]]] = {}
    begun = time.monotonic()
    tasks = (_task(city, number, job, share, read) for number, job in enumerate(jobs) for share in job.shares)
    for task, answers in cluster.answers(tasks, registers):
        job = jobs[task.number]
        come.setdefault(task.number, []).append(answers)
        if len(come[task.number]) < len(job.shares):
            continue
        took = time.monotonic() - begun
        for planned, parts in zip(job.members, zip(*come.pop(task.number), strict=True), strict=True):
            answer = _whole(parts)
            if answer.gone:
                gone = answer.error
                continue
            done.ran.append(engine.note(_settled(city, planned, answer, read, seen, follow, failed, now), now, took))
        begun = time.monotonic()
    return gone


def _jobs(city: City, level: Sequence[_Planned], read: Mapping[tuple[str, ...], Gathered]) -> Iterator[_Job]:
    """Yield what is computed together: by streams and span, and apart what may be divided by entity and is worth it."""
    groups: dict[tuple[tuple[str, ...], tuple[dt.datetime, dt.datetime], int, int], list[_Planned]] = {}
    for planned in level:
        streams = inputs(city, planned.indicator)[0]
        rows = sum(part.rows(*planned.span) for part in read[streams].parts)
        shares = -(-rows // ROWS) if _divisible(city, planned.indicator) else 1
        groups.setdefault((streams, planned.span, planned.looks_back, max(shares, 1)), []).append(planned)
    for (streams, _, _, count), members in groups.items():
        yield _Job(members, _cuts(city, read[streams], count))


def _divisible(city: City, indicator: str) -> bool:
    """Say whether figures of some entities need the rows of these alone: the formula says so, and its subject is that entity."""
    declared, pack = city.indicators[indicator], indicator.split(".")[0]
    streams, uses = inputs(city, indicator)
    subject = qualify(pack, declared.subject)
    return "subject" in declared.apart and not uses and all(
        subject == qualify(stream.split(".")[0], city.streams[stream].entity.to) for stream in streams
    )  # fmt: skip


def _cuts(city: City, read: Gathered, count: int) -> list[Keys]:
    """Return spans of keys that hold about equally many entities of a register, and together every key there is."""
    if count < 2:
        return [(None, None)]
    stream = city.streams[read.parts[0].table.qualified]
    pack, _, entity = qualify(read.parts[0].table.pack, stream.entity.to).partition(".")
    # As UTF-8 they compare in the lake; Python compares code points, which gives the same order.
    keys = sorted(read.registers[pack, entity]["key"].to_pylist())
    ends = sorted({keys[len(keys) * at // count] for at in range(1, count)} - {keys[0]}) if keys else []
    return list(zip([None, *ends], [*ends, None], strict=True))


def _whole(parts: Sequence[Answer]) -> Answer:
    """Return the answer that shares of one formula make together; what is wrong with one of them is wrong with all."""
    wrong = next((one for one in parts if one.error), None)
    if wrong is not None:
        return wrong
    return Answer(sorted((one for part in parts for one in part.figures), key=lambda one: (one.subject, one.period_start)))


def _gathered(city: City, level: Sequence[_Planned]) -> dict[tuple[str, ...], Gathered]:
    """Look at the books once for every set of streams that is read together, over all the time that is."""
    spans: dict[tuple[str, ...], tuple[dt.datetime, dt.datetime]] = {}
    for planned in level:
        streams = inputs(city, planned.indicator)[0]
        since, until = spans.get(streams, planned.span)
        spans[streams] = min(since, planned.span[0]), max(until, planned.span[1])
    return {
        streams: gather(streams, since=since, until=until) if streams else Gathered((), {})
        for streams, (since, until) in spans.items()
    }


def _task(city: City, number: int, job: _Job, share: Keys, read: Mapping[tuple[str, ...], Gathered]) -> Task:
    earliest, until = job.members[0].span
    since = job.members[0].part.since
    streams = inputs(city, job.members[0].indicator)[0]
    return Task(
        number,
        tuple(part.narrowed(earliest, until, share) for part in read[streams].parts),
        tuple(
            Formula(
                one.indicator, city.indicators[one.indicator].version, since, until, one.part.parameters,
                {key: tuple(store.used_figures(key, earliest, until)) for key in inputs(city, one.indicator)[1]},
            )
            for one in job.members
        ),
    )  # fmt: skip


def _settled(
    city: City,
    planned: _Planned,
    answer: Answer,
    read: Mapping[tuple[str, ...], Gathered],
    seen: int,
    follow: Mapping[str, Sequence[str]],
    failed: set[str],
    now: dt.datetime,
) -> Ran:
    """Write an answer, or put its indicator off when the formula failed. failed: indicators that have been put off."""
    indicator, part = planned.indicator, planned.part
    if answer.error:
        log.warning("%s could not be computed from %s to %s: %s", indicator, part.since, part.until, answer.error)
        if indicator not in failed:
            failed.add(indicator)
            due.failed(indicator, now)
        return Ran(indicator, part.since, part.until, 0, 0, answer.error[:2000])
    streams, uses = inputs(city, indicator)
    as_of = read[streams].seqs | ({"figures": seen} if uses else {})
    return engine.keep(city, indicator, part, answer.figures, as_of, planned.windows, follow.get(indicator, []), now)
