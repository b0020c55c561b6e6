# SPDX-License-Identifier: Apache-2.0
"""A dataset of a foreign catalogue, whatever it was written in, and what its entry lacks or has wrong."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

__all__ = ["Distribution", "Foreign", "cycle_of", "faults_of", "moment_of", "text_of"]

LONGEST = {"title": 300, "publisher": 200, "url": 1_000, "keyword": 100}
CYCLES = {
    "cont": "realtime",
    "update_cont": "realtime",
    "hourly": "day",
    "daily": "day",
    "weekly": "week",
    "biweekly": "month",
    "monthly": "month",
    "quarterly": "quarter",
    "annual_2": "half_year",
    "semiannual": "half_year",
    "annual": "year",
    "annually": "year",
    "yearly": "year",
    "irreg": "irregular",
    "irregular": "irregular",
    "unknown": "irregular",
    "as needed": "irregular",
    "other": "irregular",
    "never": "irregular",
    "r/pt1s": "realtime",
    "r/p1d": "day",
    "r/p1w": "week",
    "r/p7d": "week",
    "r/p1m": "month",
    "r/p3m": "quarter",
    "r/p6m": "half_year",
    "r/p1y": "year",
}
"""The EU's frequency codes, ISO 8601 repetitions of DCAT-US, and the words portals write."""
_INSTANT = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?")


@dataclass(frozen=True, slots=True)
class Distribution:
    """status: what the link answered when it was last tried; None: it was not."""

    url: str
    title: str = ""
    format: str = ""
    licence: str = ""
    status: int | None = None
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Foreign:
    """identifier: what the other catalogue calls it, the same at every reading. Absent texts are ""."""

    identifier: str
    title: str
    title_en: str = ""
    description: str = ""
    publisher: str = ""
    contact: str = ""
    licence: str = ""
    frequency: str = ""
    modified: str = ""
    issued: str = ""
    landing: str = ""
    access: str = "public"
    keywords: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = field(default_factory=tuple)


def faults_of(one: Foreign) -> Iterator[tuple[str, str]]:
    """Yield (field, what is wrong and what follows) of an entry; one without a title or an identifier is not taken."""
    if not one.identifier:
        yield "identifier", _("没有标识；未采集。")
    if not one.title:
        yield "title", _("没有名称；未采集。")
    if len(one.title) > LONGEST["title"]:
        yield "title", _("名称长于 %d 字，已截断。") % LONGEST["title"]
    for name, value in (("description", one.description), ("publisher", one.publisher), ("licence", one.licence)):
        if not value:
            yield name, _("缺少。")
    if not one.contact:
        yield "contact", _("没有联系方式。")
    elif one.contact.endswith("@example.org"):
        yield "contact", _("联系方式是占位的地址。")
    if not one.modified:
        yield "modified", _("没有最近更新的时间，无法判断是否及时。")
    elif moment_of(one.modified) is None:
        yield "modified", _("“%s”不是日期或时间（GB/T 7408、ISO 8601）。") % one.modified[:60]
    if not one.frequency:
        yield "frequency", _("没有更新周期；按不定期登记。")
    elif cycle_of(one.frequency) is None:
        yield "frequency", _("更新周期“%s”不认识；按不定期登记。") % one.frequency[:60]
    if not one.distributions:
        yield "distribution", _("没有任何获取地址。")
    for number, it in enumerate(one.distributions, 1):
        where = f"distribution[{number}]"
        if urlsplit_or_none(it.url) is None:
            yield where, _("“%s”不是网址。") % it.url[:100]
        elif it.tried and it.status != 200:
            yield where, _("链接无效：%(status)s %(url)s") % {"status": it.status or _("无应答"), "url": it.url[:200]}
        if not it.format and not it.tried:
            yield where, _("没有格式。")


def cycle_of(word: str) -> str | None:
    """Return the update cycle a frequency means; None for one that is not known."""
    return CYCLES.get(word.rstrip("/").rpartition("/")[2].casefold() if word.startswith("http") else word.strip().casefold())


def moment_of(text: str) -> dt.datetime | None:
    """Return an instant written as a year, month, day or moment; without an offset it is UTC. None for anything else."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        found = dt.datetime.fromisoformat(text + {4: "-01-01", 7: "-01"}.get(len(text), ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def text_of(value: Any) -> str:
    """Return a text a source wrote as a string, a number, a list of them or an object with a name; "" for nothing."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("name", "fn", "title", "@value", "@id") if value.get(key)), "")
    if isinstance(value, list):
        value = next((it for it in value if it), "")
    return "" if value is None or isinstance(value, Mapping | list) else " ".join(str(value).split())


def urlsplit_or_none(url: str) -> str | None:
    """Return an address as it is when it is one of the web; None otherwise."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https", "ftp") and parts.netloc else None
