# SPDX-License-Identifier: Apache-2.0
"""What is counted apart from what. A case is counted once on every sheet; a question is answered from the smallest that can.

By the month every question is answered: one sheet knows everything of a community, which is about a cell for each case, and
the others are as much smaller as they know less. By the day they know every pair a page may ask for down to a street; what none
of them knows is counted from the cases themselves where these are few, and by the month where they are many.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["SHEETS", "Sheet", "sheet_for"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """number: as it stands in a Cell; it is never used again for another sheet. digits: of the area code: 4 the city,
    6 a district, 9 a street, 12 a community. apart: of category, department and source. size: how it compares with others,
    roughly rows for each month.
    """

    number: int
    monthly: bool
    digits: int
    apart: frozenset[str]
    size: int


def _sheet(number: int, grain: str, digits: int, apart: str, size: int) -> Sheet:
    return Sheet(number, grain == "month", digits, frozenset(apart.split()), size)


SHEETS = (
    _sheet(1, "month", 6, "source", 100),
    _sheet(2, "month", 9, "", 160),
    _sheet(3, "month", 6, "department", 200),
    _sheet(4, "month", 6, "category", 2_500),
    _sheet(5, "day", 6, "source", 3_000),
    _sheet(6, "day", 9, "", 5_000),
    _sheet(7, "day", 6, "department", 6_000),
    _sheet(8, "month", 9, "department source", 8_000),
    _sheet(9, "month", 9, "category", 20_000),
    _sheet(10, "month", 6, "category department source", 20_000),
    _sheet(11, "day", 6, "category", 40_000),
    _sheet(12, "day", 4, "category", 7_500),
    _sheet(14, "month", 12, "", 3_000),
    _sheet(15, "month", 12, "category department source", 160_000),
    _sheet(16, "month", 12, "source", 20_000),
)


def sheet_for(daily: bool, digits: int, apart: Collection[str]) -> Sheet | None:
    """Return the smallest sheet that tells apart what is asked; None where none does."""
    fitting = [one for one in SHEETS if not (daily and one.monthly) and digits <= one.digits and one.apart.issuperset(apart)]
    return min(fitting, key=lambda one: one.size, default=None)
