# SPDX-License-Identifier: Apache-2.0
"""What time decides, what must be deleted, and what readers say is wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from chengyun.access.models import Grant
from chengyun.access.policy import scope
from chengyun.access.rulebook import Facts
from chengyun.errors import NotFound
from chengyun.operate.models import Figure
from chengyun.share.requests import corrections, notices, queries, services, upkeep
from chengyun.share.requests.models import Correction, Deletion, Notice

from .conftest import Clock, Person
from .test_lifecycle import refused, sent

pytestmark = pytest.mark.django_db


def test_an_overdue_answer_goes_to_the_data_bureau(person: Person, clock: Clock) -> None:
    clerk, steward, bureau = person("department_clerk", "health"), person("data_steward", "civil"), person("data_steward", "data")
    clock.at("2026-01-05")
    request = sent(clerk)
    with pytest.raises(NotFound):
        services.agree(bureau, request.number)
    clock.at(str(request.due_day))
    assert upkeep.tick()["overdue"] == 0, "the last day counts whole"
    assert queries.to_answer(steward)[0].colour == "yellow"
    clock.at("2026-01-20")
    assert upkeep.tick()["overdue"] == 1
    assert upkeep.tick()["overdue"] == 0
    line = queries.to_answer(bureau)[0]
    assert (line.number, line.colour, line.left, line.escalated) == (request.number, "red", -1, True)
    assert services.agree(bureau, request.number, note="督办答复").state == "approved"


def test_a_clock_set_back_changes_no_order_and_no_deadline(person: Person, clock: Clock) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    clock.at("2026-02-05")
    request = sent(clerk)
    clock.at("2026-01-01")
    back = services.give_back(steward, request.number, "补正")
    times = [one.at for one in back.steps.all()]
    assert times == sorted(times)
    clock.at("2026-02-06")
    assert services.submit(clerk, request.number).due_day is not None


def test_what_ended_must_be_deleted_and_somebody_says_so(person: Person) -> None:
    clerk, steward, officer = person("department_clerk", "health"), person("data_steward", "civil"), person("security_officer")
    request = sent(clerk, "test.elder", shown={"phone": "clear"}, retention_days=30)
    services.agree(steward, request.number)
    grant = services.secure(officer, request.number).grant
    assert grant is not None
    ended = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    Grant.objects.filter(pk=grant.pk).update(since=ended - dt.timedelta(days=9), until=ended)
    found = upkeep.tick()
    assert (found["expired"], found["deletions"]) == (1, 1)
    assert upkeep.tick() == {"expired": 0, "overdue": 0, "suspended": 0, "deletions": 0}
    request.refresh_from_db()
    assert request.state == "expired"
    assert not scope(clerk, "test.elder", "statistics").allowed
    owed = Deletion.objects.get()
    assert owed.due_day == dt.date(2026, 12, 1)
    assert [one.grant.number for one in queries.deletions(clerk)] == [grant.number]
    with pytest.raises(NotFound):
        upkeep.confirm_deletion(steward, grant.number, "删了")
    with refused("how_missing"):
        upkeep.confirm_deletion(clerk, grant.number, " ")
    assert upkeep.confirm_deletion(clerk, grant.number, "库表与备份均已清除").confirmed_by == clerk.name
    with refused("settled"):
        upkeep.confirm_deletion(clerk, grant.number, "再删")
    assert queries.deletions(clerk) == []


def test_a_suspended_grant_is_written_down_and_told_once(person: Person, book: dict[str, Facts]) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    request = services.agree(steward, sent(clerk, shown={"name": "clear"}).number)
    before = book.pop("test.lot")
    assert upkeep.tick()["suspended"] == 1
    assert upkeep.tick()["suspended"] == 0
    assert queries.request_view(clerk, request.number).grant.state == "suspended"  # type: ignore[union-attr]
    book["test.lot"] = before
    upkeep.tick()
    assert [one.deed for one in request.steps.all()][-2:] == ["suspend", "resume"]
    assert Notice.objects.filter(kind="suspended").count() == 1


def test_use_is_counted_and_what_nobody_reads_is_proposed_for_revocation(person: Person) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    used, idle = (services.agree(steward, sent(clerk, area_code=area).number).grant for area in ("330203", "330204"))
    assert used is not None
    assert idle is not None
    Grant.objects.update(since=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    scope(clerk, "test.lot", "statistics").count(rows=7)
    Grant.objects.filter(pk=idle.pk).update(revoked_at=None)
    idle.uses.all().delete()
    lines = {line.number: line for line in queries.grants_for(steward)}
    assert (lines[used.number].reads, lines[used.number].rows, lines[used.number].unused) == (1, 7, False)
    assert (lines[idle.number].reads, lines[idle.number].unused) == (0, True)


def test_a_mistake_is_answered_by_its_source_in_ten_working_days(person: Person, clock: Clock) -> None:
    clerk, steward = person("department_clerk", "health"), person("data_steward", "civil")
    with pytest.raises(NotFound):
        corrections.report(clerk, "test.lot", "L1", "name", "名称不对")
    clock.at("2026-02-13")
    made = corrections.report(person("data_steward", "data"), "test.lot", "L1", "name", "名称不对", proposed="东门口")
    assert made.due_day == dt.date(2026, 3, 5)
    assert list(Notice.objects.values_list("account_id", "kind")) == [(steward.account_id, "wrong")]
    with refused("field_unknown"):
        corrections.report(person("leader"), "test.lot", "L1", "nmae", "名称不对")
    for words, code in (({"said": "", "upheld": True}, "reason_missing"), ({"said": "改了"}, "value_missing")):
        with refused(code):
            corrections.answer(steward, made.number, **words)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        corrections.answer(clerk, made.number, said="", value="东门口")
    done = corrections.answer(steward, made.number, said="已核对", value="东门口")
    assert (done.state, done.value) == (Correction.State.CORRECTED, "东门口")
    with refused("settled"):
        corrections.answer(steward, made.number, said="再改", value="西门口")


def test_a_correction_is_of_a_row_that_is_there(person: Person) -> None:
    """Of streams, figures and cases, too; tests/lake finds a stream's rows."""
    reader = person("leader")
    figure, stream = "air_quality.pm25_daily", "air_quality.station_hour"
    made = {"as_of": {}, "detail": {}, "quality": {}, "simulated": False, "computed_at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC)}
    Figure.objects.create(
        indicator=figure, subject="s1", area_code="330203", value=1.0, version="1",
        period_start=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), **made,
    )  # fmt: skip
    for key in ("s1", "s1@2026-01-01T00:00:00Z"):
        assert corrections.report(reader, figure, key, "value", "偏高").area_code == "330203"
    for dataset, key in ((figure, "s2"), (figure, "s1@2026-01-02T00:00:00Z"), ("urban_management.case", "330200-1")):
        with pytest.raises(NotFound, match="没有找到"):
            corrections.report(reader, dataset, key, "value", "偏高")
    with refused("key_malformed"):
        corrections.report(reader, stream, "s1@yesterday", "pm25", "偏高")


def test_a_correction_tells_nobody_what_is_masked_for_them(person: Person, book: dict[str, Facts]) -> None:
    """To say that a masked value is wrong must not be a way to be told it."""
    from django.apps import apps

    lot = apps.get_model("parking", "Lot").objects.create(key="c1", name="欧阳娜娜", area_code="330203")
    plain = book["parking.lot"]
    reader, steward = person("leader"), person("data_steward", "civil")
    book["parking.lot"] = replace(plain, owner="民政局", sharing="conditional", open=False, masks={"name": "name"})
    made = corrections.report(reader, "parking.lot", lot.key, "name", "名字不对")
    done = corrections.answer(steward, made.number, said="已核对", value="司马相如")
    assert corrections.value_for(steward, done) == "司马相如"
    assert corrections.value_for(reader, done) == "司马**"
    book["parking.lot"] = replace(plain, owner="民政局", sharing="none", open=False, masks={"name": "name"})
    assert corrections.value_for(reader, done) == ""


def test_letters_go_out_where_a_server_is_set(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHENGYUN_MAIL_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("CHENGYUN_MAIL_FROM", "share@example.org")
    steward, clerk = person("data_steward", "civil"), person("department_clerk", "health")
    number = sent(clerk).number
    assert steward.account_id is not None

    class Post:
        sent: list[str] = []  # one test's own

        def send_messages(self, letters: list[object]) -> None:
            self.sent += [one.subject for one in letters]  # type: ignore[attr-defined]

    assert notices.send_waiting(Post()) == 1  # type: ignore[arg-type]
    assert number in Post.sent[0]
    assert notices.send_waiting(Post()) == 0  # type: ignore[arg-type]
