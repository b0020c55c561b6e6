# SPDX-License-Identifier: Apache-2.0
"""The closed loop of urban management: from a report to a verified end.

上报 ─▶ (待核实) ─▶ 待立案 ─▶ 待派遣 ─▶ 处置中 ─▶ 待核查 ─▶ 待结案 ─▶ 结案
                                         │ ▲
                   延期、缓办、挂账待审 ◀─┤ ├─ 待重派 ◀── first return, reopening
                                         └─┴─ 仲裁中 ◀── second return, work late or done badly again ─▶ 代处置中

The department's clock runs from dispatch to its report, also while a case is returned or waits for an answer. Whatever a
department does, each of its ways out is open a counted number of times; the last leads to arbitration, and from there the
centre can have the work done by others: so every case comes to an end (tests/cases/test_machine.py walks all ways).
"""

from __future__ import annotations

from collections.abc import Iterator

from chengyun.city import CaseType, Span, State, Transition
from chengyun.city.casework import Counter

CLERKS = ["intake_clerk", "dispatcher", "duty_officer"]
DEPARTMENT = ["handler", "department_clerk"]
VERIFIERS = ["verifier", "grid_worker"]
ARBITERS = ["duty_officer", "leader"]
BEFORE = "尚未派遣，责任部门未开始计时"
AFTER = "已报处置完毕，责任部门停止计时"

STATES = [
    State("reported", "待受理", "intake_clerk", body="centre", limit="stage.reported", case_clock="paused", because=BEFORE),
    State("to_verify", "待核实", "grid_worker", body="centre", limit="stage.to_verify", case_clock="paused", because=BEFORE),
    State("to_file", "待立案", "duty_officer", body="centre", limit="stage.to_file", case_clock="paused", because=BEFORE),
    State("to_dispatch", "待派遣", "dispatcher", body="centre", limit="stage.to_dispatch", case_clock="paused", because=BEFORE),
    State("handling", "处置中", "handler", body="department"),
    State("to_redispatch", "待重派", "dispatcher", body="centre", limit="stage.to_dispatch"),
    State("extension_asked", "延期待审", "duty_officer", body="centre", limit="stage.approval"),
    State("deferral_asked", "缓办待审", "duty_officer", body="centre", limit="stage.approval"),
    State("suspension_asked", "挂账待审", "duty_officer", body="centre", limit="stage.approval"),
    State(
        "deferred", "缓办", "department_clerk", body="department", clock="paused", because="缓办：条件不具备，经批准暂缓处置",
        limit="stage.deferred", timeout="resume_deferred",
    ),
    State(
        "suspended", "挂账", "department_clerk", body="department", clock="paused", because="挂账：一时不能解决，经批准挂账",
        limit="stage.suspended", timeout="resume_suspended", suspends=True,
    ),
    State("arbitrating", "仲裁中", "duty_officer", body="centre", limit="stage.arbitrating"),
    State("substituting", "代处置中", "dispatcher", body="centre", limit="stage.substituting"),
    State("to_check", "待核查", "verifier", body="centre", limit="stage.to_check", case_clock="paused", because=AFTER),
    State("to_close", "待结案", "duty_officer", body="centre", limit="stage.to_close", case_clock="paused", because=AFTER),
    State("closed", "结案", "duty_officer", body="centre", clock="ended"),
    State("void", "作废", "duty_officer", body="centre", clock="ended", drops=True),
    State("rejected", "不予立案", "duty_officer", body="centre", clock="ended", drops=True),
    State("merged", "并案", "duty_officer", body="centre", clock="ended", drops=True),
]  # fmt: skip


def _exception(word: str, key: str, granted: str, counter: Counter) -> Iterator[Transition]:
    """Yield an application of the department and the two answers to it; a pause that is granted ends by its time, or before."""
    asked = f"{key}_asked"
    yield Transition(
        f"ask_{key}",
        f"申请{word}",
        "handling",
        asked,
        DEPARTMENT,
        needs=["reason", "until"],
        when={counter: (0, 0)},
        counts=counter,
    )
    yield Transition(f"grant_{key}", f"批准{word}", asked, granted, ["duty_officer"], extends=granted == "handling")
    yield Transition(f"refuse_{key}", f"不批准{word}", asked, "handling", ["duty_officer"], needs=["reason"])
    if granted != "handling":
        yield Transition(f"resume_{granted}", "恢复处置", granted, "handling", [*DEPARTMENT, "duty_officer"])


def _merges() -> Iterator[Transition]:
    for state in ("reported", "to_verify", "to_file", "to_dispatch", "handling"):
        by = CLERKS if state != "handling" else CLERKS[1:]
        yield Transition(f"merge_{state}", "并案", state, "merged", by, needs=["target"], merges=True)


TRANSITIONS = [
    Transition("ask_verification", "受理，转核实", "reported", "to_verify", ["intake_clerk"], needs=["place"]),
    Transition("accept", "受理", "reported", "to_file", ["intake_clerk"], guard=["trusted_source"]),
    Transition("decline", "不予受理", "reported", "void", ["intake_clerk"], needs=["reason"]),
    Transition("confirm", "核实属实", "to_verify", "to_file", VERIFIERS, needs=["photo", "place"]),
    Transition("deny", "核实不属实", "to_verify", "void", VERIFIERS, needs=["reason"]),
    Transition("file", "立案", "to_file", "to_dispatch", ["duty_officer"], needs=["category"]),
    Transition("reject", "不予立案", "to_file", "rejected", ["duty_officer"], needs=["reason"]),
    Transition("dispatch", "派遣", "to_dispatch", "handling", ["dispatcher"], charges=True),
    Transition("take_on", "接单", "handling", "handling", DEPARTMENT, takes=True),
    Transition(
        "report_done", "处置完毕", "handling", "to_check", DEPARTMENT, needs=["note", "photo"], guard=["parts_ended"],
        marks="handled",
    ),
    Transition(
        "return_work", "退单", "handling", "to_redispatch", DEPARTMENT, needs=["reason"], guard=["duty_list_reason"],
        when={"returns": (0, 0)}, counts="returns",
    ),
    Transition(
        "return_again", "再次退单", "handling", "arbitrating", DEPARTMENT, needs=["reason"], guard=["duty_list_reason"],
        when={"returns": (1, 1)}, counts="returns",
    ),
    Transition("redispatch", "重新派遣", "to_redispatch", "handling", ["dispatcher"], charges=True),
    Transition(
        "refuse_return", "驳回退单", "to_redispatch", "handling", ["dispatcher"], needs=["reason"], when={"returns": (1, None)},
    ),
    Transition("void_returned", "作废", "to_redispatch", "void", ["duty_officer"], needs=["reason"]),
    *_exception("延期", "extension", "handling", "extensions"),
    *_exception("缓办", "deferral", "deferred", "deferrals"),
    *_exception("挂账", "suspension", "suspended", "suspensions"),
    Transition("recall", "超期收回", "handling", "arbitrating", ARBITERS, needs=["reason"], guard=["overdue"]),
    Transition("void_handling", "作废", "handling", "void", ["duty_officer"], needs=["reason"]),
    Transition(
        "arbitrate", "仲裁派遣", "arbitrating", "handling", ARBITERS, needs=["reason", "owner"], charges=True,
        when={"arbitrations": (0, 1)}, counts="arbitrations",
    ),
    Transition("substitute", "组织代处置", "arbitrating", "substituting", ARBITERS, needs=["reason"]),
    Transition("void_arbitrated", "作废", "arbitrating", "void", ARBITERS, needs=["reason"]),
    Transition(
        "substitute_done", "代处置完毕", "substituting", "to_check", ["dispatcher"], needs=["note", "photo"],
        guard=["parts_ended"], marks="handled",
    ),
    Transition(
        "pass_check", "核查通过", "to_check", "to_close", VERIFIERS, needs=["photo", "place"], guard=["independent_person"],
        marks="verified",
    ),
    Transition(
        "fail_check", "核查不通过", "to_check", "handling", VERIFIERS, needs=["reason", "photo"], guard=["independent_person"],
        when={"rework": (0, 2)}, counts="rework",
    ),
    Transition(
        "fail_again", "核查多次不通过", "to_check", "arbitrating", VERIFIERS, needs=["reason", "photo"],
        guard=["independent_person"], when={"rework": (3, None)},
    ),
    Transition("close", "结案", "to_close", "closed", ["duty_officer"]),
    Transition("check_again", "退回核查", "to_close", "to_check", ["duty_officer"], needs=["reason"]),
    Transition(
        "reopen", "重开", "closed", "to_redispatch", ["duty_officer", "leader", "intake_clerk", *VERIFIERS], needs=["reason"],
        when={"reopened": (0, 1)}, counts="reopened",
    ),
    *_merges(),
    Transition("unmerge", "撤销并案", "merged", "to_file", CLERKS, needs=["reason"]),
]  # fmt: skip

CASE = CaseType(
    key="case",
    name="城市管理案件",
    owner="operations_centre",
    limit=Span(5, "working_day"),
    scheme="scheme",
    sub_task="to_dispatch",
    reports=True,
    components="component",
    habits="habits.toml",
    states=STATES,
    transitions=TRANSITIONS,
)
