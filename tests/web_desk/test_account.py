# SPDX-License-Identifier: Apache-2.0
"""One's own account: keys shown once, revoked at once; sign-in and its lock; who sees status and audit."""

from __future__ import annotations

import re

from django.test import Client

from chengyun.lake.models import Stream

PASSWORD = "Tower-Bridge-1894"


def test_a_key_is_shown_once_reads_and_is_revoked(signed_in):
    duty = signed_in("duty", "duty_officer")
    made = duty.post("/accounts/keys", {"name": "我的程序", "days": "30"}).content.decode()
    key = re.search(r"data-new-key>(cy_\w{6}_[^<]+)<", made)[1]
    later = duty.get("/accounts/").content.decode()
    assert key not in later
    assert key[:9] in later
    bearer = {"Authorization": f"Bearer {key}"}
    assert Client().get("/api/v1/datasets", headers=bearer).status_code == 200
    assert duty.post(f"/accounts/keys/{key[:9]}/revoke").status_code == 303
    assert Client().get("/api/v1/datasets", headers=bearer).status_code == 401


def test_a_key_needs_a_use_and_a_term(signed_in):
    duty = signed_in("duty", "duty_officer")
    for given in ({"name": "", "days": "30"}, {"name": "x", "days": "36500"}, {"name": "x"}):
        assert duty.post("/accounts/keys", given).status_code == 400


def test_nobody_revokes_the_key_of_another(signed_in):
    duty, other = signed_in("duty", "duty_officer"), signed_in("other", "duty_officer")
    made = duty.post("/accounts/keys", {"name": "x", "days": "30"}).content.decode()
    prefix = re.search(r"data-new-key>(cy_\w{6})", made)[1]
    assert other.post(f"/accounts/keys/{prefix}/revoke").status_code == 404
    assert prefix in duty.get("/accounts/").content.decode()


def test_a_key_reads_no_more_than_an_integrator(signed_in, alert):
    hidden = alert(dataset="air_quality.nowhere")
    duty = signed_in("duty", "duty_officer")
    assert duty.get(f"/api/v1/alerts/{hidden.pk}").status_code == 200
    made = duty.post("/accounts/keys", {"name": "x", "days": "30"}).content.decode()
    key = re.search(r"data-new-key>([^<]+)<", made)[1]
    assert Client().get(f"/api/v1/alerts/{hidden.pk}", headers={"Authorization": f"Bearer {key}"}).status_code == 404


def test_signing_in_by_the_form_and_the_lock_after_five_failures(person, client):
    person("duty", "duty_officer")
    page = client.get("/accounts/login/?next=/desk").content.decode()
    assert 'name="login"' in page
    assert 'class="bar"' in page, "in the look of every page"
    good = Client().post("/accounts/login/", {"login": "duty", "password": PASSWORD, "next": "/desk"})
    assert (good.status_code, good.headers["Location"]) == (302, "/desk")
    for _ in range(5):
        client.post("/accounts/login/", {"login": "duty", "password": "wrong"})
    locked = client.post("/accounts/login/", {"login": "duty", "password": PASSWORD})
    assert locked.status_code == 200
    assert 'role="alert"' in locked.content.decode()
    assert "_auth_user_id" not in client.session


def test_status_and_audit_are_for_those_who_may(signed_in, client):
    administrator, handler = signed_in("root", "administrator"), signed_in("hand", "handler", "environment_330203")
    assert administrator.get("/status").status_code == 200
    assert "站点小时值" in administrator.get("/status").content.decode()
    assert client.get("/status").status_code == 302
    assert handler.get("/audit").status_code == 404
    administrator.get("/audit")
    seen = administrator.get("/audit?dataset=audit").content.decode()
    assert "root" in seen, "looking at the log is in the log"
    assert '<span class="note">市城市运行中心</span>' in seen, "a body by its name"
    assert '<td title="read">查看</td>' in seen, "a deed in words, its code at hand"
    assert "sign_in" not in administrator.get("/audit?action=查看").content.decode(), "found by its words"
    assert '<td title="read">查看</td>' in administrator.get("/audit?action=read").content.decode(), "and by its code"


def test_status_says_why_rows_are_not_sealed(signed_in):
    Stream.objects.filter(stream="air_quality.station_hour").update(sealing_fault="The object store cannot be reached.")
    page = signed_in("root", "administrator").get("/status").content.decode()
    assert "归档受阻" in page
    assert "The object store cannot be reached." in page


def test_pages_of_the_account_wear_the_look(signed_in):
    duty = signed_in("duty", "duty_officer")
    for address in ("/accounts/", "/accounts/password/change/", "/accounts/2fa/", "/accounts/logout/"):
        answer = duty.get(address)
        assert answer.status_code == 200
        assert 'class="bar"' in answer.content.decode()
