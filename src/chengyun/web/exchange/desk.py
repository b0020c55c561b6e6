# SPDX-License-Identifier: Apache-2.0
"""The exchange at a glance: neighbours, requests between nodes, what is followed and kept, the newest receipts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Organisation
from chengyun.access.rulebook import rulebook
from chengyun.access.successions import believed
from chengyun.access.views import needs
from chengyun.share.exchange import receipts
from chengyun.share.exchange.models import Receipt, Subscription
from chengyun.share.federation.models import Asking, Mirror, Neighbour
from chengyun.share.requests import rights
from chengyun.web import sentences
from chengyun.web.exchange import keys
from chengyun.web.exchange.receipt import readable

__all__ = ["desk"]

SHOWN = 30
MOST_COUNTED = 10_000
"""Exchanges of the day, the newest first: a busy city has millions."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key a neighbour is known by. since: when it came after another; until: how long it is still believed; None: pinned."""

    thumbprint: str
    since: dt.datetime | None
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class NeighbourLine:
    """status: ok, stale (paused) or bad (it does not answer). keys: that are believed, those in use first."""

    title: str
    name: str
    status: str
    says: str
    seen_at: dt.datetime | None
    harvested_at: dt.datetime | None
    offered: int
    waiting: int
    keys: tuple[KeyLine, ...]


@dataclass(frozen=True, slots=True)
class AskingLine:
    """request: its number here, where it is answered, for who may see it there; "" otherwise. reason: in the page's language."""

    row: Asking
    dataset: str
    purpose: str
    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class MirrorLine:
    """reason: why it could not be drawn the last time, "" where it could.

    compared: what the last comparison with its source found, "" for none yet. unchecked: why there was none since.

    status: ok, partial (mended) or bad (being mended).
    """

    row: Mirror
    reason: str
    compared: str
    status: str
    unchecked: str


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    row: Receipt
    dataset: str
    consumer: str
    way: str


@dataclass(frozen=True, slots=True)
class DeskPage:
    """today: exchanges of this local day so far; open: those of them whose receipt is not countersigned yet.

    administers: whether they see the keys of bodies.
    """

    neighbours: tuple[NeighbourLine, ...]
    askings: tuple[AskingLine, ...]
    mirrors: tuple[MirrorLine, ...]
    subscriptions: tuple[Subscription, ...]
    receipts: tuple[ReceiptLine, ...]
    open: str
    today: str
    administers: bool
    as_of: dt.datetime


@require_safe
@needs("exchange.read")
def desk(request: HttpRequest) -> HttpResponse:
    """Show how the exchange stands."""
    return render(request, "exchange/desk.html", {"page": _page(actor_of(request))})


def _page(actor: Actor) -> DeskPage:
    book = rulebook()
    names = dict(Organisation.objects.values_list("key", "name"))
    ways = {
        "api": _("接口"), "changes": _("增量"), "file": _("批量文件"), "subscription": _("订阅"), "push": _("库表推送"),
    }  # fmt: skip

    def named(dataset: str) -> str:
        return _(book.datasets[dataset].name) if dataset in book.datasets else dataset

    mine = readable(actor)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    newest = mine.filter(number__gte=receipts.first_number(midnight), at__gte=midnight)[: MOST_COUNTED + 1]
    counts = newest.aggregate(today=Count("pk"), open=Count("pk", filter=Q(countersigned_at=None, disclaimed_at=None)))
    counted = Neighbour.objects.annotate(
        shown=Count("offered", filter=Q(offered__gone_at=None), distinct=True),
        waits=Count("sent", filter=Q(sent__taken_at=None), distinct=True),
    )
    return DeskPage(
        neighbours=tuple(_neighbour(one, one.shown, one.waits) for one in counted),
        askings=tuple(
            AskingLine(
                one, named(one.dataset), _(book.purposes.get(one.purpose, one.purpose)),
                one.request.number if one.request is not None and rights.sees(actor, one.request) else "",
                sentences.said(one.reason),
            )
            for one in Asking.objects.select_related("neighbour", "request__organisation", "request__provider")[:SHOWN]
        ),
        mirrors=tuple(_mirror(one) for one in Mirror.objects.select_related("neighbour")),
        subscriptions=tuple(Subscription.objects.filter(ended_at=None).select_related("party__organisation")[:SHOWN]),
        receipts=tuple(
            ReceiptLine(one, named(one.dataset), names.get(one.consumer, one.consumer), ways.get(one.way, one.way))
            for one in mine[:SHOWN]
        ),
        open=_up_to(counts["open"], counts["today"]),
        today=_up_to(counts["today"], counts["today"]),
        administers=keys.administers(actor),
        as_of=timezone.now(),
    )  # fmt: skip


def _up_to(found: int, looked_at: int) -> str:
    """Return a number for the page, with a plus where the count ended before the day did."""
    return f"{min(found, MOST_COUNTED)}{'+' if looked_at > MOST_COUNTED else ''}"


def _mirror(one: Mirror) -> MirrorLine:
    if one.checked_at is None:
        compared, status = "", ""
    elif not one.differing:
        compared, status = _("与来源一致"), "ok"
    elif one.redraw:
        compared, status = _("与来源不一致的行段：%d，正在重读") % one.differing, "bad"
    else:
        compared, status = _("与来源不一致的行段：%d，已重读") % one.differing, "partial"
    words = {**dict(Mirror.Unchecked.choices), **dict(Mirror.Fault.choices)}
    return MirrorLine(
        one, str(words.get(one.reason, one.reason)), compared, status, str(words.get(one.unchecked, one.unchecked))
    )  # fmt: skip


def _neighbour(one: Neighbour, offered: int, waiting: int) -> NeighbourLine:
    if not one.active:
        status, says = "stale", _("已停用")
    elif one.failing_since:
        status, says = "bad", _("未应答")
    else:
        status, says = ("ok", _("正常")) if one.seen_at else ("partial", _("尚未联系"))
    return NeighbourLine(str(one), one.name, status, says, one.seen_at, one.harvested_at, offered, waiting, _keys(one))


def _keys(one: Neighbour) -> tuple[KeyLine, ...]:
    def moment(word: str | None) -> dt.datetime | None:
        return dt.datetime.fromisoformat(word) if word else None

    found = believed(one.keys, timezone.now())
    lines = [KeyLine(name, moment(jwk.get("since")), moment(jwk.get("until"))) for name, jwk in sorted(found.items())]
    return tuple(sorted(lines, key=lambda it: it.until is not None))
