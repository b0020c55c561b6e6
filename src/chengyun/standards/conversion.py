# SPDX-License-Identifier: Apache-2.0
"""Units as people write them, and exact factors between those of one kind (conversion.toml).

A unit's spelling is found whatever its width, dots, superscripts or language: ug/m3, μg/m³ and 微克/立方米 are one.
Concentrations by volume (ppm, ppb) are not converted to mass: that needs the substance, its temperature and its pressure.
"""

from __future__ import annotations

import functools
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files

from chengyun.errors import nearest

__all__ = ["Conversion", "conversion", "find_unit"]

_NOTHING, _ONE = Fraction(0), Fraction(1)

_ZERO = {"℃": Fraction(0), "°F": Fraction(32), "K": Fraction("273.15")}
"""What stands for 0 ℃ on each scale of temperature."""

_FOLD = str.maketrans({
    "μ": "u", "µ": "u", "²": "2", "³": "3", "·": ".", "⋅": ".", "㎡": "m2", "㎥": "m3", "㎎": "mg", "㎍": "ug", "℃": "°c",
    "℉": "°f", " ": None,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conversion:
    """value in the target = (value − before) × factor + after, exactly."""

    factor: Fraction
    before: Fraction = _NOTHING
    after: Fraction = _NOTHING

    def __call__(self, value: Decimal) -> Fraction:
        return (Fraction(value) - self.before) * self.factor + self.after

    @property
    def same(self) -> bool:
        """Whether nothing changes."""
        return self.factor == 1 and self.before == self.after


@dataclass(frozen=True, slots=True)
class _Units:
    """factors: kind → symbol → what one is in the kind's first unit. spelt: spelling → (kind, symbol) of all that it may mean."""

    factors: Mapping[str, Mapping[str, Fraction]]
    spelt: Mapping[str, tuple[tuple[str, str], ...]]


@functools.cache
def _units() -> _Units:
    table = tomllib.loads(files("chengyun.standards").joinpath("conversion.toml").read_text(encoding="utf-8"))
    spelt: dict[str, list[tuple[str, str]]] = {}
    for kind, units in table.items():
        for symbol, (_factor, *names) in units.items():
            for name in (symbol, *names):
                # Without regard to case, mW (a thousandth) would be taken for MW (a million).
                for spelling in {_fold(name)} if name.startswith("M") else {_fold(name), _fold(name).lower()}:
                    known = spelt.setdefault(spelling, [])
                    if (kind, symbol) not in known and (spelling == _fold(name) or not known):
                        known.append((kind, symbol))
    factors = {kind: {symbol: Fraction(it[0]) for symbol, it in units.items()} for kind, units in table.items()}
    return _Units(factors, {spelling: tuple(known) for spelling, known in spelt.items()})


def _fold(text: str) -> str:
    """Return the spelling by which units are compared. Case is kept for the SI's prefixes."""
    return unicodedata.normalize("NFKC", text.strip().translate(_FOLD))


def _meant(text: str) -> tuple[tuple[str, str], ...]:
    spelt = _units().spelt
    folded = _fold(text)
    return spelt.get(folded) or spelt.get(folded.lower()) or ()


def find_unit(text: str, like: str | None = None) -> str | None:
    """Return the symbol of the unit that was written; None when it is not known.

    like: a unit of the kind expected, which decides between the twins one word writes: 度 is kWh, ° or ℃, and 方 is m² or m³.
    """
    found = _meant(text)
    if like is not None:
        kinds = {kind for kind, _symbol in _meant(like)}
        found = tuple(it for it in found if it[0] in kinds) or found
    return found[0][1] if found else None


def conversion(written: str, wanted: str) -> Conversion:
    """Return how values written in one unit become values in another.

    Raises ValueError with a sentence when a unit is not known or the two are of different kinds.
    """
    if _fold(written) == _fold(wanted):
        return Conversion(_ONE)
    source, target = find_unit(written, wanted), find_unit(wanted)
    if source is None:
        raise ValueError(f"unit {written[:20]!r} is not known.{nearest(_fold(written), _units().spelt)} Expected {wanted}")
    if target is None:
        raise ValueError(f"values in {wanted} are expected, and nothing is known to convert {written[:20]} to it")
    factors = next((units for units in _units().factors.values() if source in units and target in units), None)
    if factors is None:
        raise ValueError(f"unit {written[:20]!r} is not of the kind of {wanted}")
    factor = factors[source] / factors[target]
    return Conversion(factor, _ZERO.get(source, _NOTHING), _ZERO.get(target, _NOTHING))
