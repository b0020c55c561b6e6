# SPDX-License-Identifier: Apache-2.0
"""What devices did without network arrives once, in order, and what cannot be done as it stands becomes a question."""

from __future__ import annotations

import datetime as dt

import pytest

from chengyun.access.actors import actor_of_account
from chengyun.cases.field import services, tracks
from chengyun.cases.field.models import Duty, Operation, Track, Twin
from chengyun.cases.field.samples import HERE, picture, report, sha
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.services import take_step

HOUR = dt.timedelta(hours=1)
NOW = dt.datetime(2026, 4, 1, 1, tzinfo=dt.UTC)
CITY_CASE = "urban_management.case"


def state_of(key: str) -> str:
    return Operation.objects.get(pk=key).state


def forward(case: str, people, now=NOW) -> None:
    """Bring a patrol's case from the centre's intake into a department's hands."""
    clerk, officer, dispatcher = (actor_of_account(one, now) for one in people)
    take_step(case, "accept", clerk, now)
    take_step(case, "file", officer, now, data={"category": "event/0104"})
    take_step(case, "dispatch", dispatcher, now, owner="works")


@pytest.fixture
def people(person):
    return person("clerk", "intake_clerk"), person("officer", "duty_officer"), person("dispatcher", "dispatcher")


def test_a_report_made_without_network_becomes_one_case_however_often_it_is_sent(phone):
    one = phone("wang")
    key = one.do("report", NOW - 3 * HOUR, report())
    first = one.send(NOW)
    again = one.send(NOW + HOUR)  # the first answer was lost
    [case] = Case.objects.filter(type=CITY_CASE)
    assert [it["case"] for it in (*first["results"], *again["results"])] == [case.number, case.number]
    assert (case.source, case.opened_at, state_of(key)) == ("patrol", NOW, "applied")
    assert case.evidence["field"]["done_at"] == (NOW - 3 * HOUR).isoformat()


def test_an_operation_changed_under_its_id_changes_nothing(phone):
    one = phone("wang")
    key = one.do("report", NOW, report("井盖破损"))
    one.send(NOW)
    one.outbox[key]["data"]["title"] = "树木倾倒"
    one.send(NOW)
    assert Case.objects.get().title == "井盖破损"


def test_what_depends_on_something_waits_on_the_server_and_photos_release_it(phone):
    one = phone("wang")
    data = picture(1)
    opened = one.do("report", NOW - HOUR, report(photos=[sha(data)]))
    noted = one.do("note", NOW, {"case": f"local:{opened}", "text": "已设围挡"}, after=[opened])
    one.take(one.send(NOW, [one.outbox[noted]]), NOW)  # the second arrives before the first
    assert one.results[noted]["details"] == {"after": [opened]}
    one.take(one.send(NOW, [one.outbox[opened]]), NOW)
    assert one.results[opened]["details"] == {"photos": [sha(data)]}
    assert not Case.objects.exists()
    one.upload(data, NOW)
    one.sync(NOW + HOUR)
    assert [one.results[key]["state"] for key in (opened, noted)] == ["applied", "applied"]
    case = Case.objects.get()
    assert case.photos.get().sha256 == sha(data)
    assert case.events.get(kind="noted").note == "已设围挡"


def test_a_crew_handles_offline_and_the_case_moves_exactly_once(phone, people):
    worker, crew = phone("wang"), phone("crew", "handler", "works")
    worker.do("report", NOW, report())
    worker.sync(NOW)
    number = Case.objects.get().number
    forward(number, people)
    crew.sync(NOW)
    assert "report_done" in {step["key"] for step in crew.cases[number]["steps"]}
    data = picture(2)
    step = {"case": number, "transition": "report_done", "note": "已更换井盖", "photos": [crew.upload(data, NOW)]}
    key = crew.do("step", NOW + HOUR, step, base={"state": crew.cases[number]["state"]})
    for _ in range(3):
        crew.send(NOW + 4 * HOUR)
    crew.sync(NOW + 5 * HOUR)
    assert crew.results[key]["state"] == "applied"
    assert Case.objects.get().state == "to_check"
    [event] = CaseEvent.objects.filter(transition="report_done")
    assert (event.at, event.data["field"]["done_at"]) == (NOW + 4 * HOUR, (NOW + HOUR).isoformat())


def test_two_who_took_the_same_step_are_merged_and_both_keep_their_words(phone, people):
    worker = phone("wang")
    worker.do("report", NOW, report())
    worker.sync(NOW)
    number = Case.objects.get().number
    forward(number, people)
    crews = [phone("first", "handler", "works"), phone("second", "handler", "works")]
    for index, one in enumerate(crews):
        one.sync(NOW)
        photo = one.upload(picture(10 + index), NOW)
        one.do("step", NOW + HOUR, {"case": number, "transition": "report_done", "note": f"我修好了 {index}", "photos": [photo]},
               base={"state": "handling"})  # fmt: skip
    keys = [next(iter(one.outbox)) for one in crews]
    for one in crews:
        one.sync(NOW + 2 * HOUR)
    assert [one.results[key]["state"] for one, key in zip(crews, keys, strict=True)] == ["applied", "merged"]
    assert "first" in crews[1].results[keys[1]]["sentence"]
    assert [event.note for event in CaseEvent.objects.filter(kind__in=["step", "noted"]).order_by("id")][-2:] == [
        "我修好了 0",
        "我修好了 1",
    ]
    assert Case.objects.get().photos.count() == 2


def test_a_step_that_is_no_longer_possible_is_asked_about_and_can_be_kept_as_a_note(phone, people):
    worker, crew = phone("wang"), phone("crew", "handler", "works")
    worker.do("report", NOW, report())
    worker.sync(NOW)
    number = Case.objects.get().number
    forward(number, people)
    crew.sync(NOW)
    take_step(number, "void_handling", actor_of_account(people[1], NOW), NOW + HOUR, reason="重复")
    photo = crew.upload(picture(3), NOW)
    key = crew.do(
        "step",
        NOW,
        {"case": number, "transition": "report_done", "note": "已修复", "photos": [photo]},
        base={"state": "handling"},
    )
    crew.sync(NOW + 2 * HOUR)
    [asked] = crew.decisions
    assert (asked["operation"], asked["now"]["state"], asked["now"]["by"]) == (key, "void", "officer")
    assert [it["key"] for it in asked["choices"]] == ["note", "drop"]
    crew.do("decide", NOW + 3 * HOUR, {"operation": key, "choice": "note"})
    crew.sync(NOW + 3 * HOUR)
    assert crew.decisions == []
    assert crew.results[key]["state"] == "settled"
    event = CaseEvent.objects.get(kind="noted")
    assert (event.note, len(event.data["photos"])) == ("已修复", 1)


def test_missing_evidence_is_asked_for_and_the_step_taken_again_with_it(phone, people):
    worker, crew = phone("wang"), phone("crew", "handler", "works")
    worker.do("report", NOW, report())
    worker.sync(NOW)
    number = Case.objects.get().number
    forward(number, people)
    crew.sync(NOW)
    key = crew.do("step", NOW, {"case": number, "transition": "report_done", "note": "已修复"}, base={"state": "handling"})
    crew.sync(NOW)
    [asked] = crew.decisions
    assert "again" in {it["key"] for it in asked["choices"]}
    photo = crew.upload(picture(4), NOW)
    crew.do("decide", NOW, {"operation": key, "choice": "again", "values": {"photos": [photo]}})
    crew.sync(NOW)
    assert (crew.results[key]["state"], Case.objects.get().state) == ("settled", "to_check")


def test_fields_are_merged_one_by_one_and_only_what_both_changed_is_asked(phone):
    ours, theirs = phone("wang"), phone("li")
    ours.do("report", NOW, report())
    ours.sync(NOW)
    theirs.sync(NOW)
    number = Case.objects.get().number
    seen = {"address": "", "title": "井盖破损", "description": "井盖破损"}
    theirs.do("edit", NOW, {"case": number, "fields": {"address": "中山路 1 号", "title": "雨水井盖破损"}}, base={"fields": seen})
    key = ours.do(
        "edit", NOW, {"case": number, "fields": {"description": "直径 70 厘米", "title": "污水井盖破损"}}, base={"fields": seen}
    )
    theirs.sync(NOW + HOUR)
    ours.sync(NOW + 2 * HOUR)
    case = Case.objects.get()
    assert (case.address, case.title, case.description) == ("中山路 1 号", "雨水井盖破损", "直径 70 厘米")
    [asked] = ours.decisions
    assert (asked["mine"], asked["now"]["fields"], asked["now"]["changes"][0]["by"]) == (
        {"title": "污水井盖破损"}, {"title": "雨水井盖破损"}, "li",
    )  # fmt: skip
    ours.do("decide", NOW, {"operation": key, "choice": "mine"})
    ours.sync(NOW + 3 * HOUR)
    assert Case.objects.get().title == "污水井盖破损"
    assert ours.decisions == []


def test_two_reports_of_one_hole_are_flagged_to_both_and_joined_by_one_word(phone):
    first, second = phone("wang"), phone("li")
    first.do("report", NOW - 5 * HOUR, report(category="component/0101"))
    second.do("report", NOW - 4 * HOUR, report("窨井盖坏了", lon=HERE[0] + 0.0002, category="component/0101"))
    far = second.do("report", NOW - 4 * HOUR, report("树倒了", lon=HERE[0] + 0.01))
    first.sync(NOW)
    second.sync(NOW + HOUR)
    [twin] = Twin.objects.all()
    [asked] = second.decisions
    assert (asked["kind"], asked["now"]["case"], second.results[far]["details"]) == ("twin", twin.other.number, {})
    second.do("decide", NOW, {"operation": asked["operation"], "choice": "same"})
    second.sync(NOW + 2 * HOUR)
    twin.refresh_from_db()
    assert (twin.said, twin.said_by, twin.case.merged_into) == ("same", "li", twin.other)
    assert second.decisions == []


def test_an_unreadable_operation_stays_with_the_server_and_holds_up_nothing(phone):
    one = phone("wang")
    bad = one.do("report", NOW, {"titel": "x"})
    good = one.do("report", NOW, report())
    one.sync(NOW)
    assert [one.results[key]["state"] for key in (bad, good)] == ["invalid", "applied"]
    assert one.decisions[0]["operation"] == bad
    one.do("decide", NOW, {"operation": bad, "choice": "drop"})
    one.sync(NOW)
    assert one.decisions == []
    assert Operation.objects.get(pk=bad).data == {"titel": "x"}


def test_tracks_are_kept_on_duty_only_and_forgotten_after_their_days(phone):
    one = phone("wang", skew=dt.timedelta(minutes=37))
    start = NOW - 6 * HOUR
    one.do("duty", start, {"on": True})
    one.do("track", start - HOUR, {"points": [[0, *HERE, 5.0], [3700, *HERE, 5.0], [3760, HERE[0] + 0.001, HERE[1], 5.0]]})
    one.do("duty", start + HOUR, {"on": False})
    one.do("track", start + 2 * HOUR, {"points": [[0, *HERE, 5.0]]})
    one.sync(NOW)
    [track] = Track.objects.all()
    assert [point[0] for point in track.points] == [3700, 3760]
    assert abs(track.started_at - (start + dt.timedelta(seconds=100))) < dt.timedelta(seconds=6)
    assert Duty.objects.get().ended_at is not None
    assert [one.data for one in Operation.objects.filter(kind="track").order_by("done_at")] == [
        {"task": None, "kept": 2, "thrown": 1}, {"task": None, "kept": 0, "thrown": 1},
    ]  # fmt: skip
    assert tracks.forget(NOW + dt.timedelta(days=31)) == 1
    track.refresh_from_db()
    assert track.points is None


def test_a_patrol_covers_its_area(phone, people):
    import shapely

    one = phone("wang")
    officer = actor_of_account(people[1], NOW)
    shape = shapely.box(HERE[0], HERE[1], HERE[0] + 0.005, HERE[1] + 0.001)
    task = services.assign_task(officer, one.account, "巡查一网格", "", NOW - HOUR, NOW + HOUR, NOW, shape=shape)
    one.sync(NOW)
    assert one.tasks[task.pk]["share"] == 0
    one.do("duty", NOW - HOUR, {"on": True})
    points = [[step * 10, HERE[0] + step * 0.0005, HERE[1] + 0.0002, 5.0] for step in range(11)]
    one.do("track", NOW - HOUR / 2, {"task": task.pk, "points": points})
    one.do("task", NOW, {"task": task.pk, "fields": {"state": "done"}}, base={"fields": {"state": "open"}})
    one.sync(NOW)
    task.refresh_from_db()
    assert 0.4 < task.share < 0.6  # one of two rows of cells
    assert one.tasks[task.pk]["state"] == "done"


def test_a_lost_answer_and_an_old_cursor_lose_nothing(phone):
    reader, writer = phone("wang"), phone("li")
    reader.sync(NOW)
    for step in range(3):
        writer.do("report", NOW, report(f"问题 {step}", lon=HERE[0] + step * 0.01))
        writer.sync(NOW)
        reader.send(NOW)  # lost
    reader.sync(NOW)
    assert {one["title"] for one in reader.cases.values()} == {"问题 0", "问题 1", "问题 2"}
    reader.cursor = "long forgotten"
    reader.sync(NOW)
    assert len(reader.cases) == 3


def test_who_may_no_longer_see_a_case_forgets_it(phone):
    one, other = phone("wang"), phone("li")
    other.do("report", NOW, report())
    other.sync(NOW)
    one.sync(NOW)
    assert len(one.cases) == 1
    one.account.assignments.update(area_code="330212")
    one.sync(NOW)
    assert one.cases == {}
