# SPDX-License-Identifier: Apache-2.0
"""Reports by e-mail: a letter is a report once, an answer is added to it, robots are left alone, letters go out."""

from __future__ import annotations

import datetime as dt
import mailbox
import smtplib
import socketserver
import threading
from email.message import EmailMessage
from pathlib import Path
from typing import ClassVar

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from chengyun.access.actors import ANONYMOUS
from chengyun.cases.intake import dealings, mailing
from chengyun.cases.intake.letters import read_letter
from chengyun.cases.intake.mailbox import read_mailbox, take
from chengyun.cases.intake.models import Message, Photo, Report
from chengyun.cases.intake.services import file_report
from chengyun.cases.models import Case
from chengyun.config import config
from chengyun.errors import Unavailable

from .conftest import HAISHU, NOW, picture, report

pytestmark = pytest.mark.django_db
OWN = "report@city.example"


def letter(
    text: str = "解放南路口的路灯不亮", subject: str = "路灯坏了", sender: str = "王 <wang@example.org>", **headers
) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, OWN, subject
    for name, value in ({"Message_ID": "<1@example.org>"} | headers).items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


@pytest.fixture(autouse=True)
def settings_of_mail(monkeypatch):
    monkeypatch.setenv("CHENGYUN_MAIL_FROM", OWN)
    monkeypatch.setenv("CHENGYUN_SITE", "https://city.example/")


def test_a_letter_becomes_a_report_once_with_its_pictures(city):
    sent = letter()
    sent.add_attachment(picture(place=HAISHU), maintype="image", subtype="jpeg", filename="lamp.jpg")
    sent.add_attachment(b"MZ evil", maintype="application", subtype="octet-stream", filename="run.exe")
    first, again = take(sent.as_bytes(), NOW), take(sent.as_bytes(), NOW)
    assert first == again
    kept = Report.objects.get()
    assert (kept.channel, kept.case.area_code, kept.contact.email) == ("email", "330203", "wang@example.org")
    assert "路灯坏了" in kept.text
    assert Photo.objects.count() == 1
    told = Message.objects.get(kind="letter")
    assert told.data["left_out"] == ["run.exe"]
    assert told.mail == "waiting"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"Return_Path": "<>"}, {"List_Id": "<news.example.org>"},
        {"X_Auto_Response_Suppress": "All"},
    ],
)  # fmt: skip
def test_a_robot_gets_no_answer_and_makes_no_report(city, headers):
    assert take(letter(**headers).as_bytes(), NOW) is None
    assert not Report.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("sender", [OWN, "MAILER-DAEMON@mx.example.org", "no-reply@shop.example", "", "no address"])
def test_neither_do_senders_nobody_reads_for(city, sender):
    assert take(letter(sender=sender).as_bytes(), NOW) is None
    assert not Report.objects.exists()


def test_an_answer_is_added_to_its_report_and_by_nobody_else(city, actor):
    filed = file_report(report(email="wang@example.org"), ANONYMOUS, NOW)
    dealings.ask(filed.report, "哪一盏？", actor("clerk", "intake_clerk"), NOW)
    text = f"东边第三盏\n\n在 2026-11-17 写道:\n> 需要您补充 {filed.report.number}"
    again = letter(text, f"Re: 上报 {filed.report.number} 的进展", Message_ID="<2@example.org>").as_bytes()
    assert take(again, NOW) == take(again, NOW) == filed.report
    filed.report.refresh_from_db()
    assert filed.report.state == "waiting"
    assert [one.text for one in Message.objects.filter(from_reporter=True)] == ["东边第三盏"]
    other = letter("我也想知道", f"Re: {filed.report.number}", "x <other@example.org>", Message_ID="<3@example.org>")
    assert take(other.as_bytes(), NOW) != filed.report
    assert Case.objects.count() == 2


def test_a_page_is_read_for_its_words(city):
    sent = EmailMessage()
    sent["From"], sent["Subject"] = "wang@example.org", "井盖"
    sent.set_content("<html><head><style>p{}</style></head><body><p>井盖坏了</p><script>alert(1)</script></body></html>", "html")
    assert read_letter(sent.as_bytes(), OWN).text == "井盖坏了"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00\xff\xfe", b"From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n--x\nbroken",
        b"From: a@b.c\nContent-Type: text/plain; charset=nonsense\n\n\xff\xfe words",
        "From: =?gb2312?B?0rvLq8qx?= <a@b.c>\nSubject: =?utf-8?B?!!!?=\n\n井盖".encode(),
        b"From: =?utf-8?q?a=0d=0ab?= <a@b.c>\nReferences: [\nMessage-ID: <\n\nwords",
        b"From: a@b.c\nContent-Type: text/html\n\nwords <![such[words",
        b'From: a@b.c\nContent-Type: text/plain; charset="a\x00b"\n\nwords \xff',
    ],
)  # fmt: skip
def test_damaged_letters_are_read_as_well_as_they_go(data):
    assert read_letter(data, OWN).sender in ("", "a@b.c")


def test_a_mail_folder_is_emptied_once_its_letters_are_reports(city, tmp_path: Path, monkeypatch):
    box = mailbox.Maildir(tmp_path / "box")
    box.add(letter().as_bytes())
    box.add(letter(Message_ID="<9@example.org>", Precedence="bulk").as_bytes())
    monkeypatch.setenv("CHENGYUN_MAIL_INBOX", f"maildir:{tmp_path}/box")
    assert read_mailbox(NOW) == 2
    assert (len(mailbox.Maildir(tmp_path / "box")), Report.objects.count()) == (0, 1)
    monkeypatch.setenv("CHENGYUN_MAIL_INBOX", f"maildir:{tmp_path}/gone")
    with pytest.raises(Unavailable):
        read_mailbox(NOW)


def test_a_letter_nothing_can_be_made_of_stands_before_no_other(city, tmp_path: Path, monkeypatch):
    box = mailbox.Maildir(tmp_path / "box")
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(2000))
    box.add(b"From: wang@example.org\n" + parts + b"\n...")
    box.add(b"From: =?utf-8?q?a=00b?= <wang@example.org>\nMessage-ID: <1\x00@x>\nSubject: =?utf-8?q?lamp=00?=\n\nlamp")
    monkeypatch.setenv("CHENGYUN_MAIL_INBOX", f"maildir:{tmp_path}/box")
    assert read_mailbox(NOW) == 2
    assert (len(mailbox.Maildir(tmp_path / "box")), Report.objects.get().contact.name) == (0, "ab")
    (kept,) = (config().data / "mail" / "unread").iterdir()
    assert kept.read_bytes().endswith(b"...")
    kept.unlink()


def test_a_letter_that_cannot_be_written_stands_before_no_other(city):
    bad = file_report(report(email="li@example.org", external="<a\nBcc: x@example.org>", join=""), ANONYMOUS, NOW).report
    good = file_report(report(email="ann@example.org", join=""), ANONYMOUS, NOW).report
    for one in (bad, good):
        Message.objects.create(report=one, at=NOW, kind="accepted", mail="waiting", next_at=NOW)
    mailing.send_waiting(NOW, EmailBackend())
    assert {address for one in mail.outbox for address in one.to} == {"ann@example.org"}
    assert "failed" in set(Message.objects.filter(report=bad).values_list("mail", flat=True)) <= {"failed", "none"}


def test_a_letter_goes_out_in_the_reporters_language_with_the_link_and_no_robot_answers_it(city):
    filed = file_report(report(email="ann@example.org", language="en", join=""), ANONYMOUS, NOW)
    dealings_told = Message.objects.create(report=filed.report, at=NOW, kind="accepted", mail="waiting", next_at=NOW)
    assert mailing.send_waiting(NOW, EmailBackend()) == 1
    (sent,) = mail.outbox
    assert sent.to == ["ann@example.org"]
    assert f"https://city.example/report/{filed.report.number}?t={filed.token}" in sent.body
    assert sent.extra_headers["Auto-Submitted"] == "auto-replied"
    dealings_told.refresh_from_db()
    assert dealings_told.mail == "sent"
    assert mailing.send_waiting(NOW, EmailBackend()) == 0
    assert read_letter(sent.message().as_bytes(), "elsewhere@x.y").robot


def test_a_letter_that_fails_is_tried_again_and_given_up_at_last(city):
    class Away(EmailBackend):
        def send_messages(self, messages):
            raise smtplib.SMTPServerDisconnected("away")

    filed = file_report(report(email="ann@example.org"), ANONYMOUS, NOW)
    told = Message.objects.create(report=filed.report, at=NOW, kind="accepted", mail="waiting", next_at=NOW)
    now = NOW
    for _ in range(len(mailing.RETRY_MIN) + 1):
        mailing.send_waiting(now, Away())
        now += dt.timedelta(days=2)
    told.refresh_from_db()
    assert (told.mail, told.attempts) == ("failed", len(mailing.RETRY_MIN) + 1)
    assert told.data == {}


class Letterbox(socketserver.StreamRequestHandler):
    """A mail server of which imaplib asks what it asks of any; letters it calls longer than they are have `says` bytes."""

    letters: ClassVar[dict[int, bytes]] = {}
    says: ClassVar[dict[int, int]] = {}
    flags: ClassVar[dict[int, str]] = {}
    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        while line := self.rfile.readline().decode():
            tag, verb, *rest = line.split()
            said, number = "OK", int(rest[0]) if rest and rest[0].isdigit() else 0
            match verb.upper():
                case "CAPABILITY":
                    self.wfile.write(b"* CAPABILITY IMAP4REV1\r\n")
                case "SEARCH":
                    unseen = [str(one) for one in self.letters if one not in self.flags]
                    self.wfile.write(f"* SEARCH {' '.join(unseen)}\r\n".encode())
                case "FETCH" if "SIZE" in line:
                    size = self.says.get(number, len(self.letters[number]))
                    self.wfile.write(f"* {number} FETCH (RFC822.SIZE {size})\r\n".encode())
                case "FETCH":
                    self.asked.append(line.strip())
                    data = self.letters[number][: int(line.split("<0.")[1].split(">")[0])]
                    if data:
                        self.wfile.write(f"* {number} FETCH (BODY[]<0> {{{len(data)}}}\r\n".encode() + data + b")\r\n")
                    else:
                        said = "NO"
                case "STORE":
                    self.flags[number] = " ".join(rest[2:])
                case "LOGOUT":
                    self.wfile.write(b"* BYE\r\n")
            self.wfile.write(f"{tag} {said} done\r\n".encode())


def test_a_letter_is_as_long_as_may_be_or_stays_at_the_server_unread(city, monkeypatch, caplog):
    monkeypatch.setattr("chengyun.cases.intake.mailbox.LONGEST", 4000)
    long, unsaid, whole = (
        letter(text * 400, Message_ID=f"<{text}@x>").as_bytes() for text in ("one lamp ", "two lamps ", "lamp ")
    )
    Letterbox.letters = {1: long, 2: unsaid, 3: whole, 4: b""}
    Letterbox.says, Letterbox.flags, Letterbox.asked = {1: 5_000_000_000, 2: 100}, {}, []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Letterbox) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host, port = server.server_address[:2]
        monkeypatch.setenv("CHENGYUN_MAIL_INBOX", f"imap://wang:secret@{host}:{port}/INBOX")
        assert read_mailbox(NOW) == 1
        assert read_mailbox(NOW) == 0
        server.shutdown()
    assert Report.objects.get().text.startswith("路灯坏了\nlamp")
    assert (Letterbox.flags[1], Letterbox.flags[2]) == ("(\\Seen \\Flagged)",) * 2
    assert 4 not in Letterbox.flags, "what the server could not give is asked for again"
    assert not [one for one in Letterbox.asked if "FETCH 1 " in one], "what is too long is not fetched at all"
    assert "4768.4 MB, was not read" in caplog.text


def test_a_letter_of_a_folder_that_is_too_long_is_put_aside_whole(city, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("chengyun.cases.intake.mailbox.LONGEST", 4000)
    box = mailbox.Maildir(tmp_path / "box")
    long = letter("lamp " * 1000).as_bytes()
    box.add(long)
    box.add(letter(Message_ID="<2@example.org>").as_bytes())
    monkeypatch.setenv("CHENGYUN_MAIL_INBOX", f"maildir:{tmp_path}/box")
    assert read_mailbox(NOW) == 1
    (kept,) = (config().data / "mail" / "unread").iterdir()
    assert (kept.read_bytes(), len(mailbox.Maildir(tmp_path / "box"))) == (long, 0)
    kept.unlink()
