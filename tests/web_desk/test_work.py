# SPDX-License-Identifier: Apache-2.0
"""From an alert to a closed case through the pages, and what they refuse on the way."""

from __future__ import annotations

import html

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chengyun.operate.models import Alert
from chengyun.web import cache

BRANCH = "environment_330203"


def text(answer) -> str:
    return html.unescape(answer.content.decode())


def test_an_alert_becomes_a_closed_case_through_the_pages(signed_in, person, alert, case_of):
    raised = alert()
    case = case_of(raised)
    duty, clerk = signed_in("duty", "duty_officer"), signed_in("clerk", "department_clerk", BRANCH)
    handler = person("handler", "handler", BRANCH)

    assert f'href="/alerts/{raised.pk}"' in text(duty.get("/desk"))
    assert duty.post(f"/alerts/{raised.pk}/acknowledge", {"note": "看到了"}).status_code == 303
    assert f'href="/cases/{case.number}"' in text(duty.get(f"/alerts/{raised.pk}"))

    def step(client, key, seen, **given):
        return client.post(f"/cases/{case.number}/steps/{key}", {"seen": seen, **given})

    assert step(duty, "dispatch", "filed", assignee=str(handler.pk)).status_code == 303
    assert step(clerk, "accept", "dispatched").status_code == 303
    assert step(clerk, "report", "handling", note="已洒水降尘").status_code == 303
    assert step(duty, "close", "verifying", reason="复测正常").status_code == 303

    case.refresh_from_db()
    raised.refresh_from_db()
    assert (case.state, case.ended, case.person) == ("closed", True, handler)
    assert raised.state == Alert.State.CLOSED
    page = text(duty.get(f"/cases/{case.number}"))
    assert all(said in page for said in ("已洒水降尘", "复测正常", "handler"))
    assert 'name="reason"' not in page, "a closed case has no steps"
    assert case.number in text(duty.get("/cases?show=ended"))


def test_a_case_page_shows_who_may_take_a_step_one_may_not(signed_in, alert, case_of):
    case = case_of(alert())
    clerk = signed_in("clerk", "department_clerk", BRANCH)
    page = text(clerk.get(f"/cases/{case.number}"))
    assert "由 生态环境局海曙分局 的值班员办理" in page or "生态环境局海曙分局" in page
    assert f"/cases/{case.number}/steps/dispatch" not in page
    refused = clerk.post(f"/cases/{case.number}/steps/void_filed", {"seen": "filed", "reason": "误报"})
    assert refused.status_code == 403
    assert "您的岗位不能在此案件上" in text(refused)


def test_a_step_from_a_state_that_has_passed_is_refused_and_keeps_what_was_typed(signed_in, alert, case_of):
    case = case_of(alert())
    duty = signed_in("duty", "duty_officer")
    first = duty.post(f"/cases/{case.number}/steps/void_filed", {"seen": "filed", "reason": "误报"})
    again = duty.post(f"/cases/{case.number}/steps/void_filed", {"seen": "filed", "reason": "误报"})
    assert (first.status_code, again.status_code) == (303, 409)
    # The form is gone with the state: the page says it all the same, once, and what was written is not lost.
    assert again.content.decode().count("可能已有人办理") == 1
    assert "您写的内容没有保存：误报" in text(again)


def test_missing_evidence_is_named(signed_in, alert, case_of):
    case = case_of(alert())
    duty = signed_in("duty", "duty_officer")
    refused = duty.post(f"/cases/{case.number}/steps/void_filed", {"seen": "filed", "reason": " "})
    assert refused.status_code == 400
    assert "需要填写原因" in text(refused)
    assert refused.content.decode().count("需要填写原因") == 1


def test_a_stranger_cannot_be_given_a_case(signed_in, person, alert, case_of):
    case = case_of(alert())
    duty = signed_in("duty", "duty_officer")
    leader = person("leader", "leader", BRANCH)
    for who in (str(leader.pk), "999999", "x"):
        refused = duty.post(f"/cases/{case.number}/steps/dispatch", {"seen": "filed", "assignee": who})
        assert refused.status_code == 400
        assert "请从名单中选择承办人" in text(refused)


def test_an_alert_is_closed_with_a_reason_and_not_while_its_case_is_open(signed_in, alert, case_of):
    duty = signed_in("duty", "duty_officer")
    alone, answered = alert("A"), alert("B")
    case_of(answered)
    assert duty.post(f"/alerts/{answered.pk}/close", {"reason": "好了"}).status_code == 409
    bare = duty.post(f"/alerts/{alone.pk}/close", {"reason": " "})
    assert (bare.status_code, "请写明关闭的原因" in text(bare)) == (400, True)
    assert duty.post(f"/alerts/{alone.pk}/close", {"reason": "检修"}).status_code == 303
    assert duty.post(f"/alerts/{alone.pk}/close", {"reason": "检修"}).status_code == 409
    assert "检修" in text(duty.get(f"/alerts/{alone.pk}"))


def test_people_without_the_role_cannot_act_on_alerts(signed_in, client, alert):
    raised = alert()
    assert signed_in("handler", "handler", BRANCH).post(f"/alerts/{raised.pk}/acknowledge").status_code == 404
    assert client.post(f"/alerts/{raised.pk}/acknowledge").status_code == 302
    public = text(client.get(f"/alerts/{raised.pk}"))
    assert "acknowledge" not in public
    assert "登录后，值班人员可以处理" in public


def test_an_alert_says_what_is_wrong_in_one_sentence(signed_in, alert):
    duty = signed_in("duty", "duty_officer")
    assert "A 站 的PM2.5为 260 µg/m³，高于限值 250 µg/m³" in text(duty.get(f"/alerts/{alert().pk}"))
    # The newest value keeps the limit again: what was wrong is the worst one.
    assert "B 站 的PM2.5为 280 µg/m³，高于限值 250 µg/m³" in text(duty.get(f"/alerts/{alert('B', value=90.0).pk}"))


def test_going_on_stays_on_this_site(signed_in, alert):
    duty = signed_in("duty", "duty_officer")
    home = duty.post(f"/alerts/{alert('A').pk}/acknowledge", {"next": "/desk"})
    away = duty.post(f"/alerts/{alert('B').pk}/acknowledge", {"next": "https://elsewhere.example/"})
    assert home.headers["Location"] == "/desk"
    assert away.headers["Location"].startswith("/alerts/")


@pytest.mark.parametrize("address", ["/desk", "/alerts", "/cases"])
def test_a_list_asks_as_much_for_twenty_as_for_two(signed_in, alert, case_of, address):
    duty = signed_in("duty", "duty_officer")

    def questions() -> int:
        cache.forget_all()
        with CaptureQueriesContext(connection) as asked:
            assert duty.get(address).status_code == 200
        return len(asked)

    for number in range(2):
        case_of(alert(f"S{number}"))
    duty.get(address)
    few = questions()
    for number in range(2, 20):
        case_of(alert(f"S{number}"))
    assert questions() == few


@pytest.mark.parametrize("address", ["/alerts?page=0", "/alerts?page=x", "/cases?page=-1", "/audit?page=99999999999"])
def test_a_page_that_is_no_number_is_refused(signed_in, address):
    assert signed_in("root", "administrator").get(address).status_code == 400


def test_searching_finds_by_name_and_by_rule(signed_in, alert):
    duty = signed_in("duty", "duty_officer")
    alert("Alpha")
    alert("Beta", rule="air_quality.station_silent", severity="blue")
    assert "Alpha 站" in text(duty.get("/alerts?q=alp"))
    assert "Beta 站" not in text(duty.get("/alerts?q=alp"))
    assert "Beta 站" in text(duty.get("/alerts?q=站点无数据"))
    assert "Alpha 站" not in text(duty.get("/alerts?severity=blue"))


def test_a_character_no_text_can_hold_breaks_nothing(signed_in, alert):
    duty, raised = signed_in("duty", "duty_officer"), alert()
    for address in ("/alerts?q=%00&state=all", "/cases?q=%00"):
        assert duty.get(address).status_code == 200
    assert duty.post(f"/alerts/{raised.pk}/close", {"reason": "a\x00b"}).status_code == 400
    assert duty.get("/cases/%00").status_code == 404


def test_strangers_learn_that_a_case_answers_an_alert_but_not_its_number(client, signed_in, alert, case_of) -> None:
    """What an alert about open data tells everybody ends where the case begins."""
    number = case_of(opened := alert()).number
    officer = signed_in("night_duty", "duty_officer")
    for path in ("/alerts", f"/alerts/{opened.pk}", "/", "/api/v1/alerts", f"/api/v1/alerts/{opened.pk}"):
        assert number not in client.get(path).content.decode(), path
    assert "已立案" in client.get(f"/alerts/{opened.pk}").content.decode()
    for path in ("/alerts", f"/alerts/{opened.pk}", "/api/v1/alerts"):
        assert number in officer.get(path).content.decode() or path.startswith("/api"), path
