# SPDX-License-Identifier: Apache-2.0
"""The signs of a case, in words, for who may see the case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import may
from chengyun.cases.models import Case
from chengyun.cases.rights import visible
from chengyun.cases.verification import rules
from chengyun.cases.verification.models import Sign

__all__ = ["SignView", "doubt", "signs", "signs_for", "signs_of"]


@dataclass(frozen=True, slots=True)
class SignView:
    """weight: how likely this sign alone means a false closing, 0 to 1. sentence: what was seen. source: of the rule."""

    rule: str
    name: str
    weight: float
    sentence: str
    found_at: dt.datetime
    edition: dt.date
    source: str
    detail: Mapping[str, Any]


def signs(case: Case) -> list[SignView]:
    """Return the signs kept of a case, the heaviest first. Who may see the case is the caller's question.

    Each photo is compared with each, and again when more come: what would read the same is told once.
    """
    told: dict[tuple[str, str], SignView] = {}
    for one in map(_view, Sign.objects.filter(case=case)):
        told.setdefault((one.rule, one.sentence), one)
    return list(told.values())


def signs_for(case: Case, actor: Actor) -> list[SignView]:
    """Return the signs for those who judge the work: verifiers and the centre, not those who did it."""
    judges = visible(actor, case) and may(actor, "case.signs", case.area_code) and actor.account_id != case.handled_by_id
    return signs(case) if judges else []


def signs_of(number: str, actor: Actor) -> list[SignView]:
    """Return the signs of a case by its number, none for one the actor may not judge."""
    case = Case.objects.filter(number=number).first()
    return signs_for(case, actor) if case is not None else []


def doubt(case: Case) -> float:
    """Return how much the signs together speak against the end of a case, 0 to 1. Signs of one rule count once.

    What was found before the work was reported done again speaks of the work before.
    """
    strongest: dict[str, float] = {}
    for one in Sign.objects.filter(case=case, **({"found_at__gte": case.handled_at} if case.handled_at else {})):
        strongest[one.rule] = max(one.weight, strongest.get(one.rule, 0.0))
    return rules.score(strongest.values())


def _view(row: Sign) -> SignView:
    edition = next(one for one in rules.editions() if one.in_force == row.edition)
    name = edition.rules[row.rule]["name"]
    return SignView(
        row.rule, _(name), row.weight, _sentence(row.rule, row.detail), row.found_at, row.edition,
        edition.source, row.detail,
    )  # fmt: skip


def _sentence(rule: str, detail: Mapping[str, Any]) -> str:
    words = {
        "photo_copied": _("与案件 %(case)s 的照片相同（64 位指纹相差 %(bits)d 位）。"),
        "photo_used_again": _("后来又用于另一处的案件 %(case)s（64 位指纹相差 %(bits)d 位）。"),
        "photo_alike": _("与另一处的案件 %(case)s 的照片相似（64 位指纹相差 %(bits)d 位）。"),
        "photo_before": _("与处置前的照片相同（64 位指纹相差 %(bits)d 位）。"),
        "photo_elsewhere": _("照片记录的拍摄地点距案件 %(metres)d 米。"),
        "photo_old": _("照片拍摄于派遣前 %(hours)s 小时。"),
        "no_visit": _("处置人值岗轨迹离案件最近 %(metres)d 米。"),
        "too_quick": _("派遣后 %(seconds)d 秒即报处置完毕。"),
        "reported_again": _("处置后 %(hours)s 小时，%(metres)d 米内又有同类案件 %(case)s。"),
        "sensor_still_bad": _("报处置完毕 %(hours)s 小时后，传感器仍超过预警限值。"),
        "reporter_disagrees": _("上报人评分 %(rating)d 分（满分 5 分）。"),
    }
    if "contradicted" in detail:
        return _("办结后上报人反映仍未解决。")
    return words[rule] % detail
