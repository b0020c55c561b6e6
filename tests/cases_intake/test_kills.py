# SPDX-License-Identifier: Apache-2.0
"""Whatever dies during a burst: what was acknowledged is there once, no case is without an owner, and no clock is wrong.

CHENGYUN_TEST_KILLS says how many processes are killed, drawn at random from all but the supervisor; eight without it.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time

import msgspec
import pytest

from chengyun.bench.place import open_place, wait_for
from chengyun.cases.intake.benches import burst, orders_for
from chengyun.cases.intake.burst import Told
from chengyun.run.process import is_alive

KILLS = int(os.environ.get("CHENGYUN_TEST_KILLS", "8"))
SECONDS_EACH = 4.0
PROCESSES = ("web", "web", "web", "db", "jobs", "stream", "protocols")
"""What may be killed: the one that answers reports more often than the others."""

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240 + 30 * KILLS)]

COUNT = """
import json
from chengyun.cases.clock import due_at
from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case, CaseEvent, CaseStage
from chengyun.cases.office import work_time
from chengyun.cases.records import stay_clock
work = work_time()
stays = list(CaseStage.objects.select_related("case").order_by("case_id", "entered_at", "id"))
wrong = []
for stay, after in zip(stays, [*stays[1:], None]):
    last = after is None or after.case_id != stay.case_id
    if last != (stay.left_at is None) or (not last and stay.left_at != after.entered_at):
        wrong.append([stay.case.number, "a gap, or more than one stay at a time"])
    if last and (stay.case.stage_id != stay.pk or stay.case.state != stay.state or stay.case.stage_since != stay.entered_at):
        wrong.append([stay.case.number, "the case and its stay disagree"])
    if last and stay.own_limit and stay.due_at != due_at(stay_clock(stay), work):
        wrong.append([stay.case.number, f"due at {stay.due_at}, reckoned {due_at(stay_clock(stay), work)}"])
first = {stay.case_id: stay for stay in reversed(stays)}
wrong += [[it.case.number, "begun apart from opened"] for it in first.values() if it.entered_at != it.case.opened_at]
print(json.dumps({
    "reports": dict(Report.objects.values_list("number", "case__number")),
    "keys": Report.objects.exclude(idempotency_key=None).values("idempotency_key").distinct().count(),
    "cases": Case.objects.count(),
    "without_owner": Case.objects.filter(owner=None).count(),
    "without_stage": Case.objects.exclude(stages__left_at=None).count(),
    "without_clock": Case.objects.filter(clock=None).count(),
    "opened": CaseEvent.objects.filter(kind="opened").count(),
    "counted": sum(Case.objects.values_list("report_count", flat=True)),
    "wrong": wrong,
}))
"""


def test_nothing_is_lost_or_filed_twice_whatever_is_killed():
    killed: list[str] = []
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        seconds = SECONDS_EACH * KILLS
        orders = msgspec.structs.replace(orders_for(place), seconds=seconds, rate=20.0, connections=8, again=True, run="kills")
        said: list[Told] = []
        sender = threading.Thread(target=lambda: said.append(burst(orders)))
        sender.start()
        chance = random.Random(4)
        while len(killed) < KILLS:
            time.sleep(chance.uniform(0.5, 2))
            # The page that reports are sent to is among the first ones that die, whatever is drawn.
            name = "web" if not killed else chance.choice(PROCESSES)
            wait_for(lambda name=name: is_alive(place.children()[name]), 60, f"{name} was not started again")
            former = place.kill(name)
            killed.append(name)
            place.wait_restarted(name, former, 60)
        sender.join(300)
        (told,) = said
        wait_for(place.healthy, 60, "pages or the stream process do not answer again")
        found = json.loads(place.django(COUNT))
    assert len(killed) == KILLS
    assert told.failures > 0, "the kills were felt"
    assert told.filed == told.sent
    assert set(told.numbers.values()) == set(found["reports"])
    assert len(found["reports"]) == found["keys"] == told.sent
    assert None not in found["reports"].values()
    assert found["cases"] == found["opened"]
    assert found["counted"] == told.sent
    assert (found["without_owner"], found["without_stage"], found["without_clock"]) == (0, 0, 0)
    assert found["wrong"] == []
