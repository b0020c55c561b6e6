# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chengyun.access import services, tickets, tokens
from chengyun.access.actors import ANONYMOUS, actor_of
from chengyun.access.models import Account, Organisation, Token
from chengyun.cli import main
from chengyun.errors import NotFound, Refused

NOW = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)
TICKET = tickets.Ticket("7", {"alerts": tickets.View(("330203",), ("evidence",))}, NOW + dt.timedelta(hours=1))


def test_tokens_that_are_nobodys_displace_only_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_REMEMBERED", 20)
    held: tokens.Remembered[str] = tokens.Remembered(5.0)
    held.keep("good", "somebody", 0.0)
    for number in range(100):
        held.keep(f"made up {number}", None, 1.0)
    assert held.get("good", 4.0) == (True, "somebody")
    assert (held.get("made up 99", 4.0), held.get("made up 0", 4.0)) == ((True, None), (False, None))
    # Asked again after its time; believed longer only where nobody can be asked.
    assert held.get("good", 5.0) == held.get("made up 99", 6.0) == (False, None)
    assert (held.last("good", 800.0, 900.0), held.last("good", 900.0, 900.0)) == ("somebody", None)
    for number in range(100):
        held.keep(f"good {number}", "another", 2.0)
    assert (held.get("good", 3.0), held.get("good 99", 3.0)) == ((False, None), (True, "another"))
    # Revoked, and made anew.
    held.keep("good 99", None, 3.0)
    assert held.get("good 99", 3.0) == (True, None)
    assert held.last("good 99", 3.0, 900.0) is None
    held.keep("good 99", "another", 4.0)
    assert held.get("good 99", 4.0) == (True, "another")


def find(raw: str) -> tuple[object, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(tokens.FIND, [tokens.digest(raw)])
        return cursor.fetchone()


def test_the_stream_process_needs_no_django() -> None:
    code = "import sys, chengyun.access.tokens, chengyun.access.tickets; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.django_db
def test_a_key_is_found_by_its_digest_and_never_stored(bureau: Organisation) -> None:
    raw = services.issue_token(["ingest:air_quality.station_hour", "read"], "网关", organisation=bureau)
    assert find(raw) == (None, "environment", ["ingest:air_quality.station_hour", "read"], [])
    assert raw not in str(Token.objects.values().get())
    assert find(raw + "x") is None


@pytest.mark.django_db
def test_a_key_of_an_account_carries_its_roles_until_it_is_closed(
    account_as: Callable[..., Account], bureau: Organisation
) -> None:
    account = account_as("integrator", "data_steward", organisation=bureau)
    raw = services.issue_token(["ingest:*"], account=account)
    assert find(raw) == (account.pk, "environment", ["ingest:*"], ["data_steward", "integrator"])
    account.is_active = False
    account.save()
    assert find(raw) is None


@pytest.mark.django_db
def test_a_revoked_or_expired_key_is_none() -> None:
    raw = services.issue_token(["ingest:*"])
    services.revoke_token("_".join(raw.split("_")[:2]))
    assert find(raw) is None
    assert find(services.issue_token(["ingest:*"], expires_at=timezone.now() - dt.timedelta(seconds=1))) is None
    with pytest.raises(NotFound):
        services.revoke_token("cy_none")


@pytest.mark.django_db
def test_a_scope_that_leads_nowhere_is_refused_with_a_hint() -> None:
    with pytest.raises(Refused, match=r'Did you mean "ingest:air_quality\.station_hour"'):
        services.issue_token(["ingest:air_quality.station_hours"])


@pytest.mark.django_db
def test_only_a_reading_key_reads_pages(bureau: Organisation) -> None:
    def asks(raw: str) -> object:
        return actor_of(RequestFactory().get("/", headers={"Authorization": f"Bearer {raw}"}))

    reader = asks(services.issue_token(["read"], organisation=bureau))
    assert (reader.roles, reader.organisation) == (frozenset({"integrator"}), "environment")  # type: ignore[attr-defined]
    assert asks(services.issue_token(["ingest:*"])) is ANONYMOUS
    assert asks("nonsense") is ANONYMOUS


@pytest.mark.django_db
def test_commands_create_list_and_revoke(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "create", "ingest:*", "--name", "gateway", "--days", "30"]) == 0
    raw = capsys.readouterr().out.strip()
    assert find(raw)
    assert main(["token", "list"]) == 0
    listed = capsys.readouterr().out
    assert "gateway" in listed
    assert raw not in listed
    assert main(["token", "revoke", Token.objects.get().prefix]) == 0
    assert find(raw) is None


@pytest.mark.parametrize(
    ("scopes", "stream", "allowed"),
    [
        (["ingest:a.b"], "a.b", True), (["ingest:a.b"], "a.c", False), (["ingest:*"], "a.c", True), (["read"], "a.b", False),
        ([], "a.b", False), (["ingest:a"], "a.b", False),
    ],
)  # fmt: skip
def test_scopes_of_streams(scopes: list[str], stream: str, allowed: bool) -> None:
    assert tokens.allows(scopes, stream) is allowed


def test_internal_keys_follow_from_the_secret() -> None:
    raw = tokens.internal_token("secret", "simulate")
    assert tokens.verify_internal("secret", raw) == "simulate"
    assert tokens.verify_internal("other", raw) is None
    assert tokens.verify_internal("secret", raw.replace("simulate", "everything")) is None
    assert tokens.verify_internal("secret", "cy_abc_def") is None


def test_a_ticket_comes_back_as_signed() -> None:
    assert tickets.verify("secret", tickets.sign("secret", TICKET), NOW) == TICKET


@pytest.mark.parametrize("secret", ["other", ""])
def test_a_ticket_of_another_house_is_refused(secret: str) -> None:
    with pytest.raises(Refused) as refused:
        tickets.verify("secret", tickets.sign(secret or "x", TICKET), NOW)
    assert refused.value.code == "ticket_forged"


def test_a_ticket_ends_on_time() -> None:
    text = tickets.sign("secret", TICKET)
    tickets.verify("secret", text, TICKET.expires - dt.timedelta(microseconds=1))
    with pytest.raises(Refused) as refused:
        tickets.verify("secret", text, TICKET.expires)
    assert refused.value.code == "ticket_expired"


@given(garbage=st.text(max_size=60))
def test_garbage_is_refused_and_nothing_else(garbage: str) -> None:
    with pytest.raises(Refused):
        tickets.verify("secret", garbage, NOW)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_what_a_ticket_says_can_be_changed(at: int, bit: int) -> None:
    body, _, mac = tickets.sign("secret", TICKET).partition(".")
    raw = bytearray(tickets._bytes(body))
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises(Refused):
        tickets.verify("secret", f"{tickets._text(bytes(raw))}.{mac}", NOW)


def test_a_view_sees_its_areas_alone() -> None:
    view = tickets.View(("330203",))
    assert [view.sees(code) for code in ("330203001", "330204", "", None)] == [True, False, False, False]
    assert tickets.View(("",)).sees(None)
    assert not tickets.View().sees("330203")
    assert msgspec.json.decode(msgspec.json.encode(view), type=tickets.View) == view
