# SPDX-License-Identifier: Apache-2.0
"""The form for common changes of the plan: what may be chosen, and what a sent form makes of the file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from chengyun.access.models import Account, Role
from chengyun.city import AlertRule
from chengyun.errors import Refused
from chengyun.operate.alerting import amending
from chengyun.operate.alerting.models import Roster
from chengyun.operate.alerting.plan import Document
from chengyun.web import shown

__all__ = ["DEEDS", "Choices", "amended", "changes_between", "choices_of"]

DEEDS = ("step", "inhibit", "uninhibit")
EQUAL = ("subject", "community", "street", "district", "city", "group")
"""Labels an inhibition of the form may ask to be equal; the file knows all."""
LONGEST_MIN = 7 * 24 * 60
Options = tuple[tuple[str, str | Promise], ...]


@dataclass(frozen=True)
class Choices:
    """Options as (value, words). steps: of chains. adds: whom a step may tell besides; drops: whom any step tells now."""

    steps: Options
    adds: Options
    drops: Options
    rules: Options
    equal: Options
    inhibits: Options


def choices_of(
    plan: Document, rules: Mapping[str, AlertRule], addressed: Callable[[str], str], labels: Mapping[str, str | Promise]
) -> Choices:  # fmt: skip
    """Return what may be chosen of a plan."""
    rosters = [f"roster:{key}" for key in Roster.objects.order_by("key").values_list("key", flat=True)]
    adds = [*rosters, *(f"role:{role}" for role in Role.values), *(f"webhook:{one.name}" for one in plan.webhook)]
    drops = dict.fromkeys(to for chain in plan.chain for step in chain.steps for to in step.to)
    named = {key: _(one.name) for key, one in rules.items()}

    def said(match: Mapping[str, list[str]]) -> str:
        return shown.clauses(named.get(one, one) for patterns in match.values() for one in patterns)

    return Choices(
        steps=tuple(
            (f"{place}:{chain.name}", _("%(chain)s：第 %(step)d 步，%(minutes)g 分钟，%(who)s") % {
                "chain": chain.name, "step": place + 1, "minutes": step.after_s / 60,
                "who": shown.listed(map(addressed, step.to)),
            })
            for chain in plan.chain for place, step in enumerate(chain.steps)
        ),
        adds=tuple((one, addressed(one)) for one in adds), drops=tuple((one, addressed(one)) for one in drops),
        rules=tuple(sorted(named.items(), key=lambda one: (one[0].split(".")[0], one[1]))),
        equal=tuple((one, labels[one]) for one in EQUAL),
        inhibits=tuple(
            (str(place), f"{one.name or said(one.source)} → {said(one.target)}") for place, one in enumerate(plan.inhibit)
        ),
    )  # fmt: skip


def amended(text: str, given: Mapping[str, str]) -> str:
    """Return the file with the change a form asks for. Raises Refused, saying what is missing or wrong."""
    match given.get("deed"):
        case "step":
            place, _colon, chain = given.get("step", "").partition(":")
            if not place.isascii() or not place.isdigit():
                raise Refused(_("请选择升级链的一步。"), code="plan")
            after, add, drop = _minutes(given.get("minutes", "")), _added(given), given.get("drop", "")
            if after is None and not add and not drop:
                raise Refused(_("请写明改成多少分钟，或增减通知谁。"), code="plan")
            return amending.change_step(text, chain, int(place), after_s=after, add=add, drop=drop)
        case "inhibit":
            source, target, equal = (given.get(name, "") for name in ("source", "target", "equal"))
            if not source or not target or equal not in EQUAL:
                raise Refused(_("请选择两条规则，以及相同的是什么。"), code="plan")
            if source == target:
                raise Refused(_("一条规则不能抑制自己。"), code="plan")
            return amending.add_inhibit(text, source, target, equal)
    place = given.get("inhibit", "")
    if not place.isascii() or not place.isdigit():
        raise Refused(_("请选择要去掉的抑制。"), code="plan")
    return amending.drop_inhibit(text, int(place))


def changes_between(before: str, after: str) -> tuple[str, ...]:
    """Return the lines that go (-) and come (+) from one text to another."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return tuple(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def _minutes(text: str) -> int | None:
    if not text.strip():
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= LONGEST_MIN:
        raise Refused(_("分钟数是 0 到 %d 之间的数。") % LONGEST_MIN, code="plan")
    return round(minutes * 60)


def _added(given: Mapping[str, str]) -> str:
    person = given.get("person", "").strip()
    if not person:
        return given.get("add", "")
    if not Account.objects.filter(username=person, is_active=True).exists():
        raise Refused(_("没有账号 %s。") % person[:64], code="plan")
    return f"account:{person}"
