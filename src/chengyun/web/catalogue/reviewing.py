# SPDX-License-Identifier: Apache-2.0
"""What waits for review, and one change as a difference, with what may be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, signed_in
from chengyun.share.catalogue import dictionary, services
from chengyun.share.catalogue.models import ElementChange, Revision
from chengyun.share.catalogue.rights import may_review
from chengyun.share.catalogue.versions import Change, describe_changes
from chengyun.web.catalogue.words import Tab, tabs, waiting_for
from chengyun.web.desk.deeds import Fault, attempt, done

MOST = 100


@dataclass(frozen=True)
class ReviewsPage:
    tabs: tuple[Tab, ...]
    waiting: tuple[Revision, ...]
    elements: tuple[ElementChange, ...]
    own: tuple[Revision, ...]
    own_elements: tuple[ElementChange, ...]


@dataclass(frozen=True)
class RevisionPage:
    """may_review: whether the reader may let it through; own: whether it is theirs; left: whether they
    may set aside another's draft; going_on: they may edit it further."""

    tabs: tuple[Tab, ...]
    revision: Revision
    state: str
    changes: tuple[Change, ...]
    may_review: bool
    own: bool
    left: bool
    going_on: bool
    fault: Fault | None


@require_safe
@needs("desk.read")
def reviews(request: HttpRequest) -> HttpResponse:
    """Show what waits for the reader's review, and their own changes under way."""
    actor = actor_of(request)
    waiting = tuple(waiting_for(actor)[:MOST]) if may(actor, "catalogue.review") else ()
    own = Revision.objects.filter(author=actor.account_id, author__isnull=False).exclude(state=Revision.State.ACCEPTED)
    own_elements = ElementChange.objects.filter(author=actor.account_id, author__isnull=False)
    page = ReviewsPage(
        tabs(actor, "catalogue-reviews"), waiting, tuple(dictionary.waiting_for(actor)[:MOST]),
        tuple(own.select_related("resource").order_by("-made_at")[:MOST]),
        tuple(own_elements.exclude(state=ElementChange.State.ACCEPTED)[:MOST]),
    )  # fmt: skip
    return render(request, "catalogue/reviews.html", {"page": page})


@require_safe
@signed_in
def revision(request: HttpRequest, number: int) -> HttpResponse:
    """Show one change."""
    return _shown(request, number, None)


@require_POST
@signed_in
def act(request: HttpRequest, number: int, deed: str) -> HttpResponse:
    """Submit or take back one's own change."""
    actor = actor_of(request)
    services.access_revision(actor, number)
    submitting = deed == "submit"
    said = _("已提交，等待他人审核。") if submitting else _("已撤回。")
    fault = attempt(request, "act", lambda: services.submit(actor, number) if submitting else services.discard(actor, number))
    return _shown(request, number, fault) if fault else done(request, said, reverse("catalogue-revision", args=[number]))


@require_POST
@needs("catalogue.review")
def settle(request: HttpRequest, number: int, deed: str) -> HttpResponse:
    """Let a change through, or return it."""
    actor = actor_of(request)
    services.access_revision(actor, number)
    accept = deed == "accept"
    fault = attempt(request, "settle", lambda: services.review(actor, number, accept=accept, note=request.POST.get("note", "")))
    if fault:
        return _shown(request, number, fault)
    return done(request, _("已通过，成为新版本。") if accept else _("已退回。"), reverse("catalogue-reviews"))


def _shown(request: HttpRequest, number: int, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    one = services.access_revision(actor, number)
    own = one.author_id is not None and one.author_id == actor.account_id
    reviewer = may_review(actor, one.resource) and not own
    page = RevisionPage(
        tabs(actor, ""), one, str(one.get_state_display()), tuple(describe_changes(one)),
        reviewer and one.state == Revision.State.SUBMITTED, own, reviewer and one.state == Revision.State.DRAFT,
        services.unfinished(actor, one.resource) == one, fault,
    )  # fmt: skip
    return render(request, "catalogue/revision.html", {"page": page}, status=fault.status if fault else 200)
