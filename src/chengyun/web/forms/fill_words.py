# SPDX-License-Identifier: Apache-2.0
"""What the pages for filling in forms say, in the language of the moment."""

from __future__ import annotations

from django.utils.translation import gettext as _

__all__ = ["words"]


def words() -> dict[str, str]:
    """Return name → text; {braces} are filled by the script."""
    return {
        "title": _("表单填报"),
        "tasks": _("我的任务"),
        "forms": _("表单"),
        "drafts": _("草稿"),
        "outbox": _("待发送"),
        "sent": _("已送达"),
        "no_tasks": _("没有等您填报的任务。"),
        "no_forms": _("还没有可以填报的表单。"),
        "due": _("{when}前"),
        "late": _("已过期限 {when}"),
        "anybody": _("本区域任何人"),
        "for_me": _("指定给您"),
        "minutes": _("约 {n} 分钟"),
        "not_here": _("还没有下载到本机，联网后可填"),
        "version": _("版本 {version}"),
        "changed": _("{when}改过"),
        "photos_n": _("{n} 张照片"),
        "new_version_of_form": _("这张表单已有新版本 {version}。这份草稿仍按原版本填报，可以照常发送。"),
        "sent_retired": _("按旧版本填报，已收下"),
        "sent_faults": _("有 {n} 处与表单不符，审核时会看到"),
        "retired_unknown": _("服务器上没有这张表单的这个版本，不能接收。可以保留内容，或删除后按新版本重填。"),
        "required": _("必填"),
        "constraint": _("填写不符合要求"),
        "finish": _("完成并发送"),
        "finish_offline": _("完成，联网后发送"),
        "wrong_n": _("还有 {n} 处要改"),
        "add": _("再加一项"),
        "remove": _("去掉这一项"),
        "remove_sure": _("去掉“{what}”及其内容吗？"),
        "item_n": _("第 {n} 项"),
        "choose": _("请选择"),
        "not_known": _("无法在浏览器中填写这种题目：{kind}。"),
        "form_language": _("表单语言"),
        "form_broken": _("这张表单打不开：{reason}"),
        "loading_form": _("正在打开表单…"),
        "confirm_box": _("我已阅读并确认"),
        "up": _("上移"),
        "down": _("下移"),
        "delete_draft": _("删除草稿"),
        "edit_again": _("改回草稿"),
        "nothing_sent": _("还没有送达的填报。"),
        "prefilled": _("已按任务预填，请核对。"),
        "prefilled_register": _("已从登记中预填，请与本人核对。"),
        "prefill_ask": _("同意后，从登记中读取 {who} 的已有信息，这次读取会被记录。"),
        "prefill_agree": _("同意，从登记中预填"),
        "prefill_refuse": _("不同意，自己填写"),
        "prefill_offline": _("现在不能从登记中预填，请直接填写。"),
        "other_version": _("旧版本"),
        "file_missing": _("本机缺少照片 {name}，请打开补拍。"),
    }
