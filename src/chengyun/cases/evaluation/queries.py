# SPDX-License-Identifier: Apache-2.0
"""What is asked of evaluations, within what the actor may read: tables, one unit, the cases behind a figure, two periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import may, require_scope, scope
from chengyun.cases.evaluation.counted import BIT, COUNTS, names_of
from chengyun.cases.evaluation.models import Edition, Fact, Standing
from chengyun.errors import NotFound

__all__ = [
    "CaseBehind",
    "Change",
    "access_edition",
    "cases_behind",
    "changes",
    "editions",
    "league",
    "level_of",
    "profile_of",
    "standing",
]

POSTS = frozenset({"inspector", "intake", "chief", "dispatcher"})


@dataclass(frozen=True, slots=True)
class CaseBehind:
    """A case that was counted. parts: the counts it is part of. doubt: the chance that its closing was none."""

    number: str
    title: str
    parts: tuple[str, ...]
    doubt: float


@dataclass(frozen=True, slots=True)
class Change:
    """A unit in two editions; None where it is in one only. clear: whether the intervals of the plain scores stay apart."""

    unit: str
    name: str
    before: Standing | None
    after: Standing | None
    clear: bool


def editions(actor: Actor, type_key: str) -> list[Edition]:
    """Return the editions an actor may see, newest period and number first: drafts only for those who may count."""
    if not may(actor, "evaluation.read"):
        return []
    rows = Edition.objects.filter(type=type_key).order_by("-first", "-last", "-number")
    return list(rows if may(actor, "evaluation.count") else rows.exclude(published_at=None))


def access_edition(actor: Actor, edition_id: int) -> Edition:
    """Return an edition. Raises NotFound; absent and forbidden look the same."""
    require_scope(actor, "evaluation")
    found = Edition.objects.filter(pk=edition_id).first()
    if found is None or (found.published_at is None and not may(actor, "evaluation.count")):
        raise NotFound(_("没有找到这一版评价。"))
    return found


def profile_of(edition: Edition, profile: str) -> Mapping[str, Any]:
    """Return a profile as it was in force when the edition was counted. Raises NotFound."""
    known: Mapping[str, Mapping[str, Any]] = edition.declared.get("profiles", {})
    if profile not in known:
        raise NotFound(_("这一版没有评价方案 %s。") % profile)
    return known[profile]


def level_of(dimension: str, wanted: str) -> str:
    """Return the level asked for, or the first of the dimension."""
    known = ("district", "street") if dimension == "area" else ("",)
    return wanted if wanted in known else known[0]


def league(actor: Actor, edition: Edition, profile: str, level: str) -> list[Standing]:
    """Return a profile's table: ranked units in their order, then the others by name. Persons only for whom policy lets."""
    rows = _readable(actor, edition, profile).filter(level=level)
    return list(rows.order_by(F("order").asc(nulls_last=True), "name", "unit"))


def standing(actor: Actor, edition: Edition, profile: str, level: str, unit: str) -> Standing:
    """Return one unit of a table. Raises NotFound."""
    found = _readable(actor, edition, profile).filter(level=level, unit=unit).first()
    if found is None:
        raise NotFound(_("没有找到 %s。") % unit)
    return found


def cases_behind(
    actor: Actor, edition: Edition, profile: str, level: str, unit: str, count: str, *, lacks: str = "", limit: int = 100,
    offset: int = 0,
) -> tuple[list[CaseBehind], int, int]:  # fmt: skip
    """Return the cases of a count at a unit, those the actor may see, how many they are, and how many there are in all.

    lacks: only those that are not part of this count too. Raises NotFound for a count there is not.
    """
    for one in (count, lacks):
        if one and one not in COUNTS:
            raise NotFound(_("没有统计项 %s。") % one)
    standing(actor, edition, profile, level, unit)
    dimension = profile_of(edition, profile)["dimension"]
    of_unit = Q(unit__startswith=unit) if dimension == "area" else Q(unit=unit)
    rows = Fact.objects.filter(of_unit, edition=edition, dimension=dimension).annotate(has=F("counted").bitand(1 << BIT[count]))
    rows = rows.exclude(has=0)
    if lacks:
        rows = rows.annotate(also=F("counted").bitand(1 << BIT[lacks])).filter(also=0)
    whole = rows.count()
    # Everything is an empty condition, and "or" with an empty one says the other: so in two steps.
    seen = rows.filter(
        Q(pk__in=rows.filter(scope(actor, edition.type).q("case__area_code")).values("pk"))
        | Q(pk__in=rows.filter(scope(actor, "cases").q("case__area_code")).values("pk"))
    )
    found = seen.select_related("case").order_by("-doubt", "case_id", "id")[offset : offset + limit]
    shown = [CaseBehind(row.case.number, row.case.title, names_of(row.counted), row.doubt) for row in found]
    return shown, seen.count(), whole


def changes(actor: Actor, before: Edition, after: Edition, profile: str, level: str) -> list[Change]:
    """Return how units stand in two editions, those that moved clearly first, by how far."""
    old, new = ({row.unit: row for row in league(actor, edition, profile, level)} for edition in (before, after))
    found = [_change(old.get(unit), new.get(unit)) for unit in sorted(old.keys() | new.keys())]
    return sorted(found, key=lambda one: (not one.clear, -abs(_moved(one)), one.name))


def _change(before: Standing | None, after: Standing | None) -> Change:
    row = after or before
    if row is None:
        raise LookupError("a change needs at least one of two standings")
    clear = False
    if before and after and None not in (limits := (before.low, before.high, after.low, after.high)):
        low_before, high_before, low_after, high_after = (float(one or 0) for one in limits)
        clear = low_after > high_before or high_after < low_before
    return Change(row.unit, row.name, before, after, clear)


def _moved(one: Change) -> float:
    known = one.before is not None and one.after is not None and one.before.value is not None and one.after.value is not None
    return (one.after.value or 0) - (one.before.value or 0) if known and one.after and one.before else 0.0


def _readable(actor: Actor, edition: Edition, profile: str) -> QuerySet[Standing]:
    rows = Standing.objects.filter(edition=edition, profile=profile)
    if profile_of(edition, profile)["dimension"] not in POSTS:
        return require_scope(actor, "evaluation").rows_for(rows)
    own = Q(unit=str(actor.account_id)) if actor.account_id is not None else Q(pk__in=[])
    allowed = scope(actor, "evaluation_posts", "statistics")
    if not allowed.allowed:
        return rows.filter(own)
    allowed.record_read(f"{edition.pk}/{profile}")
    # Everything is an empty condition, and "or" with an empty one says the other: so in two steps.
    return rows.filter(own | Q(pk__in=rows.filter(allowed.q()).values("pk")))
