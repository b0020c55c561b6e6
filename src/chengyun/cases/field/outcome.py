# SPDX-License-Identifier: Apache-2.0
"""What became of an operation, and what a person is asked when it could not be done as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from chengyun.cases.models import Case

__all__ = ["Asked", "Outcome", "choice"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the person. was: what they saw; now: what holds, by whom, since when; mine: what they wanted."""

    was: Mapping[str, Any]
    now: Mapping[str, Any]
    mine: Mapping[str, Any]
    choices: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """state: of models.Operation.State. sentence: for the person."""

    state: str
    sentence: str
    case: Case | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    asked: Asked | None = None


def choice(key: str) -> dict[str, str]:
    """Return a choice as people read it."""
    words = {
        "again": (_("按现在的情况再办一次"), _("在案件现在的状态上办理这一步。")),
        "note": (_("只作记录"), _("您的说明和照片记入案件经过，状态不变。")),
        "drop": (_("不再办理"), _("案件不变；您发送的内容仍留存备查。")),
        "mine": (_("用我的"), _("有冲突的内容改为您填写的。")),
        "theirs": (_("用现在的"), _("有冲突的内容保持现在的样子。")),
        "same": (_("是同一问题"), _("两件并为一件，您的说明和照片随之并入。")),
        "different": (_("是不同问题"), _("两件分别办理。")),
    }
    name, says = words[key]
    return {"key": key, "name": name, "says": says}
