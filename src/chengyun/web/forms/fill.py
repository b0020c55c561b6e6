# SPDX-License-Identifier: Apache-2.0
"""Filling in forms in the browser, also without a network: the frame, what a device takes along, and what it sends back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.areas.queries import names_of
from chengyun.collect.forms import queries, services
from chengyun.collect.forms.models import FormVersion
from chengyun.errors import Malformed, NotFound, Problem, Refused, Unavailable
from chengyun.web.forms.fill_words import words
from chengyun.web.forms.submissions import label_of
from chengyun.web.offline.frame import Application, device_key, frame, manifest, worker

__all__ = ["fill_manifest", "fill_page", "fill_prefill", "fill_send", "fill_setup", "fill_worker", "fill_xform"]

APPLICATION = Application("fill", "/forms/fill/", "fill.js", lambda: _("表单填报"), words, compiles=True)
MOST_FILES = 100

fill_page = frame(APPLICATION)
fill_worker = worker(APPLICATION)
fill_manifest = manifest(APPLICATION)

View = Callable[..., HttpResponseBase]


def _told(view: View) -> View:
    """Tell Problems as JSON, to a script."""

    @functools.wraps(view)
    def asked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Problem as problem:
            answer = JsonResponse({"code": problem.code, "message": problem.sentence}, status=_status(problem))
            if answer.status_code == 503:
                answer.headers["Retry-After"] = "5"
            return answer

    return asked


def _status(problem: Problem) -> int:
    kinds = ((NotFound, 404), (Unavailable, 503), (Malformed, 400), (Refused, 403))
    return int(str(problem.fields.get("status", next((status for kind, status in kinds if isinstance(problem, kind)), 500))))


@require_safe
@never_cache
@needs("form.fill")
@_told
def fill_setup(request: HttpRequest) -> HttpResponse:
    """Tell who asks what to take along: the published forms, the tasks that wait, and what is needed to send."""
    actor = actor_of(request)
    forms = [one for one in queries.list_forms(actor) if one.version is not None]
    tasks = queries.my_tasks(actor)
    areas = names_of({one.area_code for one in tasks})
    return JsonResponse({
        "account": actor.account_id, "name": actor.name, "username": request.user.get_username(), "key": device_key(actor),
        "csrf": get_token(request), "now": timezone.now().isoformat(),
        "forms": [
            {"key": one.form.key, "title": one.version.title, "version": one.version.version, "digest": one.version.digest,
             "minutes": one.form.minutes}
            for one in forms if one.version is not None
        ],
        "tasks": [
            {"id": one.pk, "form": one.form_id, "title": one.title, "area": areas[one.area_code],
             "mine": one.person_id is not None, "due": one.due_at.isoformat() if one.due_at else None, "prefill": one.prefill}
            for one in tasks
        ],
    })  # fmt: skip


@require_safe
@never_cache
@needs("form.fill")
@_told
def fill_xform(_request: HttpRequest, key: str, version: str) -> HttpResponse:
    """Send the XForm of a version that is or was published."""
    found = FormVersion.objects.filter(form_id=key, version=version).exclude(state="draft").first()
    if found is None:
        raise NotFound(_("没有找到。"), code="form_gone")
    return HttpResponse(found.xform, content_type="text/xml; charset=utf-8")


@require_safe
@never_cache
@needs("form.fill")
@_told
def fill_prefill(request: HttpRequest, key: str) -> HttpResponse:
    """Tell what registers already know of a `subject`, once the person agreed (`consent=1`); before, what is to be agreed to."""
    version = FormVersion.objects.filter(form_id=key, state=FormVersion.State.PUBLISHED).first()
    subject = request.GET.get("subject", "").strip()[:200]
    if version is None or not subject or "\x00" in subject:
        raise NotFound(_("没有找到。"), code="form_gone")
    consents = request.GET.get("consent") == "1"
    try:
        found = services.prefilled(version, subject, request.GET.get("purpose", "")[:40], consents, actor_of(request))
    except Refused as refused:
        if refused.code != "consent_missing":
            raise
        asked = next(one for one in version.questions if one["path"] == services.consent_path(version))
        told = {"code": refused.code, "message": refused.sentence, "consent": label_of(asked["labels"], "")}
        return JsonResponse(told, status=409)
    return JsonResponse({"version": version.version, "subject": subject, "prefill": found})


@require_POST
@never_cache
@needs("form.fill")
@_told
def fill_send(request: HttpRequest) -> HttpResponse:
    """Take a submission, or some of its files; answer once they are durable.

    The body is OpenRosa's: `xml_submission_file`, and files under their names. `X-Account` says who filled it in: what one
    person left on a device is never sent in the name of the next. `task`: the task it answers.
    """
    actor = actor_of(request)
    if request.headers.get("X-Account") != str(actor.account_id):
        raise Refused(_("这份填报属于另一个账号，请由本人登录后发送。"), code="account_other", status=409)
    sent: UploadedFile[Any] | None = request.FILES.get("xml_submission_file")
    files = {name: one for name in request.FILES for one in request.FILES.getlist(name) if one is not sent}
    if sent is None or len(files) > MOST_FILES:
        raise Malformed(f"Send xml_submission_file and at most {MOST_FILES} files.", code="parts")
    task = request.GET.get("task", "")
    given = int(task) if task.isascii() and task.isdigit() and len(task) < 18 else None
    opened = {name: cast("BinaryIO", one.file) for name, one in files.items()}
    submission = services.take(sent.read(), opened, actor, task=given).submission
    here = dict(submission.photos.values_list("name", "sha256"))
    return JsonResponse({
        "instance": submission.instance, "complete": submission.complete, "files": here,
        "retired": submission.version.state == FormVersion.State.RETIRED, "faults": len(submission.faults),
    })  # fmt: skip
