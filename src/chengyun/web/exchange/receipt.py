# SPDX-License-Identifier: Apache-2.0
"""One receipt: what it says, and its proof in words; and the file with which anybody checks it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.rulebook import rulebook
from chengyun.access.views import needs
from chengyun.errors import NotFound
from chengyun.share.exchange import receipts
from chengyun.share.exchange.models import Receipt
from chengyun.share.ledger import verifier

__all__ = ["readable", "receipt", "receipt_file"]

SEES_ALL = frozenset({"data_steward", "auditor", "administrator", "leader"})


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was checked. holds: None: there is nothing to check yet."""

    holds: bool | None
    says: str


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """told: the receipt's words. purpose: as people read it."""

    row: Receipt
    told: dict[str, Any]
    dataset: str
    purpose: str
    proofs: tuple[Proof, ...]


def readable(actor: Actor) -> QuerySet[Receipt]:
    """Return the receipts somebody may see: all, or those of the own body."""
    if actor.roles & SEES_ALL:
        return Receipt.objects.all()
    return Receipt.objects.filter(consumer__in={body for post in actor.posts for body in post.bodies})


@require_safe
@needs("exchange.read")
def receipt(request: HttpRequest, number: uuid.UUID) -> HttpResponse:
    """Show a receipt and check it now."""
    row = _access(request, number)
    file = receipts.bundle(str(number))
    book = rulebook()
    told = receipts.parse(_entry(file))
    page = ReceiptPage(
        row, told, _(book.datasets[row.dataset].name) if row.dataset in book.datasets else row.dataset,
        _(book.purposes[row.purpose]) if row.purpose in book.purposes else row.purpose, _proofs(file, row),
    )  # fmt: skip
    return render(request, "exchange/receipt.html", {"page": page})


@require_safe
@needs("exchange.read")
def receipt_file(request: HttpRequest, number: uuid.UUID) -> HttpResponse:
    """Return the file for `chengyun verify`."""
    _access(request, number)
    answer = HttpResponse(receipts.bundle(str(number)), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="receipt-{number}.json"'
    return answer


def _access(request: HttpRequest, number: uuid.UUID) -> Receipt:
    row = readable(actor_of(request)).filter(number=number).first()
    if row is None:
        raise NotFound(_("没有找到。"))
    return row


def _entry(file: bytes) -> bytes:
    import json

    return verifier.canonical(json.loads(file)["entry"])


def _proofs(file: bytes, row: Receipt) -> tuple[Proof, ...]:
    try:
        done = verifier.verify(file)
    except (verifier.Wrong, verifier.NoReceipt) as wrong:
        return (Proof(False, _("凭证核验未通过：%(why)s") % {"why": wrong}),)
    import json

    inclusion = json.loads(file)["inclusion"]
    countersigned = (
        Proof(True, _("使用方已用其公钥回签，确认收到。")) if row.countersigned_at
        else Proof(False, _("使用方声明未收到本次数据。")) if row.disclaimed_at
        else Proof(None, _("使用方尚未回签。"))
    )  # fmt: skip
    place = {"index": inclusion["index"], "size": inclusion["size"]}
    return (
        Proof(True, _("提供方用公钥 %(key)s 签名，内容未被改动。") % {"key": done.receipt["provider_key"]}),
        Proof(True, _("在交换日志中排第 %(index)s 条，日志共 %(size)s 条，包含证明成立。") % place),
        Proof(True, _("签发凭证时的日志（%(size)s 条）是现在日志的开头，此后未被改写。") % done.receipt["previous"]),
        countersigned,
    )
