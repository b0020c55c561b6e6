# SPDX-License-Identifier: Apache-2.0
"""A decision is drafted, taken, judged from figures as they were known, and closed; what was decided stays as it was."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access.actors import SYSTEM, actor_of_account
from chengyun.access.models import Account, AuditRecord, Organisation
from chengyun.access.services import assign
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.govern.decisions import evidence, services
from chengyun.govern.decisions.evaluating import evaluate, evaluate_again
from chengyun.govern.decisions.models import Decision, Evaluation, Expectation
from chengyun.govern.decisions.services import Draft, Expected
from chengyun.operate.models import Alert, Figure

TODAY = dt.date(2026, 11, 20)
FIRST, START = dt.date(2026, 9, 1), dt.date(2026, 10, 15)
INDICATOR = "air_quality.area_day_aqi"
AREAS = [f"3302{number:02d}" for number in range(3, 15)]
DRAFT = Draft(
    question="是否在两个区试行渣土车限行", background="", area_code="", organisation="", decider="市长办公会", decide_by=None,
    options=[("试行", "花费小"), ("维持现状", "")],
)  # fmt: skip
EXPECTED = Expected(
    indicator=INDICATOR, direction="fall", size=3.0, since=FIRST, by=dt.date(2026, 11, 15), treated=AREAS[:2], others=[],
    method="differences",
)  # fmt: skip
pytestmark = pytest.mark.django_db


def account(username: str, role: str, area: str = "") -> Account:
    body, _ = Organisation.objects.get_or_create(key=f"body-{username}", defaults={"name": username})
    made = Account.objects.create(username=username, organisation=body)
    assign(SYSTEM, made, role, body, area_code=area) if area else assign(SYSTEM, made, role, body)
    return made


def client_of(who: Account) -> Client:
    client = Client()
    client.force_login(who)
    return client


@pytest.fixture
def figures(db) -> None:
    """Ten weeks of daily figures of twelve districts; two of them fall by ten from the day the decision begins."""
    draw, zone, rows = np.random.default_rng(4), config().zone, []
    # The city itself is among them, with a code as long as a district's: nobody is compared with it.
    for index, area in enumerate([*AREAS, "330200"]):
        for number in range(80):
            day = FIRST + dt.timedelta(days=number)
            value = 60 + 3 * index + 5 * np.sin(number / 5) + draw.normal() - (10 if index < 2 and day >= START else 0)
            rows.append(Figure(
                indicator=INDICATOR, subject=area, area_code=area, period_start=dt.datetime.combine(day, dt.time(), zone),
                value=float(value), detail={}, quality={}, simulated=False, as_of={}, version="1", computed_at=timezone.now(),
            ))  # fmt: skip
    Figure.objects.bulk_create(rows)


def taken(expected: Expected = EXPECTED) -> Decision:
    held = services.draft(DRAFT, SYSTEM)
    services.expect(held.pk, expected, SYSTEM)
    return services.decide(held.pk, "试行", "证据充分", START, dt.date(2026, 11, 18), "", SYSTEM, timezone.now())


def test_a_draft_is_complete_or_refused_and_changes_until_it_is_decided() -> None:
    for wrong in ({"question": " "}, {"options": [("试行", "")]}, {"decider": ""}, {"area_code": "x"}, {"organisation": "none"},
                  {"options": [("试行", ""), ("试行", "")]}):  # fmt: skip
        with pytest.raises(Refused):
            services.draft(Draft(**{name: getattr(DRAFT, name) for name in DRAFT.__dataclass_fields__} | wrong), SYSTEM)
    held = services.draft(DRAFT, SYSTEM)
    with pytest.raises(Refused, match="预期效果"):
        services.decide(held.pk, "试行", "因为", START, TODAY, "", SYSTEM, timezone.now())
    fields = {name: getattr(EXPECTED, name) for name in EXPECTED.__dataclass_fields__}
    for wrong in ({"indicator": "air_quality.none"}, {"treated": []}, {"others": AREAS[:1]}, {"size": -1.0}, {"since": TODAY},
                  {"method": "magic"}):  # fmt: skip
        with pytest.raises(Refused):
            services.expect(held.pk, Expected(**fields | wrong), SYSTEM)
    one = services.expect(held.pk, EXPECTED, SYSTEM)
    services.drop(held.pk, one.pk, SYSTEM)
    services.expect(held.pk, EXPECTED, SYSTEM)
    for chosen, starts, review in (("别的", START, TODAY), ("试行", FIRST, TODAY), ("试行", START, START)):
        with pytest.raises(Refused):
            services.decide(held.pk, chosen, "因为", starts, review, "", SYSTEM, timezone.now())
    services.decide(held.pk, "试行", "因为", START, TODAY, "", SYSTEM, timezone.now())
    with pytest.raises(Refused, match="已决定"):
        services.redraft(held.pk, DRAFT, SYSTEM)
    with pytest.raises(Refused, match="已决定"):
        services.expect(held.pk, EXPECTED, SYSTEM)
    versions = list(Decision.objects.get(pk=held.pk).events.order_by("pgh_id").values_list("state", "chosen"))
    assert versions == [("draft", ""), ("decided", "试行")]
    deeds = list(
        AuditRecord.objects.filter(dataset="decisions", target=str(held.pk)).order_by("id").values_list("action", flat=True)
    )
    assert deeds == ["decision.draft", "decision.expect", "decision.drop", "decision.expect", "decision.decide"]


def test_it_is_judged_by_the_figures_known_then_and_again_the_same(figures: None) -> None:
    held = taken()
    expected = held.expectations.get()
    asked = services.ask(held.pk, expected.pk, SYSTEM)
    assert services.ask(held.pk, expected.pk, SYSTEM).pk == asked.pk
    Evaluation.objects.filter(pk=asked.pk).update(asked_at=dt.datetime(2026, 11, 20, 4, tzinfo=dt.UTC))
    done = evaluate(asked.pk, timezone.now())
    assert (done.state, done.reason, done.result["state"], done.result["size"]) == ("done", "", "as_expected", "reached")
    assert done.result["low"] < -10 < done.result["high"]
    assert done.as_of["until"] == "2026-11-15"  # no later than the day by which it was to work
    assert (done.as_of["rows"], done.result["areas"]["others"]) == (13 * 76, 10)
    # A figure that is corrected afterwards changes the next judgement, not this one.
    late = Figure.objects.filter(indicator=INDICATOR, subject=AREAS[0]).order_by("-period_start")[10]
    newest = Figure.objects.create(
        indicator=INDICATOR, subject=AREAS[5], area_code=AREAS[5], period_start=late.period_start - dt.timedelta(days=900),
        value=1, detail={}, quality={}, simulated=False, as_of={}, version="1", computed_at=timezone.now(),
    )  # fmt: skip
    Figure.objects.filter(pk=late.pk).update(superseded_at=timezone.now(), until_id=newest.pk + 1)
    again = evaluate_again(done.pk)
    assert (again.equal, again.why) == (True, "")
    Figure.objects.filter(pk=late.pk).delete()
    assert "figures were read" in evaluate_again(done.pk).why


def test_what_has_no_figures_is_refused_with_its_reason() -> None:
    held = taken()
    done = evaluate(services.ask(held.pk, held.expectations.get().pk, SYSTEM).pk, timezone.now())
    assert (done.state, done.result["state"]) == ("done", "refused")
    assert {"no_treated", "few_others"} <= set(done.result["reasons"])


def test_a_review_is_closed_by_a_person_once_everything_was_judged() -> None:
    held = taken()
    with pytest.raises(Refused):
        services.conclude(held.pk, "有效", SYSTEM, timezone.now())
    services.begin_review(held.pk, SYSTEM)
    with pytest.raises(Refused, match="还没有评估"):
        services.conclude(held.pk, "有效", SYSTEM, timezone.now())
    evaluate(services.ask(held.pk, held.expectations.get().pk, SYSTEM).pk, timezone.now())
    with pytest.raises(Refused):
        services.conclude(held.pk, " ", SYSTEM, timezone.now())
    assert services.conclude(held.pk, "数据不足，延长半年", SYSTEM, timezone.now()).state == "evaluated"


def test_who_may_read_write_and_decide(figures: None) -> None:
    clerk, leader, handler = (
        account("clerk", "department_clerk", "330203"),
        account("leader", "leader"),
        account("handler", "handler"),
    )
    mine = Draft(**{name: getattr(DRAFT, name) for name in DRAFT.__dataclass_fields__} | {"area_code": "330203"})
    held, whole = services.draft(mine, actor_of_account(clerk)), services.draft(DRAFT, SYSTEM)
    with pytest.raises(NotFound):
        services.get_for(whole.pk, actor_of_account(clerk))
    with pytest.raises(Refused):
        services.draft(DRAFT, actor_of_account(clerk))
    with pytest.raises(Refused):
        services.decide(held.pk, "试行", "因为", START, TODAY, "无", actor_of_account(clerk), timezone.now())
    services.decide(held.pk, "试行", "因为", START, TODAY, "无", actor_of_account(leader), timezone.now())
    assert client_of(handler).get("/decisions").status_code == 404
    assert client_of(clerk).get(f"/decisions/{whole.pk}").status_code == 404
    assert client_of(clerk).post(f"/decisions/{held.pk}/decide", {}).status_code == 404
    assert Client().get("/decisions").status_code == 302


def test_evidence_is_what_one_can_see_and_the_other_page_links_back() -> None:
    duty = account("duty", "duty_officer")
    actor = actor_of_account(duty)
    now = timezone.now()
    alert = Alert.objects.create(
        rule="air_quality.pm25_high", subject="A1", area_code="330203", severity="warning", state="open", opened_at=now,
        last_seen_at=now, since=now, value=180.0, evidence={}, times=1, holds=True,
    )  # fmt: skip
    held = services.draft(DRAFT, actor)
    evidence.add(held.pk, "alert", f"#{alert.pk}", "超标", actor)
    evidence.add(held.pk, "document", "宁波市渣土管理办法", "", actor)
    for kind, reference in (("alert", str(alert.pk)), ("alert", "999999"), ("case", "none"), ("figure", "x"), ("mood", "1")):
        with pytest.raises(Refused):
            evidence.add(held.pk, kind, reference, "", actor)
    (shown, document) = evidence.shown(held, actor)
    assert (bool(shown.name), shown.as_of["value"], document.name) == (True, 180.0, "宁波市渣土管理办法")
    clerk = actor_of_account(account("far", "department_clerk", "330206"))
    assert evidence.shown(held, clerk)[0].name == ""
    assert [one.pk for one in evidence.concerning("alert", str(alert.pk), actor)] == [held.pk]
    page = client_of(duty).get(f"/alerts/{alert.pk}").content.decode()
    assert f"/decisions/{held.pk}" in page
    assert f"/decisions/new?kind=alert&amp;reference={alert.pk}" in page


def test_the_pages_lead_from_a_draft_to_a_verdict(figures: None) -> None:
    leader = client_of(account("head", "leader"))
    assert "没有决策" in leader.get("/decisions").content.decode()
    typed = {
        "question": "试行限行？",
        "decider": "市长",
        "option-0": "试行",
        "option-1": "不试行",
        "kind": "document",
        "reference": "报告",
    }
    wrong = leader.post("/decisions/new", typed | {"option-1": ""})
    assert (wrong.status_code, "至少写出两个方案" in wrong.content.decode(), "试行限行？" in wrong.content.decode()) == (
        400,
        True,
        True,
    )
    page = leader.post("/decisions/new", typed, follow=True)
    held = Decision.objects.get()
    assert "报告" in page.content.decode()
    expected = {
        "indicator": INDICATOR, "direction": "fall", "size": "3", "since": "2026-09-01", "by": "2026-11-15",
        "treated": f"{AREAS[0]}，{AREAS[1]}", "method": "differences",
    }  # fmt: skip
    assert leader.post(f"/decisions/{held.pk}/expect", expected | {"since": "昨天"}).status_code == 400
    leader.post(f"/decisions/{held.pk}/expect", expected)
    decided = {"chosen": "试行", "reason": "因为", "starts_on": "2026-10-15", "review_on": "2026-11-16"}
    leader.post(f"/decisions/{held.pk}/decide", decided)
    one = Expectation.objects.get()
    page = leader.post(f"/decisions/{held.pk}/evaluate/{one.pk}", follow=True)
    assert "正在评估" in page.content.decode()
    evaluate(Evaluation.objects.get().pk, timezone.now())
    page = leader.get(f"/decisions/{held.pk}").content.decode()
    assert "见效，方向与预期一致" in page
    assert "整个区间都达到预期幅度" in page
    assert "没有把问题挤到邻区" in page
    assert "polyline" in page
    assert "已决定 1" in leader.get("/decisions").content.decode()
    assert leader.get("/decisions?state=draft").context["page"].rows.items == ()
    leader.post(f"/decisions/{held.pk}/review")
    leader.post(f"/decisions/{held.pk}/conclude", {"conclusion": "推广"})
    assert "推广" in leader.get(f"/decisions/{held.pk}?lang=en", follow=True).content.decode()
    assert leader.get("/decisions/999").status_code == 404
