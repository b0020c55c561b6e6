# SPDX-License-Identifier: Apache-2.0
"""What happens to editions: counting a period, publishing it, correcting what was published. Nothing else writes them."""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import require
from chengyun.areas.queries import names_of
from chengyun.cases.evaluation.assess import UnitResult, assess
from chengyun.cases.evaluation.counting import Level, count_into, tally_of
from chengyun.cases.evaluation.declared import DIMENSIONS, Book, Profile, book
from chengyun.cases.evaluation.models import Edition, Standing
from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["LEVELS", "count", "last_month", "month_of", "publish", "verify"]

LEVELS = {"area": (Level("district", 6), Level("street", 9))}
WHOLE = Level("", 0)
DIGEST_LOCK = 4_128_311

FACTS = """
SELECT coalesce(encode(sha256(string_agg(
    concat_ws(',', case_id, dimension, unit, stratum, counted, fair, shown, round(doubt::numeric, 9)),
    E'\\n' ORDER BY case_id, dimension, unit, counted, fair, id)::bytea), 'hex'), '')
FROM evaluation_fact WHERE edition_id = %s
"""


def month_of(text: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a month written YYYY-MM. Raises Refused."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise Refused(f"The period is {text!r}; write a month as YYYY-MM, e.g. 2026-10.", code="period")
    year, month = int(text[:4]), int(text[5:])
    return dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1])


def last_month(now: dt.datetime) -> str:
    """Return the city's month before the one of a moment, as YYYY-MM."""
    today = now.astimezone(config().zone).date()
    return f"{today.replace(day=1) - dt.timedelta(days=1):%Y-%m}"


def count(type_key: str, first: dt.date, last: dt.date, actor: Actor, now: dt.datetime, note: str = "") -> Edition:
    """Count a period into a draft and return it; a draft of the same period gives way to it.

    Where the period was published already, the draft is of the next number and follows the newest edition: a correction,
    whose reason `note` must say before it is published.
    """
    require(actor, "evaluation.count")
    if first > last:
        raise Refused(f"The period begins on {first} and ends on {last}; expected a first day before the last.", code="period")
    declared = book(type_key, first)
    with transaction.atomic():
        _one_at_a_time()
        same = Edition.objects.filter(type=type_key, first=first, last=last)
        same.filter(published_at=None).delete()
        newest = same.order_by("-number").first()
        edition = Edition.objects.create(
            type=type_key, first=first, last=last, number=newest.number + 1 if newest else 1, follows=newest, counted_at=now,
            counted_by=actor.name, note=note.strip()[:500], declared=_written(declared),
        )  # fmt: skip
        edition.cases = count_into(edition, now)
        edition.save(update_fields=["cases"])
        for profile in declared.profiles.values():
            for level in LEVELS.get(profile.dimension, (WHOLE,)):
                _judge(edition, declared, profile, level)
        audit.record(actor, "evaluation.counted", "evaluation", str(edition.pk), detail={"type": type_key, "first": str(first)})
    return edition


def publish(edition_id: int, actor: Actor, now: dt.datetime, note: str = "") -> Edition:
    """Freeze an edition and return it. Raises Refused for one that was published, or a correction that does not say why."""
    require(actor, "evaluation.publish")
    with transaction.atomic():
        _one_at_a_time()
        edition = Edition.objects.select_for_update().filter(pk=edition_id).first()
        if edition is None:
            raise Refused(_("没有这一版评价；草稿可能已被重新统计。"), code="edition_gone")
        if edition.published_at is not None:
            raise Refused(_("这一版已经发布，不再改动；更正请重新统计，发布新的一版。"), code="settled")
        edition.note = note.strip()[:500] or edition.note
        if edition.number > 1 and not edition.note:
            raise Refused(_("更正已发布的评价，须说明原因。"), code="evidence_missing", missing=["note"])
        if edition.last >= now.date():
            raise Refused(_("评价期到 %s 才结束，结束后才能发布。") % edition.last, code="period")
        edition.digest = digest_of(edition)
        edition.published_at, edition.published_by = now, actor.name
        edition.save()
        detail = {"digest": edition.digest, "first": str(edition.first), "last": str(edition.last), "number": edition.number}
        audit.record(actor, "evaluation.published", "evaluation", str(edition.pk), detail=detail)
    return edition


def verify(edition: Edition) -> bool:
    """Say whether a published edition still is what was published."""
    return bool(edition.digest) and digest_of(edition) == edition.digest


def digest_of(edition: Edition) -> str:
    """Return the SHA-256 over an edition's period, rules, facts and standings, in a fixed order."""
    whole = hashlib.sha256()
    for line in _lines(edition):
        whole.update(json.dumps(line, sort_keys=True, ensure_ascii=False, cls=DjangoJSONEncoder).encode() + b"\n")
    return whole.hexdigest()


def _lines(edition: Edition) -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute(FACTS, [edition.pk])
        facts = cursor.fetchone()[0]
    yield [edition.type, str(edition.first), str(edition.last), edition.number, edition.follows_id, edition.declared, facts]
    fields = [
        "profile",
        "level",
        "unit",
        "name",
        "value",
        "low",
        "high",
        "grade",
        "plain_order",
        "fair",
        "order",
        "place",
        "result",
    ]
    rows = Standing.objects.filter(edition=edition).order_by("profile", "level", "unit")
    yield from (list(row) for row in rows.values_list(*fields).iterator())


def _one_at_a_time() -> None:
    """Let one process count or publish at a time: two would give two drafts of a period the same number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DIGEST_LOCK])


def _judge(edition: Edition, declared: Book, profile: Profile, level: Level) -> None:
    tally = tally_of(edition, profile.dimension, level)
    # Signs are of departments: whoever does the work is who could make figures up.
    signs = declared.signs if profile.dimension == "department" else {}
    results = assess(profile, signs, tally, seed=edition.first.toordinal())
    names = _names(profile.dimension, [one.unit for one in results])
    Standing.objects.bulk_create([_standing(edition, profile, level, one, *names[one.unit]) for one in results])


def _names(dimension: str, units: list[str]) -> dict[str, tuple[str, str]]:
    """Return each unit's name, as it is today, and the area it belongs to."""
    if dimension == "area":
        known = names_of(set(units))
        return {unit: (known.get(unit, unit), unit[:12]) for unit in units}
    if dimension == "department":
        found = {row.key: (row.name, row.area_code or "") for row in Organisation.objects.filter(key__in=units)}
    else:
        people = Account.objects.filter(pk__in=[int(unit) for unit in units]).select_related("organisation")
        found = {str(row.pk): (str(row), (row.organisation.area_code or "") if row.organisation else "") for row in people}
    return {unit: found.get(unit, (unit, "")) for unit in units}


def _standing(edition: Edition, profile: Profile, level: Level, one: UnitResult, name: str, area: str) -> Standing:
    ranked = one.ranked
    result = asdict(one)
    result["counts"] = {key: value for key, value in one.counts.items() if value}
    return Standing(
        edition=edition, profile=profile.key, level=level.key, unit=one.unit, name=name, area_code=area, value=one.value,
        low=one.low, high=one.high, grade=one.grade, plain_order=one.plain_order, fair=ranked.score if ranked else None,
        order=ranked.order if ranked else None, place=ranked.place if ranked else None,
        signs=sum(finding.named for finding in one.findings), result=result,
    )  # fmt: skip


def _written(declared: Book) -> dict[str, Any]:
    """Return what was in force as it was declared, so that an old edition explains itself when the rules have changed."""
    profiles = {
        one.key: {
            "name": one.name, "dimension": one.dimension, "source": one.source, "verified": one.verified, "doubts": one.doubts,
            "in_force": str(one.in_force), "note": one.note, "least": one.least, "missing": one.missing,
            "grades": [[float(bound), grade] for bound, grade in one.grades],
            "terms": [
                {"key": term.key, "name": term.name, "weight": float(term.weight), "rate": bool(term.rate),
                 "low": bool(term.rate and term.rate.low), "verified": term.verified}
                for term in one.terms
            ],
        }
        for one in declared.profiles.values()
    }  # fmt: skip
    rates = {
        one.key: {
            "name": one.name, "formula": one.formula, "met": one.met, "less": one.less, "due": one.due, "low": one.low,
            "verified": one.verified, "source": one.source, "note": one.note,
        }
        for one in declared.rates.values()
    }  # fmt: skip
    signs = {
        one.key: {"name": one.name, "meaning": one.meaning, "met": one.met, "due": one.due} for one in declared.signs.values()
    }
    return json.loads(json.dumps({"profiles": profiles, "rates": rates, "signs": signs, "dimensions": DIMENSIONS}))  # type: ignore[no-any-return]
