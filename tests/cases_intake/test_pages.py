# SPDX-License-Identifier: Apache-2.0
"""Reporting as a resident without a script, the reporter's own page, the desks, and what strangers may see."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from chengyun.access.actors import ANONYMOUS
from chengyun.access.models import AuditRecord
from chengyun.cases.intake import dealings, links
from chengyun.cases.intake.models import Article, Call, Embargo, Photo, Report, ReportContact
from chengyun.cases.intake.services import file_report
from chengyun.cases.models import Case

from .conftest import HAISHU, LITTER, picture, report

pytestmark = pytest.mark.django_db


def typed(**given):
    values = {"text": "路口一大堆垃圾没人收", "lon": HAISHU[0], "lat": HAISHU[1], "category": LITTER, "address": "解放南路 18 号"}
    return values | given


def photo(seed: int = 1) -> SimpleUploadedFile:
    return SimpleUploadedFile("x.jpg", picture(seed, place=HAISHU), "image/jpeg")


def address_of(report: Report) -> str:
    return links.link_of(report.number, report.link_salt)


def test_a_resident_reports_without_a_script_and_reads_the_receipt(city, client):
    assert client.get("/report").status_code == 200
    answer = client.post("/report", typed(photos=[photo()], email="a@example.org"))
    assert answer.status_code == 303
    page = client.get(answer.url)
    kept = Report.objects.get()
    assert kept.number in page.content.decode()
    assert kept.case.owner.name in page.content.decode()
    shown = client.get(re.search(r'src="(/report/[^"]+/photos/[^"]+)"', page.content.decode())[1].replace("&amp;", "&"))
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert b"Exif" not in b"".join(shown.streaming_content)


def test_the_same_form_sent_twice_is_one_report(city, client):
    key = re.search(r'name="key" value="(\w+)"', client.get("/report").content.decode())[1]
    first, again = (client.post("/report", typed(key=key)) for _ in range(2))
    assert first.url == again.url
    assert Report.objects.count() == 1


def test_a_wrong_form_says_why_and_keeps_what_was_typed(city, client):
    answer = client.post("/report", typed(lon="2.3", lat="48.8", text="巴黎的垃圾"))
    assert answer.status_code == 400
    assert "不在本市范围内" in answer.content.decode()
    assert "巴黎的垃圾" in answer.content.decode()
    assert client.post("/report", typed(photos=[SimpleUploadedFile("x.jpg", b"<script>", "image/jpeg")])).status_code == 400


def test_what_is_alike_is_shown_before_anything_is_filed_and_may_be_joined(city, client):
    first = file_report(report(), ANONYMOUS, timezone.now())
    answer = client.post("/report", typed(text="垃圾没有人收", photos=[photo(2)]))
    assert answer.status_code == 200
    assert Report.objects.count() == 1
    sealed = re.search(r'name="draft" value="([^"]+)"', answer.content.decode())[1]
    done = client.post("/report/confirm", {"draft": sealed, "join": first.case.number})
    assert done.status_code == 303
    joined = Report.objects.latest("id")
    assert joined.case == first.case
    assert Photo.objects.get().report == joined
    part = client.post("/report/alike", typed()).content.decode()
    assert first.case.number in part


def test_a_stranger_gets_nothing_with_a_number_alone(city, client):
    filed = file_report(report(photos=(picture(),)), ANONYMOUS, timezone.now())
    number, shown = filed.report.number, Photo.objects.get().pk
    for address in (
        f"/report/{number}", f"/report/{number}?t=x", f"/report/{number}/photos/{shown}", f"/reports/photos/{shown}",
        f"/report/R26-0000-0000?t={filed.token}",
    ):  # fmt: skip
        assert client.get(address).status_code == 404
    assert client.post(f"/report/{number}/withdraw", {"t": "x"}).status_code == 404


def test_the_reporter_answers_rates_contradicts_and_takes_the_contact_back(city, client):
    now = timezone.now()
    filed = file_report(report(phone="13800001234", email="a@example.org"), ANONYMOUS, now)
    number, token = filed.report.number, {"t": filed.token}
    assert "138****1234" in client.get(address_of(filed.report)).content.decode()
    assert client.post(f"/report/{number}/rate", token | {"rating": "5"}).status_code == 409
    Case.objects.update(state="closed", ended=True, closed_at=now, verified_at=now)
    assert client.post(f"/report/{number}/rate", token | {"rating": "9"}).status_code == 400
    assert client.post(f"/report/{number}/rate", token | {"rating": "2", "note": "只清了一半"}).status_code == 303
    filed.report.refresh_from_db()
    assert (filed.report.rating, filed.report.rating_note) == (2, "只清了一半")
    assert client.post(f"/report/{number}/contradict", token | {"text": "还有一半"}).status_code == 303
    filed.case.refresh_from_db()
    assert (filed.case.state, filed.case.reopened) == ("to_redispatch", 1)
    assert client.post(f"/report/{number}/withdraw", token).status_code == 303
    assert not ReportContact.objects.exists()
    page = client.get(address_of(filed.report)).content.decode()
    assert "1234" not in page.replace(number, "")
    assert "还有一半" in page


def test_the_desk_accepts_and_only_then_the_public_sees_it_without_words(city, signed_in):
    client = signed_in("clerk", "intake_clerk")
    filed = file_report(report(text="邻居老张又乱倒垃圾", photos=(picture(),)), ANONYMOUS, timezone.now())
    number = filed.report.number
    page = client.get("/intake").content.decode()
    assert number in page
    assert "邻居老张" in page
    assert number not in Client().get("/reports").content.decode()
    shown = Photo.objects.get().pk
    answer = client.post(
        f"/intake/{number}/accept", {"category": LITTER, "public": "1", "show": [shown], "headline": "路口垃圾"}
    )  # fmt: skip
    assert answer.status_code == 303
    filed.case.refresh_from_db()
    assert filed.case.state == "to_verify"
    public = Client().get("/reports").content.decode()
    assert "路口垃圾" in public
    assert "老张" not in public
    assert Client().get(f"/reports/photos/{shown}").status_code == 200
    points = Client().get("/reports/points.json").json()
    assert points["features"][0]["geometry"]["coordinates"] == list(HAISHU)
    assert client.post(f"/intake/{number}/accept", {"category": LITTER}).status_code == 409


def test_a_home_and_a_category_under_embargo_stay_off_the_map(city, actor):
    clerk, now = actor("clerk", "intake_clerk"), timezone.now()
    Embargo.objects.create(category="component", days=None, reason="涉及设施安全", since=now - dt.timedelta(days=1))
    home = file_report(report(private=True, alone=True), ANONYMOUS, now)
    secret = file_report(report(category="component/0118", alone=True), ANONYMOUS, now)
    dealings.accept(home.report, LITTER, clerk, now)
    dealings.accept(secret.report, "component/0118", clerk, now)
    features = Client().get("/reports/points.json").json()["features"]
    assert [one["properties"]["rough"] for one in features] == [True]
    assert features[0]["geometry"]["coordinates"] != list(HAISHU)


def test_the_desk_asks_refuses_and_says_why(city, signed_in, client):
    desk = signed_in("clerk", "intake_clerk")
    filed = file_report(report(), ANONYMOUS, timezone.now())
    number = filed.report.number
    assert desk.post(f"/intake/{number}/ask", {"question": "在哪个路口？"}).status_code == 303
    assert "在哪个路口？" in client.get(address_of(filed.report)).content.decode()
    client.post(f"/report/{number}/answer", {"t": filed.token, "text": "解放南路口"})
    filed.report.refresh_from_db()
    assert filed.report.state == "waiting"
    assert desk.post(f"/intake/{number}/refuse", {"reason": ""}).status_code == 400
    assert desk.post(f"/intake/{number}/refuse", {"reason": "不属于城市管理"}).status_code == 303
    filed.case.refresh_from_db()
    assert (filed.case.state, filed.case.ended) == ("void", True)
    assert "不属于城市管理" in client.get(address_of(filed.report)).content.decode()


def test_only_the_desk_of_the_area_reads_reports_and_each_read_is_recorded(city, signed_in):
    filed = file_report(report(phone="13800001234"), ANONYMOUS, timezone.now())
    number = filed.report.number
    assert signed_in("there", "intake_clerk", area="330212").get(f"/intake/{number}").status_code == 404
    assert signed_in("handler", "handler").get("/intake").status_code == 404
    before = AuditRecord.objects.filter(action="read").count()
    page = signed_in("here", "intake_clerk", area="330203").get(f"/intake/{number}").content.decode()
    assert "13800001234" not in page
    read = AuditRecord.objects.filter(action="read").order_by("-id")
    assert read.count() > before
    assert {"reports", "report_contacts"} <= set(read.values_list("dataset", flat=True))


def test_an_original_is_given_for_evidence_alone_and_recorded(city, signed_in):
    file_report(report(photos=(picture(place=HAISHU),)), ANONYMOUS, timezone.now())
    shown = Photo.objects.get().pk
    assert signed_in("grid", "grid_worker").post(f"/intake/photos/{shown}/original").status_code == 404
    answer = signed_in("clerk", "intake_clerk").post(f"/intake/photos/{shown}/original")
    assert b"".join(answer.streaming_content) == picture(place=HAISHU)
    assert "attachment" in answer.headers["Content-Disposition"]
    assert AuditRecord.objects.filter(dataset="report_originals", purpose="evidence").count() == 1


def test_the_residents_photo_is_on_the_page_of_the_case_for_whoever_may_read_that(city, signed_in, client):
    filed = file_report(report(photos=(picture(place=HAISHU),)), ANONYMOUS, timezone.now())
    address = f"/cases/{filed.case.number}/photos/{Photo.objects.get().pk}"
    crew = signed_in("crew", "handler", body="sanitation", area="330203")
    page = crew.get(f"/cases/{filed.case.number}").content.decode()
    assert f'<img src="{address}"' in page
    assert "— 海曙区" not in page
    copy = b"".join(crew.get(address).streaming_content)
    assert copy.startswith(b"\xff\xd8")
    assert b"Exif" not in copy
    other = file_report(report(text="灯不亮了", lon=HAISHU[0] + 0.02), ANONYMOUS, timezone.now())
    assert crew.get(address.replace(filed.case.number, other.case.number)).status_code == 404
    assert signed_in("there", "handler", body="sanitation", area="330212").get(address).status_code == 404
    assert client.get(address).status_code != 200
    early = {"seen": "handling", "note": "已清理", "photos": SimpleUploadedFile("a.jpg", picture(2), "image/jpeg")}
    assert crew.post(f"/cases/{filed.case.number}/steps/report_done", early).status_code in (403, 409)
    assert Photo.objects.count() == 1  # what was refused has left no photo of the case
    many = {**early, "photos": [SimpleUploadedFile(f"{at}.jpg", picture(at), "image/jpeg") for at in range(7)]}
    told = crew.post(f"/cases/{filed.case.number}/steps/report_done", many)
    assert (told.status_code, "一次最多 6 张照片" in told.content.decode()) == (400, True), (
        "none of them is left out without a word"
    )


def test_of_many_photos_of_a_case_the_newest_are_shown_and_the_others_told(city, signed_in, monkeypatch):
    filed = file_report(report(photos=tuple(picture(at) for at in (1, 2, 3))), ANONYMOUS, timezone.now())
    first, *newest = Photo.objects.order_by("id").values_list("pk", flat=True)
    crew = signed_in("crew", "handler", body="sanitation", area="330203")
    for most, left in ((3, 0), (2, 1)):
        monkeypatch.setattr("chengyun.web.desk.case_photos.MOST", most)
        page = crew.get(f"/cases/{filed.case.number}").content.decode()
        found = [int(one) for one in re.findall(rf'<img src="/cases/{filed.case.number}/photos/(\d+)"', page)]
        assert found == [first, *newest][-most:]
        assert ("更早的 1 张没有列出" in page) == bool(left)


def test_the_hotline_knows_a_caller_again_without_keeping_the_number_in_calls(city, signed_in):
    client = signed_in("agent", "intake_clerk")
    values = typed(line="96310", phone="0574-87654321", notes="来电反映垃圾", text="", call_back="1", key="a" * 32)
    assert client.post("/hotline/report", values).status_code == 303
    kept = Report.objects.get()
    assert (kept.channel, kept.text) == ("hotline", "来电反映垃圾")
    page = client.post("/hotline", {"line": "96310", "phone": "057487654321"}).content.decode()
    assert kept.number in page
    again = {"line": "96310", "phone": "057487654321", "report": kept.number, "notes": "又来催"}
    assert client.post("/hotline/repeat", again).status_code == 303
    assert Case.objects.count() == 1
    assert kept.case.events.filter(kind="urged").count() == 1
    assert not Call.objects.filter(caller__contains="87654321").exists()
    assert client.post("/hotline/settle", {"line": "96310", "notes": "咨询水费", "transferred_to": "供水热线"}).status_code == 303
    assert Call.objects.filter(outcome="transferred", transferred_to="供水热线").count() == 1
    assert client.post("/hotline/settle", {"line": "12345", "notes": "x"}).status_code == 400


def test_callers_are_called_back_once_after_the_end(city, signed_in):
    client = signed_in("agent", "intake_clerk")
    client.post("/hotline/report", typed(line="81890", phone="87654321", notes="垃圾", call_back="1"))
    assert "没有待回访" in client.get("/hotline").content.decode()
    Case.objects.update(state="closed", ended=True, closed_at=timezone.now())
    assert "87654321" in client.get("/hotline").content.decode()
    call = {"line": "81890", "call": Call.objects.get().pk, "satisfied": "4", "note": "清走了"}
    assert client.post("/hotline/call-back", call).status_code == 303
    assert client.post("/hotline/call-back", call).status_code == 409
    assert Report.objects.get().rating == 4


def test_knowledge_has_versions_and_two_writers_do_not_overwrite_each_other(city, signed_in):
    client = signed_in("agent", "intake_clerk")
    first = {"key": "litter", "title": "垃圾清运时间", "body": "每日 7 时前", "source": "市容条例", "after": "0"}
    assert client.post("/hotline/articles/write", first).status_code == 303
    assert client.post("/hotline/articles/write", first | {"body": "每日 6 时前", "after": "1"}).status_code == 303
    assert client.post("/hotline/articles/write", first | {"body": "旧的", "after": "1"}).status_code == 409
    assert Article.objects.get().versions.count() == 2
    assert "每日 6 时前" in client.get("/hotline?q=清运").content.decode()
    assert "每日 7 时前" in client.get("/hotline/articles/litter?version=1").content.decode()


@pytest.mark.parametrize("address", ["/report", "/reports", "/intake", "/hotline"])
def test_pages_speak_english_too(city, signed_in, settings, address):
    client = signed_in("clerk", "intake_clerk")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    file_report(report(), ANONYMOUS, timezone.now())
    assert client.get(address).status_code == 200
