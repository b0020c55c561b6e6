# SPDX-License-Identifier: Apache-2.0
"""Which law a rule or a decision of the city rests on: what the packs' declarations name as their source, and what people name
when they ask, answer or keep back, found in the registers of laws.

"HJ 633-2012, table 2; unchanged in HJ 633-2026"   → two citations: an article, and a law
"《…暂行办法》（国发〔2016〕51号）第九条"                → an article, as people write it
"本系统默认"                                         → the city's own rule: no citation is expected
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from django.conf import settings
from django.utils import timezone

from chengyun.access.actors import Actor
from chengyun.city import City
from chengyun.share.registers.declared import table_of

__all__ = ["Cited", "Found", "Source", "cited_by", "citations_of", "decisions", "read_citations", "sources"]

State = Literal["article", "law", "unresolved", "own"]

NUMBER = re.compile(
    r"(?P<standard>(?:GB|HJ|CJ|GA|JT|JGJ|CJJ|DB\d{0,4}|SL|QX|YD|NMPAB)(?:/[TZ])?\s?\d{2,6}(?:\.\d{1,2})?"
    r"(?:-\d{4})?)(?!\d)"
    r"|(?P<document>[\u4e00-\u9fff]{2,8}〔\d{4}〕\d{1,5}号|(?:国务院|主席)令第\d{1,4}号)"
)
CLAUSE = re.compile(
    r"^\s*(?:[)）]?\s*(?P<article>第[一二三四五六七八九十百零\d]{1,6}条)"
    r"|(?:,|，|（|\()\s*(?P<clause>第[一二三四五六七八九十百零\d]{1,6}条|表\s?\d+|附录\s?[A-Z]|"
    r"table \d+|annex [A-Z]|\d+(?:\.\d+)+))"
)
OWN = re.compile(r"本系统|本平台|城市确定|our default|our own|各地通行", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """What says on what it rests. pack: whose declaration; "" for a decision. where: which one. on: from which day.

    kind: of a decision: resource (why it is kept back) or request (on what it is asked, or refused).
    """

    pack: str
    where: str
    text: str
    on: dt.date | None = None
    kind: Literal["", "resource", "request"] = ""


decisions: list[Callable[[Actor], Iterable[Source]]] = []
"""Who tells of decisions, and of those alone that an actor may know of: each registers in its ready()."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A law's number and the clause of it, as a source writes them; clause "" for the law as a whole."""

    number: str
    clause: str


@dataclass(frozen=True, slots=True)
class Found:
    """A citation and what it leads to: the thing of a register (dataset, key, name), or nothing."""

    source: Source
    cited: Cited
    state: State
    dataset: str = ""
    key: str = ""
    name: str = ""


def sources(city: City | None = None) -> Iterator[Source]:
    """Yield every source that a declaration of the running packs names."""
    city = city or settings.CITY
    for key, pack in city.packs.items():
        for standard in pack.pack.standards:
            yield Source(key, "pack", standard)
        for table in pack.limits:
            for entry in pack.limits.editions(table):
                yield Source(key, f"limits {table}", entry.source, entry.in_force)
        for scale in pack.pack.scales:
            yield Source(key, f"scale {scale.key}", scale.source)
        for indicator in pack.indicators:
            yield Source(key, f"indicator {indicator.key}", indicator.source)
        for rule in pack.pack.rules:
            yield Source(key, f"rule {rule.key}", rule.standard)
        for kind in pack.pack.cases:
            scheme = city.scheme(f"{key}.{kind.key}")
            if scheme is None:
                continue
            told = [(it.source, it.in_force) for it in scheme.categories] + [(it.source, it.in_force) for it in scheme.limits]
            for text, day in dict.fromkeys(told):
                yield Source(key, f"case type {kind.key}", text, day)


def read_citations(text: str) -> list[Cited]:
    """Return the laws a source names, with the clause that follows each."""
    found = []
    for match in NUMBER.finditer(text):
        clause = CLAUSE.match(text[match.end() :])
        number = re.sub(r"^([A-Z/]+)\s?(\d)", r"\1 \2", match[0])
        found.append(Cited(number, (clause["article"] or clause["clause"]) if clause else _after(text[match.end() :])))
    return found


def citations_of(day: dt.date | None = None, actor: Actor | None = None) -> list[Found]:
    """Return every citation of the running packs and what it leads to on a day (today), unresolved ones first.

    actor: also those of decisions that the actor may know of, where they name a law by its number.
    """
    day = day or timezone.localdate()
    known = _Known.read()
    found: list[Found] = []
    told = chain.from_iterable(tell(actor) for tell in decisions) if actor is not None else ()
    for source in chain(sources(), told):
        cited = read_citations(source.text)
        if not cited and not source.kind:
            found.append(Found(source, Cited("", ""), "own" if OWN.search(source.text) else "unresolved"))
        found += [known.find(source, one, source.on or day) for one in cited]
    order = {"unresolved": 0, "law": 1, "article": 2, "own": 3}
    return sorted(found, key=lambda one: (order[one.state], one.source.pack, one.source.where, one.source.text))


def cited_by(dataset: str, key: str, actor: Actor | None = None) -> list[Found]:
    """Return the citations that lead to a thing, or to a part of it."""
    return [
        one
        for one in citations_of(actor=actor)
        if (one.dataset, one.key) == (dataset, key)
        or (one.dataset.split(".")[0] == dataset.split(".")[0] and one.key.startswith(f"{key}."))
    ]


def _after(text: str) -> str:
    """Return words behind a number that may be a heading: ", limits of the transition stage"; "" where there are none."""
    found = re.match(r"^, ([a-z][a-zA-Z ]{3,60}?)(?:$|[;,.；])", text)
    return found[1].strip() if found else ""


@dataclass(frozen=True)
class _Known:
    """The things that can be cited: what they are cited as → dataset, key, name, and the days they hold."""

    things: Mapping[str, tuple[str, str, str, dt.date | None, dt.date | None]]

    @classmethod
    def read(cls) -> _Known:
        city: City = settings.CITY
        things = {}
        for dataset, entity in city.entities.items():
            if entity.cited_as:
                columns = (entity.cited_as, "key", "name", "valid_from", "valid_to")
                for text, key, name, since, until in table_of(dataset)._default_manager.values_list(*columns):
                    things[str(text)] = (dataset, str(key), str(name), since, until)
        return cls(things)

    def find(self, source: Source, cited: Cited, day: dt.date) -> Found:
        number = self._number(cited.number) or self._edition(cited.number, day)
        if cited.clause and (article := self.things.get(f"{number}, {cited.clause}")):
            return Found(source, cited, "article", *article[:3])
        if law := self.things.get(number):
            return Found(source, cited, "law", *law[:3])
        return Found(source, cited, "unresolved")

    def _number(self, number: str) -> str:
        """Return a number as it is known, without words that stand before it: 根据国发〔2016〕51号; "" where it is not."""
        if "〔" not in number:
            return number if number in self.things else ""
        return next((number[at:] for at in range(number.index("〔")) if number[at:] in self.things), "")

    def _edition(self, number: str, day: dt.date) -> str:
        """Return the edition of a standard named without its year that is in force on a day, or the last one before."""
        editions = [
            (since or dt.date.min, text)
            for text, (_dataset, _key, _name, since, _until) in self.things.items()
            if re.fullmatch(re.escape(number) + r"(?:\.\d+)?-\d{4}", text)
        ]
        in_force = [one for one in editions if one[0] <= day]
        return max(in_force)[1] if in_force else min(editions)[1] if editions else number
