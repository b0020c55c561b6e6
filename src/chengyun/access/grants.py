# SPDX-License-Identifier: Apache-2.0
"""What a grant lets its readers see: its rows and fields as a layer of the scope, whether it still stands, and its use.

    Grant ── stands() ── layer of policy.scope ── counted() each read ── GrantUse

A grant stands while it is neither ended nor revoked, what it was given on is declared as it was then, and its reads of the day
are below its ceiling. Time is the database's: a clock that jumps on one machine opens nothing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from chengyun.access.models import Grant, Organisation
from chengyun.access.parts import Part
from chengyun.access.predicates import During, FieldIn, Nothing, Predicate, ValidIn, all_of, area_in, prefix_of
from chengyun.access.rulebook import Facts
from chengyun.config import config
from chengyun.errors import Refused

if TYPE_CHECKING:
    from chengyun.access.actors import Actor
    from chengyun.city import City

WAYS = ("clear", "pseudonym", "masked")
"""How a field of a grant is shown."""
ALWAYS = frozenset({"key", "area_code", "valid_from", "valid_to"})
"""What tells a register's rows apart and says which of them a grant reaches: never left out."""
KEY = "pseudonym:key"
"""How a register's key is shown where persons are shown under pseudonyms: their keys would join them across purposes."""

COUNT = """
INSERT INTO access_grantuse (grant_id, day, reads, rows, last_at)
SELECT g.id, (now() AT TIME ZONE %s::text)::date, u.reads, u.rows, now()
FROM (SELECT %s::text[] AS numbers, %s::integer[] AS reads, %s::bigint[] AS rows) AS a, access_grant g,
LATERAL (SELECT a.reads[p.at] AS reads, a.rows[p.at] AS rows FROM array_position(a.numbers, g.number::text) AS p (at)) AS u
WHERE g.number <> '' AND g.number = ANY(a.numbers) AND u.reads <= coalesce(g.frequency, 2147483647)
ORDER BY g.id
ON CONFLICT (grant_id, day) DO UPDATE
SET reads = access_grantuse.reads + excluded.reads, rows = access_grantuse.rows + excluded.rows,
    last_at = greatest(access_grantuse.last_at, now())
WHERE access_grantuse.reads + excluded.reads
      <= coalesce((SELECT frequency FROM access_grant WHERE id = excluded.grant_id), 2147483647)
RETURNING grant_id
"""
"""One statement: of two reads side by side only one gets the last of the day. Ordered, so they cannot lock each other out.

The first of a day are held to the ceiling by the first WHERE, those that come after them by the second. Without its first words
the index would not be used.
"""
_PART = f"counted AS ({COUNT})"


def in_force(now: dt.datetime | None = None) -> Q:
    """Return the grants that have begun, not ended and not been revoked. now: default the database's."""
    at: Any = now or Now()
    open_end = Q(until=None) | Q(until__gt=at)
    return open_end & Q(since__lte=at) & (Q(revoked_at=None) | Q(revoked_at__gt=at))


def granted(dataset: str, now: dt.datetime | None = None) -> list[Grant]:
    """Return a dataset's grants in force, each with `reads_today` and its organisation's key.

    Asked at every reading, so its text is written once: making it anew each time took longer than the database does.
    """
    grant, body = Grant._meta.concrete_fields, ("id", "key")
    names = [field.attname for field in grant]
    with connection.cursor() as cursor:
        cursor.execute(_granted_text(), {"dataset": dataset, "now": now, "zone": config().time_zone})
        rows = cursor.fetchall()
    found = []
    for row in rows:
        values = [
            field.from_db_value(value, None, connection) if hasattr(field, "from_db_value") else value
            for field, value in zip(grant, row, strict=False)
        ]
        one = Grant.from_db(connection.alias, names, values)
        one.reads_today = row[-1]  # type: ignore[attr-defined]
        if one.organisation_id is not None:
            one.organisation = Organisation.from_db(connection.alias, body, row[len(grant) : -1])
        found.append(one)
    return found


@cache
def _granted_text() -> str:
    # The columns are those of our own table.
    columns = ", ".join(f'g."{field.column}"' for field in Grant._meta.concrete_fields)
    return f"""
SELECT {columns}, o.id, o.key, u.reads
FROM access_grant g
CROSS JOIN (SELECT coalesce(%(now)s::timestamptz, statement_timestamp()) AS at) AS n
LEFT JOIN access_organisation o ON o.id = g.organisation_id
LEFT JOIN access_grantuse u ON u.grant_id = g.id AND u.day = (n.at AT TIME ZONE %(zone)s)::date
WHERE g.dataset = %(dataset)s AND g.since <= n.at AND (g.until IS NULL OR g.until > n.at)
  AND (g.revoked_at IS NULL OR g.revoked_at > n.at)
ORDER BY g.id
"""  # noqa: S608


def names(actor: Actor) -> bool:
    """Say whether a grant in force names somebody: what they read may end at any moment, and is not to be kept."""
    bodies = {key for post in actor.posts for key in (post.organisation, *post.bodies) if key}
    given = Grant.objects.filter(in_force(), Q(organisation__key__in=bodies) | Q(organisation=None, role__in=actor.roles))
    return bool(actor.posts) and given.exists()


def standing(grant: Grant, facts: Facts, *, counted: bool = False) -> tuple[str, str] | None:
    """Return code and reason why a grant in force cannot be used; None: it can. Its reads are used up, or its ground changed.

    counted: for a read that was counted already, which a ceiling does not stop any more.
    """
    reads = getattr(grant, "reads_today", None) or 0
    if grant.frequency is not None and reads >= grant.frequency and not counted:
        said = _("授权 %(number)s 今日已读取 %(reads)d 次，达到上限。") % {"number": grant.number, "reads": reads}
        return "frequency", said
    if why := changed(grant, facts):
        return "not_allowed", _("授权 %(number)s 已暂停：%(why)s") % {"number": grant.number, "why": why}
    return None


def stand(numbers: Iterable[str], facts: Facts | None) -> bool:
    """Say whether all these grants are in force, on the ground they were given on; a ceiling that is reached is no end."""
    wanted = set(numbers)
    found = Grant.objects.filter(in_force(), number__in=wanted)
    return sum(facts is not None and not changed(one, facts) for one in found) == len(wanted)


def terms_of(facts: Facts, shown: Mapping[str, str]) -> dict[str, Any]:
    """Return what a grant relies on, to be kept with it."""
    return {"sharing": facts.sharing, "personal": facts.personal, "masks": {one: facts.masks.get(one, "") for one in shown}}


def changed(grant: Grant, facts: Facts) -> str:
    """Say what of a grant's dataset is no longer as it was when it was given; "" when nothing is."""
    if why := unfit(grant, facts):
        return why
    known = fields_of(facts.key)
    gone = [one for one in (*grant.shown, *grant.rows) if known and one not in known]
    if gone:
        return _("字段 %s 已不存在，请重新申请。") % "、".join(gone)
    terms = grant.terms
    if not terms:
        return ""
    if facts.personal and not terms["personal"]:
        return _("%s 现含个人信息，请重新申请。") % facts.name
    if facts.sharing == "none" and terms["sharing"] != "none":
        return _("%s 现不予共享。") % facts.name
    stricter = [one for one, mask in terms["masks"].items() if facts.masks.get(one, "") != mask]
    return _("字段 %s 的掩码规则已变更，请重新申请。") % "、".join(stricter) if stricter else ""


def unfit(grant: Grant, facts: Facts) -> str:
    """Say why a grant's rows cannot be told apart in its dataset as it is declared now; "" when they can."""
    if facts.kind == "entity":
        return ""
    if (grant.rows_since or grant.rows_until) and not facts.time:
        return _("%s 没有时间，不能按时段读取。") % facts.name
    return _("%s 的行不能按字段区分。") % facts.name if grant.rows else ""


def rows_of(grant: Grant, facts: Facts, areas: Iterable[str]) -> Predicate:
    """Return a grant's rows for posts that reach areas: what both reach, in the period and under the conditions granted."""
    if unfit(grant, facts):
        return Nothing()
    parts: list[Predicate] = [area_in(prefix_of(grant.area_code)), area_in(*areas)]
    if grant.rows_since or grant.rows_until:
        parts.append(_period(grant, facts))
    parts += [FieldIn(name, tuple(values)) for name, values in sorted(grant.rows.items())]
    return all_of(*parts)


def masks_of(grant: Grant, facts: Facts) -> tuple[dict[str, str], frozenset[str] | None]:
    """Return a grant's masks, and the only fields it shows; None: all there are."""
    if not grant.shown:
        return {name: kind for name, kind in facts.masks.items() if name not in grant.fields}, None
    masks = {}
    if facts.personal and facts.kind == "entity" and "pseudonym" in grant.shown.values():
        masks["key"] = KEY
    for name, way in grant.shown.items():
        if name == "key":
            # It tells rows apart, so it is never all stars: what is not to be had in clear is had as a pseudonym.
            masks = {one: kind for one, kind in masks.items() if one != "key"} | ({"key": KEY} if way != "clear" else {})
        elif way == "masked":
            masks[name] = facts.masks.get(name, "hidden")
        elif way == "pseudonym":
            masks[name] = f"pseudonym:{facts.masks.get(name, 'hidden')}"
    return masks, frozenset(grant.shown) | _always(facts)


@cache
def fields_of(dataset: str) -> frozenset[str]:
    """Return the fields of a register or stream by name; nothing for other datasets: theirs are not granted one by one."""
    city: City = settings.CITY
    if dataset in city.entities:
        model: Any = apps.get_model(dataset.split(".")[0], city.entities[dataset].model)
        return frozenset(field.name for field in model._meta.concrete_fields) - {"id"}
    if dataset in city.streams:
        return frozenset({*city.streams[dataset].columns, "area_code"})
    return frozenset()


def counted(numbers: Iterable[str], rows: int = 0, reads: int = 1) -> None:
    """Count reads under grants. Raises Refused, counting none, when one of them has been read as often today as it may be."""
    wanted = dict.fromkeys(numbers, (reads, rows))
    if not wanted:
        return
    # Of one grant the statement itself counts all or nothing.
    with transaction.atomic() if len(wanted) > 1 else contextlib.nullcontext(), connection.cursor() as cursor:
        cursor.execute(COUNT, _values(wanted))
        require_counted(wanted, len(cursor.fetchall()))


def part(uses: Mapping[str, tuple[int, int]]) -> Part:
    """Return what counts reads with something else: a row of `counted` for each grant, of which none may be missing.

    uses: a grant's number → reads and rows.
    """
    return Part(_PART, _values(uses))


def require_counted(wanted: Collection[str], found: int) -> None:
    """Raise Refused unless the reads were counted under every grant."""
    if found < len(wanted):
        raise Refused(_("授权今日的读取次数已用完，请明日再读。"), code="frequency", status=429)


def _values(uses: Mapping[str, tuple[int, int]]) -> list[str]:
    reads, rows = (",".join(str(use[at]) for use in uses.values()) for at in (0, 1))
    return [config().time_zone, f"{{{','.join(uses)}}}", f"{{{reads}}}", f"{{{rows}}}"]


def database_time() -> dt.datetime:
    """Return the database's time: one clock for all that decide by it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (now,) = cursor.fetchone()
    found: dt.datetime = now
    return found


def _period(grant: Grant, facts: Facts) -> Predicate:
    if facts.kind == "entity":
        first, end = (at.astimezone(config().zone).date() if at else None for at in (grant.rows_since, grant.rows_until))
        return ValidIn(first, end)
    return During(grant.rows_since, grant.rows_until)


def _always(facts: Facts) -> frozenset[str]:
    if facts.kind == "entity":
        return ALWAYS
    city: City = settings.CITY
    return frozenset({facts.time, "area_code", city.streams[facts.key].entity.key}) if facts.kind == "stream" else frozenset()
