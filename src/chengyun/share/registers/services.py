# SPDX-License-Identifier: Apache-2.0
"""What happens to statements: loads take them in, days turn. Nothing else writes them, or the rows that follow from them.

Writers of one register go one after the other (an advisory lock), so that what was read is still so when it is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.areas.models import Area
from chengyun.city import Stated
from chengyun.errors import Refused
from chengyun.share.registers.declared import entity_of, fields_of, no_authority, read_values, table_of
from chengyun.share.registers.models import Load, Refusal, Statement
from chengyun.share.registers.rows import bring_up_to_date, write_rows
from chengyun.share.registers.validity import Held, settle

__all__ = ["Taken", "begin_load", "hold", "take", "turn_of_day"]

MOST_KEPT = 1_000
"""Refusals of a load that are kept with their reasons; all are counted."""
LONGEST_KEY = 64


@dataclass(slots=True)
class Taken:
    """What a batch came to. changed: rows of the register."""

    stated: int = 0
    unchanged: int = 0
    refused: int = 0
    changed: int = 0


def hold(dataset: str) -> None:
    """Be the only writer of a register until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('registers'), hashtext(%s))", [dataset])


def begin_load(
    actor: Actor, dataset: str, feed: str, authority: str, name: str = "", digest: str = "", now: dt.datetime | None = None
) -> Load:  # fmt: skip
    """Open a load. Raises Refused when the register has no such authority, or the clock has gone back."""
    now = now or timezone.now()
    told = [one.key for one in entity_of(dataset).authorities]
    if authority not in told:
        raise Refused(no_authority(authority, dataset, told), code="unknown_authority")
    newest = Load.objects.filter(dataset=dataset).aggregate(newest=Max("received_at"))["newest"]
    if newest is not None and now < newest:
        words = {"now": f"{now:%Y-%m-%d %H:%M:%S} UTC", "newest": f"{newest:%Y-%m-%d %H:%M:%S} UTC", "dataset": dataset}
        said = _("本机时钟是 %(now)s，而 %(dataset)s 已有 %(newest)s 收到的装载。所知有先后：请校准时钟后再装载。")
        raise Refused(said % words, code="clock_went_back")
    with transaction.atomic():
        load = Load.objects.create(
            dataset=dataset,
            feed=feed,
            authority=authority,
            name=name[:200],
            digest=digest,
            actor=actor.name[:150],
            received_at=now,
        )
        audit.record(actor, "register.load", dataset, name, detail={"feed": feed, "authority": authority, "load": load.pk})
    return load


def take(load: Load, stated: Sequence[Stated], *, simulated: bool = False) -> Taken:
    """Take statements in, in one transaction with the rows that follow; what cannot be is refused, with its reason."""
    today = timezone.localdate(load.received_at)
    fields, areas = fields_of(table_of(load.dataset)), _known_areas(stated)
    taken, refusals = Taken(), list[Refusal]()
    with transaction.atomic():
        hold(load.dataset)
        held = _held(load, {one.key for one in stated if _is_key(one.key)})
        replaced: set[int] = set()
        written: dict[str, list[Held]] = {}
        for one in stated:
            try:
                said = _said(load, one, fields, areas)
                found = settle(held.get(one.key, []), said, today)
            except Refused as wrong:
                taken.refused += 1
                key = one.key.replace("\x00", "")[:LONGEST_KEY]
                refusals.append(Refusal(load=load, key=key, line=one.line, code=wrong.code, reason=wrong.sentence[:500]))
                continue
            if not found.written:
                taken.unchanged += 1
                continue
            taken.stated += 1
            held[one.key] = list(found.held)
            replaced |= {it.id for it in found.replaced if it.id is not None}
            written[one.key] = [it for it in found.held if it.id is None]
        Statement.objects.filter(pk__in=replaced).update(known_until=load.received_at)
        write_rows(_row(load, key, it) for key, states in written.items() for it in states)
        kept = Refusal.objects.filter(load=load).count() if refusals else 0
        Refusal.objects.bulk_create(refusals[: max(0, MOST_KEPT - kept)])
        taken.changed = bring_up_to_date(load.dataset, written, today, simulated=simulated)
        load.stated += taken.stated
        load.unchanged += taken.unchanged
        load.refused += taken.refused
        load.save(update_fields=["stated", "unchanged", "refused"])
    return taken


def turn_of_day(dataset: str, day: dt.date, since: dt.date) -> int:
    """Bring up to date the rows whose statements began or ended after `since` up to `day`; return how many changed."""
    live = Statement.objects.filter(dataset=dataset, known_until=None)
    keys = set(live.filter(valid_from__gt=since, valid_from__lte=day).values_list("key", flat=True))
    keys |= set(live.filter(valid_to__gt=since, valid_to__lte=day).values_list("key", flat=True))
    with transaction.atomic():
        hold(dataset)
        return bring_up_to_date(dataset, keys, day) if keys else 0


def _held(load: Load, keys: Iterable[str]) -> dict[str, list[Held]]:
    """Return what the load's authority holds true of some keys."""
    held: dict[str, list[Held]] = {}
    rows = Statement.objects.filter(dataset=load.dataset, authority=load.authority, key__in=keys, known_until=None)
    for one in rows:
        told = _mark(one.load_id)
        held.setdefault(one.key, []).append(Held(one.values, one.valid_from, one.valid_to, one.pk, told, one.line))
    return held


def _is_key(text: str) -> bool:
    """Say whether a text can be a key: one that is kept, and stands in an address."""
    return 0 < len(text) <= LONGEST_KEY and "/" not in text and text.isprintable() and text.strip(". ") != ""


def _said(load: Load, one: Stated, fields: Mapping[str, Any], areas: frozenset[str]) -> Held:
    if not _is_key(one.key):
        words = {"key": repr(one.key[:40]), "count": LONGEST_KEY}
        said = _("编码现为 %(key)s，应为 1 到 %(count)d 个可写入网址的字符，不含斜杠和控制字符。")
        raise Refused(said % words, code="wrong_key")
    values = read_values(fields, one.values)
    area = values.get("area_code")
    if area and area not in areas:
        raise Refused(_("没有区域 %s，也不曾有过；请核对区域编码。") % area, code="unknown_area")
    return Held(values, one.since, one.until, None, _mark(load.pk), one.line)


def _mark(load: int) -> str:
    return f"#{load}"


def _row(load: Load, key: str, one: Held) -> Statement:
    return Statement(
        dataset=load.dataset, key=key, authority=load.authority, values=one.values, valid_from=one.since, valid_to=one.until,
        received_at=load.received_at, load=load, line=one.line,
    )  # fmt: skip


def _known_areas(stated: Sequence[Stated]) -> frozenset[str]:
    asked = {str(area) for one in stated if (area := one.values.get("area_code"))}
    return frozenset(Area.objects.filter(code__in=asked).values_list("code", flat=True)) if asked else frozenset()
