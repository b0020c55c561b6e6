# SPDX-License-Identifier: Apache-2.0
"""What every application that works without a network says, in the language of the moment."""

from __future__ import annotations

from django.utils.translation import gettext as _

__all__ = ["common_words"]


def common_words() -> dict[str, str]:
    """Return name → text; {braces} are filled by the script."""
    return {
        "sign_in": _("登录"),
        "sign_out": _("退出"),
        "look": _("明暗"),
        "back": _("返回"),
        "online": _("已联网"),
        "offline": _("没有网络"),
        "all_sent": _("全部已送达"),
        "sending": _("正在发送…"),
        "waiting_n": _("{n} 项待发送"),
        "decide_n": _("{n} 项待您决定"),
        "next_try": _("{when}后再试"),
        "send_now": _("立即发送"),
        "sign_in_to_send": _("登录已过期，登录后才能发送。内容都在这台设备上。"),
        "first_online": _("第一次使用请先联网并登录。之后没有网络也能用。"),
        "others_waiting": _("{name} 在这台设备上还有 {n} 项没有发出；由本人登录后才能看到和发送。"),
        "insecure": _("离线功能需要 https 网址。请向管理员索取。"),
        "not_allowed": _("您的账号没有使用这里的岗位。"),
        "start_again": _("重试"),
        "leave_waiting": _("还有 {n} 项没有发出。退出后它们加密留在这台设备上，同一账号再登录时才能看到和发送。"),
        "new_version": _("新版本已就绪。"),
        "take_over": _("更新"),
        "room": _("设备空间：已用 {used}，还可用 {left}"),
        "room_kept": _("浏览器已承诺保留"),
        "room_not_kept": _("空间紧张时浏览器可能清除；请尽快联网发送"),
        "room_little": _("设备空间不足 {left}，请先联网把照片发出去。"),
        "delete": _("删除"),
        "delete_sure": _("确定删除吗？不能恢复。"),
        "since": _("{when}起"),
        "try_again": _("再发一次"),
        "add_photo": _("拍照"),
        "choose_photo": _("从相册选"),
        "remove_photo": _("去掉照片"),
        "photo_of": _("照片 {n}"),
        "photo_broken": _("这张照片读不出来，请换一张。"),
        "here": _("用我的位置"),
        "locating": _("正在定位…"),
        "no_location": _("定位不成功：{reason}。可以在地图上点。"),
        "accuracy": _("精度 {m} 米"),
        "map": _("地图"),
        "zoom_in": _("放大"),
        "zoom_out": _("缩小"),
        "map_hint": _("在地图上点，或用我的位置。"),
        "undo_point": _("撤销一点"),
        "clear_place": _("清除位置"),
        "points_n": _("{n} 个点"),
        "shape_hint": _("沿轮廓依次点；至少三点，首尾自动相连。"),
        "trace_hint": _("沿路线依次点；至少两点。"),
        "here_cross": _("取地图中心"),
        "saved_at": _("已存在本机 {when}"),
        "menu": _("更多"),
    }
