# SPDX-License-Identifier: Apache-2.0
"""A city whose units are known to the last case: honest, or with one unit that cheats in one of six ways.

What a unit does is drawn first, by its own quality and the case's difficulty; what the books and the fair view then say of it
follows from that and from what can be seen at all. A cheat changes deeds, never the draws: the honest city and the cheating
one are the same city, so that a rank that moves moved because of the cheat. A share of every cheat leaves no trace (SEEN), and
honest cases look bad now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from chengyun.cases.evaluation.counted import BIT
from chengyun.cases.evaluation.doubt import SIGNS, believe
from chengyun.cases.evaluation.tally import Ints, Tally

__all__ = ["CHEATS", "Cheat", "City", "simulate"]

Cheat = Literal["false_closing", "coaxed_ratings", "category_shifting", "splitting", "early_closing", "easy_picking"]
CHEATS: tuple[Cheat, ...] = (
    "false_closing", "coaxed_ratings", "category_shifting", "splitting", "early_closing", "easy_picking",
)  # fmt: skip
"""The same keys as the signs that look for them."""

CATEGORIES, CONDITIONS, AREAS = 6, 2, 4
HARD = 4
"""Categories from this number on are the hard ones."""

SEEN = (0.75, 0.95)
"""How often a deed leaves a trace: drawn between these for every city and cheat, and told to nobody. What false closings show is
what doubt.SIGNS believes, times such a share."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class City:
    """units: how many; cases: per unit on average; spread: of units' quality, in logits.

    cheater, cheat: who cheats, and how; None: all are honest. zeal: the share of the occasions a cheater uses.
    month: another than 0 gives the cheater other cases and other luck, with the same quality and mix, and the others the same.
    """

    units: int = 12
    cases: int = 900
    spread: float = 0.6
    cheater: int = 0
    cheat: Cheat | None = None
    zeal: float = 0.5
    month: int = 0


def simulate(city: City, seed: int) -> Tally:
    """Return what is counted of the city in one month; the same seed gives the same city with and without its cheat."""
    random = np.random.default_rng([seed, 1])
    sizes = random.poisson(random.uniform(0.4, 1.6, city.units) * city.cases).astype(np.int64)
    quality = random.normal(0, city.spread, city.units)
    mixes = random.dirichlet(np.full(CATEGORIES, 4.0), city.units)
    unit = np.repeat(np.arange(city.units), sizes)
    size = unit.size
    if city.month:
        random = _OtherMonth(random, np.random.default_rng([seed, 2, city.month]), unit == city.cheater)  # type: ignore[assignment]
    category = (random.random(size)[:, None] > np.cumsum(mixes, axis=1)[unit][:, :-1]).sum(axis=1)
    condition, area = random.integers(0, CONDITIONS, size), random.integers(0, AREAS, size)
    hard = category >= HARD
    ability = 1.9 + quality[unit] - 1.2 * hard - 0.4 * condition
    uses = (unit == city.cheater) & (random.random(size) < city.zeal)
    on_time = _happens(random, ability)
    done = on_time | _happens(random, ability - 0.3)
    reworked = _happens(random, -2.6 - 0.5 * quality[unit])
    reopened = _happens(random, -3.9 - 0.4 * quality[unit])
    satisfied = _happens(random, 0.7 + 0.7 * quality[unit] + 0.6 * on_time)
    asked = random.random(size) < 0.35
    returned = _happens(random, np.full(size, -3.2))
    longer = _happens(random, np.full(size, -3.6))
    twin = _happens(random, np.full(size, -3.6))
    odd_rating = _happens(random, np.full(size, -3.3))
    luck = random.random((size, 5))
    seen = luck < random.uniform(*SEEN, 5)

    def cheats(kind: Cheat) -> Bools:
        found: Bools = uses & np.full(size, city.cheat == kind)
        return found

    false = cheats("false_closing") & ~on_time
    early = cheats("early_closing") & ~on_time
    shift = cheats("category_shifting") & ~on_time
    coax = cheats("coaxed_ratings") & (asked | (luck[:, 0] < 0.15))  # those who would rate anyway, and a few who would not
    picked = cheats("easy_picking") & hard & ~on_time
    split = cheats("splitting") & on_time & ~hard

    returned_all = returned | picked
    recorded = on_time | false | early | shift
    recorded_done = done | false | early | shift
    seen_again = (early & seen[:, 1]) | reopened
    seen_shift = (shift & seen[:, 2]) | longer
    rated = asked | coax
    pleased = np.where(coax, True, satisfied)
    odd = rated & ((coax & seen[:, 3]) | (odd_rating & pleased))
    kept = ~returned_all

    plain = _bits(
        {
            "handle_due": kept, "handled": kept & recorded_done, "handled_on_time": kept & recorded,
            "overdue_open": kept & ~recorded_done, "reworked_handled": kept & reworked, "close_due": kept,
            "closed": kept & recorded_done, "rated": kept & rated, "satisfied": kept & rated & pleased,
            "closings": kept & recorded_done, "reopened_early": kept & recorded & seen_again, "ratings": kept & rated,
            "rating_doubtful": kept & odd, "assigned": np.ones(size, bool), "shifted": seen_shift, "hard_assigned": hard,
            "hard_returned": hard & returned_all,
        },
        size,
    )  # fmt: skip
    # As believed: whoever was first given a case answers for it; a change to a longer limit does not count; what was closed
    # and opened again was not closed in time; odd ratings are left out.
    believed = recorded & ~seen_again & ~(seen_shift & ~on_time) & kept
    kept_ratings = kept & rated & ~odd
    truly = np.where(seen_again | seen_shift, done, recorded_done) & kept
    fair = _bits(
        {
            "handle_due": np.ones(size, bool), "handled": truly, "handled_on_time": believed,
            "overdue_open": ~truly, "reworked_handled": kept & reworked, "close_due": np.ones(size, bool),
            "closed": truly, "rated": kept_ratings, "satisfied": kept_ratings & pleased,
        },
        size,
    )  # fmt: skip
    stratum = (category * CONDITIONS + condition) * AREAS + area
    twins = np.flatnonzero(split | twin)
    part_plain = plain[twins] | np.where(seen[twins, 4], 1 << BIT["split_part"], 0)
    part_fair = np.where(seen[twins, 4], 0, fair[twins])
    rows = [
        np.concatenate(pair) for pair in ((unit, unit[twins]), (stratum, stratum[twins]), (plain, part_plain), (fair, part_fair))
    ]
    false_all = np.concatenate([false, false[twins]])
    return _tally(city, rows, _signs(random, false_all))


@dataclass(frozen=True)
class _OtherMonth:
    """Draws for every case, those for `own` by another generator: one unit's month is another, among the same others."""

    usual: np.random.Generator
    other: np.random.Generator
    own: Bools

    def random(self, size: int | tuple[int, int]) -> npt.NDArray[np.float64]:
        return self._either(self.usual.random(size), self.other.random(size))

    def integers(self, low: int, high: int, size: int) -> Ints:
        return self._either(self.usual.integers(low, high, size), self.other.integers(low, high, size))

    def uniform(self, low: float, high: float, size: int) -> npt.NDArray[np.float64]:
        return self.usual.uniform(low, high, size)  # of the city, not of its cases

    def _either(self, usual: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if len(usual) == len(self.own):  # else of the cases some unit split
            usual[self.own] = other[self.own]
        return usual


def _happens(random: np.random.Generator, logit: npt.NDArray[np.float64]) -> Bools:
    found: Bools = random.random(logit.size) < 1 / (1 + np.exp(-logit))
    return found


def _bits(columns: dict[str, Bools], size: int) -> Ints:
    found = np.zeros(size, np.int64)
    for key, column in columns.items():
        found |= column.astype(np.int64) << BIT[key]
    return found


def _signs(random: np.random.Generator, false: Bools) -> npt.NDArray[np.int8]:
    """Return which signs closings show. Those of a false one show less often than the model believes beforehand."""
    shown = np.zeros((false.size, len(SIGNS)), np.int8)
    seen = random.uniform(*SEEN, len(SIGNS))
    for at, (key, sign) in enumerate(SIGNS.items()):
        chance = np.where(false, seen[at] * sign.on_false, sign.on_true)
        shown[:, at] = random.random(false.size) < chance
        if key == "disagrees":  # not everybody can be asked
            shown[random.random(false.size) > 0.5, at] = -1
    return shown


def _tally(city: City, rows: list[Ints], shown: npt.NDArray[np.int8]) -> Tally:
    unit, stratum, plain, fair = rows
    closed = (plain >> BIT["closings"] & 1) == 1
    doubt = np.zeros(unit.size)
    doubt[closed], _ = believe(unit[closed], shown[closed], np.ones(int(closed.sum()), np.int64), city.units)
    plain = plain | np.where(doubt > 0.5, 1 << BIT["closed_doubtful"], 0)
    strata = [
        (f"c{category}", f"n{condition}", f"a{area}")
        for category in range(CATEGORIES)
        for condition in range(CONDITIONS)
        for area in range(AREAS)
    ]
    times = np.ones(unit.size, np.int64)
    names, nothing = [f"u{at:02d}" for at in range(city.units)], np.zeros(unit.size)
    return Tally(names, strata, unit, stratum, plain, fair, times, doubt, nothing, nothing)
