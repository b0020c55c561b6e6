# SPDX-License-Identifier: Apache-2.0
"""What a steward does with sources on their pages: make, change, try, start, pause, decide, remove."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any, get_args

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.collect.pull import services
from chengyun.collect.pull.queries import access_source
from chengyun.errors import NotFound, Refused, Unavailable
from chengyun.web import sentences
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.sources import forms
from chengyun.web.sources.changing import changed, typed
from chengyun.web.sources.pages import show

TEST_WITHIN_S = 45

log = logging.getLogger(__name__)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("source.manage")
def new(request: HttpRequest) -> HttpResponse:
    """Ask for a source, and make it, paused until it was tried."""
    if request.method != "POST":
        given = {name: request.GET.get(name, "").replace("\x00", "") for name in request.GET}
        return render(request, "sources/new.html", {"page": forms.form_page(given), "fault": None})
    given = {name: str(request.POST.get(name, "")) for name in request.POST}
    keys: list[str] = []

    def do() -> None:
        made = services.add(actor_of(request), forms.read_form(given), forms.read_credentials(given), active=False)
        keys.append(made.key)

    fault = attempt(request, "new", do)
    if fault:
        secret = ("password", "secret", "private_key")
        shown = {name: "" if name in secret else value for name, value in given.items()}
        return render(request, "sources/new.html", {"page": forms.form_page(shown), "fault": fault}, status=fault.status)
    return done(request, _("数据源已建立，尚未启用。先试读一次，再启用。"), reverse("source", args=keys))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("source.manage")
def change(request: HttpRequest, key: str) -> HttpResponse:
    """Show what a source is as a form, and change it."""
    source = access_source(actor_of(request), key)
    if source.pack:
        raise Refused(_("这个数据源由应用包声明，请在应用包中修改。"), code="declared")
    if request.method != "POST":
        return render(request, "sources/new.html", {"page": forms.form_page(typed(source.spec), key), "fault": None})
    given = {name: str(request.POST.get(name, "")) for name in request.POST}
    fault = attempt(request, "new", lambda: services.change(actor_of(request), key, changed(source.spec, given)))
    if fault:
        page = forms.form_page({**given, "kind": source.kind, "to": typed(source.spec)["to"]}, key)
        return render(request, "sources/new.html", {"page": page, "fault": fault}, status=fault.status)
    return done(request, _("已保存。"), reverse("source", args=[key]))


@require_POST
@needs("source.manage")
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change what a source is, as JSON."""
    _there(request, key)
    fault = attempt(
        request, "edit", lambda: services.change(actor_of(request), key, _object(forms.read_json(request.POST.get("spec", ""))))
    )
    return _after(request, key, fault, _("已保存。"))


@require_POST
@needs("source.manage")
def test(request: HttpRequest, key: str) -> HttpResponse:
    """Read the beginning of a source and show what would become of its rows.

    In a process of its own: drivers and readers are large, a database may hang, and pages must not.
    """
    _there(request, key)
    found: dict[str, Any] = {}
    fault = attempt(request, "test", lambda: found.update(_tested(key)))
    return show(request, key, fault=fault, tested=found or None)


@require_POST
@needs("source.manage")
def run(request: HttpRequest, key: str) -> HttpResponse:
    """Queue a run at once."""
    from chengyun.collect.pull.tasks import queue_now  # procrastinate's application, which only this deed needs

    source = access_source(actor_of(request), key)
    queued = queue_now(source, str(actor_of(request).name))
    return done(request, _("已排队，片刻后开始。") if queued else _("已经有一次运行在排队。"), reverse("source", args=[key]))


@require_POST
@needs("source.manage")
def pause(request: HttpRequest, key: str) -> HttpResponse:
    """Read it no more."""
    _there(request, key)
    return _after(request, key, attempt(request, "state", lambda: services.pause(actor_of(request), key)), _("已暂停。"))


@require_POST
@needs("source.manage")
def resume(request: HttpRequest, key: str) -> HttpResponse:
    """Read it again."""
    _there(request, key)
    return _after(request, key, attempt(request, "state", lambda: services.resume(actor_of(request), key)), _("已启用。"))


@require_POST
@needs("source.manage")
def remove(request: HttpRequest, key: str) -> HttpResponse:
    """Forget it; what it brought stays."""
    _there(request, key)

    def do() -> None:
        if request.POST.get("confirm", "").strip() != key:
            raise Refused(_("请输入编码 %s 以确认删除。") % key, code="confirm")
        services.remove(actor_of(request), key)

    fault = attempt(request, "remove", do)
    return show(request, key, fault=fault) if fault else done(request, _("已删除；已入库的数据保留。"), reverse("sources"))


@require_POST
@needs("source.manage")
def credentials(request: HttpRequest, key: str) -> HttpResponse:
    """Keep new credentials."""
    _there(request, key)
    given = {name: str(request.POST.get(name, "")) for name in request.POST}
    fault = attempt(
        request, "credentials", lambda: services.set_credentials(actor_of(request), key, forms.read_credentials(given))
    )
    # What was typed is a secret: it is not given back, also when it was refused.
    return _after(request, key, Fault(fault.form, fault.sentence, fault.status) if fault else None, _("凭据已加密保存。"))


@require_POST
@needs("source.manage")
def decide(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Decide what a change means."""
    source = access_source(actor_of(request), key)
    if not source.drifts.filter(pk=number).exists():
        raise NotFound(_("没有找到。"), dataset="sources")
    decision: Any = request.POST.get("decision", "")

    def do() -> None:
        if decision not in get_args(services.Decision):
            raise Refused(_("请选择一个决定。"), code="decision")
        services.decide(actor_of(request), number, decision)

    return _after(request, key, attempt(request, "decide", do), _("已记下决定。"))


def _tested(key: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "chengyun.cli", "source", "test", key, "--json"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=TEST_WITHIN_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise Unavailable(_("试读在 %d 秒内没有结束。") % TEST_WITHIN_S) from late
    if told.returncode and not told.stdout:
        # A file that could not be read has its own in the log, and the others are shown.
        if "Traceback" in told.stderr:
            log.error("the test of source %s broke: %s", key, told.stderr)
            raise Unavailable(_("试读出了错，原因在页面进程的日志里。"))
        last = (told.stderr.strip().splitlines() or [_("试读没有成功。")])[-1]
        raise Refused(sentences.said(last), code="test")
    found: dict[str, Any] = json.loads(told.stdout.strip().splitlines()[-1])
    return found


def _there(request: HttpRequest, key: str) -> None:
    access_source(actor_of(request), key)


def _after(request: HttpRequest, key: str, fault: Fault | None, sentence: str) -> HttpResponse:
    return show(request, key, fault=fault) if fault else done(request, sentence, reverse("source", args=[key]))


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Refused(_("声明是一个 JSON 对象，写在花括号里。"), code="json")
    return found
