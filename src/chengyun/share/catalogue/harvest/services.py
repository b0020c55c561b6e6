# SPDX-License-Identifier: Apache-2.0
"""A foreign catalogue is taken in: what it lists becomes external resources, what is gone is withdrawn, faults are reported."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require
from chengyun.errors import Refused
from chengyun.share.catalogue.harvest.foreign import LONGEST, Foreign, cycle_of, faults_of, moment_of, urlsplit_or_none
from chengyun.share.catalogue.harvest.reading import read_catalogue
from chengyun.share.catalogue.listing import write_listings
from chengyun.share.catalogue.models import Harvest, Resource, Revision

ORIGIN = re.compile(r"[a-z][a-z0-9-]{0,39}")
KEPT_FAULTS = 5_000
BATCH = 1_000


def harvest(actor: Actor, origin: str, data: bytes, name: str = "", now: dt.datetime | None = None) -> Harvest:
    """Take a foreign catalogue in under a name of its own; a later reading of it replaces this one. Raises Refused or Malformed.

    origin: the name, as in opendata-philly. What a steward has set of a resource stays.
    """
    require(actor, "catalogue.harvest")
    check_origin(origin)
    standard, found = read_catalogue(data, name)
    return take(actor, origin, standard, found, name, now or timezone.now())


def check_origin(origin: str) -> None:
    """Raise Refused for a name that no foreign catalogue can have."""
    if not ORIGIN.fullmatch(origin):
        raise Refused(_("来源目录的名称 %s 应为小写字母、数字和连字符，至多 40 个，如 opendata-philly。") % origin, code="origin")


def take(actor: Actor, origin: str, standard: str, found: Sequence[Foreign], name: str, now: dt.datetime) -> Harvest:
    """Take in datasets that were read, as all there are of a foreign catalogue. Raises Refused when none of them can be."""
    faults: list[dict[str, str]] = []
    good: dict[str, Foreign] = {}
    for one in found:
        said = list(faults_of(one))
        key = f"ext.{origin}.{hashlib.sha256(one.identifier.encode()).hexdigest()[:16]}"
        if key in good:
            said.append(("identifier", _("标识重复；以第一条为准。")))
        elif one.identifier and one.title:
            good[key] = one
        faults += [{"at": (one.title or one.identifier)[:120], "field": field, "says": says} for field, says in said]
    if not good:
        raise Refused(_("没有一条可以采集：每条都缺少名称或标识。已有的资源未改动。"), code="nothing_good")
    with transaction.atomic():
        added, changed, withdrawn = _store(origin, good, now)
        done = Harvest.objects.create(
            origin=origin,
            standard=standard,
            file=name[-200:],
            at=now,
            actor=actor.name[:100],
            found=len(found),
            added=added,
            changed=changed,
            withdrawn=withdrawn,
            refused=len(found) - len(good),
            fault_count=len(faults),
            faults=faults[:KEPT_FAULTS],
        )
        audit.record(actor, "catalogue.harvest", "catalogue", origin, detail={"found": len(found), "faults": len(faults)})
    return done


def _store(origin: str, good: Mapping[str, Foreign], now: dt.datetime) -> tuple[int, int, int]:
    known = {one.key: one for one in Resource.objects.select_for_update().filter(origin=origin)}
    touched: list[Resource] = []
    versions: list[Revision] = []
    renewed: list[Resource] = []
    added = changed = withdrawn = 0
    for key, one in good.items():
        row = known.get(key)
        fresh = row is None
        row = row or Resource(key=key, kind="external", origin=origin, version=0, published_on=timezone.localdate(now))
        said = {field: value for field, value in _values(one).items() if field not in row.edited}
        differs = {field: [getattr(row, field), value] for field, value in said.items() if getattr(row, field) != value}
        before, row.updated_at = row.updated_at, moment_of(one.modified) or row.updated_at
        if not differs:
            # Newer data is no change of its entry: no version of it, but its freshness is reckoned from this.
            renewed += [row] if row.updated_at != before else []
            continue
        added, changed = added + fresh, changed + (not fresh)
        _set(row, differs, _("采集自 %s") % origin, now, touched, versions)
    for key, row in known.items():
        if key not in good and row.state == Resource.State.PUBLISHED:
            withdrawn += 1
            row.withdrawn_because = _("来源目录 %s 不再列出。") % origin
            _set(row, {"state": [row.state, "withdrawn"]}, row.withdrawn_because, now, touched, versions)
    # A first reading is thousands of them: in sets, each once. What is there changes row by row, which is few.
    Resource.objects.bulk_create([row for row in touched if row.pk is None], batch_size=BATCH)
    Revision.objects.bulk_create(versions, batch_size=BATCH)
    Resource.objects.bulk_update(renewed, ["updated_at"], batch_size=BATCH)
    write_listings(touched)
    return added, changed, withdrawn


def _set(
    row: Resource, differs: dict[str, list[Any]], reason: str, now: dt.datetime, touched: list[Resource], versions: list[Revision]
) -> None:
    for field, (_before, after) in differs.items():
        setattr(row, field, after)
    base, row.version = row.version, row.version + 1
    if row.pk is not None:
        row.save()
    touched.append(row)
    versions.append(
        Revision(
            resource=row,
            number=row.version,
            base=base,
            state=Revision.State.ACCEPTED,
            changes=differs,
            reason=reason,
            author_name=_("程序"),
            made_at=now,
            reviewed_at=now,
        )
    )


def _values(one: Foreign) -> dict[str, Any]:
    """Return an entry as fields of a resource. It is shared as its own catalogue shares it: openly, or not by us."""
    public = one.access in ("public", "")
    formats = list(dict.fromkeys(it.format.casefold()[:40] for it in one.distributions if it.format))
    return {
        "name": one.title[: LONGEST["title"]],
        "name_en": one.title_en[: LONGEST["title"]],
        "summary": one.description[:20_000],
        "keywords": [word[: LONGEST["keyword"]] for word in one.keywords[:50]],
        "provider_name": one.publisher[: LONGEST["publisher"]],
        "contact": one.contact[:200],
        "cycle": cycle_of(one.frequency) or "irregular",
        "formats": formats[:20],
        "sharing": "unconditional" if public else "conditional",
        "condition": "" if public else _("按来源目录的条件"),
        "ways": ["file"],
        "open": public,
        "url": (urlsplit_or_none(one.landing) or "")[: LONGEST["url"]],
        "distributions": [
            {
                "url": it.url[: LONGEST["url"]],
                "title": it.title[:300],
                "format": it.format[:60],
                "licence": it.licence[:300],
                **({"status": it.status} if it.tried else {}),
            }
            for it in one.distributions[:200]
            if urlsplit_or_none(it.url)
        ],
        "state": Resource.State.PUBLISHED,
        "withdrawn_because": "",
    }
