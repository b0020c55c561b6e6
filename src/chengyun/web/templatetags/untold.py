# SPDX-License-Identifier: Apache-2.0
"""A refusal is shown at the form it came from. Where that form is gone, as somebody else was faster, the page still says it."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.loader import render_to_string
from django.utils.html import escape

from chengyun.web.desk.deeds import Fault

register = template.Library()

WRITTEN = ("reason", "note", "text", "question", "notes", "description")
"""Fields in which a person writes sentences: what is typed there is not typed twice."""


class Untold(template.Node):
    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Any) -> str:
        page: str = self.nodelist.render(context)
        fault = context.get("fault") or getattr(context.get("page"), "fault", None)
        if not isinstance(fault, Fault) or escape(fault.sentence) in page:
            return page
        typed = [value.strip() for name, value in fault.given.items() if name in WRITTEN and value.strip()]
        return render_to_string("desk/untold.html", {"fault": fault, "typed": typed}) + page


@register.tag
def told(parser: Parser, _token: Token) -> Untold:
    """Put the page's refusal before what stands between {% told %} and {% endtold %}, unless it is told in there."""
    nodelist = parser.parse(("endtold",))
    parser.delete_first_token()
    return Untold(nodelist)
