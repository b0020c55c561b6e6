# SPDX-License-Identifier: Apache-2.0
"""/catalog.ttl, /catalog.jsonld, /catalog.rdf: what the reader may know of, a thousand datasets a page.

An ETag says what it depends on, so a neighbour that reads it by the clock is told 304 until something changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import condition, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Organisation
from chengyun.access.predicates import prefix_of
from chengyun.access.views import public
from chengyun.areas.models import Area
from chengyun.areas.queries import name_of
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.share.catalogue.models import Provider, Resource
from chengyun.share.catalogue.records import records
from chengyun.share.catalogue.search import listings

PAGE = 1_000
FORMS = {
    "ttl": ("turtle", "text/turtle; charset=utf-8"), "jsonld": ("json-ld", "application/ld+json"),
    "rdf": ("xml", "application/rdf+xml"),
}  # fmt: skip


def _etag(request: HttpRequest, form: str) -> str:
    """Return what changes when the page would: what the reader may know of, what stands in it, and who provides it."""
    seen = listings(actor_of(request)).aggregate(
        count=Count("pk"), changed=Max("resource__changed_at"), updated=Max("resource__updated_at")
    )
    providers = list(Provider.objects.order_by("pk").values_list("pk", "code", "contact", "organisation__name"))
    said = repr((request.build_absolute_uri(), form, sorted(seen.items()), providers))
    return f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


@require_safe
@public
@condition(etag_func=_etag)
def catalog(request: HttpRequest, form: str) -> HttpResponse:
    """Answer with one page of the catalogue as RDF."""
    word = request.GET.get("page", "1")
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 8 else 0
    body, content_type = export(actor_of(request), form, request.build_absolute_uri("/"), number)
    return HttpResponse(body, content_type=content_type, headers={"Vary": "Cookie, Authorization"})


def export(actor: Actor, form: str, base: str, page: int = 1, size: int = PAGE) -> tuple[bytes, str]:
    """Return a page of the catalogue as RDF and its media type. Raises NotFound for a page that does not exist."""
    # rdflib takes 20 MB and a third of a second: only who asks for RDF pays for it.
    from chengyun.protocols.dcat.graph import About, catalogue_graph, serialize

    rows = listings(actor)
    last = max(1, -(-rows.count() // size))
    if not 1 <= page <= last:
        raise NotFound(f"There is no page {page} of the catalogue; there are {last}.")
    area = config().city
    newest = Resource.objects.order_by("-changed_at").values_list("changed_at", flat=True).first()
    first = Resource.objects.order_by("made_at").values_list("made_at", flat=True).first()
    centre = Organisation.objects.filter(kind=Organisation.Kind.CENTRE).values_list("name", flat=True).first()
    now = timezone.now()
    about = About(
        base, f"{name_of(area)}政务信息资源目录", centre or name_of(area), area, name_of(area), _bounds(area), _day(first or now),
        newest or now, page, last,
    )  # fmt: skip
    name, content_type = FORMS[form]
    return serialize(catalogue_graph(about, records(actor, offset=(page - 1) * size, limit=size)), name), content_type


def _bounds(area: str) -> tuple[float, float, float, float] | None:
    from shapely import from_wkb  # large; see above

    rows = Area.objects.filter(code__startswith=prefix_of(area), level="district", valid_to=None).exclude(boundary=None)
    boxes = [from_wkb(bytes(one)).bounds for one in rows.values_list("boundary", flat=True) if one is not None]
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return round(min(wests), 5), round(min(souths), 5), round(max(easts), 5), round(max(norths), 5)


def _day(moment: dt.datetime) -> dt.date:
    return timezone.localdate(moment)
