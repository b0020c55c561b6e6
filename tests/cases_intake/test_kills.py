# SPDX-License-Identifier: Apache-2.0
"""Whatever dies during a burst: what was acknowledged is there once, and no case is without an owner."""

from __future__ import annotations

import json
import random
import threading
import time

import msgspec
import pytest

from chengyun.bench.place import open_place
from chengyun.cases.intake.benches import burst, orders_for
from chengyun.cases.intake.burst import Told

pytestmark = pytest.mark.fault

COUNT = """
import json
from django.db.models import Count
from chengyun.cases.intake.models import Report
from chengyun.cases.models import Case, CaseEvent, CaseStage
print(json.dumps({
    "reports": dict(Report.objects.values_list("number", "case__number")),
    "keys": Report.objects.exclude(idempotency_key=None).values("idempotency_key").distinct().count(),
    "cases": Case.objects.count(),
    "without_owner": Case.objects.filter(owner=None).count(),
    "without_stage": Case.objects.exclude(stages__left_at=None).count(),
    "opened": CaseEvent.objects.filter(kind="opened").count(),
    "counted": sum(Case.objects.values_list("report_count", flat=True)),
}))
"""


def test_nothing_is_lost_or_filed_twice_when_web_and_database_are_killed():
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        orders = msgspec.structs.replace(orders_for(place), seconds=12.0, rate=20.0, connections=8, again=True, run="kills")
        said: list[Told] = []
        sender = threading.Thread(target=lambda: said.append(burst(orders)))
        sender.start()
        chance = random.Random(4)
        for name in ("web", "db", "web"):
            time.sleep(chance.uniform(1.5, 3))
            former = place.kill(name)
            place.wait_restarted(name, former, 60)
        sender.join(300)
        (told,) = said
        found = json.loads(place.django(COUNT))
    assert told.failures > 0  # the kills were felt
    assert told.filed == told.sent
    assert set(told.numbers.values()) == set(found["reports"])
    assert len(found["reports"]) == found["keys"] == told.sent
    assert None not in found["reports"].values()
    assert found["cases"] == found["opened"]
    assert found["counted"] == told.sent
    assert (found["without_owner"], found["without_stage"]) == (0, 0)
