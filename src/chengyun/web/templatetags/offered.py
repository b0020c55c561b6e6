# SPDX-License-Identifier: Apache-2.0
"""The component a case is about, and the nearest ones it may be about, for any page that shows a case."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.cases.components import queries
from chengyun.cases.components.register import kind, seen_by
from chengyun.cases.models import Case
from chengyun.cases.queries import CaseView

register = template.Library()


@register.inclusion_tag("parts/offered.html", takes_context=True)
def offered_components(context: dict[str, Any], case: CaseView | str) -> dict[str, Any]:
    """Show them; nothing for cases that are about no components, or to people who may not see any. case: or its number."""
    return _offered(context, Case.objects.filter(number=case).first() if isinstance(case, str) else case)


def _offered(context: dict[str, Any], case: CaseView | Case | None) -> dict[str, Any]:
    request: HttpRequest = context["request"]
    actor = actor_of(request)
    if case is None or not seen_by(actor) or kind().case_type != case.type:
        return {"case": None}
    category = case.category if case.category.startswith("component/") else ""
    near = queries.near(actor, case.lon, case.lat, category) if case.lon is not None and case.lat is not None else []
    if not case.component_key and not category:
        near = near[:3]
    known = queries.visible_rows(actor).filter(key=case.component_key).first() if case.component_key else None
    return {
        "case": case, "known": known, "near": [one for one in near if one.key != case.component_key],
        "may_link": not case.ended and may(actor, "case.handle", case.area_code), "request": request, "here": request.path,
        "csrf_token": context.get("csrf_token"),
    }  # fmt: skip
