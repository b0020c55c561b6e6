# SPDX-License-Identifier: Apache-2.0
"""Answers taken from registers: for a form opened about a subject, within the scope of who fills it in, and recorded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require_by_key
from chengyun.collect.forms.models import FormVersion
from chengyun.collect.forms.queries import choices_of
from chengyun.errors import NotFound, Refused
from chengyun.share.askonce.bindings import Bound, bindings, consent_of
from chengyun.share.askonce.holdings import Holding, holdings, model_of

__all__ = ["prefill"]


def prefill(version: FormVersion, subject: str, purpose: str, actor: Actor) -> Mapping[str, str]:
    """Return question path → value from the register's row of a subject: `key`, or `pack.entity/key` where needed.

    Only what is certain is filled in, and only what the actor may see as it is: nothing masked. Raises NotFound, Refused.
    """
    certain = [one for one in bindings(version) if one.certain and not one.repeats]
    held = holdings()
    entity, key = _subject(subject, certain, held)
    wanted = {one.path: holding for one in certain for holding in held.get(one.element, ()) if holding.entity == entity}
    scope = require_by_key(actor, entity, purpose or None)
    model = model_of(entity)
    if model is None:
        raise NotFound(_("没有找到。"))
    row = scope.rows_for(model._default_manager.filter(key=key), target=key[:100]).first()
    if row is None:
        raise NotFound(_("没有找到。"))
    values = {field.name: getattr(row, field.name) for field in model._meta.concrete_fields}
    seen = scope.mask(values)
    choices = choices_of(version.xform)
    found: dict[str, str] = {}
    for path, holding in wanted.items():
        if holding.field in seen and seen[holding.field] == values[holding.field]:
            text = _answer(row, holding.field, values[holding.field], choices.get(path))
            if text:
                found[path] = text
    consent = consent_of(version)
    if consent and found:
        found[consent] = _agreed(choices.get(consent))
    fields = sorted({wanted[path].field for path in found if path in wanted})
    audit.record(
        actor, "form.prefill", entity, key[:100], purpose, {"form": version.form_id, "consent": bool(consent)},
        subjects=[(entity, key)] if scope.personal else (), fields=fields,
    )  # fmt: skip
    return found


def _subject(subject: str, certain: list[Bound], held: Mapping[str, list[Holding]]) -> tuple[str, str]:
    """Return the register and key a subject names. Raises Refused when no register, or more than one, could be meant."""
    entity, slash, key = subject.partition("/")
    about = {holding.entity for one in certain for holding in held.get(one.element, ())}
    if slash:
        if entity not in about:
            raise Refused(_("这张表单没有题目由登记 %s 掌握。") % entity[:80], code="prefill_nothing")
        return entity, key
    if not about:
        raise Refused(_("这张表单的题目都不由登记掌握，没有可以预填的。"), code="prefill_nothing")
    if len(about) > 1:
        raise Refused(
            _("请写明是哪个登记的对象：%s。") % "、".join(f"{one}/{subject[:40]}" for one in sorted(about)), code="prefill_which"
        )
    return about.pop(), subject


def _answer(row: Model, field: str, value: Any, choices: Mapping[str, Mapping[str, str]] | None) -> str:
    """Return a register's value as XForms writes it; "" for what is unknown, or is none of the question's choices."""
    if value is None or value == "":
        return ""
    if choices is not None:
        shown = getattr(row, f"get_{field}_display", lambda: str(value))()
        fits = (code for code, labels in choices.items() if code == str(value) or shown in labels.values())
        return next(fits, "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value)


def _agreed(choices: Mapping[str, Mapping[str, str]] | None) -> str:
    return next(iter(choices)) if choices else "OK"
