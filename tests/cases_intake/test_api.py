# SPDX-License-Identifier: Apache-2.0
"""A program files a report with its key, and is told what became of it."""

from __future__ import annotations

import base64
import json

import pytest

from chengyun.access.services import issue_token
from chengyun.cases.intake.models import Photo, Report

from .conftest import HAISHU, LITTER, picture

pytestmark = pytest.mark.django_db
BODY = {"text": "路灯不亮", "lon": HAISHU[0], "lat": HAISHU[1], "category": LITTER}


@pytest.fixture
def send(city, client):
    key = issue_token(["report"])

    def post(body, raw=None, **headers):
        given = {"Authorization": f"Bearer {raw or key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(
            "/api/v1/reports", body if isinstance(body, bytes) else json.dumps(body), "application/json", headers=given
        )

    return post


def test_a_report_is_filed_and_its_link_opens(send, client):
    answer = send(BODY | {"photos": [base64.b64encode(picture()).decode()]}, Idempotency_Key="a")
    told = answer.json()
    assert (answer.status_code, told["joined"], told["area"], told["category"]) == (201, False, "330203", LITTER)
    assert client.get(told["link"].removeprefix("http://testserver")).status_code == 200
    assert Photo.objects.count() == 1


def test_a_resend_is_told_the_same_and_another_report_under_the_key_is_refused(send):
    first, again = send(BODY, Idempotency_Key="a"), send(BODY, Idempotency_Key="a")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["number"] == again.json()["number"]
    assert send(BODY | {"text": "井盖没了"}, Idempotency_Key="a").status_code == 409
    assert Report.objects.count() == 1


def test_the_same_problem_a_moment_later_joins(send):
    first, second = send(BODY, Idempotency_Key="a").json(), send(BODY, Idempotency_Key="b").json()
    assert (second["joined"], second["case"]) == (True, first["case"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "no JSON"), (BODY | {"colour": 1}, "colour"), ({"lon": 1}, "text"), (BODY | {"lon": "east"}, "lon"),
        (BODY | {"photos": ["%%"]}, "base64"), (BODY | {"lon": 2.3, "lat": 48.8}, "不在本市"), ([], "object"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_with_the_reason(send, body, says):
    answer = send(body)
    assert answer.status_code == 400
    assert says in answer.json()["message"]
    assert not Report.objects.exists()


def test_no_key_or_one_for_something_else_files_nothing(send, client):
    assert client.post("/api/v1/reports", json.dumps(BODY), "application/json").status_code == 401
    assert send(BODY, raw=issue_token(["read"])).status_code == 401
    assert client.get("/api/v1/reports").status_code == 405
