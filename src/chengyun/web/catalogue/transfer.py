# SPDX-License-Identifier: Apache-2.0
"""In and out: the guide's spreadsheet, DCAT, foreign catalogues; and the terms of using the catalogue."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, public
from chengyun.errors import Refused
from chengyun.share.catalogue.harvest.services import harvest as take_in
from chengyun.share.catalogue.importing import Imported, import_workbook
from chengyun.share.catalogue.models import Harvest, HarvestAddress
from chengyun.share.catalogue.records import records
from chengyun.share.catalogue.search import listings
from chengyun.share.catalogue.workbook import LARGEST, CellFault, write_workbook
from chengyun.web.catalogue.words import Tab, tabs
from chengyun.web.desk.deeds import Fault, attempt, done

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_FAULTS = 200


@dataclass(frozen=True)
class TransferPage:
    """faults: of a spreadsheet that was just read, by cell. harvests: newest reading of each foreign catalogue."""

    tabs: tuple[Tab, ...]
    faults: tuple[CellFault, ...]
    fault_count: int
    harvests: tuple[Harvest, ...]
    addresses: tuple[HarvestAddress, ...]
    may_import: bool
    may_harvest: bool
    fault: Fault | None


@dataclass(frozen=True)
class HarvestPage:
    tabs: tuple[Tab, ...]
    harvest: Harvest


@require_safe
@public
def transfer(request: HttpRequest) -> HttpResponse:
    """Show the ways in and out."""
    return shown(request, None)


@require_safe
@public
def sheet(request: HttpRequest) -> HttpResponse | FileResponse:
    """Send the catalogue as the guide's spreadsheet."""
    actor = actor_of(request)
    if listings(actor)[: LARGEST + 1].count() > LARGEST:
        raise Refused(_("目录超过 %d 项，请用 DCAT 或分类导出。") % LARGEST, code="too_many")
    out = tempfile.TemporaryFile()  # noqa: SIM115  closed by the answer
    write_workbook(records(actor), out)
    out.seek(0)
    name = f"catalogue-{timezone.localdate():%Y%m%d}.xlsx"
    return FileResponse(out, as_attachment=True, filename=name, content_type=SHEET)


@require_POST
@needs("catalogue.edit")
def bring(request: HttpRequest) -> HttpResponse:
    """Read a spreadsheet; its changes wait for review."""
    found: list[Imported] = []
    fault = attempt(request, "import", lambda: found.append(import_workbook(actor_of(request), _file(request))))
    if fault or found[0].faults:
        return shown(request, fault, found[0].faults if found else ())
    one = found[0]
    said = _("新登记 %(registered)d 项、修改 %(changed)d 项，等待审核；%(unchanged)d 项没有变化。") % {
        "registered": one.registered, "changed": one.changed, "unchanged": one.unchanged,
    }  # fmt: skip
    return done(request, said, reverse("catalogue-reviews"))


@require_POST
@needs("catalogue.harvest")
def gather(request: HttpRequest) -> HttpResponse:
    """Take in a foreign catalogue from a file."""
    made: list[Harvest] = []

    def do() -> None:
        given = request.FILES.get("file")
        name = str(given.name) if given is not None else ""
        made.append(take_in(actor_of(request), request.POST.get("origin", "").strip(), _file(request), name))

    fault = attempt(request, "harvest", do)
    return shown(request, fault) if fault else done(request, _("已采集。"), reverse("catalogue-harvest", args=[made[0].pk]))


@require_safe
@needs("catalogue.harvest")
def harvest(request: HttpRequest, number: int) -> HttpResponse:
    """Show what one reading of a foreign catalogue found wrong."""
    one = Harvest.objects.filter(pk=number).first()
    if one is None:
        return render(request, "error.html", status=404)
    return render(request, "catalogue/harvest.html", {"page": HarvestPage(tabs(actor_of(request), ""), one)})


@require_safe
@public
def terms(request: HttpRequest) -> HttpResponse:
    """Say under which terms the catalogue and the data in it may be used."""
    return render(request, "catalogue/terms.html", {"page": tabs(actor_of(request), "")})


def _file(request: HttpRequest) -> bytes:
    given = request.FILES.get("file")
    if given is None:
        raise Refused(_("请选择一个文件。"), code="file_missing", field="file")
    read: bytes = given.read()
    return read


def shown(request: HttpRequest, fault: Fault | None, faults: tuple[CellFault, ...] = ()) -> HttpResponse:
    """Show the page, with what was refused on it."""
    actor = actor_of(request)
    gathers = may(actor, "catalogue.harvest")
    taken = Harvest.objects.filter(outcome=Harvest.Outcome.TAKEN)
    newest = taken.order_by("origin", "-at").distinct("origin") if gathers else ()
    page = TransferPage(
        tabs(actor, "catalogue-transfer"), faults[:MOST_FAULTS], len(faults), tuple(newest),
        tuple(HarvestAddress.objects.all()) if gathers else (), may(actor, "catalogue.edit"), gathers, fault,
    )  # fmt: skip
    return render(request, "catalogue/transfer.html", {"page": page}, status=fault.status if fault else 400 if faults else 200)
