# SPDX-License-Identifier: Apache-2.0
"""What reporters are told, in plain words: one sentence for each thing that happens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from chengyun.config import config

__all__ = ["say"]


def say(kind: str, data: Mapping[str, Any], text: str = "") -> str:
    """Return a message in the language of the moment. text: a clerk's or the reporter's own words."""
    match kind:
        case "received":
            said = _("已收到您的上报，我们会尽快核对。")
        case "letter":
            said = _("已收到您的来信，编号见主题。")
            if left_out := data.get("left_out"):
                said += _("这些附件不是照片或太大，没有保留：%s。") % "、".join(map(str, left_out))
        case "joined":
            said = _("这个问题已有人上报，您的上报已并入，共 %(count)s 人关注。办理进展会同样通知您。") % {
                "count": data.get("count", 2)
            }
        case "accepted":
            said = (
                _("您的上报已受理，归类为“%s”。") % _(str(data.get("category", "")))
                if data.get("category")
                else _("您的上报已受理。")
            )
        case "refused":
            said = _("很抱歉，您的上报没有受理。")
        case "asked":
            said = _("办理前需要您补充说明：")
        case "answered":
            said = _("您补充了：")
        case "step":
            said = _("办理进展：%s。") % _(str(data.get("step", "")))
            if data.get("due") and (due := parse_datetime(str(data["due"]))):
                said += _("这一步应在 %s 前完成。") % _day(due)
        case "closed":
            said = _("问题已办结。请您评价；若问题仍在，可以要求重新办理。")
        case "ended":
            said = _("办理已结束：%s。") % _(str(data.get("step", "")))
        case "separated":
            said = _("经核对，您报的是另一个问题，现单独办理。")
        case "merged":
            said = _("经核对，您报的与另一件是同一个问题，现合并办理。")
        case "reopened":
            said = _("您反映问题仍未解决，已要求重新办理：")
        case "contradicted":
            said = _("您反映问题仍未解决，已记录并由值班长复核：")
        case "rated":
            said = _("感谢评价。")
        case "withdrawn":
            said = _("您的联系方式已删除，之后只能用链接查看进展。")
        case _:
            said = ""
    return f"{said}{text}".strip()


def _day(moment: dt.datetime) -> str:
    local = moment.astimezone(config().zone)
    return _("%(month)s月%(day)s日 %(time)s") % {"month": local.month, "day": local.day, "time": f"{local:%H:%M}"}
