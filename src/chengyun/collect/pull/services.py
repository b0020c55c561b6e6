# SPDX-License-Identifier: Apache-2.0
"""What people do to sources: make, change, pause, decide, remove. Each is checked and stands in the audit log."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.policy import require
from chengyun.city import City, qualify
from chengyun.collect.pull.credentials import Credentials, close
from chengyun.collect.pull.models import Drift, KnownRow, Pending, SeenFile, Source
from chengyun.collect.pull.spec import Spec, read_spec
from chengyun.config import config
from chengyun.errors import NotFound, Refused, nearest

__all__ = ["Decision", "add", "change", "decide", "ensure_sources", "get_source", "pause", "remove", "resume", "set_credentials"]

Decision = Literal["accepted", "mapped", "ignored", "stopped"]


def get_source(key: str) -> Source:
    """Return a source. Raises NotFound naming the nearest."""
    found = Source.objects.filter(key=key).first()
    if found is None:
        raise NotFound(
            f"There is no source {key!r}.{nearest(key, Source.objects.values_list('key', flat=True))}", dataset="sources"
        )
    return found


def add(actor: Actor, given: Mapping[str, Any], credentials: Credentials | None = None, *, active: bool = True) -> Source:
    """Make a source and return it. Raises Refused with every fault of what is given."""
    require(actor, "source.manage")
    spec = read_spec(given, settings.CITY)
    _allowed(spec)
    with transaction.atomic():
        if Source.objects.filter(key=spec.key).exists():
            raise Refused(_("已有编码为 %s 的数据源。") % spec.key, code="source_exists")
        made = Source.objects.create(
            key=spec.key, name=spec.name, kind=spec.kind, spec=msgspec.to_builtins(spec), created_by=actor.name[:100],
            credentials=close(config().secret, credentials) if credentials else None,
            state=Source.State.ACTIVE if active else Source.State.PAUSED, next_at=timezone.now() if active else None,
        )  # fmt: skip
        audit.record(actor, "source.add", "sources", spec.key, detail={"address": spec.address, "kind": spec.kind})
    return made


def change(actor: Actor, key: str, given: Mapping[str, Any]) -> Source:
    """Change what a source is; what was read stays read. Raises Refused."""
    require(actor, "source.manage")
    spec = read_spec({**given, "key": key}, settings.CITY)
    _allowed(spec)
    with transaction.atomic():
        source = _locked(key)
        before = read_spec(source.spec, settings.CITY)
        if source.pack:
            raise Refused(_("这个数据源由应用包声明，请在应用包中修改。"), code="declared")
        if spec.kind != before.kind:
            raise Refused(_("方式不能更改，请另建一个数据源。"), code="kind")
        fields = ["spec", "name"]
        if _elsewhere(before, spec):
            # Another table or place: where the former one was read to says nothing about it.
            source.position, source.columns = {}, {}
            KnownRow.objects.filter(source=source).delete()
            Pending.objects.filter(source=source).delete()
            source.files.all().delete()
            fields += ["position", "columns"]
        # What was said may be what a file could not be read without: its format, its coordinate system.
        source.files.filter(state=SeenFile.State.FAILED).delete()
        source.spec, source.name = msgspec.to_builtins(spec), spec.name
        source.save(update_fields=fields)
        audit.record(actor, "source.change", "sources", key, detail={"address": spec.address})
    return source


def set_credentials(actor: Actor, key: str, credentials: Credentials | None) -> None:
    """Keep new credentials, or none. They are never read back to a person."""
    require(actor, "source.manage")
    with transaction.atomic():
        source = _locked(key)
        source.credentials = close(config().secret, credentials) if credentials else None
        source.save(update_fields=["credentials"])
        audit.record(actor, "source.credentials", "sources", key, detail={"set": credentials is not None})


def pause(actor: Actor, key: str) -> None:
    """Read a source no more until it is resumed."""
    _set_state(actor, key, Source.State.PAUSED)


def resume(actor: Actor, key: str) -> None:
    """Read a source again, at once and then by its schedule."""
    _set_state(actor, key, Source.State.ACTIVE)


def remove(actor: Actor, key: str) -> None:
    """Remove a source and its history of runs; what it brought stays. Raises Refused for one that a pack declares."""
    require(actor, "source.manage")
    with transaction.atomic():
        source = _locked(key)
        if source.pack:
            raise Refused(_("这个数据源由应用包声明，只能暂停。"), code="declared")
        KnownRow.objects.filter(source=source).delete()
        source.delete()
        audit.record(actor, "source.remove", "sources", key)


def decide(actor: Actor, drift_id: int, decision: Decision) -> Source:
    """Say what a change in a source's columns means.

    accepted: so it is from now on. mapped: what we took from the former column is taken from the new one. ignored: as if nothing
    had changed. stopped: the source is paused. Raises Refused when it is decided already.
    """
    require(actor, "source.manage")
    with transaction.atomic():
        drift = Drift.objects.select_for_update().filter(pk=drift_id).first()
        if drift is None:
            raise NotFound(_("没有找到。"), dataset="sources")
        if drift.decision != Drift.Decision.WAITING:
            raise Refused(_("这个变化已经决定过：%s。") % drift.get_decision_display(), code="settled")
        source = Source.objects.select_for_update().get(pk=drift.source_id)
        if decision == "mapped":
            _map_anew(source, drift)
        if decision in ("accepted", "mapped"):
            source.columns = _agreed(source.columns, drift)
        drift.decision, drift.decided_at, drift.decided_by = decision, timezone.now(), actor.name[:100]
        drift.save(update_fields=["decision", "decided_at", "decided_by"])
        waiting = source.drifts.filter(decision=Drift.Decision.WAITING, used=True).exists()
        if decision == "stopped":
            source.state, source.next_at = Source.State.PAUSED, None
        elif source.state == Source.State.STOPPED and not waiting:
            source.state, source.next_at = Source.State.ACTIVE, timezone.now()
        source.save(update_fields=["spec", "columns", "state", "next_at"])
        audit.record(
            actor, "source.decide", "sources", source.key,
            detail={"kind": drift.kind, "column": drift.column, "after": drift.after, "decision": decision},
        )  # fmt: skip
    return source


def ensure_sources() -> None:
    """Bring the sources that packs declare to what they declare: a new one waits, paused, for its credentials and a person."""
    city: City = settings.CITY
    for qualified, declared in city.sources.items():
        pack = qualified.split(".")[0]
        given = declared.as_spec(functools.partial(qualify, pack))
        spec = read_spec({**given, "key": f"{pack}_{declared.key}"}, city)
        made, new = Source.objects.get_or_create(
            key=spec.key, defaults={"name": spec.name, "kind": spec.kind, "spec": msgspec.to_builtins(spec), "pack": pack}
        )
        if not new and made.spec != msgspec.to_builtins(spec):
            made.spec, made.name, made.pack = msgspec.to_builtins(spec), spec.name, pack
            made.save(update_fields=["spec", "name", "pack"])
            audit.record(SYSTEM, "source.change", "sources", spec.key, detail={"pack": pack})


def _allowed(spec: Spec) -> None:
    """Raise Refused early for a folder no source may read; hosts are looked up when they are spoken to."""
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    from chengyun.collect.pull.readings import guard_of

    parts = urlsplit(spec.address)
    if parts.scheme == "file":
        guard_of(config()).folder(Path(unquote(parts.path) or "/"))


def _elsewhere(before: Spec, after: Spec) -> bool:
    def place(spec: Spec) -> object:
        read = msgspec.to_builtins(spec.read)
        return spec.address, spec.identity, *(read.get(name) for name in ("table", "db_schema", "query", "watermark", "rows"))

    return place(before) != place(after)


def _set_state(actor: Actor, key: str, state: Source.State) -> None:
    require(actor, "source.manage")
    with transaction.atomic():
        source = _locked(key)
        source.state = state
        source.next_at = timezone.now() if state == Source.State.ACTIVE else None
        source.failures = 0
        source.save(update_fields=["state", "next_at", "failures"])
        audit.record(actor, f"source.{'resume' if state == Source.State.ACTIVE else 'pause'}", "sources", key)


def _locked(key: str) -> Source:
    found = Source.objects.select_for_update().filter(key=key).first()
    if found is None:
        raise NotFound(_("没有找到。"), dataset="sources")
    return found


def _map_anew(source: Source, drift: Drift) -> None:
    if drift.kind != Drift.Kind.RENAMED:
        raise Refused(_("只有疑似改名的列可以改用新列。"), code="decision")
    if source.pack:
        raise Refused(_("这个数据源由应用包声明，请在应用包中修改。"), code="declared")

    def renamed(value: Any) -> Any:
        match value:
            case str() if value == drift.column:
                return drift.after
            case {"column": drift.column}:
                return {**value, "column": drift.after}
            case _:
                return value

    spec = dict(source.spec)
    for part in ("stream", "register"):
        if spec.get(part):
            mapped = dict(spec[part])
            mapped["columns"] = {name: renamed(value) for name, value in mapped.get("columns", {}).items()}
            spec[part] = mapped | ({"key": renamed(mapped["key"])} if "key" in mapped else {})
    spec["identity"] = [renamed(name) for name in spec.get("identity", ())]
    read = dict(spec["read"])
    if read.get("watermark") == drift.column:
        read["watermark"] = drift.after
    source.spec = msgspec.to_builtins(read_spec(spec | {"read": read}, settings.CITY))


def _agreed(columns: Mapping[str, str], drift: Drift) -> dict[str, str]:
    agreed = dict(columns)
    match drift.kind:
        case Drift.Kind.APPEARED | Drift.Kind.RETYPED:
            agreed[drift.column] = drift.after
        case Drift.Kind.VANISHED:
            agreed.pop(drift.column, None)
        case Drift.Kind.RENAMED:
            agreed[drift.after] = agreed.pop(drift.column, "")
    return agreed
