# SPDX-License-Identifier: Apache-2.0
"""Pages of a list whose end is not counted beforehand: newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from chengyun.errors import Refused

T = TypeVar("T")
MOST_PAGES = 10_000


@dataclass(frozen=True)
class Listed(Generic[T]):
    """One page. query: the filters as the pager's links repeat them. total: None when it was not counted.

    back, forth: what the links to the pages beside it say more, of a list that goes on from a row rather than by counting.
    """

    items: tuple[T, ...]
    number: int
    more: bool
    query: str
    total: int | None = None
    back: str = ""
    forth: str = ""

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1


def page_number(request: HttpRequest) -> int:
    """Return the page asked for, 1 without one. Raises Refused for what is no number."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_PAGES):
        raise Refused(f"page is {text[:20]!r}, expected a number from 1 to {MOST_PAGES}.")
    return int(text)


def filters_of(given: QueryDict, *without: str) -> str:
    """Return the filters of an address without its page and what else is named, ready to be followed by `page=`."""
    left_out = {"page", *without}
    kept = [(name, value) for name, values in given.lists() for value in values if name not in left_out and value]
    return f"{urlencode(kept)}&" if kept else ""


def asked(request: HttpRequest, *names: str) -> tuple[str, ...]:
    """Return what an address asks by these names, "" without it. A character no text can hold is left out."""
    return tuple(request.GET.get(name, "").replace("\x00", "").strip() for name in names)
