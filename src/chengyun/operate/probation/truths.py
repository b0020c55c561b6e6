# SPDX-License-Identifier: Apache-2.0
"""What really was: cases that were not found void, and, in a made-up city, what was planted in it.

A case opened from an alert proves nothing until somebody has verified its end; one that ended without that proves the
contrary. Every other case counts from when it was opened, unless it ended void, rejected or merged.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.models import Q

from chengyun.config import config
from chengyun.operate.alerting.compound import key_of
from chengyun.operate.probation.files import Truth
from chengyun.operate.probation.scoring import Real

__all__ = ["anything_planted", "measured_by", "truths"]

FILES = ("planted.jsonl", "truth.jsonl")
"""What the simulator plants; docs/simulate.md."""


def anything_planted() -> bool:
    """Say whether a city was made up here, whose truth is known."""
    return (config().data / "simulation" / FILES[0]).exists()


def measured_by(spec: Truth) -> str:
    """Return what a rule is measured by: `truth`, `cases`, both as `cases+truth`, or "" for nothing."""
    return "+".join(name for name, given in (("cases", spec.cases), ("truth", spec.incidents)) if given)


def truths(spec: Truth, since: dt.datetime, until: dt.datetime, declared: str = "") -> list[Real]:
    """Return what really was in a span of time, and so near to it that an alert inside may speak of it; oldest first.

    declared: qualified key of a pack's own rule: what is planted names those, and what names others is none of its.
    """
    low, high = since - dt.timedelta(hours=spec.after_h), until + dt.timedelta(hours=spec.before_h)
    found = [*(_cases(spec, low, high) if spec.cases else ()), *(_planted(spec, low, high, declared) if spec.incidents else ())]
    return sorted(found, key=lambda one: (one.since, one.until, sorted(one.places)))


def _cases(spec: Truth, low: dt.datetime, high: dt.datetime) -> Iterator[Real]:
    # By name: cases stand beside operate and know it, so operate must not import them.
    cases: Any = apps.get_model("cases", "Case")
    rows = cases.objects.filter(type__in=spec.cases, opened_at__gte=low, opened_at__lt=high)
    rows = rows.exclude(ended=True, verified_at=None).exclude(Q(source="alert") & Q(verified_at=None))
    if spec.categories:
        rows = rows.filter(category__in=spec.categories)
    for opened, code, component, subject in rows.values_list(
        "opened_at", "area_code", "component_key", "case_alerts__alert__subject"
    ):
        subjects = {name for name in (component, subject) if name} if spec.place == "subject" else {""}
        places = frozenset(key for name in subjects if (key := key_of(spec.place, name, code)))
        if places:
            yield Real(places, opened, opened)


def _planted(spec: Truth, low: dt.datetime, high: dt.datetime, declared: str) -> Iterator[Real]:
    wanted = [one for name in FILES for one in _lines(config().data / "simulation" / name) if _wanted(one, spec, declared)]
    areas = _areas(wanted) if spec.place != "subject" else [""] * len(wanted)
    for one, code in zip(wanted, areas, strict=True):
        since = dt.datetime.fromisoformat(one.get("since") or one["at"])
        until = dt.datetime.fromisoformat(one.get("until") or one.get("since") or one["at"])
        subjects = [*one.get("sensors", ()), *([one["subject"]] if "subject" in one else ())] if spec.place == "subject" else [""]
        places = frozenset(key for name in subjects if (key := key_of(spec.place, name, code)))
        if places and until >= low and since < high:
            yield Real(places, since, until, due=not declared or declared in one.get("rules", [declared]))


def _wanted(one: dict[str, Any], spec: Truth, declared: str) -> bool:
    fits = one.get("what") in spec.incidents or one.get("kind") in spec.incidents
    if declared and "rules" in one:
        fits = fits and (declared in one["rules"] or declared in one["also"])
    return fits and (not spec.incident_categories or one.get("category") in spec.incident_categories)


def _areas(wanted: list[dict[str, Any]]) -> list[str]:
    from chengyun.areas.queries import area_of_points  # loads the geometry library

    known = [one for one in wanted if one.get("lon") is not None and one.get("lat") is not None]
    if not known:
        return [""] * len(wanted)
    codes = area_of_points([one["lon"] for one in known], [one["lat"] for one in known], level="district", day=dt.date.today())  # noqa: DTZ011
    found = iter(codes)
    return [str(next(found) or "") if one in known else "" for one in wanted]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
