# SPDX-License-Identifier: Apache-2.0
"""Forms as offices write them, made up, with the truth of what each question asks kept apart: to measure the matcher with.

Nothing here is read by the matcher, and nothing of the matcher is read here. Each thing that can be asked has the ways it is
said (generated.csv); a question takes one, then may be wrapped in politeness, shortened, turned round, given a unit or another
type. Decoys sound like something a register holds and are something else: another person's, another property, another thing of
the same kind.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chengyun.share.askonce.matching import Asked, Known

__all__ = ["ELEMENTS", "Planted", "generate"]


@dataclass(frozen=True, slots=True)
class Planted:
    """A question and what it really asks: the key of an element, "" for nothing a register holds."""

    form: int
    asked: Asked
    element: str


@dataclass(frozen=True, slots=True)
class _Thing:
    key: str
    name: str
    letter: str
    zh: tuple[str, ...]
    en: tuple[str, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    choices: tuple[str, ...]
    units: tuple[str, ...]


def _things() -> tuple[_Thing, ...]:
    """Read generated.csv: one thing a line, its wordings with | between; a line without a key is a decoy."""
    with (Path(__file__).parent / "generated.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_thing(row) for row in csv.DictReader(file))


def _thing(row: dict[str, str]) -> _Thing:
    zh, en, names, types, choices, units = (
        tuple(part.strip() for part in row[name].split("|") if part.strip())
        for name in ("zh", "en", "names", "types", "choices", "units")
    )
    return _Thing(row["key"], row["name"], row["letter"], zh, en, names, types, choices, units)


THINGS: tuple[_Thing, ...] = tuple(one for one in _things() if one.key)
DECOYS: tuple[_Thing, ...] = tuple(one for one in _things() if not one.key)
ELEMENTS: tuple[Known, ...] = tuple(Known(one.key, (one.name,), one.letter, one.choices) for one in THINGS)

POLITE = (
    "请填写{}",
    "您的{}",
    "{}（必填）",
    "请输入您的{}",
    "{}：",
    "1. {}",
    "{}（以证件为准）",
    "本人{}",
    "申请人{}",
    "请提供{}",
)


def generate(forms: int = 300, seed: int = 20261122, part: int | None = None) -> Iterator[Planted]:
    """Yield the questions of so many forms: 8 to 20 each, about half of them planted.

    part: 0 or 1 says things only in every other of their ways, so that what was learnt from one part is tried on the other.
    """
    chosen = random.Random(seed)  # noqa: S311  nothing secret
    for form in range(forms):
        planted = chosen.sample(THINGS, chosen.randint(4, 9))
        decoys = [chosen.choice(DECOYS) for _ in range(chosen.randint(4, 11))]
        things = [*planted, *decoys]
        chosen.shuffle(things)
        for number, thing in enumerate(things):
            yield Planted(form, _asked(_said_in(thing, part), number, chosen), thing.key)


def _said_in(thing: _Thing, part: int | None) -> _Thing:
    return thing if part is None else replace(thing, zh=thing.zh[part::2] or thing.zh, en=thing.en[part::2] or thing.en)


def _asked(thing: _Thing, number: int, chosen: random.Random) -> Asked:
    kind = chosen.choice(thing.types)
    choices = thing.choices if kind == "select" else ()
    if choices and chosen.random() < 0.3:
        choices = (*choices, "其他")
    name = f"q{number}" if chosen.random() < 0.5 else chosen.choice(thing.names)
    if chosen.random() < 0.12:
        return Asked(name, (chosen.choice(thing.en),), kind, choices)
    said = _worded(chosen.choice(thing.zh), thing.units, chosen)
    return Asked(name, (said,), kind, choices)


def _worded(said: str, units: Sequence[str], chosen: random.Random) -> str:
    if units and chosen.random() < 0.5:
        said = f"{said}（{chosen.choice(units)}）"
    elif chosen.random() < 0.4:
        said = chosen.choice(POLITE).format(said)
    if chosen.random() < 0.08:
        said = said.replace("号码", "号 码").replace("姓名", "姓 名")
    return said
