# SPDX-License-Identifier: Apache-2.0
"""Changes in a source's columns: noticed before a row is sent, kept for a person, judged by the source's policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils import timezone

from chengyun.collect.pull.drift import Change, changes, merged
from chengyun.collect.pull.models import Drift, Source
from chengyun.errors import Problem

__all__ = ["Stop", "check", "said"]

MOST_SAID = 5


class Stop(Problem):
    """The run must not go on before a person has decided."""

    code = "drift"


def check(
    source: Source,
    found: Mapping[str, str],
    at: str,
    *,
    used: Collection[str],
    essential: Collection[str],
    strict: bool,
    whole: bool,
) -> frozenset[str]:
    """Compare a chunk's columns with those agreed to; what the first chunk ever has is agreed to.

    used: columns that are mapped; essential: those without which a row means nothing. strict: any change of a used column stops.
    whole: whether a column that is not in `found` is gone.
    Returns the used columns that are missing. Raises Stop.
    """
    if not source.columns:
        lost = sorted(set(used) - set(found))
        if lost and (whole or set(lost) & set(essential)):
            raise Stop(f"{at} has no column {', '.join(lost)}. It has {', '.join(found)}. Mend the mapping.")
        _accept(source, dict(found))
        return frozenset(lost)
    told = changes(source.columns, found, used, whole=whole)
    if not told:
        _accept(source, merged(source.columns, found))
        return frozenset()
    ignored = set(Drift.objects.filter(source=source, decision=Drift.Decision.IGNORED).values_list("kind", "column", "after"))
    told = [it for it in told if (it.kind, it.column[:500], it.after[:500]) not in ignored]
    for change in told:
        Drift.objects.get_or_create(
            source=source, kind=change.kind, column=change.column[:500], after=change.after[:500],
            decision=Drift.Decision.WAITING,
            defaults={"before": change.before[:500], "used": change.used, "at": at[:500], "seen_at": timezone.now()},
        )  # fmt: skip
    broken = [it for it in told if it.used and it.kind != "appeared"]
    stopping = [it for it in broken if strict or (it.kind in ("vanished", "renamed") and it.column in essential)]
    if stopping:
        sentences = "; ".join(said(it) for it in stopping[:MOST_SAID])
        raise Stop(f"{at}: {sentences}. Nothing of it was taken; decide what it means.")
    return frozenset(used) - set(found)


def said(change: Change) -> str:
    """Return a change as a sentence's part."""
    match change.kind:
        case "appeared":
            return f"column {change.column!r} appeared"
        case "vanished":
            return f"column {change.column!r} is gone"
        case "renamed":
            return f"column {change.column!r} is gone and {change.after!r} stands there"
        case "retyped":
            return f"column {change.column!r} was {change.before} and is {change.after}"


def _accept(source: Source, columns: dict[str, str]) -> None:
    if columns != source.columns:
        source.columns = columns
        Source.objects.filter(pk=source.pk).update(columns=columns)
