# SPDX-License-Identifier: Apache-2.0
"""The decisions that rest on an alert, a case or a run, for any page that shows one."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from chengyun.access.actors import actor_of
from chengyun.access.policy import may, scope
from chengyun.govern.decisions.evidence import concerning

register = template.Library()


@register.inclusion_tag("decisions/panel.html", takes_context=True)
def decisions_about(context: dict[str, Any], kind: str, reference: str | int) -> dict[str, Any]:
    """Show them, and the way to a new one; nothing to people who may not read decisions."""
    request: HttpRequest = context["request"]
    actor = actor_of(request)
    return {
        "visible": scope(actor, "decisions").allowed, "found": concerning(kind, str(reference), actor),
        "kind": kind, "reference": reference, "may_write": may(actor, "decision.write"),
    }  # fmt: skip
