# SPDX-License-Identifier: Apache-2.0
"""Holes that were found from outside, each with the way it was found."""

from __future__ import annotations

import datetime as dt
import gzip
import threading
import time
from collections.abc import Callable
from io import BytesIO

import pytest
import zstandard
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from chengyun.access import lockout, services
from chengyun.access.actors import ANONYMOUS, SYSTEM
from chengyun.access.middleware import READ_AT_ONCE, SINCE, bodies
from chengyun.access.models import Account, AuditRecord, Role
from chengyun.access.policy import Layer, Scope
from chengyun.access.predicates import area_in
from chengyun.collect.encodings import MOST_PARTS, decompress
from chengyun.errors import Malformed, NotFound, Unavailable
from chengyun.web import cache as cache_of_pages
from chengyun.web import heavy, series

pytestmark = pytest.mark.django_db
Maker = Callable[..., Account]


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def sign_in(client: Client, username: str, password: str) -> bool:
    client.post("/accounts/login/", {"login": username, "password": password})
    return "_auth_user_id" in client.session


def test_wrong_passwords_of_a_stranger_do_not_lock_a_colleague_out(account_as: Maker, password: str) -> None:
    account_as("handler", username="zhao")
    own, stranger = Client(), Client()
    assert sign_in(own, "zhao", password)
    own.post("/accounts/logout/")
    for _ in range(6):
        sign_in(stranger, "zhao", "wrong")
    assert not sign_in(stranger, "zhao", password)
    assert sign_in(own, "zhao", password)
    own.post("/accounts/logout/")
    assert not sign_in(stranger, "zhao", password), "a colleague who signs in must not give strangers five more attempts"


def test_a_known_browser_has_five_attempts_too(client: Client, account_as: Maker, password: str) -> None:
    account_as("handler", username="zhao")
    assert sign_in(client, "zhao", password)
    client.post("/accounts/logout/")
    for _ in range(5):
        sign_in(client, "zhao", "wrong")
    assert not sign_in(client, "zhao", password)


def test_a_browser_is_known_by_a_signature_and_for_its_own_person(account_as: Maker, password: str) -> None:
    account_as("handler", username="zhao")
    account_as("leader", username="qian")
    client = Client()
    sign_in(client, "zhao", password)
    request = RequestFactory().get("/")
    request.COOKIES[lockout.COOKIE] = client.cookies[lockout.COOKIE].value
    assert lockout.browser_of(request, "zhao")
    assert not lockout.browser_of(request, "qian")
    request.COOKIES[lockout.COOKIE] = request.COOKIES[lockout.COOKIE][:-2] + "xx"
    assert not lockout.browser_of(request, "zhao")


@pytest.mark.parametrize("written", ["admin", "ADMIN", " admin ", "adm\u0131n"])
def test_failures_count_however_a_name_is_written(client: Client, account_as: Maker, written: str) -> None:
    account_as("handler", username="admin")
    for _ in range(5):
        sign_in(client, written, "wrong")
    assert lockout.locked("admin")


def test_a_password_typed_as_a_name_is_not_kept(client: Client) -> None:
    sign_in(client, "My-Secret-2026", "x")
    kept = AuditRecord.objects.filter(action=lockout.PASSWORD).latest("id")
    assert "secret" not in f"{kept.target}{kept.detail}".lower()
    for _ in range(4):
        sign_in(client, "my-secret-2026", "x")
    assert lockout.locked("My-Secret-2026")


def test_names_that_differ_in_case_alone_are_one(account_as: Maker) -> None:
    account_as("handler", username="zhao")
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create_user("ZHAO")


def test_one_time_codes_are_not_guessed_for_ever(client: Client, account_as: Maker, password: str) -> None:
    account = account_as("administrator", username="zhou")
    TOTP.activate(account, generate_totp_secret())
    sign_in(client, "zhou", password)
    for _ in range(lockout.FAILURES):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    before = AuditRecord.objects.filter(action=lockout.SECOND_FACTOR).count()
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert before == lockout.FAILURES
    assert AuditRecord.objects.filter(action=lockout.SECOND_FACTOR).count() == before, "the sixth code was looked at"


@pytest.mark.parametrize("filtered", ["account/?password__startswith=md5", "token/?digest__startswith=a"])
def test_hashes_cannot_be_asked_for_through_filters(client: Client, account_as: Maker, filtered: str) -> None:
    client.force_login(account_as("administrator"))
    assert client.get(f"/admin/access/{filtered}").status_code in (302, 400)


def test_reading_the_log_in_the_administration_is_recorded(client: Client, account_as: Maker) -> None:
    client.force_login(account_as("auditor"))
    client.get("/admin/access/auditrecord/")
    assert AuditRecord.objects.filter(action="read", dataset="audit").count() == 1


def test_every_link_of_a_bulk_action_is_recorded(client: Client, account_as: Maker) -> None:
    people = [account_as("handler", username=name) for name in ("li", "han")]
    client.force_login(account_as("administrator"))
    chosen = [str(person.pk) for person in people]
    client.post("/admin/access/account/", {"action": "invite", "_selected_action": chosen})
    kept = AuditRecord.objects.filter(action="account.invite").values_list("target", flat=True)
    assert sorted(kept) == sorted(chosen)


@pytest.mark.parametrize("address", ["/alerts", "/cases", "/accounts/", "/audit"])
def test_pages_of_a_known_person_stay_out_of_caches(client: Client, account_as: Maker, address: str) -> None:
    client.force_login(account_as("auditor"))
    assert "no-store" in client.get(address).headers["Cache-Control"]


def test_a_session_ends_after_twelve_hours_however_busy(client: Client, account_as: Maker) -> None:
    client.force_login(account_as("handler"))
    client.get("/accounts/")
    session = client.session
    session[SINCE] = time.time() - 12 * 3600 - 1
    session.save()
    client.get("/accounts/")
    assert "_auth_user_id" not in client.session


def test_slow_senders_leave_readers_their_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chengyun.access.middleware.WAIT_S", 0.05)
    release = threading.Event()

    class Slow(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            release.wait(10)
            return super().read(size)

    served = bodies(lambda request: HttpResponse("ok"))

    def send() -> HttpRequest:
        request = RequestFactory().post("/", b"x=1", content_type="application/x-www-form-urlencoded")
        request._stream = Slow(b"x=1")  # type: ignore[attr-defined]
        return request

    senders = [threading.Thread(target=served, args=[send()]) for _ in range(READ_AT_ONCE)]
    for one in senders:
        one.start()
    time.sleep(0.1)
    assert served(RequestFactory().get("/")).status_code == 200
    assert served(send()).status_code == 503
    release.set()
    for one in senders:
        one.join()
    assert served(send()).status_code == 200


def test_the_first_link_ends_once_there_is_an_administrator(account_as: Maker) -> None:
    code = (services.first_sign_in_link() or "").rsplit("/", 1)[1]
    account_as("administrator")
    with pytest.raises(NotFound):
        services.find_first_sign_in(code)


def test_a_link_lets_no_closed_account_in(account_as: Maker) -> None:
    account = account_as("handler")
    code = services.invite(SYSTEM, account).rsplit("/", 1)[1]
    Account.objects.filter(pk=account.pk).update(is_active=False)
    with pytest.raises(NotFound):
        services.find_first_sign_in(code)


def test_the_last_passwords_are_not_chosen_again(account_as: Maker, password: str) -> None:
    account = account_as("administrator")
    with pytest.raises(ValidationError):
        validate_password(password, account)
    for number in range(3):
        account.set_password(f"Other-Bridge-{number}")
        account.save()
    validate_password(password, account)
    account.refresh_from_db()
    assert account.password_changed_at is not None


@pytest.mark.parametrize(("role", "days", "leads_to"), [
    (Role.AUDITOR, 91, "/accounts/password/change/"), (Role.AUDITOR, 89, None), (Role.HANDLER, 91, None),
])  # fmt: skip
def test_an_old_password_of_a_privileged_account_is_changed_first(
    client: Client, account_as: Maker, role: str, days: int, leads_to: str | None
) -> None:
    account = account_as(role)
    Account.objects.filter(pk=account.pk).update(password_changed_at=timezone.now() - dt.timedelta(days=days))
    client.force_login(account)
    assert client.get("/alerts").headers.get("Location") == leads_to
    assert client.get("/accounts/password/change/").status_code == 200


@pytest.mark.parametrize(("https", "hours", "leads_to"), [
    (True, 25, "/accounts/2fa/totp/activate/"), (True, 23, None), (False, 25, None),
])  # fmt: skip
def test_a_second_factor_is_required_where_pages_reach_further_than_a_laptop(
    client: Client, account_as: Maker, settings: object, https: bool, hours: int, leads_to: str | None
) -> None:
    account = account_as("administrator")
    Account.objects.filter(pk=account.pk).update(date_joined=timezone.now() - dt.timedelta(hours=hours))
    client.force_login(account)
    settings.SESSION_COOKIE_SECURE = https  # type: ignore[attr-defined]
    assert client.get("/alerts", secure=https).headers.get("Location") == leads_to
    TOTP.activate(account, generate_totp_secret())
    assert client.get("/alerts", secure=https).status_code == 200


def test_a_privileged_person_is_reminded_of_the_second_factor(client: Client, account_as: Maker, password: str) -> None:
    account_as("auditor", username="zhou")
    sign_in(client, "zhou", password)
    assert "两步验证" in client.get("/alerts").content.decode()


@pytest.mark.parametrize("address", ["//evil.example/?lang=en", "//evil.example/?theme=dark"])
def test_a_choice_of_language_leads_to_no_other_site(client: Client, address: str) -> None:
    answer = client.generic("GET", "/", PATH_INFO="//evil.example/", QUERY_STRING=address.partition("?")[2])
    assert answer.status_code == 302
    assert not answer.headers["Location"].startswith("//")


@pytest.mark.parametrize("address", [
    "/series.json?stream=air_quality.station_hour&subject=%00", "/e/air_quality.station/%00",
    "/series.json?stream=air_quality.station_hour&subject=x&fields=" + "pm25," * 300,
])  # fmt: skip
def test_odd_addresses_are_refused_and_no_fault(client: Client, address: str) -> None:
    client.raise_request_exception = False
    assert client.get(address).status_code in (400, 404)


def test_addresses_that_lead_nowhere_leave_nothing_in_memory(client: Client) -> None:
    before = len(cache_of_pages._locks)
    for number in range(20):
        assert client.get(f"/map/layers/nothing-{number}.json").status_code == 404
    assert len(cache_of_pages._locks) == before


def test_a_third_recomputation_at_once_is_asked_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "STRANGER_WAIT_S", 0.01)
    with heavy.heavy(ANONYMOUS), heavy.heavy(ANONYMOUS), pytest.raises(Unavailable), heavy.heavy(ANONYMOUS):
        pass
    with heavy.heavy(ANONYMOUS):
        pass


def test_observations_are_shown_only_where_the_stream_may_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A register may be open to all while what is observed at its things is shared district by district."""
    closed = Scope(ANONYMOUS, "walk.stream", None, False, (Layer(area_in("330203"), ""),), "")
    register = series.register("air_quality.station")
    register._default_manager.create(key="here", name="x", area_code="330203", valid_from=timezone.now().date())
    register._default_manager.create(key="there", name="x", area_code="330205", valid_from=timezone.now().date())
    series._require_entity("air_quality.station", "here", ANONYMOUS, closed)
    with pytest.raises(NotFound):
        series._require_entity("air_quality.station", "there", ANONYMOUS, closed)


def test_the_administration_has_no_second_page_for_passwords(client: Client, account_as: Maker) -> None:
    client.force_login(account_as("administrator"))
    assert client.get("/admin/password_change/").headers["Location"] == "/accounts/password/change/"
    assert client.get("/admin/r/1/1/").status_code == 404


@pytest.mark.parametrize(("encoding", "squeeze"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_body_of_very_many_parts_is_refused(encoding: str, squeeze: Callable[[bytes], bytes]) -> None:
    assert decompress(squeeze(b"a") * MOST_PARTS, encoding) == b"a" * MOST_PARTS
    with pytest.raises(Malformed, match="parts"):
        decompress(squeeze(b"") * 400_000, encoding)
