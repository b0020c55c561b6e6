# SPDX-License-Identifier: Apache-2.0
"""What is decided: a question is an element or is not; how often a form is asked. The only writers."""

from __future__ import annotations

import math

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import require
from chengyun.collect.forms.models import Form, FormVersion
from chengyun.errors import NotFound, Refused
from chengyun.share.askonce.holdings import elements
from chengyun.share.askonce.models import Decision, Load

__all__ = ["decide", "set_load"]


def decide(version: FormVersion, path: str, element: str, same: bool, reason: str, actor: Actor) -> None:
    """Say that a question is an element, or that it is not. Raises Refused, NotFound."""
    require(actor, "form.design")
    paths = {str(one["path"]) for one in version.questions}
    if path not in paths:
        raise NotFound(_("表单没有题目 %s。") % path[:80] + meant(path, paths))
    known = elements()
    if element not in known:
        raise Refused(_("没有数据元 %s。") % element[:80] + meant(element, known), code="element_unknown")
    if not same and not reason.strip():
        raise Refused(_("说它不是，须写明理由。"), code="reason_missing")
    with transaction.atomic():
        if same:
            Decision.objects.filter(form_id=version.form_id, path=path, same=True).exclude(element=element).delete()
        Decision.objects.update_or_create(
            form_id=version.form_id, path=path, element=element,
            defaults={"same": same, "reason": reason.strip()[:300], "decided_by": actor.name},
        )  # fmt: skip
        audit.record(actor, "form.bind", "forms", version.form_id, "", {"path": path, "element": element, "same": same})


def set_load(form: Form, times_a_year: float, people: int, repeats: float, actor: Actor) -> None:
    """Say how often a form is asked. Raises Refused for numbers that cannot be."""
    require(actor, "form.design")
    if not (
        math.isfinite(times_a_year) and 0 <= times_a_year <= 10_000 and 0 <= people <= 100_000_000 and 0 <= repeats <= 10_000
    ):
        raise Refused(_("次数、人数与重复项数须是不为负的数。"), code="load")
    with transaction.atomic():
        Load.objects.update_or_create(
            form=form, defaults={"times_a_year": times_a_year, "people": people, "repeats": repeats, "changed_by": actor.name}
        )
        detail = {"times_a_year": times_a_year, "people": people, "repeats": repeats}
        audit.record(actor, "form.load", "forms", form.key, "", detail)
