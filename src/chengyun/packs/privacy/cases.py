# SPDX-License-Identifier: Apache-2.0
"""A resident's question or complaint about a look at their record.

待转办 ─▶ 待答复 ─▶ 已答复
   └─────────────▶ 不予受理

The body that looked is known from the record, so the program hands the question to it at once; where nobody is known, a
dispatcher does.
"""

from __future__ import annotations

from chengyun.city import CaseType, Span, State, Transition

QUESTION = CaseType(
    key="question",
    name="个人信息询问与投诉",
    owner="operations_centre",
    # No law names the days; README.md, Known limits.
    limit=Span(10, "working_day"),
    states=[
        State("received", "待转办", "dispatcher", body="centre"),
        State("answering", "待答复", "department_clerk", body="department"),
        State("answered", "已答复", "department_clerk", body="department", clock="ended"),
        State("declined", "不予受理", "dispatcher", body="centre", clock="ended", drops=True),
    ],
    transitions=[
        Transition("charge", "转办", "received", "answering", ["dispatcher", "duty_officer"], charges=True),
        Transition("answer", "答复", "answering", "answered", ["department_clerk", "handler"], needs=["note"], marks="handled"),
        Transition("decline", "不予受理", "received", "declined", ["dispatcher", "duty_officer"], needs=["note"]),
    ],
    sharing="none",
)
