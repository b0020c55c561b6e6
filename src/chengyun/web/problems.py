# SPDX-License-Identifier: Apache-2.0
"""How refusals and faults look to a person: one calm page, one sentence, the right status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chengyun.errors import Malformed, NotFound, Refused, Unavailable

FORBIDDEN_CODES = frozenset({"forbidden", "not_allowed"})
"""Codes of Refused that mean "not you" rather than "not like this"."""


@dataclass(frozen=True)
class ProblemPage:
    """status: the HTTP status. title, says: what it means. sentence: what exactly was refused, or empty."""

    status: int
    title: str
    says: str
    sentence: str


def status_of(problem: Exception) -> int | None:
    """Return the HTTP status of one of our errors, or None for a fault of the program."""
    match problem:
        case NotFound() | Http404():
            return 404
        case Refused(code="frequency"):
            return 429
        case Refused():
            return 403 if problem.code in FORBIDDEN_CODES else 400
        case Malformed():
            return 400
        case Unavailable():
            return 503
    return None


def problem_page(status: int, sentence: str = "") -> ProblemPage:
    """Return the page of a status, in the reader's language."""
    title, says = {
        400: (_("这个请求无法处理"), _("请求的内容不完整或不合规定。请返回检查后再试。")),
        403: (_("没有权限"), _("您的账号不能做这件事。需要时，请向本部门的管理员申请授权。")),
        404: (_("没有找到"), _("这里没有您要的内容，或者您看不到它。请检查地址是否写对。")),
        429: (_("读取次数已用完"), _("授权规定了每日的读取次数。请明日再读，或申请更高的频次。")),
        503: (_("暂时不可用"), _("有一部分程序暂时没有回应，数据没有丢失。请稍后再试。")),
    }[status]
    return ProblemPage(status, title, says, sentence)


def answer(request: HttpRequest, status: int, sentence: str = "", code: str = "") -> HttpResponse:
    """Return the answer for a refusal: JSON under /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return JsonResponse({"code": code or str(status), "message": sentence or problem_page(status).says}, status=status)
    return render(request, "error.html", {"problem": problem_page(status, sentence)}, status=status)


def problems(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: turn our errors into pages. A fault of the program goes on to Django's 500."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, wrong: Exception) -> HttpResponse | None:
        status = status_of(wrong)
        if status is None or isinstance(wrong, Http404):
            return None
        # What is absent and what is forbidden look the same: the sentence of a 404 stays inside.
        sentence = "" if status == 404 else str(getattr(wrong, "sentence", ""))
        return answer(request, status, sentence, getattr(wrong, "code", ""))

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 404)
