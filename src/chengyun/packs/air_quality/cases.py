# SPDX-License-Identifier: Apache-2.0
"""What becomes a case: air that somebody must go and look at.

filed ──dispatch──▶ dispatched ──accept──▶ handling ──report──▶ verifying ──close──▶ closed
  │                     │ ◀──────reassign─────┘ ◀──────reject──────┘
  └──────void───────────┴──▶ void
"""

from __future__ import annotations

import datetime as dt

from chengyun.city import CaseType, State, Transition

AIR_CHECK = CaseType(
    key="air_check",
    name="空气质量异常核查",
    owner="生态环境局",
    limit=dt.timedelta(hours=24),
    states=[
        State("filed", "已立案", owner="duty_officer"),
        State("dispatched", "已派遣", owner="department_clerk"),
        State("handling", "处置中", owner="handler"),
        State("verifying", "待核查", owner="duty_officer"),
        State("closed", "已结案", owner="duty_officer", clock="ended"),
        State("void", "已作废", owner="duty_officer", clock="ended", drops=True),
    ],
    transitions=[
        Transition("dispatch", "派遣", source="filed", to="dispatched", by=["duty_officer"], needs=["assignee"]),
        Transition("void_filed", "作废", source="filed", to="void", by=["duty_officer"], needs=["reason"]),
        Transition("accept", "接办", source="dispatched", to="handling", by=["department_clerk", "handler"]),
        Transition("void_dispatched", "作废", source="dispatched", to="void", by=["duty_officer"], needs=["reason"]),
        Transition(
            "reassign", "退回重派", source="handling", to="dispatched", by=["handler", "department_clerk"], needs=["reason"]
        ),
        Transition("report", "处置完毕", source="handling", to="verifying", by=["handler", "department_clerk"], needs=["note"]),
        Transition("reject", "核查不通过", source="verifying", to="handling", by=["duty_officer"], needs=["reason"]),
        Transition("close", "结案", source="verifying", to="closed", by=["duty_officer"], needs=["reason"]),
    ],
)
