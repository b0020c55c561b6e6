# SPDX-License-Identifier: Apache-2.0
"""Which category a report belongs to: suggested with a calibrated probability and its reasons, or left to a person."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["Suggestion", "suggest"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The likeliest category. probability: calibrated on the city's own cases; None where it has none to learn from.

    abstained: too unsure to stand alone, a person decides. alternatives: (category, probability), the likeliest first.
    """

    category: str
    probability: float | None
    abstained: bool
    reasons: tuple[str, ...] = ()
    alternatives: tuple[tuple[str, float | None], ...] = ()


def suggest(
    type_key: str,
    *,
    text: str,
    lon: float | None = None,
    lat: float | None = None,
    area_code: str = "",
    at: dt.datetime | None = None,
    channel: str = "",
) -> Suggestion | None:
    """Return the category a report most likely belongs to; None where nothing is known about it."""
    # Models of Django: this package is looked into by processes that never load it.
    from chengyun.cases.category import queries

    return queries.suggest(type_key, text=text, lon=lon, lat=lat, area_code=area_code, at=at, channel=channel)
