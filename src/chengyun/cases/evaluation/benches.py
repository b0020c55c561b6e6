# SPDX-License-Identifier: Apache-2.0
"""What evaluating costs, and what cheating gains.

`case-cheats` takes a city through an honest month and through the same month with one unit that cheats (cheats.py), six ways, for
many seeds. `case-evaluation` counts one month out of a register of a year.
CHENGYUN_BENCH_SEEDS says how many cities, CHENGYUN_BENCH_UNITS of how many units, CHENGYUN_BENCH_CASES how large the register.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chengyun.bench.frame import Bench, Result
from chengyun.cases.evaluation.assess import UnitResult, assess
from chengyun.cases.evaluation.cheats import CHEATS, City, simulate
from chengyun.cases.evaluation.declared import Profile, Sign, read_book

SEEDS = int(os.environ.get("CHENGYUN_BENCH_SEEDS", "20"))
CASES = int(os.environ.get("CHENGYUN_BENCH_CASES", "1000000"))
UNITS = int(os.environ.get("CHENGYUN_BENCH_UNITS", str(City.units)))
RUNS = 3
"""For statistics over counting; the first of a fresh database is the slowest."""

PROFILE, DAY = "department_outcome", dt.date(2026, 10, 1)


@dataclasses.dataclass
class _Gain:
    """What a cheat did, seed by seed: ranks won by the fair and by the plain order, points of the fair score won, half of the
    width of that score's interval; whether it was named."""

    points: list[float] = dataclasses.field(default_factory=list)
    unsure: list[float] = dataclasses.field(default_factory=list)
    fair: list[int] = dataclasses.field(default_factory=list)
    plain: list[int] = dataclasses.field(default_factory=list)
    named: list[bool] = dataclasses.field(default_factory=list)
    others: int = 0


def measure_cheats(seeds: int = SEEDS, cases: int = City.cases) -> list[Result]:
    """Return how far a cheat moves its unit in the fair table, and how often detectors are right and complete."""
    profile, signs = _declared()
    gains: dict[str, _Gain] = {cheat: _Gain() for cheat in CHEATS}
    alarms, luck = 0, []
    for seed in range(seeds):
        honest_city = City(units=UNITS, cases=cases, cheater=seed % UNITS)
        honest = assess(profile, signs, simulate(honest_city, seed))
        alarms += sum(one.named for unit in honest for one in unit.findings)
        other = assess(profile, signs, simulate(dataclasses.replace(honest_city, month=1), seed))[honest_city.cheater]
        if (before := honest[honest_city.cheater].ranked) and other.ranked:
            luck.append(before.order - other.ranked.order)
        for cheat in CHEATS:
            city = dataclasses.replace(honest_city, cheat=cheat)
            _compare(gains[cheat], honest, assess(profile, signs, simulate(city, seed)), city.cheater, cheat)
    return _told(gains, alarms, seeds, luck)


def measure_counting() -> list[Result]:
    """Return how long it takes to count and judge a month out of a register of a year."""
    with _installation() as place:
        os.environ["CHENGYUN_DATA"], os.environ["CHENGYUN_DATABASE_URL"] = str(place.folder), str(place.state()["database_url"])
        from chengyun.run.setup import django

        django()
        return _counted()


BENCHES: dict[str, Bench] = {"case-cheats": measure_cheats, "case-evaluation": measure_counting}


def _declared() -> tuple[Profile, dict[str, Sign]]:
    from chengyun.city import load_city

    files = [pack.folder / "evaluation.toml" for pack in load_city(()).packs.values()]
    found = read_book(next(file for file in files if file.exists()), DAY)
    return found.profile(PROFILE), dict(found.signs)


def _compare(gain: _Gain, honest: Sequence[UnitResult], cheated: Sequence[UnitResult], unit: int, cheat: str) -> None:
    before, after = honest[unit], cheated[unit]
    if before.ranked and after.ranked and before.plain_order and after.plain_order:
        gain.fair.append(before.ranked.order - after.ranked.order)
        gain.plain.append(before.plain_order - after.plain_order)
        gain.points.append(after.ranked.score - before.ranked.score)
        gain.unsure.append((before.ranked.high - before.ranked.low) / 2)
    named = [one for result in cheated for one in result.findings if one.named]
    right = [one for one in named if one.unit == unit and one.sign == cheat]
    gain.named.append(bool(right))
    gain.others += len(named) - len(right)


def _told(gains: dict[str, _Gain], alarms: int, seeds: int, luck: list[int]) -> list[Result]:
    moves = np.array([move for gain in gains.values() for move in gain.fair])
    right = sum(sum(gain.named) for gain in gains.values())
    wrong = alarms + sum(gain.others for gain in gains.values())
    worst = {cheat: f"{max(map(abs, gain.fair)):d} (plain {max(map(abs, gain.plain)):d})" for cheat, gain in gains.items()}
    within = {cheat: f"{np.mean(np.abs(gain.fair) <= 1):.3f}" for cheat, gain in gains.items()}
    recall = {cheat: f"{statistics.mean(gain.named):.2f}" for cheat, gain in gains.items()}
    won = {cheat: f"{statistics.mean(gain.points):+.2f}" for cheat, gain in gains.items()}
    unsure = statistics.mean(width for gain in gains.values() for width in gain.unsure)
    asked = f"{seeds} cities of {UNITS} units, one of which cheats in half of the cases it could"
    return [
        Result(
            name="case-cheats-rank", value=float(np.percentile(np.abs(moves), 95, method="inverted_cdf")), unit="ranks", target=1,
            compared=worst | {"another honest month": f"{max(map(abs, luck)):d} (mean {statistics.mean(map(abs, luck)):.2f})"},
            notes=f"95th percentile of how far the cheat moves its unit; beside it the furthest, and how far other cases and "
            f"other luck move the same unit without any. {asked}.",
        ),
        Result(
            name="case-cheats-within", value=float(np.mean(np.abs(moves) <= 1)), unit="share", target=0.95, better="higher",
            compared=within, notes="Share of cities in which the unit moves by one rank at most; beside it by cheat.",
        ),
        Result(
            name="case-cheats-points", value=max(statistics.mean(gain.points) for gain in gains.values()), unit="points",
            target=0.2,
            compared={**won, "a score is known to": f"± {unsure:.1f}"},
            notes="What the cheat that pays best wins on average in the fair score, 0–100; beside it each; below 0 it costs. "
            "The limit is a tenth of what a score is known to.",
        ),
        Result(
            name="case-cheats-precision", value=right / max(1, right + wrong), unit="share", target=0.9, better="higher",
            compared={"recall": f"{right / max(1, seeds * len(gains)):.2f}", **recall, "honest cities": f"{alarms} alarms"},
            notes="Of the names given, how many were the cheat at the cheater; beside it how many cheats were found.",
        ),
    ]  # fmt: skip


@contextlib.contextmanager
def _installation() -> Iterator[Any]:
    from chengyun.bench.place import open_place

    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        yield place


def _counted() -> list[Result]:
    from chengyun.access.actors import SYSTEM
    from chengyun.access.models import Account, Organisation
    from chengyun.cases.evaluation.declared import evaluated_types
    from chengyun.cases.evaluation.samples import Sample, write_million
    from chengyun.cases.evaluation.services import count, month_of
    from chengyun.config import config

    zone, type_key = config().zone, evaluated_types()[0]
    bodies = [Organisation.objects.create(key=f"bench_{at}", name=f"部门 {at}").pk for at in range(40)]
    people = [Account.objects.create(username=f"bench_{at}").pk for at in range(30)]
    areas = [
        f"3302{district:02d}{street:03d}{community:03d}"
        for district in (3, 5, 6, 11, 12, 13)
        for street in range(1, 9)
        for community in range(1, 6)
    ]
    month = month_of("2025-06")
    since, until = (dt.datetime.combine(day, dt.time(), zone) for day in month)
    write_million(
        Sample(
            type=type_key, cases=CASES, start=dt.datetime(2025, 1, 1, tzinfo=zone), days=365, departments=bodies,
            people=people, areas=areas, events=(since - dt.timedelta(days=10), until + dt.timedelta(days=10)),
        )
    )  # fmt: skip

    def once() -> int:
        return count(type_key, *month, SYSTEM, dt.datetime(2026, 1, 10, tzinfo=zone)).cases

    seconds, cases = _timed(once)
    return [
        Result(
            name="case-evaluation", value=seconds, unit="s", target=5, compared={"cases of the month": f"{cases:,}"},
            notes=f"One month out of {CASES:,} cases of a year, counted and judged for every table. Median of {RUNS}.",
        )
    ]  # fmt: skip


def _timed(once: Callable[[], int]) -> tuple[float, int]:
    took, found = [], 0
    for _ in range(RUNS):
        begun = time.perf_counter()
        found = once()
        took.append(time.perf_counter() - begun)
    return statistics.median(took), found
