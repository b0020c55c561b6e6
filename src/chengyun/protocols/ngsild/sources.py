# SPDX-License-Identifier: Apache-2.0
"""Context sources: registrations as something to ask. Which of them a question concerns, and asking them all at once.

A source is asked only where CHENGYUN_NGSILD_HOSTS lets this installation go (outbound.py), within its time-out, and not for a
while after it failed. Our alias goes along in `Via`, so that a question that comes round is recognised.

Standard: ETSI GS CIM 009 V1.8.1, clauses 4.3.6, 5.2.9, 5.2.10, 5.2.34 and 6.3.18.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from chengyun.errors import Problem, Unavailable
from chengyun.protocols.door import Pool
from chengyun.protocols.ngsild.documents import Entity, read_entity, read_instant, stamp
from chengyun.protocols.ngsild.outbound import Answer, Reach, call
from chengyun.protocols.ngsild.problems import looped
from chengyun.protocols.ngsild.questions import matches_text
from chengyun.protocols.ngsild.selecting import Query
from chengyun.protocols.ngsild.selections import fits_types
from chengyun.protocols.ngsild.terms import CORE
from chengyun.protocols.ngsild.trees import leaves

__all__ = ["MODES", "Heard", "Information", "Source", "Sources", "alias_of", "source_of"]

MODES = ("inclusive", "exclusive", "redirect", "auxiliary")
READS = {
    "retrieve": frozenset({"retrieveEntity", "federationOps", "retrieveOps", "redirectionOps"}),
    "query": frozenset({"queryEntity", "federationOps", "retrieveOps", "redirectionOps"}),
}
"""Names and groups of operations by which a registration offers them (table 4.20-1)."""
WITHIN_S, LONGEST_S = 3.0, 10.0
COOLDOWN_S = 10.0
KNOWN_FOR_S = 5.0
AT_ONCE = 16
"""Sources asked side by side, over all questions; more wait, and what waits longer than its time-out goes without."""
PAGE, PAGES = 500, 4
"""Entities asked of a source at a time, and how many times."""
FARTHEST = 8
"""Brokers a question may have come through."""
_OWN_HEADERS = frozenset({"host", "connection", "content-length", "transfer-encoding", "via", "accept", "accept-encoding"})
_ALL = "SELECT document FROM ngsild_registration WHERE tenant = %s AND kind = 'registration' ORDER BY id"


@dataclass(frozen=True, slots=True)
class Information:
    """One entry of `information`: these entities, and of them these attributes. attrs None: all."""

    types: frozenset[str]
    ids: frozenset[str]
    pattern: str
    attrs: frozenset[str] | None

    def holds(self, entity: Entity) -> bool:
        """Say whether an entity is among what is registered."""
        return bool(self.types.intersection(entity.types)) and self._named(entity.id)

    def concerns(self, query: Query) -> bool:
        """Say whether it may hold something that is asked for."""
        if query.attrs and self.attrs is not None and not query.attrs & self.attrs:
            return False
        if query.ids and not any(map(self._named, query.ids)):
            return False
        if query.kinds:
            return any(
                (not kind.ids or any(map(self._named, kind.ids))) and (kind.types is None or self._typed(kind.types))
                for kind in query.kinds
            )
        return query.types is None or self._typed(query.types)

    def _typed(self, tree: Any) -> bool:
        # A type of a conjunction may be one of several that the source's entities have.
        return any(fits_types(tree, [name]) for name in self.types) or bool(self.types.intersection(leaves(tree)))

    def _named(self, name: str) -> bool:
        return (not self.ids or name in self.ids) and (not self.pattern or matches_text(self.pattern, name))


@dataclass(frozen=True, slots=True)
class Source:
    """One registration as something to ask."""

    name: str
    endpoint: str
    mode: str
    alias: str
    information: tuple[Information, ...]
    operations: frozenset[str]
    headers: Mapping[str, str]
    within_s: float
    cooldown_s: float
    expires: str

    def offers(self, operation: str) -> bool:
        return not self.operations or bool(self.operations & READS[operation])


@dataclass(slots=True)
class Heard:
    """What sources said: entities with the registration and entry they are of, and who failed."""

    found: list[tuple[Source, Information, Entity]] = field(default_factory=list)
    asked: list[tuple[Source, Information]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def source_of(document: Mapping[str, Any]) -> Source:
    """Return a registration as kept (names expanded) as something to ask. Raises ValueError when it is none."""
    management = document.get("management") or {}
    told = {str(one.get("key", "")): str(one.get("value", "")) for one in document.get("contextSourceInfo") or []}
    return Source(
        name=str(document["id"]),
        endpoint=str(document["endpoint"]).rstrip("/").removesuffix("/ngsi-ld/v1"),
        mode=str(document.get("mode") or "inclusive"),
        alias=str(document.get("contextSourceAlias") or ""),
        information=tuple(entry for one in document["information"] for entry in _entries(one)),
        operations=frozenset(map(str, document.get("operations") or [])),
        headers={key: value for key, value in told.items() if key.lower() not in _OWN_HEADERS and key != "jsonldContext"},
        within_s=_seconds(management.get("timeout"), WITHIN_S),
        cooldown_s=_seconds(management.get("cooldown"), COOLDOWN_S, 3600),
        expires=str(document.get("expiresAt") or ""),
    )


def alias_of(node: str, secret: str) -> str:
    """Return what this installation calls itself in Via: the same after every start, another for every other one."""
    return f"{node}-{hashlib.sha256(b'ngsi-ld via ' + secret.encode()).hexdigest()[:10]}"


class Sources:
    """The registered sources, asked on behalf of visitors. alias: ours."""

    def __init__(self, pool: Pool, reach: Reach, alias: str) -> None:
        self._pool, self._reach, self.alias = pool, reach, alias
        self._known: dict[str, tuple[float, tuple[Source, ...]]] = {}
        self._resting: dict[str, float] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, "ngsild-source")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def forget(self, name: str) -> None:
        """Read the registrations anew: this one has changed."""
        self._known.clear()
        self._resting.pop(name, None)

    async def ask(self, tenant: str, via: str, operation: str, query: Query) -> Heard:
        """Ask every source that a question concerns, all at once. via: the Via header the question came with.

        Raises Refused (508) when the question has been here before.
        """
        passed = [one.strip().split(" ")[-1] for one in via.split(",") if one.strip()]
        if self.alias in passed:
            raise looped("This question has come round to where it was asked before.")
        heard = Heard()
        if len(passed) >= FARTHEST:
            return heard
        now = stamp(dt.datetime.now(dt.UTC))
        wanted = [
            (source, entry)
            for source in await self._sources(tenant)
            if source.offers(operation) and not (source.alias and source.alias in passed)
            and not (source.expires and source.expires <= now)
            for entry in source.information
            if entry.concerns(query)
        ]  # fmt: skip
        if wanted:
            chain = ", ".join([*filter(None, [via]), f"1.1 {self.alias}"])
            await asyncio.gather(*(self._one(source, entry, tenant, chain, operation, query, heard) for source, entry in wanted))
        return heard

    async def _sources(self, tenant: str) -> tuple[Source, ...]:
        known = self._known.get(tenant)
        if known is None or known[0] < time.monotonic():
            async with self._pool.connection() as conn:
                rows: Any = await (await conn.execute(_ALL, [tenant])).fetchall()
            known = time.monotonic() + KNOWN_FOR_S, tuple(one for row in rows if (one := self._reachable(row[0])))
            if len(self._known) > 1000:
                self._known.clear()
            self._known[tenant] = known
        return known[1]

    def _reachable(self, document: dict[str, Any]) -> Source | None:
        """Return a registration's source if this installation may go there; one we may not ask is only kept."""
        try:
            source, parts = source_of(document), urlsplit(str(document["endpoint"]))
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except (ValueError, KeyError, TypeError, AttributeError, Problem):
            return None
        allowed = parts.scheme in ("http", "https") and parts.hostname and self._reach.allows(parts.hostname, port)
        return source if allowed else None

    async def _one(
        self, source: Source, entry: Information, tenant: str, via: str, operation: str, query: Query, heard: Heard
    ) -> None:
        heard.asked.append((source, entry))
        if self._resting.get(source.name, 0.0) > time.monotonic():
            heard.failed.append(source.name)
            return
        headers = {**source.headers, "Accept": "application/json", "Via": via} | ({"NGSILD-Tenant": tenant} if tenant else {})
        try:
            async with asyncio.timeout(source.within_s):
                addresses = _addresses(source, entry, operation, query)
                found = await self._pages(source, addresses, headers)
        except (Problem, TimeoutError, ValueError, TypeError, AttributeError, RecursionError):
            # What is wrong with a source is its operator's business; who asks is told that its part is missing.
            self._resting[source.name] = time.monotonic() + source.cooldown_s
            heard.failed.append(source.name)
            return
        heard.found += [(source, entry, _limited(one, entry)) for one in found if entry.holds(one)]

    async def _pages(self, source: Source, addresses: Sequence[str], headers: Mapping[str, str]) -> list[Entity]:
        found: list[Entity] = []
        for address in addresses:
            answer = await self._call(address, headers, source.within_s)
            if answer.status in (404, 508):  # it has nothing, or would have asked us
                break
            if answer.status != 200:
                raise Unavailable(f"{source.name} answered {answer.status}.")
            sent = msgspec.json.decode(answer.body)
            read = [_entity(one) for one in (sent if isinstance(sent, list) else [sent])]
            found += read
            if len(read) < PAGE:
                break
        return found

    async def _call(self, address: str, headers: Mapping[str, str], within_s: float) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, lambda: call("GET", address, self._reach, headers=headers, within_s=within_s)
        )


def _addresses(source: Source, entry: Information, operation: str, query: Query) -> list[str]:
    """Return what to get, one address after the other until one gives less than a page."""
    above = f"{source.endpoint}/ngsi-ld/v1/entities"
    attrs = {"attrs": ",".join(sorted(entry.attrs))} if entry.attrs is not None else {}
    if operation == "retrieve":
        return [f"{above}/{quote(query.ids[0], safe=':')}?{urlencode({'options': 'sysAttrs', **attrs})}"]
    params = {"type": ",".join(sorted(entry.types)), "options": "sysAttrs", "limit": str(PAGE), **attrs}
    ids = sorted(set(query.ids) & entry.ids if query.ids and entry.ids else set(query.ids) or entry.ids)
    if ids:
        params["id"] = ",".join(ids)
    if entry.pattern or query.id_pattern:
        params["idPattern"] = entry.pattern or query.id_pattern
    return [f"{above}?{urlencode({**params, 'offset': str(page * PAGE)})}" for page in range(PAGES)]


def _entity(sent: Any) -> Entity:
    """Return an entity as a source tells it, with when its values are of."""
    entity = read_entity(sent, CORE)
    entity.created_at, entity.modified_at = _time(sent, "createdAt"), _time(sent, "modifiedAt")
    for name, value in sent.items():
        instances = entity.attributes.get(CORE.expand(name), []) if name not in ("id", "type", "@context", "scope") else []
        for instance, given in zip(instances, value if isinstance(value, list) and len(instances) > 1 else [value], strict=False):
            if isinstance(given, dict):
                instance |= {member: found for member in ("createdAt", "modifiedAt") if (found := _time(given, member))}
    return entity


def _time(sent: Mapping[str, Any], member: str) -> str:
    return stamp(read_instant(sent[member], member)) if member in sent else ""


def _limited(entity: Entity, entry: Information) -> Entity:
    if entry.attrs is not None:
        entity.attributes = {name: one for name, one in entity.attributes.items() if name in entry.attrs}
    return entity


def _entries(one: Mapping[str, Any]) -> list[Information]:
    named = [name for key in ("propertyNames", "relationshipNames") for name in one.get(key) or []]
    attrs = frozenset(map(str, named)) if named else None
    entries = []
    for entity in one.get("entities") or []:
        types = entity.get("type") or []
        ids = entity.get("id") or []
        entries.append(Information(
            frozenset([types] if isinstance(types, str) else types), frozenset([ids] if isinstance(ids, str) else ids),
            str(entity.get("idPattern") or ""), attrs,
        ))  # fmt: skip
    return entries


def _seconds(milliseconds: Any, default: float, most: float = LONGEST_S) -> float:
    given = milliseconds / 1000 if isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool) else default
    return min(max(given, 0.1), most)
