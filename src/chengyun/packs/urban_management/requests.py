# SPDX-License-Identifier: Apache-2.0
"""Requests of a foreign 311 centre, as their history was recorded: received, routed, worked on, ended. Never opened here.

Their papers know neither a verification on the spot nor photos, so they cannot be cases of ours: those need both to end.
"""

from __future__ import annotations

from chengyun.city import CaseType, Span, State, Transition

STATES = [
    State("received", "已收到", "dispatcher", body="centre"),
    State("working", "办理中", "handler", body="department"),
    State("closed", "已办结", "handler", body="department", clock="ended"),
    State("void", "不成立", "handler", body="department", clock="ended", drops=True),
    State("duplicate", "重复", "handler", body="department", clock="ended", drops=True),
]
TRANSITIONS = [
    Transition("route", "分派", "received", "working", ["dispatcher"], charges=True),
    Transition("progress", "进展", "working", "working", ["handler"], needs=["note"]),
    Transition("finish", "办结", "working", "closed", ["handler"], marks="handled"),
    Transition("dismiss", "不成立", "working", "void", ["handler"]),
    Transition("repeat", "重复", "working", "duplicate", ["handler"]),
]
REQUEST = CaseType(
    key="request",
    name="外来热线历史件",
    owner="operations_centre",
    limit=Span(5, "working_day"),
    scheme="scheme",
    states=STATES,
    transitions=TRANSITIONS,
)
