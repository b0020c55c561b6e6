# SPDX-License-Identifier: Apache-2.0
"""What follows from a pack's declarations: tables, SQL, addresses, datasets, jobs. Nothing derived stays hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from chengyun.city import City, Silent
from chengyun.city.packs import LoadedPack
from chengyun.run import setup


def explain(city: City, key: str) -> str:
    """Return the text of `chengyun explain`. Needs no running database."""
    setup.django(unconnected=True)
    loaded = city.packs[key]
    sections = {
        f"{loaded.pack.name} ({key}): {loaded.pack.answers}": iter([f"declared in {loaded.module}, owner {loaded.pack.owner}"]),
        "Tables": _tables(city, loaded),
        "SQL of indicators": _sql(loaded),
        "Addresses": _addresses(loaded),
        "Datasets and who may read them": _datasets(loaded),
        "Jobs": _jobs(loaded),
    }
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections.items())


def _tables(city: City, loaded: LoadedPack) -> Iterator[str]:
    from django.apps import apps

    from chengyun.lake.tables import create_chunk, create_latest, stream_table

    for model in apps.get_app_config(loaded.module.rpartition(".")[2]).get_models() if loaded.pack.entities else []:
        columns = ", ".join(f"{field.column} {_type(field)}" for field in model._meta.local_concrete_fields)
        yield f"{model._meta.db_table} ({columns})"
    for stream in loaded.pack.streams:
        table = stream_table(city, f"{loaded.key}.{stream.key}")
        for statement in (create_chunk(table, 1), create_latest(table)):
            yield re.sub(r"\s+", " ", statement).strip()
        yield f"Iceberg table {table.name}, partitioned by month of time: the sealed rows of {table.qualified}"


def _type(field: object) -> str:
    from django.db import connection

    return str(field.db_type(connection))  # type: ignore[attr-defined]


def _sql(loaded: LoadedPack) -> Iterator[str]:
    for indicator in loaded.indicators:
        yield f"{loaded.key}.{indicator.key}, version {indicator.version}, {indicator.period} by {indicator.subject}:"
        yield from (f"    {line}" for line in indicator.sql.strip().splitlines())
        if indicator.rule:
            yield f"    then rule {indicator.rule}"


def _addresses(loaded: LoadedPack) -> Iterator[str]:
    for page in loaded.pack.pages:
        yield f"web     GET  /p/{loaded.key}/{page.key}" + ("?key=…" if page.entity else "")
    for entity in loaded.pack.entities:
        yield f"web     GET  /e/{loaded.key}.{entity.key}/<key>"
    for stream in loaded.pack.streams:
        yield f"stream  POST /ingest/{loaded.key}.{stream.key}  (urgency {stream.urgency})"
        yield f"stream  GET  /latest/{loaded.key}.{stream.key}"


def _datasets(loaded: LoadedPack) -> Iterator[str]:
    pack = loaded.pack
    kinds: dict[str, Sequence[Any]] = {
        "entity": pack.entities,
        "stream": pack.streams,
        "indicator": loaded.indicators,
        "case": pack.cases,
    }
    for kind, found in kinds.items():
        for it in found:
            personal = ", about persons" if getattr(it, "personal", False) else ""
            yield f"{loaded.key}.{it.key} ({kind}): sharing {it.sharing}, {'open' if it.open else 'not open'}{personal}"
    for stream in pack.streams:
        yield f"token scope ingest:{loaded.key}.{stream.key} may write {stream.name}"


def _jobs(loaded: LoadedPack) -> Iterator[str]:
    for stream in loaded.pack.streams:
        yield f"seal {loaded.key}.{stream.key}"
    for indicator in loaded.indicators:
        yield f"evaluate {loaded.key}.{indicator.key} for the {indicator.period}s that new rows touched"
    for rule in loaded.pack.alerts:
        if isinstance(rule.when, Silent):
            yield f"watch {rule.key}: entities of {rule.on} that fall silent"
        elif rule.on in {indicator.key for indicator in loaded.indicators}:
            yield f"judge {rule.key} when {rule.on} has new figures"
    if loaded.pack.simulation:
        yield f"simulate {', '.join(loaded.pack.simulation.streams)} while they have nothing real"
    for instrument in loaded.pack.instruments:
        yield f"draw {instrument.key} into {instrument.stream} where a made-up city lives"
