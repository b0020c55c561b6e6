# SPDX-License-Identifier: Apache-2.0
"""Personal information rights: what a resident asks about the looks at their record, answered in ten working days."""

from __future__ import annotations

from chengyun.city import Pack
from chengyun.packs.privacy import cases

PACK = Pack(
    key="privacy",
    name="个人信息权益",
    owner="大数据局",
    answers="谁看过我的记录、为什么，问了有没有按时答复",
    standards=["个人信息保护法"],
    cases=[cases.QUESTION],
)
