# SPDX-License-Identifier: Apache-2.0
"""A rule over what is stored, judged by the code that judges what arrives (rules.RuleWatch), in the order it arrived.

Some entities at a time, and of each of them every version of every row of the span in order of seq: late rows, corrections and
duplicates count for as little as they did on the day. While one lot is judged, the next is read.

Silence is judged from the same rows: who was silent for longer than the rule allows. Rules on indicators are judged on the
figures that stand, period by period; rules on rules on what their members would have said.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from django.db import connection

from chengyun.city import AlertRule, City, Silent, Together, qualify
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.lake.rows import Rows
from chengyun.operate.alert_store import statement
from chengyun.operate.alerting.compound import Held, key_of, spells
from chengyun.operate.conditions import instant, lasts, micros
from chengyun.operate.periods import period_end
from chengyun.operate.probation.ruleset import standing_now
from chengyun.operate.rules import Named, RuleWatch
from chengyun.operate.watch import Seen, find

if TYPE_CHECKING:
    from chengyun.lake.read import Snapshot

__all__ = ["MOST_ALERTS", "Replayed", "Would", "replay"]

ROWS_A_LOT = 2_000_000
MOST_ALERTS = 200_000
"""A rule that says more than this in a span is none anybody could follow."""


class Would(NamedTuple):
    """An alert that would have been. ended: None: it would hold still. since: when the condition began."""

    subject: str
    subject_name: str
    area_code: str
    since: dt.datetime
    raised: dt.datetime
    ended: dt.datetime | None
    worst: float | None


@dataclass
class Replayed:
    """alerts: in order of their raising. as_of: stream → seq of what was read."""

    alerts: list[Would] = field(default_factory=list)
    rows: int = 0
    entities: int = 0
    as_of: dict[str, int] = field(default_factory=dict)

    def add(self, one: Would) -> None:
        self.alerts.append(one)
        if len(self.alerts) > MOST_ALERTS:
            raise Refused(
                f"The rule would have raised more than {MOST_ALERTS:,} alerts in this span; it says nothing.", code="noise"
            )


def replay(city: City, key: str, rule: AlertRule, since: dt.datetime, until: dt.datetime) -> Replayed:
    """Return what a rule would have raised over [since, until). Raises Refused when it would never stop."""
    on = qualify(key.split(".")[0], rule.on)
    done = Replayed()
    if isinstance(rule.when, Together):
        _together(city, key, rule.when, since, until, done)
    elif on in city.streams:
        _stream(city, key, rule, on, since, until, done)
    else:
        _figures(city, key, rule, on, since, until, done)
    done.alerts.sort(key=lambda one: (one.raised, one.subject))
    return done


def _stream(city: City, key: str, rule: AlertRule, on: str, since: dt.datetime, until: dt.datetime, done: Replayed) -> None:
    # Inside the function: the lake's readers load DuckDB and Arrow, which only a back-test needs here.
    from chengyun.lake.read import snapshot

    wanted = _columns(rule)
    with snapshot([on], since=since, until=until, exact=False) as lake, ThreadPoolExecutor(1) as reader:
        done.as_of = dict(lake.seqs)
        names = _names(city, on)
        read = _Lots(city, on, wanted, lake, names, since, until)
        judge = _Silences(rule.when, until) if isinstance(rule.when, Silent) else _Watched(city, key, rule, on)
        lots = read.lots()
        ahead = reader.submit(read.rows, lots[0]) if lots else None
        for nth in range(len(lots)):
            assert ahead is not None  # for the type checker: it is set while there are lots
            rows = ahead.result()
            ahead = reader.submit(read.rows, lots[nth + 1]) if nth + 1 < len(lots) else None
            done.rows += len(rows)
            if len(rows):
                done.entities += int(np.count_nonzero(np.diff(rows.entity))) + 1
                for one in judge(rows, names):
                    done.add(one)


def _columns(rule: AlertRule) -> list[str]:
    when: Any = rule.when
    if isinstance(when, Silent):
        return []
    lon = getattr(when, "lon", None)
    beside = [*getattr(when, "together", ()), *filter(None, [getattr(when, "part_of", None)])]
    return [when.lon, when.lat] if lon else list(dict.fromkeys([str(rule.field), *beside]))


class _Lots:
    """Reads some entities at a time, their rows in the order they arrived."""

    def __init__(
        self, city: City, on: str, wanted: Sequence[str], lake: Snapshot, names: Mapping[int, Named], since: dt.datetime,
        until: dt.datetime,
    ) -> None:  # fmt: skip
        stream = city.streams[on]
        self.wanted = wanted
        self._connection = lake.connection  # of the reading thread from here on; a cursor would not see the hot rows
        self._keys = sorted((one.key, ident) for ident, one in names.items())
        cadence = stream.cadence or dt.timedelta(minutes=10)
        self._some = max(1, int(ROWS_A_LOT / max(1.0, (until - since) / cadence)))
        pack, key = on.split(".")
        quote = '"{}"'.format
        values = "".join(f", {quote(name)}" for name in wanted)
        self._sql = (
            f"SELECT {quote(stream.entity.key)} AS entity, epoch_us({quote(stream.time)}) AS time, quality, seq{values} "  # noqa: S608
            f"FROM {quote(pack)}.{quote(key + '_raw')} WHERE {quote(stream.entity.key)} BETWEEN $low AND $high"
        )

    def lots(self) -> list[list[tuple[str, int]]]:
        return [self._keys[at : at + self._some] for at in range(0, len(self._keys), self._some)]

    def rows(self, lot: Sequence[tuple[str, int]]) -> Rows:
        import pyarrow as pa  # as in _stream

        from chengyun.lake import engine

        result: Any = engine.fetch(self._connection, self._sql, {"low": lot[0][0], "high": lot[-1][0]})
        if not len(result):
            empty = np.empty(0, np.int64)
            return Rows(empty.astype(np.int32), empty, empty, {name: empty.astype(float) for name in self.wanted}, {})
        coded = result["entity"].combine_chunks()
        coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
        ids = dict(lot)
        number = np.array([ids.get(name, -1) for name in coded.dictionary.to_pylist()], np.int64)
        entity = number[coded.indices.to_numpy(zero_copy_only=False)]
        seq = result["seq"].to_numpy()
        order = np.argsort((entity << 40) | seq)
        order = order[entity[order] >= 0]
        return Rows(
            entity[order].astype(np.int32), result["time"].to_numpy()[order], result["quality"].to_numpy()[order],
            {name: result[name].to_numpy()[order].astype(np.float64) for name in self.wanted}, {},
        )  # fmt: skip


class _Watched:
    """A rule's watch: rows in, finished alerts out, and at the end of an entity what would hold still."""

    def __init__(self, city: City, key: str, rule: AlertRule, on: str) -> None:
        self._watch = functools.partial(
            RuleWatch, city, on, zone=config().zone, rules={key: rule}, boundaries=_boundaries(rule)
        )  # fmt: skip

    def __call__(self, rows: Rows, names: Mapping[int, Named]) -> Iterator[Would]:
        watch = self._watch()  # whole entities come together, so nothing is carried from lot to lot
        last = instant(int(rows.time.max()))
        # Seen from long after: an alert's running news, which is told by the clock, is not asked for.
        transitions = watch.judge(rows, names, last + dt.timedelta(days=3650))
        begun: dict[str, Any] = {}
        for one in transitions:
            if one.kind == "raise":
                begun[one.subject] = one
            elif one.kind == "clear" and (first := begun.pop(one.subject, None)) is not None:
                yield Would(one.subject, one.subject_name, one.area_code, first.since, first.last_seen, one.last_seen, one.worst)
        for one in begun.values():
            yield Would(one.subject, one.subject_name, one.area_code, one.since, one.last_seen, None, one.worst)


def _boundaries(rule: AlertRule) -> dict[str, bytes]:
    area = getattr(rule.when, "area", None)
    if not area:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(statement("area_boundaries"), [[area]])
        return {code: bytes(shape) for code, shape in cursor.fetchall()}


class _Silences:
    """Who was silent for longer than the rule allows."""

    def __init__(self, when: Silent, until: dt.datetime) -> None:
        self._after, self._until = when.after // dt.timedelta(microseconds=1), micros(until)

    def __call__(self, rows: Rows, names: Mapping[int, Named]) -> Iterator[Would]:
        order = np.lexsort((rows.time, rows.entity))
        entity, time = rows.entity[order], rows.time[order]
        final = lasts(entity)
        following = np.where(final, self._until, np.roll(time, -1))
        for i in np.flatnonzero(following - time > self._after).tolist():
            named = names[int(entity[i])]
            raised = instant(int(time[i]) + self._after)
            ended = None if final[i] else instant(int(following[i]))
            yield Would(named.key, named.name, named.area_code, raised, raised, ended, None)


def _names(city: City, on: str) -> dict[int, Named]:
    from django.apps import apps

    entity = qualify(on.split(".")[0], city.streams[on].entity.to)
    model: Any = apps.get_model(entity.split(".")[0], city.entities[entity].model)
    return {pk: Named(key, name, area) for pk, key, name, area in model.objects.values_list("pk", "key", "name", "area_code")}


def _figures(city: City, key: str, rule: AlertRule, on: str, since: dt.datetime, until: dt.datetime, done: Replayed) -> None:
    from chengyun.operate.models import Figure

    zone, period = config().zone, city.indicators[on].period
    rows = Figure.objects.filter(
        indicator=on, superseded_at=None, value__isnull=False, period_start__gte=since, period_start__lt=until
    )
    looks_back = getattr(rule.when, "times", 100)
    tails: dict[str, list[tuple[dt.datetime, float, int, bool]]] = defaultdict(list)
    open_: dict[str, Would] = {}
    for subject, area, start, value, ident, simulated in rows.order_by("period_start", "subject").values_list(
        "subject", "area_code", "period_start", "value", "id", "simulated"
    ).iterator(chunk_size=5000):  # fmt: skip
        done.rows += 1
        tail = tails[subject]
        tail.insert(0, (start, float(value or 0.0), ident, simulated))
        del tail[looks_back:]
        noticed = period_end(period, start, zone)
        if isinstance(rule.when, Silent):
            if len(tail) > 1 and noticed - (ended := period_end(period, tail[1][0], zone)) > rule.when.after:
                done.add(Would(subject, subject, area, ended + rule.when.after, ended + rule.when.after, noticed, None))
            continue
        finding = find(city, key, rule, Seen(subject, area, tail))
        if finding.holds and subject not in open_:
            open_[subject] = Would(subject, subject, area, finding.since, noticed, None, finding.worst)
        elif finding.holds is False and subject in open_:
            done.add(open_.pop(subject)._replace(ended=noticed))
    for one in open_.values():
        done.add(one)
    done.entities = len(tails)


def _together(
    city: City, key: str, when: Together, since: dt.datetime, until: dt.datetime, done: Replayed
) -> None:  # fmt: skip
    pack = key.split(".")[0]
    known = {**city.alerts, **standing_now(city).rules}
    held: dict[str, dict[str, list[Held]]] = defaultdict(lambda: defaultdict(list))
    named: dict[str, tuple[str, str]] = {}
    for member in when.members:
        name = qualify(pack, member)
        if name not in known:
            raise Refused(
                f"The rule names {name!r}, which is neither declared nor judged now; test that one first.", code="member"
            )
        if isinstance(known[name].when, Together):
            raise Refused(f"The rule names {name!r}, which is a rule on rules itself; name its members.", code="member")
        part = replay(city, name, known[name], since, until)
        done.rows, done.entities, done.as_of = (
            done.rows + part.rows,
            max(done.entities, part.entities),
            {**done.as_of, **part.as_of},
        )
        for one in part.alerts:
            if common := key_of(when.same, one.subject, one.area_code):
                held[common][member].append((one.raised, one.ended))
                named.setdefault(common, (one.subject_name, one.area_code) if when.same == "subject" else (common, common))
    for common, times in held.items():
        for begins, ends in spells(when, times):
            if begins < until:
                done.add(Would(common, *named[common], begins, begins, ends, None))
