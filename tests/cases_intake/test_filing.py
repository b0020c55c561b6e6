# SPDX-License-Identifier: Apache-2.0
"""What is reported becomes a case once, in the right place, and is acknowledged only when it is kept."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from django.db import connection

from chengyun.access.actors import ANONYMOUS
from chengyun.cases.intake import links, merging, messages, placing, quota
from chengyun.cases.intake.models import Message, Photo, Quota, Report, ReportContact
from chengyun.cases.intake.services import file_report, find_report
from chengyun.cases.models import Case, CaseEvent
from chengyun.errors import NotFound, Refused

from .conftest import HAISHU, LITTER, NOW, YINZHOU, picture, report

pytestmark = pytest.mark.django_db


def test_a_report_opens_a_case_where_it_is(city):
    filed = file_report(report(phone="138 0000 1234", name="王"), ANONYMOUS, NOW)
    case = filed.case
    assert (case.area_code, case.category, case.source, case.state) == ("330203", LITTER, "web", "reported")
    assert case.owner.key == "operations_centre"
    assert filed.duplicate_of is None
    assert ReportContact.objects.get().phone == "13800001234"
    assert [one.kind for one in Message.objects.all()] == ["received"]
    assert find_report(filed.report.number, filed.token) == filed.report


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"text": "  "}, "text"), ({"text": "x" * 4001}, "text"), ({"lon": None, "lat": None}, "place"), ({"lat": None}, "place"),
        ({"lon": 2.35, "lat": 48.85}, "outside"), ({"lon": 500.0, "lat": 1.0}, "place"), ({"phone": "call me"}, "phone"),
        ({"email": "nobody"}, "email"), ({"category": "event/9999"}, "category_unknown"), ({"channel": "pigeon"}, "channel"),
        ({"photos": (b"GIF89a not a picture",)}, "photo_kind"), ({"photos": (picture(),) * 7}, "photos"),
        ({"join": "2026-999999"}, "case_ended"),
    ],
)  # fmt: skip
def test_what_cannot_be_filed_is_refused_and_leaves_nothing(city, given, code):
    with pytest.raises(Refused) as refused:
        file_report(report(**given), ANONYMOUS, NOW)
    assert refused.value.code == code
    assert not Report.objects.exists()
    assert not Case.objects.exists()


def test_a_resend_gets_the_same_receipt(city):
    first = file_report(report(idempotency_key="k1"), ANONYMOUS, NOW)
    again = file_report(report(idempotency_key="k1"), ANONYMOUS, NOW + dt.timedelta(minutes=1))
    assert again.again
    assert (again.report.number, again.case.number, again.token) == (first.report.number, first.case.number, first.token)
    assert Report.objects.count() == Case.objects.count() == 1
    with pytest.raises(Refused, match="Idempotency-Key"):
        file_report(report(idempotency_key="k1", text="另一件事"), ANONYMOUS, NOW)


def test_a_report_that_names_a_case_joins_it_and_can_be_taken_out(city, actor):
    first = file_report(report(), ANONYMOUS, NOW)
    second = file_report(report(text="我也看到了", join=first.case.number), ANONYMOUS, NOW)
    assert second.duplicate_of == first.case
    first.case.refresh_from_db()
    assert first.case.report_count == 2
    assert second.report.state == "joined"
    own = merging.separate(second.report, actor("clerk", "intake_clerk"), NOW)
    first.case.refresh_from_db()
    second.report.refresh_from_db()
    assert (first.case.report_count, own.report_count, second.report.case) == (1, 1, own)
    kinds = set(CaseEvent.objects.filter(case=first.case).values_list("kind", flat=True))
    assert {"report_joined", "report_separated"} <= kinds


def test_who_joins_is_told_of_it_and_by_letter_where_there_is_an_address(city):
    first = file_report(report(), ANONYMOUS, NOW)
    given = [{}, {"email": "li@example.org"}, {"phone": "13800000000"}]
    joined = [file_report(report(join=first.case.number, **one), ANONYMOUS, NOW).report for one in given]
    told = [Message.objects.get(report=one) for one in joined]
    assert [(one.kind, one.data["count"], one.mail) for one in told] == [
        ("joined", 2, "none"), ("joined", 3, "waiting"), ("joined", 4, "none"),
    ]  # fmt: skip
    assert [one.next_at for one in told] == [None, NOW, None]
    assert all((one.settled_at, one.home_id, one.case) == (NOW, None, first.case) for one in joined)
    events = CaseEvent.objects.filter(case=first.case, kind="report_joined").order_by("id")
    assert [one.after["report"] for one in events] == [one.number for one in joined]
    assert Case.objects.get().report_count == 4


def test_two_cases_become_one_and_two_again(city, actor):
    clerk = actor("clerk", "intake_clerk")
    one, other = (file_report(report(text=text, alone=True), ANONYMOUS, NOW) for text in ("垃圾成堆", "垃圾没人收"))
    merging.merge(other.case, one.case, clerk, NOW)
    one.case.refresh_from_db()
    other.case.refresh_from_db()
    assert (one.case.report_count, other.case.state, other.case.merged_into) == (2, "merged", one.case)
    assert set(one.case.reports.values_list("number", flat=True)) == {one.report.number, other.report.number}
    merging.unmerge(other.case, clerk, NOW)
    one.case.refresh_from_db()
    other.case.refresh_from_db()
    assert (one.case.report_count, other.case.merged_into, other.case.ended) == (1, None, False)
    assert other.case.reports.get() == other.report
    assert [it.kind for it in other.report.messages.all()][-2:] == ["merged", "step"] or "separated" in [
        it.kind for it in other.report.messages.all()
    ]
    with pytest.raises(NotFound):
        merging.unmerge(other.case, clerk, NOW)


def test_nobody_without_the_post_merges(city, actor):
    one, other = (file_report(report(text=text, alone=True), ANONYMOUS, NOW) for text in ("甲", "乙"))
    with pytest.raises(Refused):
        merging.merge(other.case, one.case, actor("grid", "grid_worker"), NOW)
    with pytest.raises(NotFound):
        merging.merge(other.case, one.case, actor("elsewhere", "intake_clerk", area="330212"), NOW)


def test_one_address_reports_so_often_an_hour_and_its_address_is_kept_nowhere(city, monkeypatch):
    monkeypatch.setattr(quota.count, "__defaults__", (2,))
    sent = report(sender="203.0.113.7")
    for _ in range(2):
        file_report(sent, ANONYMOUS, NOW)
    with pytest.raises(Refused, match="2"):
        file_report(sent, ANONYMOUS, NOW)
    file_report(dataclasses.replace(sent, sender="203.0.113.8"), ANONYMOUS, NOW)
    file_report(sent, ANONYMOUS, NOW + dt.timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(q::text, ' ') FROM intake_quota q")
        assert "203.0.113" not in cursor.fetchone()[0]
    quota.forget(NOW + dt.timedelta(days=3))
    assert not Quota.objects.exists()


def test_the_place_may_come_from_the_photo_or_the_words(city):
    by_photo = file_report(report(lon=None, lat=None, photos=(picture(place=YINZHOU),)), ANONYMOUS, NOW)
    assert by_photo.case.area_code == "330212"
    assert (round(by_photo.report.lon, 3), round(by_photo.report.lat, 3)) == YINZHOU
    by_words = file_report(report(lon=None, lat=None, address="海曙区解放南路 18 号"), ANONYMOUS, NOW)
    assert (by_words.case.area_code, by_words.case.lon) == ("330203", None)
    abroad = file_report(report(lon=None, lat=None, address="不详", photos=(picture(2, place=(2.3, 48.8)),)), ANONYMOUS, NOW)
    assert (abroad.case.area_code, abroad.report.lon) == ("", None)


def test_a_private_place_is_shown_by_its_cell_alone():
    lon, lat = placing.coarse(*HAISHU)
    assert abs(lon - HAISHU[0]) <= placing.CELL / 2 + 1e-9
    assert placing.coarse(lon + 0.001, lat - 0.001) == (lon, lat)


def test_a_link_of_another_report_opens_nothing(city):
    one = file_report(report(alone=True), ANONYMOUS, NOW)
    other = file_report(report(alone=True), ANONYMOUS, NOW)
    with pytest.raises(NotFound):
        find_report(other.report.number, one.token)
    assert links.find_numbers(f"关于 {one.report.number.lower()} 的来信") == [one.report.number]


def test_photos_belong_to_report_and_case(city):
    filed = file_report(report(photos=(picture(), picture(2))), ANONYMOUS, NOW)
    assert Photo.objects.filter(report=filed.report, case=filed.case, open=False).count() == 2


def test_reporters_hear_of_each_step(city):
    filed = file_report(report(email="a@example.org"), ANONYMOUS, NOW)
    event = CaseEvent(case=filed.case, at=NOW, kind="step", transition="ask_verification", actor="x")
    messages.tell_reporters(filed.case, event)
    told = Message.objects.filter(report=filed.report, kind="step").get()
    assert told.mail == "waiting"
    assert told.data["step"] == "受理，转核实"
