# SPDX-License-Identifier: Apache-2.0
"""Who may see a case and who may take which step of it."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import may, scope
from chengyun.cases.models import Case
from chengyun.cases.owners import within
from chengyun.city import CaseType, City, Transition
from chengyun.errors import NotFound

__all__ = ["DEPARTMENTS", "acts_for_owner", "may_step", "steps_of", "type_of", "visible"]

DEPARTMENTS = frozenset({"department_clerk", "handler"})
"""Roles that act for the body they belong to: only on cases that body, or one below it, owns."""


def type_of(key: str) -> CaseType:
    """Return a declared type. Raises NotFound."""
    city: City = settings.CITY
    if key not in city.cases:
        raise NotFound(_("没有案件类型 %s。") % key + meant(key, city.cases))
    found: CaseType = city.cases[key]
    return found


def visible(actor: Actor, case: Case) -> bool:
    """Say whether an actor may read a case: as a case of its type, or as one of all cases."""
    row = {"area_code": case.area_code, "dataset": case.type}
    return scope(actor, case.type).matches(row) or scope(actor, "cases").matches(row)


def may_step(actor: Actor, case: Case, step: Transition, declared: CaseType | None = None) -> bool:
    """Say whether an actor's posts may take a step of a case that stands at its source."""
    declared = declared or type_of(case.type)
    action = "case.close" if declared.state(step.to).clock == "ended" else "case.handle"
    return may(actor, action, case.area_code) and acts_for_owner(actor, case, frozenset(step.by))


def steps_of(actor: Actor, case: Case) -> list[Transition]:
    """Return the steps an actor may take where the case stands, as far as posts and counters say."""
    declared = type_of(case.type)
    counters = vars(case)
    return [step for step in declared.steps_from(case.state) if step.open_at(counters) and may_step(actor, case, step, declared)]


def acts_for_owner(actor: Actor, case: Case, roles: frozenset[str]) -> bool:
    """Say whether the actor holds one of the roles where the case is; a department's role counts for its own cases only."""
    if "system" in actor.roles:
        return True
    return any(
        post.role in roles
        and case.area_code.startswith(post.area)
        and (post.role not in DEPARTMENTS or within(post.organisation or actor.organisation, case.owner))
        for post in actor.posts
    )
