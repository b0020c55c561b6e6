# SPDX-License-Identifier: Apache-2.0
"""A foreign catalogue by its address: every page of it, or nothing when none of them changed.

    page 1 ─next─▶ page 2 ─next─▶ …       DCAT: hydra:next, or a Link header; CKAN: start and rows, up to its count

Pages known from the last reading are asked for with their ETag (or date). All the same: nothing changed. One that differs, and
everything is read, so that what is taken in is one state of the catalogue and not the seam of two.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from django.utils.translation import gettext as _

from chengyun.collect.pull.getting import Getter
from chengyun.collect.pull.guard import Guard
from chengyun.collect.pull.spec import HttpRead
from chengyun.errors import Malformed, Refused
from chengyun.share.catalogue.harvest.foreign import Foreign
from chengyun.share.catalogue.harvest.reading import Page as Found
from chengyun.share.catalogue.harvest.reading import read_page

__all__ = ["Fetched", "check_address", "fetch"]

ACCEPT = "text/turtle, application/ld+json;q=0.9, application/rdf+xml;q=0.9, application/json;q=0.8, */*;q=0.5"
MOST_PAGES = 1_000
CKAN_PAGE = 500
LARGEST_MB = 64.0
"""Of one page, unpacked."""

Page = dict[str, str]
"""url, etag, modified of a page that was read."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What stood at an address. pages: to be given back the next time."""

    standard: str
    found: tuple[Foreign, ...]
    pages: tuple[Page, ...]


def check_address(url: str, guard: Guard) -> None:
    """Raise Refused for an address that is none, or that leads where no source may be; Unavailable for an unknown name."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or len(url) > 1000:
        raise Refused(_("%s 不是网址，应为 http(s)://…，且不含用户名。") % (url[:120] or "—"), code="url", field="url")
    guard.address(parts.hostname, port)


def fetch(
    url: str, guard: Guard, known: Sequence[Page], now: dt.datetime, wait: Callable[[float], None] = time.sleep
) -> Fetched | None:
    """Return every dataset of the catalogue at an address; None when no page of it changed since `known`.

    Raises Unavailable (with `retry_after` where the other side said when), Refused or Malformed.
    """
    check_address(url, guard)
    getter = Getter(url, HttpRead(largest_mb=LARGEST_MB), guard, now, wait=wait, accept=ACCEPT)
    try:
        if known and known[0]["url"] == _first(url) and all(_unchanged(getter, page) for page in known):
            return None
        return _whole(getter, url)
    finally:
        getter.close()


def _unchanged(getter: Getter, page: Page) -> bool:
    if not (page["etag"] or page["modified"]):
        return False
    _answer, file, _size = getter.get(page["url"], known=page)
    if file is None:
        return True
    file.close()
    return False


def _whole(getter: Getter, url: str) -> Fetched:
    standard, found, pages = "", list[Foreign](), list[Page]()
    following: str | None = _first(url)
    while following is not None:
        if any(page["url"] == following for page in pages):
            raise Malformed(_("%s 两次被列为下一页，目录在兜圈子。") % following, code="paging")
        if len(pages) == MOST_PAGES:
            raise Malformed(_("目录已给出 %d 页，仍没有结束。") % MOST_PAGES, code="paging")
        answer, file, _size = getter.get(following)
        assert file is not None  # nothing was known of it; mypy
        with file:
            page = read_page(file.read(), following)
        if standard and page.standard != standard:
            words = {"url": following, "standard": page.standard, "before": standard}
            raise Malformed(_("%(url)s 的标准是 %(standard)s，前一页是 %(before)s。") % words, code="paging")
        standard = page.standard
        found += page.found
        pages.append({
            "url": following, "etag": answer.headers.get("etag", ""), "modified": answer.headers.get("last-modified", ""),
        })  # fmt: skip
        following = _next(following, page, len(found), answer.links.get("next", {}).get("url"))
    return Fetched(standard, tuple(found), tuple(pages))


def _first(url: str) -> str:
    """Return where reading begins: CKAN's search gives ten datasets unless it is asked for more."""
    if not _is_search(url):
        return url
    given = _words(url)
    return _asked(url, {"rows": str(CKAN_PAGE), **given, "start": "0"})


def _next(url: str, page: Found, so_far: int, linked: str | None) -> str | None:
    """Return where to go on: as the page says, or as far on in a search as it has given."""
    if page.total is None:
        named = page.next or linked
        return urljoin(url, named) if named else None
    if so_far >= page.total or not page.found or not _is_search(url):
        return None
    words = _words(url)
    return _asked(url, {**words, "start": str(int(words["start"]) + len(page.found))})


def _is_search(url: str) -> bool:
    return urlsplit(url).path.rstrip("/").endswith("/package_search")


def _words(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _asked(url: str, words: Mapping[str, Any]) -> str:
    return urlunsplit(urlsplit(url)._replace(query=urlencode(words)))
