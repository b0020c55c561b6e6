# SPDX-License-Identifier: Apache-2.0
"""Random lives of cases through the real services: what must hold after every step, and that only open steps are taken."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from chengyun.access.actors import SYSTEM
from chengyun.cases.course import clock_of
from chengyun.cases.models import Case, CaseStage
from chengyun.cases.office import work_time
from chengyun.cases.services import open_case, take_step
from chengyun.city.casework import COUNTERS
from chengyun.city.ways import Position, moves, positions
from chengyun.errors import Refused

CASE = "urban_management.case"
DECLARED = django_settings.CITY.cases[CASE]
KNOWN = positions(DECLARED)
TOPS = [max(at.counters[index] for at in KNOWN) for index in range(len(COUNTERS))]
START = dt.datetime(2026, 3, 2, 0, 30, tzinfo=dt.UTC)


class _Undo(Exception):
    """Ends an example without leaving anything of it."""


def used_by_stays(case: Case, now: dt.datetime) -> dt.timedelta:
    """Add up from the history of stays how long the case's own clock has run."""
    total = dt.timedelta(0)
    for stay in CaseStage.objects.filter(case=case):
        if DECLARED.state(stay.state).runs_case_clock == "runs":
            until = stay.left_at or now
            total += work_time().worked(stay.entered_at, until) if case.clock.basis == "working" else until - stay.entered_at
    return total


def position(case: Case, now: dt.datetime) -> Position:
    counters = tuple(min(getattr(case, name), top) for name, top in zip(COUNTERS, TOPS, strict=True))
    late = clock_of(case.clock).limit_s < used_by_stays(case, now).total_seconds()
    return Position(case.state, counters, late=late, trusted=case.source == "patrol")


def holds(case: Case, now: dt.datetime) -> None:
    """Check what must be true of a case at any moment."""
    case = Case.objects.select_related("clock", "stage", "owner").get(pk=case.pk)
    stays = list(CaseStage.objects.filter(case=case))
    assert all(one.left_at == other.entered_at for one, other in pairwise(stays))
    assert [stay.left_at for stay in stays].count(None) == 1
    stay, state = stays[-1], DECLARED.state(case.state)
    assert (stay.pk, stay.state, stay.owner_id, stay.person_id) == (case.stage_id, case.state, case.owner_id, case.person_id)
    assert stay.clock == state.clock
    assert stay.clock != "paused" or (stay.reason and stay.due_at is not None)
    assert (case.clock.running_since is not None) == (state.runs_case_clock == "runs")
    assert abs(case.clock.used_s - used_by_stays(case, now).total_seconds()) < 1e-3 or case.clock.running_since is not None
    assert case.ended == (state.clock == "ended") == (case.closed_at is not None)
    assert (case.warn_at is None) == (state.clock != "runs")
    assert case.owner_id == case.department_id or case.owner.key == "operations_centre"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_random_lives_hold_what_must_hold_and_take_only_open_steps(data, bodies):
    try:
        with transaction.atomic():
            live(data)
            raise _Undo
    except _Undo:
        pass


def live(data) -> None:
    now = START
    source = data.draw(st.sampled_from(["patrol", "web"]))
    case = open_case(CASE, "案件", SYSTEM, now, source=source, category="event/0104", lon=121.5, lat=29.8, area_code="330203001")
    other = open_case(CASE, "另一件", SYSTEM, now, area_code="330203001")
    for _ in range(data.draw(st.integers(1, 10))):
        now += dt.timedelta(minutes=data.draw(st.sampled_from([0, 7, 60, 500, 3000])))
        case = Case.objects.select_related("clock", "stage", "owner").get(pk=case.pk)
        here = position(case, now)
        assert here in KNOWN
        allowed = {step.key for step, _ in moves(DECLARED, here) if step is not None}
        step = data.draw(st.sampled_from(DECLARED.steps_from(case.state) or list(DECLARED.transitions)))
        given_ = {
            "reason": "原因", "note": "情况", "photos": [1], "lon": 121.5, "lat": 29.8, "until": now + dt.timedelta(days=3),
            "owner": data.draw(st.sampled_from(["enforcement", "environment"])),
            "data": {"target": other.number, "category": "event/0104"},
        }  # fmt: skip
        if step.key in allowed:
            event(f"taken: {step.key}")
            case = take_step(case, step.key, SYSTEM, now, **given_)
            assert case.state == step.to
        else:
            with pytest.raises(Refused):
                take_step(case, step.key, SYSTEM, now, **given_)
        holds(case, now)
