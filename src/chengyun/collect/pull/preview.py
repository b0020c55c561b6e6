# SPDX-License-Identifier: Apache-2.0
"""A source tried out: its columns, its first rows, and what would become of each. Nothing is kept, nothing moves."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from chengyun.city import City
from chengyun.collect.pull.chunks import kinds_of, plain
from chengyun.collect.pull.credentials import Credentials
from chengyun.collect.pull.mapping import Mapped, Mapper
from chengyun.collect.pull.models import Source
from chengyun.collect.pull.readings import open_reading
from chengyun.collect.pull.spec import Spec
from chengyun.config import Config
from chengyun.errors import Malformed

__all__ = ["Preview", "Shown", "preview"]

ROWS = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """One row. as_sent: the source's; becomes: ours. verdict: "kept", "flagged", "dead" or "registered"; why: a sentence."""

    as_sent: dict[str, Any]
    becomes: dict[str, Any]
    verdict: str
    why: str = ""


@dataclass(slots=True)
class Preview:
    """columns: name → kind. missing: columns the mapping needs and the source does not have."""

    at: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    rows: list[Shown] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


def preview(config: Config, city: City, spec: Spec, credentials: Credentials) -> Preview:
    """Read the beginning of a source. Raises Unavailable or Refused, as a run would, and Malformed where no file can be read."""
    mapper = Mapper(spec, city, config.zone)
    unread = Source(key=spec.key, position={}, spec={})  # never saved: a reading that begins at the beginning
    reading = open_reading(config, spec, credentials, unread, mapper.zone, spec.identity_columns(city), timezone.now())
    found, wrong = Preview(), ""
    with contextlib.closing(reading):
        for chunk in reading.chunks():
            if not chunk.rows:
                found.columns = found.columns or dict(chunk.columns or {})
                wrong = wrong or str((chunk.file or {}).get("error", ""))
                continue
            rows = chunk.rows[:ROWS]
            found.at = chunk.at
            found.columns = dict(chunk.columns or kinds_of(chunk.rows))
            found.missing = sorted(set(mapper.used) - set(found.columns))
            found.rows = _shown(city, spec, rows, mapper.map(rows), found)
            break
    if wrong and not found.rows:
        raise Malformed(wrong, code="broken_file")
    return found


def _shown(city: City, spec: Spec, rows: list[dict[str, Any]], mapped: Mapped, found: Preview) -> list[Shown]:
    as_sent = [{name: plain(value) for name, value in row.items()} for row in rows]
    if spec.stream is None:
        bad = {str(sorted(it.row.items())): it.reason for it in mapped.aside}
        return [
            Shown(row, {}, "dead" if (why := bad.get(str(sorted(row.items())), "")) else "registered", why) for row in as_sent
        ]
    verdicts = _judged(city, spec, mapped, found)
    names = list(mapped.columns)
    return [
        Shown(row, {name: mapped.columns[name][place] for name in names}, *verdicts[place]) for place, row in enumerate(as_sent)
    ]


def _judged(city: City, spec: Spec, mapped: Mapped, found: Preview) -> list[tuple[str, str]]:
    """Return what the front door would say of each row, as far as it can be said without the newest rows of the stream."""
    import numpy as np  # not where pages are served

    from chengyun.city import qualify
    from chengyun.collect.batch import Sender, prepare, unit_hints
    from chengyun.collect.decode import read_columns
    from chengyun.collect.registering import model_of

    assert spec.stream is not None
    stream = city.streams[spec.stream.to]
    decoded = read_columns(mapped.columns, stream)
    model = model_of(city, qualify(spec.stream.to.split(".")[0], stream.entity.to))
    there = dict.fromkeys(model._default_manager.filter(key__in=decoded.keys).values_list("key", flat=True), 0)
    there |= {key: 0 for key, _ in mapped.register}  # registered by the very same row
    slots = np.array([there.get(key, -1) for key in decoded.keys], dtype=np.intp)
    batch = prepare(decoded, slots, there, stream, Sender("preview", spec.key), timezone.now())
    dead = {it.index: it.dead.reason for it in batch.dead}
    verdicts: list[tuple[str, str]] = []
    for place in range(len(decoded)):
        if place in dead:
            verdicts.append(("dead", dead[place]))
            continue
        values = [(quantity, decoded.numbers[quantity.key][place]) for quantity in stream.quantities]
        outside = [
            f"{it.key} {value:g} ∉ [{it.valid[0]:g}, {it.valid[1]:g}] {it.unit}"
            for it, value in values
            if value < it.valid[0] or value > it.valid[1]
        ]
        verdicts.append(("flagged", "; ".join(outside)) if outside else ("kept", ""))
    found.hints = unit_hints(stream, batch.values)
    return verdicts
