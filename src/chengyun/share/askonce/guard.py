# SPDX-License-Identifier: Apache-2.0
"""No form is published that asks for what a register already holds fresh, unless it fills that in with the person's consent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.collect.forms.models import FormVersion
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.share.askonce.bindings import Bound, bindings, consent_of
from chengyun.share.askonce.holdings import CONSENT, Holding, Standing, elements, holdings, standing

__all__ = ["Asking", "asked_again", "look"]

MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that asks for what a register holds fresh."""

    bound: Bound
    holding: Holding
    standing: Standing


def look(version: FormVersion, actor: Actor) -> None:  # noqa: ARG001  who publishes plays no part
    """Raise Refused, naming register, field and freshness, when a form asks again for what is held."""
    known = elements()
    for question in version.questions:
        named = question.get("element")
        if named and named != CONSENT and named not in known:
            raise Refused(
                _("题目 %(path)s：没有数据元 %(element)s。") % {"path": question["path"], "element": named} + meant(named, known),
                code="element_unknown",
            )
    if consent_of(version):
        return
    found = list(asked_again(version, timezone.now()))
    certain = [one for one in found if one.bound.certain]
    if certain:
        raise Refused(
            "".join(_said(one) for one in certain[:MOST_SAID])
            + _("请去掉这些题目，或加一道 element 为 form.consent 的同意题，由登记预填。"),
            code="asked_again",
        )
    if found:
        raise Refused(
            "".join(_doubted(one) for one in found[:MOST_SAID]) + _("请在“数据元对应”页逐题确认是或不是，再发布。"),
            code="asked_perhaps",
        )


def asked_again(version: FormVersion, now: dt.datetime) -> Iterator[Asking]:
    """Yield the questions that ask for what a register holds fresh. What identifies the subject has to be asked."""
    held = holdings()
    standings: dict[str, Standing] = {}
    for bound in bindings(version):
        if not bound.counts:
            continue
        kept = held.get(bound.element, ())
        if any(holding.field == "key" for holding in kept):
            continue
        for holding in kept:
            if holding.entity not in standings:
                standings[holding.entity] = standing(holding.entity, now)
            if standings[holding.entity].fresh:
                yield Asking(bound, holding, standings[holding.entity])
                break


def _said(one: Asking) -> str:
    newest = one.standing.newest.astimezone(config().zone) if one.standing.newest else None
    when = _("最近更新于 %s") % f"{newest:%Y-%m-%d}" if newest else _("更新时间没有记录")
    return _("“%(question)s”已由登记“%(register)s”的“%(field)s”掌握（%(rows)s 条，%(when)s），不得再问。") % {
        "question": one.bound.label, "register": one.holding.name, "field": one.holding.field_name,
        "rows": one.standing.rows, "when": when,
    }  # fmt: skip


def _doubted(one: Asking) -> str:
    return _("“%(question)s”很可能就是登记“%(register)s”的“%(field)s”（把握 %(score)s）。") % {
        "question": one.bound.label, "register": one.holding.name, "field": one.holding.field_name,
        "score": f"{one.bound.score:.0%}",
    }  # fmt: skip
