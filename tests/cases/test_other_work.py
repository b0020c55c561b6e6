# SPDX-License-Identifier: Apache-2.0
"""Work that turns out to be other work gets the limit of that work, one by one as in a replay; a deadline of old is kept."""

from __future__ import annotations

import csv
import datetime as dt

import pytest

from chengyun.access.actors import SYSTEM
from chengyun.cases.duplicates import beyond_doubt
from chengyun.cases.models import Case, CaseClock, CaseEvent, ReplayReject
from chengyun.cases.office import local_day, work_limit
from chengyun.cases.replay import load
from chengyun.cases.services import open_case, take_step

TYPE = "urban_management.case"
NOW = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)
STEPS = [("accept", {}), ("file", {}), ("dispatch", {"owner": "enforcement"}), ("take_on", {"category": "component/0101"})]
CLOCK = ("limit_s", "granted_s", "used_s", "running_since", "started_at", "basis", "edition", "source", "limit_text")


def test_another_category_after_dispatch_gives_the_work_its_limit(bodies, tmp_path):
    case = open_case(
        TYPE, "乱堆", SYSTEM, NOW, source="patrol", area_code="330203001", lon=121.5, lat=29.8, category="event/0104"
    )
    for at, (step, given) in enumerate(STEPS, start=1):
        data = {"category": given["category"]} if "category" in given else {}
        case = take_step(case, step, SYSTEM, NOW + at * dt.timedelta(hours=1), owner=given.get("owner"), data=data)
    other = work_limit(case, None, local_day(NOW))
    before = work_limit(Case(type=TYPE, category="event/0104", area_code="330203001"), None, local_day(NOW))
    assert other.seconds != before.seconds
    assert (case.clock.granted_s, case.clock.limit_s, case.clock.limit_text) == (other.seconds, other.seconds, other.text)
    assert case.clock.used_s > 0  # the hour before is not given back
    assert CaseEvent.objects.get(case=case, transition="take_on").data["limit_s"] == [before.seconds, other.seconds]

    file = tmp_path / "same.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(
            lines, ["case", "at", "step", "source", "area_code", "lon", "lat", "category", "owner"], restval=""
        )
        writer.writeheader()
        place = {"source": "patrol", "area_code": "330203001", "lon": 121.5, "lat": 29.8, "category": "event/0104"}
        writer.writerow({"case": "a", "at": NOW.isoformat(), "step": "open", **place})
        for at, (step, given) in enumerate(STEPS, start=1):
            writer.writerow({"case": "a", "at": (NOW + at * dt.timedelta(hours=1)).isoformat(), "step": step, **given})
    assert load(file, TYPE).rejected == 0
    replayed = Case.objects.exclude(pk=case.pk).get()
    one, same = (CaseClock.objects.values(*CLOCK).get(case=it) for it in (case, replayed))
    assert one == same
    assert (replayed.due_at, replayed.warn_at) == (case.due_at, case.warn_at)
    assert CaseEvent.objects.get(case=replayed, transition="take_on").data["limit_s"] == [before.seconds, other.seconds]


@pytest.mark.parametrize(("due", "in_time"), [("2026-04-02T00:00:00+00:00", True), ("2026-04-01T05:30:00+00:00", False)])
def test_a_recorded_deadline_is_kept(bodies, tmp_path, due, in_time):
    file = tmp_path / "old.csv"
    file.write_text(
        "case,at,step,owner,due\n"
        f"a,2026-04-01T04:00:00+00:00,open,,{due}\n"
        "a,2026-04-01T04:00:00+00:00,route,enforcement,\n"
        "a,2026-04-01T06:00:00+00:00,finish,,\n"
        "b,2026-04-01T04:00:00+00:00,open,,2026-03-01T00:00:00+00:00\n",
        encoding="utf-8",
    )
    loaded = load(file, "urban_management.request")
    assert (loaded.cases, loaded.rejected) == (1, 1)
    assert "before its opening" in ReplayReject.objects.get().reason
    case = Case.objects.get()
    assert (case.due_at, case.in_time) == (dt.datetime.fromisoformat(due), in_time)


def test_a_report_joins_by_itself_only_when_clear_before_the_next():
    assert beyond_doubt([0.93])
    assert beyond_doubt([0.96, 0.9])
    assert not beyond_doubt([0.96, 0.93])
    assert not beyond_doubt([0.89])
    assert not beyond_doubt([])
