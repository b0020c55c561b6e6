# SPDX-License-Identifier: Apache-2.0
"""POST /api/v1/reports: a program files a report with its key. Answered only after it is committed.

{"text": …, "lon": …, "lat": …, "address": …, "category": …, "name": …, "phone": …, "email": …, "photos": [base64 …],
 "join": "2026-000123", "private": false, "emergency": false}         Idempotency-Key: the sender's own name for it
"""

from __future__ import annotations

import base64
import binascii

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from chengyun.access.policy import may
from chengyun.access.views import public
from chengyun.cases.intake import links
from chengyun.cases.intake.reporters import reporter_of
from chengyun.cases.intake.services import Filed, ReportIn, file_report
from chengyun.errors import Problem, Refused
from chengyun.web.api.serve import as_json, problem
from chengyun.web.problems import status_of

CONFLICTS = frozenset({"key_reused"})


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What is sent."""

    text: str
    lon: float | None = None
    lat: float | None = None
    address: str = ""
    category: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    photos: list[str] = []
    join: str = ""
    private: bool = False
    emergency: bool = False
    language: str = "zh-hans"


_decoder = msgspec.json.Decoder(Body)


@csrf_exempt
@public
def file(request: HttpRequest) -> HttpResponse:
    """File a report for the holder of a key."""
    if request.method != "POST":
        answer = problem(405, "method", "Only POST is possible here.")
        answer.headers["Allow"] = "POST"
        return answer
    # A session does not count: a foreign page could make a browser use it.
    actor = reporter_of(request.headers.get("Authorization", ""))
    if actor is None or not may(actor, "report.file"):
        answer = problem(
            401, "token", "A key with the scope `report` is needed. An administrator makes one with `chengyun token create`."
        )
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        filed = file_report(_read(request), actor, timezone.now())
    except msgspec.ValidationError as wrong:
        return problem(400, "body", f"The body is not a report: {wrong}.")
    except msgspec.DecodeError as wrong:
        return problem(400, "body", f"The body is no JSON: {wrong}.")
    except Problem as wrong:
        status = 409 if wrong.code in CONFLICTS else status_of(wrong)
        if status is None:
            raise
        return problem(status, wrong.code, wrong.sentence)
    return as_json(_told(filed, request), 200 if filed.again else 201)


def _read(request: HttpRequest) -> ReportIn:
    body = _decoder.decode(request.body)
    try:
        photos = tuple(base64.b64decode(one, validate=True) for one in body.photos)
    except binascii.Error as wrong:
        raise Refused("photos: an entry is no base64 text.", code="body") from wrong
    return ReportIn(
        channel="api", text=body.text, category=body.category, lon=body.lon, lat=body.lat, address=body.address, name=body.name,
        phone=body.phone, email=body.email, photos=photos, join=body.join, private=body.private, emergency=body.emergency,
        language="en" if body.language.startswith("en") else "zh-hans",
        idempotency_key=request.headers.get("Idempotency-Key", "")[:200],
    )  # fmt: skip


def _told(filed: Filed, request: HttpRequest) -> dict[str, object]:
    report = filed.report
    return {
        "number": report.number, "case": filed.case.number, "joined": filed.duplicate_of is not None, "again": filed.again,
        "area": report.area_code, "category": filed.case.category, "suggestion": report.suggestion or None,
        "similar": report.similar, "received_at": report.received_at,
        "link": links.link_of(report.number, report.link_salt, request.build_absolute_uri("/").rstrip("/")),
    }  # fmt: skip
