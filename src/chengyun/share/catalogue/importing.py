# SPDX-License-Identifier: Apache-2.0
"""A spreadsheet becomes changes that wait for review: all of its rows, or none and every fault with its cell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.models import Organisation
from chengyun.access.policy import require
from chengyun.errors import NotFound, Refused
from chengyun.share.catalogue import services
from chengyun.share.catalogue.models import Provider, Resource
from chengyun.share.catalogue.rules import Fault, uscc_fault
from chengyun.share.catalogue.sight import access_resource
from chengyun.share.catalogue.workbook import ITEMS, MOST_FAULTS, RESOURCES, CellFault, SheetRow, read_workbook

EMPTY: Mapping[str, Any] = {
    "class_code": "", "name": "", "name_en": "", "summary": "", "formats": [], "secret": False, "condition": "", "ways": [],
    "basis": "", "open": False, "open_condition": "", "published_on": None, "related": [], "keywords": [], "personal": False,
    "contact": "", "url": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows became changes, how many said nothing new; or the faults, and then nothing was written."""

    registered: int
    changed: int
    unchanged: int
    faults: tuple[CellFault, ...] = ()


class _Faulty(Exception):
    """Rolls back what was written before the last fault was known."""


def import_workbook(actor: Actor, data: bytes, now: dt.datetime | None = None) -> Imported:
    """Read a spreadsheet; each row that says something new is submitted for review. Raises Refused for an unreadable file."""
    require(actor, "catalogue.edit")
    now = now or timezone.now()
    rows, faults = read_workbook(data)
    if not rows and not faults:
        raise Refused(_("“%s”表中没有一行资源，未导入任何内容。") % RESOURCES, code="empty")
    unread = {(one.sheet, one.cell) for one in faults}
    bodies = {one.name: one for one in Organisation.objects.all()}
    counts = {"registered": 0, "changed": 0, "unchanged": 0}
    try:
        with transaction.atomic():
            for row in rows:
                if len(faults) >= MOST_FAULTS:
                    break
                body = bodies.get(row.provider)
                if body is None and not _unregistered(row):
                    says = _("没有名为“%(name)s”的部门。%(hint)s请核对名称；新部门由系统管理员先建立。") % {
                        "name": row.provider,
                        "hint": meant(row.provider, bodies),
                    }
                    faults.append(CellFault(RESOURCES, row.cells.get("provider", f"A{row.number}"), says))
                    continue
                try:
                    with transaction.atomic():
                        if body is not None:
                            _provider_code(actor, row, body)
                        counts[_row(actor, row, body, now)] += 1
                except Refused as refused:
                    faults += _located(row, refused, unread)
            if faults:
                raise _Faulty
    except _Faulty:
        return Imported(0, 0, 0, tuple(sorted(faults, key=lambda it: (it.sheet, *_place_of(it.cell)))))
    return Imported(counts["registered"], counts["changed"], counts["unchanged"])


def _unregistered(row: SheetRow) -> bool:
    """Say whether a row speaks of a resource that is there under a provider who is no organisation of this installation."""
    return bool(row.key) and Resource.objects.filter(key=row.key, provider=None, provider_name=row.provider).exists()


def _row(actor: Actor, row: SheetRow, body: Organisation | None, now: dt.datetime) -> str:
    known = _known(actor, row, body)
    values = {**row.values, "provider": body.pk if body else None}
    values["code"] = values.get("code") or None
    if known is None:
        draft = services.register(actor, {**EMPTY, **values}, row.items, now=now)
        services.submit(actor, draft.pk, now)
        return "registered"
    if values["code"] is None:
        values.pop("code")
    try:
        draft = services.propose(actor, known.key, values, row.items, reason=_("表格导入"), now=now)
    except Refused as refused:
        if refused.code == "nothing_changed":
            return "unchanged"
        raise
    services.submit(actor, draft.pk, now)
    return "changed"


def _known(actor: Actor, row: SheetRow, body: Organisation | None) -> Resource | None:
    """Return the resource a row speaks of: by its key, its code, or its name within the provider."""
    if row.key:
        try:
            return access_resource(actor, row.key)
        except NotFound as absent:
            raise Refused(_("目录中没有标识 %s；新资源请将此格留空。") % row.key, code="key", field="key") from absent
    there = Resource.objects.exclude(state=Resource.State.WITHDRAWN)
    code = row.values.get("code")
    found = there.filter(code=code).first() if code else there.filter(provider=body, name=row.values.get("name", "")).first()
    return access_resource(actor, found.key) if found else None


def _provider_code(actor: Actor, row: SheetRow, body: Organisation) -> None:
    kept = Provider.objects.filter(organisation=body).first()
    if not row.provider_code or (kept is not None and kept.code == row.provider_code):
        return
    if (wrong := uscc_fault(row.provider_code)) is not None:
        raise Refused(wrong.sentence, code="uscc", field="provider_code")
    if kept is not None and kept.code:
        raise Refused(
            _("%(name)s 已登记的代码是 %(code)s；请改正此格，或先在提供方页修改。") % {"name": body.name, "code": kept.code},
            code="uscc_differs", field="provider_code",
        )  # fmt: skip
    services.set_provider(actor, body, row.provider_code, kept.contact if kept else "")


def _located(row: SheetRow, refused: Refused, unread: Collection[tuple[str, str]]) -> list[CellFault]:
    """Return a refusal as faults at the cells it speaks of, but for those that could not be read: that was said of them."""
    found: list[Fault] = list(refused.fields.get("faults", ()))  # type: ignore[call-overload]
    if not found:
        return [CellFault(RESOURCES, row.cells.get(str(refused.fields.get("field", "")), f"A{row.number}"), refused.sentence)]
    located = []
    for one in found:
        name, _bracket, rest = one.field.partition("[")
        at = int(rest.rstrip("]")) - 1 if rest else -1
        if name == "items" and 0 <= at < len(row.item_cells):
            cells = row.item_cells[at]
            if not any((ITEMS, cell) in unread for cell in cells.values()):
                located.append(CellFault(ITEMS, next(iter(cells.values())), one.sentence))
        elif (RESOURCES, cell := row.cells.get(name, f"A{row.number}")) not in unread:
            located.append(CellFault(RESOURCES, cell, one.sentence))
    return located


def _place_of(cell: str) -> tuple[int, int, str]:
    """Return row and column of a cell as they are sorted: AA1 stands behind Z1."""
    column = cell.rstrip("0123456789")
    return int(cell[len(column) :] or 0), len(column), column
