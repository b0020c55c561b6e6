# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from chengyun.access import services
from chengyun.access.actors import SYSTEM
from chengyun.access.adapter import SecondFactorAdapter
from chengyun.access.middleware import SEEN
from chengyun.access.models import Account, AuditRecord, FirstSignIn
from chengyun.errors import NotFound, Refused

pytestmark = pytest.mark.django_db
GOOD = {"username": "wang", "name": "王小明", "password": "Tower-Bridge-1894", "again": "Tower-Bridge-1894"}


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def sign_in(client: Client, username: str, password: str) -> bool:
    client.post("/accounts/login/", {"login": username, "password": password})
    return "_auth_user_id" in client.session


def test_the_first_link_makes_the_administrator_once(client: Client) -> None:
    link = services.first_sign_in_link()
    assert link is not None
    assert client.get(link).status_code == 200
    answer = client.post(link, GOOD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    account = Account.objects.get(username="wang")
    assert set(account.assignments.values_list("role", flat=True)) == {"administrator", "duty_officer", "data_steward"}
    assert client.session["_auth_user_id"] == str(account.pk)
    assert Client().get(link).status_code == 404
    assert Client().post(link, GOOD | {"username": "other"}).status_code == 404
    assert services.first_sign_in_link() is None


def test_the_code_of_a_link_is_not_stored() -> None:
    code = (services.first_sign_in_link() or "").rsplit("/", 1)[1]
    assert len(code) >= 40
    assert code not in FirstSignIn.objects.get().digest


def test_a_new_link_ends_the_one_before_and_a_day_ends_both() -> None:
    before = (services.first_sign_in_link() or "").rsplit("/", 1)[1]
    code = (services.first_sign_in_link() or "").rsplit("/", 1)[1]
    with pytest.raises(NotFound):
        services.find_first_sign_in(before)
    services.find_first_sign_in(code, timezone.now() + dt.timedelta(hours=23))
    with pytest.raises(NotFound):
        services.find_first_sign_in(code, timezone.now() + dt.timedelta(hours=25))


@pytest.mark.parametrize("weak", ["Ab1", "alllowercase", "lower1234567", "Password1", "wangwang-A"])
def test_a_weak_password_leaves_the_link_unused(client: Client, weak: str) -> None:
    link = services.first_sign_in_link() or ""
    answer = client.post(link, GOOD | {"username": "wangwang", "password": weak, "again": weak})
    assert answer.status_code == 400
    assert not Account.objects.exists()
    assert client.post(link, GOOD).status_code == 302


def test_no_account_exists_before_the_link_is_used() -> None:
    services.ensure_organisations()
    services.first_sign_in_link()
    assert not Account.objects.exists()


def test_an_invited_colleague_chooses_a_password(client: Client, account_as: Callable[..., Account]) -> None:
    account = services.create_account(SYSTEM, "li", "李雷")
    assert not account.has_usable_password()
    link = services.invite(SYSTEM, account)
    client.post(link, {"password": GOOD["password"], "again": GOOD["password"]})
    client.post("/accounts/logout/")
    assert sign_in(client, "li", GOOD["password"])


def test_five_failures_lock_an_account_even_for_its_password(
    client: Client, account_as: Callable[..., Account], password: str
) -> None:
    account_as("handler", username="zhao")
    for _ in range(4):
        assert not sign_in(client, "zhao", "wrong")
    assert sign_in(client, "zhao", password)
    client.post("/accounts/logout/")
    for _ in range(5):
        assert not sign_in(client, "zhao", "wrong")
    cache.clear()  # as a restart would: the lock is in the database
    assert not sign_in(client, "zhao", password)
    assert AuditRecord.objects.filter(action="sign_in.failed", target="zhao").count() >= 5


def test_signing_in_and_out_is_recorded(client: Client, account_as: Callable[..., Account], password: str) -> None:
    account = account_as("handler", username="qian")
    assert sign_in(client, "qian", password)
    client.post("/accounts/logout/")
    deeds = AuditRecord.objects.filter(account_id=account.pk).order_by("id").values_list("action", flat=True)
    assert list(deeds) == ["sign_in", "sign_out"]


@pytest.mark.parametrize(
    ("role", "idle_min", "still_in"), [("administrator", 29, True), ("administrator", 31, False), ("handler", 31, True)]
)
def test_an_idle_session_ends(
    client: Client, account_as: Callable[..., Account], role: str, idle_min: int, still_in: bool
) -> None:
    client.force_login(account_as(role))
    session = client.session
    session[SEEN] = time.time() - idle_min * 60
    session.save()
    client.get("/accounts/2fa/")
    assert ("_auth_user_id" in client.session) is still_in


def test_strangers_cannot_register(client: Client) -> None:
    assert client.get("/accounts/signup/").status_code == 404


def test_second_factor_secrets_are_kept_encrypted() -> None:
    adapter = SecondFactorAdapter()
    kept = adapter.encrypt("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in kept
    assert adapter.decrypt(kept) == "JBSWY3DPEHPK3PXP"


def test_an_account_is_not_made_twice() -> None:
    services.create_account(SYSTEM, "li")
    with pytest.raises(Refused):
        services.create_account(SYSTEM, "li")


def test_a_browser_may_post_the_forms_before_signing_in() -> None:
    """With CSRF protection on, and the Origin a browser sends under the page's own referrer policy."""
    link = services.first_sign_in_link() or ""
    client = Client(enforce_csrf_checks=True, headers={"origin": "http://testserver"})
    page = client.get(link)
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert client.post(link, GOOD).status_code == 403
    assert client.post(link, GOOD | {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}).status_code == 302


def test_the_sign_in_page_says_what_was_wrong_and_keeps_the_way_back(
    client: Client, account_as: Callable[..., Account], password: str
) -> None:
    account_as("handler", username="zhou")
    page = client.get("/accounts/login/?next=/map").content.decode()
    assert 'value="/map"' in page
    wrong = client.post("/accounts/login/", {"login": "zhou", "password": "wrong", "next": "/map"})
    assert 'role="alert"' in wrong.content.decode()
    right = client.post("/accounts/login/", {"login": "zhou", "password": password, "next": "/map"})
    assert right.headers["Location"] == "/map"
    assert client.get("/accounts/logout/").status_code == 200


def test_a_way_back_never_leads_to_another_site(client: Client, account_as: Callable[..., Account], password: str) -> None:
    account_as("handler", username="zhou")
    answer = client.post("/accounts/login/", {"login": "zhou", "password": password, "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"


def test_one_time_codes_are_asked_for_once_switched_on(client: Client, account_as: Callable[..., Account], password: str) -> None:
    account = account_as("administrator", username="zhou")
    secret = generate_totp_secret()
    TOTP.activate(account, secret)
    assert not sign_in(client, "zhou", password)
    counter = next(iter(yield_hotp_counters_from_time()))
    client.post("/accounts/2fa/authenticate/", {"code": format_hotp_value(hotp_value(secret, counter))})
    assert "_auth_user_id" in client.session
