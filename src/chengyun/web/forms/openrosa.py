# SPDX-License-Identifier: Apache-2.0
"""The OpenRosa API, as ODK Collect speaks it: list of forms, form, manifest, submission. https://docs.getodk.org/openrosa/

Who collects signs in by HTTP Basic: the account's name, and one of the account's own keys for forms as the password.
"""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Callable
from typing import Any, BinaryIO, cast
from xml.sax.saxutils import escape

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from chengyun.access.actors import Actor, actor_of_account, collector_of
from chengyun.access.policy import may
from chengyun.access.views import public
from chengyun.collect.forms import queries, services, taskforms
from chengyun.collect.forms.models import FormVersion
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable

__all__ = ["form", "form_list", "manifest", "submission"]

LARGEST = 100 * 1024 * 1024
"""Bytes of one request with its photos; Collect sends the rest in further ones."""
MOST_FILES = 100

View = Callable[..., HttpResponseBase]


def _openrosa(view: View) -> View:
    """Ask who collects, and tell Problems in OpenRosa's words."""

    @functools.wraps(view)
    def asked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            request.collector = _collector(request)  # type: ignore[attr-defined]
            answer = view(request, *args, **kwargs)
        except Problem as problem:
            answer = _said(problem.sentence, _status(problem))
            if answer.status_code == 401:
                answer["WWW-Authenticate"] = 'Basic realm="chengyun forms", charset="UTF-8"'
            if answer.status_code == 503:
                answer["Retry-After"] = "5"
        answer["X-OpenRosa-Version"] = "1.0"
        answer["X-OpenRosa-Accept-Content-Length"] = str(LARGEST)
        answer["Date"] = http_date(timezone.now().timestamp())
        return answer

    return public(csrf_exempt(asked))


def _collector(request: HttpRequest) -> Actor:
    """Return who collects. Raises Refused: 401 without a key that works, 403 when the account may not fill in forms."""
    scheme, _space, rest = request.headers.get("Authorization", "").partition(" ")
    found = None
    if scheme.lower() == "basic":
        try:
            name, _colon, key = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = key = ""
        found = collector_of(name, key)
    if found is None:
        raise Refused(
            "Sign in with the account's name and one of its keys for forms (page 我的账号).", code="sign_in", status=401
        )
    actor = actor_of_account(found)
    if not may(actor, "form.fill"):
        raise Refused("This account may not fill in forms.", code="not_allowed", status=403)
    return actor


@_openrosa
@require_safe
def form_list(request: HttpRequest) -> HttpResponse:
    """List published forms, and each open task of whoever asks as a form of its own. `formID`: only this one."""
    rows = list(FormVersion.objects.filter(state="published").select_related("form").order_by("form_id"))
    found = [(row.form_id, row.title, row, row.digest, "") for row in rows]
    by_form = {row.form_id: row for row in rows}
    for task in queries.my_tasks(request.collector):  # type: ignore[attr-defined]
        if (row := by_form.get(task.form_id)) is not None:
            digest = taskforms.xform_of(row, task)[1]
            found.append((taskforms.id_of(task), f"{task.title} · {row.title}", row, digest, f"?task={task.pk}"))
    wanted = request.GET.get("formID")
    entries = "".join(
        f"<xform><formID>{escape(key)}</formID><name>{escape(name)}</name><version>{escape(row.version)}</version>"
        f"<hash>{digest}</hash><downloadUrl>{escape(_address(request, 'openrosa-form', row) + more)}</downloadUrl>"
        f"<manifestUrl>{escape(_address(request, 'openrosa-manifest', row))}</manifestUrl></xform>"
        for key, name, row, digest, more in found
        if not wanted or key == wanted
    )
    return _xml(f'<xforms xmlns="http://openrosa.org/xforms/xformsList">{entries}</xforms>')


@_openrosa
@require_safe
def form(request: HttpRequest, key: str, version: str) -> HttpResponse:
    """Return the XForm of a version that is or was published. `task`: filled in for this task of whoever asks."""
    known, wanted = _version(key, version), request.GET.get("task", "")
    if not wanted:
        return _xml(known.xform)
    task = next((it for it in queries.my_tasks(request.collector) if str(it.pk) == wanted), None)  # type: ignore[attr-defined]
    if task is None or task.form_id != known.form_id:
        raise NotFound(f"There is no open task {wanted[:20]!r} of yours for this form.")
    return _xml(taskforms.xform_of(known, task)[0])


@_openrosa
@require_safe
def manifest(request: HttpRequest, key: str, version: str) -> HttpResponse:
    """Return the files a form needs beside itself: none."""
    _version(key, version)
    return _xml('<manifest xmlns="http://openrosa.org/xforms/xformsManifest"></manifest>')


@_openrosa
@require_http_methods(["HEAD", "POST"])
def submission(request: HttpRequest) -> HttpResponse:
    """Take a submission, or say where to and how large."""
    if request.method == "HEAD":
        answer = HttpResponse(status=204)
        answer["Location"] = request.build_absolute_uri(reverse("openrosa-submission"))
        return answer
    if not (request.content_type or "").startswith("multipart/form-data"):
        raise Malformed("Send multipart/form-data with xml_submission_file, as OpenRosa asks.", code="not_multipart", status=415)
    files: dict[str, UploadedFile[Any]] = {}
    sent: UploadedFile[Any] | None = None
    for name in request.FILES:
        for one in request.FILES.getlist(name):
            if name == "xml_submission_file":
                sent = one
            else:
                files[one.name or name] = one
    if sent is None:
        raise Malformed("The part xml_submission_file is missing.", code="no_xml", status=400)
    if len(files) > MOST_FILES:
        raise Malformed(f"More than {MOST_FILES} files came at once. Send the rest with the next request.", status=413)
    task = request.GET.get("task", "")
    given = int(task) if task.isascii() and task.isdigit() and len(task) < 18 else None
    opened = {name: cast("BinaryIO", one.file) for name, one in files.items()}
    taken = services.take(sent.read(), opened, request.collector, task=given)  # type: ignore[attr-defined]
    said = "Received." if taken.new else "Received before; nothing is lost."
    return _said(said if taken.submission.complete else f"{said} Photos are still missing.", 201)


def _version(key: str, version: str) -> FormVersion:
    found = FormVersion.objects.filter(form_id=key, version=version).exclude(state="draft").first()
    if found is None:
        raise NotFound(f"There is no form {key[:64]!r} in version {version[:40]!r}.")
    return found


def _address(request: HttpRequest, name: str, row: FormVersion) -> str:
    return request.build_absolute_uri(reverse(name, args=[row.form_id, row.version]))


def _status(problem: Problem) -> int:
    match problem:
        case NotFound():
            return 404
        case Unavailable():
            return 503
        case Malformed():
            return int(str(problem.fields.get("status", 400)))
        case _:
            return int(str(problem.fields.get("status", 403)))


def _xml(text: str) -> HttpResponse:
    head = "" if text.startswith("<?xml") else '<?xml version="1.0" encoding="UTF-8"?>'
    return HttpResponse(head + text, content_type="text/xml; charset=utf-8")


def _said(sentence: str, status: int) -> HttpResponse:
    body = f'<OpenRosaResponse xmlns="http://openrosa.org/http/response"><message>{escape(sentence)}</message></OpenRosaResponse>'
    answer = _xml(body)
    answer.status_code = status
    return answer
