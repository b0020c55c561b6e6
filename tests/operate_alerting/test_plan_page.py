# SPDX-License-Identifier: Apache-2.0
"""The plan as people read it: who would be told of what at which time, and how it is changed."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from chengyun.access.actors import Actor
from chengyun.access.models import Account, Assignment, AuditRecord
from chengyun.errors import Refused
from chengyun.operate.alerting import amending, current, rosters, silences
from chengyun.operate.alerting.foretold import Foretold, foretell
from chengyun.operate.alerting.models import Delivery, Plan
from chengyun.operate.alerting.plan import read_plan
from chengyun.operate.probation.ruleset import rule_named

from .conftest import PLAN, RULE, turn

pytestmark = pytest.mark.django_db
AREA = "330203"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0) + HOUR


@pytest.fixture
def on_duty(people: dict[str, Actor], plan: None, now: dt.datetime) -> dict[str, Actor]:
    """zhang now, li in eight hours, then nobody."""
    Assignment.objects.update(since=now - dt.timedelta(days=2))
    roster = rosters.make_roster("duty", "市值班", "", people["zhang"])
    rosters.add_turns(roster, ["zhang", "li"], now, 8, people["zhang"])
    return people


def ahead(at: dt.datetime, **more: str) -> Foretold:
    rule = rule_named(RULE)
    assert rule is not None
    return foretell(current.current(), RULE, rule, more.get("area", AREA), more.get("severity", "red"), "", at)


def names(told: Foretold, step: int) -> list[str]:
    return [one.account.username if one.account else one.address for one in told.steps[step].told if one.readable]


def test_it_says_who_holds_the_post_at_that_time(on_duty: dict[str, Actor], now: dt.datetime) -> None:
    early, late, never = ahead(now + HOUR), ahead(now + 9 * HOUR), ahead(now + 20 * HOUR)
    assert names(early, 0) == ["zhang"]
    assert names(late, 0) == ["li"]
    assert never.steps[0].empty == ("roster:duty",)
    assert not never.silent, "the second step still reaches the leader"
    assert names(early, 1) == ["wang", "webhook:ops"]
    assert [step.at - now - HOUR for step in early.steps] == [dt.timedelta(seconds=10), dt.timedelta(seconds=610)]
    assert early.steps[0].told[0].channels == ("app", "email")
    assert [one.name for one in early.inhibits] == ["silent"]
    # Nobody is told of what they may not read.
    Account.objects.filter(username="zhang").update(email="")
    assert ahead(now + HOUR).steps[0].told[0].channels == ("app",)


def test_it_says_what_telling_then_does(on_duty: dict[str, Actor], now: dt.datetime, tell) -> None:
    told = ahead(now + HOUR)
    tell("raise", "A", now + HOUR, area="330203001")
    turn(told.steps[0].at)
    assert set(Delivery.objects.filter(channel="app").values_list("target", flat=True)) == set(names(told, 0))
    turn(told.steps[1].at + dt.timedelta(seconds=1))
    assert "wang" in set(Delivery.objects.values_list("target", flat=True))


def test_a_silence_stops_it_and_says_whose_it_is(on_duty: dict[str, Actor], now: dt.datetime) -> None:
    silences.silence({"rule": [RULE]}, timezone.now() + 3 * HOUR, "检修", on_duty["zhang"], timezone.now(), AREA)
    stopped = ahead(now + HOUR)
    assert stopped.silent
    assert stopped.silences[0].why == "检修"
    assert not ahead(now + 5 * HOUR).silent
    assert not ahead(now + HOUR, area="330212").silent


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=name))
    return client


def test_the_page_shows_the_way_and_a_duty_officer_changes_it(on_duty: dict[str, Actor], now: dt.datetime) -> None:
    officer = client_of("zhang")
    at = timezone.localtime(now + 9 * HOUR).strftime("%Y-%m-%dT%H:%M")
    page = officer.get("/alerts/plan", {"rule": RULE, "area": AREA, "at": at}).content.decode()
    assert all(
        word in page for word in ("会有人被通知", "值班表“市值班”的当班人", "li", "确认后 30 分钟内没有转为案件", "高于 250")
    )
    assert 'href="/alerts/plan"' in officer.get("/alerts/silences").content.decode()
    assert officer.get("/alerts/plan", {"rule": "air_quality.none"}).status_code == 400
    # Looked through first: nothing is in force, and the page is drawn as if it were.
    version = current.version_in_force()
    other = PLAN.replace('name = "duty"\nchain', 'name = "all_of_it"\nchain')
    seen = officer.post("/alerts/plan", {"deed": "check", "text": other, "upon": version})
    assert "all_of_it" in seen.content.decode()
    assert "尚未生效" in seen.content.decode()
    assert Plan.objects.count() == 1
    wrong = officer.post(
        "/alerts/plan", {"deed": "load", "text": PLAN.replace('chain = "duty"', 'chain = "dity"'), "upon": version}
    )
    assert wrong.status_code == 400
    assert "there is no chain" in wrong.content.decode()
    assert officer.post("/alerts/plan", {"deed": "load", "text": other, "upon": version}).status_code == 303
    assert current.current().route[0].name == "all_of_it"
    assert AuditRecord.objects.filter(action="alert_plan.load").count() == 2
    stale = officer.post("/alerts/plan", {"deed": "load", "text": PLAN, "upon": version})
    assert stale.status_code == 400
    assert "已被他人换成新版本" in stale.content.decode()
    old = officer.get("/alerts/plan", {"version": version}).content.decode()
    assert "name = &quot;duty&quot;\nchain" in old


def test_who_may_not_change_it_only_reads_it(on_duty: dict[str, Actor]) -> None:
    leader = client_of("wang")
    page = leader.get("/alerts/plan").content.decode()
    assert "<textarea" not in page
    assert "市值班" in page
    assert leader.post("/alerts/plan", {"deed": "load", "text": PLAN, "upon": ""}).status_code in (400, 403)
    assert Plan.objects.count() == 1
    assert Client().get("/alerts/plan").status_code in (302, 403, 404)


def test_a_common_change_is_written_into_the_file_and_nothing_else_of_it_moves() -> None:
    later = amending.change_step(PLAN, "duty", 1, after_s=900, add="account:li", drop="webhook:ops")
    before, after = read_plan(PLAN).chain[0], read_plan(later).chain[0]
    assert (after.steps[1].after_s, after.steps[1].to) == (900, [*before.steps[1].to[:-1], "account:li"])
    assert after.steps[0] == before.steps[0]
    assert after.ack_within_s == before.ack_within_s
    noted = "# why the plan is as it is\n" + PLAN + "\n# of the last\n"
    more = amending.add_inhibit(noted, RULE, "air_quality.station_stuck", "district")
    assert more.startswith(noted.rstrip())
    assert read_plan(more).inhibit[-1].equal == ["district"]
    assert amending.drop_inhibit(more, len(read_plan(more).inhibit) - 1).rstrip() == noted.rstrip()
    gone = amending.drop_inhibit(noted, 0)
    assert read_plan(gone) == msgspec.structs.replace(read_plan(PLAN), inhibit=read_plan(PLAN).inhibit[1:])
    assert "# why the plan is as it is" in gone
    # A file in another form is written anew, and means the same but for the change.
    inline = 'chain = [{ name = "c", steps = [{ after_s = 0, to = ["role:leader"] }, { after_s = 60, to = ["account:li"] }] }]\n'
    assert [step.after_s for step in read_plan(amending.change_step(inline, "c", 1, after_s=120)).chain[0].steps] == [0, 120]
    assert len(read_plan(amending.change_step(inline, "c", 1, drop="account:li")).chain[0].steps) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda: amending.change_step(PLAN, "duty", 1, after_s=-60),
        lambda: amending.change_step(PLAN, "duty", 0, after_s=60),
        lambda: amending.change_step(PLAN, "duty", 9, after_s=60),
        lambda: amending.change_step(PLAN, "gone", 0, after_s=0),
        lambda: amending.change_step(PLAN, "duty", 1, add="nobody"),
        lambda: amending.drop_inhibit(PLAN, 5),
    ],
)
def test_a_change_that_makes_no_plan_is_refused(change) -> None:
    with pytest.raises(Refused):
        change()


def test_the_form_shows_its_change_before_it_is_put_in_force(on_duty: dict[str, Actor], client: Client) -> None:
    client.force_login(Account.objects.get(username="wang"))
    assert b'id="amend"' not in client.get("/alerts/plan").content
    client.force_login(Account.objects.get(username="zhang"))
    page = client.get("/alerts/plan").context["page"]
    assert page.choices.steps[1][0] == "1:duty"
    asked = {"deed": "step", "step": "1:duty", "minutes": "15", "text": page.text, "upon": page.version}
    shown = client.post("/alerts/plan", asked).context["page"]
    assert (shown.plan.chain[0].steps[1].after_s, current.current().chain[0].steps[1].after_s) == (900, 600)
    assert any(line.startswith("+") and "900" in line for line in shown.changed)
    answer = client.post("/alerts/plan", {"deed": "load", "text": shown.text, "upon": shown.version})
    assert answer.status_code == 303
    assert current.current().chain[0].steps[1].after_s == 900
    for wrong in ({"minutes": "soon"}, {"minutes": ""}, {"person": "nobody"}, {"step": "1:gone"}, {"minutes": "-1"}):
        refused = client.post("/alerts/plan", asked | {"text": shown.text} | wrong)
        assert refused.status_code == 400, wrong
        assert refused.context["page"].fault.form == "amend"
    both = {"deed": "inhibit", "source": RULE, "target": RULE, "equal": "subject", "text": shown.text, "upon": shown.version}
    assert client.post("/alerts/plan", both).status_code == 400
    more = client.post("/alerts/plan", both | {"target": "air_quality.station_stuck"}).context["page"]
    assert len(more.plan.inhibit) == len(shown.plan.inhibit) + 1
    less = client.post("/alerts/plan", {"deed": "uninhibit", "inhibit": "0", "text": more.text}).context["page"]
    assert len(less.plan.inhibit) == len(shown.plan.inhibit)
    client.force_login(Account.objects.get(username="wang"))
    assert client.post("/alerts/plan", asked).status_code in (400, 403)
