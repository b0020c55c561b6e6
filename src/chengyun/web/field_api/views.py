# SPDX-License-Identifier: Apache-2.0
"""Devices, synchronisation, photos. Devices come with their own key and no cookie, so weeks without network do not matter."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Account
from chengyun.access.views import needs, public
from chengyun.cases.field import devices as enrolled
from chengyun.cases.field import operations, queries, services, uploads
from chengyun.cases.field.models import Device
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable

PIECE = 1024 * 1024
BODY = 2 * 1024 * 1024
STATUS = {
    "device_unknown": 401, "device_revoked": 401, "device_expired": 401, "not_allowed": 403, "offset": 409, "size": 413,
    "hash": 422,
}  # fmt: skip

DeviceView = Callable[..., HttpResponse]


class Exact(DjangoJSONEncoder):
    """Instants keep their microseconds: a device hands them back, and clocks are compared by them."""

    def default(self, value: object) -> Any:
        return value.isoformat() if hasattr(value, "isoformat") else super().default(value)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("field.work")
def devices(request: HttpRequest) -> HttpResponse:
    """List one's own devices, or enrol this one."""
    actor = actor_of(request)
    if request.method != "POST":
        account = Account.objects.filter(pk=actor.account_id or 0).first()
        rows = enrolled.own(account) if account else Device.objects.none()
        return _json({"devices": [_said(one) for one in rows]})
    try:
        given = json.loads(request.body or b"{}")
        name = given["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _problem(400, "unreadable", 'Send {"name": "…"}, e.g. the name of the phone.')
    try:
        device, raw = enrolled.enrol(actor, str(name), timezone.now())
    except Refused as refused:
        return _problem(STATUS.get(refused.code, 400), refused.code, refused.sentence)
    told = {"device": device.key, "token": raw, "account": device.account_id, "person": actor.name, "roles": sorted(actor.roles)}
    return _json(told, 201)


@require_POST
@needs("field.work")
def revoke(request: HttpRequest, key: str) -> HttpResponse:
    """Shut a device out."""
    enrolled.revoke(actor_of(request), key, timezone.now())
    return _json({"revoked": key})


def by_device(view: DeviceView) -> Callable[..., HttpResponseBase]:
    """Ask which device comes, and tell refusals as JSON. No foreign page can make a browser send a key in a header."""

    def asked(request: HttpRequest, /, **path: Any) -> HttpResponse:
        try:
            device, actor = enrolled.device_of(request.headers.get("Authorization", "").removeprefix("Bearer ").strip())
            return view(request, device, actor, **path)
        except NotFound:
            return _problem(404, "not_found", "There is nothing here, or this person may not see it.")
        except Refused as refused:
            answer = _problem(STATUS.get(refused.code, 400), refused.code, refused.sentence, **_named(refused))
            if answer.status_code == 401:
                answer["WWW-Authenticate"] = "Bearer"
            return answer
        except Malformed as wrong:
            return _problem(400, wrong.code, wrong.sentence)
        except Unavailable as away:
            answer = _problem(503, away.code, away.sentence)
            answer["Retry-After"] = "10"
            return answer

    functools.update_wrapper(asked, view)
    return csrf_exempt(public(asked))


@by_device
def sync(request: HttpRequest, device: Device, actor: Actor) -> HttpResponse:
    """Take what a device did, tell it what happened. Answered when everything is committed."""
    if request.method != "POST":
        return _not_possible("POST")
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY:
        return _problem(413, "size", f"The request is larger than {BODY // 1024} KiB. Send fewer operations at once.")
    told = services.sync(device, actor, operations.read_sync(request.body), timezone.now())
    return _json(told | {"server_sent": timezone.now()})


@by_device
def photo(request: HttpRequest, device: Device, actor: Actor, sha: str) -> HttpResponse:
    """HEAD: how far a photo is. PUT: the next piece. GET: a photo of a case this person may see."""
    if request.method == "HEAD":
        held = uploads.upload_of(device.account_id, sha)
        if held is None:
            return HttpResponse(status=404)
        return _far(HttpResponse(), held.offset, held.length, complete=held.complete)
    if request.method == "GET":
        path, kind = queries.photo_of(sha, actor)
        answer = HttpResponse(path.read_bytes(), content_type=kind)
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return answer
    if request.method != "PUT":
        return _not_possible("GET, HEAD, PUT")
    if len(request.body) > PIECE:
        return _problem(413, "size", f"A piece is at most {PIECE // 1024} KiB.")
    at, length = _number(request, "Upload-Offset"), _number(request, "Upload-Length")
    held = uploads.receive(actor, sha, at, length, request.body, queries.place_of(request.headers), timezone.now())
    if not held.complete and held.offset == 0 and request.body:
        return _problem(422, "hash", "The content is not what its name says. Send it anew from the start.")
    return _far(_json({"offset": held.offset, "complete": held.complete}), held.offset, held.length, complete=held.complete)


def _said(device: Device) -> dict[str, Any]:
    return {
        "device": device.key, "name": device.name, "enrolled_at": device.enrolled_at, "seen_at": device.seen_at,
        "expires_at": device.token.expires_at, "clock_offset_ms": device.offset_ms,
    }  # fmt: skip


def _far(answer: HttpResponse, offset: int, length: int, *, complete: bool) -> HttpResponse:
    answer["Upload-Offset"], answer["Upload-Length"] = str(offset), str(length)
    answer["Upload-Complete"] = "?1" if complete else "?0"
    return answer


def _number(request: HttpRequest, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit()):
        raise Malformed(f"{name} is {text[:20]!r}, expected a whole number of bytes.", code="header")
    return int(text)


def _named(refused: Problem) -> dict[str, object]:
    return {"offset": refused.fields["offset"]} if "offset" in refused.fields else {}


def _not_possible(allowed: str) -> HttpResponse:
    answer = _problem(405, "method", f"Only {allowed} is possible here.")
    answer["Allow"] = allowed
    return answer


def _json(told: object, status: int = 200) -> HttpResponse:
    body = json.dumps(told, cls=Exact, ensure_ascii=False, allow_nan=False)
    return HttpResponse(body, content_type="application/json", status=status)


def _problem(status: int, code: str, message: str, **more: object) -> HttpResponse:
    return _json({"code": code, "message": message, **more}, status)
