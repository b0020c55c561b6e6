# SPDX-License-Identifier: Apache-2.0
"""What a report says about its category, as named groups of values that can be counted and read.

    said      the whole sentence, where it is short: the name of a service somebody picked, a clerk's usual words
    words     pairs of Chinese characters, whole words elsewhere: no dictionary is needed, and none goes stale
    place     district, street, community, a square of some 110 m and one of 1.1 km
    channel   how it came          hour, weekday, month   when, on the city's clock
    …         what else is known, under its own name

A group `said@district` counts a sentence in a district; its parent is `said`, from which it may only depart with evidence.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["SHORT", "Facts", "groups_of", "parent_of"]

SHORT = 48
"""Characters up to which a text counts as one saying."""
MOST_WORDS = 120
HAN = re.compile(r"[一-鿿]+")
WORD = re.compile(r"[a-z]{2,}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a report when it comes, and nothing decided later. at: on the city's clock. more: name → value."""

    text: str = ""
    lon: float | None = None
    lat: float | None = None
    area_code: str = ""
    at: dt.datetime | None = None
    channel: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


def groups_of(facts: Facts) -> dict[str, tuple[str, ...]]:
    """Return the values of each group that a report has; a group without one is left out."""
    text = _plain(facts.text)
    single = {**_place(facts), **_moment(facts), **{name: value for name, value in facts.more.items() if value}}
    found: dict[str, tuple[str, ...]] = {name: (value,) for name, value in single.items()}
    if words := _words(text):
        found["words"] = words
    if text and len(text) <= SHORT:
        found["said"] = (text,)
        found |= {f"said@{name}": (f"{text}|{value}",) for name, value in single.items()}
    return found


def parent_of(group: str) -> str | None:
    """Return the group that a group is a closer look at; None: the city's whole."""
    return group.partition("@")[0] if "@" in group else None


def _place(facts: Facts) -> dict[str, str]:
    found = {"channel": facts.channel} if facts.channel else {}
    for name, length in (("district", 6), ("street", 9), ("community", 12)):
        if len(facts.area_code) >= length:
            found[name] = facts.area_code[:length]
    if facts.lon is not None and facts.lat is not None:
        found["cell"] = f"{facts.lat:.3f},{facts.lon:.3f}"
        found["square"] = f"{facts.lat:.2f},{facts.lon:.2f}"
    return found


def _moment(facts: Facts) -> dict[str, str]:
    if facts.at is None:
        return {}
    found = {"weekday": str(facts.at.isoweekday()), "month": str(facts.at.month), "hour": str(facts.at.hour)}
    if facts.channel:
        found["channel, hour"] = f"{facts.channel}, {facts.at.hour}"
    return found


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _words(text: str) -> tuple[str, ...]:
    pairs = [run[at : at + 2] for run in HAN.findall(text) for at in range(max(1, len(run) - 1))]
    return tuple(dict.fromkeys([*pairs, *WORD.findall(text)]))[:MOST_WORDS]
