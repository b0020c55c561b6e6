# SPDX-License-Identifier: Apache-2.0
"""`chengyun catalogue`: check what stands in it, export, import, harvest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from chengyun.errors import Refused
from chengyun.run import setup

if TYPE_CHECKING:
    from chengyun.access.actors import Actor
    from chengyun.share.catalogue.models import Harvest

FORMS = ("ttl", "jsonld", "rdf", "xlsx")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Offer the commands."""
    parser = commands.add_parser("catalogue", help="check, export, import or harvest the catalogue of datasets")
    deeds = parser.add_subparsers(metavar="DEED", required=True)
    check = deeds.add_parser("check", help="follow the declarations, then list what is wrong: rules, sources, overdue updates")
    check.add_argument("--strict", action="store_true", help="end with 1 when anything is wrong")
    check.set_defaults(func=_check)
    out = deeds.add_parser("export", help="write the catalogue as DCAT-AP 3 or as the guide's spreadsheet")
    out.add_argument("file", type=Path, help="ending in .ttl, .jsonld, .rdf or .xlsx; - is standard output, as Turtle")
    out.add_argument("--base", default="http://localhost:8330/", help="address of this installation, for identifiers")
    out.add_argument("--all", action="store_true", help="also drafts and what is secret; otherwise what everybody may know of")
    out.set_defaults(func=_export)
    come = deeds.add_parser("import", help="read the guide's spreadsheet; its changes wait for review")
    come.add_argument("file", type=Path)
    come.set_defaults(func=_import)
    take = deeds.add_parser("harvest", help="take in a foreign catalogue: DCAT-US, CKAN, DCAT in RDF, a link check")
    take.add_argument("origin", help="a name for it, as in opendata-philly; the same at every reading")
    take.add_argument("file", metavar="FILE|ADDRESS", help="a file, or http(s)://… to be read now")
    take.add_argument("--every", type=int, metavar="HOURS", help="with an address: read it again by the clock, so often")
    take.set_defaults(func=_harvest)
    kept = deeds.add_parser("addresses", help="list where foreign catalogues are read from, and how that goes")
    one = kept.add_mutually_exclusive_group()
    for deed in ("pause", "resume", "remove"):
        one.add_argument(f"--{deed}", metavar="ORIGIN")
    kept.set_defaults(func=_addresses)


def _check(args: argparse.Namespace) -> int:
    setup.django()
    from django.utils import timezone, translation

    from chengyun.access.actors import SYSTEM
    from chengyun.share.catalogue import duplicates, freshness
    from chengyun.share.catalogue.models import Resource
    from chengyun.share.catalogue.services import all_faults
    from chengyun.share.catalogue.sync import ensure_catalogue

    now = timezone.now()
    wrong = 0
    with translation.override("en"):
        done = ensure_catalogue()
        print(f"Followed the declarations: {done.added} appeared, {done.changed} changed, {done.withdrawn} withdrawn.")
        freshness.refresh()
        for one in Resource.objects.filter(state="published", origin="").order_by("key").iterator(chunk_size=500):
            for fault in all_faults(one, timezone.localdate(now)):
                wrong += 1
                print(f"{one.key}: {fault.sentence}")
        for conflict in duplicates.conflicts(SYSTEM):
            wrong += 1
            kept = ", ".join(f"{it.resource}.{it.field}" for it in conflict.places)
            print(f"{conflict.element}: {conflict.why} source of record, declared {conflict.source or 'none'}; kept in {kept}.")
        for standing in freshness.standings(SYSTEM, now):
            if standing.verdict == "overdue":
                wrong += 1
                print(f"{standing.key}: overdue: promised {standing.cycle}, last updated {standing.updated_at:%Y-%m-%d %H:%M}Z.")
    print(f"{wrong} fault(s).")
    return 1 if wrong and args.strict else 0


def _export(args: argparse.Namespace) -> int:
    form = "ttl" if str(args.file) == "-" else args.file.suffix.removeprefix(".")
    if form not in FORMS:
        raise Refused(f"{args.file}: the ending says the form; expected one of .{', .'.join(FORMS)}.", code="form")
    setup.django()
    from chengyun.access.actors import ANONYMOUS, SYSTEM
    from chengyun.share.catalogue.records import records
    from chengyun.share.catalogue.workbook import write_workbook

    actor = SYSTEM if args.all else ANONYMOUS
    if str(args.file) == "-":
        _rdf(actor, form, args.base, sys.stdout.buffer)
        return 0
    with open(args.file, "wb") as out:
        if form == "xlsx":
            print(f"{write_workbook(records(actor), out)} resources written to {args.file}.")
        else:
            _rdf(actor, form, args.base, out)
            print(f"The catalogue was written to {args.file}.")
    return 0


def _import(args: argparse.Namespace) -> int:
    setup.django()
    from django.utils import translation

    from chengyun.access.actors import SYSTEM
    from chengyun.share.catalogue.importing import import_workbook

    with translation.override("en"):
        done = import_workbook(SYSTEM, _read(args.file))
    for fault in done.faults:
        print(f"{fault.sheet}!{fault.cell}: {fault.says}")
    if done.faults:
        print(f"{len(done.faults)} fault(s); nothing was written.")
        return 1
    print(f"{done.registered} new and {done.changed} changed wait for review; {done.unchanged} say nothing new.")
    return 0


def _harvest(args: argparse.Namespace) -> int:
    setup.django()
    from django.utils import translation

    from chengyun.access.actors import SYSTEM
    from chengyun.share.catalogue.harvest.services import harvest

    by_address = urlsplit(args.file).scheme in ("http", "https")
    if args.every is not None and not by_address:
        raise Refused(f"--every is for an address; {args.file} is a file.", code="every")
    with translation.override("en"):
        if by_address:
            return _harvest_address(args.origin, args.file, args.every)
        done = harvest(SYSTEM, args.origin, _read(Path(args.file)), Path(args.file).name)
    return _told(done)


def _harvest_address(origin: str, url: str, every: int | None) -> int:
    """Read an address now; keep it when it is to be read again, and otherwise leave nothing but what was taken in."""
    from chengyun.access.actors import SYSTEM
    from chengyun.share.catalogue.harvest import addresses

    if every is None:
        return _told(addresses.read_once(SYSTEM, origin, url))
    addresses.keep(SYSTEM, origin, url, every)
    return _told(addresses.read(origin))


def _told(done: Harvest) -> int:
    if done.outcome == done.Outcome.FAILED:
        print(f"Failed: {done.trouble}")
        return 1
    if done.outcome == done.Outcome.UNCHANGED:
        print("Nothing changed since it was last read.")
        return 0
    for fault in done.faults[:20]:
        print(f"{fault['at']}: {fault['field']}: {fault['says']}")
    print(
        f"{done.standard}: {done.found} found, {done.added} added, {done.changed} changed, {done.withdrawn} withdrawn, "
        f"{done.refused} refused; {done.fault_count} fault(s){', the first shown' if done.fault_count > 20 else ''}."
    )
    return 0


def _addresses(args: argparse.Namespace) -> int:
    setup.django()
    from chengyun.access.actors import SYSTEM
    from chengyun.share.catalogue.harvest import addresses
    from chengyun.share.catalogue.models import HarvestAddress

    if args.remove:
        addresses.remove(SYSTEM, args.remove)
    elif args.pause or args.resume:
        addresses.switch(SYSTEM, args.pause or args.resume, on=bool(args.resume))
    rows = list(HarvestAddress.objects.all())
    for one in rows:
        read = f"{one.read_at:%Y-%m-%d %H:%M}Z" if one.read_at else "never"
        after = f"; failed {one.failures} time(s): {one.trouble}" if one.failures else ""
        print(f"{one.origin}  {one.url}  every {one.every_h} h, {one.state}, read {read}{after}")
    if not rows:
        print("No address is kept. See `chengyun catalogue harvest --help`.")
    return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise Refused(f"{path} cannot be read: {wrong.strerror}. Check the path.", code="file") from wrong


def _rdf(actor: Actor, form: str, base: str, out: IO[bytes]) -> None:
    from chengyun.protocols.dcat.views import export  # Django is up by now

    out.write(export(actor, form, base if base.endswith("/") else f"{base}/", size=1_000_000)[0])
