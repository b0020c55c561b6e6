# SPDX-License-Identifier: Apache-2.0
"""Where people work: every page somebody begins at, in rooms by what is done there. A door that does not open is not shown."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chengyun.access import views
from chengyun.access.actors import actor_of

__all__ = ["ROOMS", "Room", "Way", "rooms_of"]

ROOMS: Mapping[str | Promise, Mapping[str, str | Promise]] = {
    _("处置"): {
        "alerts": _("预警"), "duty": _("值班"), "alert-plan": _("通知方案"), "alert-rules": _("预警规则一览"),
        "cases": _("案件一览"), "dispatch": _("派遣台"), "supervision": _("督办台"), "crews": _("班组计划"),
        "crews-kept": _("班组与排班"), "field": _("外勤"), "patrols": _("外勤任务"),
    },
    _("受理"): {"intake": _("受理台"), "hotline": _("热线台"), "reports": _("市民上报")},
    _("部件与网格"): {"components": _("部件"), "components-due": _("到期巡检"), "grids": _("单元网格")},
    _("统计评价"): {
        "indicators": _("指标一览"), "indices": _("指数一览"), "forecasts": _("预测"), "statistics": _("案件统计"),
        "evaluation": _("综合评价"),
    },
    _("规划与决策"): {"targets": _("规划目标"), "decisions": _("决策"), "whatif": _("推演")},
    _("数据采集"): {
        "sources": _("数据接入"), "devices": _("设备"), "forms": _("表单填报"), "quality": _("数据质量"),
        "dead-letters": _("问题数据"),
    },
    _("数据共享"): {
        "catalogue": _("信息资源目录"), "requests": _("共享申请"), "grants": _("授权一览"), "corrections": _("校核反馈"),
        "exchange": _("数据交换"), "registers": _("基础库"), "lineage": _("数据血缘"), "burden": _("填报负担"),
    },
    _("安全与运行"): {
        "access-explain": _("权限解释"), "privacy-reads": _("个人信息查阅"), "privacy-reversals": _("假名还原"),
        "audit": _("审计记录"), "status": _("运行状态"), "posts": _("岗位任命"), "admin:index": _("管理后台"),
    },
}  # fmt: skip
"""Name of a room → name of the page's address → its name in the menu."""


@dataclass(frozen=True)
class Way:
    """A page somebody begins at. current: the page shown now."""

    name: str | Promise
    href: str
    current: bool


@dataclass(frozen=True)
class Room:
    name: str | Promise
    doors: tuple[Way, ...]


@functools.cache
def _door(name: str) -> tuple[str, views.Door]:
    """Return a page's path and its door. Raises NoReverseMatch, or LookupError for a view without a door: our own slips."""
    href = reverse(name)
    door = views.door_of(resolve(href).func)
    if door is None:
        raise LookupError(f"The view of {name!r} has no door.")
    return href, door


def rooms_of(request: HttpRequest) -> tuple[Room, ...]:
    """Return the rooms with the doors that open to who asks; none for a visitor."""
    actor = actor_of(request)
    if not actor.signed_in or actor.roles == {"resident"}:
        return ()
    found = []
    for room, names in ROOMS.items():
        ways = []
        for name, shown in names.items():
            href, door = _door(name)
            if views.opens(door, actor):
                ways.append(Way(shown, href, href == request.path))
        if ways:
            found.append(Room(room, tuple(ways)))
    return tuple(found)
