# SPDX-License-Identifier: Apache-2.0
"""/requests/new: first which dataset, then which fields and rows of it, what for and on what ground."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from chengyun.access.actors import actor_of
from chengyun.access.rulebook import Facts, rulebook
from chengyun.access.views import needs
from chengyun.errors import NotFound
from chengyun.share.requests import services, terms
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.requests.asked import TermsForm, read_asked, terms_form

SHARING = {"unconditional": "无条件共享", "conditional": "有条件共享", "none": "不予共享"}


@dataclass(frozen=True)
class NewPage:
    """facts: the dataset chosen; None: none yet. what_happens: how it will be answered, in words."""

    datasets: tuple[Choice, ...]
    facts: Facts | None
    provider: str
    sharing: str
    what_happens: str
    form: TermsForm | None
    basis: str
    note: str
    fault: Fault | None


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("request.apply")
def new(request: HttpRequest) -> HttpResponse:
    """Show the form; send the request, or keep it as a draft."""
    book = rulebook()
    chosen = request.GET.get("dataset", "")
    facts = book.datasets.get(chosen) if chosen else None
    if chosen and facts is None:
        raise NotFound(_("没有找到。"))
    fault = None
    if request.method == "POST" and facts is not None:
        made: list[str] = []

        def do() -> None:
            written = services.draft(actor_of(request), read_asked(facts.key, request.POST.dict()))
            made.append(written.number)
            if request.POST.get("keep") != "1":
                services.submit(actor_of(request), written.number)

        fault = attempt(request, "terms", do)
        if made:
            # The draft is kept even where it is not complete: what was typed is on its page, with what is missing.
            said = fault.sentence if fault else _("申请已提交。") if request.POST.get("keep") != "1" else _("草稿已保存。")
            return done(request, said, reverse("request", args=made))
    given = fault.given if fault else {}
    provider = terms.provider_of(facts) if facts else None
    page = NewPage(
        tuple(Choice(key, one.name, key == chosen) for key, one in book.datasets.items() if one.kind != "kernel"), facts,
        str(provider or (_("市城市运行中心") if facts else "")), _(SHARING[facts.sharing]) if facts else "",
        what_happens(facts) if facts else "", terms_form(facts.key, None, given) if facts else None, given.get("basis", ""),
        given.get("note", ""), fault,
    )  # fmt: skip
    return render(request, "requests/new.html", {"page": page}, status=fault.status if fault else 200)


def what_happens(facts: Facts) -> str:
    """Say how a request for a dataset is answered."""
    if facts.sharing == "none":
        return terms.unshared_because(facts)
    if facts.personal:
        return _("含个人信息：提供部门同意后，还须安全管理员复核；请只选确实需要的字段。")
    if facts.open:
        return _("向社会开放：提交后系统即时答复。")
    if facts.sharing == "unconditional":
        return _("无条件共享：提交后系统即时答复。")
    return _("有条件共享：提供部门在 %d 个工作日内答复。") % rulebook().requests.answer_days
