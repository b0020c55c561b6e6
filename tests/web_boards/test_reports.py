# SPDX-License-Identifier: Apache-2.0
"""Boards by mail: each period once, whoever is killed; with the recipient's own rights."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Sequence

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.utils import timezone
from tests.web_boards.conftest import Town
from tests.web_boards.test_pages import board

from chengyun.access.actors import SYSTEM, actor_of_account
from chengyun.access.models import Account, Assignment, AuditRecord
from chengyun.cases.services import open_case
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.operate.boards import services
from chengyun.operate.boards.models import BoardVersion, Remembered, ScheduledReport, Sending
from chengyun.web.boards import reports

pytestmark = pytest.mark.django_db


class Post(BaseEmailBackend):
    """A mail server. fails: how many letters it refuses first. dies: the process ends after so many letters were taken over."""

    def __init__(self, fails: int = 0, dies: bool = False) -> None:
        super().__init__()
        self.sent: list[EmailMessage] = []
        self.fails, self.dies = fails, dies

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        if self.dies:
            raise KeyboardInterrupt  # as a process that is told to go
        if self.fails:
            self.fails -= 1
            raise ConnectionRefusedError
        self.sent += email_messages
        return len(email_messages)


@pytest.fixture(autouse=True)
def sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHENGYUN_MAIL_FROM", "city@example.org")


def scheduled(
    account: Account, now: dt.datetime, cron: str, key: str = "duty", formats: Sequence[str] = ("pdf", "xlsx")
) -> ScheduledReport:
    return services.schedule(key, cron, list(formats), account, "zh-hans", actor_of_account(account), now)


def texts(letter: EmailMessage) -> str:
    """Return the texts of a letter's workbook."""
    return zipfile.ZipFile(io.BytesIO(letter.attachments[0][1])).read("xl/sharedStrings.xml").decode()


@pytest.fixture
def officer(calm: Town, sign_in: Callable[..., Client]) -> Account:
    sign_in("duty_officer", "officer", email="officer@example.org")
    services.save(board(), SYSTEM)
    BoardVersion.objects.update(saved_at=calm.now - dt.timedelta(hours=3))  # periods before it was composed have no board
    return Account.objects.get(username="officer")


def test_a_period_is_sent_once_even_if_the_sender_dies(officer: Account, calm: Town) -> None:
    now = timezone.now()
    scheduled(officer, now - dt.timedelta(hours=2), "0 * * * *")
    assert reports.due(now) == 1, "of missed periods the newest"
    assert reports.due(now) == 0
    with pytest.raises(KeyboardInterrupt):
        reports.send_waiting(now, Post(dies=True))
    post = Post()
    assert reports.send_waiting(now, post) == 1
    assert reports.send_waiting(now, post) == 0
    assert reports.run(now) == 0, "without a mail server nothing goes out"
    (letter,) = post.sent
    assert letter.to == ["officer@example.org"]
    names = [name for name, *_rest in letter.attachments]
    assert [name.rsplit(".", 1)[1] for name in names] == ["pdf", "xlsx"]
    assert letter.attachments[0][1].startswith(b"%PDF")
    assert letter.extra_headers["Message-ID"].endswith(".board@example.org>")
    assert Sending.objects.get().state == "sent"
    record = AuditRecord.objects.get(action="board.sent")
    assert (record.actor, record.detail["files"]) == ("officer", names)


def test_the_next_period_comes_by_the_citys_clock(officer: Account) -> None:
    zone = config().zone
    morning = dt.datetime(2026, 11, 20, 7, 59, tzinfo=zone)  # a Friday
    assert services.next_after("0 8 * * 1-5", morning) == dt.datetime(2026, 11, 20, 8, tzinfo=zone)
    assert services.next_after("0 8 * * 1-5", dt.datetime(2026, 11, 20, 8, tzinfo=zone)) == dt.datetime(
        2026, 11, 23, 8, tzinfo=zone
    )


def test_what_fails_is_tried_again_and_then_given_up(officer: Account) -> None:
    now = timezone.now()
    scheduled(officer, now - dt.timedelta(hours=2), "0 * * * *", formats=["xlsx"])
    reports.due(now)
    post = Post(fails=1)
    assert reports.send_waiting(now, post) == 0
    assert reports.send_waiting(now, post) == 0, "not at once"
    assert reports.send_waiting(now + dt.timedelta(minutes=3), post) == 1
    Sending.objects.update(state="waiting", attempts=len(reports.RETRY_MIN), next_at=now)
    assert reports.send_waiting(now, Post(fails=1)) == 0
    assert Sending.objects.get().state == "failed"


def test_a_letter_holds_what_its_recipient_may_see(officer: Account, calm: Town, sign_in: Callable[..., Client]) -> None:
    sign_in("resident", "anna", email="anna@example.org")
    anna = Account.objects.get(username="anna")
    services.save(board("open", audience="everyone"), SYSTEM)
    open_case("air_quality.air_check", "核查甲", SYSTEM, timezone.now() - dt.timedelta(hours=3), area_code="330203")
    Remembered.objects.update(since=calm.now - dt.timedelta(hours=3))
    BoardVersion.objects.update(saved_at=calm.now - dt.timedelta(hours=3))
    now = timezone.now()
    actor = actor_of_account(officer)
    for account in (officer, anna):
        services.schedule("open", "0 * * * *", ["xlsx"], account, "zh-hans", actor, now - dt.timedelta(hours=2))
    reports.due(now)
    post = Post()
    assert reports.send_waiting(now, post) == 2
    import io
    import zipfile

    told = {
        letter.to[0]: zipfile.ZipFile(io.BytesIO(letter.attachments[0][1])).read("xl/sharedStrings.xml").decode()
        for letter in post.sent
    }
    assert "核查甲" in told["officer@example.org"]
    assert "核查甲" not in told["anna@example.org"]


def test_who_may_no_longer_open_it_gets_nothing(officer: Account) -> None:
    now = timezone.now()
    scheduled(officer, now - dt.timedelta(hours=2), "0 * * * *")
    Assignment.objects.filter(account=officer).delete()
    reports.due(now)
    post = Post()
    assert reports.send_waiting(now, post) == 0
    assert post.sent == []
    assert Sending.objects.get().state == "dropped"


def test_schedules_are_refused_with_a_sentence(officer: Account, sign_in: Callable[..., Client]) -> None:
    now, actor = timezone.now(), actor_of_account(officer)
    for cron in ("whenever", "* * * * *", "0 8 * * * *", "*/30 * * * *", "61 8 * * *"):
        with pytest.raises(Refused):
            services.schedule("duty", cron, ["pdf"], officer, "en", actor, now)
    with pytest.raises(Refused):
        services.schedule("duty", "0 8 * * *", ["docx"], officer, "en", actor, now)
    sign_in("grid_worker", "worker")
    worker = Account.objects.get(username="worker")
    with pytest.raises(Refused):
        services.schedule("duty", "0 8 * * *", ["pdf"], worker, "en", actor, now)  # no address
    with pytest.raises(Refused):
        services.schedule("duty", "0 8 * * *", ["pdf"], officer, "en", actor_of_account(worker), now)  # not for others
    report = services.schedule("duty", "0 8 * * *", ["pdf"], officer, "en", actor, now)
    with pytest.raises(NotFound):
        services.end_report(report.pk, actor_of_account(worker))
    services.end_report(report.pk, actor)
    assert reports.due(now + dt.timedelta(days=2)) == 0
